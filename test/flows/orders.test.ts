import { expect, test } from 'vitest'
import { askElsewhere, at, codes, idsAt, silentWorld, textAt } from './reading.ts'
import type { World } from './world.ts'

const orderFields = `id number status memo total { amount currency } amountRemaining { amount } amountPaid { amount } lines { description quantity unitPrice { amount } amount { amount } product { id } } dueAt paidAt finalizedAt customer { id name }`

const createOrder = `mutation($input: CreateOrderInput!) { createOrder(input: $input) { order { ${orderFields} } } }`

async function counts(world: World) {
  return askElsewhere(
    world,
    `{ draft: orders(filter: { status: [DRAFT] }) { totalCount } open: orders(filter: { status: [OPEN] }) { totalCount }
       paid: orders(filter: { status: [PAID] }) { totalCount } void: orders(filter: { status: [VOID] }) { totalCount } orders { totalCount } }`,
  )
}

function countOf(answer: unknown, list: string): number {
  return Number(at(answer, `${list}.totalCount`))
}

test('an order goes from draft to paid, and each step is in billing and in every list at once', async () => {
  const world = await silentWorld()
  const before = await counts(world)
  const created = await world.data(createOrder, {
    input: {
      customerId: '101',
      currency: 'USD',
      memo: 'As agreed by phone.',
      daysUntilDue: 7,
      lines: [
        { priceId: 'price_004_usd', quantity: 2 },
        { description: 'Parking', unitAmount: 550 },
      ],
    },
  })
  const id = textAt(created, 'createOrder.order.id')
  expect(at(created, 'createOrder.order')).toMatchObject({
    number: null,
    status: 'DRAFT',
    memo: 'As agreed by phone.',
    total: { amount: 29550, currency: 'USD' },
    lines: [
      { quantity: 2, unitPrice: { amount: 14500 }, amount: { amount: 29000 }, product: { id: 'prod_004' } },
      { description: 'Parking', quantity: 1, amount: { amount: 550 }, product: null },
    ],
    paidAt: null,
    customer: { id: '101', name: 'Ada Larkin' },
  })
  // The leading of two explicit billing records is the newer one.
  const leading = ['cus_9', 'cus_12']
    .map(cus => world.tools.stripe.customer(cus))
    .toSorted((a, b) => createdOf(b) - createdOf(a))[0]?.id
  expect(world.tools.stripe.invoice(id)).toMatchObject({
    customer: leading,
    status: 'draft',
    total: 29550,
    currency: 'usd',
  })
  expect(
    await askElsewhere(
      world,
      `query($id: ID!) { order(id: $id) { status } customer(id: "101") { orders(first: 1) { nodes { id } } } orders(first: 1) { nodes { id } totalCount } }`,
      { id },
    ),
  ).toEqual({
    order: { status: 'DRAFT' },
    customer: { orders: { nodes: [{ id }] } },
    orders: { nodes: [{ id }], totalCount: countOf(before, 'orders') + 1 },
  })
  expect(countOf(await counts(world), 'draft')).toBe(countOf(before, 'draft') + 1)

  const finalized = await world.data(
    `mutation($id: ID!) { finalizeOrder(input: { id: $id }) { order { ${orderFields} hostedUrl pdfUrl } } }`,
    { id },
  )
  expect(at(finalized, 'finalizeOrder.order')).toMatchObject({
    status: 'OPEN',
    number: expect.any(String),
    finalizedAt: expect.any(String),
    amountRemaining: { amount: 29550 },
    hostedUrl: expect.stringMatching(/^https:/),
  })
  expect(world.tools.stripe.invoice(id)).toMatchObject({ status: 'open', amount_remaining: 29550 })
  const open = await counts(world)
  expect([countOf(open, 'draft'), countOf(open, 'open')]).toEqual([
    countOf(before, 'draft'),
    countOf(before, 'open') + 1,
  ])

  const paid = await world.data(
    `mutation($id: ID!) { markOrderPaid(input: { id: $id }) { order { ${orderFields} customer { balances { currency outstanding { amount } } } } } }`,
    { id },
  )
  expect(at(paid, 'markOrderPaid.order')).toMatchObject({
    status: 'PAID',
    paidAt: expect.any(String),
    amountRemaining: { amount: 0 },
    amountPaid: { amount: 29550 },
  })
  expect(world.tools.stripe.invoice(id)).toMatchObject({ status: 'paid', amount_remaining: 0 })
  expect(await askElsewhere(world, `query($id: ID!) { order(id: $id) { status paidAt } }`, { id })).toMatchObject({
    order: { status: 'PAID', paidAt: at(paid, 'markOrderPaid.order.paidAt') },
  })
  const after = await counts(world)
  expect([countOf(after, 'open'), countOf(after, 'paid')]).toEqual([
    countOf(before, 'open'),
    countOf(before, 'paid') + 1,
  ])
})

