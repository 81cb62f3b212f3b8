import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { WebSocket, type RawData } from 'ws'
import { z } from 'zod'
import { rawSocket } from './raw-socket.ts'
import { startWorld, type World } from './world.ts'

const query = '{ a: __typename }'
const sha256Hash = createHash('sha256').update(query).digest('hex')
const other = createHash('sha256').update('{ b: __typename }').digest('hex')

/** Faulty requests, and the code of each. */
const faults: readonly (readonly [string, Readonly<Record<string, unknown>>, string])[] = [
  [
    'a hash of another query',
    { query, extensions: { persistedQuery: { version: 1, sha256Hash: other } } },
    'BAD_REQUEST',
  ],
  ['an unknown version', { query, extensions: { persistedQuery: { version: 2, sha256Hash } } }, 'BAD_REQUEST'],
  ['a version that is text', { query, extensions: { persistedQuery: { version: '1', sha256Hash } } }, 'BAD_REQUEST'],
  ['no version', { query, extensions: { persistedQuery: { sha256Hash } } }, 'BAD_REQUEST'],
  ['no hash', { query, extensions: { persistedQuery: { version: 1 } } }, 'BAD_REQUEST'],
  [
    'a hash that is no text',
    { query, extensions: { persistedQuery: { version: 1, sha256Hash: { a: [1] } } } },
    'BAD_REQUEST',
  ],
  ['persisted queries that are no object', { query, extensions: { persistedQuery: true } }, 'BAD_REQUEST'],
  ['persisted queries that are text', { query, extensions: { persistedQuery: 'x' } }, 'BAD_REQUEST'],
  ['a syntax error', { query: '{ a: __typename' }, 'GRAPHQL_PARSE_FAILED'],
  ['an empty document', { query: '# nothing' }, 'GRAPHQL_PARSE_FAILED'],
  ['fragments alone', { query: 'fragment F on Query { __typename }' }, 'GRAPHQL_VALIDATION_FAILED'],
  ['a field that is not there', { query: '{ nothing }' }, 'GRAPHQL_VALIDATION_FAILED'],
  ['a definition that is none', { query: 'type A { b: Int }' }, 'GRAPHQL_VALIDATION_FAILED'],
  ['a name that no operation has', { query, operationName: 'B' }, 'OPERATION_RESOLUTION_FAILURE'],
  ['no name among several', { query: 'query A { __typename } query B { __typename }' }, 'OPERATION_RESOLUTION_FAILURE'],
  ['a variable that is missing', { query: 'query($id: ID!) { customer(id: $id) { id } }' }, 'BAD_USER_INPUT'],
  [
    'a variable of another type',
    { query: 'query($id: ID!) { customer(id: $id) { id } }', variables: { id: {} } },
    'BAD_USER_INPUT',
  ],
  [
    'null for what cannot be',
    { query: 'query($n: Int!) { orders(first: $n) { totalCount } }', variables: { n: null } },
    'BAD_USER_INPUT',
  ],
  [
    'null, by a default, for a condition',
    { query: 'query($v: Boolean = true) { __typename @include(if: $v) }', variables: { v: null } },
    'BAD_USER_INPUT',
  ],
  [
    'a condition of another type',
    { query: 'query($v: Boolean!) { __typename @include(if: $v) }', variables: { v: 'yes' } },
    'BAD_USER_INPUT',
  ],
  [
    'a date that is none',
    { query: '{ orders(filter: { changedSince: "yesterday" }) { totalCount } }' },
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    'a date in a variable that is none',
    { query: 'query($d: DateTime) { orders(filter: { changedSince: $d }) { totalCount } }', variables: { d: [7] } },
    'BAD_USER_INPUT',
  ],
  ['both ends of a list', { query: '{ orders(first: 1, last: 1) { totalCount } }' }, 'BAD_USER_INPUT'],
  ['a page below nothing', { query: '{ orders(first: -1) { totalCount } }' }, 'BAD_USER_INPUT'],
  ['a page that is too large', { query: '{ orders(first: 101) { totalCount } }' }, 'BAD_USER_INPUT'],
  ['a cursor of another list', { query: '{ orders(after: "x") { totalCount } }' }, 'BAD_USER_INPUT'],
  [
    'a cursor with numbers that are none',
    {
      query: `{ orders(after: "${Buffer.from('i1:Order:99999999999999999:1').toString('base64url')}") { totalCount } }`,
    },
    'BAD_USER_INPUT',
  ],
  ['a nodeId that is none', { query: '{ node(nodeId: "x") { nodeId } }' }, 'BAD_USER_INPUT'],
  [
    'more than is allowed',
    {
      query: '{ customers(first: 100) { nodes { orders(first: 100) { nodes { jobs(first: 100) { totalCount } } } } } }',
    },
    'OPERATION_TOO_LARGE',
  ],
  ['more tokens than are allowed', { query: `{ ${'x '.repeat(2_600)}}` }, 'OPERATION_TOO_LARGE'],
  ['a field that no entity has', { query: '{ ownership(field: "constructor") { field } }' }, 'BAD_USER_INPUT'],
  [
    'a fragment of itself',
    { query: '{ customer(id: "1") { ...F } } fragment F on Customer { ...F }' },
    'GRAPHQL_VALIDATION_FAILED',
  ],
  [
    'an input that another role owns',
    { query: 'mutation { updateJob(input: { id: "1", customerEmail: "a@b.de" }) { clientMutationId } }' },
    'NOT_OWNER',
  ],
  [
    'a mutation on nothing',
    { query: 'mutation { updateCustomer(input: { id: "999999999", phone: "1" }) { clientMutationId } }' },
    'NOT_FOUND',
  ],
]

