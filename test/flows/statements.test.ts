import { expect, test, vi } from 'vitest'
import { startWorld } from './world.ts'

test('a query over three roles is one SQL statement a level, however long its lists', async () => {
  const world = await startWorld({ business: { customers: 60, orders: 300, jobs: 200 } })
  const query = (first: number) => `{ customers(first: ${first}) { nodes { name
    orders(first: 3) { nodes { number customer { id name } } }
    jobs(first: 3) { nodes { title order { number } } } } } }`
  await world.data(query(50))
  for (const first of [1, 50]) {
    const read = vi.spyOn(world.gateway.runtime.store, 'read')
    await world.data(query(first))
    // Customers; their orders; their jobs; the customers of those orders and the orders of those jobs together.
    expect(read.mock.calls.length).toBeLessThanOrEqual(4)
    read.mockRestore()
  }
})

test('what a mutation changed is seen by the rest of the same operation', async () => {
  const world = await startWorld()
  const data = await world.data(`mutation {
    before: updateJob(input: { id: "55", customerId: "102" }) { job { customer { id } } }
    after: updateJob(input: { id: "55", customerId: "103" }) { job { customer { id } } }
  }`)
  expect(data).toEqual({ before: { job: { customer: { id: '102' } } }, after: { job: { customer: { id: '103' } } } })
})
