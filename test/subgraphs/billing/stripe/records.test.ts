import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  lineOf,
  observedCustomer,
  observedInvoice,
  observedProduct,
  orderOf,
  paymentMethodOf,
  paymentsOf,
  priceOf,
  productOf,
  standingOf,
} from '../../../../subgraphs/billing/stripe/mapping.ts'
import {
  readCreditNote,
  readCustomer,
  readDispute,
  readInvoice,
  readLine,
  readPayment,
  readPaymentIntent,
  readPrice,
  readProduct,
  readRefund,
} from '../../../../subgraphs/billing/stripe/records.ts'
import { NotUnderstood, understood, type Field } from '../../../../subgraphs/lenient.ts'
import { VendorError } from '../../../../subgraphs/vendor-error.ts'
import { damaged, type FieldPath } from '../../damage.ts'
import {
  rawCreditNote,
  rawCustomer,
  rawDispute,
  rawInvoice,
  rawLine,
  rawPayment,
  rawPaymentIntent,
  rawPrice,
  rawProduct,
  rawRefund,
} from './raw.ts'

const eur = (amount: number) => ({ amount, currency: 'EUR' })

describe('an invoice', () => {
  test('becomes an order with amounts in its currency and instants as dates', () => {
    expect(orderOf(readInvoice(rawInvoice))).toEqual({
      id: 'in_1',
      record: { system: 'stripe', kind: 'invoice', id: 'in_1' },
      number: 'A-1',
      status: 'PAID',
      subtotal: eur(1000),
      discount: eur(100),
      shipping: eur(0),
      tax: eur(180),
      includedTax: eur(0),
      total: eur(1080),
      amountDue: eur(1080),
      amountPaid: eur(1080),
      amountRemaining: eur(0),
      memo: 'Thank you',
      createdAt: new Date(1_767_225_600_000),
      finalizedAt: new Date(1_767_225_601_000),
      dueAt: new Date(1_769_904_000_000),
      paidAt: new Date(1_767_225_800_000),
      collection: {
        isAutomatic: true,
        isFailing: false,
        attempts: 1,
        nextAttemptAt: new Date(1_767_312_000_000),
      },
      hostedUrl: 'https://invoice.stripe.com/i/1',
      pdfUrl: 'https://pay.stripe.com/invoice/1/pdf',
      billTo: {
        name: 'Acme',
        email: 'a@b.c',
        phone: '+44 1',
        address: {
          street: '1 High St, Flat 2',
          city: 'Hull',
          region: 'East Yorkshire',
          postalCode: 'HU1',
          country: 'GB',
        },
      },
    })
  })

  test('shows its payments newest first', () => {
    const paid = { ...rawPayment, id: 'inpay_2', created: 1_767_225_701, amount_paid: 7, amount_requested: 9 }
    const canceled = {
      ...rawPayment,
      status: 'canceled',
      amount_paid: null,
      amount_requested: 5,
      status_transitions: {},
    }
    expect(paymentsOf([canceled, paid].map(readPayment))).toEqual([
      { id: 'inpay_2', status: 'PAID', amount: eur(7), paidAt: new Date(1_767_225_800_000) },
      { id: 'inpay_1', status: 'CANCELED', amount: eur(5), paidAt: null },
    ])
  })

  test('in a status Stripe adds some day has none', () => {
    expect(orderOf(readInvoice({ ...rawInvoice, status: 'forgiven' })).status).toBeNull()
  })

  test('of a wrong type in one field keeps the others, and the fault names record and field without the value', () => {
    const { total, subtotal } = orderOf(readInvoice({ ...rawInvoice, total: 'a-secret-value' }))
    expect(subtotal).toEqual(eur(1000))
    expect(total).toBeInstanceOf(NotUnderstood)
    const { message } = total instanceof NotUnderstood ? total : new Error()
    expect(message).toContain('stripe: invoice in_1: total: ')
    expect(message).not.toContain('a-secret-value')
  })

  test('of an amount that JSON has rounded is not understood in it', () => {
    const answer: unknown = JSON.parse(
      JSON.stringify(rawInvoice).replace('"amount_due":1080', '"amount_due":9007199254740993'),
    )
    expect(orderOf(readInvoice(answer)).amountDue).toBeInstanceOf(NotUnderstood)
  })

  test('keeps nothing it has not been asked for, whatever the body holds', () => {
    const read = readInvoice(
      JSON.parse(JSON.stringify(rawInvoice).replace('{', '{"__proto__":{"isAdmin":true},"extra":1,')),
    )
    expect(Object.keys(read)).not.toContain('extra')
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype)
    expect('isAdmin' in read).toBe(false)
  })

  test('without a customer belongs to the account that stands for one', () => {
    const parents = observedInvoice(readInvoice({ ...rawInvoice, customer: null })).parents
    expect(parents).toEqual([{ entity: 'Customer', record: { system: 'stripe', kind: 'customer', id: 'acct_9' } }])
  })
})