const answer = z.object({
  errors: z.array(z.object({ message: z.string(), extensions: z.object({ code: z.string() }) })).min(1),
})

function codeOf(body: unknown): string {
  const { success, data } = answer.safeParse(body)
  return success ? (data.errors[0]?.extensions.code ?? '') : `no code in ${JSON.stringify(body)}`
}

async function byPost(world: World, request: object): Promise<string> {
  const response = await world.post('/graphql', { headers: {}, body: JSON.stringify(request) })
  expect(response.status).toBeLessThan(500)
  return codeOf(await response.json())
}

async function byGet(world: World, request: Readonly<Record<string, unknown>>): Promise<string> {
  const search = new URLSearchParams(
    Object.entries(request).map(([name, value]): [string, string] => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  )
  const headers = { 'apollo-require-preflight': 'true' }
  const response = await fetch(`${world.gateway.url}/graphql?${search.toString()}`, { headers })
  expect(response.status).toBeLessThan(500)
  return codeOf(await response.json())
}

/** What an operation comes to over a socket of its own, or how the socket was closed. */
function bySocket(world: World, payload: object): Promise<string> {
  return new Promise(resolve => {
    const socket = new WebSocket(`${world.gateway.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
    socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init' })))
    socket.on('close', code => resolve(`closed with ${code}`))
    socket.on('message', data => {
      const { type, payload: came } = message.parse(JSON.parse(textOf(data)))
      if (type === 'connection_ack') socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }))
      else resolve(codeOf(type === 'error' ? { errors: came } : came))
      if (type !== 'connection_ack') socket.close()
    })
  })
}

function textOf(data: RawData): string {
  return Buffer.isBuffer(data) ? data.toString() : ''
}

const message = z.object({ type: z.string(), payload: z.unknown().optional() })

test('a fault of the client has a client’s code, by each transport, and is not logged as ours', async () => {
  const world = await startWorld()
  const all: string[] = []
  for (const [what, request, code] of faults) {
    const isQuery = !String(request['query']).startsWith('mutation')
    all.push(
      `${what}: ${await byPost(world, request)}, ${isQuery ? await byGet(world, request) : code}, ${await bySocket(world, request)}`,
    )
  }
  expect(all).toEqual(faults.map(([what, , code]) => `${what}: ${code}, ${code}, ${code}`))
  expect(world.log.filter(({ level }) => level === 'error')).toEqual([])
})

test('one operation more than a socket may carry is refused, and the others go on', async () => {
  const world = await startWorld({ waitsForImport: false })
  const socket = await rawSocket(world)
  const query = 'subscription { changes { entityId } }'
  for (let id = 0; id <= 500; id += 1) socket.send({ id: String(id), type: 'subscribe', payload: { query } })
  let one = await socket.next()
  while (one.type === 'next') one = await socket.next()
  expect(one).toMatchObject({
    id: '500',
    type: 'error',
    payload: [{ extensions: { code: 'TOO_MANY_OPERATIONS', isRetryable: true } }],
  })
  expect(socket.socket.readyState).toBe(WebSocket.OPEN)
})

test('a hash that is not known is asked for again with its query, and then is', async () => {
  const world = await startWorld({ waitsForImport: false })
  const persisted = { extensions: { persistedQuery: { version: 1, sha256Hash } } }
  expect(await byPost(world, persisted)).toBe('PERSISTED_QUERY_NOT_FOUND')
  expect(await byPost(world, { query, extensions: { persistedQuery: { version: 1, sha256Hash: other } } })).toBe(
    'BAD_REQUEST',
  )
  expect(await byGet(world, persisted)).toBe('PERSISTED_QUERY_NOT_FOUND')
  expect((await world.ask(query)).data).toEqual({ a: 'Query' })
})

test.each([
  ['variables', 7],
  ['variables', [1]],
  ['variables', 'x'],
  ['extensions', 7],
  ['extensions', [1]],
  ['operationName', 7],
  ['operationName', { a: 1 }],
  ['query', 7],
  ['query', null],
  ['query', ['{ __typename }']],
])('%s that are %o are a fault of the request', async (name, value) => {
  const world = await startWorld({ waitsForImport: false })
  expect(await byPost(world, { query, [name]: value })).toBe('BAD_REQUEST')
  expect(await bySocket(world, { query, [name]: value })).toMatch(/^closed with 4400$|^BAD_REQUEST$/)
  expect(world.log.filter(({ level }) => level === 'error')).toEqual([])
})
