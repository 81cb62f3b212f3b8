import type Stripe from 'stripe'

/** Records as they travel: the SDK's types, with its decimals as the text they are on the wire. */

export type Customer = Stripe.Customer
export type DeletedCustomer = Stripe.DeletedCustomer
export type Product = Stripe.Product
export type PaymentMethod = Stripe.PaymentMethod
export type InvoicePayment = Stripe.InvoicePayment

export type Price = Omit<Stripe.Price, 'unit_amount_decimal'> & { unit_amount_decimal: string | null }

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
}

export interface WebhookEndpoint extends Omit<Stripe.WebhookEndpoint, 'secret'> {
  status: 'enabled' | 'disabled'
}

/** An endpoint with the secret its events are signed with. */
export interface Endpoint {
  readonly record: WebhookEndpoint
  readonly secret: string
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
