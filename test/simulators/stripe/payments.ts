import { badRequest, missing } from './errors.ts'
import type { Charge, InvoiceEntry, InvoicePayment, PaymentIntent } from './records.ts'
import type { StripeState } from './state.ts'

/** A payment of an invoice by card, with what was made for it. */
export interface CardPayment {
  readonly entry: InvoiceEntry
  readonly payment: InvoicePayment
  /** Id of the payment intent. */
  readonly intent: string
  /** Id of the charge, which is there once it is paid. */
  readonly charge: string
}

/** All of them, newest first. */
export function cardPayments(state: StripeState): readonly CardPayment[] {
  return [...state.invoices.values()]
    .flatMap(entry =>
      entry.payments.flatMap(payment => {
        const intent = payment.payment.payment_intent
        return typeof intent === 'string' ? [{ entry, payment, intent, charge: `ch_${intent.slice(3)}` }] : []
      }),
    )
    .reverse()
}

/** @throws StripeError when there is none, or when it was not paid */
export function paidBy(
  state: StripeState,
  of: { readonly payment_intent: string | null; readonly charge: string | null },
): CardPayment {
  const found = cardPayments(state).find(({ intent, charge }) => intent === of.payment_intent || charge === of.charge)
  if (found === undefined) {
    throw of.charge === null
      ? missing('payment_intent', of.payment_intent ?? '', 'payment_intent')
      : missing('charge', of.charge, 'charge')
  }
  if (found.payment.status === 'paid') return found
  throw badRequest('This PaymentIntent does not have a successful charge to refund.', 'charge_not_refundable')
}

export function chargeOf(state: StripeState, { entry, payment, intent, charge }: CardPayment): Charge {
  const amount = payment.amount_paid ?? 0
  const refunded = [...state.refunds.values()]
    .filter(refund => refund.charge === charge && refund.status !== 'failed' && refund.status !== 'canceled')
    .reduce((sum, refund) => sum + refund.amount, 0)
  return {
    id: charge,
    object: 'charge',
    amount,
    amount_captured: amount,
    amount_refunded: refunded,
    captured: true,
    created: payment.status_transitions.paid_at ?? payment.created,
    currency: payment.currency,
    customer: entry.head.customer,
    disputed: [...state.disputes.values()].some(dispute => dispute.charge === charge),
    livemode: false,
    metadata: {},
    paid: true,
    payment_intent: intent,
    refunded: refunded === amount,
    status: 'succeeded',
  }
}

export function paymentIntentOf(state: StripeState, { entry, payment, intent, charge }: CardPayment): PaymentIntent {
  const isPaid = payment.status === 'paid'
  return {
    id: intent,
    object: 'payment_intent',
    amount: payment.amount_requested,
    amount_received: payment.amount_paid ?? 0,
    created: payment.created,
    currency: payment.currency,
    customer: entry.head.customer,
    customer_account: null,
    last_payment_error: isPaid ? null : (state.declines.get(intent) ?? null),
    latest_charge: isPaid ? charge : null,
    livemode: false,
    metadata: {},
    status: isPaid ? 'succeeded' : payment.status === 'canceled' ? 'canceled' : 'requires_payment_method',
  }
}
