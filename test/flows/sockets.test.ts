import type { Client } from 'graphql-ws'
import { describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { startWorld } from './world.ts'

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
    expect(end).toBe('4406')
    await vi.waitFor(() => expect(socket.readyState).toBe(WebSocket.CLOSED), 20_000)
  },
)
