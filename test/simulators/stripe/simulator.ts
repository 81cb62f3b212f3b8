import { seedBusiness } from '../core/business.ts'
import { createFaults } from '../core/faults.ts'
import { concurrencyGate, slidingWindow } from '../core/limits.ts'
import { serve } from '../core/server.ts'
import { createCatalogue } from './catalogue.ts'
import { createCustomers } from './customers.ts'
import { createDeliveries, webhookHeaders } from './deliveries.ts'
import { createEndpoints } from './endpoints.ts'
import { StripeError, badRequest, broken, errorBody, rateLimited, unauthorized } from './errors.ts'
import { apiVersion } from './events.ts'
import { addExamples } from './examples.ts'
import { expanded } from './expand.ts'
import { createIdempotency } from './idempotency.ts'
import { createInvoices } from './invoices.ts'
import { createItem } from './items.ts'
import { paramsOf, readForm, refuseUnknown, texts } from './params.ts'
import { invoiceView, isLive } from './records.ts'
import { createReturns } from './returns.ts'
import { stripeRoutes } from './routes.ts'
import { seedFrom } from './seed.ts'
import { createState, wants } from './state.ts'
import type Stripe from 'stripe'
import type { Business } from '../core/business.ts'
import type { Sent } from '../core/deliver.ts'
import type { Faults } from '../core/faults.ts'
import type { RequestLog, SimulatorAnswer, SimulatorRequest } from '../core/server.ts'
import type { Act, StripeEvent } from './events.ts'
import type { Params } from './params.ts'
import type {
  CreditNote,
  Customer,
  Decline,
  DeletedCustomer,
  Dispute,
  EventPayload,
  Invoice,
  Price,
  Product,
  Refund,
  Terms,
} from './records.ts'
import type { StripeRoute } from './routes.ts'
import type { Seed } from './state.ts'

export interface StripeOptions {
  /** 0 for any free one. */
  readonly port?: number
  readonly business?: Business
  /** What an earlier one held, instead of a business. */
  readonly seed?: Seed
  readonly clock?: () => Date
  /** The key that is let in. */
  readonly secretKey?: string
  /** Lets in whoever brings no key at all. */
  readonly openDoor?: boolean
  /** An endpoint here is active from the start, for every event. */
  readonly webhookUrl?: string
  /** How that endpoint's events are sent; whole when absent. Endpoints that are registered get them whole. */
  readonly eventPayload?: EventPayload
  /** What that endpoint's events are signed with. */
  readonly webhookSecret?: string
  /** Times the waits between tries of an event. */
  readonly retryScale?: number
  readonly limits?: Partial<StripeLimits>
  /** Adds one of everything that is rare in a business: see `examples.ts`. */
  readonly hasExamples?: boolean
}

/** Source: Stripe documentation, rate limits (sandbox): 25 requests a second; it names no figure for concurrency. */
export interface StripeLimits {
  /** By the clock given: one that stands still never opens a new second. */
  readonly perSecond: number
  readonly concurrent: number
}

/** A line of an invoice to be made: `amount`, `unit_amount_decimal` with `quantity`, or `pricing` with `quantity`. */
export type NewLine = Omit<
  Stripe.InvoiceItemCreateParams,
  'customer' | 'invoice' | 'quantity_decimal' | 'unit_amount_decimal'
> & { readonly quantity_decimal?: Exact; readonly unit_amount_decimal?: Exact }

/** A price to be made. */
export type NewPrice = Omit<Stripe.PriceCreateParams, 'tiers' | 'unit_amount_decimal'> & {
  readonly unit_amount_decimal?: Exact
  readonly tiers?: readonly {
    readonly up_to: number | 'inf'
    readonly unit_amount_decimal?: Exact
    readonly flat_amount?: number
  }[]
}

/** A decimal of the SDK, or its text. */
type Exact = Stripe.Decimal | string

