import type { RecordRef } from '../../../schema/systems.ts'
import type { Money } from '../../../schema/values.ts'
import type { Mention, ObservedRecord } from '../../contract.ts'
import { firstField, isUnderstood, mapField, NotUnderstood, valueOrNull, type Field } from '../../lenient.ts'
import type {
  AddressFields,
  BillToFields,
  CollectionFields,
  OrderFields,
  OrderLineFields,
  OrderStatus,
  PaymentFields,
  PaymentMethodFields,
  PaymentStatus,
  PriceFields,
  PriceInterval,
  PriceScheme,
  PriceUsage,
  ProductFields,
  RecurrenceFields,
  TiersMode,
} from '../source.ts'
import { minorPrice, money, negated, sum, wholeMoney } from './amounts.ts'
import { isWritten } from './records.ts'
import type {
  AddressRecord,
  BalanceRecord,
  CustomerRecord,
  InvoiceRecord,
  LineRecord,
  PaymentMethodRecord,
  PaymentRecord,
  PriceRecord,
  ProductRecord,
  TaxRecord,
} from './records.ts'

export const system = 'stripe'

export const stripeKinds = ['customer', 'invoice', 'product'] as const

export type StripeKind = (typeof stripeKinds)[number]

export function recordRef(kind: StripeKind, id: string): RecordRef {
  return { system, kind, id }
}

/** What finalising changes of an order. It applies the customer's credit, so amounts change with it. */
export const finalizedFields = [
  'status',
  'number',
  'finalizedAt',
  'dueAt',
  'hostedUrl',
  'pdfUrl',
  'discount',
  'tax',
  'includedTax',
  'total',
  'amountDue',
  'amountPaid',
  'amountRemaining',
  'payments',
  'paidAt',
  'collection',
] as const

const orderStatusOf: ReadonlyMap<string, OrderStatus> = new Map([
  ['draft', 'DRAFT'],
  ['open', 'OPEN'],
  ['paid', 'PAID'],
  ['void', 'VOID'],
  ['uncollectible', 'UNCOLLECTIBLE'],
])

const paymentStatusOf: ReadonlyMap<string, PaymentStatus> = new Map([
  ['open', 'OPEN'],
  ['paid', 'PAID'],
  ['canceled', 'CANCELED'],
])

const intervalOf: ReadonlyMap<string, PriceInterval> = new Map([
  ['day', 'DAY'],
  ['week', 'WEEK'],
  ['month', 'MONTH'],
  ['year', 'YEAR'],
])

const schemeOf: ReadonlyMap<string, PriceScheme> = new Map([
  ['per_unit', 'PER_UNIT'],
  ['tiered', 'TIERED'],
])

const tiersModeOf: ReadonlyMap<string, TiersMode> = new Map([
  ['graduated', 'GRADUATED'],
  ['volume', 'VOLUME'],
])

const usageOf: ReadonlyMap<string, PriceUsage> = new Map([
  ['licensed', 'LICENSED'],
  ['metered', 'METERED'],
])

export function orderOf(invoice: InvoiceRecord): OrderFields {
  const amount = (value: Field<number>): Field<Money> => money(value, invoice.currency)
  const { discount, shipping, tax, includedTax } = breakdownOf(invoice)
  return {
    id: invoice.id,
    record: recordRef('invoice', invoice.id),
    number: text(invoice.number),
    status: orderStatus(invoice),
    subtotal: amount(invoice.subtotal),
    discount: amount(discount),
    shipping: amount(shipping),
    tax: amount(tax),
    includedTax: amount(includedTax),
    total: amount(invoice.total),
    amountDue: amount(invoice.amount_due),
    amountPaid: amount(invoice.amount_paid),
    amountRemaining: amount(invoice.amount_remaining),
    memo: text(invoice.description),
    createdAt: instant(invoice.created),
    finalizedAt: mapField(invoice.status_transitions, ({ finalized_at }) => instant(finalized_at)),
    dueAt: instant(invoice.due_date),
    paidAt: mapField(invoice.status_transitions, ({ paid_at }) => instant(paid_at)),
    collection: collectionOf(invoice),
    hostedUrl: text(invoice.hosted_invoice_url),
    pdfUrl: text(invoice.invoice_pdf),
    billTo: billToOf(invoice),
  }
}

interface Breakdown {
  readonly discount: Field<number>
  readonly shipping: Field<number>
  readonly tax: Field<number>
  readonly includedTax: Field<number>
}

/**
 * What leads from the subtotal to the total, so that the sum holds. Stripe's own sum of discounts holds those of single lines too,
 * which the subtotal has lost already; and it does not say whether shipping is part of the subtotal. Source: the SDK's `Invoice`.
 */
