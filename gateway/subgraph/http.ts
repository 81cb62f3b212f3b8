import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { HTTPGraphQLRequest, HTTPGraphQLResponse } from '@apollo/server'
import type { Log, Received, RefusalReason, Verdict } from '../../subgraphs/contract.ts'
import type { Callers } from '../callers.ts'
import { listening } from '../http.ts'
import { Leaving, type Health } from '../leaving.ts'
import { readPost, sendRefusal, sendResult, unsupportedBody } from '../http-graphql.ts'
import { headerMap, headersOf, isRead, pathOf, readBody, sendJson, sendMetrics, sendText } from '../http-messages.ts'

/** Bytes of a request: representations of many entities at once. */
const maxBytes = 10 * 1024 * 1024

/** How long requests may run on once the end was asked for. */
const drainMs = 12_000

/** Why a request is refused, for whoever runs the gateway that sent it. */
const refusals: Readonly<Record<RefusalReason, string>> = {
  'signature-missing': 'Expected the header livegraph-signature: t=<seconds since 1970>,v1=<hex>.',
  'signature-malformed': 'The header livegraph-signature is not of the form t=<seconds since 1970>,v1=<hex>.',
  'signature-wrong': 'The signature fits none of the values in SUBGRAPH_SECRETS.',
  'time-out-of-window': 'The signature is older or newer than a minute: look at the clocks.',
}

export interface SubgraphHttpOptions {
  verify(received: Received): Verdict
  /** @param left aborted when the gateway went away before its answer */
  answer(request: HTTPGraphQLRequest, left: AbortSignal): Promise<HTTPGraphQLResponse>
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
  const signed = { method: 'POST', endpoint: '', url: path, headers: headersOf(request) }
  const refuse = (reason: RefusalReason): void => {
    options.log.warn({ reason }, "a gateway's request was refused")
    sendRefusal(response, { status: 401, message: refusals[reason], code: 'UNAUTHENTICATED' })
  }
  // Strangers are not read to the end: a signature that is not there fits no body.
  const bare = options.verify({ ...signed, body: Buffer.alloc(0) })
  if (!bare.genuine && bare.reason !== 'signature-wrong') return refuse(bare.reason)
  const unsupported = unsupportedBody(request)
  if (unsupported !== null) return sendRefusal(response, unsupported)
  const read = await readBody(request, maxBytes)
  if (read === 'too large')
    return sendRefusal(response, { status: 413, message: `A request may hold at most ${maxBytes} bytes.` })
  if (read === 'cut off') return
  const verdict = options.verify({ ...signed, body: read })
  if (!verdict.genuine) return refuse(verdict.reason)
  const body = readPost(read)
  if ('refused' in body) return sendRefusal(response, body.refused)
  const left = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) left.abort()
  })
  const asked: HTTPGraphQLRequest = { method: 'POST', headers: headerMap(request), body: body.ok, search: '' }
  return sendResult(response, await options.answer(asked, left.signal))
}
