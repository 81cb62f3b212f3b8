import { expect, test } from 'vitest'
import { contact, hubspotAccount, stripeAccount, type Raw, type RawRecords } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'
import { rawCustomer, rawEvent, rawInvoice, rawPayment, seconds, thinEvent } from './stripe-raw.ts'

const money = (id: string, object: string, fields: Raw): Raw => ({
  id,
  object,
  charge: 'ch_1',
  created: seconds,
  currency: 'usd',
  payment_intent: 'pi_1',
  reason: null,
  status: 'succeeded',
  ...fields,
})

type Account = Record<
  'customers' | 'invoices' | 'invoice_payments' | 'refunds' | 'disputes' | 'credit_notes' | 'charges' | 'events',
  RawRecords
>

/** Jane has paid 100.00 by a payment of its own. */
function paidAccount() {
  const payment = rawPayment('inpay_1', 'in_paid', 10_000, 'pi_1')
  const account: Account = {
    customers: { cus_1: rawCustomer('cus_1', { email: 'jane@example.com' }) },
    invoices: { in_paid: paid() },
    invoice_payments: { inpay_1: payment },
    refunds: {},
    disputes: {},
    credit_notes: {},
    charges: { ch_1: { id: 'ch_1', object: 'charge', payment_intent: 'pi_1', customer: 'cus_1' } },
    events: {},
  }
  function paid(fields: Raw = {}): Raw {
    return rawInvoice('in_paid', 'cus_1', {
      total: 10_000,
      status: 'paid',
      amount_paid: 10_000,
      amount_remaining: 0,
      payments: { object: 'list', data: [payment], has_more: false },
      ...fields,
    })
  }
  return { account, paid }
}

const contacts = hubspotAccount({ contacts: { 101: contact('101', { email: 'jane@example.com' }) } })

const ask = `{ order(id: "in_paid") {
  status amountPaid { amount } amountReturned { amount }
  payments { status amount { amount } amountReturned { amount } }
  returns { id kind status amount { amount } reason }
} }`

test('a refund shows on the order and its payment, and is pushed, whatever tells of it', async () => {
  const { account } = paidAccount()
  const world = await startFieldWorld({ hubspot: [contacts], stripe: [stripeAccount(account)] })
  expect(await world.data(ask)).toEqual({
    order: {
      status: 'PAID',
      amountPaid: { amount: 10_000 },
      amountReturned: { amount: 0 },
      payments: [{ status: 'PAID', amount: { amount: 10_000 }, amountReturned: { amount: 0 } }],
      returns: [],
    },
  })
  const frames = world.subscribe(
    'subscription { orderChanged(id: "in_paid") { change { kind fields } order { amountReturned { amount } } } }',
  )
  await frames.next()

  account.refunds['re_1'] = money('re_1', 'refund', { amount: 3000, reason: 'requested_by_customer' })
  await world.tellStripe(rawEvent('charge.refunded', { ...account.charges['ch_1'], amount_refunded: 3000 }))
  expect(await frames.next()).toMatchObject({
    data: {
      orderChanged: {
        change: { kind: 'UPDATED', fields: ['amountReturned', 'returns', 'payments'] },
        order: { amountReturned: { amount: 3000 } },
      },
    },
  })
  account.refunds['re_2'] = money('re_2', 'refund', { amount: 500, status: 'pending' })
  await world.tellStripe(thinEvent('v1.refund.created', { id: 're_2', type: 'refund' }))
  expect(await frames.next()).toMatchObject({ data: { orderChanged: { order: { amountReturned: { amount: 3500 } } } } })
  account.refunds['re_2'] = money('re_2', 'refund', { amount: 500, status: 'failed' })
  const failed = rawEvent('refund.failed', account.refunds['re_2'])
  account.events[String(failed['id'])] = { ...failed, created: Math.floor(Date.now() / 1000) }
  await world.sweep()
  expect(await frames.next()).toMatchObject({ data: { orderChanged: { order: { amountReturned: { amount: 3000 } } } } })
  expect(await world.data(ask)).toMatchObject({
    order: {
      status: 'PAID',
      amountPaid: { amount: 10_000 },
      amountReturned: { amount: 3000 },
      payments: [{ amountReturned: { amount: 3000 } }],
      returns: expect.arrayContaining([
        { id: 're_1', kind: 'REFUND', status: 'DONE', amount: { amount: 3000 }, reason: 'requested_by_customer' },
        { id: 're_2', kind: 'REFUND', status: 'FAILED', amount: { amount: 500 }, reason: null },
      ]),
    },
  })
})

