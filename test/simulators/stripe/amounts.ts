import { billTo } from './blank.ts'
import type { Customer, InvoiceEntry, InvoiceHead, InvoiceItem, InvoicePayment, LineItem, Terms } from './records.ts'

/** A draft's sums, and its customer as he is now. A negative balance of the customer is credit and lowers the due. */
export function summed(entry: InvoiceEntry, customer: Customer | null): InvoiceEntry {
  const lines = entry.lines.map(line => withTerms(line, entry.terms ?? {}))
  const sumOf = (read: (line: LineItem) => number): number => lines.reduce((sum, line) => sum + read(line), 0)
  const subtotal = sumOf(({ amount }) => amount)
  const discount = sumOf(({ discount_amounts: amounts }) => amounts?.[0]?.amount ?? 0)
  const tax = sumOf(({ taxes }) => taxes?.[0]?.amount ?? 0)
  const isInclusive = entry.terms?.tax?.isInclusive === true
  const total = subtotal - discount + (isInclusive ? 0 : tax)
  const balance = customer?.currency === entry.head.currency ? customer.balance : 0
  const due = Math.max(0, total + balance)
  return {
    ...entry,
    lines,
    head: {
      ...entry.head,
      ...(customer === null ? {} : billTo(customer)),
      amount_due: due,
      amount_remaining: due,
      starting_balance: balance,
      subtotal,
      subtotal_excluding_tax: isInclusive ? subtotal - tax : subtotal,
      total,
      total_discount_amounts: discount === 0 ? [] : [{ amount: discount, discount: discountOf(entry.head.id) }],
      total_excluding_tax: total - tax,
      total_taxes:
        entry.terms?.tax === undefined
          ? []
          : [
              taxed(
                tax,
                sumOf(({ taxes }) => taxes?.[0]?.taxable_amount ?? 0),
                entry.terms.tax.isInclusive,
              ),
            ],
    },
  }
}

function withTerms(line: LineItem, { percentOff = 0, tax }: Terms): LineItem {
  const discount = Math.round((line.amount * percentOff) / 100)
  const left = line.amount - discount
  const amounts = {
    ...line,
    discount_amounts: discount === 0 ? [] : [{ amount: discount, discount: discountOf(line.invoice ?? '') }],
  }
  if (tax === undefined) return { ...amounts, taxes: [] }
  const { percentage, isInclusive } = tax
  const amount = Math.round(isInclusive ? left - left / (1 + percentage / 100) : (left * percentage) / 100)
  return { ...amounts, taxes: [taxed(amount, isInclusive ? left - amount : left, isInclusive)] }
}

function discountOf(invoice: string): string {
  return `di_${invoice.slice(3)}`
}

function taxed(amount: number, taxable: number, isInclusive: boolean) {
  return {
    amount,
    tax_behavior: isInclusive ? 'inclusive' : 'exclusive',
    tax_rate_details: { tax_rate: 'txr_standard' },
    taxability_reason: 'standard_rated',
    taxable_amount: taxable,
    type: 'tax_rate_details',
  } satisfies NonNullable<InvoiceHead['total_taxes']>[number]
}

/** Numbered and payable, with its default payment open when there is something to pay. */
export function finalized(
  { head, daysUntilDue, ...rest }: InvoiceEntry,
  at: { readonly seconds: number; readonly number: string },
): InvoiceEntry {
  const page = `acct_sim/test_${head.id}`
  const next: InvoiceHead = {
    ...head,
    status: 'open',
    number: head.number ?? at.number,
    effective_at: at.seconds,
    due_date: daysUntilDue === null ? head.due_date : at.seconds + daysUntilDue * 86_400,
    ending_balance: Math.min(0, head.total + head.starting_balance),
    hosted_invoice_url: `https://invoice.stripe.com/i/${page}?s=ap`,
    invoice_pdf: `https://pay.stripe.com/invoice/${page}/pdf?s=ap`,
    status_transitions: { ...head.status_transitions, finalized_at: at.seconds },
  }
  const payments = head.amount_due > 0 ? [openPayment(head, at.seconds)] : []
  return { ...rest, head: next, payments, daysUntilDue }
}

/** @param isOutOfBand the money came another way: the open payment is canceled */
export function paid({ head, payments, ...rest }: InvoiceEntry, seconds: number, isOutOfBand: boolean): InvoiceEntry {
  const isCharged = !isOutOfBand && head.amount_due > 0
  return {
    ...rest,
    head: {
      ...head,
      status: 'paid',
      amount_paid: head.amount_due,
      amount_paid_off_stripe: isOutOfBand ? head.amount_due : 0,
      amount_remaining: 0,
      attempted: true,
      attempt_count: head.attempt_count + (isCharged ? 1 : 0),
      auto_advance: false,
      status_transitions: { ...head.status_transitions, paid_at: seconds },
    },
    payments: payments.map(payment =>
      isOutOfBand ? canceledPayment(payment, seconds) : paidPayment(payment, seconds),
    ),
  }
}

export function voided({ head, payments, ...rest }: InvoiceEntry, seconds: number): InvoiceEntry {
  return {
    ...rest,
    head: {
      ...head,
      status: 'void',
      auto_advance: false,
      status_transitions: { ...head.status_transitions, voided_at: seconds },
    },
    payments: payments.map(payment => canceledPayment(payment, seconds)),
  }
}

export function uncollectible({ head, ...rest }: InvoiceEntry, seconds: number): InvoiceEntry {
  return {
    ...rest,
    head: {
      ...head,
      status: 'uncollectible',
      auto_advance: false,
      status_transitions: { ...head.status_transitions, marked_uncollectible_at: seconds },
    },
  }
}

/** The line an invoice item becomes. */
export function lineOf(id: string, item: InvoiceItem, invoice: string): LineItem {
  return {
    id,
    object: 'line_item',
    amount: item.amount,
    currency: item.currency,
    description: item.description,
    discount_amounts: [],
    discountable: item.discountable,
    discounts: [],
    invoice,
    livemode: false,
    metadata: item.metadata ?? {},
    parent: {
      invoice_item_details: { invoice_item: item.id, proration: false, proration_details: null, subscription: null },
      subscription_item_details: null,
      type: 'invoice_item_details',
    },
    period: item.period,
    pretax_credit_amounts: [],
    pricing: item.pricing,
    quantity: item.quantity,
    quantity_decimal: item.quantity_decimal,
    subscription: null,
    subtotal: item.amount,
    taxes: [],
  }
}

function openPayment(head: InvoiceHead, created: number): InvoicePayment {
  return {
    id: `inpay_${head.id.slice(3)}`,
    object: 'invoice_payment',
    amount_paid: null,
    amount_requested: head.amount_due,
    created,
    currency: head.currency,
    invoice: head.id,
    is_default: true,
    livemode: false,
    payment: { payment_intent: `pi_${head.id.slice(3)}`, type: 'payment_intent' },
    status: 'open',
    status_transitions: { canceled_at: null, paid_at: null },
  }
}

function paidPayment(payment: InvoicePayment, seconds: number): InvoicePayment {
  return {
    ...payment,
    amount_paid: payment.amount_requested,
    status: 'paid',
    status_transitions: { ...payment.status_transitions, paid_at: seconds },
  }
}

function canceledPayment(payment: InvoicePayment, seconds: number): InvoicePayment {
  return { ...payment, status: 'canceled', status_transitions: { ...payment.status_transitions, canceled_at: seconds } }
}
