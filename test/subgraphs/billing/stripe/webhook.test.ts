import fc from 'fast-check'
import Stripe from 'stripe'
import { describe, expect, test } from 'vitest'
import { eventTypes, openWebhook } from '../../../../subgraphs/billing/stripe/webhook.ts'
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
    ['of a type nobody asked for', event('constructor', { id: 'x' })],
    ['of an item without an invoice', event('invoiceitem.created', { id: 'ii_1', invoice: null })],
    ['of API v2', received('{"id":"evt_1","object":"v2.core.event","type":"v1.x"}')],
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
