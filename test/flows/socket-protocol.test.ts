import { describe, expect, test, vi } from 'vitest'
import { rawSocket, type RawSocket } from './raw-socket.ts'
import { startWorld } from './world.ts'

// Each rule of the subprotocol graphql-transport-ws that a server can keep or break, in the order of its text.
// Source: PROTOCOL.md of the package graphql-ws, 6.4.

const world = (options = {}) => startWorld({ waitsForImport: false, connectsAsana: false, ...options })

const hello = { query: '{ __typename }' }

const watch = { query: 'subscription { changes { change { kind } } }' }

describe('ConnectionInit and ConnectionAck', () => {
  test('the connection is acknowledged, whatever its payload is, null among it', async () => {
    const { gateway } = await world()
    for (const payload of [undefined, null, {}, { token: 'x' }]) {
      const socket = await rawSocket({ gateway }, { init: false })
      socket.send({ type: 'connection_init', payload })
      expect(await socket.next()).toEqual({ type: 'connection_ack' })
    }
  })

  test('who does not ask for one within three seconds is closed with 4408', async () => {
    const socket = await rawSocket(await world(), { init: false })
    expect(await socket.closed).toEqual([4408, 'Connection initialisation timeout'])
  })

  test('who asks for a second one is closed with 4429', async () => {
    const socket = await rawSocket(await world())
    socket.send({ type: 'connection_init' })
    expect(await socket.closed).toEqual([4429, 'Too many initialisation requests'])
  })
})

describe('Ping and Pong', () => {
  test('a ping is answered at any time, before the acknowledgement and beside operations, with a payload or none', async () => {
    const socket = await rawSocket(await world(), { init: false })
    socket.send({ type: 'ping' })
    expect(await socket.next()).toEqual({ type: 'pong' })
    socket.send({ type: 'connection_init' })
    await socket.next()
    socket.send({ type: 'subscribe', id: 'a', payload: watch })
    expect(await socket.next()).toMatchObject({ type: 'next', id: 'a' })
    for (const payload of [null, {}, { sentAt: 1 }]) {
      socket.send({ type: 'ping', payload })
      expect(await socket.next()).toMatchObject({ type: 'pong' })
    }
  })

  test('a pong that nobody asked for is taken for a sign of life', async () => {
    const socket = await rawSocket(await world(), { init: false })
    socket.send({ type: 'pong' })
    socket.send({ type: 'pong', payload: { alive: true } })
    socket.send({ type: 'connection_init' })
    expect(await socket.next()).toEqual({ type: 'connection_ack' })
  })
})

