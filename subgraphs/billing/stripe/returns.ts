import type { CallContext } from '../../contract.ts'
import { isUnderstood, mapField, NotUnderstood, valueOrNull, type Field } from '../../lenient.ts'
import type { OrderReturns, ReturnFields, ReturnStatus } from '../source.ts'
import { money, negated, sum } from './amounts.ts'
import type { PaidBy, StripeClient } from './client.ts'
import { instant, text } from './mapping.ts'
import { readAll } from './pages.ts'
import { readCreditNote, readDispute, readRefund } from './records.ts'
import type { CreditNoteRecord, DisputeRecord, InvoiceRecord, PaymentRecord, RefundRecord } from './records.ts'

const refundStatusOf: ReadonlyMap<string, ReturnStatus> = new Map([
  ['pending', 'PENDING'],
  ['requires_action', 'PENDING'],
  ['succeeded', 'DONE'],
  ['failed', 'FAILED'],
  ['canceled', 'FAILED'],
])

/** `warning_…` is an inquiry and takes no money. Source: docs.stripe.com/disputes/how-disputes-work. */
const disputeStatusOf: ReadonlyMap<string, ReturnStatus> = new Map([
  ['warning_needs_response', 'FAILED'],
  ['warning_under_review', 'FAILED'],
  ['warning_closed', 'FAILED'],
  ['needs_response', 'PENDING'],
  ['under_review', 'PENDING'],
  ['appeal_needs_response', 'PENDING'],
  ['appeal_under_review', 'PENDING'],
  ['won', 'FAILED'],
  ['prevented', 'FAILED'],
  ['lost', 'DONE'],
])

const creditNoteStatusOf: ReadonlyMap<string, ReturnStatus> = new Map([
  ['issued', 'DONE'],
  ['void', 'FAILED'],
])

/** Refunds and disputes of one payment, as they came. */
interface PaymentReturns {
  readonly payment: PaymentRecord
  readonly refunds: readonly RefundRecord[]
  readonly disputes: readonly DisputeRecord[]
}

/**
 * What went back of an invoice. An invoice stays paid in full whatever goes back, and names no refund: these are asked for by what
 * its payments were made with. Source: Stripe API reference, refunds, disputes, credit notes.
 */
export async function readReturns(
  client: StripeClient,
  invoice: InvoiceRecord,
  payments: readonly (PaymentRecord | NotUnderstood)[],
  call: CallContext,
): Promise<OrderReturns> {
  const wrong = payments.find(payment => payment instanceof NotUnderstood)
  const paid = payments.filter(payment => isUnderstood(payment)).filter(mayHaveReturns)
  const [byPayment, notes] = await Promise.all([
    Promise.all(paid.map(payment => returnsOfPayment(client, payment, call))),
    // Nothing was credited after payment, by Stripe's own sum.
    invoice.post_payment_credit_notes_amount === 0
      ? []
      : readAll(after => client.creditNotes(invoice.id, after, call), readCreditNote),
  ])
  const issued = notes.filter(({ post_payment_amount: amount }) => amount !== 0)
  const returns = [
    ...byPayment.flatMap(({ refunds, disputes }) => [...refunds.map(refundOf), ...disputes.map(disputeOf)]),
    ...issued.map(note => creditNoteOf(note, byPayment)).filter(({ amount }) => valueOrNull(amount)?.amount !== 0),
  ]
  return {
    amount: wrong ?? money(wireTotal(invoice, byPayment, issued), invoice.currency),
    returns: returns.toSorted((a, b) => timeOf(b) - timeOf(a)),
    amountByPayment: new Map(byPayment.map(one => [one.payment.id, money(wireSum(one), one.payment.currency)])),
  }
}

function mayHaveReturns({ status, amount_paid: amount }: PaymentRecord): boolean {
  return status !== 'canceled' && amount !== 0 && amount !== null
}

async function returnsOfPayment(
  client: StripeClient,
  payment: PaymentRecord,
  call: CallContext,
): Promise<PaymentReturns> {
  const of = paidBy(payment)
  if (of === null) return { payment, refunds: [], disputes: [] }
  const [refunds, disputes] = await Promise.all([
    readAll(after => client.refunds(of, after, call), readRefund),
    readAll(after => client.disputes(of, after, call), readDispute),
  ])
  return { payment, refunds, disputes }
}

