import type Stripe from 'stripe'
import type { ChangeKind } from '../../../schema/change.ts'
import type { BelongingKind } from './client.ts'
import { finalizedFields, type StripeKind } from './mapping.ts'

/** What an event type says: which record of ours it touches, how that is named, and which of the entity's fields changed. */
export type Happening = {
  readonly change: Exclude<ChangeKind, 'LINKED'>
  readonly kind: StripeKind
  readonly fields: readonly string[]
} & (
  | { readonly names: 'itself' }
  | {
      /** The event is about a record that belongs to ours, under this name. */
      readonly names: StripeKind
      /** Its kind; null where it does not say so, or no more once it has happened: then only what the event holds does. */
      readonly of: BelongingKind | null
      /** Whether it may belong to none: an invoice item that waits, a payment method that no customer has. */
      readonly isOptional: boolean
    }
  | {
      /** The event is about money of a payment, which leads to the invoice. */
      readonly names: 'payment'
      readonly of: BelongingKind
    }
)

type EventType = Stripe.WebhookEndpointCreateParams.EnabledEvent & Stripe.Event.Type

const invoice = (change: Happening['change'], ...fields: string[]): Happening => ({
  change,
  kind: 'invoice',
  names: 'itself',
  fields,
})
const customer = (change: Happening['change']): Happening => ({ change, kind: 'customer', names: 'itself', fields: [] })
const product = (change: Happening['change']): Happening => ({ change, kind: 'product', names: 'itself', fields: [] })

const partOf = (
  kind: StripeKind,
  of: BelongingKind | null,
  fields: readonly string[],
  isOptional = false,
): Happening => ({ change: 'UPDATED', kind, names: kind, of, isOptional, fields })
const item = (of: BelongingKind | null): Happening =>
  partOf('invoice', of, ['lines', 'subtotal', 'discount', 'tax', 'total', 'amountDue', 'amountRemaining'], true)
const price = (of: BelongingKind | null): Happening => partOf('product', of, ['prices'])
const paymentMethod = (of: BelongingKind | null): Happening => partOf('customer', of, ['paymentMethod'], true)
const cash = partOf('customer', null, ['balances'])
const returned = (of: BelongingKind): Happening => ({
  change: 'UPDATED',
  kind: 'invoice',
  names: 'payment',
  of,
  fields: ['amountReturned', 'returns', 'payments'],
})
const creditNote = partOf('invoice', 'credit_note', [
  'amountReturned',
  'returns',
  'amountDue',
  'amountPaid',
  'amountRemaining',
  'status',
])

const paid = ['status', 'amountPaid', 'amountRemaining', 'paidAt', 'payments', 'collection'] as const

const rows: readonly (readonly [EventType, Happening])[] = [
  ['customer.created', customer('CREATED')],
  ['customer.updated', customer('UPDATED')],
  ['customer.deleted', customer('DELETED')],
  ['cash_balance.funds_available', cash],
  ['customer_cash_balance_transaction.created', cash],
  ['invoice.created', invoice('CREATED')],
  ['invoice.updated', invoice('UPDATED')],
  ['invoice.deleted', invoice('DELETED')],
  ['invoice.finalized', invoice('UPDATED', ...finalizedFields)],
  ['invoice.finalization_failed', invoice('UPDATED', 'collection')],
  ['invoice.paid', invoice('UPDATED', ...paid)],
  ['invoice.payment_succeeded', invoice('UPDATED', ...paid)],
  ['invoice.payment_failed', invoice('UPDATED', 'payments', 'collection')],
  ['invoice.payment_action_required', invoice('UPDATED', 'payments', 'collection')],
  ['invoice.overpaid', invoice('UPDATED', ...paid)],
  ['invoice.voided', invoice('UPDATED', 'status')],
  ['invoice.marked_uncollectible', invoice('UPDATED', 'status')],
  ['invoice_payment.paid', partOf('invoice', 'invoice_payment', ['payments'])],
  ['invoiceitem.created', item('invoiceitem')],
  ['invoiceitem.deleted', item(null)],
  ['credit_note.created', creditNote],
  ['credit_note.updated', creditNote],
  ['credit_note.voided', creditNote],
  ['charge.refunded', returned('charge')],
  ['charge.refund.updated', returned('refund')],
  ['refund.created', returned('refund')],
  ['refund.updated', returned('refund')],
  ['refund.failed', returned('refund')],
  ['charge.dispute.created', returned('dispute')],
  ['charge.dispute.updated', returned('dispute')],
  ['charge.dispute.closed', returned('dispute')],
  ['charge.dispute.funds_withdrawn', returned('dispute')],
  ['charge.dispute.funds_reinstated', returned('dispute')],
  ['product.created', product('CREATED')],
  ['product.updated', product('UPDATED')],
  ['product.deleted', product('DELETED')],
  ['price.created', price('price')],
  ['price.updated', price('price')],
  ['price.deleted', price(null)],
  ['payment_method.updated', paymentMethod('payment_method')],
  ['payment_method.automatically_updated', paymentMethod('payment_method')],
  ['payment_method.detached', paymentMethod(null)],
]

const happenings: ReadonlyMap<string, Happening> = new Map(rows)

/** The event types a webhook endpoint has to be subscribed to. */
export const eventTypes: readonly EventType[] = rows.map(([type]) => type)

/** @returns undefined for what touches none of our records */
export function happeningOf(type: string): Happening | undefined {
  return happenings.get(type)
}

/** The entity's fields behind the names in `previous_attributes`. */
const fieldsOf: Readonly<Record<StripeKind, ReadonlyMap<string, readonly string[]>>> = {
  invoice: new Map([
    ['number', ['number']],
    ['status', ['status']],
    ['lines', ['lines']],
    ['subtotal', ['subtotal']],
    ['total_discount_amounts', ['discount']],
    ['shipping_cost', ['shipping']],
    ['total_taxes', ['tax', 'includedTax']],
    ['total', ['total']],
    ['amount_due', ['amountDue']],
    ['amount_paid', ['amountPaid']],
    ['amount_remaining', ['amountRemaining']],
    ['post_payment_credit_notes_amount', ['amountReturned', 'returns']],
    ['attempted', ['collection']],
    ['attempt_count', ['collection']],
    ['next_payment_attempt', ['collection']],
    ['last_finalization_error', ['collection']],
    ['description', ['memo']],
    ['status_transitions', ['finalizedAt', 'paidAt']],
    ['due_date', ['dueAt']],
    ['payments', ['payments']],
    ['hosted_invoice_url', ['hostedUrl']],
    ['invoice_pdf', ['pdfUrl']],
    ['customer', ['customer']],
    ['customer_account', ['customer']],
    ['customer_name', ['billTo']],
    ['customer_email', ['billTo']],
    ['customer_phone', ['billTo']],
    ['customer_address', ['billTo']],
  ]),
  customer: new Map<string, readonly string[]>([
    // Copies of what the CRM decides: of the customer they change nothing but, by e-mail or metadata, its links.
    ...['name', 'email', 'phone', 'address', 'metadata'].map(name => [name, ['links']] as const),
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

/** The fields that an event of a record tells to have changed, with those its type tells. */
export function changedFields({ kind, fields }: Happening, changed: readonly string[]): readonly string[] {
  return [...new Set([...fields, ...changed.flatMap(name => fieldsOf[kind].get(name) ?? [])])]
}
