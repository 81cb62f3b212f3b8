import { expect, test } from 'vitest'
import { listener, world } from './world.ts'
import type { StripeSimulator } from './simulator.ts'

/** An invoice over 100.00 of somebody who has a card. */
function order(simulator: StripeSimulator): string {
  const customer = simulator
    .snapshot()
    .customers.find(({ invoice_settings: { default_payment_method: card }, balance }) => card !== null && balance === 0)
  return simulator.createInvoice({ customer: customer?.id ?? '', currency: 'usd' }, [
    { description: 'Service', unit_amount_decimal: '10000', currency: 'usd' },
  ]).id
}

function idOf(reference: unknown): string {
  if (typeof reference === 'string') return reference
  throw new Error('expected an id that was not expanded')
}

async function paid() {
  const { simulator, sdk } = await world()
  const id = order(simulator)
  simulator.payInvoice(id, {})
  const payments = await sdk.invoicePayments.list({ invoice: id })
  const intent = idOf(payments.data[0]?.payment.payment_intent)
  return { simulator, sdk, id, intent }
}

test('a refund is of a payment, no more than is left, and shows on its charge', async () => {
  const { sdk, id, intent } = await paid()
  expect(
    (await sdk.invoicePayments.list({ payment: { type: 'payment_intent', payment_intent: intent } })).data,
  ).toMatchObject([{ invoice: id, status: 'paid' }])
  const refund = await sdk.refunds.create({ payment_intent: intent, amount: 3000, reason: 'duplicate' })
  expect(refund).toMatchObject({ amount: 3000, status: 'succeeded', charge: `ch_${intent.slice(3)}` })
  expect(await sdk.charges.retrieve(idOf(refund.charge))).toMatchObject({ amount_refunded: 3000, refunded: false })
  expect(await sdk.paymentIntents.retrieve(intent)).toMatchObject({ status: 'succeeded', latest_charge: refund.charge })
  await expect(sdk.refunds.create({ payment_intent: intent, amount: 7001 })).rejects.toMatchObject({ param: 'amount' })
  await expect(sdk.refunds.create({ amount: 1 })).rejects.toMatchObject({ code: 'parameter_missing' })
  await sdk.refunds.create({ charge: idOf(refund.charge) })
  await expect(sdk.refunds.create({ payment_intent: intent })).rejects.toMatchObject({
    code: 'charge_already_refunded',
  })
  expect((await sdk.refunds.list({ payment_intent: intent })).data.map(({ amount }) => amount)).toEqual([7000, 3000])
  expect((await sdk.refunds.list({ charge: 'ch_none' })).data).toEqual([])
  expect((await sdk.invoices.retrieve(id)).status).toBe('paid')
})

test('a credit note says where the money of a paid invoice goes, and lowers what is left of an open one', async () => {
  const { simulator, sdk, id, intent } = await paid()
  await expect(sdk.creditNotes.create({ invoice: id, amount: 5000 })).rejects.toMatchObject({ param: 'amount' })
  const note = await sdk.creditNotes.create({ invoice: id, amount: 5000, refund_amount: 3000, credit_amount: 2000 })
  expect(note).toMatchObject({ type: 'post_payment', post_payment_amount: 5000, refunds: [{ amount_refunded: 3000 }] })
  expect((await sdk.refunds.list({ payment_intent: intent })).data).toMatchObject([{ amount: 3000 }])
  const { post_payment_credit_notes_amount: credited, customer } = await sdk.invoices.retrieve(id)
  expect([credited, simulator.customer(idOf(customer))]).toMatchObject([5000, { balance: -2000 }])

  const open = order(simulator)
  simulator.finalizeInvoice(open)
  const before = simulator.invoice(open)?.amount_remaining ?? 0
  const early = await sdk.creditNotes.create({ invoice: open, amount: 1000 })
  expect([early.type, simulator.invoice(open)?.amount_remaining]).toEqual(['pre_payment', before - 1000])
  await sdk.creditNotes.voidCreditNote(early.id)
  expect(simulator.invoice(open)?.amount_remaining).toBe(before)
  expect((await sdk.creditNotes.list({ invoice: open })).data).toMatchObject([{ status: 'void' }])
})

test('a dispute takes the money until it is won, and no refund beside', async () => {
  const { simulator, sdk, id, intent } = await paid()
  const dispute = simulator.dispute(id)
  expect((await sdk.disputes.list({ payment_intent: intent })).data).toMatchObject([
    { id: dispute.id, amount: 10_000, status: 'needs_response' },
  ])
  await expect(sdk.refunds.create({ payment_intent: intent })).rejects.toMatchObject({ code: 'charge_disputed' })
  expect(await sdk.disputes.close(dispute.id)).toMatchObject({ status: 'lost' })
})

