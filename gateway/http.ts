import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { HTTPGraphQLRequest } from '@apollo/server'
import type { Log } from '../subgraphs/contract.ts'
import type { Callers } from './callers.ts'
import type { GraphServer } from './graph/server.ts'
import {
  answerType,
  notAcceptable,
  otherMethod,
  readGet,
  readPost,
  sendRefusal,
  sendResult,
  unsupportedBody,
} from './http-graphql.ts'
import {
  headerMap,
  headersOf,
  isRead,
  pathOf,
  readBody,
  sendBusy,
  sendJson,
  sendMetrics,
  sendText,
} from './http-messages.ts'
import { Room } from './http-room.ts'
import { Leaving, type Health } from './leaving.ts'
import type { SocketServer } from './push/socket.ts'

/** Bytes of a GraphQL request. */
const maxGraphQLBytes = 1024 * 1024

/** Bytes of a webhook; vendors send far less. */
export const maxWebhookBytes = 1024 * 1024

/** How long a client may go on sending its request after the end was asked for. */
const lastBytesMs = 2_000

/** How long requests that came whole may run on then: longer than the longest vendor call by default. */
const drainMs = 12_000

/** How long nothing may move on a connection under way; longer than any answer is worked on. */
const stalledAfterMs = 60_000

/** How long a client may take to send its request, and how often that is looked at. */
const requestTimeoutMs = 30_000
const lookAtClientsMs = 2_000

/** Requests under way over one connection: HTTP/1.1 lets clients send on without waiting, though hardly any does. */
const mostOnSocket = 20

/** What a webhook request came to. */
export interface WebhookAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** One plain sentence for whoever reads the vendor's delivery log. */
  readonly text?: string
}

export interface WebhookRequest {
  readonly method: string
  /** The path with its query, as requested. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** A page or file served to browsers. */
export interface Page {
  readonly contentType: string
  readonly body: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

export interface HttpOptions {
  readonly graph: GraphServer
  readonly sockets: SocketServer
  /** Null for an address nobody listens on. */
  webhook(system: string, endpoint: string, request: WebhookRequest): Promise<WebhookAnswer> | null
  health(): Promise<Health>
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>
  /** Told of each webhook request that came to an address of ours, once it is answered. */
  onWebhook?(system: string, status: number, seconds: number): void
  /** Pages for people, by path and the host they are asked for at; none in production. */
  page(path: string, host: string): Promise<Page | null>
  readonly callers: Callers
  /** Whether nothing but /health is answered. */
  readonly isHealthOnly?: boolean
  readonly log: Log
}

/** The HTTP server: routes, limits, and an end that loses no request. */
export interface HttpServer {
  listen(port: number, host: string): Promise<{ readonly port: number }>
  /** Goes on answering, but says not to be ready and ends each connection with its answer: balancers turn to others. */
  retire(): void
  /** Takes no new connection, lets running requests finish, then closes sockets and idle connections. */
  close(): Promise<void>
}

/** Requests under way, by what they are. */
interface Rooms {
  readonly webhooks: Room
  readonly graph: Room
}

export function createHttp(options: HttpOptions): HttpServer {
  const { log, sockets } = options
  const underWay = new Set<IncomingMessage>()
  const leaving = new Leaving()
  const health = async (): Promise<Health> => leaving.judge(await options.health())
  // Whoever fills the one takes nothing of the other.
  const rooms: Rooms = { webhooks: new Room(), graph: new Room() }
  const bySocket = new WeakMap<Socket, number>()
  const server = createServer(
    { requestTimeout: requestTimeoutMs, headersTimeout: 10_000, connectionsCheckingInterval: lookAtClientsMs },
    (request, response) => {
      underWay.add(request)
      leaving.track(response)
      const { socket } = request
      const onSocket = (bySocket.get(socket) ?? 0) + 1
      bySocket.set(socket, onSocket)
      response.once('close', () => {
        underWay.delete(request)
        bySocket.set(socket, (bySocket.get(socket) ?? 1) - 1)
      })
      if (onSocket > mostOnSocket) {
        // Answers wait for those before them, and whoever pipelines without reading would have us keep them all.
        socket.destroy()
        return
      }
      answer({ ...options, health }, rooms, request, response).catch((error: unknown) => {
        log.error({ err: error }, 'a request failed')
        if (!response.headersSent) sendText(response, 500, 'Something went wrong here.\n')
        else response.destroy()
      })
    },
  )
  // A client that reads nothing of its answer, or sends nothing more of its request.
  server.setTimeout(stalledAfterMs)
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy())
    if (pathOf(request) !== '/graphql' || options.isHealthOnly === true) refuse(socket, '404 Not Found')
    else if (mayAsk(options, request)) sockets.upgrade(request, socket, head)
    else refuse(socket, '403 Forbidden')
  })
  server.on('clientError', (_error, socket) => {
    if (socket.writable) refuse(socket, '400 Bad Request')
    else socket.destroy()
  })
  return {
    listen: (port, host) => listening(server, port, host),
    retire: () => leaving.begin(),
    async close() {
      leaving.begin()
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      const startedAt = performance.now()
      await sockets.close()
      // Whoever is answered, or has sent nothing yet, is let go of; a client that sends half a request is not waited for.
      const isAwaited = (request: IncomingMessage): boolean =>
        performance.now() - startedAt < (request.complete ? drainMs : lastBytesMs)
      const letGo = (): void => {
        server.closeIdleConnections()
        if (![...underWay].some(isAwaited)) server.closeAllConnections()
      }
      const timer = setInterval(letGo, 50)
      letGo()
      await closed
      clearInterval(timer)
    },
  }
}

