import type Stripe from 'stripe'

/** Records as they travel: the SDK's types, with its decimals as the text they are on the wire. */

export type Customer = Stripe.Customer
export type DeletedCustomer = Stripe.DeletedCustomer
export type Product = Stripe.Product
export type PaymentMethod = Stripe.PaymentMethod
export type InvoicePayment = Stripe.InvoicePayment

export type Refund = Stripe.Refund
/** Its evidence, and what was taken from the balance for it, are not kept. */
export type Dispute = Omit<
  Stripe.Dispute,
  'balance_transactions' | 'enhanced_eligibility_types' | 'evidence' | 'evidence_details'
>
export type CreditNote = Omit<Stripe.CreditNote, 'lines'>

/** What a payment was tried with and refused. */
export type Decline = Pick<Stripe.PaymentIntent.LastPaymentError, 'code' | 'decline_code' | 'message' | 'type'>

/** As far as something can be learnt from it. */
export type PaymentIntent = Pick<
  Stripe.PaymentIntent,
  | 'id'
  | 'object'
  | 'amount'
  | 'amount_received'
  | 'created'
  | 'currency'
  | 'customer'
  | 'customer_account'
  | 'latest_charge'
  | 'livemode'
  | 'metadata'
  | 'status'
> & { last_payment_error: Decline | null }

export type Charge = Pick<
  Stripe.Charge,
  | 'id'
  | 'object'
  | 'amount'
  | 'amount_captured'
  | 'amount_refunded'
  | 'captured'
  | 'created'
  | 'currency'
  | 'customer'
  | 'disputed'
  | 'livemode'
  | 'metadata'
  | 'paid'
  | 'payment_intent'
  | 'refunded'
  | 'status'
>

export type Tier = Readonly<Record<'flat_amount' | 'unit_amount' | 'up_to', number | null>> &
  Readonly<Record<'flat_amount_decimal' | 'unit_amount_decimal', string | null>>

/** Without `tiers`, which are given when they are expanded. */
export type Price = Omit<Stripe.Price, 'tiers' | 'unit_amount_decimal'> & { unit_amount_decimal: string | null }

export interface Pricing {
  price_details?: { price: string; product: string }
  type: 'price_details'
  unit_amount_decimal: string | null
}

export type LineItem = Omit<Stripe.InvoiceLineItem, 'pricing' | 'quantity_decimal'> & {
  pricing: Pricing | null
  quantity_decimal: string | null
}

export type InvoiceItem = Omit<Stripe.InvoiceItem, 'pricing' | 'quantity_decimal'> & {
  pricing: Pricing | null
  quantity_decimal: string
}

/** An invoice without its lists. */
export type InvoiceHead = Omit<Stripe.Invoice, 'lines' | 'payments'>

export type Invoice = InvoiceHead & { lines: ListOf<LineItem> }

export interface ListOf<T> {
  object: 'list'
  data: readonly T[]
  has_more: boolean
  url: string
}

/** What an invoice consists of. */
export interface InvoiceEntry {
  readonly head: InvoiceHead
  readonly lines: readonly LineItem[]
  readonly payments: readonly InvoicePayment[]
  /** From which `due_date` is set when it is finalized. */
  readonly daysUntilDue: number | null
  readonly terms?: Terms
}

/** What leads from the subtotal to the total. */
export interface Terms {
  /** Off each line. */
  readonly percentOff?: number
  readonly tax?: { readonly percentage: number; readonly isInclusive: boolean }
}

export interface WebhookEndpoint extends Omit<Stripe.WebhookEndpoint, 'secret'> {
  status: 'enabled' | 'disabled'
}

/** How events are sent: with the record as it was then, or only naming it. */
export type EventPayload = 'snapshot' | 'thin'

/** An endpoint with the secret its events are signed with. */
export interface Endpoint {
  readonly record: WebhookEndpoint
  readonly secret: string
  readonly payload: EventPayload
}

const embeddedLines = 10

/** The invoice as the API gives it: with its first ten lines. */
export function invoiceView({ head, lines }: InvoiceEntry): Invoice {
  return {
    ...head,
    lines: {
      object: 'list',
      data: lines.slice(0, embeddedLines),
      has_more: lines.length > embeddedLines,
      url: `/v1/invoices/${head.id}/lines`,
    },
  }
}

export function isLive(customer: Customer | DeletedCustomer | undefined): customer is Customer {
  return customer !== undefined && customer.deleted !== true
}