/** Null for money that came another way, of which Stripe knows no refund. @throws NotUnderstood */
function paidBy({ payment }: PaymentRecord): PaidBy | null {
  const of = mapField<NonNullable<Exclude<PaymentRecord['payment'], NotUnderstood>>, PaidBy>(
    payment,
    ({ payment_intent: intent, charge }) =>
      intent === null ? mapField(charge, id => ({ charge: id })) : mapField(intent, id => ({ payment_intent: id })),
  )
  if (!isUnderstood(of)) throw of
  return of
}

/** In Stripe's unit. A payment intent may pay several invoices: of one no more goes back than it paid there. */
function wireSum({ payment, refunds, disputes }: PaymentReturns): Field<number> {
  const counted = [...refunds.filter(isCounted(refundStatusOf)), ...disputes.filter(isCounted(disputeStatusOf))]
  const foreign = counted.find(({ currency }) => !isSameCurrency(currency, payment.currency))
  if (foreign !== undefined) {
    return new NotUnderstood('stripe', `${foreign.object} ${foreign.id}: expected the currency of its payment`)
  }
  return mapField(sum(...counted.map(({ amount }) => amount)), back =>
    mapField(payment.amount_paid, paid => Math.min(back, paid)),
  )
}

/** In Stripe's unit: what payments gave back, and what credit notes gave beside that. */
function wireTotal(
  invoice: InvoiceRecord,
  byPayment: readonly PaymentReturns[],
  notes: readonly CreditNoteRecord[],
): Field<number> {
  const issued = notes.filter(isCounted(creditNoteStatusOf))
  const credited = invoice.post_payment_credit_notes_amount ?? sum(...issued.map(note => note.post_payment_amount))
  const refunded = sum(...issued.map(note => refundedBy(note, byPayment)))
  const beside = mapField(sum(credited, negated(refunded)), amount => Math.max(0, amount))
  return sum(...byPayment.map(wireSum), beside)
}

/** What of a credit note stands among the refunds of the payments already. */
function refundedBy(note: CreditNoteRecord, byPayment: readonly PaymentReturns[]): Field<number> {
  const counted = new Set(
    byPayment.flatMap(({ refunds }) => refunds.filter(isCounted(refundStatusOf)).map(({ id }) => id)),
  )
  return mapField(note.refunds, made => {
    const wrong = made.find(one => one instanceof NotUnderstood)
    if (wrong !== undefined) return wrong
    const known = made
      .filter(one => isUnderstood(one))
      .filter(({ refund }) => {
        const id = valueOrNull(refund)
        return id !== null && counted.has(id)
      })
    return sum(...known.map(({ amount_refunded: amount }) => amount))
  })
}

function refundOf(refund: RefundRecord): ReturnFields {
  return { ...returnOf(refund, refundStatusOf), kind: 'REFUND', amount: money(refund.amount, refund.currency) }
}

function disputeOf(dispute: DisputeRecord): ReturnFields {
  return { ...returnOf(dispute, disputeStatusOf), kind: 'DISPUTE', amount: money(dispute.amount, dispute.currency) }
}

function creditNoteOf(note: CreditNoteRecord, byPayment: readonly PaymentReturns[]): ReturnFields {
  const beside = sum(note.post_payment_amount, negated(refundedBy(note, byPayment)))
  return { ...returnOf(note, creditNoteStatusOf), kind: 'CREDIT_NOTE', amount: money(beside, note.currency) }
}

type Returned = RefundRecord | DisputeRecord | CreditNoteRecord

function returnOf(
  { id, status, reason, created }: Returned,
  statusOf: ReadonlyMap<string, ReturnStatus>,
): Omit<ReturnFields, 'kind' | 'amount'> {
  return {
    id,
    status: mapField(status, word => statusOf.get(word) ?? null),
    reason: text(reason),
    createdAt: instant(created),
  }
}

/** A status that has no word here, or is not given, is not known to have come to nothing. */
function isCounted(statusOf: ReadonlyMap<string, ReturnStatus>): (record: Returned) => boolean {
  return ({ status }) => statusOf.get(valueOrNull(status) ?? '') !== 'FAILED'
}

function isSameCurrency(a: Field<string>, b: Field<string>): boolean {
  return valueOrNull(a)?.toLowerCase() === valueOrNull(b)?.toLowerCase()
}

function timeOf({ createdAt }: ReturnFields): number {
  return valueOrNull(createdAt)?.getTime() ?? 0
}
