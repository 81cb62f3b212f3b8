import { expect, test } from 'vitest'
import { at, idsAt, listAt, silentWorld } from './reading.ts'
import type { World } from './world.ts'

const page = `{ customers(first: 50) { nodes { id name email
  orders(first: 3) { nodes { id number status total { amount currency } } }
  jobs(first: 3, filter: { isCompleted: false }) { nodes { id title status } } } } }`

const asked = { 'graphql-cost': 'true' }

function requests({ tools }: World) {
  return {
    hubspot: tools.hubspot.requests.all(),
    stripe: tools.stripe.requests.all(),
    asana: tools.asana.requests.all(),
  }
}

function forget({ tools }: World): void {
  for (const tool of [tools.hubspot, tools.stripe, tools.asana]) tool.requests.clear()
}

test('a page of 50 customers with orders and open jobs costs what the READMEs say when cold, nothing when warm', async () => {
  const world = await silentWorld({ business: { customers: 60, orders: 70, jobs: 150 } })
  forget(world)
  const cold = await world.ask(page, {}, asked)
  expect(cold.errors).toEqual([])
  const calls = requests(world)
  const customers = listAt(cold.data, 'customers.nodes')
  expect(customers.length).toBe(50)
  const orders = customers.flatMap(customer => idsAt(customer, 'orders.nodes'))
  const jobs = customers.flatMap(customer => idsAt(customer, 'jobs.nodes'))
  expect(calls.hubspot).toEqual({ 'POST /crm/v3/objects/contacts/batch/read': 1 })
  expect(calls.asana).toEqual({
    'POST /api/1.0/batch': Math.ceil(jobs.length / 10),
    'batch GET /tasks/:gid': jobs.length,
  })
  expect(jobs.length).toBeGreaterThan(20)
  const { stripe } = calls
  expect((stripe['GET /v1/invoices'] ?? 0) + (stripe['GET /v1/invoices/:id'] ?? 0)).toBeLessThanOrEqual(
    ordersCost(world, orders),
  )
  expect(Object.keys(stripe).toSorted()).toEqual(['GET /v1/invoices', 'GET /v1/invoices/:id'])
  expect(at(cold.extensions, 'cost')).toEqual(
    expect.arrayContaining([
      { system: 'hubspot', pool: 'account', cost: 1 },
      { system: 'asana', pool: 'requests', cost: jobs.length },
      { system: 'stripe', pool: 'account', cost: Object.values(stripe).reduce((sum, count) => sum + count, 0) },
    ]),
  )
  expect((await world.ask(page)).extensions).toEqual({})

  forget(world)
  const warm = await world.ask(page, {}, asked)
  expect(warm.data).toEqual(cold.data)
  expect(warm.extensions).toEqual({ cost: [] })
  expect(requests(world)).toEqual({ hubspot: {}, stripe: {}, asana: {} })
})

test('pages of one customer, of all orders and of products cost what billing promises', async () => {
  const world = await silentWorld({ business: { customers: 60, orders: 130 } })
  const cost = async (query: string) => {
    forget(world)
    world.gateway.runtime.cache.evictAll()
    await world.data(query)
    return world.tools.stripe.requests.all()
  }
  expect(await cost(`{ customers(first: 50) { nodes { id orders(first: 3) { nodes { id } totalCount } } } }`)).toEqual(
    {},
  )
  // One list for each of the two billing records.
  expect(await cost(`{ customer(id: "101") { orders(first: 50) { nodes { number } } } }`)).toEqual({
    'GET /v1/invoices': 2,
  })
  expect(await cost(`{ orders(first: 50) { nodes { number lines { description } payments { id } } } }`)).toEqual({
    'GET /v1/invoices': 1,
    'GET /v1/invoices/:id': 1,
  })
  expect(await cost(`{ products(first: 50) { nodes { name } } }`)).toEqual({ 'GET /v1/products': 1 })
})

/** The README's table: one call for each customer with several of them, one for each other order, one in vain. */
function ordersCost({ tools }: World, ids: readonly string[]): number {
  const perRecord = new Map<unknown, number>()
  for (const { head } of tools.stripe.snapshot().invoices) {
    if (ids.includes(head.id)) perRecord.set(head.customer, (perRecord.get(head.customer) ?? 0) + 1)
  }
  return perRecord.size + 1
}
