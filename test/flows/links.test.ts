import { expect, test } from 'vitest'
import { askElsewhere, at, codes, idsAt, listAt } from './reading.ts'
import { startWorld, type World } from './world.ts'

const linkRecord = `mutation($id: ID!, $to: ID) { linkRecord(input: { system: "stripe", kind: "customer", id: $id, customerId: $to }) { customer { id } } }`

const ordersOf = `query($id: ID!) { customer(id: $id) { id orders(first: 100) { nodes { id customer { id } } totalCount } paymentMethod { id } links { record { system id } evidence } } }`

/** What billing has for its own customers, newest first. */
function invoicesOf({ tools }: World, ...records: readonly string[]): readonly string[] {
  return tools.stripe
    .snapshot()
    .invoices.filter(({ head }) => records.some(id => id === head.customer))
    .map(({ head }) => head.id)
    .toSorted()
}

function unlinkedOf(answer: unknown): readonly unknown[] {
  return listAt(answer, 'unlinkedRecords.nodes')
}

const unlinkedRecords = `{ unlinkedRecords(first: 100) { nodes { record { id } reason candidates } totalCount } }`

test('a customer with two billing records has the orders of both and pays with the leading one', async () => {
  const world = await startWorld()
  const { stripe } = world.tools
  const ada = await world.data(ordersOf, { id: '101' })
  expect(idsAt(ada, 'customer.orders.nodes').toSorted()).toEqual(invoicesOf(world, 'cus_9', 'cus_12'))
  expect(invoicesOf(world, 'cus_9').length * invoicesOf(world, 'cus_12').length).toBeGreaterThan(0)
  expect(at(ada, 'customer.links')).toEqual(
    expect.arrayContaining(['cus_9', 'cus_12'].map(id => ({ record: { system: 'stripe', id }, evidence: 'EXPLICIT' }))),
  )
  // A person's word leads, whichever record is newer.
  for (const leading of ['cus_9', 'cus_12', 'cus_9']) {
    await world.data(linkRecord, { id: leading === 'cus_9' ? 'cus_12' : 'cus_9', to: null })
    await world.data(linkRecord, { id: leading, to: '101' })
    const held = stripe.snapshot().customers.find(({ id }) => id === leading)?.invoice_settings.default_payment_method
    const seen = await askElsewhere(world, ordersOf, { id: '101' })
    expect([leading, at(seen, 'customer.paymentMethod')]).toEqual([leading, held == null ? null : { id: held }])
    expect(idsAt(seen, 'customer.orders.nodes').toSorted()).toEqual(invoicesOf(world, leading))
  }
})

test('the links of a customer tell which jobs name it, in which field and since when', async () => {
  const world = await startWorld()
  const links = '{ customer(id: "101") { links { record { system kind id } evidence field linkedAt } } }'
  const task = world.tools.asana.createTask({ name: 'Fit a boiler', texts: new Map([['123', 'cus_12']]) })
  await world.settled()
  const found = listAt(await world.data(links), 'customer.links')
  expect(found).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ record: { system: 'stripe', kind: 'customer', id: 'cus_9' }, field: null }),
      {
        record: { system: 'asana', kind: 'task', id: task.gid },
        evidence: 'EXPLICIT',
        field: 'Job.customer',
        linkedAt: expect.stringMatching(/^\d{4}-/),
      },
    ]),
  )
  world.tools.asana.updateTask(task.gid, { texts: new Map([['123', '102']]) })
  await world.settled()
  expect(JSON.stringify(await world.data(links))).not.toContain(`"${task.gid}"`)
})