/** Whatever is done with its functions is done as if in the dashboard: events come, their request is null. */
export interface StripeSimulator {
  readonly url: string
  readonly port: number
  readonly secretKey: string
  readonly webhookSecret: string
  readonly faults: Faults
  readonly requests: RequestLog
  readonly webhooks: StripeWebhooks
  invoice(id: string): Invoice | undefined
  customer(id: string): Customer | DeletedCustomer | undefined
  createCustomer(params?: Stripe.CustomerCreateParams): Customer
  updateCustomer(id: string, params: Stripe.CustomerUpdateParams): Customer
  deleteCustomer(id: string): void
  /** A draft. */
  createInvoice(params: Stripe.InvoiceCreateParams, lines?: readonly NewLine[]): Invoice
  updateInvoice(id: string, params: Stripe.InvoiceUpdateParams): Invoice
  finalizeInvoice(id: string): Invoice
  /** Out of band, unless told otherwise. */
  payInvoice(id: string, params?: Stripe.InvoicePayParams): Invoice
  voidInvoice(id: string): Invoice
  /** Drafts only. */
  deleteInvoice(id: string): void
  /** Discount and tax of a draft. */
  setTerms(id: string, terms: Terms): Invoice
  /** A card is refused for it. */
  declineInvoice(id: string, decline?: Decline): Invoice
  refund(params: Stripe.RefundCreateParams): Refund
  /** What the bank makes of a refund. */
  settleRefund(id: string, status: 'succeeded' | 'failed' | 'canceled'): Refund
  credit(params: Stripe.CreditNoteCreateParams): CreditNote
  voidCredit(id: string): CreditNote
  /** Of an invoice that was paid by card. */
  dispute(invoice: string, reason?: string): Dispute
  closeDispute(id: string, status: 'won' | 'lost'): Dispute
  createProduct(params: Stripe.ProductCreateParams): Product
  createPrice(params: NewPrice): Price
  /** Another key is let in from now on, and `secretKey` no more; what was done with it, idempotency included, is the account's. */
  rollSecretKey(next: string): void
  /** What it holds; give it to the next one as its seed. */
  snapshot(): Seed
  close(): Promise<void>
}

export interface StripeWebhooks {
  readonly sent: readonly Sent[]
  /** Resolves when nothing is pending or scheduled any more. */
  idle(): Promise<void>
  pause(): void
  resume(): void
  /** What a delivery looks like, for whoever posts it himself. Signed now with `webhookSecret`, unless told otherwise. */
  signed(
    event: string | object,
    options?: { readonly at?: Date; readonly secret?: string },
  ): { readonly headers: Readonly<Record<string, string>>; readonly body: string }
}

const byHand: Act = { requestId: null, idempotencyKey: null }

const declined: Decline = {
  type: 'card_error',
  code: 'card_declined',
  decline_code: 'insufficient_funds',
  message: 'Your card has insufficient funds.',
}

