import { connect } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startWorld, type World } from './world.ts'

async function status(world: World, path: string, init: RequestInit = {}): Promise<number> {
  const response = await fetch(`${world.gateway.url}${path}`, init)
  await response.arrayBuffer()
  return response.status
}

/**
 * Bytes as they are, and what comes back until the other side ends the connection: this side never does, so whoever waits
 * for it would wait for ever.
 */
function raw(world: World, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = ''
    const options = { port: world.gateway.port, host: '127.0.0.1', allowHalfOpen: true }
    const socket = connect(options, () => socket.write(text))
    onTestFinished(() => void socket.destroy())
    socket.once('end', () => resolve(heard))
    socket.on('data', data => (heard += data.toString('latin1')))
    socket.on('error', reject)
  })
}

test('the graph is asked in JSON of at most a megabyte; all else is told what is expected', async () => {
  const world = await startWorld({ waitsForImport: false })
  const post = (body: string, type = 'application/json') =>
    status(world, '/graphql', { method: 'POST', headers: { 'content-type': type }, body })
  expect(await post('{"query":"{ __typename }"}')).toBe(200)
  expect(await post('{"query":"{ __typename }"}', 'application/json; charset=utf-8')).toBe(200)
  expect(await post('{"query":"{ __typename }"}', 'text/plain')).toBe(415)
  for (const body of [
    '',
    '{',
    'null',
    '[]',
    '7',
    '"text"',
    '{}',
    '{"query":7}',
    '{"__proto__":{"query":"{ __typename }"}}',
    '['.repeat(100_000),
  ]) {
    expect([body.slice(0, 40), await post(body)]).toEqual([body.slice(0, 40), 400])
  }
  expect(await post(JSON.stringify({ query: `{ __typename } # ${'x'.repeat(1024 * 1024)}` }))).toBe(413)
  // A page of another origin can make a browser send these without asking first.
  const elsewhere = { 'user-agent': 'Mozilla/5.0', 'sec-fetch-site': 'cross-site' }
  expect(await status(world, '/graphql?query=%7B__typename%7D', { headers: elsewhere })).toBe(400)
  expect(await status(world, '/graphql?query=%7B__typename%7D', { headers: { 'apollo-require-preflight': '1' } })).toBe(
    200,
  )
})

test('health tells whether it lives and is ready, and nothing is served elsewhere', async () => {
  const world = await startWorld()
  expect(await (await fetch(`${world.gateway.url}/health/live`)).json()).toEqual({ status: 'live' })
  expect(await (await fetch(`${world.gateway.url}/health/ready`)).json()).toMatchObject({
    status: 'ready',
    parts: { store: 'ok', changes: 'ok' },
  })
  for (const path of ['/graphql/', '/health', '/webhooks', '/../etc/passwd', '/%2e%2e/x', '//graphql']) {
    expect([path, await status(world, path)]).toEqual([path, 404])
  }
  await world.gateway.runtime.store.close()
  const unready = await fetch(`${world.gateway.url}/health/ready`)
  expect([unready.status, await unready.json()]).toMatchObject([503, { status: 'not ready' }])
  expect(await status(world, '/health/live')).toBe(200)
})

test('a connection that speaks no HTTP, or upgrades elsewhere, is ended and harms nobody', async () => {
  const world = await startWorld({ waitsForImport: false })
  expect(await raw(world, '\u0000\u0001nonsense\r\n\r\n')).toContain('400 Bad Request')
  expect(
    await raw(world, 'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef'),
  ).toContain('400 Bad Request')
  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
  expect(await raw(world, `GET /elsewhere HTTP/1.1\r\nHost: x\r\n${upgrade}`)).toContain('404 Not Found')
  expect(await raw(world, `GET /graphql HTTP/1.1\r\nHost: evil.example\r\n${upgrade}`)).toContain('403 Forbidden')
  expect(await status(world, '/health/live')).toBe(200)
})

test('a connection on which requests pile up unread is ended, and others are answered', async () => {
  const world = await startWorld({ waitsForImport: false })
  const one = `GET /health/live HTTP/1.1\r\nHost: 127.0.0.1:${world.gateway.port}\r\n\r\n`
  const slow = `GET /graphql?query=%7B__typename%7D HTTP/1.1\r\nHost: 127.0.0.1:${world.gateway.port}\r\napollo-require-preflight: 1\r\n\r\n`
  const ended = new Promise<void>(resolve => {
    const socket = connect(world.gateway.port, '127.0.0.1', () => socket.write((slow + one).repeat(300)))
    socket.on('error', () => undefined)
    socket.once('close', () => resolve())
    socket.resume()
  })
  await ended
  expect(await status(world, '/health/live')).toBe(200)
})

