import { expect, test } from 'vitest'
import { contact, hubspotAccount, stripeAccount, type RawRecords } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'
import { rawCustomer, rawEvent, rawInvoice, rawPrice, rawProduct, seconds, thinEvent } from './stripe-raw.ts'

const states = '{ deliveries(first: 20) { nodes { state reason } } }'

test('what a merchant chose as an id is one: customers, products, prices, in webhooks, sweeps, lists and addresses', async () => {
  const customers: RawRecords = { 'acme-corp': rawCustomer('acme-corp', { email: 'omar@example.com' }) }
  const products: RawRecords = {
    'boiler-top-up_2024': rawProduct('boiler-top-up_2024', { name: 'Top-up' }),
    'gold.plan v2': rawProduct('gold.plan v2'),
    'a/b@c': rawProduct('a/b@c', { active: false }),
  }
  const prices: RawRecords = {
    price_9: rawPrice('price_9', 'boiler-top-up_2024', { unit_amount: 1000, unit_amount_decimal: '1000' }),
    'plan one': rawPrice('plan one', 'a/b@c', { unit_amount: 5, unit_amount_decimal: '5' }),
  }
  const events: RawRecords = {}
  const invoices: RawRecords = { 'in 1/2': rawInvoice('in 1/2', 'acme-corp', { total: 5 }) }
  const world = await startFieldWorld({
    hubspot: [hubspotAccount({ contacts: { 102: contact('102', { email: 'omar@example.com' }) } })],
    stripe: [stripeAccount({ customers, products, prices, events, invoices })],
  })
  const ask = `{
    product(id: "boiler-top-up_2024") { name isActive prices { id unitAmount { amount } } }
    odd: product(id: "a/b@c") { id prices { id } }
    order(id: "in 1/2") { id customer { id } }
    products(filter: { isActive: true }, first: 1) { nodes { id } pageInfo { endCursor } totalCount }
    customer(id: "102") { balances { credit { amount } } orders { nodes { id } } }
  }`
  expect(await world.data(ask)).toMatchObject({
    product: { name: 'Top-up', isActive: true, prices: [{ id: 'price_9', unitAmount: { amount: 1000 } }] },
    odd: { id: 'a/b@c', prices: [{ id: 'plan one' }] },
    order: { id: 'in 1/2', customer: { id: '102' } },
    products: { totalCount: 2 },
    customer: { orders: { nodes: [{ id: 'in 1/2' }] } },
  })

  products['boiler-top-up_2024'] = rawProduct('boiler-top-up_2024', {
    name: 'Boiler top-up (new)',
    active: false,
    updated: seconds + 1,
  })
  await world.tellStripe(rawEvent('product.updated', products['boiler-top-up_2024'], { active: true, name: 'Top-up' }))
  prices['price_9'] = rawPrice('price_9', 'boiler-top-up_2024', { unit_amount: 2500, unit_amount_decimal: '2500' })
  await world.tellStripe(rawEvent('price.updated', prices['price_9'], { unit_amount: 1000 }))
  customers['acme-corp'] = rawCustomer('acme-corp', { email: 'omar@example.com', balance: -4200 })
  await world.tellStripe(rawEvent('customer.updated', customers['acme-corp'], { balance: 0 }))
  products['gold.plan v2'] = rawProduct('gold.plan v2', { active: false, updated: seconds + 1 })
  const swept = rawEvent('product.updated', products['gold.plan v2'], { active: true })
  events[String(swept['id'])] = { ...swept, created: Math.floor(Date.now() / 1000) }
  await world.sweep()

  expect(await world.data(ask)).toMatchObject({
    product: {
      name: 'Boiler top-up (new)',
      isActive: false,
      prices: [{ id: 'price_9', unitAmount: { amount: 2500 } }],
    },
    products: { nodes: [], totalCount: 0 },
    customer: { balances: expect.arrayContaining([{ credit: { amount: 4200 } }]) },
  })
  expect(await world.data('{ systems { system deadEntries } }')).toMatchObject({
    systems: expect.arrayContaining([{ system: 'stripe', deadEntries: 0 }]),
  })
  expect(world.stripe.requests.map(({ path }) => path)).toContain('/v1/invoices/in%201%2F2')
})

test('an event of our kinds that cannot be understood is dead with a reason', async () => {
  const world = await startFieldWorld({ stripe: [stripeAccount({})] })
  await world.tellStripe(rawEvent('price.updated', { id: 'price_1', object: 'price', product: null }))
  await world.tellStripe(rawEvent('invoice.paid', { id: 7, object: 'invoice' }))
  await world.tellStripe(rawEvent('payout.paid', { id: 'po_1', object: 'payout' }))
  expect(await world.data(states)).toEqual({
    deliveries: {
      nodes: [
        { state: 'DONE', reason: null },
        { state: 'DEAD', reason: 'the id of its invoice: expected a string or an object, got a whole number' },
        { state: 'DEAD', reason: expect.stringContaining('price.updated: expected it to name its record') },
      ],
    },
  })
})

