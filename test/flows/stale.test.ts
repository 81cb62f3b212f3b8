import { expect, test } from 'vitest'
import { idsAt, listAt } from './reading.ts'
import { startWorld } from './world.ts'

const environment = { VENDOR_TRY_TIMEOUT_MS: '1500', VENDOR_TOTAL_TIMEOUT_MS: '2000' }

test('while a tool fails, the last good value is served and marked, but never that of what was deleted', async () => {
  let aheadMs = 0
  const world = await startWorld({ environment, clock: { now: () => new Date(Date.now() + aheadMs) } })
  const { hubspot, stripe, asana } = world.tools
  const [order = ''] = idsAt(
    await world.data(`{ customer(id: "101") { orders(first: 1) { nodes { id } } } }`),
    'customer.orders.nodes',
  )
  const read = `query($order: ID!) { customer(id: "101") { phone } order(id: $order) { number customer { id } } job(id: "55") { title } }`
  const before = await world.data(read, { order })
  expect((await world.ask(read, { order })).extensions).not.toHaveProperty('stale')

  // Each is told to have changed, and cannot be read again.
  for (const tool of [hubspot, stripe, asana]) tool.faults.add({ kind: 'error' })
  const evicted = world.gateway.runtime.cache
  evicted.evict({ system: 'hubspot', kind: 'contact', id: '101' })
  evicted.evict({ system: 'stripe', kind: 'invoice', id: order })
  evicted.evict({ system: 'asana', kind: 'task', id: '55' })
  const stale = await world.ask(read, { order })
  expect([stale.data, stale.errors]).toEqual([before, []])
  expect(listAt(stale.extensions, 'stale')).toEqual(
    expect.arrayContaining(
      [
        { system: 'hubspot', kind: 'contact', id: '101' },
        { system: 'stripe', kind: 'invoice', id: order },
        { system: 'asana', kind: 'task', id: '55' },
      ].map(record => ({ record, ageMs: expect.any(Number) })),
    ),
  )

  hubspot.deleteContact('101')
  asana.deleteTask('55')
  // Said to be gone, though nobody can look: nothing old is served, the other roles' fields are what they were.
  const gone = `{ customer(id: "101") { phone orders(first: 1) { nodes { id } } } job(id: "55") { title } }`
  await expect
    .poll(async () => (await world.ask(gone)).data, { timeout: 5000 })
    .toEqual({ customer: { phone: null, orders: { nodes: [{ id: order }] } }, job: { title: null } })
  for (const tool of [hubspot, stripe, asana]) tool.faults.clear()
  // Looked at again, they are gone in every role.
  aheadMs += 120_000
  await expect
    .poll(() => world.data(`{ systems { dueEntries deadEntries } }`), { timeout: 8000 })
    .toEqual({ systems: [1, 2, 3].map(() => ({ dueEntries: 0, deadEntries: 0 })) })
  await expect.poll(async () => (await world.ask(gone)).data, { timeout: 8000 }).toEqual({ customer: null, job: null })
  hubspot.faults.add({ kind: 'error' })
  asana.faults.add({ kind: 'error' })
  expect(await world.ask(gone)).toMatchObject({ data: { customer: null, job: null }, errors: [], extensions: {} })
})
