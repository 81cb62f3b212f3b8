import { pricingOf } from './blank.ts'
import { badRequest } from './errors.ts'
import { decimal, integer, mergeMetadata, nested, refuseUnknown, required, text } from './params.ts'
import type { Act } from './events.ts'
import type { Invoices } from './invoices.ts'
import type { Params } from './params.ts'
import type { InvoiceItem, Pricing } from './records.ts'
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
  'unit_amount_decimal',
] as const

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
  if (entry !== null && entry.head.status !== 'draft') {
    throw badRequest('This invoice is no longer editable', 'invoice_not_editable', 'invoice')
  }
  const owner = typeof entry?.head.customer === 'string' ? entry.head.customer : null
  const customer = state.customer(text(params, 'customer') ?? owner ?? required(params, 'customer'), 'customer')
  if (owner !== null && owner !== customer.id) {
    throw badRequest(`The invoice ${invoice} does not belong to customer ${customer.id}.`, undefined, 'invoice')
  }
  const quantity = integer(params, 'quantity') ?? 1
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
  const item: InvoiceItem = {
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
    quantity,
    quantity_decimal: String(quantity),
    tax_rates: [],
    test_clock: null,
  }
  state.events.emit('invoiceitem.created', item, act)
  if (invoice === null) state.pendingItems.set(item.id, item)
  else invoices.addItem(invoice, item, act)
  return item
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
      amount: (price.unit_amount ?? 0) * quantity,
      currency: price.currency,
      description: product?.name ?? null,
      pricing: pricingOf(price),
    }
  }
  if (params.has('amount') && params.has('quantity')) {
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
