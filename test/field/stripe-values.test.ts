import { expect, test } from 'vitest'
import { contact, hubspotAccount, stripeAccount, type Raw, type RawRecords } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'
import { rawCustomer, rawInvoice, rawLine, rawPrice, rawProduct, seconds } from './stripe-raw.ts'
import type { Answer } from './vendor-server.ts'

const contacts = hubspotAccount({ contacts: { 101: contact('101', { email: 'jane@example.com' }) } })
const jane = (fields: Raw = {}) => rawCustomer('cus_1', { email: 'jane@example.com', ...fields })

test('amounts are in the minor unit of their currency, read, listed and written', async () => {
  const invoices: RawRecords = {
    in_isk: rawInvoice('in_isk', 'cus_1', {
      currency: 'isk',
      total: 500_000,
      lines: [rawLine('il_1', { currency: 'isk', amount: 500_000, pricing: { unit_amount_decimal: '500000' } })],
    }),
    in_part: rawInvoice('in_part', 'cus_1', { currency: 'isk', total: 150 }),
    in_ugx: rawInvoice('in_ugx', 'cus_1', { currency: 'ugx', total: 700_000 }),
    in_jpy: rawInvoice('in_jpy', 'cus_1', { currency: 'jpy', total: 5000 }),
    in_kwd: rawInvoice('in_kwd', 'cus_1', { currency: 'kwd', total: 10_250 }),
  }
  const sent: URLSearchParams[] = []
  const making: Answer = ({ method, path, body }) => {
    if (method !== 'POST') return undefined
    sent.push(new URLSearchParams(body))
    const made = rawInvoice('in_new', 'cus_1', { currency: 'isk', total: 1_500_000, status: 'draft' })
    invoices['in_new'] = made
    return { body: path.endsWith('/invoiceitems') ? { id: 'ii_1', object: 'invoiceitem' } : made }
  }
  const world = await startFieldWorld({
    hubspot: [contacts],
    stripe: [making, stripeAccount({ customers: { cus_1: jane({ currency: 'isk', balance: -250_000 }) }, invoices })],
  })
  expect(
    await world.data(`{
      isk: order(id: "in_isk") { total { amount currency exact decimals } lines { amount { amount } unitPrice { amount } } }
      part: order(id: "in_part") { total { amount exact } }
      ugx: order(id: "in_ugx") { total { amount decimals } }
      jpy: order(id: "in_jpy") { total { amount decimals } }
      kwd: order(id: "in_kwd") { total { amount decimals } }
      customer(id: "101") { balances { currency outstanding { amount } credit { amount } } }
      orders { sums { currency total { amount } } }
      large: orders(filter: { total: { currency: "ISK", min: 4999, max: 5001 } }) { nodes { id } }
    }`),
  ).toEqual({
    isk: {
      total: { amount: 5000, currency: 'ISK', exact: 5000, decimals: 0 },
      lines: [{ amount: { amount: 5000 }, unitPrice: { amount: 5000 } }],
    },
    part: { total: { amount: 2, exact: 1.5 } },
    ugx: { total: { amount: 7000, decimals: 0 } },
    jpy: { total: { amount: 5000, decimals: 0 } },
    kwd: { total: { amount: 10_250, decimals: 3 } },
    customer: {
      balances: [
        { currency: 'ISK', outstanding: { amount: 5002 }, credit: { amount: 2500 } },
        { currency: 'JPY', outstanding: { amount: 5000 }, credit: { amount: 0 } },
        { currency: 'KWD', outstanding: { amount: 10_250 }, credit: { amount: 0 } },
        { currency: 'UGX', outstanding: { amount: 7000 }, credit: { amount: 0 } },
      ],
    },
    orders: {
      sums: expect.arrayContaining([
        { currency: 'KWD', total: { amount: 10_250 } },
        { currency: 'UGX', total: { amount: 7000 } },
      ]),
    },
    large: { nodes: [{ id: 'in_isk' }] },
  })
  expect(
    await world.data(`mutation { createOrder(input: { customerId: "101", currency: "ISK", lines: [{ description: "Service", unitAmount: 15000 }] }) {
      order { total { amount currency } }
    } }`),
  ).toEqual({ createOrder: { order: { total: { amount: 15_000, currency: 'ISK' } } } })
  expect(sent.map(body => body.get('unit_amount_decimal')).filter(amount => amount !== null)).toEqual(['1500000'])
})

