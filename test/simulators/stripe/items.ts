import { blankPrice, blankProduct, pricingOf } from './blank.ts'
import { badRequest } from './errors.ts'
import { decimal, integer, mergeMetadata, nested, refuseUnknown, required, text } from './params.ts'
import type { Act } from './events.ts'
import type { Invoices } from './invoices.ts'
import type { Params } from './params.ts'
import { invoiceView } from './records.ts'
import type { Invoice, InvoiceEntry, InvoiceItem, Price, Pricing, Product } from './records.ts'
import type { StripeState } from './state.ts'

export const itemFields = [
  'amount',
  'currency',
  'customer',
  'description',
  'invoice',
  'metadata',
  'price_data',
  'pricing',
  'quantity',
  'quantity_decimal',
  'unit_amount_decimal',
] as const

const lineFields = [
  'amount',
  'description',
  'metadata',
  'price_data',
  'pricing',
  'quantity',
  'quantity_decimal',
] as const

const priceDataFields = ['currency', 'product', 'tax_behavior', 'unit_amount', 'unit_amount_decimal'] as const

/** "up to 250 items per invoice". Source: Stripe API reference, create an invoice item. */
const mostLines = 250

const wholeInHundredths: ReadonlySet<string> = new Set(['isk', 'ugx'])

interface Worth {
  readonly amount: number
  readonly currency: string | null
  readonly description: string | null
  readonly pricing: Pricing
  readonly made: Made
}

/** What is made with a line: nobody can use it again. */
interface Made {
  readonly product?: Product
  readonly price?: Price
}

interface NewItem {
  readonly item: InvoiceItem
  readonly made: Made
}

/**
 * `POST /v1/invoiceitems`: a line of the draft it names, or of the customer's next invoice.
 * Source: Stripe API reference, invoice items.
 */
export function createItem(state: StripeState, invoices: Invoices, params: Params, act: Act): InvoiceItem {
  const invoice = text(params, 'invoice') ?? null
  const entry = invoice === null ? null : state.invoice(invoice, 'invoice')
  const { item, made } = newItem(state, entry, params, priceDataFields)
  keep(state, made, act)
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
    return newItem(state, entry, line, [...priceDataFields, 'product_data'])
  })
  refuseTooMany(entry, items.length)
  for (const { item, made } of items) {
    keep(state, made, act)
    state.events.emit('invoiceitem.created', item, act)
  }
  invoices.addItems(
    id,
    items.map(({ item }) => item),
    act,
  )
  return invoiceView(state.invoice(id))
}

function keep(state: StripeState, { product, price }: Made, act: Act): void {
  if (product !== undefined) {
    state.products.set(product.id, product)
    state.events.emit('product.created', product, act)
  }
  if (price !== undefined) {
    state.prices.set(price.id, price)
    state.events.emit('price.created', price, act)
  }
}

function refuseTooMany({ lines }: InvoiceEntry, more: number): void {
  if (lines.length + more <= mostLines) return
  throw badRequest(`An invoice can have at most ${mostLines} line items.`, undefined, 'invoice')
}

