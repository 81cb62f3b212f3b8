import { badRequest } from './errors.ts'
import { choice, integer, mergeMetadata, required, text } from './params.ts'
import { chargeOf, paidBy, type CardPayment } from './payments.ts'
import { got } from './state.ts'
import type { Customers } from './customers.ts'
import type { Act } from './events.ts'
import type { Invoices } from './invoices.ts'
import type { Params } from './params.ts'
import type { CreditNote, Dispute, InvoiceEntry, Refund } from './records.ts'
import type { StripeState } from './state.ts'

/** Money that goes back to customers. */
export interface Returns {
  refund(params: Params, act: Act): Refund
  /** What becomes of one: of a pending one, or of one the bank sent back. */
  settleRefund(id: string, status: 'succeeded' | 'failed' | 'canceled', act: Act): Refund
  credit(params: Params, act: Act): CreditNote
  voidCredit(id: string, act: Act): CreditNote
  /** The customer's bank takes the money of a paid invoice back until it is decided. */
  dispute(invoice: string, reason: string, act: Act): Dispute
  closeDispute(id: string, status: 'won' | 'lost', act: Act): Dispute
}

export const refundFields = ['amount', 'charge', 'metadata', 'payment_intent', 'reason'] as const
export const creditNoteFields = [
  'amount',
  'credit_amount',
  'invoice',
  'memo',
  'metadata',
  'out_of_band_amount',
  'reason',
  'refund_amount',
] as const

const refundReasons = ['duplicate', 'fraudulent', 'requested_by_customer'] as const
const creditReasons = ['duplicate', 'fraudulent', 'order_change', 'product_unsatisfactory'] as const