test('quantities are exact, above 32 bits and with decimals, read and written', async () => {
  const invoices: RawRecords = {
    in_usage: rawInvoice('in_usage', 'cus_1', {
      total: 160_802,
      lines: [
        rawLine('il_1', { quantity: 13_580_246_790, amount: 135_802 }),
        rawLine('il_2', { quantity: 2, quantity_decimal: '2.5', amount: 25_000 }),
        rawLine('il_3', { quantity: 1_000_000, amount: 8900, pricing: { unit_amount_decimal: '0.0089' } }),
        rawLine('il_4', { quantity: 123_456_789_012, quantity_decimal: '123456789012.123456789012' }),
        rawLine('il_5', { quantity: null, amount: 0 }),
      ],
    }),
  }
  const sent: URLSearchParams[] = []
  let count = 0
  const making: Answer = ({ method, path, body }) => {
    if (method !== 'POST') return undefined
    if (path.endsWith('/invoiceitems')) sent.push(new URLSearchParams(body))
    if (path.endsWith('/invoiceitems')) return { body: { id: 'ii_1' } }
    const made = rawInvoice(`in_made_${++count}`, 'cus_1', { status: 'draft' })
    invoices[String(made['id'])] = made
    return { body: made }
  }
  const world = await startFieldWorld({
    hubspot: [contacts],
    stripe: [making, stripeAccount({ customers: { cus_1: jane() }, invoices })],
  })
  expect(
    await world.data(
      '{ order(id: "in_usage") { lines { quantity unitPrice { amount } unitPriceDecimal amount { amount } } } }',
    ),
  ).toEqual({
    order: {
      lines: [
        { quantity: 13_580_246_790, unitPrice: null, unitPriceDecimal: null, amount: { amount: 135_802 } },
        { quantity: 2.5, unitPrice: null, unitPriceDecimal: null, amount: { amount: 25_000 } },
        { quantity: 1_000_000, unitPrice: null, unitPriceDecimal: 0.0089, amount: { amount: 8900 } },
        { quantity: '123456789012.123456789012', unitPrice: null, unitPriceDecimal: null, amount: null },
        { quantity: null, unitPrice: null, unitPriceDecimal: null, amount: { amount: 0 } },
      ],
    },
  })
  const create =
    'mutation ($quantity: Decimal) { createOrder(input: { customerId: "101", currency: "USD", lines: [{ description: "Hours", unitAmount: 100, quantity: $quantity }] }) { order { id } } }'
  for (const quantity of [2.5, '0.000000000001', 3, undefined]) await world.data(create, { quantity })
  expect(sent.map(body => [body.get('quantity'), body.get('quantity_decimal')])).toEqual([
    [null, '2.5'],
    [null, '0.000000000001'],
    ['3', null],
    ['1', null],
  ])
  for (const quantity of [0, -1, '0.0000000000001', 'many', true]) {
    const { errors } = await world.ask(create, { quantity })
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
  }
})

