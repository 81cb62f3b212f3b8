import fc from 'fast-check'
import Stripe from 'stripe'
import { describe, expect, test } from 'vitest'
import { eventTypes } from '../../../../subgraphs/billing/stripe/happenings.ts'
import { openWebhook } from '../../../../subgraphs/billing/stripe/webhook.ts'
import type { Received } from '../../../../subgraphs/contract.ts'

const secret = 'whsec_test_secret'
const anyText: unknown = expect.any(String)
const sdk = new Stripe('sk_test_1')

function received(body: string, signature?: string): Received {
  return {
    method: 'POST',
    endpoint: '',
    url: 'https://graph.example.com/webhooks/stripe',
    headers: signature === undefined ? {} : { 'stripe-signature': signature },
    body: new TextEncoder().encode(body),
  }
}

function event(type: string, object: object, previous?: object): Received {
  const data = { object, ...(previous === undefined ? {} : { previous_attributes: previous }) }
  return received(JSON.stringify({ id: 'evt_1', object: 'event', type, created: 1_767_225_600, data }))
}

function thin(type: string, related: object | null, more: object = {}): Received {
  return received(
    JSON.stringify({
      id: 'evt_1',
      object: 'v2.core.event',
      type,
      created: '2026-11-30T10:00:00.000Z',
      livemode: true,
      context: null,
      related_object: related,
      ...more,
    }),
  )
}

const webhook = openWebhook('ours')

describe('the signature', () => {
  const body = JSON.stringify({ id: 'evt_test_webhook', object: 'event' }, null, 2)
  const at = new Date(1_600_000_000_000)
  const vector = 't=1600000000,v1=d31a0c09b944148f3e0967540577eab14332f9eed37bc847aa57257cb33baf8e'

  test('of a known vector is genuine, with any of several secrets', () => {
    expect(webhook.verify(received(body, vector), ['whsec_other', secret], at)).toEqual({ genuine: true })
  })

  test('of the SDK is genuine', () => {
    const header = sdk.webhooks.generateTestHeaderString({ payload: body, secret, timestamp: 1_600_000_000 })
    expect(webhook.verify(received(body, header), [secret], at)).toEqual({ genuine: true })
  })

  test.each([
    ['another body', received(`${body} `, vector), at, 'signature-wrong'],
    ['no signature', received(body), at, 'signature-missing'],
    ['an old one', received(body, vector), new Date(at.getTime() + 301_000), 'time-out-of-window'],
    ['one from the future', received(body, vector), new Date(at.getTime() - 301_000), 'time-out-of-window'],
  ])('%s is refused', (_, request, now, reason) => {
    expect(webhook.verify(request, [secret], now)).toEqual({ genuine: false, reason })
  })
})