describe('the sum of an invoice holds', () => {
  const fifth = (amount: number, tax_behavior: string) => [{ amount, tax_behavior }]
  test.each([
    ['tax on top', { subtotal: 1000, total_taxes: fifth(200, 'exclusive'), total: 1200 }],
    ['tax in the prices', { subtotal: 1200, total_taxes: fifth(200, 'inclusive'), total: 1200 }],
    [
      'a discount on the whole, after tax in the prices',
      { subtotal: 1200, total_discount_amounts: [{ amount: 120 }], total_taxes: fifth(180, 'inclusive'), total: 1080 },
    ],
    [
      'a discount on one line, which the subtotal has lost already',
      { subtotal: 900, total_discount_amounts: [{ amount: 100 }], total_taxes: [], total: 900 },
    ],
    [
      'shipping beside the subtotal',
      {
        subtotal: 1000,
        shipping_cost: { amount_subtotal: 500 },
        total_taxes: [],
        total_discount_amounts: [],
        total: 1500,
      },
    ],
    [
      'shipping within the subtotal',
      {
        subtotal: 1500,
        shipping_cost: { amount_subtotal: 500 },
        total_taxes: [],
        total_discount_amounts: [],
        total: 1500,
      },
    ],
    [
      'shipping, discount and tax',
      {
        subtotal: 1000,
        shipping_cost: { amount_subtotal: 500 },
        total_discount_amounts: [{ amount: 100 }],
        total_taxes: fifth(280, 'exclusive'),
        total: 1680,
      },
    ],
    ['a credit', { subtotal: -1000, total_taxes: fifth(-200, 'exclusive'), total: -1200 }],
  ])('%s', (_, fields) => {
    const { subtotal, discount, shipping, tax, includedTax, total } = orderOf(
      readInvoice({ ...rawInvoice, shipping_cost: null, total_discount_amounts: null, ...fields }),
    )
    const of = (money: Field<{ readonly amount: number }>): number => understood(money)?.amount ?? 0
    expect(of(subtotal) - of(discount) + of(shipping) + of(tax) - of(includedTax)).toBe(of(total))
    expect(of(discount)).toBeGreaterThanOrEqual(0)
  })

  test('a discount of a single line is not taken off twice', () => {
    const { discount } = orderOf(
      readInvoice({ ...rawInvoice, subtotal: 900, total_discount_amounts: [{ amount: 100 }] }),
    )
    expect(discount).toEqual(eur(0))
  })

  test('and that of a line', () => {
    expect(lineOf(readLine(rawLine), 'usd')).toMatchObject({
      amount: eur(1000),
      discount: eur(100),
      tax: eur(180),
      includedTax: eur(0),
      total: eur(1080),
    })
  })
})

