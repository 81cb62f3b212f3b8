import { createServer } from 'node:http'
import Asana from 'asana'
import { onTestFinished } from 'vitest'
import { z } from 'zod'
import { seedBusiness } from '../core/business.ts'
import { startAsana } from './simulator.ts'
import type { AsanaOptions, AsanaSimulator } from './simulator.ts'

export const now = new Date('2026-06-01T09:00:00.000Z')
export const small = seedBusiness({ seed: 7, customers: 40, orders: 60, jobs: 250, now })
export const hourMs = 3_600_000

export async function world(options: AsanaOptions = {}) {
  let at = now.getTime()
  const clock = () => new Date(at)
  const simulator = await startAsana({ business: small, clock, retryScale: 0, ...options })
  onTestFinished(() => simulator.close())
  return { simulator, sdk: sdkFor(simulator), move: (ms: number) => (at += ms) }
}

export function sdkFor(simulator: AsanaSimulator) {
  const client = new Asana.ApiClient()
  client.basePath = simulator.basePath
  const token = client.authentications['token']
  if (token === undefined) throw new Error('the SDK has no token authentication')
  token.accessToken = simulator.accessToken
  client.RETURN_COLLECTION = false
  return {
    client,
    tasks: new Asana.TasksApi(client),
    sections: new Asana.SectionsApi(client),
    projects: new Asana.ProjectsApi(client),
    fields: new Asana.CustomFieldSettingsApi(client),
    users: new Asana.UsersApi(client),
    batch: new Asana.BatchAPIApi(client),
    events: new Asana.EventsApi(client),
    webhooks: new Asana.WebhooksApi(client),
  }
}

export interface Arrival {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** Somebody who takes webhooks: echoes handshakes, answers `status` to the rest. */
export async function listener(options: { echo?: boolean; status?: () => number } = {}) {
  const arrivals: Arrival[] = []
  const handshakes: Arrival[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const arrival = { headers: request.headers, body: Buffer.concat(chunks).toString('utf8') }
      const secret = request.headers['x-hook-secret']
      if (typeof secret === 'string') {
        handshakes.push(arrival)
        response.writeHead(200, options.echo === false ? {} : { 'x-hook-secret': secret }).end()
        return
      }
      arrivals.push(arrival)
      response.writeHead(options.status?.() ?? 204).end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { url: `http://127.0.0.1:${port}/hook`, arrivals, handshakes }
}

export function get(simulator: AsanaSimulator, path: string, headers: Record<string, string> = {}) {
  return fetch(`${simulator.basePath}${path}`, {
    headers: { authorization: `Bearer ${simulator.accessToken}`, ...headers },
  })
}

const delivered = z.object({
  events: z.array(
    z.object({
      action: z.string(),
      resource: z.object({ resource_type: z.string() }),
      parent: z.object({ resource_type: z.string() }).nullish(),
      change: z.object({ field: z.string() }).optional(),
    }),
  ),
})

/** Each event of the deliveries in short: `changed name`, `removed from section`. */
export function inShort(arrivals: readonly Arrival[], type = 'task'): string[] {
  return arrivals.flatMap(({ body }) => {
    const { events } = delivered.parse(JSON.parse(body))
    return events
      .filter(event => event.resource.resource_type === type)
      .map(event => [event.action, event.change?.field ?? event.parent?.resource_type ?? ''].join(' ').trim())
  })
}
