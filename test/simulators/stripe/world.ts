import { createServer } from 'node:http'
import Stripe from 'stripe'
import { onTestFinished } from 'vitest'
import { seedBusiness } from '../core/business.ts'
import { startStripe } from './simulator.ts'
import type { StripeOptions, StripeSimulator } from './simulator.ts'

export const now = new Date('2026-06-01T09:00:00.000Z')
export const dayMs = 86_400_000
export const small = seedBusiness({ seed: 7, customers: 40, orders: 130, jobs: 10, now })

/** A simulator over the small business, with a clock that stands until it is moved. */
export async function world(options: StripeOptions = {}) {
  let at = now.getTime()
  const clock = () => new Date(at)
  const limits = { perSecond: 1000 }
  const simulator = await startStripe({ business: small, clock, retryScale: 0, limits, ...options })
  onTestFinished(() => simulator.close())
  const sdk = new Stripe(simulator.secretKey, place(simulator))
  return { simulator, sdk, move: (ms: number) => (at += ms) }
}

export function place({ port }: StripeSimulator) {
  return {
    host: '127.0.0.1',
    port,
    protocol: 'http',
    apiVersion: '2026-10-28.endive',
    maxNetworkRetries: 0,
    telemetry: false,
  } as const
}

export interface Arrival {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** Somebody who takes webhooks. */
export async function listener(status: (body: string) => number = () => 200) {
  const arrivals: Arrival[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8')
      arrivals.push({ headers: request.headers, body })
      response.writeHead(status(body)).end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { url: `http://127.0.0.1:${port}/webhooks/stripe`, arrivals }
}

export function typeOf(body: string): string {
  const event: unknown = JSON.parse(body)
  const isTyped = typeof event === 'object' && event !== null && 'type' in event
  return isTyped && typeof event.type === 'string' ? event.type : ''
}

export function typesOf(arrivals: readonly Arrival[]): string[] {
  return arrivals.map(({ body }) => typeOf(body))
}
