import { setMaxListeners } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { readFaults } from './faults.ts'
import type { Faults, RequestFault } from './faults.ts'
import { spoil } from './spoil.ts'

export interface SimulatorRequest {
  readonly method: string
  readonly path: string
  /** By name, from `:name` in the route's path. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export interface SimulatorAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Objects become JSON; absent is no body. */
  readonly body?: unknown
}

export interface SimulatorRoute {
  readonly method: string
  /** `/crm/v3/objects/contacts/:id` */
  readonly path: string
  readonly handle: (request: SimulatorRequest) => SimulatorAnswer | Promise<SimulatorAnswer>
}

/** What the vendor answers when it is not the handler that does. */
export interface VendorAnswers {
  readonly notFound: (request: SimulatorRequest) => SimulatorAnswer
  /** For a handler's exception that is no answer. */
  readonly failed: (error: unknown) => SimulatorAnswer
  /** For the faults `rate-limit` and `error`. */
  readonly rateLimited: () => SimulatorAnswer
  readonly broken: (status: number) => SimulatorAnswer
}

export interface ServeOptions {
  /** 0 for any free one. */
  readonly port?: number
  readonly routes: readonly SimulatorRoute[]
  readonly faults: Faults
  readonly answers: VendorAnswers
  /**
   * Runs before the handler, after the faults: credentials, limits.
   * @returns an answer to refuse with, or what is to be called once the request is over
   */
  readonly admit?: (request: SimulatorRequest) => SimulatorAnswer | (() => void)
}

export interface Served {
  readonly url: string
  readonly port: number
  readonly requests: RequestLog
  close(): Promise<void>
}

/** How often which route was called, for tests: `GET /tasks/:gid`. Refused requests and faults count too. */
export interface RequestLog {
  readonly total: number
  count(route: string): number
  all(): Readonly<Record<string, number>>
  /** Says that a route was called though no request of its own came (a part of a batch). */
  note(route: string): void
  clear(): void
}

const largestBodyBytes = 8 * 1024 * 1024

/** Serves routes on 127.0.0.1, with faults before them, and `/_simulator/faults` and `/_simulator/requests` beside. */
export async function serve(options: ServeOptions): Promise<Served> {
  const { faults, answers } = options
  const requests = createRequestLog()
  const closing = new AbortController()
  // Every slow answer waits for it.
  setMaxListeners(0, closing.signal)
  const find = routeFinder(options.routes)

  const server = createServer((incoming, outgoing) => {
    // Whoever leaves early is no fault of ours.
    outgoing.on('error', () => undefined)
    answer(incoming, outgoing).catch(() => incoming.destroy())
  })
  server.keepAliveTimeout = 30_000

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    async close() {
      closing.abort()
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await readBody(incoming)
    const url = new URL(incoming.url ?? '/', 'http://127.0.0.1')
    const method = incoming.method ?? 'GET'
    const headers: Record<string, string> = {}
    for (const [name, value] of Object.entries(incoming.headers)) {
      if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
    }
    const bare = { method, path: url.pathname, query: url.searchParams, headers, body, params: {} }
    if (url.pathname.startsWith('/_simulator/')) return send(outgoing, ownAnswer(bare))

    const found = find(method, url.pathname)
    const request = found === null ? bare : { ...bare, params: found.params }
    requests.note(found === null ? `${method} (unknown)` : `${method} ${found.route.path}`)

    const fault = faults.takeForRequest(method, url.pathname)
    if (fault !== null && (await misbehave(fault, outgoing))) return

    const admitted = options.admit?.(request)
    if (typeof admitted === 'object') return send(outgoing, admitted)
    try {
      const handled = found === null ? answers.notFound(request) : await found.route.handle(request)
      if (fault?.kind === 'lose') outgoing.destroy()
      else send(outgoing, fault === null ? handled : spoil(fault.kind, handled))
    } catch (error) {
      send(outgoing, answers.failed(error))
    } finally {
      admitted?.()
    }
  }

  /** @returns whether the request is over */
  async function misbehave(fault: RequestFault, outgoing: ServerResponse): Promise<boolean> {
    switch (fault.kind) {
      case 'rate-limit':
        send(outgoing, answers.rateLimited())
        return true
      case 'error':
        send(outgoing, answers.broken(fault.status ?? 500))
        return true
      case 'html':
        send(outgoing, {
          status: fault.status ?? 200,
          headers: { 'content-type': 'text/html' },
          body: '<html><body><h1>We will be right back</h1></body></html>',
        })
        return true
      case 'drop':
        outgoing.destroy()
        return true
      case 'endless':
        await runOn(outgoing, closing.signal)
        return true
      case 'slow':
        await wait(fault.delayMs ?? 5000, undefined, { signal: closing.signal })
        return false
      case 'lose':
      case 'wrong-types':
      case 'proto':
        return false
    }
  }

  function ownAnswer(request: SimulatorRequest): SimulatorAnswer {
    const what = `${request.method} ${request.path}`
    if (what === 'GET /_simulator/requests') {
      return { status: 200, body: { total: requests.total, routes: requests.all() } }
    }
    if (what === 'DELETE /_simulator/requests') {
      requests.clear()
      return { status: 204 }
    }
    if (what === 'DELETE /_simulator/faults') {
      faults.clear()
      return { status: 204 }
    }
    if (what === 'POST /_simulator/faults') {
      const read = readFaults(parseJson(request.body))
      if (typeof read === 'string') return { status: 400, body: { error: read } }
      faults.add(...read)
      return { status: 204 }
    }
    return { status: 404, body: { error: 'there are /_simulator/faults and /_simulator/requests' } }
  }
}

