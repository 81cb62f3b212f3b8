import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, type Client } from 'graphql-ws'
import { onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { readConfig } from '../../gateway/config.ts'
import { startGateway, type Gateway } from '../../gateway/gateway.ts'
import { registry } from '../../subgraphs/registry.ts'
import type { Clock, Log } from '../../subgraphs/contract.ts'
import { seedBusiness, type BusinessOptions } from '../simulators/core/business.ts'
import { startSimulators, type Simulators, type SimulatorsOptions } from '../simulators/start.ts'
import { toolsEnvironment } from './environment.ts'

export interface WorldOptions {
  readonly business?: BusinessOptions
  readonly environment?: Readonly<Record<string, string>>
  /** Whether the first import is waited for. */
  readonly waitsForImport?: boolean
  /** Whether Asana's webhooks are registered; they are, unless false. */
  readonly connectsAsana?: boolean
  /** The store's URL; a file of its own in a folder of its own when absent. */
  readonly storeUrl?: string
  /** As in demo and development, unless false: as in production. */
  readonly isExplorable?: boolean
  /** The zone in which Asana gives the day of an instant; UTC when absent. */
  readonly zone?: string
  /** How Stripe sends its events; whole when absent. */
  readonly stripeEvents?: SimulatorsOptions['stripeEvents']
  /** Whether Stripe has one of everything that is rare. */
  readonly hasExamples?: boolean
  /** The gateway's; the tools go by the machine's. */
  readonly clock?: Clock
  /** Called before the gateway starts: for faults that are there from the beginning. */
  readonly prepare?: (tools: Simulators) => void
}

export interface GraphQLAnswer {
  readonly status: number
  readonly data: unknown
  readonly errors: readonly {
    readonly message: string
    readonly path?: readonly (string | number)[]
    readonly extensions?: Record<string, unknown>
  }[]
  readonly extensions: Record<string, unknown>
}

export interface LogLine {
  readonly level: string
  readonly fields: object
  readonly message: string
}

/** One gateway and how it is spoken to. */
export interface Served {
  readonly gateway: Gateway
  ask(query: string, variables?: object, headers?: Readonly<Record<string, string>>): Promise<GraphQLAnswer>
  /** Asks, and fails on any error of the answer. */
  data(query: string, variables?: object): Promise<unknown>
  subscribe(query: string, variables?: Record<string, unknown>): Frames
  client(): Client
  post(
    path: string,
    request: { readonly headers: Readonly<Record<string, string>>; readonly body: string | Buffer },
  ): Promise<Response>
}

export interface World extends Served {
  readonly tools: Simulators
  /** Of all gateways. */
  readonly log: readonly LogLine[]
  /** Resolves once every webhook the tools have to send was sent and worked on. */
  settled(): Promise<void>
  /** Starts one more gateway on the same tools and store; the store must be one that processes share. */
  join(environment?: Readonly<Record<string, string>>): Promise<Served>
}

/** The frames of one subscription, as they come. */
export interface Frames {
  next(): Promise<Record<string, unknown>>
  /** Frames that came and were not read yet. */
  readonly waiting: readonly unknown[]
  end(): void
}

const answer = z.object({
  data: z.unknown().default(null),
  errors: z
    .array(
      z.object({
        message: z.string(),
        path: z.array(z.union([z.string(), z.number()])).optional(),
        extensions: z.record(z.string(), z.unknown()).optional(),
      }),
    )
    .default([]),
  extensions: z.record(z.string(), z.unknown()).default({}),
})

/** Gateway and tools on free ports, with a small business; ends itself with the test. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'livegraph-'))
  const log: LogLine[] = []
  const port = await freePort()
  const tools = await startSimulators({
    business: seedBusiness({ customers: 20, orders: 60, jobs: 50, now: new Date(), ...options.business }),
    webhookBase: `http://127.0.0.1:${port}`,
    zone: options.zone,
    stripeEvents: options.stripeEvents,
    hasExamples: options.hasExamples,
    openDoor: true,
    retryScale: 0.001,
  })
  options.prepare?.(tools)
  const gateway = await openGateway(options, tools, { port, folder, log }).catch(async (error: unknown) => {
    await tools.close()
    throw error
  })
  const clients: Client[] = []
  const gateways = [gateway]
  onTestFinished(async () => {
    for (const client of clients) await client.dispose()
    for (const one of gateways) await one.close()
    const canaries = canariesOf(tools)
    await tools.close()
    rmSync(folder, { recursive: true, force: true })
    const leaked = log.filter(line => canaries.some(canary => textOf(line).includes(canary)))
    if (leaked.length > 0) throw new Error(`the log holds secrets or personal data: ${leaked.map(textOf).join('\n')}`)
  })
  if (options.waitsForImport !== false) await gateway.importing.ended()
  // Asana hands out its secret in a handshake.
  if (options.connectsAsana !== false && (await gateway.connect('asana', () => undefined)) !== 'done')
    throw new Error('Asana could not be connected')

  return {
    ...serve(gateway, clients),
    tools,
    log,
    async settled() {
      await tools.hubspot.webhooks.idle()
      await tools.stripe.webhooks.idle()
      await tools.asana.webhooks.idle()
      for (const { processor } of gateways) await processor.idle()
    },
    async join(environment = {}) {
      // Vendors know one address, which a proxy shares out.
      const shared = { PUBLIC_URL: gateway.url, ...options.environment, ...environment }
      const joined = { ...options, environment: shared }
      const one = await openGateway(joined, tools, { port: await freePort(), folder, log })
      gateways.push(one)
      return serve(one, clients)
    },
  }
}

export function serve(gateway: Gateway, clients: Client[]): Served {
  const served: Served = {
    gateway,
    async ask(query, variables = {}, headers = {}) {
      const response = await fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        // Of what is wrong with an operation the status tells in this type only.
        headers: { accept: 'application/graphql-response+json', 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query, variables }),
      })
      const body: unknown = await response.json()
      return { status: response.status, ...answer.parse(body) }
    },
    async data(query, variables) {
      const { data, errors } = await served.ask(query, variables)
      if (errors.length > 0) throw new Error(`the answer has errors: ${JSON.stringify(errors)}`)
      return data
    },
    client() {
      const client = createClient({
        url: `${gateway.url.replace('http', 'ws')}/graphql`,
        webSocketImpl: WebSocket,
        retryAttempts: 0,
      })
      clients.push(client)
      return client
    },
    subscribe(query, variables) {
      return framesOf(served.client(), query, variables)
    },
    post(path, { headers, body }) {
      return fetch(`${gateway.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : new Uint8Array(body),
      })
    },
  }
  return served
}

async function openGateway(
  { environment = {}, storeUrl, isExplorable = true, clock }: WorldOptions,
  tools: Simulators,
  { port, folder, log }: { readonly port: number; readonly folder: string; readonly log: LogLine[] },
): Promise<Gateway> {
  const read = readConfig(
    {
      PORT: String(port),
      STORE_URL: storeUrl ?? `sqlite:${join(folder, 'graph.db')}`,
      ...toolsEnvironment(tools),
      // What comes is what webhooks bring; tests of sweeps ask for them.
      SWEEP_EVERY_SECONDS: '0',
      ...environment,
    },
    registry,
    { isExplorable, isTerminal: false },
  )
  if (!read.ok) throw new Error(`settings: ${JSON.stringify(read.faults)}`)
  return startGateway(read.config, { log: recorder(log), clock })
}

/** What no line of the log may hold: the secrets, and whatever the tools know of people. */
export function canariesOf({ hubspot, stripe, asana }: Simulators): readonly string[] {
  const handshakes = asana.webhooks.all.map(({ secret }) => secret)
  const secrets = [
    hubspot.accessToken,
    hubspot.clientSecret,
    stripe.secretKey,
    stripe.webhookSecret,
    asana.accessToken,
    ...handshakes,
  ]
  const people = hubspot
    .snapshot()
    .contacts.flatMap(({ properties: { email, phone, lastname } }) => [email, phone, lastname && ` ${lastname}`])
  return [...secrets, ...people].filter(canary => canary != null).filter(canary => canary.length > 5)
}

function textOf({ fields, message }: LogLine): string {
  const plain = (_key: string, value: unknown): unknown =>
    value instanceof Error ? [value.name, value.message, value.stack, value.cause] : value
  return `${message} ${JSON.stringify(fields, plain)}`
}

export function recorder(lines: LogLine[]): Log {
  const at = (level: string) => (fields: object, message?: string) =>
    void lines.push({ level, fields, message: message ?? '' })
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function framesOf(client: Client, query: string, variables?: Record<string, unknown>): Frames {
  const came: Record<string, unknown>[] = []
  const readers: { resolve(frame: Record<string, unknown>): void; reject(error: Error): void }[] = []
  let ended: Error | null = null
  const end = client.subscribe(
    { query, variables },
    {
      next(frame) {
        const value = { ...frame }
        const reader = readers.shift()
        if (reader === undefined) came.push(value)
        else reader.resolve(value)
      },
      error: reason => finish(new Error(`the subscription failed: ${describe(reason)}`)),
      complete: () => finish(new Error('the subscription is over')),
    },
  )
  return {
    waiting: came,
    next() {
      const frame = came.shift()
      if (frame !== undefined) return Promise.resolve(frame)
      if (ended !== null) return Promise.reject(ended)
      return new Promise((resolve, reject) => readers.push({ resolve, reject }))
    },
    end,
  }

  function finish(error: Error): void {
    ended = error
    for (const reader of readers.splice(0)) reader.reject(error)
  }
}

function describe(reason: unknown): string {
  if (reason instanceof Error) return reason.message
  if (typeof reason === 'object' && reason !== null && 'code' in reason) return `closed with ${String(reason.code)}`
  return JSON.stringify(reason)
}

/** Below the ports that the system hands out for connections: one of those may be taken between here and its use. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000)
    const isFree = await new Promise<boolean>(resolve => {
      const server = createServer()
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}
