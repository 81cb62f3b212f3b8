import { z } from 'zod'
import { decimalOf } from '../../../schema/decimal.ts'
import { isInstant } from '../../instant.ts'
import { elementOf, fieldOf, mapField, readRecord, valueOrNull, vendorText } from '../../lenient.ts'

// Stripe's records as far as the graph needs them, field by field: only `id` and `object` fail a record. Unknown fields are dropped.
// Source of the shapes: the types of the SDK, whose API version (2026-10-28.endive) every request names.

const field = fieldOf('stripe')

const element = elementOf('stripe')

/** Unix seconds. */
export const seconds = z
  .int()
  .refine(value => isInstant(new Date(value * 1000)), 'expected seconds since 1970, of a year of 1 to 9999')

/** Whole, and below 2^53: of a larger one JSON has lost digits already. */
const amount = z.int()

const currency = z.string().regex(/^[A-Za-z]{3}$/, 'expected three letters')

/** A GraphQL Int. */
const count = z.int().min(0).max(2_147_483_647)

/** A text that goes to the store, which keeps no control characters. */
const line = z.string().regex(/^[^\p{Cc}\p{Cs}]*$/u, 'expected text without control characters')

const address = vendorText.refine(text => text === '' || URL.canParse(text), 'expected an absolute web address')

/**
 * Whatever text Stripe sends as an id. Merchants choose those of products and plans, whose id is also a price's, and older accounts
 * those of customers, with blanks and slashes among them: no prefix and no alphabet says what is one.
 */
export const id = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'expected text without control characters')
  .refine(isAskable, 'expected an id that can stand in an address')

/** Whether an id can stand in an address, where the SDK encodes it: `.` and `..` stay as they are and lead to another endpoint. */
export function isAskable(text: string): boolean {
  return text.length <= 255 && !/^\.{0,2}$/.test(text)
}

/** An id, or the record itself where it was expanded. */
export const reference = z.union([id, z.object({ id }).transform(record => record.id)])

/** The SDK makes an object of a decimal's text. */
const decimal = z
  .union([z.string(), z.number(), z.custom<{ toString(): string }>(isSdkDecimal)])
  .transform((value, context) => {
    const spelled = decimalOf(String(value))
    if (spelled !== null) return spelled
    context.addIssue({ code: 'custom', message: 'expected a decimal number of 40 digits at most' })
    return z.NEVER
  })

const postalAddress = z.object({
  line1: field(vendorText),
  line2: field(vendorText),
  city: field(vendorText),
  state: field(vendorText),
  postal_code: field(vendorText),
  country: field(vendorText),
})

/** What stands under the name of a payment method's type. Source: the SDK's `PaymentMethod`, all 60 types of it. */
const methodDetails = z.object({
  brand: field(vendorText),
  bank_name: field(vendorText),
  bank: field(vendorText),
  last4: field(vendorText),
  exp_month: field(z.int().min(1).max(12)),
  exp_year: field(z.int().min(0).max(9999)),
})

const paymentMethod = z.looseObject({ id, type: field(vendorText) }).transform(({ id: methodId, type, ...rest }) => ({
  id: methodId,
  type,
  details: field(methodDetails).parse(typeof type === 'string' ? rest[type] : null),
}))

const balances = z.record(z.string(), z.unknown()).transform(byCurrency => {
  const entries = Object.entries(byCurrency).map(([code, value]) => ({
    currency: field(currency).parse(code),
    amount: field(amount).parse(value),
  }))
  return entries
})

const customer = z.object({
  id,
  object: z.literal('customer'),
  created: field(seconds),
  name: field(vendorText),
  email: field(vendorText),
  phone: field(vendorText),
  address: field(postalAddress),
  /** Negative is credit. In `currency`. */
  balance: field(amount),
  currency: field(currency),
  /** Positive is credit. */
  invoice_credit_balance: field(balances),
  metadata: field(z.object({ crm_id: field(line) })),
  invoice_settings: field(z.object({ default_payment_method: field(z.union([paymentMethod, z.string()])) })),
  /** The same customer as an Account of API v2. */
  customer_account: field(id),
})

const tax = z.object({ amount: field(amount), tax_behavior: field(vendorText) })

const discountAmount = z.object({ amount: field(amount) })

/** The name in the metadata of a line that was written by hand, and of the product that Stripe made for it. */
const writtenField = 'livegraph_line'

