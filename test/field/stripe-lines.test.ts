import { expect, test } from 'vitest'
import { contact, hubspotAccount, stripeAccount, type Raw, type RawRecords } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'
import { rawCustomer, rawEvent, rawInvoice, rawLine, rawPrice, rawProduct, thinEvent } from './stripe-raw.ts'
import type { Answer } from './vendor-server.ts'

const jane = () => rawCustomer('cus_1', { email: 'jane@example.com', metadata: { crm_id: '101' } })

const contacts = hubspotAccount({ contacts: { 101: contact('101', { email: 'jane@example.com' }) } })

const create = `mutation { createOrder(input: { customerId: "101", currency: "USD", lines: [
  { description: "Call-out", unitAmount: 4500 }
  { description: "Hours", unitAmount: 8000, quantity: "2.5" }
  { priceId: "price_9", quantity: 3 }
  { description: "Filters", unitAmount: 1250, quantity: 4 }
  { description: "Goodwill", unitAmount: -300, quantity: 2 }
] }) { order { id } } }`

/** Takes every write, and shows what was sent. */
function taking(invoices: RawRecords, refuse: (path: string) => ReturnType<Answer> = () => undefined) {
  const sent: { readonly path: string; readonly key: string; readonly body: Raw }[] = []
  const answer: Answer = request => {
    const { method, path, headers } = request
    if (method !== 'POST') return undefined
    const body = Object.fromEntries(new URLSearchParams(request.body))
    sent.push({ path, key: String(headers['idempotency-key']), body })
    const refused = refuse(path)
    if (refused !== undefined) return refused
    const made = rawInvoice('in_new', 'cus_1', { status: 'draft' })
    invoices['in_new'] = made
    return { body: path.endsWith('/invoiceitems') ? { id: 'ii_1', object: 'invoiceitem' } : made }
  }
  return { sent, answer, lines: () => sent.filter(({ path }) => /add_lines|invoiceitems/.test(path)) }
}

test('lines with a quantity go together with the others: a price of their own with the line, amounts without a quantity', async () => {
  const invoices: RawRecords = {}
  const { answer, lines } = taking(invoices)
  const world = await startFieldWorld({
    hubspot: [contacts],
    stripe: [answer, stripeAccount({ customers: { cus_1: jane() }, invoices })],
  })
  await world.data(create)
  const mark = (at: number): Raw => ({ [`lines[${at}][metadata][livegraph_line]`]: 'written' })
  const priceData = (at: number, name: string, unit: string): Raw => ({
    [`lines[${at}][description]`]: name,
    [`lines[${at}][price_data][currency]`]: 'usd',
    [`lines[${at}][price_data][product_data][name]`]: name,
    [`lines[${at}][price_data][product_data][metadata][livegraph_line]`]: 'written',
    [`lines[${at}][price_data][unit_amount_decimal]`]: unit,
    ...mark(at),
  })
  expect(lines().map(({ path, body }) => [path, body])).toEqual([
    [
      '/v1/invoices/in_new/add_lines',
      {
        'lines[0][description]': 'Call-out',
        'lines[0][amount]': '4500',
        ...mark(0),
        ...priceData(1, 'Hours', '8000'),
        'lines[1][quantity_decimal]': '2.5',
        'lines[2][pricing][price]': 'price_9',
        'lines[2][quantity]': '3',
        ...priceData(3, 'Filters', '1250'),
        'lines[3][quantity]': '4',
      },
    ],
    // A price made with its line is never negative.
    [
      '/v1/invoiceitems',
      expect.objectContaining({ description: 'Goodwill', unit_amount_decimal: '-300', quantity: '2' }),
    ],
  ])
})

test('a key that may not make prices and products has its lines added one by one', async () => {
  const invoices: RawRecords = {}
  const message =
    "The provided key 'rk_test_***' does not have the required permissions for this endpoint. Having the 'rak_plan_write' permission would allow this request to continue."
  const { answer, lines } = taking(invoices, path =>
    path.endsWith('add_lines')
      ? { status: 403, body: { error: { type: 'invalid_request_error', message } } }
      : undefined,
  )
  const world = await startFieldWorld({
    hubspot: [contacts],
    stripe: [answer, stripeAccount({ customers: { cus_1: jane() }, invoices })],
  })
  await world.data(create)
  expect(lines().map(({ path, body }) => [path, body['description'] ?? body['pricing[price]']])).toEqual([
    ['/v1/invoices/in_new/add_lines', undefined],
    ['/v1/invoiceitems', 'Call-out'],
    ['/v1/invoiceitems', 'Hours'],
    ['/v1/invoiceitems', 'price_9'],
    ['/v1/invoiceitems', 'Filters'],
    ['/v1/invoiceitems', 'Goodwill'],
  ])
})

test('a product that was made for a written line is left out: of the import, of events of both forms, and of the line', async () => {
  const invoices: RawRecords = {}
  const products: RawRecords = { prod_1: rawProduct('prod_1', { name: 'Boiler' }) }
  const made = rawProduct('prod_line', { active: false, name: 'Hours', metadata: { livegraph_line: 'written' } })
  products['prod_line'] = made
  const { answer, lines } = taking(invoices)
  const prices: RawRecords = { price_line: rawPrice('price_line', 'prod_line', { active: false }) }
  const world = await startFieldWorld({
    hubspot: [contacts],
    stripe: [answer, stripeAccount({ customers: { cus_1: jane() }, invoices, products, prices })],
  })
  await world.data(create)
  const ask = '{ products { nodes { id name } totalCount } product(id: "prod_line") { name } }'
  const shown = { products: { nodes: [{ id: 'prod_1', name: 'Boiler' }], totalCount: 1 }, product: null }
  expect(await world.data(ask)).toEqual(shown)
  invoices['in_new'] = rawInvoice('in_new', 'cus_1', {
    lines: [
      rawLine('il_1', {
        description: 'Hours',
        metadata: { livegraph_line: 'written' },
        pricing: { unit_amount_decimal: '8000', price_details: { price: 'price_line', product: 'prod_line' } },
        quantity: 2,
        quantity_decimal: '2.5',
        amount: 20_000,
      }),
    ],
  })
  expect(
    await world.data('{ order(id: "in_new") { lines { quantity unitPrice { amount } product { id } } } }'),
  ).toEqual({
    order: { lines: [{ quantity: 2.5, unitPrice: { amount: 8000 }, product: null }] },
  })

  const request = { id: 'req_1', idempotency_key: lines()[0]?.key }
  const asked = world.stripe.requests.length
  await world.tellStripe({ ...rawEvent('product.created', made), request })
  await world.tellStripe({ ...rawEvent('price.created', prices['price_line'] ?? {}), request })
  await world.tellStripe({
    ...thinEvent('v1.product.created', { id: 'prod_line', type: 'product' }),
    reason: { type: 'request', request },
  })
  expect(world.stripe.requests).toHaveLength(asked)
  // Without the key, as when a person changes it.
  await world.tellStripe(rawEvent('product.updated', made, { description: null }))
  expect(await world.data(ask)).toEqual(shown)
})