/** @throws StripeError for what cannot be a line of that draft; nothing is done then */
function newItem(
  state: StripeState,
  entry: InvoiceEntry | null,
  params: Params,
  priceData: readonly string[],
): NewItem {
  const invoice = entry?.head.id ?? null
  if (entry !== null && entry.head.status !== 'draft') {
    throw badRequest('This invoice is no longer editable', 'invoice_not_editable', 'invoice')
  }
  if (entry !== null) refuseTooMany(entry, 1)
  const owner = typeof entry?.head.customer === 'string' ? entry.head.customer : null
  const customer = state.customer(text(params, 'customer') ?? owner ?? required(params, 'customer'), 'customer')
  if (owner !== null && owner !== customer.id) {
    throw badRequest(`The invoice ${invoice} does not belong to customer ${customer.id}.`, undefined, 'invoice')
  }
  const quantity = decimal(params, 'quantity_decimal') ?? integer(params, 'quantity') ?? 1
  if (quantity < 0) throw badRequest('This value must be greater than or equal to 0.', undefined, 'quantity')
  const worth = worthOf(state, params, quantity, priceData)
  const currency = (text(params, 'currency') ?? worth.currency ?? entry?.head.currency ?? 'usd').toLowerCase()
  if (worth.currency !== null && worth.currency !== currency) {
    throw badRequest(`The price specified only supports \`${worth.currency}\`.`, undefined, 'currency')
  }
  if (entry !== null && entry.head.currency !== currency) {
    const message = `The currency of this item (${currency}) must match that of the invoice (${entry.head.currency}).`
    throw badRequest(message, undefined, 'currency')
  }
  // Krónur and shillings have no hundredths, though they are sent in them. Source: docs.stripe.com/currencies, special cases.
  if (wholeInHundredths.has(currency) && worth.amount % 100 !== 0) {
    const message = `Invalid amount. ${currency.toUpperCase()} amounts must be whole: the last two digits must be 00.`
    throw badRequest(message, 'invalid_charge_amount_no_decimal_compatible', 'amount')
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
    // Cut off to a whole number; the other one has it all.
    quantity: Math.trunc(quantity),
    quantity_decimal: text(params, 'quantity_decimal') ?? String(quantity),
    tax_rates: [],
    test_clock: null,
  }
  return { item, made: worth.made }
}

/** Exactly one of `amount`, `unit_amount_decimal`, `pricing[price]` and `price_data` says what it costs. */
function worthOf(state: StripeState, params: Params, quantity: number, priceData: readonly string[]): Worth {
  const given = ['amount', 'unit_amount_decimal', 'pricing', 'price_data'].filter(name => params.has(name))
  if (given.length !== 1) {
    const message =
      'You must specify exactly one of these parameters: amount, unit_amount_decimal, pricing, price_data.'
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
      made: {},
    }
  }
  const data = nested(params, 'price_data')
  if (data !== undefined && data !== null) {
    refuseUnknown(data, priceData)
    return madeWith(state, data, quantity)
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
    made: {},
  }
}

/** A price of its own for a line, of a product that is there or is made with it. Source: the SDK's types, `PriceData`. */
function madeWith(state: StripeState, data: Params, quantity: number): Worth {
  const currency = required(data, 'currency').toLowerCase()
  onlyOneOf(data, 'product', 'product_data')
  onlyOneOf(data, 'unit_amount', 'unit_amount_decimal')
  const unit = text(data, 'unit_amount_decimal') ?? String(integer(data, 'unit_amount') ?? 0)
  if ((decimal(data, 'unit_amount_decimal') ?? integer(data, 'unit_amount') ?? 0) < 0) {
    throw badRequest('This value must be greater than or equal to 0.', 'parameter_invalid_integer', 'unit_amount')
  }
  const id = text(data, 'product')
  const known = typeof id === 'string' ? state.product(id, 'price_data[product]') : null
  const product = known ?? newProduct(state, nested(data, 'product_data') ?? new Map<string, string>())
  const price: Price = {
    ...blankPrice(state.newId('price'), product.id, currency, 0, state.now()),
    active: false,
    unit_amount: /^\d+$/.test(unit) ? Number(unit) : null,
    unit_amount_decimal: unit,
  }
  return {
    amount: Math.round(Number(unit) * quantity),
    currency,
    description: product.name,
    pricing: pricingOf(price),
    made: known === null ? { product, price } : { price },
  }
}

function newProduct(state: StripeState, data: Params): Product {
  refuseUnknown(data, ['description', 'images', 'metadata', 'name', 'tax_code', 'unit_label'])
  const blank = blankProduct(state.newId('prod'), required(data, 'name'), state.now())
  return {
    ...blank,
    active: false,
    description: text(data, 'description') ?? null,
    metadata: mergeMetadata(data, {}),
    unit_label: text(data, 'unit_label') ?? null,
  }
}

function onlyOneOf(params: Params, ...names: readonly string[]): void {
  const given = names.filter(name => params.has(name))
  if (given.length === 1) return
  const message = `You must specify exactly one of these parameters: ${names.join(', ')}.`
  throw badRequest(
    message,
    given.length === 0 ? 'parameter_missing' : 'parameters_exclusive',
    `price_data[${names[0]}]`,
  )
}
