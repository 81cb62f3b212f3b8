import { z } from 'zod'
import { VendorError } from '../../vendor-error.ts'

// Stripe's records as far as the graph needs them. Unknown fields are dropped. Source of the shapes: the types of the
// SDK, whose API version (2026-10-28.endive) every request names.

/** Unix seconds, within what a Date can hold. */
const seconds = z.int().min(0).max(8_640_000_000_000)

const amount = z.int()

const currency = z.string().regex(/^[A-Za-z]{3}$/)

const id = z.string().min(1)

/** An id, or the record itself where it was expanded. */
const reference = z.union([id, z.object({ id }).transform(record => record.id)])

/** The SDK makes a decimal object of some decimal texts. */
const decimal = z
  .custom<string | number | { toString(): string }>(
    value =>
      typeof value === 'string' ||
      typeof value === 'number' ||
      (typeof value === 'object' && value !== null && 'toFixed' in value),
  )
  .transform(value => String(value))

const address = z.object({
  line1: z.string().nullish(),
  line2: z.string().nullish(),
  city: z.string().nullish(),
  state: z.string().nullish(),
  postal_code: z.string().nullish(),
  country: z.string().nullish(),
})

const paymentMethod = z.object({
  id,
  type: z.string().nullish(),
  card: z
    .object({
      brand: z.string().nullish(),
      last4: z.string().nullish(),
      exp_month: z.int().nullish(),
      exp_year: z.int().nullish(),
    })
    .nullish(),
  sepa_debit: z.object({ bank_code: z.string().nullish(), last4: z.string().nullish() }).nullish(),
  us_bank_account: z.object({ bank_name: z.string().nullish(), last4: z.string().nullish() }).nullish(),
})

const customer = z.object({
  id,
  object: z.literal('customer'),
  created: seconds,
  email: z.string().nullish(),
  /** Negative is credit. In `currency`. */
  balance: amount.nullish(),
  currency: currency.nullish(),
  /** Positive is credit. */
  invoice_credit_balance: z.record(currency, amount).nullish(),
  metadata: z.object({ crm_id: z.string().nullish() }).nullish(),
  invoice_settings: z.object({ default_payment_method: z.union([paymentMethod, z.string()]).nullish() }).nullish(),
})

const line = z.object({
  id,
  description: z.string().nullish(),
  quantity: z.int().nullish(),
  amount: amount.nullish(),
  currency: currency.nullish(),
  pricing: z
    .object({
      unit_amount_decimal: decimal.nullish(),
      price_details: z.object({ product: reference.nullish() }).nullish(),
    })
    .nullish(),
})

const payment = z.object({
  id,
  created: seconds,
  status: z.string().nullish(),
  amount_paid: amount.nullish(),
  amount_requested: amount.nullish(),
  currency: currency.nullish(),
  status_transitions: z.object({ paid_at: seconds.nullish() }).nullish(),
})

/** The name in an invoice's metadata under which stands what write it came of. */
export const markField = 'livegraph_write'

const invoice = z.object({
  id,
  object: z.literal('invoice'),
  created: seconds,
  currency,
  customer: reference.nullish(),
  customer_email: z.string().nullish(),
  customer_name: z.string().nullish(),
  customer_phone: z.string().nullish(),
  customer_address: address.nullish(),
  number: z.string().nullish(),
  status: z.string().nullish(),
  description: z.string().nullish(),
  subtotal: amount.nullish(),
  total: amount.nullish(),
  amount_paid: amount.nullish(),
  amount_remaining: amount.nullish(),
  due_date: seconds.nullish(),
  hosted_invoice_url: z.string().nullish(),
  invoice_pdf: z.string().nullish(),
  metadata: z.object({ [markField]: z.string().nullish() }).nullish(),
  status_transitions: z.object({ finalized_at: seconds.nullish(), paid_at: seconds.nullish() }).nullish(),
  lines: z.object({ data: z.array(line), has_more: z.boolean() }),
  /** Only where it was expanded. */
  payments: z.object({ data: z.array(payment) }).nullish(),
})

const product = z.object({
  id,
  object: z.literal('product'),
  created: seconds,
  updated: seconds.nullish(),
  active: z.boolean(),
  name: z.string().nullish(),
  description: z.string().nullish(),
})

const price = z.object({
  id,
  object: z.literal('price'),
  active: z.boolean(),
  currency,
  nickname: z.string().nullish(),
  unit_amount: amount.nullish(),
  recurring: z.object({ interval: z.string() }).nullish(),
})

const webhookEndpoint = z.object({
  id,
  url: z.string(),
  status: z.string(),
  enabled_events: z.array(z.string()),
  /** Only in the answer to its creation. */
  secret: z.string().nullish(),
})

const page = z.object({ data: z.array(z.unknown()), has_more: z.boolean() })

export type CustomerRecord = z.infer<typeof customer>
export type InvoiceRecord = z.infer<typeof invoice>
export type LineRecord = z.infer<typeof line>
export type PaymentRecord = z.infer<typeof payment>
export type PaymentMethodRecord = z.infer<typeof paymentMethod>
export type ProductRecord = z.infer<typeof product>
export type PriceRecord = z.infer<typeof price>
export type AddressRecord = z.infer<typeof address>
export type WebhookEndpointRecord = z.infer<typeof webhookEndpoint>

/** One answer of a list call; its records are read one by one, so that one bad record spoils no other. */
export interface Page {
  readonly items: readonly unknown[]
  readonly hasMore: boolean
}

/** Each reader of a record throws VendorError `unreadable`, naming the record and the field but no value. */
export const readCustomer = (value: unknown): CustomerRecord => parse('customer', customer, value)
export const readInvoice = (value: unknown): InvoiceRecord => parse('invoice', invoice, value)
export const readLine = (value: unknown): LineRecord => parse('line', line, value)
export const readProduct = (value: unknown): ProductRecord => parse('product', product, value)
export const readPrice = (value: unknown): PriceRecord => parse('price', price, value)
export const readWebhookEndpoint = (value: unknown): WebhookEndpointRecord =>
  parse('webhook endpoint', webhookEndpoint, value)

export function readPage(what: string, value: unknown): Page {
  const { data, has_more } = parse(`list of ${what}`, page, value)
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

function parse<T>(what: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const field = issue === undefined || issue.path.length === 0 ? 'the whole' : issue.path.map(String).join('.')
  throw new VendorError(
    'stripe',
    'unreadable',
    `${what} ${idOf(value) ?? 'without id'}: ${field}: ${issue?.message ?? 'not as documented'}`,
  )
}
