import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL, type Server } from 'graphql-ws'
import type { WebSocket } from 'ws'
import { z } from 'zod'
import type { Log } from '../../subgraphs/contract.ts'
import { withExactIntegers } from '../exact-json.ts'
import { decodeUtf8, holdsLoneSurrogate } from '../utf8.ts'
import { InTurn } from './in-turn.ts'

/** How long a client may take to answer a ping, and how often it is sent one. */
const keepAliveMs = 12_000

/** Bytes of the reason of a close, at most. Source: RFC 6455, 5.5. */
const maxReasonBytes = 123

/** What clients send; the rest of the protocol's messages are the server's. */
const fromClient = z.looseObject({ type: z.enum(['connection_init', 'ping', 'pong', 'subscribe', 'complete']) })

/** What the protocol's library hands on with each operation. */
export interface Carried {
  readonly socket: WebSocket
}

export interface CarryPorts {
  readonly log: Log
  /** Told when a client completes the operation that is worked on under an id. */
  onComplete(id: string): void
  /** Told how many bytes of messages wait or are worked on from now on more, or less. */
  hold(bytes: number): void
}

/**
 * Carries the protocol over a socket until that is closed. The library has an adapter of its own for ws, which writes to the
 * console what a client's broken frames come to.
 */
export function carry(server: Server<Carried>, socket: WebSocket, { log, onComplete, hold }: CarryPorts): void {
  const fail = (error: unknown): void => {
    const isGone = socket.readyState !== socket.OPEN
    if (isGone) log.debug({ err: error }, 'a websocket was gone before it was answered')
    else log.warn({ err: error }, 'a message over a websocket could not be worked on')
    socket.close(CloseCode.InternalServerError, 'Internal server error')
  }
  const endPings = keepAlive(socket)
  const closed = server.opened(
    {
      protocol: socket.protocol,
      send: text =>
        new Promise((resolve, reject) => {
          if (socket.readyState !== socket.OPEN) return resolve()
          socket.send(text, error => (error == null ? resolve() : reject(error)))
        }),
      // The library names the operation, by an id that may be of any length.
      close: (code, reason) => socket.close(code, shortened(reason)),
      onMessage: read => {
        const inTurn = new InTurn(async text => {
          if (socket.readyState === socket.OPEN) await read(text).catch(fail)
          hold(-text.length)
        }, onComplete)
        socket.on('message', data => {
          const text = messageIn(data)
          if (text === null) return socket.close(CloseCode.BadRequest, 'Invalid message received')
          hold(text.length)
          if (!inTurn.take(text)) socket.close(CloseCode.SubscriberAlreadyExists, 'Too much waits under one id')
        })
      },
    },
    { socket },
  )
  socket.once('close', (code, reason) => {
    endPings()
    closed(code, reason.toString()).catch((error: unknown) =>
      log.warn({ err: error }, 'the operations of a closed websocket could not be ended'),
    )
  })
}

/**
 * The subprotocol that is agreed on. A browser whose offer is not taken up breaks the connection off and sees no more than 1006: to be
 * told 4406 it must first be let in, under a name it offered.
 */
export function chosenProtocol(offered: ReadonlySet<string>): string | false {
  const [first] = offered
  return offered.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) ? GRAPHQL_TRANSPORT_WS_PROTOCOL : (first ?? false)
}

/** @returns what ends it */
function keepAlive(socket: WebSocket): () => void {
  let isAwaited = false
  socket.on('pong', () => (isAwaited = false))
  const timer = setInterval(() => {
    if (isAwaited) return socket.terminate()
    if (socket.readyState !== socket.OPEN) return
    isAwaited = true
    socket.ping()
  }, keepAliveMs)
  return () => clearInterval(timer)
}

/**
 * @returns the text of a message that a client may send; null for any other: the library takes those of servers for a fault of ours.
 *
 * A text with half of a surrogate pair is no Unicode (RFC 8259, 8.2, calls what receivers make of it unpredictable), and sent back in UTF-8
 * it would be another text: two ids would be one. Around an operation it makes a message of no known form, as 4400 says; within the
 * operation it is refused to that operation alone, as over HTTP.
 */
function messageIn(data: WebSocket.RawData): string | null {
  const bytes = Array.isArray(data) ? Buffer.concat(data) : data instanceof ArrayBuffer ? new Uint8Array(data) : data
  const text = decodeUtf8(bytes)
  if (text === null) return null
  try {
    const { success, data: message } = fromClient.safeParse(JSON.parse(text))
    if (!success) return null
    if (holdsLoneSurrogate(message.type === 'subscribe' ? { ...message, payload: null } : message)) return null
    return message.type === 'subscribe' && typeof message['id'] === 'string' ? withExactIntegers(text) : text
  } catch {
    return null
  }
}

function shortened(reason: string | undefined): string | undefined {
  if (reason === undefined || Buffer.byteLength(reason) <= maxReasonBytes) return reason
  let short = reason.slice(0, maxReasonBytes)
  while (Buffer.byteLength(short) > maxReasonBytes) short = short.slice(0, -1)
  return short.toWellFormed()
}
