import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import {
  execute,
  getNamedType,
  isObjectType,
  Kind,
  parse,
  print,
  visit,
  type FieldNode,
  type GraphQLObjectType,
  type SelectionSetNode,
} from 'graphql'
import { describe, expect, test } from 'vitest'
import { Planner } from '../../gateway/graph/planner.ts'
import { nodeIdOf } from '../../schema/node-id.ts'
import { setPhone } from './frames.ts'
import { at, textAt } from './reading.ts'
import { startWorld, type World } from './world.ts'

const schema = new Planner(readFileSync('schema/supergraph.graphql', 'utf8')).apiGraphQLSchema

/** What graphql-js makes of the same query without aliases: an answer of the specification's reference, names and order included. */
async function expected(world: World, text: string): Promise<string> {
  const document = parse(text)
  const plain = visit(document, { Field: field => ({ ...field, alias: undefined }) })
  return reference(text, await world.data(print(plain)))
}

async function reference(text: string, rootValue: unknown): Promise<string> {
  const { data, errors } = await execute({ schema, document: parse(text), rootValue })
  expect(errors).toBeUndefined()
  return JSON.stringify(data)
}

const confusing: readonly (readonly [string, string])[] = [
  ['a key that a second role needs', '{ customers(first: 3) { nodes { id: name orders(first: 1) { totalCount } } } }'],
  ['a key, by an object', '{ customer(id: "101") { id: address { city } orders(first: 1) { totalCount } } }'],
  ['the type', '{ customer(id: "101") { __typename: name jobs(first: 1) { totalCount } kind: __typename } }'],
  [
    'parts of a page',
    '{ customers(first: 2) { edges: nodes { node: id jobs(first: 1) { nodes: edges { cursor: node { id: title } } } } } }',
  ],
  [
    'names of objects in JavaScript',
    '{ __proto__: customer(id: "101") { constructor: id toString: name orders(first: 1) { __proto__: totalCount } } }',
  ],
  [
    'names the renaming uses itself',
    '{ customer(id: "101") { id: name as0_id: id as1_: email orders(first: 1) { totalCount } } }',
  ],
  [
    'names the planner makes',
    '{ customer(id: "101") { id__alias_0: name _entities: email orders(first: 1) { _service: totalCount } } }',
  ],
  [
    'names swapped in a ring',
    '{ customer(id: "101") { id: name name: email email: id orders(first: 1) { nodes { id: number number: status status: id customer { id: email name: id jobs(first: 1) { totalCount } } } } } }',
  ],
  [
    'at the root',
    '{ customer: job(id: "none") { id } __typename: customers(first: 1) { nodes { id } } order: __typename }',
  ],
]