test('an open order moves what its customer owes, until it is called off', async () => {
  const world = await silentWorld()
  const owed = async () => {
    const answer = await askElsewhere(world, `{ customer(id: "101") { balances { currency outstanding { amount } } } }`)
    return /"currency":"USD","outstanding":\{"amount":(\d+)/.exec(JSON.stringify(answer))?.[1] ?? '0'
  }
  const before = Number(await owed())
  const created = await world.data(createOrder, {
    input: {
      customerId: '101',
      currency: 'USD',
      finalize: true,
      lines: [{ description: 'Call-out', unitAmount: 8500 }],
    },
  })
  expect(at(created, 'createOrder.order.status')).toBe('OPEN')
  expect(Number(await owed())).toBe(before + 8500)
  const id = textAt(created, 'createOrder.order.id')
  const voided = await world.data(`mutation($id: ID!) { voidOrder(input: { id: $id }) { order { status } } }`, { id })
  expect(voided).toEqual({ voidOrder: { order: { status: 'VOID' } } })
  expect(world.tools.stripe.invoice(id)?.status).toBe('void')
  expect(Number(await owed())).toBe(before)
})

test('an order of a customer unknown to billing gives them a billing record that names them', async () => {
  const world = await silentWorld()
  const customer = await world.data(
    `mutation { createCustomer(input: { name: "Grace Hopper", email: "grace@example.net" }) { customer { id } } }`,
  )
  const customerId = textAt(customer, 'createCustomer.customer.id')
  const created = await world.data(createOrder, {
    input: { customerId, currency: 'EUR', lines: [{ description: 'Call-out', unitAmount: 8500 }] },
  })
  const id = textAt(created, 'createOrder.order.id')
  expect(at(created, 'createOrder.order.customer')).toEqual({ id: customerId, name: 'Grace Hopper' })
  const billed = world.tools.stripe.invoice(id)
  expect(billed).toMatchObject({ currency: 'eur', total: 8500 })
  const record = textAt(billed, 'customer')
  expect(world.tools.stripe.customer(record)).toMatchObject({
    email: 'grace@example.net',
    metadata: { crm_id: customerId },
  })
  const again = await world.data(createOrder, {
    input: { customerId, currency: 'EUR', lines: [{ description: 'Hour', unitAmount: 9000 }] },
  })
  expect(world.tools.stripe.invoice(textAt(again, 'createOrder.order.id'))?.customer).toBe(record)
  const seen = await askElsewhere(
    world,
    `query($id: ID!) { customer(id: $id) { orders { nodes { id } totalCount } links { record { id } evidence } } }`,
    { id: customerId },
  )
  expect(idsAt(seen, 'customer.orders.nodes').toSorted()).toEqual(
    [id, textAt(again, 'createOrder.order.id')].toSorted(),
  )
  expect(at(seen, 'customer.links')).toContainEqual({ record: { id: record }, evidence: 'EXPLICIT' })
})

test('an order of a customer who has no e-mail address is refused with what to do, and leaves no billing record', async () => {
  const world = await silentWorld()
  const customer = await world.data('mutation { createCustomer(input: { name: "Grace Hopper" }) { customer { id } } }')
  const input = {
    customerId: textAt(customer, 'createCustomer.customer.id'),
    currency: 'EUR',
    lines: [{ description: 'Call-out', unitAmount: 8500 }],
  }
  const before = world.tools.stripe.snapshot().customers.length
  const refused = await world.ask(createOrder, { input })
  expect(codes(refused)).toEqual(['BAD_USER_INPUT'])
  expect(JSON.stringify(refused.errors)).toContain('Customer.email: expected an e-mail address')
  expect(world.tools.stripe.snapshot().customers).toHaveLength(before)
  await world.data(
    'mutation($id: ID!) { updateCustomer(input: { id: $id, email: "grace@example.net" }) { customer { id } } }',
    { id: input.customerId },
  )
  expect(await world.data(createOrder, { input })).toMatchObject({ createOrder: { order: { status: 'DRAFT' } } })
})

test('wrong input is refused with its reason, and billing keeps nothing of it', async () => {
  const world = await silentWorld()
  const draft = await world.data(createOrder, {
    input: { customerId: '101', currency: 'USD', lines: [{ description: 'Call-out', unitAmount: 8500 }] },
  })
  const id = textAt(draft, 'createOrder.order.id')
  const before = world.tools.stripe.snapshot()
  const refused = async (fields: string, code: string) => {
    const answer = await world.ask(`mutation { ${fields} }`)
    expect([fields, codes(answer)]).toEqual([fields, [code]])
  }
  const order = (rest: string) => `createOrder(input: { ${rest} }) { order { id } }`
  await refused(
    order(`customerId: "9999", currency: "USD", lines: [{ description: "a", unitAmount: 1 }]`),
    'BAD_USER_INPUT',
  )
  await refused(order(`customerId: "101", currency: "USD", lines: []`), 'BAD_USER_INPUT')
  await refused(order(`customerId: "101", currency: "USD", lines: [{ description: "a" }]`), 'BAD_USER_INPUT')
  await refused(order(`customerId: "101", currency: "USD", lines: [{ priceId: "price_none" }]`), 'BAD_USER_INPUT')
  // The draft was made before its line was refused.
  await refused(order(`customerId: "101", currency: "EUR", lines: [{ priceId: "price_001_usd" }]`), 'BAD_USER_INPUT')
  await refused(
    order(`customerId: "101", currency: "USD", lines: [{ description: "a", unitAmount: 1, quantity: 0 }]`),
    'BAD_USER_INPUT',
  )
  await refused(`voidOrder(input: { id: "${id}" }) { order { id } }`, 'BAD_USER_INPUT')
  await refused(`finalizeOrder(input: { id: "in_none" }) { order { id } }`, 'NOT_FOUND')
  await refused(`finalizeOrder(input: { id: "../customers/cus_9" }) { order { id } }`, 'NOT_FOUND')
  expect(world.tools.stripe.snapshot()).toEqual(before)
  expect(await askElsewhere(world, `{ orders(first: 1) { nodes { id } } }`)).toEqual({ orders: { nodes: [{ id }] } })
})

function createdOf(record: object | undefined): number {
  return record !== undefined && 'created' in record && typeof record.created === 'number' ? record.created : 0
}
