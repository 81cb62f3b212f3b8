import { createServer, type IncomingMessage, type Server } from 'node:http'
import { z } from 'zod'
import { signBody } from '../../simulators/asana/sign.ts'
import { signV3 } from '../../simulators/hubspot/sign.ts'
import type { Simulators } from '../../simulators/start.ts'
import { signatureOf } from '../../simulators/stripe/sign.ts'

export type Tool = 'hubspot' | 'stripe' | 'asana'

/** A webhook of a tool, to be sent once, again, late, or forged. */
export interface News {
  readonly tool: Tool
  /** The records its entries tell of, each as often as it is told of. */
  readonly records: readonly string[]
  readonly entries: number
  readonly body: string
}

const events = {
  hubspot: z.array(z.looseObject({ objectId: z.number(), mergedObjectIds: z.array(z.number()).optional() })),
  stripe: z.looseObject({ data: z.object({ object: z.looseObject({ id: z.string() }) }) }),
  asana: z.object({ events: z.array(z.looseObject({ resource: z.looseObject({ gid: z.string() }) })) }),
}

/**
 * Where the tools send their webhooks: each is answered at once and handed on, one event a request where a tool collects
 * several. What else comes here, a handshake, is passed on to the gateway.
 */
export class NewsDesk {
  readonly #server: Server
  /** Of the gateway, once it runs. */
  gatewayUrl = ''
  onNews: (news: News) => void = () => undefined

  constructor() {
    this.#server = createServer((request, response) => {
      void bodyOf(request).then(async body => {
        const path = request.url ?? '/'
        if (request.headers['x-hook-secret'] !== undefined) {
          const secret = String(request.headers['x-hook-secret'])
          const passed = await fetch(`${this.gatewayUrl}${path}`, {
            method: 'POST',
            headers: { 'x-hook-secret': secret },
          })
          response.writeHead(passed.status, { 'x-hook-secret': passed.headers.get('x-hook-secret') ?? '' }).end()
          return
        }
        for (const news of newsIn(path, body)) this.onNews(news)
        response.writeHead(200).end()
      })
    })
  }

  /** @returns its URL */
  async listen(): Promise<string> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('expected a port of this machine')
    return `http://127.0.0.1:${address.port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }
}

/** The news with another record in its place, as a forger would write them. */
export function forged({ tool, records, entries, body }: News, number: number): News {
  const stranger = tool === 'stripe' ? `forged_${number}` : String(900_000 + number)
  const [record = ''] = records
  return { tool, records: [stranger], entries, body: body.replaceAll(record, stranger) }
}

/** How it is sent to `url`, signed as of now. */
export function signed(
  { tool, body }: News,
  { hubspot, stripe, asana }: Simulators,
  publicUrl: string,
  isForged: boolean,
): { readonly path: string; readonly headers: Readonly<Record<string, string>> } {
  if (tool === 'stripe') {
    const secret = isForged ? 'whsec_wrong' : stripe.webhookSecret
    return { path: '/webhooks/stripe', headers: { 'stripe-signature': signatureOf(secret, body, new Date()) } }
  }
  if (tool === 'asana') {
    const secret = isForged ? 'wrong' : (asana.webhooks.all[0]?.secret ?? '')
    return { path: '/webhooks/asana/99', headers: { 'x-hook-signature': signBody(secret, body) } }
  }
  const timestamp = String(Date.now())
  const secret = isForged ? 'wrong' : hubspot.clientSecret
  const path = '/webhooks/hubspot'
  const signature = signV3(secret, { method: 'POST', url: `${publicUrl}${path}`, body, timestamp })
  return { path, headers: { 'x-hubspot-request-timestamp': timestamp, 'x-hubspot-signature-v3': signature } }
}

function newsIn(path: string, body: string): readonly News[] {
  const value: unknown = JSON.parse(body)
  if (path.startsWith('/webhooks/stripe')) {
    return [{ tool: 'stripe', records: [events.stripe.parse(value).data.object.id], entries: 1, body }]
  }
  if (path.startsWith('/webhooks/asana')) {
    const records = events.asana.parse(value).events.map(({ resource }) => resource.gid)
    return records.length === 0 ? [] : [{ tool: 'asana', records, entries: records.length, body }]
  }
  return events.hubspot.parse(value).map(event => ({
    tool: 'hubspot',
    records: [event.objectId, ...(event.mergedObjectIds ?? [])].map(String),
    entries: 1,
    body: JSON.stringify([event]),
  }))
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) if (Buffer.isBuffer(part)) parts.push(part)
  return Buffer.concat(parts).toString()
}
