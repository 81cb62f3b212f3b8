import { expect, test } from 'vitest'
import { asanaAccount, contact, hubspotAccount, stripeAccount, task, type Raw, type RawRecords } from './accounts.ts'
import { startFieldWorld, type FieldWorld } from './field-world.ts'
import { rawCustomer, rawEvent, rawInvoice } from './stripe-raw.ts'

/** Jobs and orders that belong to another customer because an address, a number or a contact changed hands: they are told themselves. */

const section = { gid: '1', name: 'New' }
const inField = (field: string, text: string): Raw => ({
  custom_fields: [
    { gid: field, name: 'Text', resource_subtype: 'text', type: 'text', text_value: text, display_value: text },
  ],
})

interface Tools {
  readonly contacts: RawRecords
  readonly customers?: RawRecords
  readonly invoices?: RawRecords
  readonly tasks?: RawRecords
}

function worldOf({ contacts, customers = {}, invoices = {}, tasks = {} }: Tools): Promise<FieldWorld> {
  return startFieldWorld({
    hubspot: [hubspotAccount({ contacts })],
    stripe: [stripeAccount({ customers, invoices })],
    asana: [asanaAccount({ project: '99', tasks, sections: [section] })],
  })
}

let notifications = 0

async function changeContact(world: FieldWorld, contacts: RawRecords, id: string, properties: Raw): Promise<void> {
  const updatedAt = new Date().toISOString()
  contacts[id] = { ...contact(id, { ...properties, lastmodifieddate: updatedAt }), updatedAt }
  const sent = { eventId: ++notifications, subscriptionId: 1, portalId: 1, occurredAt: Date.now() }
  const told = { subscriptionType: 'contact.propertyChange', propertyName: 'email', objectId: Number(id) }
  await world.tellHubspot([{ ...sent, ...told }])
}

const feed = 'subscription { changes(entities: ["Job", "Order"]) { change { kind fields record { id } } } }'
const job = 'subscription { jobChanged(id: "61") { change { kind fields } job { customer { id } } } }'

test('a job whose customer’s address a contact gains is told with its new customer, to whoever watches it or the list', async () => {
  const contacts: RawRecords = {
    101: contact('101', { email: 'ada@example.com' }),
    102: contact('102', { email: 'bob@example.com' }),
  }
  const world = await worldOf({ contacts, tasks: { 61: task('61', section, inField('123', 'grace@example.com')) } })
  const frames = world.subscribe(job)
  const list = world.subscribe('subscription { jobChanged(customer: "101") { change { kind } job { id } } }')
  const all = world.subscribe(feed)
  expect(await frames.next()).toMatchObject({ data: { jobChanged: { job: { customer: null } } } })
  await list.next()
  await all.next()
  await changeContact(world, contacts, '101', { email: 'grace@example.com' })
  expect(await frames.next()).toMatchObject({
    data: { jobChanged: { change: { kind: 'UPDATED', fields: ['customer'] }, job: { customer: { id: '101' } } } },
  })
  expect(await list.next()).toMatchObject({ data: { jobChanged: { change: { kind: 'UPDATED' }, job: { id: '61' } } } })
  expect(await all.next()).toMatchObject({
    data: { changes: { change: { kind: 'UPDATED', fields: ['customer'], record: { id: '61' } } } },
  })
  // It is told once, and not again by what changes nothing for it.
  await changeContact(world, contacts, '102', { email: 'other@example.com' })
  expect([frames.waiting.length, all.waiting.length]).toEqual([0, 0])
})

test('a job named by an address that two contacts have is told when one of them loses it', async () => {
  const contacts: RawRecords = {
    101: contact('101', { email: 'ada@example.com', hs_additional_emails: 'shared@example.com' }),
    102: contact('102', { email: 'shared@example.com' }),
  }
  const world = await worldOf({ contacts, tasks: { 61: task('61', section, inField('123', 'shared@example.com')) } })
  const frames = world.subscribe(job)
  expect(await frames.next()).toMatchObject({ data: { jobChanged: { job: { customer: null } } } })
  await changeContact(world, contacts, '101', { email: 'ada@example.com', hs_additional_emails: '' })
  expect(await frames.next()).toMatchObject({
    data: { jobChanged: { change: { fields: ['customer'] }, job: { customer: { id: '102' } } } },
  })
})