/** @returns undefined for what is no JSON */
export function parseJson(body: Buffer): unknown {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'))
    return parsed
  } catch {
    return undefined
  }
}

/** Finds the route of a method and path; fixed segments win over `:names`. */
export function routeFinder<Route extends { readonly method: string; readonly path: string }>(
  routes: readonly Route[],
): (method: string, path: string) => { readonly route: Route; readonly params: Record<string, string> } | null {
  const parsed = routes.map(route => ({ route, segments: route.path.split('/') }))
  const names = (segments: readonly string[]) => segments.filter(segment => segment.startsWith(':')).length
  parsed.sort((a, b) => names(a.segments) - names(b.segments))
  return (method, path) => {
    const given = path.split('/')
    for (const { route, segments } of parsed) {
      if (route.method !== method || segments.length !== given.length) continue
      const params: Record<string, string> = {}
      const fits = segments.every((segment, at) => {
        const value = given[at] ?? ''
        if (!segment.startsWith(':')) return segment === value
        params[segment.slice(1)] = decode(value)
        return value !== ''
      })
      if (fits) return { route, params }
    }
    return null
  }
}

function createRequestLog(): RequestLog {
  const counts = new Map<string, number>()
  let total = 0
  return {
    get total() {
      return total
    },
    count: route => counts.get(route) ?? 0,
    all: () => Object.fromEntries(counts),
    note(route) {
      total += 1
      counts.set(route, (counts.get(route) ?? 0) + 1)
    },
    clear() {
      counts.clear()
      total = 0
    },
  }
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of incoming) {
    const part = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))
    bytes += part.length
    if (bytes > largestBodyBytes) throw new Error('body too large')
    chunks.push(part)
  }
  return Buffer.concat(chunks)
}

function send(outgoing: ServerResponse, { status, headers = {}, body }: SimulatorAnswer): void {
  if (outgoing.destroyed) return
  if (body === undefined) {
    outgoing.writeHead(status, headers).end()
    return
  }
  const isRaw = typeof body === 'string' || Buffer.isBuffer(body)
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(isRaw ? body : JSON.stringify(body))
  const type = { 'content-type': 'application/json; charset=utf-8', 'content-length': String(bytes.length) }
  outgoing.writeHead(status, { ...type, ...headers }).end(bytes)
}

/** A JSON text that never ends, until the reader leaves. */
async function runOn(outgoing: ServerResponse, closed: AbortSignal): Promise<void> {
  outgoing.writeHead(200, { 'content-type': 'application/json' })
  outgoing.write('{"data":[')
  const chunk = '"on and on",'.repeat(1000)
  while (!outgoing.destroyed && !closed.aborted) {
    outgoing.write(chunk)
    await wait(10)
  }
  outgoing.destroy()
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
