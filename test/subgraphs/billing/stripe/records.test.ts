import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  creditsOf,
  lineOf,
  observedCustomer,
  orderOf,
  paymentMethodOf,
  priceOf,
} from '../../../../subgraphs/billing/stripe/mapping.ts'
import {
  readCustomer,
  readInvoice,
  readLine,
  readPrice,
  readProduct,
} from '../../../../subgraphs/billing/stripe/records.ts'
import { VendorError } from '../../../../subgraphs/vendor-error.ts'

const invoice = {
  id: 'in_1',
  object: 'invoice',
  created: 1_767_225_600,
  currency: 'eur',
  customer: 'cus_1',
  customer_email: 'a@b.c',
  customer_address: { line1: '1 High St', line2: '', city: 'Hull', state: null, postal_code: 'HU1', country: 'GB' },
  number: 'A-1',
  status: 'open',
  description: '',
  subtotal: 900,
  total: 1000,
  amount_paid: 100,
  amount_remaining: 900,
  due_date: null,
  status_transitions: { finalized_at: 1_767_225_601, paid_at: null },
  lines: { object: 'list', data: [], has_more: false },
}

const customer = { id: 'cus_1', object: 'customer', created: 1, email: 'a@b.c', balance: 0, currency: 'eur' }

describe('an invoice', () => {
  test('becomes an order with amounts in its currency and instants as dates', () => {
    expect(orderOf(readInvoice(invoice))).toEqual({
      id: 'in_1',
      record: { system: 'stripe', kind: 'invoice', id: 'in_1' },
      number: 'A-1',
      status: 'OPEN',
      subtotal: { amount: 900, currency: 'EUR' },
      total: { amount: 1000, currency: 'EUR' },
      amountPaid: { amount: 100, currency: 'EUR' },
      amountRemaining: { amount: 900, currency: 'EUR' },
      memo: null,
      createdAt: new Date(1_767_225_600_000),
      finalizedAt: new Date(1_767_225_601_000),
      dueAt: null,
      paidAt: null,
      payments: null,
      hostedUrl: null,
      pdfUrl: null,
      billTo: {
        name: null,
        email: 'a@b.c',
        phone: null,
        address: { street: '1 High St', city: 'Hull', region: null, postalCode: 'HU1', country: 'GB' },
      },
    })
  })

  test('shows its payments newest first', () => {
    const payments = {
      data: [
        { id: 'inpay_1', created: 1, status: 'canceled', amount_requested: 5, currency: 'eur' },
        {
          id: 'inpay_2',
          created: 2,
          status: 'paid',
          amount_paid: 7,
          amount_requested: 9,
          currency: 'eur',
          status_transitions: { paid_at: 3 },
        },
      ],
    }
    expect(orderOf(readInvoice({ ...invoice, payments })).payments).toEqual([
      { id: 'inpay_2', status: 'PAID', amount: { amount: 7, currency: 'EUR' }, paidAt: new Date(3000) },
      { id: 'inpay_1', status: 'CANCELED', amount: { amount: 5, currency: 'EUR' }, paidAt: null },
    ])
  })

  test('in a status Stripe adds some day has none', () => {
    expect(orderOf(readInvoice({ ...invoice, status: 'forgiven' })).status).toBeNull()
  })

  test('of a wrong type is unreadable, named with id and field and without its value', () => {
    const fault = faultOf(() => readInvoice({ ...invoice, total: 'a-secret-value' }))
    expect(fault.kind).toBe('unreadable')
    expect(fault.message).toContain('in_1')
    expect(fault.message).toContain('total')
    expect(fault.message).not.toContain('a-secret-value')
  })

  test('keeps nothing it has not been asked for, whatever the body holds', () => {
    const read = readInvoice(
      JSON.parse(JSON.stringify(invoice).replace('{', '{"__proto__":{"isAdmin":true},"extra":1,')),
    )
    expect(Object.keys(read)).not.toContain('extra')
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype)
    expect('isAdmin' in read).toBe(false)
  })
})

describe('a line', () => {
  const line = {
    id: 'il_1',
    amount: 300,
    currency: 'eur',
    quantity: 3,
    pricing: { unit_amount_decimal: '100', price_details: { product: 'prod_1' } },
  }

  test('has the price of one and its product', () => {
    expect(lineOf(readLine(line), 'usd')).toMatchObject({
      unitPrice: { amount: 100, currency: 'EUR' },
      productId: 'prod_1',
    })
  })

  test('has no price of one where that is no whole minor unit', () => {
    expect(lineOf(readLine({ ...line, pricing: { unit_amount_decimal: '0.5' } }), 'usd').unitPrice).toBeNull()
  })
})

describe('a customer', () => {
  test.each([
    ['a negative balance is credit', { balance: -500 }, [{ amount: 500, currency: 'EUR' }]],
    ['a debt is none', { balance: 500 }, []],
    [
      'credit per currency counts instead where it is given',
      { balance: -1, invoice_credit_balance: { usd: 3, eur: -2 } },
      [{ amount: 3, currency: 'USD' }],
    ],
    ['without a currency there is none', { balance: -500, currency: null }, []],
  ])('%s', (_, fields, credits) => {
    expect(creditsOf(readCustomer({ ...customer, ...fields }))).toEqual(credits)
  })

  test('names its entity in the metadata, unless that is blank', () => {
    expect(observedCustomer(readCustomer({ ...customer, metadata: { crm_id: ' 101 ' } })).names).toEqual({
      type: 'Customer',
      id: '101',
    })
    expect(observedCustomer(readCustomer({ ...customer, metadata: { crm_id: ' ' } })).names).toBeNull()
    expect(observedCustomer(readCustomer({ ...customer, metadata: {} })).names).toBeNull()
  })

  test('shows a bank account by its bank and last digits', () => {
    expect(
      paymentMethodOf({ id: 'pm_1', type: 'us_bank_account', us_bank_account: { bank_name: 'BANK', last4: '6789' } }),
    ).toMatchObject({ brand: 'BANK', last4: '6789', expiryMonth: null })
  })
})

test('a one-time price has no interval, a tiered one no amount', () => {
  const price = {
    id: 'price_1',
    object: 'price',
    active: true,
    currency: 'usd',
    unit_amount: null,
    recurring: { interval: 'month' },
  }
  expect(priceOf(readPrice(price))).toMatchObject({ unitAmount: null, interval: 'MONTH' })
  expect(priceOf(readPrice({ ...price, recurring: null, unit_amount: 5 }))).toMatchObject({
    unitAmount: { amount: 5, currency: 'USD' },
    interval: null,
  })
})

test('whatever an answer holds, it is read or refused as unreadable', () => {
  const readers = [readCustomer, readInvoice, readLine, readPrice, readProduct]
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
        near.map(some => ({ ...invoice, ...some })),
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

function faultOf(act: () => unknown): VendorError {
  try {
    act()
  } catch (error) {
    if (error instanceof VendorError) return error
  }
  throw new Error('expected a VendorError')
}