test('a credit note that made a refund counts once, and what it gave beside counts too', async () => {
  const { account, paid } = paidAccount()
  const world = await startFieldWorld({ stripe: [stripeAccount(account)] })
  account.refunds['re_1'] = money('re_1', 'refund', { amount: 3000 })
  account.credit_notes['cn_1'] = money('cn_1', 'credit_note', {
    invoice: 'in_paid',
    amount: 5000,
    post_payment_amount: 5000,
    status: 'issued',
    type: 'post_payment',
    refunds: [{ amount_refunded: 3000, refund: 're_1', type: 'refund' }],
  })
  account.credit_notes['cn_2'] = money('cn_2', 'credit_note', {
    invoice: 'in_paid',
    post_payment_amount: 900,
    status: 'void',
    refunds: [],
  })
  account.invoices['in_paid'] = paid({ post_payment_credit_notes_amount: 5000 })
  await world.tellStripe(rawEvent('credit_note.created', account.credit_notes['cn_1']))
  expect(await world.data(ask)).toMatchObject({
    order: {
      amountReturned: { amount: 5000 },
      payments: [{ amountReturned: { amount: 3000 } }],
      returns: expect.arrayContaining([
        { id: 're_1', kind: 'REFUND', status: 'DONE', amount: { amount: 3000 }, reason: null },
        { id: 'cn_1', kind: 'CREDIT_NOTE', status: 'DONE', amount: { amount: 2000 }, reason: null },
        { id: 'cn_2', kind: 'CREDIT_NOTE', status: 'FAILED', amount: { amount: 900 }, reason: null },
      ]),
    },
  })
})

test('what an invoice says was credited after payment counts though no list has it', async () => {
  const { account, paid } = paidAccount()
  account.invoices['in_paid'] = paid({ post_payment_credit_notes_amount: 10_000, payments: null })
  account.invoice_payments = {}
  const world = await startFieldWorld({ stripe: [stripeAccount(account)] })
  expect(await world.data('{ order(id: "in_paid") { amountReturned { amount } } }')).toEqual({
    order: { amountReturned: { amount: 10_000 } },
  })
})

test.each([
  ['needs_response', 8000, 'PENDING'],
  ['lost', 8000, 'DONE'],
  ['won', 0, 'FAILED'],
  ['warning_needs_response', 0, 'FAILED'],
])('a dispute that is %s takes %d', async (status, amount, word) => {
  const { account } = paidAccount()
  const world = await startFieldWorld({ stripe: [stripeAccount(account)] })
  expect(await world.data('{ order(id: "in_paid") { amountReturned { amount } } }')).toEqual({
    order: { amountReturned: { amount: 0 } },
  })
  account.disputes['du_1'] = money('du_1', 'dispute', { amount: 8000, status, reason: 'fraudulent' })
  await world.tellStripe(rawEvent('charge.dispute.closed', account.disputes['du_1']))
  expect(await world.data(ask)).toMatchObject({
    order: {
      amountReturned: { amount },
      returns: [{ id: 'du_1', kind: 'DISPUTE', status: word, amount: { amount: 8000 }, reason: 'fraudulent' }],
    },
  })
})

test('a refund of a charge without a payment intent is found by its customer; one of nothing we bill is done', async () => {
  const { account, paid } = paidAccount()
  const payment = { ...rawPayment('inpay_1', 'in_paid', 10_000, ''), payment: { type: 'charge', charge: 'ch_old' } }
  account.invoices['in_paid'] = paid({ payments: { object: 'list', data: [payment], has_more: false } })
  account.charges['ch_old'] = { id: 'ch_old', object: 'charge', payment_intent: null, customer: 'cus_1' }
  const world = await startFieldWorld({ stripe: [stripeAccount(account)] })
  await world.data(ask)
  account.refunds['re_1'] = money('re_1', 'refund', { amount: 100, payment_intent: null, charge: 'ch_old' })
  await world.tellStripe(rawEvent('refund.created', account.refunds['re_1']))
  expect(await world.data(ask)).toMatchObject({ order: { amountReturned: { amount: 100 } } })
  account.charges['ch_shop'] = { id: 'ch_shop', object: 'charge', payment_intent: 'pi_shop', customer: null }
  await world.tellStripe(rawEvent('charge.refunded', account.charges['ch_shop']))
  expect(await world.data('{ deliveries(first: 1) { nodes { state } } }')).toEqual({
    deliveries: { nodes: [{ state: 'DONE' }] },
  })
})

test('a page of orders costs nothing for what went back unless that is selected, and then once', async () => {
  const { account } = paidAccount()
  const world = await startFieldWorld({ stripe: [stripeAccount(account)] })
  const asked = () => world.stripe.requests.filter(({ path }) => /refunds|disputes|credit_notes/.test(path)).length
  await world.data('{ orders { nodes { id status amountPaid { amount } payments { amount { amount } } } } }')
  expect(asked()).toBe(0)
  await world.data(ask)
  expect(asked()).toBe(2)
  await world.data(ask)
  expect(asked()).toBe(2)
})

test('a payment of several orders gives back to each no more than it paid there', async () => {
  const { account } = paidAccount()
  account.refunds['re_1'] = money('re_1', 'refund', { amount: 15_000 })
  const world = await startFieldWorld({ stripe: [stripeAccount(account)] })
  expect(await world.data(ask)).toMatchObject({
    order: { amountReturned: { amount: 10_000 }, payments: [{ amountReturned: { amount: 10_000 } }] },
  })
})