/** @throws Error that says what to do about it, when it cannot be listened there */
export async function listening(server: Server, port: number, host: string): Promise<{ readonly port: number }> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(listenError(error, port, host)))
    server.listen(port, host, resolve)
  })
  return { port: portOf(server, port) }
}

/**
 * Finds out whether a process may listen there, before it makes a store or asks a tool.
 * @param port 0 for any, which is always free
 * @throws Error that says what to do about it
 */
export async function assertFree(port: number, host: string): Promise<void> {
  if (port === 0) return
  const probe = createServer()
  await listening(probe, port, host)
  await new Promise<void>(resolve => probe.close(() => resolve()))
}

/** Ends the connection with a status; a client that does not end its side is not waited for. */
function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`, () => socket.destroy())
}

/** What the operator can do about it, rather than the operating system's code alone. */
function listenError(cause: Error, port: number, host: string): Error {
  const code = 'code' in cause ? cause.code : null
  if (code === 'EADDRINUSE') {
    return new Error(`port ${port} of ${host} is taken by another process: end that one, or set PORT to another port`, {
      cause,
    })
  }
  if (code === 'EACCES') return new Error(`port ${port} may not be listened on: set PORT to one above 1023`, { cause })
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new Error(`${host} is no address of this machine: set HOST to one, for example 127.0.0.1`, { cause })
  }
  return cause
}

function portOf(server: Server, asked: number): number {
  const address: AddressInfo | string | null = server.address()
  return typeof address === 'object' && address !== null ? address.port : asked
}

async function answer(
  options: HttpOptions,
  rooms: Rooms,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  response.setHeader('X-Content-Type-Options', 'nosniff')
  const path = pathOf(request)
  if (path === '/health/live') return sendJson(response, 200, { status: 'live' })
  if (path === '/health/ready') {
    const health = await options.health()
    return sendJson(response, health.isReady ? 200 : 503, {
      status: health.isReady ? 'ready' : 'not ready',
      parts: health.parts,
    })
  }
  if (path === '/metrics' && isRead(request) && options.callers.allowsHost(request.headers.host ?? '')) {
    return sendMetrics(response, await options.metrics())
  }
  if (options.isHealthOnly === true)
    return sendText(response, 404, 'This process is a worker; it answers /health and /metrics only.\n')
  if (path.startsWith('/webhooks/')) return answerWebhook(options, rooms.webhooks, request, response, path)
  if (path === '/graphql') return answerGraphQL(options, rooms.graph, request, response)
  const { host = '' } = request.headers
  const page = isRead(request) && options.callers.allowsHost(host) ? await options.page(path, host) : null
  if (page !== null) return sendPage(request, response, page)
  // Some balancers ask here whether we live, and others than our own people may: no word of what runs.
  if (path === '/' && isRead(request))
    return sendText(response, 200, 'The graph is at /graphql, its health at /health/ready.\n')
  sendText(response, 404, 'There is nothing here. The graph is at /graphql.\n')
}

async function answerWebhook(
  options: HttpOptions,
  room: Room,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<void> {
  const startedAt = performance.now()
  const [system = '', ...rest] = path.slice('/webhooks/'.length).split('/')
  if (request.method !== 'POST') {
    response.setHeader('Allow', 'POST')
    return sendText(response, 405, 'Webhooks are sent with POST.\n')
  }
  const body = await readBody(request, maxWebhookBytes)
  if (body === 'too large') return sendText(response, 413, `A webhook may hold at most ${maxWebhookBytes} bytes.\n`)
  if (body === 'cut off') return
  const leave = room.enter(body.length)
  if (leave === null) return sendBusy(response)
  try {
    const result = options.webhook(system, rest.join('/'), {
      method: 'POST',
      path: request.url ?? path,
      headers: headersOf(request),
      body,
    })
    if (result === null) return sendText(response, 404, 'No webhook is expected here.\n')
    const { status, headers = {}, text } = await result
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    sendText(response, status, text === undefined ? '' : `${text}\n`)
    options.onWebhook?.(system, status, (performance.now() - startedAt) / 1000)
  } finally {
    leave()
  }
}

async function answerGraphQL(
  options: HttpOptions,
  room: Room,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { host = '' } = request.headers
  if (!options.callers.allowsHost(host)) {
    const message = 'This process is not called by that name: set PUBLIC_URL to the address you use.'
    return sendRefusal(response, { status: 403, message })
  }
  allowOrigin(options, request, response)
  if (request.method === 'OPTIONS') {
    response.writeHead(204).end()
    return
  }
  if (!isRead(request) && request.method !== 'POST') {
    response.setHeader('Allow', 'GET, POST')
    return sendRefusal(response, otherMethod)
  }
  if (isRead(request) && wantsPage(request)) {
    const page = await options.page('/graphql', host)
    if (page !== null) return sendPage(request, response, page)
    return sendText(
      response,
      404,
      'The graph answers POST requests and websockets here. npm run dev and npm run demo have a page.\n',
    )
  }
  // Before anything is done: what was done and cannot be answered would be done again.
  if (answerType(request) === null) return sendRefusal(response, notAcceptable)
  if (request.method !== 'POST') return executeGraphQL(options, request, Buffer.alloc(0), response)
  const unsupported = unsupportedBody(request)
  if (unsupported !== null) return sendRefusal(response, unsupported)
  const read = await readBody(request, maxGraphQLBytes)
  if (read === 'too large')
    return sendRefusal(response, { status: 413, message: `A request may hold at most ${maxGraphQLBytes} bytes.` })
  if (read === 'cut off') return
  const leave = room.enter(read.length)
  if (leave === null) return sendBusy(response)
  try {
    await executeGraphQL(options, request, read, response)
  } finally {
    leave()
  }
}

async function executeGraphQL(
  options: HttpOptions,
  request: IncomingMessage,
  read: Buffer,
  response: ServerResponse,
): Promise<void> {
  const { method = 'POST' } = request
  const body = method === 'POST' ? readPost(read) : { ok: {} }
  if ('refused' in body) return sendRefusal(response, body.refused)
  const search = readGet(request)
  if ('refused' in search) return sendRefusal(response, search.refused)
  const left = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) left.abort()
  })
  const headers = headerMap(request)
  // A word for Apollo's check, which knows nothing of who may ask here.
  if (method === 'GET' && options.callers.allowsGet(request.headers)) headers.set('apollo-require-preflight', 'true')
  const asked: HTTPGraphQLRequest = { method, headers, body: body.ok, search: search.ok }
  return sendResult(response, await options.graph.http(asked, { connection: request.socket, clientLeft: left.signal }))
}

function wantsPage(request: IncomingMessage): boolean {
  return (request.headers.accept ?? '').includes('text/html') && !(request.url ?? '').includes('query=')
}

/** Browsers let any page open a websocket to any address, and leave it to the server to look where the page is from. */
function mayAsk({ callers }: HttpOptions, request: IncomingMessage): boolean {
  const { origin, host = '' } = request.headers
  if (!callers.allowsHost(host)) return false
  return (
    origin === undefined || callers.allowsOrigin(origin) || origin === `http://${host}` || origin === `https://${host}`
  )
}