function breakdownOf(invoice: InvoiceRecord): Breakdown {
  const { subtotal, total } = invoice
  const { all: tax, added, included: includedTax } = taxesOf(invoice)
  const outside = outsideShipping(invoice, added)
  const isKnown = subtotal !== null && total !== null && added !== null
  return {
    discount: isKnown ? sum(subtotal, added, outside, negated(total)) : null,
    shipping: invoice.shipping_cost === null ? null : outside,
    tax,
    includedTax,
  }
}

/** Taxes of an invoice; where it does not list them, what lies between its totals with and without tax. */
function taxesOf({ total_taxes: taxes, total, total_excluding_tax: net }: InvoiceRecord): Taxes {
  if (taxes !== null || total === null || net === null) return taxSums(taxes)
  const all = sum(total, negated(net))
  return all === 0 ? { all, added: 0, included: 0 } : { all, added: null, included: null }
}

interface Taxes {
  readonly all: Field<number>
  readonly added: Field<number>
  readonly included: Field<number>
}

function taxSums(taxes: Field<readonly TaxRecord[]>): Taxes {
  if (taxes === null || !isUnderstood(taxes)) return { all: taxes, added: taxes, included: taxes }
  const kind = taxes.map(({ tax_behavior }) => tax_behavior).find(behavior => !isUnderstood(behavior))
  const amountsOf = (isIncluded: boolean): Field<number> =>
    kind instanceof NotUnderstood
      ? kind
      : sum(...taxes.flatMap(one => ((one.tax_behavior === 'inclusive') === isIncluded ? [one.amount] : [])))
  return { all: sum(...taxes.map(({ amount }) => amount)), added: amountsOf(false), included: amountsOf(true) }
}

/** The cost of shipping that the subtotal does not hold: without it the discount would not be what Stripe says, or be negative. */
function outsideShipping(invoice: InvoiceRecord, added: Field<number>): Field<number> {
  const shipping = mapField(invoice.shipping_cost, ({ amount_subtotal }) => amount_subtotal)
  const within = sum(invoice.subtotal, added, negated(invoice.total))
  if (shipping === null || !isUnderstood(shipping) || !isUnderstood(within) || within === null) return shipping
  const listed = mapField(invoice.total_discount_amounts, amounts => sum(...amounts.map(({ amount }) => amount)))
  return within < 0 || within + shipping === listed ? shipping : 0
}

function collectionOf(invoice: InvoiceRecord): CollectionFields {
  const isUnpaid = mapField(invoice.status, status => status === 'open' || status === 'uncollectible')
  return {
    isAutomatic: mapField(invoice.collection_method, method => method === 'charge_automatically'),
    isFailing: mapField(invoice.attempted, isAttempted => (isAttempted ? isUnpaid : false)),
    attempts: invoice.attempt_count,
    nextAttemptAt: instant(invoice.next_payment_attempt),
  }
}

export function lineOf(line: LineRecord, orderCurrency: Field<string>): OrderLineFields {
  const currency = line.currency ?? orderCurrency
  const unit = mapField(line.pricing, ({ unit_amount_decimal }) => unit_amount_decimal)
  const discount = mapField(line.discount_amounts, amounts => sum(...amounts.map(({ amount }) => amount)))
  const { all: tax, added, included } = taxSums(line.taxes)
  return {
    id: line.id,
    description: text(line.description),
    // The whole number is the other one cut off: it stands in only where there is no other.
    quantity: line.quantity_decimal ?? mapField(line.quantity, String),
    unitPrice: wholeMoney(unit, currency),
    unitPriceDecimal: minorPrice(unit, currency),
    amount: money(line.amount, currency),
    discount: money(discount, currency),
    tax: money(tax, currency),
    includedTax: money(included, currency),
    total: money(line.amount === null ? null : sum(line.amount, negated(discount), added), currency),
    productId: isWritten(line)
      ? null
      : mapField(line.pricing, ({ price_details: details }) => mapField(details, ({ product }) => product)),
  }
}

export function productOf(product: ProductRecord): ProductFields {
  return {
    id: product.id,
    name: text(product.name),
    description: text(product.description),
    isActive: product.active,
    createdAt: instant(product.created),
    updatedAt: instant(product.updated),
  }
}