describe('an event', () => {
  test('says which fields of the order changed and when', () => {
    const previous = {
      status: 'draft',
      amount_remaining: 0,
      status_transitions: { finalized_at: null },
      webhooks_delivered_at: 1,
    }
    expect(webhook.read(event('invoice.updated', { id: 'in_1' }, previous))).toEqual({
      entries: [
        {
          key: 'evt_1',
          hints: [
            {
              kind: 'UPDATED',
              record: { system: 'stripe', kind: 'invoice', id: 'in_1' },
              at: new Date(1_767_225_600_000),
              fields: ['status', 'amountRemaining', 'finalizedAt', 'paidAt'],
            },
          ],
        },
      ],
    })
  })

  test.each([
    ['invoice.deleted', { id: 'in_1' }, 'DELETED', 'invoice', 'in_1', []],
    ['invoice.voided', { id: 'in_1' }, 'UPDATED', 'invoice', 'in_1', ['status']],
    ['customer.created', { id: 'cus_1', customer: 'cus_9' }, 'CREATED', 'customer', 'cus_1', []],
    ['price.updated', { id: 'price_1', product: 'prod_1' }, 'UPDATED', 'product', 'prod_1', ['prices']],
    ['price.created', { id: 'price_1', product: { id: 'prod_1' } }, 'UPDATED', 'product', 'prod_1', ['prices']],
    ['invoice_payment.paid', { id: 'inpay_1', invoice: 'in_1' }, 'UPDATED', 'invoice', 'in_1', ['payments']],
    ['payment_method.updated', { id: 'pm_1', customer: 'cus_1' }, 'UPDATED', 'customer', 'cus_1', ['paymentMethod']],
  ])('%s is a hint to the right record', (type, object, kind, recordKind, id, fields) => {
    const read = webhook.read(event(type, object))
    expect(read).toMatchObject({
      entries: [{ hints: [{ kind, record: { system: 'stripe', kind: recordKind, id }, fields }] }],
    })
  })

  test('what came of our own write says so, and what came of another does not', () => {
    const of = (key: string | null) => {
      const body = {
        id: 'evt_1',
        object: 'event',
        type: 'invoice.voided',
        created: 1,
        data: { object: { id: 'in_1' } },
      }
      return webhook.read(received(JSON.stringify({ ...body, request: { id: 'req_1', idempotency_key: key } })))
    }
    expect(of('ours-1-void')).toMatchObject({ entries: [{ hints: [{ isEcho: true }] }] })
    for (const key of ['theirs-1', 'oursome-1', null]) {
      expect(JSON.stringify(of(key))).not.toContain('isEcho')
    }
    // What a write does beside to the customer, only the event tells.
    const beside = {
      id: 'evt_2',
      object: 'event',
      type: 'customer.updated',
      created: 1,
      data: { object: { id: 'cus_1' } },
    }
    const read = webhook.read(received(JSON.stringify({ ...beside, request: { idempotency_key: 'ours-1-void' } })))
    expect(JSON.stringify(read)).not.toContain('isEcho')
  })

  test('of a detached means of payment touches the customer it belonged to', () => {
    const read = webhook.read(event('payment_method.detached', { id: 'pm_1', customer: null }, { customer: 'cus_1' }))
    expect(read).toMatchObject({ entries: [{ hints: [{ record: { kind: 'customer', id: 'cus_1' } }] }] })
  })

  test.each([
    ['acme-corp', 'customer.updated', 'customer'],
    ['gold.plan v2', 'product.updated', 'product'],
    ['a/b@c?d#e', 'invoice.updated', 'invoice'],
    ['ключ', 'product.updated', 'product'],
    ['x'.repeat(255), 'product.updated', 'product'],
  ])('an id that a merchant chose (%s) is one', (id, type, kind) => {
    expect(webhook.read(event(type, { id }))).toMatchObject({ entries: [{ hints: [{ record: { kind, id } }] }] })
  })

  test.each([
    ['price.updated', { id: 'price_1', product: 'boiler-top-up_2024' }, 'product', 'boiler-top-up_2024'],
    ['credit_note.created', { id: 'cn_1', invoice: 'in_1', customer: 'cus_1' }, 'invoice', 'in_1'],
    ['charge.refunded', { id: 'ch_1', object: 'charge', payment_intent: 'pi_1' }, 'payment_intent', 'pi_1'],
    ['charge.refunded', { id: 'ch_1', object: 'charge', payment_intent: null }, 'charge', 'ch_1'],
    // As older API versions have it.
    ['charge.refunded', { id: 'ch_1', object: 'charge', payment_intent: 'pi_1', invoice: 'in_1' }, 'invoice', 'in_1'],
    ['refund.updated', { id: 're_1', object: 'refund', payment_intent: null, charge: 'ch_1' }, 'charge', 'ch_1'],
    ['charge.dispute.closed', { id: 'du_1', object: 'dispute', payment_intent: 'pi_1' }, 'payment_intent', 'pi_1'],
    ['customer_cash_balance_transaction.created', { customer: 'cus_1' }, 'customer', 'cus_1'],
    ['payment_method.updated', { customer: null, customer_account: 'acct_1' }, 'account', 'acct_1'],
  ])('%s leads to the record it names', (type, object, kind, id) => {
    expect(webhook.read(event(type, object))).toMatchObject({
      entries: [{ hints: [{ kind: 'UPDATED', record: { kind, id } }] }],
    })
  })

  test.each([
    ['price.updated', { id: 'price_1' }],
    ['price.updated', { id: 'price_1', product: 5 }],
    ['invoice.paid', { id: '' }],
    ['invoice.paid', { id: 'in\u0000' }],
    ['invoice.paid', { id: 'x'.repeat(256) }],
    ['invoiceitem.created', { id: 'ii_1', invoice: [] }],
    ['payment_method.updated', { id: 'pm_1', customer: true }],
    ['credit_note.created', { id: 'cn_1' }],
    ['invoice_payment.paid', { id: 'inpay_1', invoice: null }],
    ['refund.created', { id: 're_1', charge: {}, payment_intent: null }],
  ])('%s of %j is not understood, and says why', (type, object) => {
    expect(webhook.read(event(type, object))).toMatchObject({ entries: [{ key: 'evt_1', unreadable: anyText }] })
  })

  test('an event with a date or a request that is not as documented still names its record', () => {
    const body = {
      id: 'evt_1',
      object: 'event',
      type: 'invoice.paid',
      created: 'today',
      request: 5,
      data: { object: { id: 'in_1' } },
    }
    expect(webhook.read(received(JSON.stringify(body)))).toMatchObject({
      entries: [{ hints: [{ record: { id: 'in_1' }, at: null }] }],
    })
  })

  test.each([
    ['of a type nobody asked for', event('constructor', { id: 'x' })],
    ['of an item without an invoice', event('invoiceitem.created', { id: 'ii_1', invoice: null })],
    ['of API v2 about other records', thin('v2.core.account_link.returned', { id: 'acct_1', type: 'account' })],
    ['of API v2 of a v1 record that the graph has not', thin('v1.payout.paid', { id: 'po_1', type: 'payout' })],
    ['of API v2 of another account', thin('v1.invoice.paid', { id: 'in_1', type: 'invoice' }, { context: 'acct_1' })],
    ['of a payment method that no customer has', event('payment_method.updated', { id: 'pm_1', customer: null })],
    ['of a refund of no payment', event('refund.created', { id: 're_1', charge: null, payment_intent: null })],
    [
      'of a connected account',
      received(
        '{"id":"evt_1","object":"event","type":"invoice.paid","created":1,"account":"acct_1","data":{"object":{"id":"in_1"}}}',
      ),
    ],
  ])('%s touches nothing', (_, request) => {
    expect(webhook.read(request)).toEqual({ entries: [{ key: 'evt_1', hints: [] }] })
  })

  test('without the id of its record is kept as unreadable', () => {
    expect(webhook.read(event('invoice.paid', {}))).toMatchObject({
      entries: [{ key: 'evt_1', unreadable: anyText }],
    })
  })

  test.each(['', 'null', '[]', '{"id":"evt_1"}', '<html>'])('body %j is none', body => {
    expect(webhook.read(received(body))).toMatchObject({ unreadable: anyText })
  })

  test('never throws, whatever a body holds', () => {
    const json = fc.oneof(
      fc.json(),
      fc
        .record({
          id: fc.constantFrom('evt_1', '', 1),
          object: fc.constantFrom('event', 'v2.core.event', null),
          type: fc.constantFrom(...eventTypes, 'toString', 5),
          created: fc.constantFrom(1, -1, 1e300, 'x'),
          data: fc.record({ object: fc.jsonValue(), previous_attributes: fc.jsonValue() }),
        })
        .map(value => JSON.stringify(value)),
    )
    fc.assert(
      fc.property(fc.oneof(json, fc.string()), body => {
        webhook.read(received(body))
      }),
      { numRuns: 500 },
    )
  })
})