export const writtenLine = { [writtenField]: 'written' } as const

const writtenMark = field(z.object({ [writtenField]: field(vendorText) }))

/** Whether a line was written by hand, or a product made for one: no product of the catalogue. */
export function isWritten({ metadata }: { readonly metadata: z.infer<typeof writtenMark> }): boolean {
  return valueOrNull(mapField(metadata, fields => fields[writtenField])) === writtenLine[writtenField]
}

const invoiceLine = z.object({
  id,
  description: field(vendorText),
  /** Truncated to a whole number where `quantity_decimal` has more. */
  quantity: field(z.int()),
  quantity_decimal: field(decimal),
  amount: field(amount),
  currency: field(currency),
  discount_amounts: field(z.array(discountAmount)),
  taxes: field(z.array(tax)),
  pricing: field(
    z.object({
      unit_amount_decimal: field(decimal),
      price_details: field(z.object({ product: field(reference) })),
    }),
  ),
  metadata: writtenMark,
})

const payment = z.object({
  id,
  created: field(seconds),
  status: field(vendorText),
  amount_paid: field(amount),
  amount_requested: field(amount),
  currency: field(currency),
  status_transitions: field(z.object({ paid_at: field(seconds) })),
  invoice: field(reference),
  /** What took the money: a payment intent, or a charge that has none. */
  payment: field(z.object({ payment_intent: field(reference), charge: field(reference) })),
})

/** The name in an invoice's metadata under which stands what write it came of. */
export const markField = 'livegraph_write'

const invoice = z.object({
  id,
  object: z.literal('invoice'),
  created: field(seconds),
  currency: field(currency),
  customer: field(reference),
  /** Instead of `customer`, where that is an Account of API v2 only. */
  customer_account: field(id),
  customer_email: field(vendorText),
  customer_name: field(vendorText),
  customer_phone: field(vendorText),
  customer_address: field(postalAddress),
  number: field(line),
  status: field(vendorText),
  description: field(vendorText),
  subtotal: field(amount),
  shipping_cost: field(z.object({ amount_subtotal: field(amount) })),
  total_discount_amounts: field(z.array(discountAmount)),
  total_taxes: field(z.array(tax)),
  total_excluding_tax: field(amount),
  total: field(amount),
  amount_due: field(amount),
  amount_paid: field(amount),
  amount_remaining: field(amount),
  post_payment_credit_notes_amount: field(amount),
  due_date: field(seconds),
  collection_method: field(vendorText),
  attempted: field(z.boolean()),
  attempt_count: field(count),
  next_payment_attempt: field(seconds),
  last_finalization_error: field(z.object({ code: field(vendorText), message: field(vendorText) })),
  hosted_invoice_url: field(address),
  invoice_pdf: field(address),
  metadata: field(z.object({ [markField]: field(vendorText) })),
  status_transitions: field(z.object({ finalized_at: field(seconds), paid_at: field(seconds) })),
  lines: field(z.object({ data: field(z.array(element(invoiceLine))), has_more: field(z.boolean()) })),
  /** Only where it was expanded. */
  payments: field(z.object({ data: field(z.array(element(payment))), has_more: field(z.boolean()) })),
})

const product = z.object({
  id,
  object: z.literal('product'),
  created: field(seconds),
  updated: field(seconds),
  active: field(z.boolean()),
  name: field(vendorText),
  description: field(vendorText),
  metadata: writtenMark,
})

const price = z.object({
  id,
  object: z.literal('price'),
  active: field(z.boolean()),
  currency: field(currency),
  nickname: field(vendorText),
  billing_scheme: field(vendorText),
  tiers_mode: field(vendorText),
  transform_quantity: field(z.object({ divide_by: field(z.int().min(1)) })),
  custom_unit_amount: field(z.object({})),
  unit_amount: field(amount),
  unit_amount_decimal: field(decimal),
  recurring: field(
    z.object({
      interval: field(vendorText),
      interval_count: field(count.min(1)),
      usage_type: field(vendorText),
    }),
  ),
})

const refund = z.object({
  id,
  object: z.literal('refund'),
  amount: field(amount),
  currency: field(currency),
  status: field(vendorText),
  reason: field(vendorText),
  created: field(seconds),
})

