import type Stripe from 'stripe'
import { z } from 'zod'
import type { ChangeKind } from '../../../schema/change.ts'
import type { DeliveryEntry, Hint, Received, WebhookAdapter } from '../../contract.ts'
import { verifySignature } from '../../signature.ts'
import type { SignatureScheme } from '../../signature.ts'
import { finalizedFields, recordRef } from './mapping.ts'
import type { StripeKind } from './mapping.ts'

/**
 * `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>]` over `t.body`; several v1 while a secret is rolled; five minutes.
 * Source: docs.stripe.com/webhooks/signature, stripe-node `Webhooks`.
 */
export const scheme: SignatureScheme = {
  signature: { header: 'stripe-signature', item: 'v1', encoding: 'hex' },
  time: { header: 'stripe-signature', item: 't', unitMs: 1000, toleranceMs: 300_000 },
  signed: [{ part: 'time' }, { part: 'text', text: '.' }, { part: 'body' }],
}

/** What an event type says: which record it touches, where its id stands, and which of the entity's fields changed. */
interface Happening {
  readonly change: Exclude<ChangeKind, 'LINKED'>
  readonly kind: StripeKind
  readonly idIn: 'id' | 'customer' | 'invoice' | 'product'
  readonly fields: readonly string[]
}

const invoice = (change: Happening['change'], ...fields: string[]): Happening => ({
  change,
  kind: 'invoice',
  idIn: 'id',
  fields,
})
const customer = (change: Happening['change']): Happening => ({ change, kind: 'customer', idIn: 'id', fields: [] })
const product = (change: Happening['change']): Happening => ({ change, kind: 'product', idIn: 'id', fields: [] })
const lines: Happening = {
  change: 'UPDATED',
  kind: 'invoice',
  idIn: 'invoice',
  fields: ['lines', 'subtotal', 'total', 'amountRemaining'],
}
const payments: Happening = { change: 'UPDATED', kind: 'invoice', idIn: 'invoice', fields: ['payments'] }
const prices: Happening = { change: 'UPDATED', kind: 'product', idIn: 'product', fields: ['prices'] }
const paymentMethod: Happening = { change: 'UPDATED', kind: 'customer', idIn: 'customer', fields: ['paymentMethod'] }

type EventType = Stripe.WebhookEndpointCreateParams.EnabledEvent & Stripe.Event.Type

const paid = ['status', 'amountPaid', 'amountRemaining', 'paidAt', 'payments'] as const

const rows: readonly (readonly [EventType, Happening])[] = [
  ['customer.created', customer('CREATED')],
  ['customer.updated', customer('UPDATED')],
  ['customer.deleted', customer('DELETED')],
  ['invoice.created', invoice('CREATED')],
  ['invoice.updated', invoice('UPDATED')],
  ['invoice.deleted', invoice('DELETED')],
  ['invoice.finalized', invoice('UPDATED', ...finalizedFields)],
  ['invoice.paid', invoice('UPDATED', ...paid)],
  ['invoice.payment_succeeded', invoice('UPDATED', ...paid)],
  ['invoice.payment_failed', invoice('UPDATED', 'payments')],
  ['invoice.overpaid', invoice('UPDATED', ...paid)],
  ['invoice.voided', invoice('UPDATED', 'status')],
  ['invoice.marked_uncollectible', invoice('UPDATED', 'status')],
  ['invoice_payment.paid', payments],
  ['invoiceitem.created', lines],
  ['invoiceitem.deleted', lines],
  ['product.created', product('CREATED')],
  ['product.updated', product('UPDATED')],
  ['product.deleted', product('DELETED')],
  ['price.created', prices],
  ['price.updated', prices],
  ['price.deleted', prices],
  ['payment_method.updated', paymentMethod],
  ['payment_method.automatically_updated', paymentMethod],
  ['payment_method.detached', paymentMethod],
]

const happenings: ReadonlyMap<string, Happening> = new Map(rows)

/** The event types a webhook endpoint has to be subscribed to. */
export const eventTypes: readonly EventType[] = rows.map(([type]) => type)

/** The entity's fields behind the names in `previous_attributes`. */
const fieldsOf: Readonly<Record<StripeKind, ReadonlyMap<string, readonly string[]>>> = {
  invoice: new Map([
    ['number', ['number']],
    ['status', ['status']],
    ['lines', ['lines']],
    ['subtotal', ['subtotal']],
    ['total', ['total']],
    ['amount_paid', ['amountPaid']],
    ['amount_remaining', ['amountRemaining']],
    ['description', ['memo']],
    ['status_transitions', ['finalizedAt', 'paidAt']],
    ['due_date', ['dueAt']],
    ['payments', ['payments']],
    ['hosted_invoice_url', ['hostedUrl']],
    ['invoice_pdf', ['pdfUrl']],
    ['customer', ['customer']],
    ['customer_name', ['billTo']],
    ['customer_email', ['billTo']],
    ['customer_phone', ['billTo']],
    ['customer_address', ['billTo']],
  ]),
  customer: new Map([
    ['name', ['name']],
    ['email', ['email']],
    ['phone', ['phone']],
    ['address', ['address']],
    ['balance', ['balances']],
    ['invoice_credit_balance', ['balances']],
    ['invoice_settings', ['paymentMethod']],
  ]),
  product: new Map([
    ['name', ['name']],
    ['description', ['description']],
    ['active', ['isActive']],
    ['updated', ['updatedAt']],
  ]),
}

