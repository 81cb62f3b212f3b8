import { expect, test, vi } from 'vitest'
import { at, idsAt, textAt } from './reading.ts'
import { startWorld, type World } from './world.ts'

/** A write names a customer whom the CRM merges into another one meanwhile. */

const createOrder = `mutation($id: ID!) {
  createOrder(input: { customerId: $id, currency: "USD", lines: [{ description: "Visit", unitAmount: 500 }] }) { order { id customer { id } } }
}`

type News = 'in time' | 'late' | 'lost'

/** Two contacts that billing has not heard of, and how they become one. */
async function twoContacts(news: News) {
  const world = await startWorld({ environment: { SWEEP_EVERY_SECONDS: '0' } })
  const { hubspot, stripe } = world.tools
  const winner = hubspot.createContact({ email: 'winner@example.com' }).id
  const loser = hubspot.createContact({ email: 'loser@example.com' }).id
  await world.settled()
  const before = new Set(stripe.snapshot().customers.map(({ id }) => id))
  const merge = (): void => {
    if (news === 'late') hubspot.faults.add({ webhook: 'late', ms: 2000 })
    if (news === 'lost') hubspot.faults.add({ webhook: 'drop' })
    hubspot.mergeContacts(winner, loser)
  }
  const made = () => stripe.snapshot().customers.filter(({ id }) => !before.has(id))
  return { world, winner, loser, merge, made }
}

async function order(world: World, id: string): Promise<string> {
  for (;;) {
    const { data, errors } = await world.ask(createOrder, { id })
    if (errors.length === 0) return textAt(data, 'createOrder.order.id')
    expect(errors[0]?.extensions).toMatchObject({ code: 'NOT_READY', isRetryable: true })
  }
}

test.each(['in time', 'late', 'lost'] as const)(
  'a merge between two first orders of a customer leaves one billing record, with both orders under the winner (news of it: %s)',
  async news => {
    const { world, winner, loser, merge, made } = await twoContacts(news)
    world.tools.stripe.faults.add({ kind: 'slow', delayMs: 250 })
    const first = order(world, loser)
    await vi.waitFor(() => expect(made()).toHaveLength(1), { timeout: 10_000, interval: 10 })
    merge()
    const orders = await Promise.all([first, order(world, loser), order(world, winner)])
    world.tools.stripe.faults.clear()
    expect(made()).toHaveLength(1)
    await vi.waitFor(
      async () => {
        const seen = await world.data(
          `query($id: ID!) { customer(id: $id) { orders { nodes { id } } links { record { kind id } } } }`,
          { id: winner },
        )
        expect(idsAt(seen, 'customer.orders.nodes').toSorted()).toEqual(orders.toSorted())
        expect(at(seen, 'customer.links')).toContainEqual({ record: { kind: 'customer', id: made()[0]?.id } })
      },
      { timeout: 10_000 },
    )
  },
)

test.each(['in time', 'late', 'lost'] as const)(
  'orders of both customers that are at once with their merge leave one billing record (news of it: %s)',
  async news => {
    const { world, winner, loser, merge, made } = await twoContacts(news)
    merge()
    const orders = await Promise.all([loser, winner, loser].map(id => order(world, id)))
    expect(made()).toMatchObject([{ email: 'winner@example.com', metadata: { crm_id: winner } }])
    await vi.waitFor(
      async () => {
        const seen = await world.data(`query($id: ID!) { customer(id: $id) { orders { nodes { id } } } }`, {
          id: winner,
        })
        expect(idsAt(seen, 'customer.orders.nodes').toSorted()).toEqual(orders.toSorted())
      },
      { timeout: 10_000 },
    )
  },
)

test('a job for a customer who was merged a moment ago is one of the winner', async () => {
  const { world, winner, loser, merge } = await twoContacts('lost')
  merge()
  const made = await world.data(
    `mutation($id: ID!) { createJob(input: { title: "Visit", customerId: $id }) { job { id customer { id } } } }`,
    { id: loser },
  )
  expect(at(made, 'createJob.job.customer')).toEqual({ id: winner })
  const other = await world.data(`mutation { createJob(input: { title: "Visit" }) { job { id } } }`)
  const changed = await world.data(
    `mutation($job: ID!, $id: ID!) { updateJob(input: { id: $job, customerId: $id }) { job { customer { id } } } }`,
    { job: textAt(other, 'createJob.job.id'), id: loser },
  )
  expect(at(changed, 'updateJob.job.customer')).toEqual({ id: winner })
})

test('a change of a customer who was merged a moment ago is made to the winner, and the merge is known from then on', async () => {
  const { world, winner, loser, merge } = await twoContacts('lost')
  merge()
  const changed = await world.data(
    `mutation($id: ID!) { updateCustomer(input: { id: $id, phone: "+15550100" }) { customer { id phone } } }`,
    { id: loser },
  )
  expect(at(changed, 'updateCustomer.customer')).toEqual({ id: winner, phone: '+15550100' })
  const listed = await world.data('{ customers(first: 100) { nodes { id } } }')
  expect(idsAt(listed, 'customers.nodes')).toContain(winner)
  expect(idsAt(listed, 'customers.nodes')).not.toContain(loser)
})
