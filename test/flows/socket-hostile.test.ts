import { expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { startWorld, type World } from './world.ts'

/** What one operation over a socket comes to, and whether the socket lives on. */
async function over(world: World, query: string, variables?: Record<string, unknown>): Promise<unknown> {
  const client = world.client()
  const watching = new Promise<string>((resolve, reject) => {
    client.subscribe(
      { query: 'subscription { changes { change { kind } } }' },
      { next: frame => resolve(JSON.stringify(frame)), error: reject, complete: () => reject(new Error('it ended')) },
    )
  })
  expect(await watching).toContain('CURRENT')
  const outcome = await new Promise<unknown>(resolve => {
    client.subscribe({ query, variables }, { next: resolve, error: resolve, complete: () => resolve('complete') })
  })
  const still = await new Promise<unknown>((resolve, reject) => {
    client.subscribe({ query: '{ __typename }' }, { next: resolve, error: reject, complete: () => undefined })
  })
  expect(still).toEqual({ data: { __typename: 'Query' } })
  return outcome
}

test('an operation that cannot even be read ends itself, and no other on the socket', async () => {
  const world = await startWorld({ waitsForImport: false })
  const deep = `{ customer(id: ${'['.repeat(4900)}${']'.repeat(40)}) { id } }`
  expect(JSON.stringify(await over(world, deep))).toMatch(/nested too deeply|Syntax Error/)
  const conditional = 'subscription($a: Boolean!) { changes @include(if: $a) { change { kind } } }'
  expect(JSON.stringify(await over(world, conditional, { a: true }))).toContain('cannot stand under @include')
})

test('over HTTP a request that names no operation of its document is told so with 400', async () => {
  const world = await startWorld({ waitsForImport: false })
  const ask = async (body: object) => {
    const response = await fetch(`${world.gateway.url}/graphql`, {
      method: 'POST',
      headers: { accept: 'application/graphql-response+json', 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return [response.status, await response.text()] as const
  }
  for (const body of [
    { query: '{ __typename }', operationName: 'nope' },
    { query: 'query a { __typename } query b { __typename }' },
    {
      query:
        'subscription($a: Boolean!) { ...R } fragment R on Subscription { changes @skip(if: $a) { change { kind } } }',
    },
    { query: 'query($a: Boolean = true) { customer(id: "101") @include(if: $a) { id } }', variables: { a: null } },
  ]) {
    const [status, text] = await ask(body)
    expect([status, text.includes('INTERNAL_SERVER_ERROR')]).toEqual([400, false])
  }
})

test('a query that its client completed asks its tool no more', async () => {
  const world = await startWorld()
  const { hubspot } = world.tools
  hubspot.faults.add({ kind: 'slow', delayMs: 2000, match: { path: /batch\/read/ } })
  hubspot.requests.clear()
  const client = world.client()
  const leave = client.subscribe(
    { query: '{ customer(id: "101") { name } }' },
    { next: () => undefined, error: () => undefined, complete: () => undefined },
  )
  await vi.waitFor(() => expect(hubspot.requests.total).toBeGreaterThan(0), 5000)
  leave()
  // The aborted request counts no more against the socket or the tool: the next one is answered at once.
  hubspot.faults.clear()
  expect(await world.data('{ customer(id: "101") { name } }')).toMatchObject({ customer: { name: 'Ada Larkin' } })
  await vi.waitFor(() => expect(world.log.filter(line => line.level === 'error')).toEqual([]), 1000)
})

test('text that no encoding can carry is refused before billing is asked', async () => {
  const world = await startWorld()
  world.tools.stripe.requests.clear()
  const { errors } = await world.ask(
    'mutation($memo: String) { createOrder(input: { customerId: "101", currency: "USD", memo: $memo, lines: [{ description: "x", unitAmount: 1 }] }) { order { id } } }',
    { memo: 'a\ud800b' },
  )
  expect(errors[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT' })
  expect(world.tools.stripe.requests.total).toBe(0)
})

test('what is nested very deeply is refused as a fault of the client, in variables and in documents', async () => {
  const world = await startWorld({ waitsForImport: false })
  const query = 'query($a: OrderFilter) { orders(first: 1, filter: $a) { totalCount } }'
  const lists = `${'['.repeat(400_000)}${']'.repeat(400_000)}`
  const answerTo = async (body: string) => {
    const headers = { accept: 'application/graphql-response+json', 'content-type': 'application/json' }
    const response = await fetch(`${world.gateway.url}/graphql`, { method: 'POST', headers, body })
    const text = await response.text()
    return [response.status, text.includes('call stack'), text.includes('INTERNAL')]
  }
  for (const body of [
    `{"query":"${query}","variables":{"a":${lists}}}`,
    `{"query":"${query}","variables":{"a":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}}`,
    JSON.stringify({ query: `{ customer(id: ${'['.repeat(2_400)}) { id } }` }),
  ]) {
    expect(await answerTo(body)).toEqual([400, false, false])
  }
  // No variable of the operation: it is not read.
  expect(await answerTo(`{"query":"{ __typename }","variables":{"a":${lists}}}`)).toEqual([200, false, false])
})

test('a client that piles up large messages behind an operation is let go of, and others are answered', async () => {
  const world = await startWorld()
  world.tools.hubspot.faults.add({ kind: 'slow', delayMs: 2000, match: { path: /batch\/read/ } })
  const socket = new WebSocket(`${world.gateway.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  const closed = new Promise(resolve => socket.once('close', resolve))
  socket.on('error', () => undefined)
  await new Promise(resolve => socket.once('open', resolve))
  const send = (message: object) => socket.send(JSON.stringify(message))
  send({ type: 'connection_init' })
  const payload = { query: '{ customer(id: "101") { name } }' }
  send({ id: 'w', type: 'subscribe', payload })
  send({ id: 'w', type: 'complete' })
  const large = { ...payload, extensions: { ballast: 'x'.repeat(1_000_000) } }
  for (let sent = 0; sent < 20; sent += 1) send({ id: 'w', type: 'subscribe', payload: large })
  await closed
  expect(await world.data('{ __typename }')).toEqual({ __typename: 'Query' })
})