test('a thin notification of a v1 record has it read again and pushed; others are passed over, and one that names none is dead', async () => {
  const invoices: RawRecords = { in_open: rawInvoice('in_open', 'cus_1', { total: 10_000 }) }
  const prices: RawRecords = {
    price_1: rawPrice('price_1', 'prod_1', { unit_amount: 1, unit_amount_decimal: '1' }),
  }
  const world = await startFieldWorld({
    hubspot: [hubspotAccount({ contacts: { 101: contact('101', { email: 'jane@example.com' }) } })],
    stripe: [
      stripeAccount({
        customers: { cus_1: rawCustomer('cus_1', { email: 'jane@example.com' }) },
        invoices,
        prices,
        products: { prod_1: rawProduct('prod_1') },
      }),
    ],
  })
  const ask = `{ order(id: "in_open") { status amountPaid { amount } } orders(filter: { status: [OPEN] }) { totalCount }
    product(id: "prod_1") { prices { unitAmount { amount } } } }`
  expect(await world.data(ask)).toMatchObject({ order: { status: 'OPEN' }, orders: { totalCount: 1 } })
  const frames = world.subscribe('subscription { customerChanged(id: "101") { change { kind system } } }')
  await frames.next()

  invoices['in_open'] = rawInvoice('in_open', 'cus_1', {
    total: 10_000,
    status: 'paid',
    amount_paid: 10_000,
    amount_remaining: 0,
  })
  await world.tellStripe(thinEvent('v1.invoice.paid', { id: 'in_open', type: 'invoice', url: '/v1/invoices/in_open' }))
  expect(await frames.next()).toMatchObject({
    data: { customerChanged: { change: { system: 'stripe', kind: 'UPDATED' } } },
  })
  prices['price_1'] = rawPrice('price_1', 'prod_1', { unit_amount: 2, unit_amount_decimal: '2' })
  await world.tellStripe(thinEvent('v1.price.updated', { id: 'price_1', type: 'price', url: '/v1/prices/price_1' }))
  await world.tellStripe(thinEvent('v2.core.account_link.returned', { id: 'acct_1', type: 'account' }))
  await world.tellStripe(thinEvent('v1.invoice.paid', null))
  await world.tellStripe(thinEvent('v1.price.updated', { id: 'price_gone', type: 'price' }))

  expect(await world.data(ask)).toEqual({
    order: { status: 'PAID', amountPaid: { amount: 10_000 } },
    orders: { totalCount: 0 },
    product: { prices: [{ unitAmount: { amount: 2 } }] },
  })
  expect(await world.data(states)).toMatchObject({
    deliveries: {
      nodes: [
        { state: 'DEAD', reason: expect.stringContaining('price price_gone is gone') },
        { state: 'DEAD', reason: expect.stringContaining('related_object') },
        { state: 'DONE' },
        { state: 'DONE' },
        { state: 'DONE' },
      ],
    },
  })
})

test('both kinds of notification of one happening are one', async () => {
  const invoices: RawRecords = { in_1: rawInvoice('in_1', 'cus_1', { total: 1 }) }
  const world = await startFieldWorld({
    stripe: [stripeAccount({ invoices, customers: { cus_1: rawCustomer('cus_1') } })],
  })
  const old = rawEvent('invoice.paid', rawInvoice('in_1', 'cus_1', { status: 'paid' }))
  await world.tellStripe({
    ...thinEvent('v1.invoice.paid', { id: 'in_1', type: 'invoice' }),
    snapshot_event: old['id'],
  })
  const asked = world.stripe.requests.length
  await world.tellStripe(old)
  expect(world.stripe.requests).toHaveLength(asked)
})

test('a customer that is an Account of API v2 has its orders, by webhook, import and thin event', async () => {
  const customers: RawRecords = {
    cus_1: rawCustomer('cus_1', { email: 'jane@example.com', customer_account: 'acct_7' }),
  }
  customers['acct_7'] = customers['cus_1'] ?? {}
  const invoices: RawRecords = {
    in_1: rawInvoice('in_1', '', { customer: null, customer_account: 'acct_7', total: 5 }),
  }
  const world = await startFieldWorld({
    hubspot: [hubspotAccount({ contacts: { 101: contact('101', { email: 'jane@example.com' }) } })],
    stripe: [stripeAccount({ customers, invoices })],
  })
  const ask =
    '{ order(id: "in_1") { customer { id } } customer(id: "101") { orders { nodes { id } } balances { credit { amount } } } }'
  expect(await world.data(ask)).toMatchObject({
    order: { customer: { id: '101' } },
    customer: { orders: { nodes: [{ id: 'in_1' }] } },
  })
  invoices['in_2'] = rawInvoice('in_2', '', { customer: null, customer_account: 'acct_7', total: 5 })
  await world.tellStripe(rawEvent('invoice.created', invoices['in_2']))
  customers['cus_1'] = { ...customers['cus_1'], balance: -700 }
  customers['acct_7'] = customers['cus_1']
  await world.tellStripe(
    thinEvent('v2.core.account[configuration.customer].updated', { id: 'acct_7', type: 'v2.core.account' }),
  )
  expect(await world.data(ask)).toMatchObject({
    customer: { orders: { nodes: expect.arrayContaining([{ id: 'in_2' }]) }, balances: [{ credit: { amount: 700 } }] },
  })
})