describe('a response name may stand for any field', () => {
  test('whatever it is called', async () => {
    const world = await startWorld()
    for (const [what, query] of confusing) {
      const { status, data, errors } = await world.ask(query)
      expect([what, status, errors]).toEqual([what, 200, []])
      expect(JSON.stringify(data)).toBe(await expected(world, query))
    }
  })

  test('where the type decides what stands under it', async () => {
    const world = await startWorld()
    const [customer, order] = [
      nodeIdOf({ type: 'Customer', parts: ['101'] }),
      nodeIdOf({
        type: 'Order',
        parts: [textAt(await world.data('{ orders(first: 1) { nodes { id } } }'), 'orders.nodes.0.id')],
      }),
    ]
    const data = await world.data(
      `query($ids: [ID!]!) { id: nodes(nodeIds: $ids) { ...C id: nodeId ... on Order { nodeId: number number: status total { id: __typename }
        customer { nodeId: id id: name jobs(first: 1) { totalCount } } } ...C } }
      fragment C on Customer { orders: id nodeId: name total: orders(first: 1) { id: totalCount } ... on Node { id: nodeId type: __typename } }`,
      { ids: [customer, order] },
    )
    const plain = await world.data(
      `query($id: ID!) { customer(id: "101") { name id orders(first: 1) { totalCount } }
        node(nodeId: $id) { ... on Order { number status total { amount } customer { id name jobs(first: 1) { totalCount } } } } }`,
      { id: order },
    )
    const [of, ofOrder] = [(path: string) => at(plain, `customer.${path}`), (path: string) => at(plain, `node.${path}`)]
    expect(JSON.stringify(data)).toBe(
      JSON.stringify({
        id: [
          { orders: '101', nodeId: of('name'), total: { id: of('orders.totalCount') }, id: customer, type: 'Customer' },
          {
            id: order,
            nodeId: ofOrder('number'),
            number: ofOrder('status'),
            total: { id: 'Money' },
            customer: { nodeId: ofOrder('customer.id'), id: ofOrder('customer.name'), jobs: ofOrder('customer.jobs') },
          },
        ],
      }),
    )
  })

  test('of a mutation’s payload, and of a fragment', async () => {
    const world = await startWorld()
    const data = await world.data(`
      mutation { id: updateCustomer(input: { id: "101", phone: "+15550100" }) { __typename: clientMutationId
        id: customer { ...Names } } }
      fragment Names on Customer { id: phone phone: id orders(first: 1) { nodes: totalCount } }`)
    expect(data).toEqual({
      id: { __typename: null, id: { id: '+15550100', phone: '101', orders: { nodes: expect.any(Number) } } },
    })
  })

  test('of a subscription’s frames, which are compared by what they show', async () => {
    const world = await startWorld()
    const frames = world.subscribe(`subscription { customer: customerChanged(id: "101") {
      customer: change { kind fields cursor } change: customer { __typename: phone id: name orders(first: 1) { totalCount } } } }`)
    const first = await frames.next()
    expect(first).toMatchObject({
      data: { customer: { customer: { kind: 'CURRENT' }, change: { id: expect.any(String) } } },
    })
    world.tools.hubspot.updateContact('101', { city: 'Elsewhere' })
    await world.settled()
    setPhone(world, 1)
    expect(await frames.next()).toMatchObject({
      data: { customer: { customer: { kind: 'UPDATED', fields: ['phone'] }, change: { __typename: '+15550000001' } } },
    })
    await world.settled()
    expect(frames.waiting).toEqual([])
  })

  test('of a field that fails: its error’s path has the client’s names', async () => {
    const world = await startWorld()
    world.tools.stripe.faults.add({ kind: 'error', match: { path: /invoices/ } })
    const { data, errors } = await world.ask(
      '{ id: customer(id: "101") { id: name __typename: orders(first: 2) { id: nodes { id: number jobs(first: 1) { totalCount } } } } }',
    )
    expect(data).toMatchObject({ id: { __typename: { id: [{ id: null }, { id: null }] } } })
    expect(errors.map(({ path }) => path)).toEqual([0, 1].map(place => ['id', '__typename', 'id', place, 'id']))
  })

  test('variables may have any name, the planner’s own too', async () => {
    const world = await startWorld()
    expect(
      await world.data(
        'query($representations: Int, $id: ID!) { customer(id: $id) { id orders(first: $representations) { nodes { jobs(first: $representations) { totalCount } } } } }',
        { representations: 1, id: '101' },
      ),
    ).toMatchObject({ customer: { id: '101', orders: { nodes: [{ jobs: { totalCount: expect.any(Number) } }] } } })
  })
})

/** Names that stand for something else in our schema, in Federation, or in JavaScript. */
const names = [
  'id',
  '__typename',
  'nodes',
  'node',
  'edges',
  'cursor',
  'name',
  'orders',
  'customer',
  'pageInfo',
  'x',
  'as0_id',
  'id__alias_0',
  'constructor',
  '__proto__',
  '_entities',
]