/** Anything else could not be asked for: it goes into the address of a request. */
const idOfRecord = z.string().regex(/^\w{1,255}$/)

const reference = z
  .union([idOfRecord, z.object({ id: idOfRecord }).transform(({ id }) => id)])
  .nullish()
  .catch(null)

const event = z.object({
  id: z.string().min(1).max(255),
  object: z.literal('event'),
  type: z.string(),
  created: z.int().min(0).max(8_640_000_000_000),
  /** Set for what happened in an account connected to ours: none of our records. */
  account: z.string().nullish(),
  /** The API request it came of. */
  request: z.object({ idempotency_key: z.string().nullish() }).nullish().catch(null),
  data: z.object({
    object: z.object({ id: reference, customer: reference, invoice: reference, product: reference }),
    previous_attributes: z.record(z.string(), z.unknown()).nullish(),
  }),
})

type Event = z.infer<typeof event>

/** An event of API v2, which carries no record; none of the graph's kinds are among them. */
const thinEvent = z.object({ id: z.string().min(1).max(255), object: z.literal('v2.core.event') })

/**
 * @param writeMark what stands before the idempotency keys of our own writes
 * One request is one event. It only says what to read again: Stripe promises no order of events, so the record an event
 * carries may be older than what is known. Source: docs.stripe.com/webhooks, "Event ordering".
 */
export function openWebhook(writeMark: string): WebhookAdapter {
  return {
    verify: (received, secrets, now) => verifySignature(received, scheme, secrets, now),
    read(received) {
      const body = jsonOf(received)
      if (body === undefined) return { unreadable: 'expected an event of Stripe, got a body that is no JSON' }
      const thin = thinEvent.safeParse(body)
      if (thin.success) return { entries: [{ key: thin.data.id, hints: [] }] }
      const read = readEvent(body, writeMark)
      return 'key' in read ? { entries: [read] } : read
    },
  }
}

/** What an event says, whether Stripe sent it or was asked for it: under the same key. */
export function readEvent(value: unknown, writeMark: string): DeliveryEntry | { readonly unreadable: string } {
  const parsed = event.safeParse(value)
  if (parsed.success) return entryOf(parsed.data, writeMark)
  const path = parsed.error.issues[0]?.path.map(String).join('.')
  return { unreadable: `expected an event of Stripe, got something else at ${path ?? 'its root'}` }
}

function entryOf({ id, type, created, account, request, data }: Event, writeMark: string): DeliveryEntry {
  const happening = happenings.get(type)
  if (happening === undefined || account != null) return { key: id, hints: [] }
  const before = data.previous_attributes ?? {}
  const recordId = data.object[happening.idIn] ?? formerReference(before, happening.idIn)
  if (recordId === null || recordId === '') {
    // An invoice item may wait without an invoice, a payment method without a customer; a record has an id.
    return happening.idIn === 'id'
      ? { key: id, unreadable: `${type} without the id of its record` }
      : { key: id, hints: [] }
  }
  const hint: Hint = {
    kind: happening.change,
    record: recordRef(happening.kind, recordId),
    at: new Date(created * 1000),
    fields: happening.idIn === 'id' ? changedFields(happening, Object.keys(before)) : happening.fields,
    ...(isWritten(type, happening) && request?.idempotency_key?.startsWith(`${writeMark}-`) === true
      ? { isEcho: true }
      : {}),
  }
  return { key: id, hints: [hint] }
}

/** Whether a write of ours tells of it itself. What a write does beside, such as giving credit back, only the event tells. */
function isWritten(type: string, { kind }: Happening): boolean {
  return kind === 'invoice' || type === 'customer.created'
}

function changedFields({ kind, fields }: Happening, changed: readonly string[]): readonly string[] {
  return [...new Set([...fields, ...changed.flatMap(name => fieldsOf[kind].get(name) ?? [])])]
}

/** A detached payment method says whose it was only here. */
function formerReference(before: Readonly<Record<string, unknown>>, name: string): string | null {
  const value = Object.hasOwn(before, name) ? before[name] : null
  return idOfRecord.safeParse(value).data ?? null
}

function jsonOf({ body }: Received): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined
  }
}