function allowOrigin({ callers }: HttpOptions, request: IncomingMessage, response: ServerResponse): void {
  const { origin } = request.headers
  response.setHeader('Vary', 'Origin, Accept')
  if (origin === undefined || !callers.allowsOrigin(origin)) return
  response.setHeader('Access-Control-Allow-Origin', origin)
  if (callers.allowsCredentials(origin)) response.setHeader('Access-Control-Allow-Credentials', 'true')
  response.setHeader('Access-Control-Allow-Methods', 'GET, POST, OPTIONS')
  response.setHeader(
    'Access-Control-Allow-Headers',
    request.headers['access-control-request-headers'] ?? 'content-type',
  )
  response.setHeader('Access-Control-Max-Age', '600')
  if (request.headers['access-control-request-private-network'] === 'true') {
    response.setHeader('Access-Control-Allow-Private-Network', 'true')
  }
}

function sendPage(request: IncomingMessage, response: ServerResponse, page: Page): void {
  response.statusCode = 200
  response.setHeader('Content-Type', page.contentType)
  response.setHeader('Content-Length', Buffer.byteLength(page.body))
  for (const [name, value] of Object.entries(page.headers ?? {})) response.setHeader(name, value)
  response.end(request.method === 'HEAD' ? undefined : page.body)
}