describe('a line', () => {
  test('has the price of one, its exact quantity and its product, whatever that is called', () => {
    expect(lineOf(readLine(rawLine), 'usd')).toMatchObject({
      quantity: '2.5',
      unitPrice: eur(400),
      unitPriceDecimal: '400',
      productId: 'boiler/top up',
    })
  })

  test('has a price below the minor unit as a decimal only', () => {
    const pricing = { unit_amount_decimal: '0.0089' }
    expect(lineOf(readLine({ ...rawLine, pricing }), 'usd')).toMatchObject({
      unitPrice: null,
      unitPriceDecimal: '0.0089',
    })
  })

  test.each([
    [{ quantity: 13_580_246_790, quantity_decimal: null }, '13580246790'],
    [{ quantity: 13_580_246_790, quantity_decimal: '13580246790.000000000001' }, '13580246790.000000000001'],
    [{ quantity: 0, quantity_decimal: '0.000000000001' }, '0.000000000001'],
    [{ quantity: null, quantity_decimal: null }, null],
  ])('of quantity %j has %s', (fields, quantity) => {
    expect(lineOf(readLine({ ...rawLine, ...fields }), 'usd').quantity).toBe(quantity)
  })

  test('of a quantity that JSON has rounded is not understood in it', () => {
    const line = { ...rawLine, quantity: 9_007_199_254_740_992, quantity_decimal: null }
    expect(lineOf(readLine(line), 'usd').quantity).toBeInstanceOf(NotUnderstood)
  })
})

describe('amounts are in the minor unit of their currency', () => {
  test.each([
    ['isk', 500_000, { amount: 5000, currency: 'ISK' }],
    ['ugx', 700_000, { amount: 7000, currency: 'UGX' }],
    ['jpy', 5000, { amount: 5000, currency: 'JPY' }],
    ['kwd', 10_250, { amount: 10_250, currency: 'KWD' }],
    ['huf', 10_000, { amount: 10_000, currency: 'HUF' }],
    ['twd', 10_000, { amount: 10_000, currency: 'TWD' }],
    ['mga', 500, { amount: 500, currency: 'MGA' }],
    // What a part of a month leaves: no whole króna.
    ['isk', 150, { amount: 2, currency: 'ISK', exact: '1.5' }],
    ['isk', -150, { amount: -2, currency: 'ISK', exact: '-1.5' }],
  ])('%s %d', (currency, wire, money) => {
    const order = orderOf(readInvoice({ ...rawInvoice, currency, total: wire, amount_paid: wire }))
    expect([order.total, order.amountPaid]).toEqual([money, money])
    const payment = readPayment({ ...rawPayment, currency, amount_paid: wire })
    expect(paymentsOf([payment])).toMatchObject([{ amount: money }])
    const line = { ...rawLine, currency, amount: wire, discount_amounts: [], taxes: [] }
    expect(lineOf(readLine(line), null)).toMatchObject({ amount: money, total: money })
    const price = { ...rawPrice, currency, unit_amount: wire, unit_amount_decimal: String(wire) }
    expect(priceOf(readPrice(price)).unitAmount).toEqual('exact' in money ? null : money)
    const customer = { ...rawCustomer, currency, balance: -wire, invoice_credit_balance: {} }
    expect(standingOf(readCustomer(customer))).toEqual([money])
    const { values } = observedInvoice(readInvoice({ ...rawInvoice, currency, total: wire }))
    expect(values?.amounts).toMatchObject({ currency: money.currency, total: money.amount })
  })

  test('unit prices too', () => {
    const pricing = { unit_amount_decimal: '500000' }
    expect(lineOf(readLine({ ...rawLine, currency: 'isk', pricing }), null)).toMatchObject({
      unitPrice: { amount: 5000, currency: 'ISK' },
      unitPriceDecimal: '5000',
    })
  })
})

