import { expect, test } from 'vitest'
import { asanaAccount, contact, hubspotAccount, stripeAccount, task, type Raw, type RawRecords } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'
import { rawCustomer, rawEvent, rawInvoice } from './stripe-raw.ts'

/** Who watches one order or job hears of it, of what it hangs below and of what hangs below it; not of others of the same customer. */

const section = { gid: '1', name: 'New' }
const customerField = { gid: '123', resource_type: 'custom_field', resource_subtype: 'text' }
const orderField = { ...customerField, gid: '124' }
const ofOrder = (number: string): Raw => ({
  custom_fields: [
    { gid: '124', name: 'Order', resource_subtype: 'text', type: 'text', text_value: number, display_value: number },
  ],
})

test('news of another order or job of the same customer are no news of one that is watched', async () => {
  const contacts: RawRecords = { 101: contact('101', { email: 'jane@example.com', firstname: 'Jane' }) }
  const customers: RawRecords = {
    cus_1: rawCustomer('cus_1', { email: 'jane@example.com', metadata: { crm_id: '101' } }),
  }
  const invoices: RawRecords = {
    in_1: rawInvoice('in_1', 'cus_1', {}),
    in_2: rawInvoice('in_2', 'cus_1', { status: 'draft' }),
  }
  const tasks: RawRecords = { 61: task('61', section, ofOrder('in_1')), 62: task('62', section, ofOrder('in_2')) }
  const world = await startFieldWorld({
    hubspot: [hubspotAccount({ contacts })],
    stripe: [stripeAccount({ customers, invoices })],
    asana: [asanaAccount({ project: '99', tasks, sections: [section], fields: [customerField, orderField] })],
  })
  await world.gateway.connect('asana', () => undefined)
  const retitle = async (gid: string): Promise<void> => {
    const at = new Date().toISOString()
    tasks[gid] = { ...tasks[gid], name: 'Another title', modified_at: at }
    const resource = { gid, resource_type: 'task' }
    await world.tellAsana([
      { action: 'changed', created_at: at, parent: null, resource, change: { field: 'name', action: 'changed' } },
    ])
  }
  const order = world.subscribe('subscription { orderChanged(id: "in_1") { change { kind fields record { id } } } }')
  const job = world.subscribe('subscription { jobChanged(id: "61") { change { kind fields record { id } } } }')
  await Promise.all([order.next(), job.next()])

  invoices['in_2'] = { ...invoices['in_2'], description: 'Another memo' }
  await world.tellStripe(rawEvent('invoice.updated', invoices['in_2'], { description: null }))
  await retitle('62')
  const { in_2: gone = {} } = invoices
  delete invoices['in_2']
  await world.tellStripe(rawEvent('invoice.deleted', gone))

  const updatedAt = new Date().toISOString()
  const renamed = { email: 'jane@example.com', firstname: 'Joan', lastmodifieddate: updatedAt }
  contacts[101] = { ...contact('101', renamed), updatedAt }
  await world.tellHubspot([
    {
      eventId: 1,
      subscriptionId: 1,
      portalId: 1,
      occurredAt: Date.now(),
      subscriptionType: 'contact.propertyChange',
      propertyName: 'firstname',
      objectId: 101,
    },
  ])
  const ofCustomer = { change: { kind: 'UPDATED', fields: ['customer'], record: { id: '101' } } }
  expect(await order.next()).toEqual({ data: { orderChanged: ofCustomer } })

  invoices['in_1'] = { ...invoices['in_1'], description: 'Its memo' }
  await world.tellStripe(rawEvent('invoice.updated', invoices['in_1'], { description: null }))
  expect(await order.next()).toEqual({
    data: { orderChanged: { change: { kind: 'UPDATED', fields: ['memo'], record: { id: 'in_1' } } } },
  })
  expect(await job.next()).toEqual({
    data: { jobChanged: { change: { kind: 'UPDATED', fields: ['order'], record: { id: 'in_1' } } } },
  })

  await retitle('61')
  expect(await order.next()).toMatchObject({
    data: { orderChanged: { change: { fields: ['jobs'], record: { id: '61' } } } },
  })
  expect(await job.next()).toMatchObject({ data: { jobChanged: { change: { record: { id: '61' } } } } })
})
