import { expect, test } from 'vitest'
import { nodeIdOf } from '../../schema/node-id.ts'
import { setPhone } from '../flows/frames.ts'
import { at, textAt } from '../flows/reading.ts'
import { startWorld, type World } from '../flows/world.ts'

/** What people reported of other federation gateways and GraphQL servers, asked of this graph. */

async function nodeIds(world: World): Promise<readonly string[]> {
  const data = await world.data(
    '{ orders(first: 1) { nodes { nodeId } } jobs(first: 1) { nodes { nodeId } } products(first: 1) { nodes { nodeId } } }',
  )
  const of = (list: string): string => textAt(data, `${list}.nodes.0.nodeId`)
  return [nodeIdOf({ type: 'Customer', parts: ['101'] }), of('orders'), of('jobs'), of('products')]
}

// apollographql/federation #2392 and #397: one alias for other fields of each type was null, or lost.
test('one alias stands for another field of each type under an interface', async () => {
  const world = await startWorld()
  const ids = await nodeIds(world)
  const data = await world.data(
    `query($ids: [ID!]!) { nodes(nodeIds: $ids) { ... on Customer { name x: phone } ... on Order { name: number x: memo }
      ... on Job { name: title x: status } ... on Product { name x: description } } }`,
    { ids },
  )
  const plain = await world.data(
    `query($ids: [ID!]!) { nodes(nodeIds: $ids) { ... on Customer { phone c: name } ... on Order { number memo }
      ... on Job { title status } ... on Product { p: name description } } }`,
    { ids },
  )
  const list = (place: number, field: string): unknown => at(plain, `nodes.${place}.${field}`)
  expect(data).toEqual({
    nodes: [
      { name: list(0, 'c'), x: list(0, 'phone') },
      { name: list(1, 'number'), x: list(1, 'memo') },
      { name: list(2, 'title'), x: list(2, 'status') },
      { name: list(3, 'p'), x: list(3, 'description') },
    ],
  })
  expect([list(0, 'c'), list(1, 'number'), list(2, 'title'), list(3, 'p')]).not.toContain(null)
})

// apollographql/federation #384: fragments on an interface within fragments on its types, and the other way round, gave null.
test('fragments on an interface and on its types may stand in each other', async () => {
  const world = await startWorld()
  const [customer = '', order = ''] = await nodeIds(world)
  const data = await world.data(
    `query($ids: [ID!]!) { nodes(nodeIds: $ids) { ...OfCustomer ...OfNode } }
    fragment OfNode on Node { ...Inner nodeId }
    fragment OfCustomer on Customer { id ...Inner }
    fragment Inner on Node { ... on Order { ... on Node { ... on Order { id } } } ... on Customer { orders(first: 1) { __typename } } }`,
    { ids: [customer, order] },
  )
  expect(data).toEqual({
    nodes: [
      { id: '101', orders: { __typename: 'OrderConnection' }, nodeId: customer },
      { id: expect.stringMatching(/^in_/), nodeId: order },
    ],
  })
})

// apollographql/federation #2683: an alias that is named like the type skipped the second subgraph.
test('an alias may be named like a type', async () => {
  const world = await startWorld()
  expect(
    await world.data(
      '{ Customer: customer(id: "101") { Order: orders(first: 1) { Job: nodes { Customer: customer { name id Query: jobs(first: 1) { isComplete } } } } } }',
    ),
  ).toEqual({
    Customer: { Order: { Job: [{ Customer: { name: 'Ada Larkin', id: '101', Query: { isComplete: true } } }] } },
  })
})

// apollographql/federation #300, graphql-hive/envelop #2347: conditions did not see the defaults of variables that were not given.
test('a default decides a condition, in queries and in frames', async () => {
  const world = await startWorld()
  const query = `query($yes: Boolean = true, $no: Boolean = false) { customer(id: "101") {
    id @include(if: $yes) name @skip(if: $no) phone @include(if: $no) orders(first: 1) @skip(if: $yes) { totalCount } } }`
  expect(await world.data(query)).toEqual({ customer: { id: '101', name: 'Ada Larkin' } })
  expect(await world.data(query, { no: true, yes: false })).toEqual({
    customer: { phone: expect.any(String), orders: { totalCount: expect.any(Number) } },
  })
  const frames = world.subscribe(
    'subscription($yes: Boolean = true) { customerChanged(id: "101") { change { kind } customer { id phone @include(if: $yes) name @skip(if: $yes) } } }',
  )
  await frames.next()
  setPhone(world, 4)
  expect(await frames.next()).toEqual({
    data: { customerChanged: { change: { kind: 'UPDATED' }, customer: { id: '101', phone: '+15550000004' } } },
  })
})

// wundergraph/graphql-go-tools #640: the default of a nullable variable was stripped where its place takes no null.
test('a nullable variable with a default stands where null may not', async () => {
  const world = await startWorld()
  const query =
    'query($id: ID = "101", $size: Int = 1) { customer(id: $id) { id orders(first: $size) { nodes { jobs(first: $size) { isComplete } } } } }'
  const right = { customer: { id: '101', orders: { nodes: [{ jobs: { isComplete: true } }] } } }
  expect(await world.data(query)).toEqual(right)
  expect(await world.data(query, { id: '101' })).toEqual(right)
  const frames = world.subscribe('subscription($id: ID = "101") { customerChanged(id: $id) { customer { id } } }')
  expect(await frames.next()).toEqual({ data: { customerChanged: { customer: { id: '101' } } } })
})

// hayes/pothos #1680: of the 36 ways to give first, last, after and before, those with a 0 said the wrong way round what is there.
test('each way to give sizes and cursors, 0 among them, says rightly what is there', async () => {
  const world = await startWorld()
  const all = await world.data('{ orders(first: 100) { edges { cursor } } }')
  const [early, late] = [textAt(all, 'orders.edges.10.cursor'), textAt(all, 'orders.edges.20.cursor')]
  for (const size of ['', 'first: 0', 'first: 2', 'last: 0', 'last: 2']) {
    for (const after of ['', `after: "${early}"`]) {
      for (const before of ['', `before: "${late}"`]) {
        const given = [size, after, before].filter(text => text !== '').join(', ')
        const data = await world.data(
          `{ orders${given === '' ? '' : `(${given})`} { pageInfo { hasNextPage hasPreviousPage } } }`,
        )
        const isBackward = size.startsWith('last') || (size === '' && before !== '' && after === '')
        // Of 60 orders ten stand before the one cursor, nine between the two, and 39 behind the other.
        const isCut = size !== '' || before === ''
        expect([given, at(data, 'orders.pageInfo')]).toEqual([
          given,
          {
            hasNextPage: before !== '' || (!isBackward && isCut),
            hasPreviousPage: after !== '' || (isBackward && size !== ''),
          },
        ])
      }
    }
  }
})
