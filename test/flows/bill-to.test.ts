import { expect, test } from 'vitest'
import { at, codes, idsAt, listAt, textAt } from './reading.ts'
import { dropWebhooks } from './signing.ts'
import { startWorld, type World } from './world.ts'

const createOrder = `mutation($input: CreateOrderInput!) { createOrder(input: $input) { order { id status customer { id } billTo { name email phone address { street city region postalCode country } } } } }`

function orderFor(customerId: string, more: object = {}) {
  return { input: { customerId, currency: 'USD', lines: [{ description: 'Call-out', unitAmount: 9500 }], ...more } }
}

/** How often billing was asked for it. */
function asked({ tools }: World, ...routes: readonly string[]): number {
  return routes.reduce((sum, route) => sum + tools.stripe.requests.count(`POST ${route}`), 0)
}

const whole = {
  firstname: 'Jane',
  lastname: 'Doe',
  phone: '+1 555 0100',
  address: '1 Main St',
  city: 'Springfield',
  state: 'IL',
  zip: '62701',
  country: 'United States',
}
const address = { street: '1 Main St', city: 'Springfield', region: 'IL', postalCode: '62701', country: 'US' }

test('an order bills the record that is linked, with what the CRM says now, though both sides edited the address', async () => {
  const world = await startWorld()
  const { hubspot, stripe } = world.tools
  const contact = hubspot.createContact({ email: 'jane@example.com' })
  const record = stripe.createCustomer({ email: 'jane@example.com', name: 'J', metadata: { note: 'kept' } })
  await world.settled()
  stripe.updateCustomer(record.id, { email: 'accounts@firm.example' })
  // What is not heard of yet counts as well.
  await world.settled()
  dropWebhooks(world)
  hubspot.updateContact(contact.id, { ...whole, email: 'jane.doe@example.com' })
  const customers = stripe.snapshot().customers.length
  const made = await world.data(createOrder, orderFor(contact.id, { finalize: true }))
  const billTo = { name: 'Jane Doe', email: 'jane.doe@example.com', phone: '+1 555 0100', address }
  expect(at(made, 'createOrder.order')).toMatchObject({ status: 'OPEN', customer: { id: contact.id }, billTo })
  expect(stripe.customer(record.id)).toMatchObject({
    name: 'Jane Doe',
    email: 'jane.doe@example.com',
    address: { line1: '1 Main St', line2: null, country: 'US' },
    metadata: { note: 'kept' },
  })
  expect(stripe.snapshot().customers).toHaveLength(customers)
  // Nothing differs any more, and what the CRM has no more wipes nothing.
  const updates = asked(world, '/v1/customers/:id')
  hubspot.updateContact(contact.id, { phone: null, city: null })
  const again = await world.data(createOrder, orderFor(contact.id))
  expect(at(again, 'createOrder.order.billTo')).toEqual(billTo)
  expect(asked(world, '/v1/customers/:id')).toBe(updates)
})

test('an order of a customer new to billing shows name and address too', async () => {
  const world = await startWorld()
  const { hubspot, stripe } = world.tools
  const contact = hubspot.createContact({ ...whole, email: 'new@example.com', country: 'Atlantis' })
  await world.settled()
  const made = await world.data(createOrder, orderFor(contact.id))
  expect(at(made, 'createOrder.order.billTo')).toEqual({
    name: 'Jane Doe',
    email: 'new@example.com',
    phone: '+1 555 0100',
    // A country that is none is left out.
    address: { ...address, country: null },
  })
  const record = textAt(stripe.invoice(textAt(made, 'createOrder.order.id')), 'customer')
  expect(stripe.customer(record)).toMatchObject({ metadata: { crm_id: contact.id } })
  await world.settled()
  await world.data(createOrder, orderFor(contact.id))
  expect(asked(world, '/v1/customers')).toBe(1)
})

test('a billing record that was not heard of yet is billed rather than a second one made', async () => {
  const world = await startWorld()
  const { hubspot, stripe } = world.tools
  const contact = hubspot.createContact({ ...whole, email: 'late@example.com' })
  await world.settled()
  dropWebhooks(world)
  const others = stripe.createCustomer({ email: 'late@example.com', metadata: { crm_id: '102' } })
  const record = stripe.createCustomer({ email: 'late@example.com' })
  const made = await world.data(createOrder, orderFor(contact.id))
  expect(at(made, 'createOrder.order.customer')).toEqual({ id: contact.id })
  expect(stripe.invoice(textAt(made, 'createOrder.order.id'))?.customer).toBe(record.id)
  expect(stripe.customer(others.id)).toMatchObject({ metadata: { crm_id: '102' } })
  const links = await world.data(
    `query($id: ID!) { customer(id: $id) { links { record { id } } orders { nodes { id } } } }`,
    {
      id: contact.id,
    },
  )
  expect(listAt(links, 'customer.links').map(link => at(link, 'record.id'))).toContain(record.id)
  expect(idsAt(links, 'customer.orders.nodes')).toEqual([textAt(made, 'createOrder.order.id')])
  expect(asked(world, '/v1/customers')).toBe(0)
})