describe('a thin event', () => {
  const at = new Date('2026-11-30T10:00:00.000Z')
  test.each([
    [
      'v1.invoice.paid',
      'invoice',
      'UPDATED',
      'invoice',
      ['status', 'amountPaid', 'amountRemaining', 'paidAt', 'payments', 'collection'],
    ],
    ['v1.customer.deleted', 'customer', 'DELETED', 'customer', []],
    ['v1.product.created', 'product', 'CREATED', 'product', []],
    ['v1.price.updated', 'price', 'UPDATED', 'price', ['prices']],
    ['v1.charge.refunded', 'charge', 'UPDATED', 'charge', ['amountReturned', 'returns', 'payments']],
    ['v1.charge.dispute.closed', 'dispute', 'UPDATED', 'dispute', ['amountReturned', 'returns', 'payments']],
    // Finer than the old types.
    ['v1.invoice.line_item_added', 'invoice', 'UPDATED', 'invoice', []],
    ['v1.price.lookup_key_changed', 'price', 'UPDATED', 'price', []],
    ['v2.core.account[identity].updated', 'v2.core.account', 'UPDATED', 'account', []],
  ])('%s names the record to read again', (type, relatedType, kind, recordKind, fields) => {
    const related = { id: 'a b/c', type: relatedType, url: '/v1/x' }
    expect(webhook.read(thin(type, related))).toEqual({
      entries: [
        { key: 'evt_1', hints: [{ kind, record: { system: 'stripe', kind: recordKind, id: 'a b/c' }, at, fields }] },
      ],
    })
  })

  test('has the key of the other kind of event for the same happening', () => {
    const related = { id: 'in_1', type: 'invoice' }
    const reason = { type: 'request', request: { id: 'req_1', idempotency_key: 'ours-1-void' } }
    expect(webhook.read(thin('v1.invoice.voided', related, { snapshot_event: 'evt_old', reason }))).toMatchObject({
      entries: [{ key: 'evt_old', hints: [{ isEcho: true }] }],
    })
  })

  test('of what no longer says whose it was leads to the event that does', () => {
    const related = { id: 'price_1', type: 'price' }
    expect(webhook.read(thin('v1.price.deleted', related, { snapshot_event: 'evt_old' }))).toMatchObject({
      entries: [{ hints: [{ record: { kind: 'event', id: 'evt_old' } }] }],
    })
    expect(webhook.read(thin('v1.price.deleted', related))).toMatchObject({ entries: [{ unreadable: anyText }] })
  })

  test.each([
    ['v1.invoice.paid', null],
    ['v1.invoice.paid', { type: 'invoice' }],
    ['v1.price.updated', {}],
    ['v2.core.account.updated', null],
  ])('%s with related_object %j is not understood', (type, related) => {
    expect(webhook.read(thin(type, related))).toMatchObject({ entries: [{ key: 'evt_1', unreadable: anyText }] })
  })
})
