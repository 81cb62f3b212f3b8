import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { onTestFinished } from 'vitest'

/** A request as a vendor sees it. */
export interface VendorRequest {
  readonly method: string
  /** Without the query, as it came: percent-encoded. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

export interface VendorAnswer {
  /** 200 when absent. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as it is when it is text, else as JSON. */
  readonly body: unknown
  /** How long the vendor takes. */
  readonly delayMs?: number
}

/** @returns undefined for what this one does not answer */
export type Answer = (request: VendorRequest) => VendorAnswer | undefined | Promise<VendorAnswer | undefined>

export interface VendorServer {
  readonly url: string
  /** Everything that was asked, oldest first. */
  readonly requests: readonly VendorRequest[]
}

/**
 * Serves hand-made answers of a vendor: the first of `answers` that answers a request does so, else 404. It knows nothing of our
 * stand-ins, so that a belief that they and the product share can be seen to be wrong.
 */
export async function startVendorServer(...answers: readonly Answer[]): Promise<VendorServer> {
  const requests: VendorRequest[] = []
  const server = createServer((incoming, response) => {
    void (async () => {
      const sent = await text(incoming)
      const url = new URL(incoming.url ?? '/', 'http://vendor')
      const request = {
        method: incoming.method ?? 'GET',
        path: url.pathname,
        query: url.searchParams,
        headers: incoming.headers,
        body: sent,
      }
      requests.push(request)
      let answer: VendorAnswer | undefined
      for (const one of answers) if ((answer = await one(request)) !== undefined) break
      const {
        status = 200,
        headers = {},
        body,
        delayMs = 0,
      } = answer ?? { status: 404, body: { message: 'no such path' } }
      if (delayMs > 0) await setTimeout(delayMs)
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      response.end(status === 204 ? undefined : typeof body === 'string' ? body : JSON.stringify(body))
    })().catch(() => response.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('expected a port')
  return { url: `http://127.0.0.1:${address.port}`, requests }
}
