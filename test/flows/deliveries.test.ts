import { expect, test } from 'vitest'
import { z } from 'zod'
import { post, quietWorld, rows } from './quiet-world.ts'
import { hubspot, notification, stripe, stripeEvent } from './signing.ts'
import type { World } from './world.ts'

const list = `query($state: DeliveryState, $entity: EntityInput, $first: Int, $after: String) {
  deliveries(state: $state, entity: $entity, first: $first, after: $after) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes { id system state reason attempts isRequestKept records { kind id } history { attempt reason } }
  }
}`

const replay = `mutation($input: ReplayDeliveriesInput!) { replayDeliveries(input: $input) {
  matched replayedIds untouched { reason count } changes { kind entityType entityId record { id } fields } unsure { id }
} }`

const node = z.object({
  id: z.string(),
  system: z.string(),
  state: z.string(),
  reason: z.string().nullable(),
  records: z.array(z.object({ kind: z.string(), id: z.string() })),
  history: z.array(z.object({ attempt: z.number(), reason: z.string() })),
})
const page = z.object({
  deliveries: z.object({
    totalCount: z.number(),
    pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
    nodes: z.array(node),
  }),
})

async function deliveries(world: World, variables: object = {}) {
  return page.parse(await world.data(list, variables)).deliveries
}

/** A phone of 101 that came while HubSpot refused to be read: its delivery is dead. */
async function withDead(): Promise<{ world: World; id: string }> {
  const world = await quietWorld()
  world.tools.hubspot.faults.add({ kind: 'error', status: 400 })
  hubspot.change(world, '+15550177')
  await post(world, hubspot.sign(world, hubspot.body(world)))
  await world.gateway.processor.idle()
  world.tools.hubspot.faults.clear()
  world.tools.hubspot.faults.add({ webhook: 'drop' })
  const { nodes } = await deliveries(world, { state: 'DEAD' })
  return { world, id: nodes[0]?.id ?? '' }
}

test('what is dead says why, is rehearsed without effect, has exactly its effect once replayed, and none when replayed again', async () => {
  const { world, id } = await withDead()
  const before = await rows(world)
  expect(
    await world.data(`{ delivery(id: "${id}") { state reason attempts history { attempt } records { id } } }`),
  ).toEqual({
    delivery: {
      state: 'DEAD',
      reason: expect.stringContaining('hubspot'),
      attempts: 1,
      history: [{ attempt: 1 }],
      records: [{ id: '101' }],
    },
  })

  const change = { kind: 'UPDATED', entityType: 'Customer', entityId: '101', record: { id: '101' }, fields: ['phone'] }
  expect(await world.data(replay, { input: { ids: [id], dryRun: true } })).toEqual({
    replayDeliveries: { matched: 1, replayedIds: [id], untouched: [], changes: [change], unsure: [] },
  })
  expect(await rows(world)).toEqual(before)

  expect(await world.data(replay, { input: {} })).toMatchObject({
    replayDeliveries: { matched: 1, replayedIds: [id], changes: [] },
  })
  await expect.poll(async () => (await rows(world)).changes.length, { timeout: 5000 }).toBe(before.changes.length + 1)
  await expect.poll(async () => (await deliveries(world, { state: 'DEAD' })).totalCount).toBe(0)

  await world.gateway.processor.idle()
  const after = await rows(world)
  expect(await world.data(replay, { input: { ids: [id] } })).toMatchObject({
    replayDeliveries: { matched: 1, replayedIds: [], untouched: [{ reason: 'PROCESSED', count: 1 }] },
  })
  expect((await rows(world)).changes).toEqual(after.changes)
})