/** Source: Stripe API reference: refunds, credit notes, disputes; the SDK's types. */
export function createReturns(state: StripeState, customers: Customers, invoices: Invoices): Returns {
  return {
    refund: (params, act) => refund(params, 'succeeded', act),
    settleRefund(id, status, act) {
      const before = got(state.refunds, 'refund', id)
      const after: Refund = { ...before, status, ...(status === 'failed' ? { failure_reason: 'declined' } : {}) }
      state.refunds.set(id, after)
      if (status === 'failed') state.events.emit('refund.failed', after, act)
      state.events.emitUpdate('refund.updated', before, after, act)
      return after
    },
    credit(params, act) {
      const entry = state.invoice(required(params, 'invoice'), 'invoice')
      const amount = integer(params, 'amount')
      if (amount === undefined) throw badRequest('Missing required param: amount.', 'parameter_missing', 'amount')
      if (entry.head.status === 'open') return creditBefore(entry, amount, params, act)
      if (entry.head.status === 'paid') return creditAfter(entry, amount, params, act)
      throw badRequest('You can only create credit notes for open or paid invoices.', undefined, 'invoice')
    },
    voidCredit(id, act) {
      const before = got(state.creditNotes, 'credit note', id)
      const entry = state.invoice(typeof before.invoice === 'string' ? before.invoice : before.invoice.id)
      if (before.status === 'void' || before.type === 'post_payment') {
        throw badRequest('You can only void credit notes on open invoices.')
      }
      const after: CreditNote = { ...before, status: 'void', voided_at: state.now() }
      state.creditNotes.set(id, after)
      state.events.emit('credit_note.voided', after, act)
      owe(entry, -before.pre_payment_amount, act)
      return after
    },
    dispute(invoice, reason, act) {
      const disputed = paymentOf(state.invoice(invoice))
      const { payment, intent, charge } = disputed
      const { amount, amount_refunded: refunded } = chargeOf(state, disputed)
      const dispute: Dispute = {
        id: state.newId('dp'),
        object: 'dispute',
        amount: amount - refunded,
        charge,
        created: state.now(),
        currency: payment.currency,
        intended_submission_method: null,
        is_charge_refundable: false,
        livemode: false,
        metadata: {},
        payment_intent: intent,
        reason,
        status: 'needs_response',
      }
      state.disputes.set(dispute.id, dispute)
      state.events.emit('charge.dispute.created', dispute, act)
      state.events.emit('charge.dispute.funds_withdrawn', dispute, act)
      return dispute
    },
    closeDispute(id, status, act) {
      const before = got(state.disputes, 'dispute', id)
      if (before.status === 'won' || before.status === 'lost') throw badRequest('This dispute is already closed.')
      const after: Dispute = { ...before, status }
      state.disputes.set(id, after)
      state.events.emit('charge.dispute.closed', after, act)
      if (status === 'won') state.events.emit('charge.dispute.funds_reinstated', after, act)
      return after
    },
  }

  function refund(params: Params, status: 'succeeded' | 'pending', act: Act): Refund {
    const intent = text(params, 'payment_intent') ?? null
    const given = text(params, 'charge') ?? null
    if ((intent === null) === (given === null)) {
      const message = 'You must specify exactly one of these parameters: charge, payment_intent.'
      throw badRequest(message, intent === null ? 'parameter_missing' : 'parameters_exclusive', 'charge')
    }
    const paid = paidBy(state, { payment_intent: intent, charge: given })
    const { amount: whole, amount_refunded: refunded, disputed } = chargeOf(state, paid)
    if (disputed) throw badRequest('This charge has been charged back; cannot issue a refund.', 'charge_disputed')
    if (refunded === whole) {
      throw badRequest(`Charge ${paid.charge} has already been refunded.`, 'charge_already_refunded')
    }
    const amount = integer(params, 'amount') ?? whole - refunded
    if (amount < 1 || amount > whole - refunded) {
      throw badRequest('Refund amount is greater than unrefunded amount on charge', 'amount_too_large', 'amount')
    }
    const made: Refund = {
      id: state.newId('re'),
      object: 'refund',
      amount,
      balance_transaction: null,
      charge: paid.charge,
      created: state.now(),
      currency: paid.payment.currency,
      customer: paid.entry.head.customer,
      customer_account: null,
      metadata: mergeMetadata(params, {}),
      payment_intent: paid.intent,
      payment_method: null,
      reason: choice(params, 'reason', refundReasons) ?? null,
      receipt_number: null,
      source_transfer_reversal: null,
      status,
      transfer_reversal: null,
    }
    state.refunds.set(made.id, made)
    state.events.emit('refund.created', made, act)
    state.events.emit('charge.refunded', chargeOf(state, paid), act)
    return made
  }

  /** Less is to be paid. */
  function creditBefore(entry: InvoiceEntry, amount: number, params: Params, act: Act): CreditNote {
    if (amount > entry.head.amount_remaining) {
      throw badRequest('The credit note amount exceeds the amount remaining on the invoice.', undefined, 'amount')
    }
    const note = keep({ ...noteFor(entry, amount, params), type: 'pre_payment', pre_payment_amount: amount }, act)
    owe(entry, amount, act)
    return note
  }

  /** It was paid: the money goes back by a refund, as credit, or another way. */
  function creditAfter(entry: InvoiceEntry, amount: number, params: Params, act: Act): CreditNote {
    const refunded = integer(params, 'refund_amount') ?? 0
    const credited = integer(params, 'credit_amount') ?? 0
    const outOfBand = integer(params, 'out_of_band_amount') ?? 0
    if (refunded + credited + outOfBand !== amount) {
      const message =
        'The sum of refund_amount, credit_amount and out_of_band_amount must equal the amount of the credit note.'
      throw badRequest(message, undefined, 'amount')
    }
    const refunds =
      refunded === 0
        ? []
        : [
            refund(
              new Map([
                ['amount', String(refunded)],
                ['payment_intent', paymentOf(entry).intent],
              ]),
              'succeeded',
              act,
            ),
          ]
    const { id, customer, post_payment_credit_notes_amount: before } = entry.head
    const note = keep(
      {
        ...noteFor(entry, amount, params),
        type: 'post_payment',
        post_payment_amount: amount,
        out_of_band_amount: outOfBand === 0 ? null : outOfBand,
        refunds: refunds.map(made => ({
          amount_refunded: made.amount,
          payment_record_refund: null,
          refund: made.id,
          type: 'refund',
        })),
      },
      act,
    )
    invoices.change(id, { post_payment_credit_notes_amount: before + amount }, act)
    if (credited !== 0 && typeof customer === 'string') {
      customers.change(customer, { balance: state.customer(customer).balance - credited }, act)
    }
    return note
  }

  function owe({ head }: InvoiceEntry, less: number, act: Act): void {
    const patch = {
      amount_due: head.amount_due - less,
      amount_remaining: head.amount_remaining - less,
      pre_payment_credit_notes_amount: head.pre_payment_credit_notes_amount + less,
    }
    invoices.change(head.id, patch, act)
  }

  function keep(note: CreditNote, act: Act): CreditNote {
    state.creditNotes.set(note.id, note)
    state.events.emit('credit_note.created', note, act)
    return note
  }

  function noteFor({ head }: InvoiceEntry, amount: number, params: Params): CreditNote {
    const of = [...state.creditNotes.values()].filter(note => note.invoice === head.id).length
    return {
      id: state.newId('cn'),
      object: 'credit_note',
      amount,
      amount_shipping: 0,
      created: state.now(),
      currency: head.currency,
      customer: head.customer ?? '',
      customer_account: null,
      customer_balance_transaction: null,
      discount_amount: 0,
      discount_amounts: [],
      effective_at: state.now(),
      invoice: head.id,
      livemode: false,
      memo: text(params, 'memo') ?? null,
      metadata: mergeMetadata(params, {}),
      number: `${head.number ?? head.id}-CN-${String(of + 1).padStart(2, '0')}`,
      out_of_band_amount: null,
      pdf: `https://pay.stripe.com/credit_notes/acct_sim/${head.id}/pdf`,
      post_payment_amount: 0,
      pre_payment_amount: 0,
      pretax_credit_amounts: [],
      reason: choice(params, 'reason', creditReasons) ?? null,
      refunds: [],
      shipping_cost: null,
      status: 'issued',
      subtotal: amount,
      subtotal_excluding_tax: amount,
      total: amount,
      total_excluding_tax: amount,
      total_taxes: [],
      type: 'pre_payment',
      voided_at: null,
    }
  }

  function paymentOf({ payments }: InvoiceEntry): CardPayment {
    const intent = payments.find(({ status }) => status === 'paid')?.payment.payment_intent
    if (typeof intent === 'string') return paidBy(state, { payment_intent: intent, charge: null })
    throw badRequest('This invoice was not paid by card.', undefined, 'invoice')
  }
}
