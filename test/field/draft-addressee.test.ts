import { expect, test } from 'vitest'
import { contact, hubspotAccount, stripeAccount, type RawRecords } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'
import { rawCustomer, rawEvent, rawInvoice } from './stripe-raw.ts'

// Stripe shows a draft with what its customer has, and sends no event of the draft when that changes.
test('a draft follows what its billing record is called, in answers and pushes; what is finalised does not', async () => {
  const customers: RawRecords = {
    cus_1: rawCustomer('cus_1', { email: 'jane@example.com', name: 'Jane', metadata: { crm_id: '101' } }),
  }
  const invoices: RawRecords = {
    in_draft: rawInvoice('in_draft', 'cus_1', {
      status: 'draft',
      customer_name: 'Jane',
      customer_email: 'jane@example.com',
    }),
    in_open: rawInvoice('in_open', 'cus_1', { customer_name: 'Jane', customer_email: 'jane@example.com' }),
  }
  const world = await startFieldWorld({
    hubspot: [hubspotAccount({ contacts: { 101: contact('101', { email: 'jane@example.com' }) } })],
    stripe: [stripeAccount({ customers, invoices })],
  })
  const shows = 'change { kind fields } order { billTo { name } }'
  const draft = world.subscribe(`subscription { orderChanged(id: "in_draft") { ${shows} } }`)
  expect(await draft.next()).toMatchObject({ data: { orderChanged: { order: { billTo: { name: 'Jane' } } } } })
  const { position } = world.gateway.runtime.follower
  customers['cus_1'] = { ...customers['cus_1'], name: 'Jane & Sons' }
  invoices['in_draft'] = { ...invoices['in_draft'], customer_name: 'Jane & Sons' }
  await world.tellStripe(rawEvent('customer.updated', customers['cus_1'], { name: 'Jane' }))
  expect(await draft.next()).toEqual({
    data: {
      orderChanged: { change: { kind: 'UPDATED', fields: ['billTo'] }, order: { billTo: { name: 'Jane & Sons' } } },
    },
  })
  const changed = await world.gateway.runtime.store.read(db =>
    db.selectFrom('changes').select(['record_kind', 'record_id']).where('sequence', '>', position).execute(),
  )
  expect(changed).toEqual([
    { record_kind: 'customer', record_id: 'cus_1' },
    { record_kind: 'invoice', record_id: 'in_draft' },
  ])
  draft.end()
})