test('one field that is not as documented costs that field, with an error of its own', async () => {
  const invoices: RawRecords = {
    in_1: rawInvoice('in_1', 'cus_1', {
      total: 9_007_199_254_740_992,
      due_date: 'tomorrow',
      hosted_invoice_url: 'not an address',
      number: 'A-1',
      lines: [rawLine('il_1', { amount: 100, quantity_decimal: 'many' })],
    }),
  }
  const world = await startFieldWorld({
    hubspot: [contacts],
    stripe: [stripeAccount({ customers: { cus_1: jane() }, invoices })],
  })
  const { data, errors } = await world.ask(
    '{ orders { nodes { id number status total { amount } dueAt hostedUrl paidAt subtotal { amount } lines { quantity amount { amount } } customer { id } } } }',
  )
  expect(data).toEqual({
    orders: {
      nodes: [
        {
          id: 'in_1',
          number: 'A-1',
          status: 'OPEN',
          total: null,
          dueAt: null,
          hostedUrl: null,
          paidAt: null,
          subtotal: null,
          lines: [{ quantity: null, amount: { amount: 100 } }],
          customer: { id: '101' },
        },
      ],
    },
  })
  expect(errors.map(({ path, extensions }) => [path?.slice(3).join('.'), extensions?.['code']]).toSorted()).toEqual([
    ['dueAt', 'SYSTEM_UNREADABLE'],
    ['hostedUrl', 'SYSTEM_UNREADABLE'],
    ['lines.0.quantity', 'SYSTEM_UNREADABLE'],
    ['subtotal', 'SYSTEM_UNREADABLE'],
    ['total', 'SYSTEM_UNREADABLE'],
  ])
})

test('a total can be taken apart', async () => {
  const tax = [{ amount: 180, tax_behavior: 'exclusive' }]
  const invoices: RawRecords = {
    in_1: rawInvoice('in_1', 'cus_1', {
      subtotal: 1000,
      total_discount_amounts: [{ amount: 100, discount: 'di_1' }],
      total_taxes: tax,
      total_excluding_tax: 900,
      total: 1080,
      amount_due: 1080,
      lines: [rawLine('il_1', { amount: 1000, discount_amounts: [{ amount: 100 }], taxes: tax })],
    }),
  }
  const world = await startFieldWorld({ stripe: [stripeAccount({ customers: { cus_1: jane() }, invoices })] })
  const amounts = 'discount { amount } tax { amount } includedTax { amount } total { amount }'
  expect(
    await world.data(`{ order(id: "in_1") { subtotal { amount } ${amounts} lines { amount { amount } ${amounts} } } }`),
  ).toEqual({
    order: {
      subtotal: { amount: 1000 },
      discount: { amount: 100 },
      tax: { amount: 180 },
      includedTax: { amount: 0 },
      total: { amount: 1080 },
      lines: [
        {
          amount: { amount: 1000 },
          discount: { amount: 100 },
          tax: { amount: 180 },
          includedTax: { amount: 0 },
          total: { amount: 1080 },
        },
      ],
    },
  })
})

test('prices say what they are of', async () => {
  const prices: RawRecords = {
    price_q: rawPrice('price_q', 'prod_q', {
      unit_amount: 9000,
      unit_amount_decimal: '9000',
      recurring: { interval: 'month', interval_count: 3, usage_type: 'licensed' },
    }),
    price_t: rawPrice('price_t', 'prod_q', {
      billing_scheme: 'tiered',
      tiers_mode: 'graduated',
      unit_amount: null,
      unit_amount_decimal: null,
    }),
    price_s: rawPrice('price_s', 'prod_q', { unit_amount: null, unit_amount_decimal: '0.0089' }),
    price_p: rawPrice('price_p', 'prod_q', {
      unit_amount: 500,
      unit_amount_decimal: '500',
      transform_quantity: { divide_by: 10, round: 'up' },
    }),
  }
  const world = await startFieldWorld({
    stripe: [stripeAccount({ products: { prod_q: rawProduct('prod_q') }, prices })],
  })
  const none = {
    unitAmount: null,
    unitAmountDecimal: null,
    packageAmount: null,
    packageSize: null,
    tiersMode: null,
    interval: null,
    recurrence: null,
  }
  expect(
    await world.data(
      '{ product(id: "prod_q") { prices { scheme unitAmount { amount } unitAmountDecimal packageAmount { amount } packageSize tiersMode interval recurrence { interval intervalCount usage } } } }',
    ),
  ).toEqual({
    product: {
      prices: [
        {
          ...none,
          scheme: 'PER_UNIT',
          unitAmount: { amount: 9000 },
          unitAmountDecimal: 9000,
          recurrence: { interval: 'MONTH', intervalCount: 3, usage: 'LICENSED' },
        },
        { ...none, scheme: 'TIERED', tiersMode: 'GRADUATED' },
        { ...none, scheme: 'PER_UNIT', unitAmountDecimal: 0.0089 },
        { ...none, scheme: 'PACKAGE', packageAmount: { amount: 500 }, packageSize: 10 },
      ],
    },
  })
})

