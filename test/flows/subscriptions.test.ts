import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { prune } from '../../gateway/changes/log.ts'
import { cursorOf, next, sequenceOf, setPhone, watchAda } from './frames.ts'
import { listAt } from './reading.ts'
import { startWorld } from './world.ts'

describe('a cursor', () => {
  test('brings what was missed: updates in a row as one, with the fields of all, and nothing that was seen', async () => {
    const world = await startWorld()
    const before = world.subscribe(watchAda)
    const { change } = await next(before)
    before.end()
    setPhone(world, 1)
    await world.settled()
    world.tools.hubspot.updateContact('101', { company: 'Engines' })
    await world.settled()
    const frames = world.subscribe(watchAda, { after: change.cursor })
    const missed = await next(frames)
    expect(missed).toMatchObject({ change: { kind: 'UPDATED' }, customer: { phone: '+15550000001' } })
    expect([...(missed.change.fields ?? [])].sort()).toEqual(['company', 'phone'])
    setPhone(world, 2)
    expect(await next(frames)).toMatchObject({ change: { fields: ['phone'] }, customer: { phone: '+15550000002' } })
    const resumed = world.subscribe(watchAda, { after: missed.change.cursor })
    expect(await next(resumed)).toMatchObject({ change: { fields: ['phone'] }, customer: { phone: '+15550000002' } })
  })

  test('of the feed brings each Change that was missed', async () => {
    const world = await startWorld()
    const feed =
      'subscription($after: String) { changes(entities: ["Customer"], after: $after) { change { kind fields cursor } entityId } }'
    const after = cursorOf(world.gateway.runtime.follower.position)
    for (const phone of [1, 2, 3]) {
      setPhone(world, phone)
      await world.settled()
    }
    const frames = world.subscribe(feed, { after })
    for (let frame = 0; frame < 3; frame += 1) {
      expect(await frames.next()).toMatchObject({
        data: { changes: { change: { kind: 'UPDATED', fields: ['phone'] }, entityId: '101' } },
      })
    }
  })

  test('that the log does not reach any more, or that is of another log, brings GAP and then CURRENT', async () => {
    const world = await startWorld()
    setPhone(world, 1)
    await world.settled()
    setPhone(world, 2)
    await world.settled()
    await prune(world.gateway.runtime.store, new Date(Date.now() + 60_000))
    for (const after of [cursorOf(0), cursorOf(999_999_999)]) {
      const frames = world.subscribe(watchAda, { after })
      const gap = await next(frames)
      expect(gap).toMatchObject({ change: { kind: 'GAP', fields: [] }, customer: null })
      const current = await next(frames)
      expect(current).toMatchObject({ change: { kind: 'CURRENT' }, customer: { phone: '+15550000002' } })
      expect(sequenceOf(current)).toBeGreaterThanOrEqual(sequenceOf(gap))
      frames.end()
    }
  })
})

describe('frames', () => {
  test('a deleted customer is null beside DELETED, and null for every role from then on', async () => {
    const world = await startWorld()
    const frames = world.subscribe(watchAda)
    await next(frames)
    world.tools.hubspot.deleteContact('101')
    expect(await next(frames)).toMatchObject({ change: { kind: 'DELETED' }, customer: null })
    expect(
      await world.data(
        '{ customer(id: "101") { id name orders(first: 1) { nodes { id } } jobs(first: 1) { nodes { id } } } }',
      ),
    ).toEqual({
      customer: null,
    })
    const late = world.subscribe(watchAda)
    expect(await next(late)).toMatchObject({ change: { kind: 'CURRENT' }, customer: null })
  })

  test('whoever watches a contact that is merged away goes on with the winner', async () => {
    const world = await startWorld()
    const query = 'subscription { customerChanged(id: "102") { change { kind cursor } customer { id phone } } }'
    const frames = world.subscribe(query)
    expect(await next(frames)).toMatchObject({ customer: { id: '102' } })
    world.tools.hubspot.mergeContacts('101', '102')
    expect(await next(frames)).toMatchObject({ customer: { id: '101' } })
    await world.settled()
    setPhone(world, 7)
    await vi.waitFor(
      async () => expect(await next(frames)).toMatchObject({ customer: { id: '101', phone: '+15550000007' } }),
      20_000,
    )
    const late = world.subscribe(query)
    expect(await next(late)).toMatchObject({ change: { kind: 'CURRENT' }, customer: { id: '101' } })
  })

  test('nothing is sent when nothing that was selected changed', async () => {
    const world = await startWorld()
    const frames = world.subscribe(
      'subscription { customerChanged(id: "101") { change { kind cursor } customer { name } } }',
    )
    await next(frames)
    setPhone(world, 1)
    await world.settled()
    world.tools.hubspot.updateContact('101', { firstname: 'Augusta' })
    expect(await next(frames)).toMatchObject({
      change: { kind: 'UPDATED' },
      customer: { name: expect.stringContaining('Augusta') },
    })
    expect(frames.waiting).toEqual([])
  })
})