describe('a customer', () => {
  test.each([
    ['a negative balance is credit', { balance: -500, invoice_credit_balance: null }, [eur(500)]],
    ['a positive one is owed', { balance: 9900, invoice_credit_balance: {} }, [eur(-9900)]],
    [
      'balances per currency count instead where they are given',
      { balance: -1 },
      [eur(500), { amount: -300, currency: 'USD' }],
    ],
    ['without a currency there is none', { balance: -500, currency: null, invoice_credit_balance: {} }, [null]],
  ])('%s', (_, fields, standing) => {
    expect(standingOf(readCustomer({ ...rawCustomer, ...fields }))).toEqual(standing)
  })

  test('names its entity in the metadata, unless that is blank', () => {
    const named = (metadata: object) => observedCustomer(readCustomer({ ...rawCustomer, metadata })).names
    expect(named({ crm_id: ' 101 ' })).toEqual({ type: 'Customer', id: '101' })
    expect(named({ crm_id: ' ' })).toBeNull()
    expect(named({})).toBeNull()
  })

  test.each([
    [{ type: 'us_bank_account', us_bank_account: { bank_name: 'BANK', last4: '6789' } }, 'BANK', '6789'],
    [{ type: 'bacs_debit', bacs_debit: { last4: '2345', sort_code: '108800' } }, null, '2345'],
    [{ type: 'au_becs_debit', au_becs_debit: { last4: '3456', bsb_number: '000000' } }, null, '3456'],
    [{ type: 'acss_debit', acss_debit: { last4: '6789', bank_name: 'STRIPE TEST BANK' } }, 'STRIPE TEST BANK', '6789'],
    [{ type: 'nz_bank_account', nz_bank_account: { last4: '0010', bank_name: 'ANZ' } }, 'ANZ', '0010'],
    [{ type: 'sepa_debit', sepa_debit: { last4: '3000', bank_code: '37040044' } }, null, '3000'],
    [{ type: 'ideal', ideal: { bank: 'ing', bic: 'INGBNL2A' } }, 'ing', null],
    [{ type: 'interac_present', interac_present: { brand: 'interac', last4: '1111' } }, 'interac', '1111'],
    [{ type: 'link', link: { email: 'a@b.c' } }, null, null],
    [{ type: 'paypal', paypal: { payer_email: 'a@b.c', payer_id: 'P1' } }, null, null],
    [{ type: 'one_of_2030', one_of_2030: { last4: '9999', bank_name: 'B' } }, 'B', '9999'],
    [{ type: 'mobilepay', mobilepay: {} }, null, null],
    [{ type: 'custom' }, null, null],
  ])('pays by %j', (method, brand, last4) => {
    const invoice_settings = { default_payment_method: { id: 'pm_1', object: 'payment_method', ...method } }
    const read = understood(readCustomer({ ...rawCustomer, invoice_settings }).invoice_settings)
    const given = read === null ? null : understood(read.default_payment_method)
    if (given === null || typeof given === 'string') throw new Error('expected a payment method')
    expect(paymentMethodOf(given)).toMatchObject({ type: method.type, brand, last4, expiryMonth: null })
  })
})

describe('a price', () => {
  test.each([
    [
      'of every third month',
      {},
      { unitAmount: eur(9000), interval: null, recurrence: { interval: 'MONTH', intervalCount: 3, usage: 'LICENSED' } },
    ],
    [
      'of every month',
      { recurring: { interval: 'month', interval_count: 1, usage_type: 'metered' } },
      { interval: 'MONTH', recurrence: { intervalCount: 1, usage: 'METERED' } },
    ],
    ['of once', { recurring: null }, { interval: null, recurrence: null }],
    [
      'below a cent',
      { unit_amount: null, unit_amount_decimal: '0.0089' },
      { scheme: 'PER_UNIT', unitAmount: null, unitAmountDecimal: '0.0089' },
    ],
    [
      'in tiers',
      { billing_scheme: 'tiered', tiers_mode: 'volume', unit_amount: null, unit_amount_decimal: null },
      { scheme: 'TIERED', tiersMode: 'VOLUME', unitAmount: null, unitAmountDecimal: null },
    ],
    [
      'of a package',
      { transform_quantity: { divide_by: 10, round: 'up' } },
      { scheme: 'PACKAGE', unitAmount: null, packageAmount: eur(9000), packageSize: 10 },
    ],
    [
      'that the customer chooses',
      {
        custom_unit_amount: { maximum: null, minimum: null, preset: null },
        unit_amount: null,
        unit_amount_decimal: null,
      },
      { scheme: 'CUSTOM', unitAmount: null },
    ],
    [
      'of nothing',
      { unit_amount: 0, unit_amount_decimal: '0' },
      { scheme: 'PER_UNIT', unitAmount: eur(0), unitAmountDecimal: '0' },
    ],
  ])('%s says so', (_, fields, expected) => {
    expect(priceOf(readPrice({ ...rawPrice, ...fields }))).toMatchObject(expected)
  })
})