describe('Subscribe', () => {
  test('before the acknowledgement it closes the socket with 4401', async () => {
    const socket = await rawSocket(await world(), { init: false })
    socket.send({ type: 'subscribe', id: 'a', payload: hello })
    expect(await socket.closed).toEqual([4401, 'Unauthorized'])
  })

  test.each([
    ['a subscription beside a subscription', watch, watch],
    ['a query beside a subscription', watch, hello],
  ])('an id that is in use closes the socket with 4409: %s', async (_, first, second) => {
    const socket = await rawSocket(await world())
    socket.send({ type: 'subscribe', id: 'a', payload: first })
    socket.send({ type: 'subscribe', id: 'a', payload: second })
    expect(await socket.closed).toEqual([4409, 'Subscriber for a already exists'])
  })

  test('the reason of a close is cut where the id it names is longer than a reason may be', async () => {
    const one = await world()
    const socket = await rawSocket(one)
    const id = 'ü'.repeat(1000)
    socket.send({ type: 'subscribe', id, payload: watch })
    socket.send({ type: 'subscribe', id, payload: watch })
    const [code, reason] = await socket.closed
    expect([code, reason]).toEqual([4409, expect.stringMatching(/^Subscriber for ü+$/)])
    expect(one.log.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([])
  })

  test('an id may be used again once its operation is over, by either side or by an error', async () => {
    const socket = await rawSocket(await world())
    for (const query of ['{ __typename }', '{ nothing }', '{ __typename }']) {
      socket.send({ type: 'subscribe', id: 'a', payload: { query } })
      const first = await socket.next()
      if (first.type === 'next') expect(await socket.next()).toEqual({ type: 'complete', id: 'a' })
      else expect(first).toMatchObject({ type: 'error', id: 'a' })
    }
    socket.send({ type: 'subscribe', id: 'a', payload: watch })
    socket.send({ type: 'complete', id: 'a' })
    socket.send({ type: 'subscribe', id: 'a', payload: hello })
    expect(await answer(socket)).toEqual([{ type: 'next', id: 'a', payload: { data: { __typename: 'Query' } } }])
  })

  test('operations run side by side under ids of their own', async () => {
    const socket = await rawSocket(await world())
    const ids = Array.from({ length: 20 }, (_, at) => `operation ${at}`)
    for (const id of ids) socket.send({ type: 'subscribe', id, payload: hello })
    const came = await Promise.all(ids.flatMap(() => [socket.next(), socket.next()]))
    const of = (type: string) => came.filter(one => one.type === type).map(({ id }) => id)
    expect(new Set(of('next'))).toEqual(new Set(ids))
    expect(new Set(of('complete'))).toEqual(new Set(ids))
  })

  test('a name, variables and extensions that are null are as good as none, and so is an empty name', async () => {
    const socket = await rawSocket(await world())
    for (const operationName of [null, '']) {
      const payload = { ...hello, operationName, variables: null, extensions: null }
      socket.send({ type: 'subscribe', id: 'a', payload })
      expect(await answer(socket)).toMatchObject([{ type: 'next', payload: { data: { __typename: 'Query' } } }])
    }
  })
})

describe('Next, Error and Complete', () => {
  test('a single result is one Next and then Complete', async () => {
    const socket = await rawSocket(await world())
    socket.send({ type: 'subscribe', id: 'a', payload: hello })
    expect(await socket.next()).toEqual({ type: 'next', id: 'a', payload: { data: { __typename: 'Query' } } })
    expect(await socket.next()).toEqual({ type: 'complete', id: 'a' })
  })

  test('an error of execution is part of the result; an operation that is refused is an Error, and no Complete follows', async () => {
    const socket = await rawSocket(await world())
    for (const query of [
      '{ nothing }',
      '{',
      'subscription { nothing }',
      'query a { a: __typename } query b { b: __typename }',
    ]) {
      socket.send({ type: 'subscribe', id: 'a', payload: { query } })
      expect(await socket.next()).toMatchObject({ type: 'error', id: 'a', payload: [{ message: expect.any(String) }] })
    }
    socket.send({ type: 'ping' })
    expect(await socket.next()).toEqual({ type: 'pong' })
  })

  test('what a client has completed sends nothing more, not even the result that was under way', async () => {
    const one = await startWorld()
    const socket = await rawSocket(one)
    one.tools.hubspot.faults.add({ kind: 'slow', delayMs: 300, match: { path: /batch\/read/ } })
    one.tools.hubspot.requests.clear()
    socket.send({ type: 'subscribe', id: 'a', payload: { query: '{ customer(id: "101") { name } }' } })
    await vi.waitFor(() => expect(one.tools.hubspot.requests.total).toBeGreaterThan(0))
    socket.send({ type: 'complete', id: 'a' })
    socket.send({ type: 'subscribe', id: 'b', payload: { query: '{ customer(id: "102") { name } }' } })
    expect(await answer(socket)).toMatchObject([{ type: 'next', id: 'b' }])
    expect(socket.came).toEqual([])
  })

  test('a subscription that its client has completed sends no further frame', async () => {
    const one = await startWorld()
    const socket = await rawSocket(one)
    socket.send({ type: 'subscribe', id: 'a', payload: watch })
    socket.send({ type: 'subscribe', id: 'b', payload: watch })
    const first = [await socket.next(), await socket.next()]
    expect(first.map(({ id }) => id).sort()).toEqual(['a', 'b'])
    socket.send({ type: 'complete', id: 'a' })
    await vi.waitFor(() => expect(one.gateway.runtime.hub.subscribers).toBe(1))
    one.tools.hubspot.updateContact('101', { phone: '+15550177' })
    expect(await socket.next()).toMatchObject({ type: 'next', id: 'b' })
    expect(socket.came).toEqual([])
  })

  test('Complete for an id that is not known, or no longer, is no fault', async () => {
    const socket = await rawSocket(await world())
    socket.send({ type: 'complete', id: 'never' })
    socket.send({ type: 'subscribe', id: 'a', payload: hello })
    await answer(socket)
    socket.send({ type: 'complete', id: 'a' })
    socket.send({ type: 'ping' })
    expect(await socket.next()).toEqual({ type: 'pong' })
  })
})

describe('Invalid message', () => {
  test.each([
    ['what only servers send: connection_ack', { type: 'connection_ack' }],
    ['what only servers send: next', { type: 'next', id: 'a', payload: { data: {} } }],
    ['what only servers send: error', { type: 'error', id: 'a', payload: [{ message: 'no' }] }],
    ['the same in other letters', '{"type":"ne\\u0078t","id":"a","payload":{}}'],
    ['a message of the older protocol', { type: 'start', id: 'a', payload: hello }],
    ['the end of the older protocol', { type: 'connection_terminate' }],
    ['no type', { id: 'a' }],
    ['a type that is none', { type: 7 }],
    ['no JSON', 'hello'],
    ['an empty message', ''],
    ['no object', '[1]'],
    ['null', 'null'],
    ['no id', { type: 'subscribe', payload: hello }],
    ['an empty id', { type: 'subscribe', id: '', payload: hello }],
    ['an id that is a number', '{"type":"subscribe","id":9007199254740993,"payload":{"query":"{ __typename }"}}'],
    ['no payload', { type: 'subscribe', id: 'a' }],
    ['no query', { type: 'subscribe', id: 'a', payload: {} }],
    ['variables that are none', { type: 'subscribe', id: 'a', payload: { ...hello, variables: [1] } }],
    ['an operation name that is none', { type: 'subscribe', id: 'a', payload: { ...hello, operationName: 7 } }],
    ['extensions that are none', { type: 'subscribe', id: 'a', payload: { ...hello, extensions: 'x' } }],
    ['a payload of a ping that is none', { type: 'ping', payload: 'x' }],
    ['a completion of nothing', { type: 'complete' }],
    ['an id with half of a character', '{"type":"subscribe","id":"\\ud800","payload":{"query":"{ __typename }"}}'],
    ['the end of an id with half of a character', '{"type":"complete","id":"a\\udc00"}'],
    ['a ping with half of a character', '{"type":"ping","payload":{"\\ud83d":1}}'],
    ['a beginning with half of a character', '{"type":"connection_init","payload":{"token":"\\ud83d"}}'],
    ['bytes that are not UTF-8', Buffer.from('{"type":"ping","payload":{"a":"Caf\xe9"}}', 'latin1')],
  ])('%s closes the socket with 4400, and no line is logged', async (_, message) => {
    const one = await world()
    const socket = await rawSocket(one)
    socket.send(message)
    expect(await socket.closed).toEqual([4400, 'Invalid message received'])
    expect(one.log.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([])
  })

  test('a text frame that is not UTF-8 breaks the websocket protocol itself, which closes it with 1007', async () => {
    const socket = await rawSocket(await world())
    socket.socket.send(Buffer.from('{"type":"ping","payload":{"a":"Caf\xe9"}}', 'latin1'), { binary: false })
    expect(await socket.closed).toEqual([1007, ''])
  })
})

/** What comes for an operation before its Complete. */
async function answer(socket: RawSocket) {
  const came = []
  for (;;) {
    const one = await socket.next()
    if (one.type === 'complete') return came
    came.push(one)
  }
}
