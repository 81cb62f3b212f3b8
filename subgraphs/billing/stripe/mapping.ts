import type { RecordRef } from '../../../schema/systems.ts'
import type { Address, Money } from '../../../schema/values.ts'
import type { ObservedRecord } from '../../contract.ts'
import type {
  BillToFields,
  OrderFields,
  OrderLineFields,
  OrderStatus,
  PaymentFields,
  PaymentMethodFields,
  PaymentStatus,
  PriceFields,
  PriceInterval,
  ProductFields,
} from '../source.ts'
import type {
  AddressRecord,
  CustomerRecord,
  InvoiceRecord,
  LineRecord,
  PaymentMethodRecord,
  PaymentRecord,
  PriceRecord,
  ProductRecord,
} from './records.ts'

export const system = 'stripe'

export type StripeKind = 'customer' | 'invoice' | 'product'

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
  'total',
  'amountPaid',
  'amountRemaining',
  'payments',
  'paidAt',
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

export function orderOf(invoice: InvoiceRecord): OrderFields {
  const amount = (value: number | null | undefined): Money | null => money(value, invoice.currency)
  return {
    id: invoice.id,
    record: recordRef('invoice', invoice.id),
    number: text(invoice.number),
    status: orderStatus(invoice),
    subtotal: amount(invoice.subtotal),
    total: amount(invoice.total),
    amountPaid: amount(invoice.amount_paid),
    amountRemaining: amount(invoice.amount_remaining),
    memo: text(invoice.description),
    createdAt: instant(invoice.created),
    finalizedAt: instant(invoice.status_transitions?.finalized_at),
    dueAt: instant(invoice.due_date),
    paidAt: instant(invoice.status_transitions?.paid_at),
    payments: invoice.payments == null ? null : paymentsOf(invoice.payments.data),
    hostedUrl: text(invoice.hosted_invoice_url),
    pdfUrl: text(invoice.invoice_pdf),
    billTo: billToOf(invoice),
  }
}

export function lineOf(line: LineRecord, orderCurrency: string): OrderLineFields {
  const currency = line.currency ?? orderCurrency
  const unit = line.pricing?.unit_amount_decimal
  return {
    id: line.id,
    description: text(line.description),
    quantity: line.quantity ?? null,
    // Prices below one minor unit (0.5 cents) have no whole amount.
    unitPrice: unit != null && /^-?\d+(\.0+)?$/.test(unit) ? money(Number(unit), currency) : null,
    amount: money(line.amount, currency),
    productId: line.pricing?.price_details?.product ?? null,
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
  return {
    id: price.id,
    nickname: text(price.nickname),
    unitAmount: money(price.unit_amount, price.currency),
    interval: intervalOf.get(price.recurring?.interval ?? '') ?? null,
    isActive: price.active,
  }
}

export function paymentMethodOf(method: PaymentMethodRecord): PaymentMethodFields {
  const { card, sepa_debit: sepa, us_bank_account: bank } = method
  return {
    id: method.id,
    type: text(method.type),
    brand: text(card?.brand ?? bank?.bank_name),
    last4: text(card?.last4 ?? sepa?.last4 ?? bank?.last4),
    expiryMonth: card?.exp_month ?? null,
    expiryYear: card?.exp_year ?? null,
  }
}

/** The credit of one billing record per currency. Stripe counts `balance` with the sign of a debt. */
export function creditsOf(customer: CustomerRecord): readonly Money[] {
  const byCurrency = Object.entries(customer.invoice_credit_balance ?? {})
  const credits =
    byCurrency.length > 0
      ? byCurrency.map(([currency, credit]) => money(credit, currency))
      : [money(-(customer.balance ?? 0), customer.currency)]
  return credits.filter(credit => credit !== null).filter(credit => credit.amount > 0)
}

export function observedCustomer(customer: CustomerRecord): ObservedRecord {
  const crmId = text(customer.metadata?.crm_id?.trim())
  return {
    record: recordRef('customer', customer.id),
    parents: [],
    status: null,
    isClosed: null,
    createdAt: instant(customer.created),
    updatedAt: null,
    email: text(customer.email),
    names: crmId === null ? null : { type: 'Customer', id: crmId },
  }
}

export function observedInvoice(invoice: InvoiceRecord): ObservedRecord {
  const { number, dueAt, total, amountPaid, amountRemaining } = orderOf(invoice)
  return {
    record: recordRef('invoice', invoice.id),
    parents: invoice.customer == null ? [] : [{ entity: 'Customer', record: recordRef('customer', invoice.customer) }],
    status: orderStatus(invoice),
    isClosed: null,
    createdAt: instant(invoice.created),
    updatedAt: null,
    email: text(invoice.customer_email),
    names: null,
    values: {
      number,
      dueAt,
      amounts: {
        currency: invoice.currency.toUpperCase(),
        total: total?.amount,
        amountPaid: amountPaid?.amount,
        amountRemaining: amountRemaining?.amount,
      },
    },
  }
}

export function observedProduct(product: ProductRecord): ObservedRecord {
  return {
    record: recordRef('product', product.id),
    parents: [],
    status: null,
    isClosed: !product.active,
    createdAt: instant(product.created),
    updatedAt: instant(product.updated),
    email: null,
    names: null,
  }
}

/** A status Stripe may add later is unknown, not a fault. */
function orderStatus(invoice: InvoiceRecord): OrderStatus | null {
  return orderStatusOf.get(invoice.status ?? '') ?? null
}

function paymentsOf(payments: readonly PaymentRecord[]): readonly PaymentFields[] {
  return payments
    .toSorted((a, b) => b.created - a.created)
    .map(payment => ({
      id: payment.id,
      status: paymentStatusOf.get(payment.status ?? '') ?? null,
      amount: money(payment.amount_paid ?? payment.amount_requested, payment.currency),
      paidAt: instant(payment.status_transitions?.paid_at),
    }))
}

function billToOf(invoice: InvoiceRecord): BillToFields | null {
  const billTo = {
    name: text(invoice.customer_name),
    email: text(invoice.customer_email),
    phone: text(invoice.customer_phone),
    address: invoice.customer_address == null ? null : addressOf(invoice.customer_address),
  }
  return Object.values(billTo).every(value => value === null) ? null : billTo
}

function addressOf(address: AddressRecord): Address {
  return {
    street: text([address.line1, address.line2].filter(part => text(part) !== null).join(', ')),
    city: text(address.city),
    region: text(address.state),
    postalCode: text(address.postal_code),
    country: text(address.country),
  }
}

function money(amount: number | null | undefined, currency: string | null | undefined): Money | null {
  return amount == null || currency == null ? null : { amount, currency: currency.toUpperCase() }
}

function instant(seconds: number | null | undefined): Date | null {
  return seconds == null ? null : new Date(seconds * 1000)
}

/** Stripe clears a text with an empty one. */
function text(value: string | null | undefined): string | null {
  return value == null || value === '' ? null : value
}
