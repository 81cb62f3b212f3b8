import { onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import type { World } from './world.ts'

const message = z.looseObject({ type: z.string(), id: z.string().optional(), payload: z.unknown().optional() })

type Message = z.infer<typeof message>

/** A websocket without a library of the protocol: sends what it is given, and keeps what comes. */
export interface RawSocket {
  /** Text is sent as it is, and so are bytes, in a binary frame. */
  send(what: object | string | Buffer): void
  /** What came, and was not read yet. */
  readonly came: readonly Message[]
  next(): Promise<Message>
  /** Resolves with the close code and its reason. */
  readonly closed: Promise<readonly [number, string]>
  readonly socket: WebSocket
}

/** @param init whether the connection is opened as the protocol wants, and acknowledged */
export async function rawSocket(
  world: Pick<World, 'gateway'>,
  { init = true, protocol = 'graphql-transport-ws' } = {},
): Promise<RawSocket> {
  const socket = new WebSocket(`${world.gateway.url.replace('http', 'ws')}/graphql`, protocol)
  onTestFinished(() => socket.terminate())
  const came: Message[] = []
  const readers: ((one: Message) => void)[] = []
  socket.on('message', (data: Buffer) => {
    const one = message.parse(JSON.parse(data.toString()))
    const reader = readers.shift()
    if (reader === undefined) came.push(one)
    else reader(one)
  })
  const closed = new Promise<readonly [number, string]>(resolve =>
    socket.once('close', (code, reason) => resolve([code, reason.toString()])),
  )
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  const raw: RawSocket = {
    socket,
    came,
    closed,
    send: what => socket.send(typeof what === 'string' || Buffer.isBuffer(what) ? what : JSON.stringify(what)),
    next() {
      const one = came.shift()
      if (one !== undefined) return Promise.resolve(one)
      return new Promise((resolve, reject) => {
        readers.push(resolve)
        void closed.then(([code]) => reject(new Error(`expected a message, and the socket was closed with ${code}`)))
      })
    },
  }
  if (init) {
    raw.send({ type: 'connection_init' })
    await raw.next()
  }
  return raw
}