/** A stand-in of Stripe's HTTP API and webhooks in test mode, over a business of its own. */
export async function startStripe(options: StripeOptions = {}): Promise<StripeSimulator> {
  const clock = options.clock ?? (() => new Date())
  const { secretKey = 'sk_test_sim', openDoor = false, webhookSecret = 'whsec_test_secret', retryScale } = options
  const { perSecond = 25, concurrent = 25 } = options.limits ?? {}
  let letIn = secretKey
  const faults = createFaults()
  const deliveries = createDeliveries({
    clock,
    faults,
    retryScale,
    onDelivered: event => state.events.delivered(event.id),
  })
  const state = createState(
    options.seed ?? seedFrom(options.business ?? seedBusiness({ now: clock() })),
    clock,
    dispatch,
  )
  const endpoints = createEndpoints(state, ({ record }) => deliveries.forget(record.id))
  const customers = createCustomers(state)
  const invoices = createInvoices(state, customers)
  const returns = createReturns(state, customers, invoices)
  const catalogue = createCatalogue(state)
  const idempotency = createIdempotency(clock)
  const rate = slidingWindow({ limit: perSecond, windowMs: 1000 }, clock)
  const gate = concurrencyGate(concurrent)

  const served = await serve({
    port: options.port,
    faults,
    routes: stripeRoutes({ state, customers, invoices, endpoints, returns }).map(route => ({
      method: route.method,
      path: route.path,
      handle: (request: SimulatorRequest) => answer(route, request),
    })),
    answers: {
      notFound: ({ method, path }) =>
        refusal(
          new StripeError(
            404,
            `Unrecognized request URL (${method}: ${path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.`,
          ),
        ),
      failed: () => refusal(broken(500)),
      rateLimited: () => refusal(rateLimited('global-rate')),
      broken: status => refusal(broken(status)),
    },
    admit(request) {
      const given = request.headers['authorization']
      if (!(given === undefined && openDoor) && given !== `Bearer ${letIn}` && given !== basic(letIn)) {
        return refusal(unauthorized(given === undefined))
      }
      const leave = gate.enter(secretKey)
      if (leave === null) return refusal(rateLimited('global-concurrency'))
      if (rate.take(secretKey) === 0) return leave
      leave()
      return refusal(rateLimited('global-rate'))
    },
  })
  const simulator: StripeSimulator = {
    url: served.url,
    port: served.port,
    secretKey,
    webhookSecret,
    faults,
    requests: served.requests,
    webhooks: {
      sent: deliveries.sent,
      idle: deliveries.idle,
      pause: deliveries.pause,
      resume: deliveries.resume,
      signed(event, { at = clock(), secret = webhookSecret } = {}) {
        const body = typeof event === 'string' ? event : JSON.stringify(event, null, 2)
        return { headers: webhookHeaders(secret, body, at), body }
      },
    },
    invoice(id) {
      const found = state.invoices.get(id)
      return found === undefined ? undefined : invoiceView(found)
    },
    customer: id => state.customers.get(id),
    createCustomer: (params = {}) => customers.create(paramsOf(params), byHand),
    updateCustomer: (id, params) => customers.update(id, paramsOf(params), byHand),
    deleteCustomer: id => void customers.delete(id, byHand),
    createInvoice(params, lines = []) {
      const { id, customer } = invoices.create(paramsOf(params), byHand)
      for (const line of lines) createItem(state, invoices, paramsOf({ ...line, customer, invoice: id }), byHand)
      return invoiceView(state.invoice(id))
    },
    updateInvoice: (id, params) => invoices.update(id, paramsOf(params), byHand),
    finalizeInvoice: id => invoices.finalize(id, byHand),
    payInvoice: (id, params = { paid_out_of_band: true }) => invoices.pay(id, paramsOf(params), byHand),
    voidInvoice: id => invoices.void(id, byHand),
    deleteInvoice: id => void invoices.delete(id, byHand),
    setTerms: (id, terms) => invoices.setTerms(id, terms, byHand),
    declineInvoice: (id, decline = declined) => invoices.decline(id, decline, byHand),
    refund: params => returns.refund(paramsOf(params), byHand),
    settleRefund: (id, status) => returns.settleRefund(id, status, byHand),
    credit: params => returns.credit(paramsOf(params), byHand),
    voidCredit: id => returns.voidCredit(id, byHand),
    dispute: (invoice, reason = 'product_not_received') => returns.dispute(invoice, reason, byHand),
    closeDispute: (id, status) => returns.closeDispute(id, status, byHand),
    createProduct: params => catalogue.createProduct(paramsOf(params), byHand),
    createPrice: params => catalogue.createPrice(paramsOf(params), byHand),
    rollSecretKey: next => void (letIn = next),
    snapshot: () => ({
      customers: [...state.customers.values()].filter(isLive),
      paymentMethods: [...state.paymentMethods.values()],
      products: [...state.products.values()],
      prices: [...state.prices.values()],
      invoices: [...state.invoices.values()],
      refunds: [...state.refunds.values()],
      creditNotes: [...state.creditNotes.values()],
      disputes: [...state.disputes.values()],
      declines: [...state.declines],
      tiers: [...state.tiers],
    }),
    async close() {
      deliveries.close()
      await served.close()
    },
  }
  // Before there is an endpoint to tell.
  if (options.hasExamples === true) addExamples(simulator)
  if (options.webhookUrl !== undefined) {
    endpoints.plant(options.webhookUrl, webhookSecret, options.eventPayload ?? 'snapshot')
  }
  return simulator

  function dispatch(event: StripeEvent): void {
    for (const endpoint of state.endpoints.values()) {
      if (wants(endpoint, event.type)) deliveries.send(endpoint, event)
    }
  }

  function answer(route: StripeRoute, request: SimulatorRequest): SimulatorAnswer {
    const requestId = state.newId('req')
    const key = route.method === 'POST' ? (request.headers['idempotency-key'] ?? null) : null
    const run = () => perform(route, request, { requestId, idempotencyKey: key })
    try {
      if (key === null) return run()
      return idempotency.run(key, `${request.path} ${request.body.toString('utf8')}`, run)
    } catch (error) {
      return refusal(error, requestId)
    }
  }

  /** A refusal is an answer too: it is what an idempotent request gets again. */
  function perform(route: StripeRoute, request: SimulatorRequest, act: Act): SimulatorAnswer {
    const requestId = act.requestId ?? ''
    const version = request.headers['stripe-version'] ?? apiVersion
    const headers: Record<string, string> = { 'request-id': requestId, 'stripe-version': version }
    if (act.idempotencyKey !== null) headers['idempotency-key'] = act.idempotencyKey
    try {
      const params = readParams(request)
      refuseUnknown(params, route.known)
      const paths = texts(params, 'expand') ?? []
      const handled = route.handle({ id: request.params['id'] ?? '', url: request.path, params, act })
      return { status: 200, headers, body: expanded(state, handled, paths) }
    } catch (error) {
      const refused = refusal(error, requestId)
      return { ...refused, headers: { ...refused.headers, ...headers } }
    }
  }

  function refusal(error: unknown, requestId: string = state.newId('req')): SimulatorAnswer {
    if (!(error instanceof StripeError)) throw error
    const headers = { 'request-id': requestId, 'stripe-version': apiVersion, ...error.headers }
    return { status: error.status, headers, body: errorBody(error, requestId) }
  }
}

function readParams(request: SimulatorRequest): Params {
  if (request.method === 'GET') return readForm(request.query)
  const type = request.headers['content-type'] ?? ''
  if (request.body.length > 0 && !type.startsWith('application/x-www-form-urlencoded')) {
    throw badRequest('Invalid request (check that your POST content type is application/x-www-form-urlencoded).')
  }
  return readForm([...request.query, ...new URLSearchParams(request.body.toString('utf8'))])
}

function basic(secretKey: string): string {
  return `Basic ${Buffer.from(`${secretKey}:`).toString('base64')}`
}