test('debts and cash stand beside credit, and any means of payment has its digits', async () => {
  const method = {
    id: 'pm_1',
    object: 'payment_method',
    type: 'acss_debit',
    acss_debit: { last4: '6789', bank_name: 'STRIPE TEST BANK' },
  }
  const cash: Answer = ({ path }) =>
    path === '/v1/customers/cus_1/cash_balance'
      ? { body: { object: 'cash_balance', available: { eur: 1200 }, customer: 'cus_1' } }
      : undefined
  const customer = jane({
    balance: 9900,
    invoice_credit_balance: { usd: -9900, eur: 300 },
    invoice_settings: { default_payment_method: method },
  })
  const world = await startFieldWorld({
    hubspot: [contacts],
    stripe: [cash, stripeAccount({ customers: { cus_1: customer } })],
  })
  expect(
    await world.data(
      '{ customer(id: "101") { balances { currency outstanding { amount } credit { amount } debit { amount } cash { amount } } paymentMethod { type brand last4 } } }',
    ),
  ).toEqual({
    customer: {
      balances: [
        {
          currency: 'EUR',
          outstanding: { amount: 0 },
          credit: { amount: 300 },
          debit: { amount: 0 },
          cash: { amount: 1200 },
        },
        {
          currency: 'USD',
          outstanding: { amount: 0 },
          credit: { amount: 0 },
          debit: { amount: 9900 },
          cash: { amount: 0 },
        },
      ],
      paymentMethod: { type: 'acss_debit', brand: 'STRIPE TEST BANK', last4: '6789' },
    },
  })
})

test('a failed try to collect shows, how often, why, and when the next one is', async () => {
  const open = {
    id: 'inpay_1',
    object: 'invoice_payment',
    amount_paid: null,
    amount_requested: 700,
    created: seconds,
    currency: 'usd',
    payment: { type: 'payment_intent', payment_intent: 'pi_1' },
    status: 'open',
    status_transitions: {},
  }
  const invoices: RawRecords = {
    in_tried: rawInvoice('in_tried', 'cus_1', {
      total: 700,
      collection_method: 'charge_automatically',
      attempted: true,
      attempt_count: 2,
      next_payment_attempt: 1_800_000_000,
      payments: { object: 'list', data: [open], has_more: false },
    }),
    in_new: rawInvoice('in_new', 'cus_1', { total: 5 }),
  }
  const payment_intents = {
    pi_1: {
      id: 'pi_1',
      object: 'payment_intent',
      last_payment_error: {
        code: 'card_declined',
        decline_code: 'insufficient_funds',
        message: 'Your card has insufficient funds.',
      },
    },
  }
  const world = await startFieldWorld({
    stripe: [stripeAccount({ customers: { cus_1: jane() }, invoices, payment_intents })],
  })
  const collection =
    'collection { isAutomatic isFailing attempts nextAttemptAt lastFailure { code declineCode message } }'
  expect(
    await world.data(
      `{ tried: order(id: "in_tried") { status ${collection} } new: order(id: "in_new") { ${collection} } }`,
    ),
  ).toEqual({
    tried: {
      status: 'OPEN',
      collection: {
        isAutomatic: true,
        isFailing: true,
        attempts: 2,
        nextAttemptAt: '2027-01-15T08:00:00.000Z',
        lastFailure: {
          code: 'card_declined',
          declineCode: 'insufficient_funds',
          message: 'Your card has insufficient funds.',
        },
      },
    },
    new: { collection: { isAutomatic: false, isFailing: false, attempts: 0, nextAttemptAt: null, lastFailure: null } },
  })
})
