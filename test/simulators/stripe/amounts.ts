import { billTo } from './blank.ts'
import type { Customer, InvoiceEntry, InvoiceHead, InvoiceItem, InvoicePayment, LineItem } from './records.ts'

/** A draft's sums, and its customer as he is now. A negative balance of the customer is credit and lowers the due. */
export function summed(entry: InvoiceEntry, customer: Customer | null): InvoiceEntry {
  const total = entry.lines.reduce((sum, line) => sum + line.amount, 0)
  const balance = customer?.currency === entry.head.currency ? customer.balance : 0
  const due = Math.max(0, total + balance)
  return {
    ...entry,
    head: {
      ...entry.head,
      ...(customer === null ? {} : billTo(customer)),
      amount_due: due,
      amount_remaining: due,
      starting_balance: balance,
      subtotal: total,
      subtotal_excluding_tax: total,
      total,
      total_excluding_tax: total,
    },
  }
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
