import { createServer } from 'node:http'
import { Client } from '@hubspot/api-client'
import { onTestFinished } from 'vitest'
import { seedBusiness } from '../core/business.ts'
import { startHubspot } from './simulator.ts'
import type { HubspotOptions, HubspotSimulator } from './simulator.ts'

/** When the clock of a test begins. */
export const now = new Date('2026-06-01T09:00:00.000Z')
export const small = seedBusiness({ seed: 7, customers: 150, orders: 0, jobs: 0, now })

/** A simulator over the small business, with a clock that stands until it is moved. */
export async function world(options: HubspotOptions = {}) {
  let at = now.getTime()
  const clock = () => new Date(at)
  const simulator = await startHubspot({ business: small, clock, retryScale: 0, ...options })
  onTestFinished(() => simulator.close())
  const client = new Client({
    accessToken: simulator.accessToken,
    basePath: simulator.url,
    numberOfApiCallRetries: 0,
    limiterOptions: { minTime: 0, maxConcurrent: 50 },
  })
  return { simulator, client, sdk: client.crm.contacts, move: (ms: number) => (at += ms) }
}

/** A world whose webhooks somebody takes. */
export async function hooked({ status, ...options }: HubspotOptions & { status?: () => number } = {}) {
  const { url, arrivals } = await listener(status)
  return { ...(await world({ webhookUrl: url, ...options })), arrivals, hookUrl: url }
}

export interface Arrival {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

async function listener(status: () => number = () => 204) {
  const arrivals: Arrival[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      arrivals.push({ headers: request.headers, body: Buffer.concat(chunks).toString('utf8') })
      response.writeHead(status()).end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { url: `http://127.0.0.1:${port}/webhooks/hubspot`, arrivals }
}

/** One request past the SDK. */
export function call(simulator: HubspotSimulator, method: string, route: string, body?: string) {
  const headers = { authorization: `Bearer ${simulator.accessToken}`, 'content-type': 'application/json' }
  return fetch(`${simulator.url}${route}`, { method, headers, body })
}