test('an order of an unknown billing record is told when a contact gains the address it was sent to', async () => {
  const contacts: RawRecords = { 101: contact('101', { email: 'ada@example.com' }) }
  const invoices = { in_1: rawInvoice('in_1', 'cus_gone', { customer_email: 'grace@example.com' }) }
  const world = await worldOf({ contacts, invoices })
  const frames = world.subscribe(
    'subscription { orderChanged(id: "in_1") { change { fields } order { customer { id } } } }',
  )
  expect(await frames.next()).toMatchObject({ data: { orderChanged: { order: { customer: null } } } })
  await changeContact(world, contacts, '101', { email: 'grace@example.com' })
  expect(await frames.next()).toMatchObject({
    data: { orderChanged: { change: { fields: ['customer'] }, order: { customer: { id: '101' } } } },
  })
})

test('a job that names an order by its number is told when the order gets it', async () => {
  const invoices: RawRecords = { in_1: rawInvoice('in_1', 'cus_1', { number: null, status: 'draft' }) }
  const world = await worldOf({
    contacts: { 101: contact('101', { email: 'ada@example.com' }) },
    customers: { cus_1: rawCustomer('cus_1', { email: 'ada@example.com' }) },
    invoices,
    tasks: { 61: task('61', section, inField('124', 'A-77')) },
  })
  const frames = world.subscribe('subscription { jobChanged(id: "61") { change { fields } job { order { id } } } }')
  expect(await frames.next()).toMatchObject({ data: { jobChanged: { job: { order: null } } } })
  invoices['in_1'] = rawInvoice('in_1', 'cus_1', { number: 'A-77', status: 'open' })
  await world.tellStripe(rawEvent('invoice.finalized', invoices['in_1'], { number: null, status: 'draft' }))
  expect(await frames.next()).toMatchObject({
    data: { jobChanged: { change: { fields: ['order'] }, job: { order: { id: 'in_1' } } } },
  })
})

test('orders of a billing record whose link moves are told by its link, in one Change however many', async () => {
  const contacts: RawRecords = {
    101: contact('101', { email: 'ada@example.com' }),
    102: contact('102', { email: 'bob@example.com' }),
  }
  const ids = Array.from({ length: 30 }, (_, index) => `in_${index}`)
  const world = await worldOf({
    contacts,
    customers: { cus_1: rawCustomer('cus_1', { email: 'ada@example.com' }) },
    invoices: Object.fromEntries(ids.map(id => [id, rawInvoice(id, 'cus_1', {})])),
  })
  const frames = world.subscribe(
    'subscription { orderChanged(id: "in_7") { change { kind } order { customer { id } } } }',
  )
  const all = world.subscribe('subscription { changes { change { kind record { id } } } }')
  expect(await frames.next()).toMatchObject({ data: { orderChanged: { order: { customer: { id: '101' } } } } })
  await all.next()
  await world.data(
    'mutation { linkRecord(input: { system: "stripe", kind: "customer", id: "cus_1", customerId: "102" }) { customer { id } } }',
  )
  expect(await frames.next()).toMatchObject({ data: { orderChanged: { order: { customer: { id: '102' } } } } })
  expect(await all.next()).toMatchObject({ data: { changes: { change: { kind: 'LINKED', record: { id: 'cus_1' } } } } })
  expect(all.waiting).toEqual([])
})

test('thousands of jobs that a contact gains with an address hold up no other news', async () => {
  const contacts: RawRecords = { 101: contact('101', { email: 'ada@example.com' }) }
  const count = 3000
  const ids = Array.from({ length: count }, (_, index) => String(1000 + index))
  const world = await worldOf({
    contacts,
    tasks: Object.fromEntries(ids.map(id => [id, task(id, section, inField('123', 'grace@example.com'))])),
  })
  const begunAt = performance.now()
  await changeContact(world, contacts, '101', { email: 'grace@example.com' })
  expect(performance.now() - begunAt).toBeLessThan(5000)
  expect(await world.data('{ customer(id: "101") { jobs(first: 0) { totalCount } } }')).toEqual({
    customer: { jobs: { totalCount: count } },
  })
})
