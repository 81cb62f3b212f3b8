import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { HTTPGraphQLRequest, HTTPGraphQLResponse } from '@apollo/server'
import type { Log, Received } from '../../subgraphs/contract.ts'
import type { Callers } from '../callers.ts'
import { listening, type Health } from '../http.ts'
import { Leaving } from '../leaving.ts'
import {
  headerMap,
  headersOf,
  isRead,
  parseBody,
  pathOf,
  problem,
  readBody,
  sendBusy,
  sendJson,
  sendMetrics,
  sendText,
} from '../http-messages.ts'

/** Bytes of a request: representations of many entities at once. */
const maxBytes = 10 * 1024 * 1024

/** How long requests may run on once the end was asked for. */
const drainMs = 12_000

/** A request with all that its signature is over. */
export interface SignedRequest {
  readonly request: HTTPGraphQLRequest
  readonly received: Received
  /** Aborted when the gateway went away before its answer. */
  readonly left: AbortSignal
}

export type SubgraphAnswer = { readonly response: HTTPGraphQLResponse } | { readonly refused: string }

export interface SubgraphHttpOptions {
  answer(request: SignedRequest): Promise<SubgraphAnswer>
  health(): Promise<Health>
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>
  /** By which names the metrics may be asked for. */
  readonly callers: Callers
  readonly log: Log
}

/** The HTTP server of a role that runs alone: signed POST requests to /graphql, /health and /metrics. */
export function createSubgraphHttp(options: SubgraphHttpOptions) {
  const leaving = new Leaving()
  const health = async (): Promise<Health> => leaving.judge(await options.health())
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, (request, response) => {
    leaving.track(response)
    route({ ...options, health }, request, response).catch((error: unknown) => {
      options.log.error({ err: error }, 'a request failed')
      if (response.headersSent) response.destroy()
      else sendText(response, 500, 'Something went wrong here.\n')
    })
  })
  return {
    listen: (port: number, host: string) => listening(server, port, host),
    /** Goes on answering, but says not to be ready and ends each connection with its answer. */
    retire: () => leaving.begin(),
    /** Lets running requests finish. */
    async close(): Promise<void> {
      leaving.begin()
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      const late = setTimeout(() => server.closeAllConnections(), drainMs)
      const idle = setInterval(() => server.closeIdleConnections(), 50)
      await closed
      clearTimeout(late)
      clearInterval(idle)
    },
  }
}

async function route(options: SubgraphHttpOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = pathOf(request)
  if (path === '/health/live') return sendJson(response, 200, { status: 'live' })
  if (path === '/health/ready') {
    const { isReady, parts } = await options.health()
    return sendJson(response, isReady ? 200 : 503, { status: isReady ? 'ready' : 'not ready', parts })
  }
  if (path === '/metrics' && isRead(request) && options.callers.allowsHost(request.headers.host ?? '')) {
    return sendMetrics(response, await options.metrics())
  }
  if (path !== '/graphql') return sendText(response, 404, 'There is nothing here. The subgraph is at /graphql.\n')
  if (request.method !== 'POST') {
    response.setHeader('Allow', 'POST')
    return sendText(response, 405, 'A gateway asks with POST.\n')
  }
  const read = await readBody(request, maxBytes)
  if (read === 'too large')
    return sendJson(response, 413, problem(`A request may hold at most ${maxBytes} bytes.`), true)
  if (read === 'cut off') return
  if (read === 'no room') return sendBusy(response)
  const body = parseBody(request, read)
  if (body === undefined) {
    return sendJson(response, 400, problem('Expected a JSON body with "query", sent as application/json.'))
  }
  const left = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) left.abort()
  })
  const answer = await options.answer({
    request: { method: 'POST', headers: headerMap(request), body, search: '' },
    received: { method: 'POST', endpoint: '', url: path, headers: headersOf(request), body: read },
    left: left.signal,
  })
  if ('refused' in answer) return sendJson(response, 401, problem(answer.refused, 'UNAUTHENTICATED'))
  const { status, headers, body: answered } = answer.response
  for (const [name, value] of headers) response.setHeader(name, value)
  response.statusCode = status ?? 200
  if (answered.kind === 'complete') {
    response.end(answered.string)
    return
  }
  for await (const chunk of answered.asyncIterator) response.write(chunk)
  response.end()
}