test('a card that is refused leaves the invoice open, with the try, the next one and the reason', async () => {
  const { simulator, sdk } = await world()
  const id = order(simulator)
  simulator.finalizeInvoice(id)
  await expect(sdk.invoices.pay(id, { payment_method: 'pm_card_chargeDeclined' })).rejects.toMatchObject({
    type: 'StripeCardError',
    code: 'card_declined',
  })
  const invoice = await sdk.invoices.retrieve(id, { expand: ['payments'] })
  expect(invoice).toMatchObject({ status: 'open', attempted: true, attempt_count: 1 })
  expect(invoice.next_payment_attempt).toBeGreaterThan(invoice.created)
  const intent = idOf(invoice.payments?.data[0]?.payment.payment_intent)
  expect(await sdk.paymentIntents.retrieve(intent)).toMatchObject({
    status: 'requires_payment_method',
    last_payment_error: { decline_code: 'generic_decline' },
  })
})

test('discount and tax lead from subtotal to total, on top or within', async () => {
  const { simulator, sdk } = await world()
  const totals = async (isInclusive: boolean) => {
    const id = order(simulator)
    simulator.setTerms(id, { percentOff: 10, tax: { percentage: 20, isInclusive } })
    return sdk.invoices.retrieve(id)
  }
  expect(await totals(false)).toMatchObject({
    subtotal: 10_000,
    total: 10_800,
    total_excluding_tax: 9000,
    total_discount_amounts: [{ amount: 1000 }],
    total_taxes: [{ amount: 1800, tax_behavior: 'exclusive', taxable_amount: 9000 }],
    lines: { data: [{ amount: 10_000, discount_amounts: [{ amount: 1000 }], taxes: [{ amount: 1800 }] }] },
  })
  expect(await totals(true)).toMatchObject({
    total: 9000,
    total_excluding_tax: 7500,
    total_taxes: [{ amount: 1500, tax_behavior: 'inclusive', taxable_amount: 7500 }],
  })
})

test('prices are of tiers, of packages, below a cent, every three months, or what the customer gives', async () => {
  const { simulator, sdk } = await world({ hasExamples: true })
  const product = simulator.snapshot().products.at(-1)?.id ?? ''
  const { data } = await sdk.prices.list({ product, expand: ['data.tiers'] })
  expect(data.map(price => [price.nickname, price.billing_scheme, price.unit_amount])).toEqual([
    ['By the number of sites', 'tiered', null],
    ['What the customer gives', 'per_unit', null],
    ['A hundred messages', 'per_unit', 500],
    ['Every three months', 'per_unit', 7500],
    ['Below a cent, a reading', 'per_unit', null],
  ])
  expect(data[0]?.tiers).toMatchObject([{ up_to: 5 }, { up_to: null, flat_amount: 1000 }])
  expect(data[3]?.recurring).toMatchObject({ interval: 'month', interval_count: 3 })
  expect(String(data[4]?.unit_amount_decimal)).toBe('0.89')
})

test('krónur are sent in hundredths that are 00', async () => {
  const { simulator, sdk } = await world()
  const customer = simulator.snapshot().customers[0]?.id ?? ''
  const { id } = simulator.createInvoice({ customer, currency: 'isk' })
  await expect(sdk.invoiceItems.create({ customer, invoice: id, amount: 1550 })).rejects.toMatchObject({
    code: 'invalid_charge_amount_no_decimal_compatible',
  })
  expect(await sdk.invoiceItems.create({ customer, invoice: id, amount: 1500 })).toMatchObject({ amount: 1500 })
})

test('an endpoint may be sent thin events, which name the record and the whole event', async () => {
  const { url, arrivals } = await listener()
  const { simulator, sdk } = await world({ webhookUrl: url, eventPayload: 'thin' })
  const id = order(simulator)
  simulator.payInvoice(id, {})
  const [refundable] = (await sdk.invoicePayments.list({ invoice: id })).data
  await sdk.refunds.create({ payment_intent: idOf(refundable?.payment.payment_intent) }, { idempotencyKey: 'mine' })
  await simulator.webhooks.idle()
  const events = arrivals.map(({ body }): unknown => JSON.parse(body))
  const refund = events.find(event => JSON.stringify(event).includes('v1.refund.created'))
  expect(refund).toMatchObject({
    object: 'v2.core.event',
    related_object: { type: 'refund' },
    reason: { request: { idempotency_key: 'mine' } },
  })
  const snapshot = simulator.snapshot().refunds?.[0]
  expect((await sdk.events.list({ type: 'refund.created' })).data).toMatchObject([{ data: { object: snapshot } }])
  expect(JSON.stringify(refund)).toContain((await sdk.events.list({ type: 'refund.created' })).data[0]?.id)
})