export function priceOf(price: PriceRecord): PriceFields {
  const scheme = schemeOfPrice(price)
  const only = <T>(wanted: PriceScheme, value: Field<T>): Field<T> =>
    mapField(scheme, known => (known === wanted ? value : null))
  const { currency } = price
  const unit = firstField(price.unit_amount_decimal, mapField<number, string>(price.unit_amount, String))
  const recurrence = mapField<NonNullable<RecurringRecord>, RecurrenceFields>(price.recurring, recurrenceOf)
  return {
    id: price.id,
    nickname: text(price.nickname),
    scheme,
    unitAmount: only('PER_UNIT', wholeMoney(unit, currency)),
    unitAmountDecimal: only('PER_UNIT', minorPrice(unit, currency)),
    packageAmount: only('PACKAGE', wholeMoney(unit, currency)),
    packageSize: only(
      'PACKAGE',
      mapField(price.transform_quantity, ({ divide_by }) => divide_by),
    ),
    tiersMode: only(
      'TIERED',
      mapField(price.tiers_mode, mode => tiersModeOf.get(mode) ?? null),
    ),
    currency: mapField(currency, code => code.toUpperCase()),
    recurrence,
    // Half of a value of two parts would be another value.
    interval: mapField(recurrence, ({ interval, intervalCount }) =>
      mapField(intervalCount, many => (many === 1 ? interval : null)),
    ),
    isActive: price.active,
  }
}

type RecurringRecord = Exclude<PriceRecord['recurring'], NotUnderstood>

function schemeOfPrice(price: PriceRecord): Field<PriceScheme> {
  if (price.custom_unit_amount !== null) return mapField(price.custom_unit_amount, () => 'CUSTOM')
  return mapField(price.billing_scheme ?? 'per_unit', word => {
    const scheme = schemeOf.get(word) ?? null
    if (scheme !== 'PER_UNIT' || price.transform_quantity === null) return scheme
    return mapField(price.transform_quantity, ({ divide_by: size }) =>
      mapField(size, many => (many === 1 ? 'PER_UNIT' : 'PACKAGE')),
    )
  })
}

function recurrenceOf({ interval, interval_count, usage_type }: NonNullable<RecurringRecord>): RecurrenceFields {
  return {
    interval: mapField(interval, word => intervalOf.get(word) ?? null),
    // Every price has one since 2013; what an older answer leaves out is one.
    intervalCount: interval_count ?? 1,
    usage: mapField(usage_type, word => usageOf.get(word) ?? null),
  }
}

/** Of whatever type: what it has stands under the type's name. */
export function paymentMethodOf(method: PaymentMethodRecord): PaymentMethodFields {
  type Details = Exclude<PaymentMethodRecord['details'], NotUnderstood | null>
  const detail = <T>(read: (details: Details) => Field<T>): Field<T> => mapField(method.details, read)
  return {
    id: method.id,
    type: text(method.type),
    brand: text(detail(({ brand, bank_name, bank }) => firstField(text(brand), text(bank_name), text(bank)))),
    last4: text(detail(({ last4 }) => last4)),
    expiryMonth: detail(({ exp_month }) => exp_month),
    expiryYear: detail(({ exp_year }) => exp_year),
  }
}

/** What one billing record has and owes per currency: positive is credit, negative is owed. Stripe counts `balance` the other way. */
export function standingOf(customer: CustomerRecord): readonly Field<Money>[] {
  const { invoice_credit_balance: byCurrency, balance, currency } = customer
  if (!isUnderstood(byCurrency)) return [byCurrency]
  if (byCurrency !== null && byCurrency.length > 0) return balancesOf(byCurrency)
  return [money(negated(balance), currency)]
}

export function balancesOf(balances: readonly BalanceRecord[]): readonly Field<Money>[] {
  return balances.map(({ amount, currency }) => money(amount, currency))
}

export function observedCustomer(customer: CustomerRecord): ObservedRecord {
  const crmId = text(valueOrNull(mapField(customer.metadata, ({ crm_id }) => mapField(crm_id, id => id.trim()))))
  return {
    record: recordRef('customer', customer.id),
    parents: [],
    status: null,
    isClosed: null,
    createdAt: valueOrNull(instant(customer.created)),
    updatedAt: null,
    email: valueOrNull(text(customer.email)),
    names: crmId === null || crmId instanceof NotUnderstood ? null : { type: 'Customer', id: crmId },
    shownAs: addressee(customer),
  }
}

/**
 * @param customerId the billing record it belongs to; see `customerIdOf`
 * @param products those on its lines; null where they cannot be told
 */
export function observedInvoice(
  invoice: InvoiceRecord,
  customerId: string | null = customerIdOf(invoice),
  products: readonly string[] | null = null,
): ObservedRecord {
  const { number, dueAt, total, amountPaid, amountRemaining } = orderOf(invoice)
  const currency = valueOrNull(invoice.currency)
  return {
    record: recordRef('invoice', invoice.id),
    parents: parentsOf(invoice, customerId),
    status: valueOrNull(orderStatus(invoice)),
    isClosed: null,
    createdAt: valueOrNull(instant(invoice.created)),
    updatedAt: null,
    email: valueOrNull(text(invoice.customer_email)),
    names: null,
    mentions: products === null ? null : mentionsOf(invoice, customerId, products),
    values: {
      ...(isUnderstood(number) ? { number } : {}),
      ...(isUnderstood(dueAt) ? { dueAt } : {}),
      // Without a currency too: sums count the order, and say that they do not know what it comes to.
      amounts: {
        currency: currency?.toUpperCase() ?? null,
        total: valueOrNull(total)?.amount,
        amountPaid: valueOrNull(amountPaid)?.amount,
        amountRemaining: valueOrNull(amountRemaining)?.amount,
      },
    },
  }
}