const creditNote = z.object({
  id,
  object: z.literal('credit_note'),
  currency: field(currency),
  status: field(vendorText),
  type: field(vendorText),
  reason: field(vendorText),
  created: field(seconds),
  /** What of it was credited after the invoice was paid, refunds included. */
  post_payment_amount: field(amount),
  /** The refunds it made: they stand among the refunds of the payment too. */
  refunds: field(z.array(element(z.object({ amount_refunded: field(amount), refund: field(reference) })))),
})

const dispute = z.object({
  id,
  object: z.literal('dispute'),
  amount: field(amount),
  currency: field(currency),
  status: field(vendorText),
  reason: field(vendorText),
  created: field(seconds),
})

const paymentIntent = z.object({
  id,
  object: z.literal('payment_intent'),
  last_payment_error: field(
    z.object({ code: field(vendorText), decline_code: field(vendorText), message: field(vendorText) }),
  ),
})

const cashBalance = z.object({ object: z.literal('cash_balance'), available: field(balances) })

/** A record that only says which of ours it belongs to. */
const belonging = z.object({
  id: field(id),
  customer: field(reference),
  invoice: field(reference),
  product: field(reference),
  payment_intent: field(reference),
  charge: field(reference),
})

const webhookEndpoint = z.object({
  id,
  url: vendorText,
  status: vendorText,
  enabled_events: z.array(vendorText),
  /** Only in the answer to its creation. */
  secret: z.string().nullish(),
})

const page = z.object({ data: z.array(z.unknown()), has_more: z.boolean() })

export type CustomerRecord = z.infer<typeof customer>
export type InvoiceRecord = z.infer<typeof invoice>
export type LineRecord = z.infer<typeof invoiceLine>
export type PaymentRecord = z.infer<typeof payment>
export type PaymentMethodRecord = z.infer<typeof paymentMethod>
export type ProductRecord = z.infer<typeof product>
export type PriceRecord = z.infer<typeof price>
export type RefundRecord = z.infer<typeof refund>
export type CreditNoteRecord = z.infer<typeof creditNote>
export type DisputeRecord = z.infer<typeof dispute>
export type PaymentIntentRecord = z.infer<typeof paymentIntent>
export type CashBalanceRecord = z.infer<typeof cashBalance>
export type BelongingRecord = z.infer<typeof belonging>
export type AddressRecord = z.infer<typeof postalAddress>
export type TaxRecord = z.infer<typeof tax>
export type BalanceRecord = z.infer<typeof balances>[number]
export type WebhookEndpointRecord = z.infer<typeof webhookEndpoint>

/** One answer of a list call; its records are read one by one, so that one bad record spoils no other. */
export interface Page {
  readonly items: readonly unknown[]
  readonly hasMore: boolean
}

/** Each reader of a record throws VendorError `unreadable` when it cannot tell which record it is. */
export const readCustomer = readerOf('customer', customer)
export const readInvoice = readerOf('invoice', invoice)
export const readLine = readerOf('line', invoiceLine)
export const readPayment = readerOf('invoice payment', payment)
export const readProduct = readerOf('product', product)
export const readPrice = readerOf('price', price)
export const readRefund = readerOf('refund', refund)
export const readCreditNote = readerOf('credit note', creditNote)
export const readDispute = readerOf('dispute', dispute)
export const readPaymentIntent = readerOf('payment intent', paymentIntent)
export const readCashBalance = readerOf('cash balance', cashBalance)
export const readBelonging = readerOf('record', belonging)
export const readWebhookEndpoint = readerOf('webhook endpoint', webhookEndpoint)

export function readPage(what: string, value: unknown): Page {
  const { data, has_more } = readRecord('stripe', `list of ${what}`, page, value)
  return { items: data, hasMore: has_more }
}

/** The id of something that should be a record; null when it has none. */
export function idOf(value: unknown): string | null {
  return typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string' ? value.id : null
}

/** Whether Stripe answers with the shell of a record that was deleted: `{"id", "object", "deleted": true}`. */
export function isDeleted(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'deleted' in value && value.deleted === true
}

function readerOf<T>(kind: string, schema: z.ZodType<T>): (value: unknown) => T {
  return value => readRecord('stripe', `${kind} ${idOf(value) ?? 'without id'}`, schema, value)
}

function isSdkDecimal(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'toFixed' in value && 'isZero' in value
}
