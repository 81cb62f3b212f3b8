import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { at } from './reading.ts'
import { startWorld, type World } from './world.ts'

const answer = z.object({ data: z.unknown().default(null), errors: z.array(z.unknown()).optional() })

type Ask = (
  world: World,
  query: string,
  asked: { readonly operationName: string; readonly variables?: object },
) => Promise<unknown>

/** The same request by each transport: what it comes to, as text. */
const transports: Readonly<Record<string, Ask>> = {
  async post(world, query, asked) {
    const body = JSON.stringify({ query, ...asked })
    return answer.parse(await (await world.post('/graphql', { headers: {}, body })).json())
  },
  async get(world, query, { operationName, variables = {} }) {
    const search = new URLSearchParams({ query, operationName, variables: JSON.stringify(variables) })
    return answer.parse(await (await fetch(`${world.gateway.url}/graphql?${search.toString()}`, json)).json())
  },
  async 'persisted query'(world, query, { operationName, variables = {} }) {
    const sha256Hash = createHash('sha256').update(query).digest('hex')
    const extensions = { persistedQuery: { version: 1, sha256Hash } }
    const body = JSON.stringify({ query, operationName, variables, extensions })
    const registered = await (await world.post('/graphql', { headers: {}, body })).text()
    const search = new URLSearchParams({
      extensions: JSON.stringify(extensions),
      operationName,
      variables: JSON.stringify(variables),
    })
    const again = await (await fetch(`${world.gateway.url}/graphql?${search.toString()}`, json)).text()
    expect(again).toBe(registered)
    return answer.parse(JSON.parse(again))
  },
  websocket: (world, query, { operationName, variables = {} }) =>
    new Promise(resolve => {
      let result: unknown = null
      world.client().subscribe(
        { query, operationName, variables: { ...variables } },
        {
          next: value => (result = value),
          complete: () => resolve(result),
          error: reason => resolve({ data: null, errors: reason }),
        },
      )
    }),
}

const json = { headers: { 'content-type': 'application/json' } }

const large = 'customers(first: 100) { nodes { orders(first: 100) { nodes { jobs(first: 100) { nodes { id } } } } } }'
const deep = `${'customer(id: "1") { orders { nodes { '.repeat(1)}${'customer { orders { nodes { '.repeat(9)} id ${'} } } '.repeat(10)}`
const wide = Array.from({ length: 601 }, (_, place) => `f${place}: __typename`).join(' ')

/** What stands beside `query B { customer(id: "101") { id } }`. */
const others: Readonly<Record<string, string>> = {
  'a condition on a variable that is not given':
    'query A($x: Boolean!) { customer(id: "101") { id name @include(if: $x) } }',
  'a fragment with such a condition':
    'query A($x: Boolean!) { customer(id: "1") { ...F } } fragment F on Customer { id @skip(if: $x) }',
  'a required variable': 'query A($id: ID!) { customer(id: $id) { id } }',
  'more entries than are allowed': `query A { ${large} }`,
  'more levels than are allowed': `query A { ${deep} }`,
  'more fields than are allowed': `query A { ${wide} }`,
  introspection: 'query A { ...S } fragment S on Query { __schema { queryType { name } } }',
  'a mutation': 'mutation A { updateCustomer(input: { id: "101", phone: "+15550100" }) { customer { id } } }',
  'a subscription': 'subscription A { customerChanged(id: "101") { change { kind } } }',
  'names the planner mistakes': 'query A { customer(id: "101") { id: name orders { totalCount } } }',
}

test.each(Object.keys(transports))('by %s, only what runs matters of a document', async transport => {
  const world = await startWorld({ isExplorable: false })
  const ask = transports[transport] ?? expect.unreachable()
  for (const [what, other] of Object.entries(others)) {
    for (const query of [
      `${other} query B { customer(id: "101") { id } }`,
      `query B { customer(id: "101") { id } } ${other}`,
    ]) {
      const came = await ask(world, query, { operationName: 'B' })
      expect([what, at(came, 'data'), 'errors' in Object(came)]).toEqual([what, { customer: { id: '101' } }, false])
    }
  }
  expect(world.tools.hubspot.snapshot().contacts.find(({ id }) => id === '101')?.properties['phone']).not.toBe(
    '+15550100',
  )
})
