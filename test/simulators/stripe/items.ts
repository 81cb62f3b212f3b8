import { pricingOf } from './blank.ts'
import { badRequest } from './errors.ts'
import { decimal, integer, mergeMetadata, nested, refuseUnknown, required, text } from './params.ts'
import type { Act } from './events.ts'
import type { Invoices } from './invoices.ts'
import type { Params } from './params.ts'
import { invoiceView } from './records.ts'
import type { Invoice, InvoiceEntry, InvoiceItem, Pricing } from './records.ts'
import type { StripeState } from './state.ts'

export const itemFields = [
  'amount',
  'currency',
  'customer',
  'description',
  'invoice',
  'metadata',
  'pricing',
  'quantity',
  'quantity_decimal',
  'unit_amount_decimal',
] as const

const lineFields = ['amount', 'description', 'metadata', 'pricing', 'quantity', 'quantity_decimal'] as const

/** "up to 250 items per invoice". Source: Stripe API reference, create an invoice item. */
const mostLines = 250

interface Worth {
  readonly amount: number
  readonly currency: string | null
  readonly description: string | null
  readonly pricing: Pricing
}

/**
 * `POST /v1/invoiceitems`: a line of the draft it names, or of the customer's next invoice.
 * Source: Stripe API reference, invoice items.
 */
export function createItem(state: StripeState, invoices: Invoices, params: Params, act: Act): InvoiceItem {
  const invoice = text(params, 'invoice') ?? null
  const entry = invoice === null ? null : state.invoice(invoice, 'invoice')
  const item = newItem(state, entry, params)
  state.events.emit('invoiceitem.created', item, act)
  if (invoice === null) state.pendingItems.set(item.id, item)
  else invoices.addItems(invoice, [item], act)
  return item
}

/**
 * `POST /v1/invoices/:id/add_lines`: all of them or none. Of an amount it takes no quantity, as an invoice item does not.
 * Source: Stripe API reference, bulk add invoice line items.
 */
export function addLines(state: StripeState, invoices: Invoices, id: string, params: Params, act: Act): Invoice {
  const entry = state.invoice(id)
  const lines = [...(nested(params, 'lines')?.values() ?? [])]
  if (lines.length === 0) throw badRequest('Missing required param: lines.', 'parameter_missing', 'lines')
  const items = lines.map(line => {
    if (typeof line === 'string') throw badRequest('Invalid object', undefined, 'lines')
    refuseUnknown(line, lineFields)
    return newItem(state, entry, line)
  })
  for (const item of items) state.events.emit('invoiceitem.created', item, act)
  invoices.addItems(id, items, act)
  return invoiceView(state.invoice(id))
}

/** @throws StripeError for what cannot be a line of that draft; nothing is done then */
function newItem(state: StripeState, entry: InvoiceEntry | null, params: Params): InvoiceItem {
  const invoice = entry?.head.id ?? null
  if (entry !== null && entry.head.status !== 'draft') {
    throw badRequest('This invoice is no longer editable', 'invoice_not_editable', 'invoice')
  }
  if (entry !== null && entry.lines.length >= mostLines) {
    throw badRequest(`An invoice can have at most ${mostLines} line items.`, undefined, 'invoice')
  }
  const owner = typeof entry?.head.customer === 'string' ? entry.head.customer : null
  const customer = state.customer(text(params, 'customer') ?? owner ?? required(params, 'customer'), 'customer')
  if (owner !== null && owner !== customer.id) {
    throw badRequest(`The invoice ${invoice} does not belong to customer ${customer.id}.`, undefined, 'invoice')
  }
  const quantity = decimal(params, 'quantity_decimal') ?? integer(params, 'quantity') ?? 1
  if (quantity < 0) throw badRequest('This value must be greater than or equal to 0.', undefined, 'quantity')
  const worth = worthOf(state, params, quantity)
  const currency = (text(params, 'currency') ?? worth.currency ?? entry?.head.currency ?? 'usd').toLowerCase()
  if (worth.currency !== null && worth.currency !== currency) {
    throw badRequest(`The price specified only supports \`${worth.currency}\`.`, undefined, 'currency')
  }
  if (entry !== null && entry.head.currency !== currency) {
    const message = `The currency of this item (${currency}) must match that of the invoice (${entry.head.currency}).`
    throw badRequest(message, undefined, 'currency')
  }
  const now = state.now()
  return {
    id: state.newId('ii'),
    object: 'invoiceitem',
    amount: worth.amount,
    currency,
    customer: customer.id,
    customer_account: null,
    date: now,
    description: text(params, 'description') ?? worth.description,
    discountable: true,
    discounts: [],
    invoice,
    livemode: false,
    metadata: mergeMetadata(params, {}),
    parent: null,
    period: { end: now, start: now },
    pricing: worth.pricing,
    proration: false,
    // Cut off to a whole number; the other one has it all.
    quantity: Math.trunc(quantity),
    quantity_decimal: text(params, 'quantity_decimal') ?? String(quantity),
    tax_rates: [],
    test_clock: null,
  }
}

/** Exactly one of `amount`, `unit_amount_decimal` and `pricing[price]` says what it costs. */
function worthOf(state: StripeState, params: Params, quantity: number): Worth {
  const given = ['amount', 'unit_amount_decimal', 'pricing'].filter(name => params.has(name))
  if (given.length !== 1) {
    const message = 'You must specify exactly one of these parameters: amount, unit_amount_decimal, pricing.'
    throw badRequest(message, given.length === 0 ? 'parameter_missing' : 'parameters_exclusive', given[0] ?? 'amount')
  }
  const pricing = nested(params, 'pricing')
  if (pricing !== undefined && pricing !== null) {
    refuseUnknown(pricing, ['price'])
    const price = state.price(required(pricing, 'price'), 'pricing[price]')
    if (!price.active) {
      throw badRequest('The price specified is inactive. This field only accepts active prices.', undefined, 'pricing')
    }
    const product = typeof price.product === 'string' ? state.product(price.product) : null
    return {
      amount: Math.round(Number(price.unit_amount_decimal ?? 0) * quantity),
      currency: price.currency,
      description: product?.name ?? null,
      pricing: pricingOf(price),
    }
  }
  if (params.has('amount') && (params.has('quantity') || params.has('quantity_decimal'))) {
    const message = 'You may only specify one of these parameters: amount, quantity.'
    throw badRequest(message, 'parameters_exclusive', 'quantity')
  }
  const unit = integer(params, 'amount') ?? decimal(params, 'unit_amount_decimal') ?? 0
  return {
    amount: Math.round(unit * quantity),
    currency: null,
    description: null,
    pricing: { type: 'price_details', unit_amount_decimal: String(unit) },
  }
}