test('two first orders at once are of one billing record', async () => {
  const world = await startWorld()
  const contact = world.tools.hubspot.createContact({ ...whole, email: 'twice@example.com' })
  await world.settled()
  const made = await Promise.all([1, 2, 3].map(() => world.data(createOrder, orderFor(contact.id))))
  const records = made.map(one => world.tools.stripe.invoice(textAt(one, 'createOrder.order.id'))?.customer)
  expect([new Set(records).size, asked(world, '/v1/customers')]).toEqual([1, 1])
})

test('no order is made for a record whose address is another customer’s, until a person has said whose it is', async () => {
  const world = await startWorld()
  const { hubspot, stripe } = world.tools
  const first = hubspot.createContact({ email: 'shared@example.com' })
  const record = stripe.createCustomer({ email: 'shared@example.com' })
  await world.settled()
  hubspot.updateContact(first.id, { email: 'own@example.com' })
  await world.settled()
  hubspot.createContact({ email: 'shared@example.com' })
  await world.settled()
  const refused = await world.ask(createOrder, orderFor(first.id))
  expect(codes(refused)).toEqual(['BAD_USER_INPUT'])
  expect(refused.errors[0]?.message).toContain(
    `the billing record ${record.id} has the e-mail address of another customer`,
  )
  expect([
    stripe.customer(record.id)?.object,
    asked(world, '/v1/customers', '/v1/customers/:id', '/v1/invoices'),
  ]).toEqual(['customer', 0])
  await world.data(
    `mutation($id: ID!, $to: ID) { linkRecord(input: { system: "stripe", kind: "customer", id: $id, customerId: $to }) { customer { id } } }`,
    { id: record.id, to: first.id },
  )
  const made = await world.data(createOrder, orderFor(first.id))
  expect(at(made, 'createOrder.order.billTo')).toMatchObject({ email: 'own@example.com' })
  expect(stripe.invoice(textAt(made, 'createOrder.order.id'))?.customer).toBe(record.id)
})

test('no order is made while the CRM cannot say whom to bill, or has them no more', async () => {
  const world = await startWorld()
  const { hubspot } = world.tools
  // What was read a moment ago may be out of date.
  await world.data('{ customer(id: "101") { name email phone } }')
  hubspot.faults.add({ kind: 'error', status: 503 })
  const away = await world.ask(createOrder, orderFor('101'))
  expect(codes(away)).toEqual(['SYSTEM_UNAVAILABLE'])
  expect(away.errors[0]?.extensions).toMatchObject({ system: 'hubspot', isRetryable: true })
  hubspot.faults.clear()
  dropWebhooks(world)
  hubspot.deleteContact('101')
  const gone = await world.ask(createOrder, orderFor('101'))
  expect(codes(gone)).toEqual(['BAD_USER_INPUT'])
  expect(asked(world, '/v1/customers', '/v1/customers/:id', '/v1/invoices')).toBe(0)
})

test('an order whose making stops after the update is finished with what the CRM says then, also when it says so again', async () => {
  const world = await startWorld()
  const { hubspot, stripe } = world.tools
  const contact = hubspot.createContact({ ...whole, email: 'crash@example.com' })
  const record = stripe.createCustomer({ email: 'crash@example.com' })
  await world.settled()
  const order = orderFor(contact.id, { clientMutationId: 'once' })
  for (const firstname of ['Ann', 'Bea', 'Ann']) {
    stripe.faults.add({ kind: 'error', status: 500, match: { method: 'POST', path: /^\/v1\/invoices$/ } })
    hubspot.updateContact(contact.id, { firstname })
    expect(codes(await world.ask(createOrder, order))).toHaveLength(1)
    expect(stripe.customer(record.id)).toMatchObject({ name: `${firstname} Doe` })
    stripe.faults.clear()
  }
  const made = await world.data(createOrder, order)
  expect(at(made, 'createOrder.order.billTo')).toMatchObject({ name: 'Ann Doe' })
  const invoices = stripe.snapshot().invoices.filter(({ head }) => head.customer === record.id)
  expect(invoices).toHaveLength(1)
})
