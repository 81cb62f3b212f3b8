import { expect, test, vi } from 'vitest'
import { startWorld } from './world.ts'

test('a query over three roles is one SQL statement a level, however long its lists', async () => {
  const world = await startWorld({ business: { customers: 60, orders: 300, jobs: 200 } })
  const query = (first: number) => `{ customers(first: ${first}) { nodes { name
    orders(first: 3) { nodes { number customer { id name } } }
    jobs(first: 3) { nodes { title order { number } } } } } }`
  await world.data(query(50))
  const statements = async (first: number): Promise<number> => {
    const read = vi.spyOn(world.gateway.runtime.store, 'read')
    await world.data(query(first))
    const { length } = read.mock.calls
    read.mockRestore()
    return length
  }
  for (const first of [1, 50]) {
    // The log of Changes is read beside it once a second.
    const least = Math.min(await statements(first), await statements(first), await statements(first))
    // Customers; their orders; their jobs; the customers of those orders and the orders of those jobs together.
    expect(least).toBeLessThanOrEqual(4)
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