const plainQueries = [
  `{ __typename customers(first: 3) { __typename nodes { id name email address { city country } orders(first: 2) { totalCount nodes {
    __typename id number total { amount currency } customer { id name jobs(first: 1) { nodes { id title } } } } pageInfo { hasNextPage } } } } }`,
  `{ customer(id: "101") { phone id jobs(first: 2) { edges { cursor node { id title assignee { id name } order { id number customer { name } } } } }
    links { record { system kind id } evidence } } systems { system role } }`,
  `{ orders(first: 2) { edges { node { id customer { id email orders(first: 1) { nodes { number } } } jobs(first: 1) { nodes { status id } } } } }
    products(first: 1) { nodes { name id } } }`,
]

/** A query with other response names, parts of it said twice, and parts of it in fragments of all kinds. */
class Disguise {
  readonly #numbers: Iterator<number>
  readonly #fragments: string[] = []

  /** @param numbers decide what is drawn by lot */
  constructor(numbers: Iterator<number>) {
    this.#numbers = numbers
  }

  put(plain: string, root: GraphQLObjectType): string {
    const [operation] = parse(plain).definitions
    if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error('expected an operation')
    return [`{ ${this.#parts(operation.selectionSet, root).join(' ')} }`, ...this.#fragments].join('\n')
  }

  #parts(set: SelectionSetNode, type: GraphQLObjectType): readonly string[] {
    const fields = set.selections.flatMap(node => (node.kind === Kind.FIELD ? [node] : []))
    const free = [...new Set([...names, ...fields.map(({ name }) => name.value)])]
    const parts: string[] = []
    const twice: string[] = []
    for (const field of fields) {
      const [name = ''] = free.splice(this.#lot(free.length), 1)
      const head = `${name}: ${print({ ...field, selectionSet: undefined })}`
      const inner = typeOf(type, field)
      if (field.selectionSet === undefined || inner === null) {
        parts.push(head)
        if (this.#lot(3) === 0) twice.push(head)
        continue
      }
      const within = this.#parts(field.selectionSet, inner)
      // The second time the rest, or some of it once more.
      const cut = this.#lot(3) === 0 ? 1 + this.#lot(within.length) : within.length
      parts.push(`${head} { ${within.slice(0, cut).join(' ')} }`)
      const rest = within.slice(cut === within.length ? cut - 1 : cut)
      if (cut < within.length || this.#lot(6) === 0) twice.push(`${head} { ${rest.join(' ')} }`)
    }
    for (const part of twice) parts.splice(this.#lot(parts.length + 1), 0, part)
    return parts.map(part => this.#wrapped(part, type.name))
  }

  #wrapped(part: string, type: string): string {
    switch (this.#lot(9)) {
      case 0:
        return `... { ${part} }`
      case 1:
        return `... on ${type} { ${part} }`
      case 2:
        this.#fragments.push(`fragment F${this.#fragments.length} on ${type} { ${part} }`)
        return `...F${this.#fragments.length - 1}`
      default:
        return part
    }
  }

  /** A whole number below `most`. */
  #lot(most: number): number {
    return Number(this.#numbers.next().value ?? 0) % most
  }
}

function typeOf(type: GraphQLObjectType, { name }: FieldNode): GraphQLObjectType | null {
  const field = type.getFields()[name.value]
  const named = field === undefined ? null : getNamedType(field.type)
  return isObjectType(named) ? named : null
}

test('a query in any disguise has the answer of the plain one, in the order in which it is selected', async () => {
  const world = await startWorld()
  const root = schema.getQueryType()
  if (root == null) throw new Error('expected the schema to have queries')
  const lots = fc.infiniteStream(fc.nat({ max: 999_999 }))
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...plainQueries), lots, async (plain, numbers) => {
      const text = new Disguise(numbers).put(plain, root)
      const { data, errors } = await world.ask(text)
      expect(errors).toEqual([])
      expect(JSON.stringify(data)).toBe(await reference(text, await world.data(plain)))
    }),
    { numRuns: 60 },
  )
})
