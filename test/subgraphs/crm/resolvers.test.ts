import { readFileSync } from 'node:fs'
import { buildSubgraphSchema } from '@apollo/subgraph'
import { execute, parse, type ExecutionResult } from 'graphql'
import { expect, test } from 'vitest'
import type { EntityRef } from '../../../schema/entities.ts'
import { scalars } from '../../../schema/scalars.ts'
import type { GraphContext, PageArguments, PageFilter, WriteIntent, Written } from '../../../subgraphs/contract.ts'
import { crmResolvers } from '../../../subgraphs/crm/resolvers.ts'
import type { CrmSource, CustomerFields, CustomerPatch } from '../../../subgraphs/crm/source.ts'
import { VendorError } from '../../../subgraphs/vendor-error.ts'
import { stepsInMemory } from '../steps.ts'

const sdl = ['subgraphs/crm/schema.graphql', 'schema/shared.graphql']
  .map(path => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8'))
  .join('\n')

const at = new Date('2026-01-02T03:04:05Z')

function fields(id: string, name: string): CustomerFields {
  const unknown = { email: null, phone: null, lifecycleStage: null }
  const address = { street: null, city: 'London', region: null, postalCode: null, country: null }
  return { ...unknown, id, name, address, createdAt: at, updatedAt: at }
}

/** Customers 1 to 3; 2 fails, 3 was deleted since the index saw it; 10 was merged into 1, 11 is gone. */
function world() {
  const asked: string[] = []
  const pages: { filter: PageFilter; page: PageArguments }[] = []
  const intents: WriteIntent[] = []
  const sent: CustomerPatch[] = []
  let counted = 0
  const written = (id: string, patch: CustomerPatch): [Written] => {
    sent.push(patch)
    return [{ kind: 'UPDATED', record: { system: 'fake', kind: 'contact', id }, fields: Object.keys(patch) }]
  }
  const source: CrmSource = {
    system: 'fake',
    customer(id) {
      asked.push(id)
      if (id === '2') return Promise.reject(new VendorError('fake', 'unavailable', 'answered 503'))
      if (id === '12') return Promise.resolve(fields('1', 'Ada'))
      return Promise.resolve(id === '1' || id === 'new' ? fields(id, 'Ada') : null)
    },
    company: () => Promise.resolve(null),
    lifecycleStageName: () => Promise.resolve(null),
    stages: ({ lifecycleStage }) => Promise.resolve(lifecycleStage ?? []),
    search: text => Promise.resolve(text === 'ada' ? ['10', '1', '11', '3'] : []),
    create: patch => Promise.resolve(written('new', patch)),
    update: (id, patch) => Promise.resolve(written(id, patch)),
  }
  const context: GraphContext = {
    call: { priority: 'query', signal: new AbortController().signal, spend: () => undefined },
    index: {
      sums: () => Promise.resolve([]),
      page(_, __, filter, page) {
        pages.push({ filter, page })
        const entries = ['1', '2', '3'].map(id => {
          return { id, cursor: `c${id}`, record: { system: 'fake', kind: 'contact', id }, near: null }
        })
        const totalCount = () => Promise.resolve(++counted)
        const no = () => Promise.resolve(false)
        return Promise.resolve({ entries, hasNextPage: no, hasPreviousPage: no, isComplete: true, totalCount })
      },
    },
    links: {
      resolve({ type, id }): Promise<EntityRef | null> {
        return Promise.resolve(id === '11' ? null : { type, id: id === '10' ? '1' : id })
      },
      entityOf: () => Promise.resolve(null),
      parentOf: () => Promise.resolve(null),
      recordsOf: () => Promise.resolve([]),
      isKnown: () => Promise.resolve(false),
    },
    customers: { contactOf: () => Promise.resolve(null), answering: id => Promise.resolve(id) },
    writes: {
      async write(intent, send) {
        intents.push(intent)
        const [first] = await send(stepsInMemory())
        return { type: 'Customer', id: first.record.id }
      },
    },
  }
  const schema = buildSubgraphSchema([{ typeDefs: parse(sdl), resolvers: { ...scalars, ...crmResolvers(source) } }])
  const run = async (query: string, variableValues?: Record<string, unknown>): Promise<ExecutionResult> =>
    execute({ schema, document: parse(query), variableValues, contextValue: context })
  return { run, asked, pages, intents, sent, counted: () => counted }
}

test('a list of ids asks the CRM nothing, and the count only when it is selected', async () => {
  const { run, asked, counted } = world()
  const { data } = await run('{ customers { nodes { id } pageInfo { endCursor } isComplete } }')
  expect(data).toEqual({
    customers: { nodes: [{ id: '1' }, { id: '2' }, { id: '3' }], pageInfo: { endCursor: 'c3' }, isComplete: true },
  })
  expect([asked, counted()]).toEqual([[], 0])
  expect((await run('{ customers { totalCount } }')).data).toEqual({ customers: { totalCount: 1 } })
})

test('each node is loaded once, a failing one fails alone, a deleted one is empty', async () => {
  const { run, asked } = world()
  const { data, errors } = await run(
    '{ customers { nodes { name createdAt } edges { node { id address { city } } } } }',
  )
  expect(asked).toEqual(['1', '2', '3'])
  expect(data).toEqual({
    customers: {
      nodes: [
        { name: 'Ada', createdAt: '2026-01-02T03:04:05.000Z' },
        { name: null, createdAt: null },
        { name: null, createdAt: null },
      ],
      edges: [
        { node: { id: '1', address: { city: 'London' } } },
        { node: { id: '2', address: null } },
        { node: { id: '3', address: null } },
      ],
    },
  })
  expect(errors?.map(({ path }) => path?.at(-1))).toEqual(['name', 'createdAt', 'address'])
})

test('arguments reach the index in its words', async () => {
  const { run, pages } = world()
  await run(
    `{ customers(last: 5, before: "c", order: OLDEST_FIRST, filter: {
      email: " Ada@Example.com ", lifecycleStage: [LEAD], changedSince: "2026-01-02T03:04:05Z",
      namePrefix: "Ad" }) { isComplete } }`,
  )
  expect(pages).toEqual([
    {
      filter: { email: ' Ada@Example.com ', status: ['LEAD'], changedSince: at, namePrefix: 'Ad' },
      page: { last: 5, before: 'c', order: 'OLDEST_FIRST' },
    },
  ])
})

test.each([
  ['1', { id: '1', name: 'Ada' }],
  ['10', { id: '1', name: 'Ada' }],
  ['11', null],
  ['3', null],
  ['12', { id: '1', name: 'Ada' }],
])('customer %s is %j', async (id, customer) => {
  expect(await world().run(`{ customer(id: "${id}") { id name } }`)).toEqual({ data: { customer } })
})

test('while the CRM is out, a customer still has its id for the other roles, and its own fields fail', async () => {
  const { data, errors } = await world().run('{ customer(id: "2") { id name } }')
  expect(data).toEqual({ customer: { id: '2', name: null } })
  expect(errors).toHaveLength(1)
})

test('references follow merges and end at tombstones', async () => {
  const { run, asked } = world()
  const representations = ['1', '10', '11'].map(id => ({ __typename: 'Customer', id }))
  const query = 'query ($r: [_Any!]!) { _entities(representations: $r) { ... on Customer { id } } }'
  expect(await run(query, { r: representations })).toEqual({ data: { _entities: [{ id: '1' }, { id: '1' }, null] } })
  expect(asked).toEqual([])
})

test('a search answers living customers once, in the order of the CRM', async () => {
  expect(await world().run('{ searchCustomers(text: " ada ") { id } }')).toEqual({
    data: { searchCustomers: [{ id: '1' }, { id: '3' }] },
  })
})

test('a customer is created with what has a value', async () => {
  const { run, intents, sent } = world()
  const mutation = 'mutation { createCustomer(input: { name: "Ada", email: null }) { customer { id name } } }'
  expect(await run(mutation)).toEqual({ data: { createCustomer: { customer: { id: 'new', name: 'Ada' } } } })
  expect(intents).toMatchObject([{ role: 'crm', entity: 'Customer', fields: ['name'], mutation: 'createCustomer' }])
  expect(sent).toEqual([{ name: 'Ada' }])
})

test('an update goes to the winner of a merge, and null empties', async () => {
  const { run, intents, sent } = world()
  const mutation =
    'mutation { updateCustomer(input: { id: "10", phone: null, address: { city: "Rome" } }) { customer { id } } }'
  expect(await run(mutation)).toEqual({ data: { updateCustomer: { customer: { id: '1' } } } })
  expect(intents).toMatchObject([{ role: 'crm', entity: 'Customer', id: '1', fields: ['phone', 'address'] }])
  expect(sent).toEqual([{ phone: null, address: { city: 'Rome' } }])
})

test.each([
  ['{ searchCustomers(text: " ") { id } }', 'BAD_USER_INPUT'],
  ['{ searchCustomers(text: "a", first: 0) { id } }', 'BAD_USER_INPUT'],
  ['{ searchCustomers(text: "a", first: 101) { id } }', 'BAD_USER_INPUT'],
  ['{ customers(filter: { lifecycleStageName: [" "] }) { isComplete } }', 'BAD_USER_INPUT'],
  ['mutation { createCustomer(input: { name: null }) { customer { id } } }', 'BAD_USER_INPUT'],
  ['mutation { createCustomer(input: { email: "ada" }) { customer { id } } }', 'BAD_USER_INPUT'],
  ['mutation { createCustomer(input: { address: {} }) { customer { id } } }', 'BAD_USER_INPUT'],
  ['mutation { updateCustomer(input: { id: "1" }) { customer { id } } }', 'BAD_USER_INPUT'],
  ['mutation { updateCustomer(input: { id: "11", name: "x" }) { customer { id } } }', 'NOT_FOUND'],
])('%s is refused as %s and nothing is written', async (query, code) => {
  const { run, intents } = world()
  const { errors } = await run(query)
  expect(errors).toMatchObject([{ extensions: { code } }])
  expect(intents).toEqual([])
})