/**
 * A line holds the product's id and not its name. A draft shows what its customer has: Stripe tells of neither when that changes.
 * Source: the SDK's `Invoice.customer_name`.
 */
function mentionsOf(
  invoice: InvoiceRecord,
  customerId: string | null,
  products: readonly string[],
): readonly Mention[] {
  const { customer_name: name, customer_email: email, customer_phone: phone, customer_address: address } = invoice
  const isDraft = customerId !== null && valueOrNull(invoice.status) === 'draft'
  return [
    ...products.map(id => ({ record: recordRef('product', id) })),
    ...(isDraft
      ? [{ record: recordRef('customer', customerId), name: addressee({ name, email, phone, address }) }]
      : []),
  ]
}

/** What a draft shows of its customer, as one text; what is not understood counts as not there. */
export function addressee({
  name,
  email,
  phone,
  address,
}: Pick<CustomerRecord, 'name' | 'email' | 'phone' | 'address'>): string {
  const place = valueOrNull(mapField(address, addressOf))
  const parts = [name, email, phone, place?.street, place?.city, place?.region, place?.postalCode, place?.country]
  return JSON.stringify(parts.map(part => valueOrNull(text(part ?? null))))
}

function parentsOf(invoice: InvoiceRecord, customerId: string | null): ObservedRecord['parents'] {
  if (customerId !== null) return [{ entity: 'Customer', record: recordRef('customer', customerId) }]
  return isUnderstood(invoice.customer) && isUnderstood(invoice.customer_account) ? [] : null
}

/** The billing record as the invoice names it: a customer, or the Account of API v2 that stands for one. */
export function customerIdOf({ customer, customer_account: account }: InvoiceRecord): string | null {
  return valueOrNull(customer) ?? valueOrNull(account)
}

export function observedProduct(product: ProductRecord): ObservedRecord {
  const isActive = valueOrNull(product.active)
  const { name } = product
  return {
    record: recordRef('product', product.id),
    parents: [],
    status: null,
    isClosed: isActive === null ? null : !isActive,
    createdAt: valueOrNull(instant(product.created)),
    updatedAt: null,
    changedAt: valueOrNull(instant(product.updated)),
    email: null,
    names: null,
    ...(isUnderstood(name) && { shownAs: name ?? '' }),
  }
}

/** A status Stripe may add later is unknown, not a fault. */
function orderStatus(invoice: InvoiceRecord): Field<OrderStatus> {
  return mapField(invoice.status, status => orderStatusOf.get(status) ?? null)
}

/** Newest first. */
export function paymentsOf(
  payments: readonly (PaymentRecord | NotUnderstood)[],
): readonly (PaymentFields | NotUnderstood)[] {
  const createdOf = (payment: PaymentRecord | NotUnderstood): number =>
    payment instanceof NotUnderstood ? 0 : (valueOrNull(payment.created) ?? 0)
  return payments
    .toSorted((a, b) => createdOf(b) - createdOf(a))
    .map(payment =>
      payment instanceof NotUnderstood
        ? payment
        : {
            id: payment.id,
            status: mapField(payment.status, status => paymentStatusOf.get(status) ?? null),
            amount: money(payment.amount_paid ?? payment.amount_requested, payment.currency),
            paidAt: mapField(payment.status_transitions, ({ paid_at }) => instant(paid_at)),
          },
    )
}

function billToOf(invoice: InvoiceRecord): BillToFields | null {
  const billTo = {
    name: text(invoice.customer_name),
    email: text(invoice.customer_email),
    phone: text(invoice.customer_phone),
    address: mapField(invoice.customer_address, addressOf),
  }
  return Object.values(billTo).every(value => value === null) ? null : billTo
}

function addressOf(address: AddressRecord): AddressFields {
  const lines = [text(address.line1), text(address.line2)]
  const wrong = lines.find(line => !isUnderstood(line))
  return {
    street: wrong ?? text(lines.filter(line => line !== null).join(', ')),
    city: text(address.city),
    region: text(address.state),
    postalCode: text(address.postal_code),
    country: text(address.country),
  }
}

export function instant(seconds: Field<number>): Field<Date> {
  return mapField(seconds, value => new Date(value * 1000))
}

/** Stripe clears a text with an empty one. */
export function text(value: Field<string>): Field<string> {
  return value === '' ? null : value
}