test('what a person linked moves with its orders, and no webhook takes it back', async () => {
  const world = await startWorld()
  const frames = world.subscribe(
    `subscription { customerChanged(id: "102") { change { kind } customer { orders { totalCount } } } }`,
  )
  const before = Number(at(await frames.next(), 'data.customerChanged.customer.orders.totalCount'))
  const moved = invoicesOf(world, 'cus_12')
  expect(await world.data(linkRecord, { id: 'cus_12', to: '102' })).toEqual({ linkRecord: { customer: { id: '102' } } })
  expect(await frames.next()).toEqual({
    data: {
      customerChanged: { change: { kind: 'LINKED' }, customer: { orders: { totalCount: before + moved.length } } },
    },
  })
  world.tools.stripe.updateCustomer('cus_12', { email: 'somebody@example.com', metadata: { crm_id: '103' } })
  world.tools.hubspot.updateContact('101', { phone: '+15550101' })
  await world.settled()
  const linked = await askElsewhere(world, ordersOf, { id: '102' })
  expect(idsAt(linked, 'customer.orders.nodes')).toEqual(expect.arrayContaining([...moved]))
  expect(JSON.stringify(listAt(linked, 'customer.orders.nodes'))).not.toContain('"101"')
  expect(at(linked, 'customer.links')).toContainEqual({
    record: { system: 'stripe', id: 'cus_12' },
    evidence: 'PERSON',
  })
  expect(idsAt(await world.data(ordersOf, { id: '101' }), 'customer.orders.nodes').toSorted()).toEqual(
    invoicesOf(world, 'cus_9'),
  )
  for (const [variables, code] of [
    [{ id: 'cus_none', to: '101' }, 'NOT_FOUND'],
    [{ id: 'cus_12', to: '9999' }, 'NOT_FOUND'],
  ] as const) {
    expect(codes(await world.ask(linkRecord, variables))).toEqual([code])
  }
})

test('a billing record of somebody the CRM does not know is listed, and its orders say to whom they went', async () => {
  const world = await startWorld()
  const { stripe, hubspot } = world.tools
  const stranger = stripe.createCustomer({ name: 'Wanda Walkin', email: 'wanda@example.org' })
  const order = stripe.createInvoice({ customer: stranger.id }, [
    { amount: 5000, currency: 'usd', description: 'Call-out' },
  ])
  await world.settled()
  const ofOrder = `query($id: ID!) { order(id: $id) { customer { id } billTo { name email } total { amount } } }`
  expect(await world.data(ofOrder, { id: order.id })).toEqual({
    order: { customer: null, billTo: { name: 'Wanda Walkin', email: 'wanda@example.org' }, total: { amount: 5000 } },
  })
  expect(unlinkedOf(await world.data(unlinkedRecords))).toContainEqual({
    record: { id: stranger.id },
    reason: 'BIRTH',
    candidates: [],
  })
  const contact = hubspot.createContact({ email: 'Wanda@Example.org', firstname: 'Wanda', lastname: 'Walkin' })
  await world.settled()
  expect(await askElsewhere(world, ofOrder, { id: order.id })).toMatchObject({
    order: { customer: { id: contact.id } },
  })
  expect(JSON.stringify(unlinkedOf(await world.data(unlinkedRecords)))).not.toContain(stranger.id)
  // A reference that leads nowhere is not guessed around.
  stripe.updateCustomer(stranger.id, { metadata: { crm_id: '9999' } })
  await world.settled()
  expect(await askElsewhere(world, ofOrder, { id: order.id })).toMatchObject({ order: { customer: null } })
  expect(unlinkedOf(await world.data(unlinkedRecords))).toContainEqual({
    record: { id: stranger.id },
    reason: 'UNKNOWN_REFERENCE',
    candidates: [],
  })
})

test('an e-mail that two customers have links nobody until only one has it', async () => {
  const world = await startWorld()
  const { stripe, hubspot } = world.tools
  const first = hubspot.createContact({ email: 'shared@example.org', firstname: 'One' })
  const record = stripe.createCustomer({ name: 'Shared', email: 'SHARED@example.org' })
  await world.settled()
  const links = `query($id: ID!) { customer(id: $id) { links { record { id } evidence } } }`
  expect(at(await world.data(links, { id: first.id }), 'customer.links')).toContainEqual({
    record: { id: record.id },
    evidence: 'EMAIL',
  })
  // The CRM's word of the first's new address is lost on its way.
  hubspot.faults.add({ webhook: 'drop', times: 1 })
  hubspot.updateContact(first.id, { email: 'own@example.org' })
  await world.settled()
  const second = hubspot.createContact({ email: 'shared@example.org', firstname: 'Two' })
  await world.settled()
  expect(unlinkedOf(await world.data(unlinkedRecords))).toContainEqual({
    record: { id: record.id },
    reason: 'AMBIGUOUS_EMAIL',
    candidates: [first.id, second.id],
  })
  hubspot.updateContact(first.id, { phone: '+15550150' })
  await world.settled()
  expect(at(await world.data(links, { id: second.id }), 'customer.links')).toContainEqual({
    record: { id: record.id },
    evidence: 'EMAIL',
  })
  expect(JSON.stringify(unlinkedOf(await world.data(unlinkedRecords)))).not.toContain(record.id)
})
