import { expect, test } from 'vitest'
import { startWorld, type World } from './world.ts'

/** What the log of Changes tells of from now on, until nothing is under way any more. */
async function changesOf(world: World, act: () => Promise<unknown>): Promise<readonly string[]> {
  const before = world.gateway.runtime.follower.position
  await act()
  await world.settled()
  const rows = await world.gateway.runtime.store.read(db =>
    db.selectFrom('changes').selectAll().where('sequence', '>', before).orderBy('sequence').execute(),
  )
  return rows.map(row => `${row.kind} ${row.record_kind}`)
}

test('a written customer is told of once, although the CRM reports each value', async () => {
  const world = await startWorld()
  const changes = await changesOf(world, () =>
    world.data(
      `mutation { updateCustomer(input: { id: "101", name: "Ada Byron", phone: "+15550111", company: "Engines" }) { customer { id } } }`,
    ),
  )
  expect(changes).toEqual(['UPDATED contact'])
})

test('a created customer is told of once', async () => {
  const world = await startWorld()
  const changes = await changesOf(world, () =>
    world.data(
      `mutation { createCustomer(input: { name: "Grace Hopper", email: "grace@example.net" }) { customer { id } } }`,
    ),
  )
  expect(changes).toEqual(['CREATED contact'])
})

test('an order created, finalised and paid is told of once a step, whatever billing reports of it', async () => {
  const world = await startWorld()
  let id = ''
  const created = await changesOf(world, async () => {
    const data = await world.data(
      `mutation { createOrder(input: { customerId: "101", currency: "USD", lines: [{ description: "Call-out", unitAmount: 9500 }] }) { order { id } } }`,
    )
    id = /"id":"(in_[^"]+)"/.exec(JSON.stringify(data))?.[1] ?? ''
  })
  // Its billing record is given the CRM's present name and address.
  expect(created).toEqual(['CREATED invoice', 'UPDATED customer'])
  const finalized = await changesOf(world, () =>
    world.data(`mutation($id: ID!) { finalizeOrder(input: { id: $id }) { order { status } } }`, { id }),
  )
  expect(finalized).toEqual(['UPDATED invoice'])
  const paid = await changesOf(world, () =>
    world.data(`mutation($id: ID!) { markOrderPaid(input: { id: $id }) { order { status } } }`, { id }),
  )
  expect(paid).toEqual(['UPDATED invoice'])
})

test('a job created, moved and completed is told of once a step', async () => {
  const world = await startWorld()
  let id = ''
  const created = await changesOf(world, async () => {
    const data = await world.data(
      `mutation { createJob(input: { title: "Bleed radiators", customerId: "101", status: "Scheduled" }) { job { id } } }`,
    )
    id = /"id":"(\d+)"/.exec(JSON.stringify(data))?.[1] ?? ''
  })
  expect(created).toEqual(['CREATED task'])
  const moved = await changesOf(world, () =>
    world.data(
      `mutation($id: ID!) { updateJob(input: { id: $id, status: "In progress", title: "Bleed all radiators" }) { job { status } } }`,
      { id },
    ),
  )
  expect(moved).toEqual(['UPDATED task'])
  const completed = await changesOf(world, () =>
    world.data(`mutation($id: ID!) { completeJob(input: { id: $id }) { job { isCompleted } } }`, { id }),
  )
  expect(completed).toEqual(['UPDATED task'])
})

test('what somebody else changes right after our write is told of', async () => {
  const world = await startWorld()
  const changes = await changesOf(world, async () => {
    await world.data(`mutation { updateCustomer(input: { id: "101", phone: "+15550111" }) { customer { id } } }`)
    world.tools.hubspot.updateContact('101', { phone: '+15550112' })
    world.tools.asana.moveTask('55', 'Done')
  })
  expect(changes.filter(change => change === 'UPDATED contact').length).toBeGreaterThanOrEqual(2)
  expect(changes).toContain('UPDATED task')
  expect(await world.data(`{ customer(id: "101") { phone } job(id: "55") { status } }`)).toEqual({
    customer: { phone: '+15550112' },
    job: { status: 'Done' },
  })
})