test('what is dead and nothing is to be done about is dismissed: it counts as dead no more, and a replay of it still works', async () => {
  const { world, id } = await withDead()
  const dismiss = (input: string) =>
    world.ask(`mutation { dismissDeliveries(input: ${input}) { matched dismissedIds } }`)
  expect((await dismiss('{}')).errors[0]?.extensions?.['code']).toBe('BAD_USER_INPUT')
  expect((await dismiss('{ limit: 5 }')).errors[0]?.extensions?.['code']).toBe('BAD_USER_INPUT')
  expect((await dismiss('{ system: "stripe" }')).data).toEqual({ dismissDeliveries: { matched: 0, dismissedIds: [] } })
  expect((await dismiss('{ system: "hubspot" }')).data).toEqual({
    dismissDeliveries: { matched: 1, dismissedIds: [id] },
  })
  expect((await dismiss(`{ ids: ["${id}"] }`)).data).toEqual({ dismissDeliveries: { matched: 1, dismissedIds: [] } })
  expect((await deliveries(world, { state: 'DEAD' })).totalCount).toBe(0)
  expect(await world.data('{ systems { deadEntries } }')).toEqual({
    systems: [{ deadEntries: 0 }, { deadEntries: 0 }, { deadEntries: 0 }],
  })
  expect((await deliveries(world, { state: 'DISMISSED' })).nodes).toMatchObject([
    { id, state: 'DISMISSED', reason: expect.stringContaining('hubspot') },
  ])
  expect(await world.data(replay, { input: {} })).toMatchObject({ replayDeliveries: { matched: 0 } })
  expect(await world.data(replay, { input: { ids: [id] } })).toMatchObject({
    replayDeliveries: { matched: 1, replayedIds: [id] },
  })
  await expect
    .poll(() => world.data(`{ delivery(id: "${id}") { state reason } }`), { timeout: 10_000 })
    .toEqual({
      delivery: { state: 'DONE', reason: null },
    })
  expect(await world.data('{ customer(id: "101") { phone } }')).toEqual({ customer: { phone: '+15550177' } })
})

test('everything about a customer is found: its own record, those linked to it, its orders', async () => {
  const world = await quietWorld()
  const start = (await deliveries(world)).totalCount
  const order = await world.data('{ customer(id: "101") { orders(first: 1) { nodes { id } } } }')
  const invoice =
    z
      .object({ customer: z.object({ orders: z.object({ nodes: z.array(z.object({ id: z.string() })) }) }) })
      .parse(order).customer.orders.nodes[0]?.id ?? ''
  await post(world, hubspot.sign(world, JSON.stringify([notification(), notification({ objectId: 102 })])))
  await post(world, stripe.sign(world, JSON.stringify(stripeEvent({}, { id: invoice }))))
  await world.gateway.processor.idle()
  const about = await deliveries(world, { entity: { type: 'Customer', id: '101' } })
  const found = about.nodes.flatMap(({ records }) => records.map(({ id }) => id))
  expect(found).toEqual(expect.arrayContaining(['101', invoice]))
  expect(found).not.toContain('102')
  const first = await deliveries(world, { first: 2 })
  expect([first.totalCount, first.pageInfo.hasNextPage]).toEqual([start + 3, true])
  const second = await deliveries(world, { first: 1, after: first.pageInfo.endCursor })
  expect(Number(second.nodes[0]?.id)).toBeLessThan(Number(first.nodes.at(-1)?.id))
})

test('what asks for no page, no entity or no delivery is told so', async () => {
  const world = await quietWorld()
  const codes = await Promise.all(
    [
      '{ deliveries(first: 101) { totalCount } }',
      '{ deliveries(after: "x") { totalCount } }',
      '{ deliveries(system: "Stripe") { totalCount } }',
      'mutation { replayDeliveries(input: { system: "Stripe" }) { matched } }',
      '{ deliveries(entity: { type: "Nobody", id: "1" }) { totalCount } }',
      '{ delivery(id: "x") { id } }',
      'mutation { replayDeliveries(input: { limit: 5000 }) { matched } }',
    ].map(async query => (await world.ask(query)).errors[0]?.extensions?.['code']),
  )
  expect(codes).toEqual(codes.map(() => 'BAD_USER_INPUT'))
  expect(await world.data('{ delivery(id: "99999") { id } }')).toEqual({ delivery: null })
})
