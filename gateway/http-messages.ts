import type { IncomingMessage, ServerResponse } from 'node:http'
import { HeaderMap } from '@apollo/server'
import { Lingering } from './http-room.ts'

// Reading requests and sending answers, the same for every server of ours.

/** Bytes of requests that did not come whole yet, in all: nobody knows yet who sends them. */
const mostUnfinishedBytes = 128 * 1024 * 1024
const unfinished = new Lingering<IncomingMessage>(mostUnfinishedBytes)

/** Bytes of answers that their clients do not read, in all. */
const mostUnreadBytes = 128 * 1024 * 1024
const unread = new Lingering<ServerResponse>(mostUnreadBytes)

/** How long, and how much, is read on and dropped of a request that was answered before its end. */
const droppedForMs = 5_000
const mostDroppedBytes = 64 * 1024 * 1024

export function sendBusy(response: ServerResponse): void {
  response.setHeader('Retry-After', '1')
  sendText(response, 503, 'Too many requests at the moment.\n')
}

/** Reads at most `limit` bytes; what comes beyond is not kept. `cut off` too when it is let go of, for too much is half sent in all. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer | 'too large' | 'cut off'> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return 'too large'
  const chunks: Buffer[] = []
  let size = 0
  try {
    // Not destroyed when it is too large: its answer would be cut off with it.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))
      size += bytes.length
      if (size > limit) return 'too large'
      chunks.push(bytes)
      unfinished.add(request, bytes.length)
    }
  } catch {
    return 'cut off'
  } finally {
    unfinished.remove(request)
  }
  return Buffer.concat(chunks, size)
}

/** Sends the last of an answer, which may be long: a client that does not read it is let go of when too much is unread in all. */
export function sendLast(response: ServerResponse, text: string): void {
  response.end(text)
  if (response.writableLength === 0) return
  response.once('close', () => unread.remove(response))
  unread.add(response, response.writableLength)
}

export function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '/'
  const end = url.search(/[?#]/)
  return end === -1 ? url : url.slice(0, end)
}

/** Names in lower case; a header sent twice keeps its first value, so that no second one can be smuggled in. */
export function headersOf(request: IncomingMessage): Readonly<Record<string, string>> {
  const headers = new Map<string, string>()
  for (const [name, value] of Object.entries(request.headers)) {
    const first = Array.isArray(value) ? value[0] : value
    if (first !== undefined) headers.set(name, first)
  }
  return Object.fromEntries(headers)
}

export function headerMap(request: IncomingMessage): HeaderMap {
  const map = new HeaderMap()
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) map.set(name, Array.isArray(value) ? value.join(', ') : value)
  }
  return map
}

export function sendText(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status
  response.setHeader('Content-Type', 'text/plain; charset=utf-8')
  endEarly(response, text)
}

export function sendJson(response: ServerResponse, status: number, body: object): void {
  response.statusCode = status
  response.setHeader('Content-Type', 'application/json; charset=utf-8')
  response.setHeader('Cache-Control', 'no-store')
  endEarly(response, JSON.stringify(body))
}

/**
 * Ends an answer though its request may not have come whole. Then the connection ends too, but a little later: a client that still sends
 * when it is closed sees a broken pipe, and never the answer. What it sends meanwhile is dropped.
 */
export function endEarly(response: ServerResponse, text: string): void {
  const request = response.req
  const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers
  if (request.complete || (length === '0' && coding === undefined)) {
    response.end(text)
    return
  }
  response.setHeader('Connection', 'close')
  response.setHeader('Content-Length', Buffer.byteLength(text))
  response.write(text)
  let dropped = 0
  const end = (): void => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(end, droppedForMs)
  request.on('data', (bytes: Buffer) => {
    dropped += bytes.length
    if (dropped > mostDroppedBytes) end()
  })
  request.once('end', end)
  request.once('close', end)
  request.resume()
}

export function isRead(request: IncomingMessage): boolean {
  return request.method === 'GET' || request.method === 'HEAD'
}

export function sendMetrics(
  response: ServerResponse,
  { contentType, text }: { readonly contentType: string; readonly text: string },
): void {
  response.setHeader('Content-Type', contentType)
  response.end(text)
}