test('thousands of requests that are only half sent keep neither health nor webhooks from being answered', async () => {
  const world = await startWorld()
  const { port } = world.gateway
  const head = 'POST /webhooks/stripe HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{'
  const open = Array.from(
    { length: 2_010 },
    () =>
      new Promise<ReturnType<typeof connect>>((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => socket.write(head, () => resolve(socket)))
        socket.once('error', reject)
      }),
  )
  const sockets = await Promise.all(open)
  onTestFinished(() => sockets.forEach(socket => socket.destroy()))
  expect((await fetch(`${world.gateway.url}/health/live`)).status).toBe(200)
  expect((await world.post('/webhooks/stripe', { headers: {}, body: '{}' })).status).toBe(401)
  expect(await world.data('{ __typename }')).toEqual({ __typename: 'Query' })
})

test('answers that nobody reads are held up to a bound: whoever has taken longest is cut off, and webhooks are answered', async () => {
  const world = await startWorld({ business: { customers: 100 } })
  // Aliases stand in the answer once for each customer: 4 MB of it for 40 kB of query.
  const fields = Array.from({ length: 120 }, (_, at) => `a${at}${'x'.repeat(330)}: id`).join(' ')
  const query = JSON.stringify({ query: `{ customers(first: 100) { nodes { ${fields} } } }` })
  const head = `POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${query.length}\r\n\r\n`
  const whole = (await (await world.post('/graphql', { headers: {}, body: query })).text()).length
  expect(whole).toBeGreaterThan(3_500_000)
  const sockets = await Promise.all(
    Array.from(
      { length: 60 },
      () =>
        new Promise<ReturnType<typeof connect>>((resolve, reject) => {
          const socket = connect(world.gateway.port, '127.0.0.1', () => socket.write(head + query))
          socket.on('error', reject)
          // The answer has begun to come; nothing of it is read but that.
          socket.once('readable', () => resolve(socket))
        }),
    ),
  )
  onTestFinished(() => sockets.forEach(socket => socket.destroy()))
  expect((await world.post('/webhooks/stripe', { headers: {}, body: '{}' })).status).toBe(401)
  const read = await Promise.all(
    sockets.map(
      socket =>
        new Promise<number>(resolve => {
          let bytes = 0
          socket.removeAllListeners('error')
          socket.on('data', data => {
            bytes += data.length
            if (bytes >= whole) resolve(bytes)
          })
          socket.on('error', () => undefined)
          socket.on('close', () => resolve(bytes))
        }),
    ),
  )
  const cutOff = read.filter(bytes => bytes < whole).length
  // 128 MiB are some 33 of these.
  expect(cutOff).toBeGreaterThan(10)
  expect(cutOff).toBeLessThan(45)
}, 60_000)

test('a list that is longer than any page is refused before anything is asked', async () => {
  const world = await startWorld()
  const status = Array.from({ length: 40_000 }, () => 'Done')
  const { errors } = await world.ask('query($status: [String!]) { jobs(filter: { status: $status }) { totalCount } }', {
    status,
  })
  expect(errors[0]).toMatchObject({ extensions: { code: 'OPERATION_TOO_LARGE' } })
  expect(errors[0]?.message).toContain('40000 values; at most 1000')
})

test('a process that is going away says not to be ready, still answers, and ends each connection with its answer', async () => {
  const world = await startWorld()
  world.tools.hubspot.faults.add({ kind: 'slow', delayMs: 300 })
  const headers = { 'content-type': 'application/json' }
  const ask = (query: string) =>
    fetch(`${world.gateway.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) })
  const asked = world.tools.hubspot.requests.total
  const underWay = ask('{ customer(id: "101") { phone } }')
  await vi.waitFor(() => expect(world.tools.hubspot.requests.total).toBeGreaterThan(asked))
  world.gateway.retire()
  const later = await ask('{ __typename }')
  for (const response of [await underWay, later]) {
    expect([response.status, response.headers.get('connection')]).toEqual([200, 'close'])
    expect(await response.json()).not.toHaveProperty('errors')
  }
  const ready = await fetch(`${world.gateway.url}/health/ready`)
  expect([ready.status, await ready.json()]).toMatchObject([503, { parts: { process: 'is going away' } }])
  expect(await status(world, '/health/live')).toBe(200)
})
