import { missing } from './errors.ts'
import { newestFirst, pageOf, paging } from './list.ts'
import { choice, nested, refuseUnknown, text } from './params.ts'
import { cardPayments, chargeOf, paymentIntentOf, type CardPayment } from './payments.ts'
import { creditNoteFields, refundFields, type Returns } from './returns.ts'
import { got, type StripeState } from './state.ts'
import type { Params } from './params.ts'
import type { StripeRoute } from './routes.ts'

/** Payments and what went back of them. Source: Stripe API reference. */
export function returnRoutes(state: StripeState, returns: Returns): readonly StripeRoute[] {
  return [
    {
      method: 'GET',
      path: '/v1/invoice_payments',
      known: [...paging, 'invoice', 'payment', 'status'],
      handle({ url, params }) {
        const invoice = text(params, 'invoice')
        if (typeof invoice === 'string') state.invoice(invoice, 'invoice')
        const intent = intentIn(params)
        const status = choice(params, 'status', ['open', 'paid', 'canceled'])
        const rows = [...state.invoices.values()].flatMap(({ payments }) => payments).reverse()
        return pageOf(rows, {
          params,
          url,
          kind: 'invoice payment',
          view: row => row,
          matches: row =>
            (typeof invoice !== 'string' || row.invoice === invoice) &&
            (intent === null || row.payment.payment_intent === intent) &&
            (status === undefined || row.status === status),
        })
      },
    },
    get('/v1/invoice_payments/:id', id => {
      const found = [...state.invoices.values()].flatMap(({ payments }) => payments).find(payment => payment.id === id)
      if (found === undefined) throw missing('invoice payment', id)
      return found
    }),
    get('/v1/payment_intents/:id', id =>
      paymentIntentOf(
        state,
        found('payment_intent', id, ({ intent }) => intent),
      ),
    ),
    get('/v1/charges/:id', id => {
      const one = found('charge', id, ({ charge }) => charge)
      if (one.payment.status !== 'paid') throw missing('charge', id)
      return chargeOf(state, one)
    }),
    list('/v1/refunds', 'refund', ['charge', 'payment_intent'], () => newestFirst(state.refunds)),
    get('/v1/refunds/:id', id => got(state.refunds, 'refund', id)),
    {
      method: 'POST',
      path: '/v1/refunds',
      known: refundFields,
      handle: ({ params, act }) => returns.refund(params, act),
    },
    list('/v1/disputes', 'dispute', ['charge', 'payment_intent'], () => newestFirst(state.disputes)),
    get('/v1/disputes/:id', id => got(state.disputes, 'dispute', id)),
    {
      method: 'POST',
      path: '/v1/disputes/:id/close',
      known: [],
      // Without evidence it is lost.
      handle: ({ id, act }) => returns.closeDispute(id, 'lost', act),
    },
    list('/v1/credit_notes', 'credit note', ['customer', 'invoice'], () => newestFirst(state.creditNotes)),
    get('/v1/credit_notes/:id', id => got(state.creditNotes, 'credit note', id)),
    {
      method: 'POST',
      path: '/v1/credit_notes',
      known: creditNoteFields,
      handle: ({ params, act }) => returns.credit(params, act),
    },
    {
      method: 'POST',
      path: '/v1/credit_notes/:id/void',
      known: [],
      handle: ({ id, act }) => returns.voidCredit(id, act),
    },
  ]

  function found(kind: string, id: string, idOf: (payment: CardPayment) => string): CardPayment {
    const one = cardPayments(state).find(payment => idOf(payment) === id)
    if (one === undefined) throw missing(kind, id)
    return one
  }
}

/** `payment[type]=payment_intent&payment[payment_intent]=pi_1`. Source: the SDK's types, `InvoicePaymentListParams.Payment`. */
function intentIn(params: Params): string | null {
  const given = nested(params, 'payment')
  if (given === undefined || given === null) return null
  refuseUnknown(given, ['payment_intent', 'payment_record', 'type'])
  choice(given, 'type', ['payment_intent', 'payment_record'])
  return text(given, 'payment_intent') ?? null
}

function get(path: string, handle: (id: string) => object): StripeRoute {
  return { method: 'GET', path, known: [], handle: ({ id }) => handle(id) }
}

/** Filtered by what each row names. */
function list(
  path: string,
  kind: string,
  filters: readonly string[],
  rows: () => readonly { readonly id: string }[],
): StripeRoute {
  return {
    method: 'GET',
    path,
    known: [...paging, ...filters],
    handle({ url, params }) {
      const wanted = filters.flatMap(name => {
        const value = text(params, name)
        return typeof value === 'string' ? [{ name, value }] : []
      })
      const matches = (row: object): boolean => {
        const fields = new Map<string, unknown>(Object.entries(row))
        return wanted.every(({ name, value }) => fields.get(name) === value)
      }
      return pageOf(rows(), { params, url, kind, matches, view: row => row })
    },
  }
}
