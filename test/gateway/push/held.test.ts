import { once } from 'node:events'
import { createServer } from 'node:http'
import fc from 'fast-check'
import { expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { Held } from '../../../gateway/push/held.ts'

interface Served {
  readonly held: Held
  /** Lengths of the messages that came whole. */
  readonly whole: number[]
  connect(): Promise<WebSocket>
}

async function serve(most: { readonly inAll: number; readonly ofOne: number }): Promise<Served> {
  const held = new Held(most)
  const whole: number[] = []
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 10_000_000 })
  const server = createServer()
  server.on('upgrade', (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, client => {
      client.on('error', () => undefined)
      client.on('message', data => whole.push(Buffer.isBuffer(data) ? data.length : -1))
      held.watch(client, socket)
    }),
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => server.close().closeAllConnections())
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : null
  return {
    held,
    whole,
    async connect() {
      const client = new WebSocket(`ws://127.0.0.1:${port}`)
      client.on('error', () => undefined)
      onTestFinished(() => client.terminate())
      await once(client, 'open')
      return client
    },
  }
}

test('nothing is left of messages that came whole, however large and in however many pieces, nor of who has left', async () => {
  const { held, whole, connect } = await serve({ inAll: 50_000_000, ofOne: 50_000_000 })
  const client = await connect()
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(200_000), { minLength: 1, maxLength: 5 }), async sizes => {
      whole.length = 0
      for (const size of sizes) {
        client.send(Buffer.alloc(size))
        client.ping(Buffer.alloc(size % 126))
      }
      await vi.waitFor(() => expect(whole).toEqual(sizes), { interval: 2, timeout: 10_000 })
      await vi.waitFor(() => expect(held.inAll).toBe(0), { interval: 2, timeout: 10_000 })
    }),
    { numRuns: 30 },
  )
  client.send(Buffer.alloc(5_000), { fin: false })
  await vi.waitFor(() => expect(held.inAll).toBeGreaterThan(5_000), 10_000)
  client.terminate()
  await vi.waitFor(() => expect(held.inAll).toBe(0), 10_000)
})

test('when too much is half sent, whoever sent the most is let go of, and the others are heard', async () => {
  const { held, whole, connect } = await serve({ inAll: 1_000_000, ofOne: 10_000_000 })
  const small = await connect()
  small.send(Buffer.alloc(1_000), { fin: false })
  const large = await Promise.all(Array.from({ length: 8 }, () => connect()))
  const ended = large.map(client => once(client, 'close'))
  for (const client of large) client.send(Buffer.alloc(400_000), { fin: false })
  await Promise.race(ended)
  await vi.waitFor(() => expect(large.filter(client => client.readyState === client.OPEN)).toHaveLength(2), 10_000)
  expect(held.inAll).toBeLessThanOrEqual(1_000_000)
  small.send(Buffer.alloc(10))
  const late = await connect()
  late.send('heard')
  await vi.waitFor(() => expect(whole.toSorted((a, b) => a - b)).toEqual([5, 1_010]), 10_000)
})

test('a client that sends a message in very many very small pieces is let go of', async () => {
  const { connect } = await serve({ inAll: 50_000_000, ofOne: 100_000 })
  const client = await connect()
  const ended = once(client, 'close')
  for (let sent = 0; sent < 20_000; sent++) client.send('x', { fin: false })
  await ended
})
