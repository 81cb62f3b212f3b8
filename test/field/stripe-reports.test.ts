import { expect, test } from 'vitest'
import { contact, hubspotAccount, stripeAccount, type Raw } from './accounts.ts'
import { startFieldWorld, type FieldWorld } from './field-world.ts'
import type { Answer } from './vendor-server.ts'

const contacts = { 101: contact('101', { email: 'jane@example.com', firstname: 'Jane' }) }

const customer: Raw = {
  id: 'cus_1',
  object: 'customer',
  created: 1_767_225_600,
  email: 'jane@example.com',
  metadata: { crm_id: '101' },
}

const line: Raw = { id: 'il_1', object: 'line_item', amount: 1000, currency: 'usd', description: 'Visit', quantity: 1 }

function invoice(id: string, more: Raw = {}): Raw {
  return {
    id,
    object: 'invoice',
    customer: 'cus_1',
    created: 1_767_225_600,
    currency: 'usd',
    status: 'paid',
    number: 'A-1',
    subtotal: 1000,
    total: 1000,
    amount_due: 1000,
    amount_paid: 1000,
    amount_remaining: 0,
    lines: { object: 'list', data: [line], has_more: false, url: `/v1/invoices/${id}/lines` },
    status_transitions: { finalized_at: 1_767_225_600, paid_at: 1_767_225_600 },
    metadata: {},
    ...more,
  }
}

function event(type: string, object: Raw, previous?: Raw): Raw {
  const data = { object, ...(previous === undefined ? {} : { previous_attributes: previous }) }
  return { id: `evt_${type}`, object: 'event', type, created: 1_767_225_600, livemode: true, data }
}

function world(invoices: Record<string, Raw>, ...first: readonly Answer[]): Promise<FieldWorld> {
  return startFieldWorld({
    hubspot: [hubspotAccount({ contacts })],
    stripe: [...first, stripeAccount({ customers: { cus_1: customer }, invoices })],
  })
}

const deadOf = async (one: FieldWorld): Promise<unknown> =>
  one.data('{ deliveries(first: 5, state: DEAD) { totalCount } }')

const noneDead = { deliveries: { totalCount: 0 } }

// Source: stripe/sync-engine#121.
test('a preview of an invoice, which has no id, is no fault', async () => {
  const one = await world({})
  const preview = { ...invoice('in_1'), id: null, status: 'draft' }
  expect(await one.tellStripe(event('invoice.upcoming', preview))).toBe(200)
  expect(await deadOf(one)).toEqual(noneDead)
})

// Source: dj-stripe/dj-stripe#1499, ids over 22 characters.
test('an id may be as long as Stripe makes it', async () => {
  const id = `in_1K${'aB3'.repeat(60)}`
  const one = await world({ [id]: invoice(id) })
  expect(await one.data(`{ order(id: "${id}") { id customer { id } } }`)).toEqual({
    order: { id, customer: { id: '101' } },
  })
})

// Source: mozilla/fxa#12380, mozilla-it/ctms-api#350.
test('news of a customer who is gone, or was never known, are worked on', async () => {
  const gone: Answer = ({ path }) =>
    path === '/v1/customers/cus_gone' ? { body: { id: 'cus_gone', object: 'customer', deleted: true } } : undefined
  const one = await world({}, gone)
  const card = { id: 'pm_1', object: 'payment_method', type: 'card', customer: 'cus_gone', card: { last4: '4242' } }
  expect(await one.tellStripe(event('payment_method.automatically_updated', card, { card: {} }))).toBe(200)
  expect(await one.tellStripe(event('customer.deleted', { id: 'cus_gone', object: 'customer', deleted: true }))).toBe(
    200,
  )
  expect(await deadOf(one)).toEqual(noneDead)
})

// Source: PostHog/posthog#72759, a draft that is deleted between the list and its further lines.
test('an order that vanishes while its lines are read costs its lines alone', async () => {
  const more = { object: 'list', data: [line], has_more: true, url: '/v1/invoices/in_1/lines' }
  const one = await world({ in_1: invoice('in_1', { lines: more }), in_2: invoice('in_2', { number: 'A-2' }) })
  const { data, errors } = await one.ask('{ orders(first: 5) { nodes { id number lines { description } } } }')
  const answer = JSON.stringify(data)
  expect(answer).toContain('"A-1"')
  expect(answer).toContain('{"id":"in_2","number":"A-2","lines":[{"description":"Visit"}]}')
  for (const error of errors) expect(error.extensions?.['code']).not.toBe('INTERNAL_SERVER_ERROR')
})

// Source: vm0-ai/vm0#26374 (a downgrade's negative invoice), craftcms/commerce-stripe#317 (no subscription).
test('an invoice whose total is negative is paid, with nothing remaining', async () => {
  const negative = {
    subtotal: -2500,
    total: -2500,
    amount_due: 0,
    amount_paid: 0,
    ending_balance: -2500,
    parent: null,
    lines: { object: 'list', data: [{ ...line, amount: -2500 }], has_more: false, url: '/v1/invoices/in_1/lines' },
  }
  const one = await world({ in_1: invoice('in_1', negative) })
  const asked = 'status total { amount } amountPaid { amount } amountRemaining { amount } lines { amount { amount } }'
  expect(await one.data(`{ order(id: "in_1") { ${asked} } }`)).toEqual({
    order: {
      status: 'PAID',
      total: { amount: -2500 },
      amountPaid: { amount: 0 },
      amountRemaining: { amount: 0 },
      lines: [{ amount: { amount: -2500 } }],
    },
  })
})

// Source: useautumn/autumn#1898, InvoicePlane/InvoicePlane#1677, YosemiteCrew/Yosemite-Crew#3021.
test('a currency without decimals is read as it is, refunds too', async () => {
  const yen = { currency: 'jpy', subtotal: 500, total: 500, amount_due: 500, amount_paid: 500 }
  const one = await world({ in_1: invoice('in_1', { ...yen, post_payment_credit_notes_amount: 200 }) })
  expect(await one.data('{ order(id: "in_1") { total { amount currency } amountPaid { amount } } }')).toEqual({
    order: { total: { amount: 500, currency: 'JPY' }, amountPaid: { amount: 500 } },
  })
})