/** Each raw record with its reader, and what is made of it, which must never throw. */
const kinds: readonly (readonly [string, object, (raw: unknown) => object])[] = [
  ['customer', rawCustomer, reading(readCustomer, observedCustomer, standingOf)],
  ['invoice', rawInvoice, reading(readInvoice, orderOf, observedInvoice)],
  ['line', rawLine, reading(readLine, line => lineOf(line, 'eur'))],
  ['payment', rawPayment, reading(readPayment, payment => paymentsOf([payment]))],
  ['product', rawProduct, reading(readProduct, productOf, observedProduct)],
  ['price', rawPrice, reading(readPrice, priceOf)],
  ['refund', rawRefund, reading(readRefund)],
  ['credit note', rawCreditNote, reading(readCreditNote)],
  ['dispute', rawDispute, reading(readDispute)],
  ['payment intent', rawPaymentIntent, reading(readPaymentIntent)],
]

function reading<T extends object>(
  read: (raw: unknown) => T,
  ...uses: readonly ((record: T) => unknown)[]
): (raw: unknown) => T {
  return raw => {
    const record = read(raw)
    for (const use of uses) use(record)
    return record
  }
}

test.each(kinds)('one damaged field of a %s costs that field and no other', (_, raw, read) => {
  const isIdentity = (path: FieldPath): boolean => path.length === 1 && (path[0] === 'id' || path[0] === 'object')
  fc.assert(
    fc.property(damaged(raw, isIdentity), ({ path, record }) => {
      const beside = (value: object): unknown =>
        JSON.stringify(value, (key, held: unknown) => (key === path[0] ? 0 : held))
      expect(beside(read(record))).toBe(beside(read(raw)))
    }),
    { numRuns: 400 },
  )
})

test('of a damaged amount the others that are shown stay, and so does what it is a part of', () => {
  const { tax, discount, subtotal } = orderOf(readInvoice({ ...rawInvoice, total_taxes: [{ amount: {} }, rawInvoice] }))
  expect([tax, discount].map(field => field instanceof NotUnderstood)).toEqual([true, true])
  expect(subtotal).toEqual(eur(1000))
  const { amount, total } = lineOf(readLine({ ...rawLine, discount_amounts: 'none' }), 'eur')
  expect(amount).toEqual(eur(1000))
  expect(total).toBeInstanceOf(NotUnderstood)
})

test('whatever an answer holds, it is read or refused as unreadable', () => {
  const readers = kinds.map(([, , read]) => read)
  const near = fc.record({
    id: fc.anything(),
    object: fc.anything(),
    created: fc.anything(),
    metadata: fc.anything(),
    lines: fc.anything(),
    active: fc.anything(),
  })
  fc.assert(
    fc.property(
      fc.oneof(
        fc.anything(),
        near,
        near.map(some => ({ ...rawInvoice, ...some })),
      ),
      fc.constantFrom(...readers),
      (value, read) => {
        try {
          read(value)
        } catch (error) {
          return error instanceof VendorError && error.kind === 'unreadable'
        }
        return true
      },
    ),
    { numRuns: 500 },
  )
})