describe('what can be watched', () => {
  test('one order, the orders of a customer, one job, the jobs of a customer, and those of a stage', async () => {
    const world = await startWorld()
    const invoice = world.tools.stripe.snapshot().invoices.find(({ head }) => head.status === 'open')?.head.id ?? ''
    const { order } = z
      .object({ order: z.object({ id: z.string(), customer: z.object({ id: z.string() }) }) })
      .parse(await world.data(`{ order(id: "${invoice}") { id customer { id } } }`))
    const orders = [`id: "${order.id}"`, `customer: "${order.customer.id}"`].map(asked =>
      world.subscribe(`subscription { orderChanged(${asked}) { change { kind cursor } order { id status } } }`),
    )
    const jobs = ['id: "55"', 'customer: "101"', 'status: "Done"', 'customer: "101", status: "Done"'].map(asked =>
      world.subscribe(`subscription { jobChanged(${asked}) { change { kind cursor } job { id status } } }`),
    )
    const elsewhere = world.subscribe(
      'subscription { jobChanged(customer: "102") { change { kind cursor } job { id status } } }',
    )
    for (const frames of [...orders, ...jobs, elsewhere])
      expect(await next(frames)).toMatchObject({ change: { kind: 'CURRENT' } })
    world.tools.stripe.payInvoice(order.id)
    world.tools.asana.moveTask('55', 'Done')
    for (const frames of orders) expect(await next(frames)).toMatchObject({ order: { id: order.id, status: 'PAID' } })
    for (const frames of jobs) expect(await next(frames)).toMatchObject({ job: { id: '55', status: 'Done' } })
    await world.settled()
    expect(elsewhere.waiting).toEqual([])
  })

  test('the feed of Changes, by entity type, system and field', async () => {
    const world = await startWorld()
    const feed = (asked: string) =>
      world.subscribe(`subscription { changes${asked} { change { kind cursor } entityType entityId } }`)
    const all = feed('')
    const jobs = feed('(entities: ["Job"])')
    const ofHubspot = feed('(systems: ["hubspot"])')
    const ofEmail = feed('(fields: ["Customer.email"])')
    for (const frames of [all, jobs, ofHubspot, ofEmail])
      expect(await next(frames)).toMatchObject({ change: { kind: 'CURRENT' } })
    world.tools.asana.updateTask('55', { name: 'Another title' })
    await world.settled()
    setPhone(world, 1)
    await world.settled()
    world.tools.hubspot.updateContact('103', { email: 'new@example.test' })
    expect(await next(jobs)).toMatchObject({ entityType: 'Job', entityId: '55' })
    expect(await next(ofHubspot)).toMatchObject({ entityType: 'Customer', entityId: '101' })
    expect(await next(ofEmail)).toMatchObject({ entityType: 'Customer', entityId: '103' })
    expect([await next(all), await next(all), await next(all)]).toMatchObject([
      { entityId: '55' },
      { entityId: '101' },
      { entityId: '103' },
    ])
    expect(jobs.waiting).toEqual([])
  })
})

test('a Change whose value an earlier frame has shown already is told still, by the fields it names', async () => {
  const world = await startWorld()
  await world.settled()
  const { stripe } = world.tools
  const order = stripe.snapshot().invoices.find(({ head }) => head.status === 'open')?.head.id ?? ''
  const frames = world.subscribe(
    `subscription($id: ID!) { orderChanged(id: $id) { change { kind fields } order { status memo } } }`,
    {
      id: order,
    },
  )
  await frames.next()
  stripe.webhooks.pause()
  stripe.updateInvoice(order, { description: 'and paid at once' })
  stripe.payInvoice(order)
  stripe.webhooks.resume()
  const named = new Set<unknown>()
  while (!named.has('status') || !named.has('memo')) {
    const frame = await frames.next()
    expect(frame).toMatchObject({ data: { orderChanged: { order: { status: 'PAID', memo: 'and paid at once' } } } })
    for (const field of listAt(frame, 'data.orderChanged.change.fields')) named.add(field)
  }
})

test('a feed of a tool that is not connected is refused with those that are, rather than silent', async () => {
  const world = await startWorld()
  await expect(world.subscribe('subscription { changes(systems: ["xero"]) { entityId } }').next()).rejects.toThrow(
    'expected systems among hubspot, stripe, asana; got xero',
  )
})

test.each([
  'jobChanged(status: " ")',
  'orderChanged(customer: "")',
  'customerChanged(id: " ")',
  'changes(entities: [])',
  'changes(systems: [])',
  'changes(fields: [])',
])('%s is refused, for it would hear of nothing', async asked => {
  const world = await startWorld({ waitsForImport: false })
  await expect(world.subscribe(`subscription { ${asked} { change { kind } } }`).next()).rejects.toThrow(
    /got blank text|leave it out to hear of all/,
  )
})
