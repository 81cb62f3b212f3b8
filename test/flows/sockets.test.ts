import type { Client } from 'graphql-ws'
import { describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { appendChanges } from '../../gateway/changes/log.ts'
import { next, setPhone, watchAda } from './frames.ts'
import { startWorld, type World } from './world.ts'

type Result = { readonly data?: unknown; readonly errors?: readonly { readonly extensions?: object }[] | null }

/** One operation with one result; errors of an operation that was refused stand in `errors`. */
function run(client: Client, query: string, variables?: Record<string, unknown>): Promise<Result> {
  return new Promise((resolve, reject) => {
    let result: Result = {}
    client.subscribe(
      { query, variables },
      {
        next: one => (result = { data: one.data, errors: one.errors }),
        error: reason => {
          const errors = z.array(z.looseObject({ extensions: z.looseObject({}).optional() })).safeParse(reason)
          if (errors.success) resolve({ errors: errors.data })
          else reject(reason instanceof Error ? reason : new Error('the socket was closed', { cause: reason }))
        },
        complete: () => resolve(result),
      },
    )
  })
}

function codesOf({ errors }: Result): readonly unknown[] {
  return (errors ?? []).map(({ extensions }) =>
    extensions !== undefined && 'code' in extensions ? extensions.code : null,
  )
}

/** Keeps the client's socket open by a subscription, and counts how often it had to connect. */
function hold(client: Client): () => number {
  let count = 0
  client.on('connected', () => (count += 1))
  client.subscribe(
    { query: 'subscription { changes(entities: ["Product"]) { change { kind } } }' },
    { next: () => undefined, error: () => undefined, complete: () => undefined },
  )
  return () => count
}

const nested = (depth: number): string =>
  `{ customer(id: "101") { ${'orders { nodes { customer { '.repeat(depth)} id ${'} } }'.repeat(depth)} } }`
const huge =
  '{ customers(first: 100) { nodes { orders(first: 100) { nodes { jobs(first: 100) { nodes { id } } } } } } }'
const wordy = `{ ${'__typename '.repeat(6000)} }`

describe('one socket', () => {
  test('outlives operations that are wrong, and carries queries and mutations beside subscriptions', async () => {
    const world = await startWorld()
    const client = world.client()
    const count = hold(client)
    expect(codesOf(await run(client, '{ customer(id: '))).toEqual(['GRAPHQL_PARSE_FAILED'])
    expect(codesOf(await run(client, '{ nothing }'))).toEqual(['GRAPHQL_VALIDATION_FAILED'])
    expect(
      codesOf(
        await run(client, 'subscription { changes { change { kind } } customerChanged(id: "1") { change { kind } } }'),
      ),
    ).toHaveLength(1)
    expect(await run(client, '{ customer(id: "101") { id } }')).toMatchObject({ data: { customer: { id: '101' } } })
    expect(
      await run(
        client,
        'mutation ($phone: String!) { updateCustomer(input: { id: "101", phone: $phone }) { customer { phone } } }',
        { phone: '+15550133' },
      ),
    ).toMatchObject({ data: { updateCustomer: { customer: { phone: '+15550133' } } } })
    expect(await run(client, '{ customer(id: "101") { phone } }')).toMatchObject({
      data: { customer: { phone: '+15550133' } },
    })
    expect(count()).toBe(1)
  })

  test.each([
    'orderChanged',
    'orderChanged(id: "in_1", customer: "101")',
    'jobChanged(id: "55", customer: "101")',
    'jobChanged(id: "55", status: "Done")',
    'changes(entities: ["Nobody"])',
    'customerChanged(id: "101", after: "no cursor of ours")',
  ])('refuses %s with BAD_USER_INPUT and lives on', async field => {
    const world = await startWorld({ waitsForImport: false })
    const client = world.client()
    const count = hold(client)
    expect(codesOf(await run(client, `subscription { ${field} { change { kind } } }`))).toEqual(['BAD_USER_INPUT'])
    expect(await run(client, '{ __typename }')).toMatchObject({ data: { __typename: 'Query' } })
    expect([count(), world.gateway.runtime.hub.subscribers]).toEqual([1, 1])
  })

  test('is under the limits of HTTP, subscriptions too', async () => {
    const world = await startWorld({ waitsForImport: false })
    const client = world.client()
    for (const query of [nested(10), huge, wordy]) {
      const overHttp = await world.ask(query)
      const code = overHttp.errors[0]?.extensions?.['code']
      expect([overHttp.status, overHttp.data ?? null]).toEqual([400, null])
      expect(codesOf(await run(client, query))).toEqual([code])
      const watching = query
        .replace('{', 'subscription { customerChanged(id: "101") { customer {')
        .replace('customer(id: "101") {', '')
      if (query === nested(10)) expect(codesOf(await run(client, `${watching} }`))).toEqual([code])
    }
    expect(await run(client, '{ __typename }')).toMatchObject({ data: { __typename: 'Query' } })
  })
})

test('a subscription over HTTP is refused with 400', async () => {
  const world = await startWorld({ waitsForImport: false })
  const { status, data, errors } = await world.ask('subscription { customerChanged(id: "101") { change { kind } } }')
  expect([status, data ?? null, errors.length]).toEqual([400, null, 1])
})

test.each([['graphql-ws'], ['mqtt'], []])(
  'a client that speaks %s instead of the subprotocol is closed and told so',
  async (...protocols) => {
    const world = await startWorld({ waitsForImport: false })
    const socket = new WebSocket(`${world.gateway.url.replace('http', 'ws')}/graphql`, protocols)
    const end = await new Promise<string>(resolve => {
      socket.once('close', code => resolve(String(code)))
      socket.once('error', error => resolve(error.message))
    })
    expect(end).toMatch(/^4406$|subprotocol/)
    await vi.waitFor(() => expect(socket.readyState).toBe(WebSocket.CLOSED))
  },
)

test('a thousand equal subscribers share one execution and one reading of the vendor', async () => {
  const world = await startWorld()
  const { hub } = world.gateway.runtime
  const clients = Array.from({ length: 4 }, () => world.client())
  let present = 0
  let told = 0
  for (let at = 0; at < 1000; at += 1) {
    clients[at % clients.length]?.subscribe(
      { query: watchAda },
      {
        next(result) {
          if (JSON.stringify(result).includes('CURRENT')) present += 1
          else if (JSON.stringify(result).includes('+15550000009')) told += 1
        },
        error: () => undefined,
        complete: () => undefined,
      },
    )
  }
  await vi.waitFor(() => expect(present).toBe(1000), 8000)
  expect([hub.subscribers, hub.groups]).toEqual([1000, 1])
  world.tools.hubspot.requests.clear()
  setPhone(world, 9)
  await vi.waitFor(() => expect(told).toBe(1000), 5000)
  expect(world.tools.hubspot.requests.total).toBe(1)
})

test('whoever leaves, politely or not, leaves nothing behind', async () => {
  const world = await startWorld()
  const { hub } = world.gateway.runtime
  const polite = world.client()
  const open = (client: Client, id: number): (() => void) =>
    client.subscribe(
      { query: `subscription { customerChanged(id: "${id}") { change { kind } customer { name } } }` },
      { next: () => undefined, error: () => undefined, complete: () => undefined },
    )
  const ends = Array.from({ length: 20 }, (_, at) => open(polite, 101 + at))
  const rude = new WebSocket(`${world.gateway.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  await new Promise(resolve => rude.once('open', resolve))
  rude.send(JSON.stringify({ type: 'connection_init' }))
  await new Promise(resolve => rude.once('message', resolve))
  for (let at = 0; at < 20; at += 1) {
    const query = `subscription { jobChanged(customer: "${101 + at}") { change { kind } } }`
    rude.send(JSON.stringify({ id: String(at), type: 'subscribe', payload: { query } }))
  }
  await vi.waitFor(() => expect([hub.subscribers, hub.groups]).toEqual([40, 40]))
  for (const end of ends) end()
  await vi.waitFor(() => expect([hub.subscribers, hub.groups]).toEqual([20, 20]))
  rude.terminate()
  await vi.waitFor(() => expect([hub.subscribers, hub.groups]).toEqual([0, 0]))
})

/** Changes of customer 101, as if they had come in. */
async function flood({ gateway }: World, count: number): Promise<void> {
  const now = new Date()
  const change = {
    kind: 'UPDATED' as const,
    record: { system: 'hubspot', kind: 'contact', id: '101' },
    entity: { type: 'Customer' as const, id: '101' },
    fields: ['phone'],
    parentsBefore: [],
    parentsAfter: [],
    statusBefore: null,
    statusAfter: null,
    at: now,
  }
  await gateway.runtime.commits.commit(tx =>
    appendChanges(
      tx,
      Array.from({ length: count }, () => change),
      now,
    ),
  )
}

test('a client that does not read is closed with 4413 after bounded memory, and goes on by its cursor', async () => {
  const world = await startWorld()
  // What the kernel takes is some megabytes: a few hundred of these.
  world.tools.hubspot.updateContact('101', { firstname: 'x'.repeat(20_000) })
  await world.settled()
  const query = 'subscription { changes { change { kind cursor } entity { ... on Customer { name } } } }'
  const socket = new WebSocket(`${world.gateway.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  await new Promise(resolve => socket.once('open', resolve))
  const cursors: string[] = []
  const message = z.object({ type: z.string(), payload: z.unknown().optional() })
  socket.on('message', (data: Buffer) => {
    const read = message.parse(JSON.parse(data.toString('utf8')))
    const cursor = /"cursor":"([^"]+)"/.exec(data.toString('utf8'))?.[1]
    if (cursor !== undefined) cursors.push(cursor)
    if (read.type === 'connection_ack') socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }))
  })
  const closed = new Promise<number>(resolve => socket.once('close', resolve))
  socket.send(JSON.stringify({ type: 'connection_init' }))
  await vi.waitFor(() => expect(cursors).toHaveLength(1), 5000)
  socket.pause()
  const count = 1600
  const before = process.memoryUsage().heapUsed
  await flood(world, count)
  await vi.waitFor(() => expect(world.gateway.runtime.hub.subscribers).toBe(0), 15_000)
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(400 * 1024 * 1024)
  expect(world.log.map(({ message: line }) => line)).toContain('a subscriber reads too slowly and is closed')
  socket.resume()
  expect(await closed).toBe(4413)
  expect(cursors.length).toBeLessThan(count)
  const light = 'subscription ($after: String) { changes(after: $after) { change { kind cursor } } }'
  const rest = world.subscribe(light, { after: cursors.at(-1) })
  const missed = count + 1 - cursors.length
  for (let at = 0; at < missed; at += 1) cursors.push((await next(rest)).change.cursor)
  expect(new Set(cursors).size).toBe(count + 1)
})
