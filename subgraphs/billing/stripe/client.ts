import type Stripe from 'stripe'
import { decimalOf, isWhole, type Decimal } from '../../../schema/decimal.ts'
import type { CallContext, LimitPool, OperationKind, VendorCalls } from '../../contract.ts'
import { isOfStripe } from './faults.ts'
import { loadSdk } from './sdk.ts'
import { VendorError } from '../../vendor-error.ts'
import type { BillToPatch } from './bill-to.ts'
import type { StripeConfig } from './config.ts'
import { system } from './mapping.ts'
import { isPlainAmount } from './new-lines.ts'
import {
  isAskable,
  isDeleted,
  markField,
  readBelonging,
  readCashBalance,
  readCustomer,
  readInvoice,
  readPage,
  readPaymentIntent,
  readProduct,
  readWebhookEndpoint,
  writtenLine,
} from './records.ts'
import type {
  BelongingRecord,
  CashBalanceRecord,
  CustomerRecord,
  InvoiceRecord,
  Page,
  PaymentIntentRecord,
  ProductRecord,
  WebhookEndpointRecord,
} from './records.ts'

/** The most records Stripe puts on one page. */
export const pageSize = 100

/** Every request names it, so that an upgrade of the account changes no shape. */
const apiVersion = '2026-10-28.endive'

/** Each is one endpoint family with a budget of its own in live mode. */
const families = [
  'charges',
  'credit_notes',
  'customers',
  'disputes',
  'events',
  'invoice_payments',
  'invoiceitems',
  'invoices',
  'payment_intents',
  'payment_methods',
  'prices',
  'products',
  'refunds',
  'search',
  'webhook_endpoints',
] as const

type Family = (typeof families)[number]

/**
 * Stripe's budgets: 100 requests a second in live mode and 25 in a sandbox; 25 a second for one endpoint, 20 for searches.
 * Source: docs.stripe.com/rate-limits. The limit on concurrent requests is not published; 20 stayed clear of it.
 */
export function limitPools({
  isSandbox,
  requestsPerSecond,
}: Pick<StripeConfig, 'isSandbox' | 'requestsPerSecond'>): readonly LimitPool[] {
  const limit = requestsPerSecond ?? (isSandbox ? 25 : 100)
  const account: LimitPool = { name: 'account', limit, windowMs: 1000, concurrency: 20 }
  const ofFamily = (name: Family): number => (name === 'search' ? 20 : 25)
  return [account, ...families.map(name => ({ name, limit: Math.min(limit, ofFamily(name)), windowMs: 1000 }))]
}

/** Where a list goes on: after a record (towards older ones), from an instant on, or both. */
export interface ListStart {
  readonly after?: string
  /** Unix seconds; records created then or before. */
  readonly createdUntil?: number
  /** The most records of the page; `pageSize` when absent. */
  readonly limit?: number
}

export type NewInvoiceItem =
  | { readonly price: string; readonly quantity: Decimal }
  | {
      readonly description: string
      /** In Stripe's unit; see amounts.ts. */
      readonly unitAmount: Decimal
      readonly quantity: Decimal
      /** Lower case. */
      readonly currency: string
    }

export interface NewInvoice {
  readonly customer: string
  /** Lower case. */
  readonly currency: string
  readonly daysUntilDue: number
  readonly memo: string | null
  /** What it is found by when its making was not answered. */
  readonly mark: string
}

/**
 * The endpoints the graph uses, one function each. All throw VendorError. Reads of one record answer null when there is
 * none; lists hold records as they came, to be read one by one. Writes carry an idempotency key: sending one twice does
 * it once.
 */
export type StripeClient = ReturnType<typeof openClient>

/** Sends one request through the SDK. */
type Send = (stripe: Stripe, options: Stripe.RequestOptions) => Promise<unknown>

export function openClient(config: Pick<StripeConfig, 'secretKey' | 'baseUrl'>, calls: VendorCalls) {
  let opened: Promise<Stripe> | null = null
  const open = async (): Promise<Stripe> => {
    const Sdk = await loadSdk()
    return new Sdk(config.secretKey, {
      apiVersion,
      host: config.baseUrl.hostname,
      port:
        config.baseUrl.port === '' ? (config.baseUrl.protocol === 'https:' ? 443 : 80) : Number(config.baseUrl.port),
      protocol: config.baseUrl.protocol === 'https:' ? 'https' : 'http',
      httpClient: withoutSurprises(Sdk.createNodeHttpClient(calls.agent)),
      maxNetworkRetries: 0,
      telemetry: false,
    })
  }

  const ask = async (
    operation: `${Family}.${string}`,
    context: CallContext,
    send: Send,
    idempotencyKey?: string,
  ): Promise<unknown> => {
    const family = operation.slice(0, operation.indexOf('.'))
    const stripe = await (opened ??= open())
    const asked = { name: operation, cost: { account: 1, [family]: 1 }, repeatable: true, kind: kindOf(operation) }
    return calls.call(asked, context, attempt =>
      send(stripe, { timeout: attempt.timeoutMs, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) }),
    )
  }

  const askForOne = async <T extends { readonly id: string }>(
    operation: `${Family}.${string}`,
    context: CallContext,
    id: string,
    read: (value: unknown) => T,
    send: Send,
    isAsked: (record: T) => boolean = record => record.id === id,
  ): Promise<T | null> => {
    if (!isAskable(id)) return null
    try {
      const answer = await ask(operation, context, send)
      if (isDeleted(answer)) return null
      const record = read(answer)
      if (isAsked(record)) return record
    } catch (error) {
      if (error instanceof VendorError && error.kind === 'not-found') return null
      throw error
    }
    throw new VendorError(system, 'unreadable', `${operation} answered with another record than ${id}`)
  }

  const askForPage = async (
    operation: `${Family}.list` | `${Family}.lines` | `search.${Family}`,
    context: CallContext,
    send: Send,
  ): Promise<Page> => readPage(operation, await ask(operation, context, send))

  return {
    /** By the id of a customer, or of the Account that the customer is in API v2. */
    customer: async (id: string, context: CallContext): Promise<CustomerRecord | null> => {
      const read = (expand: string[]): Promise<CustomerRecord | null> =>
        askForOne(
          'customers.retrieve',
          context,
          id,
          readCustomer,
          (stripe, options) => stripe.customers.retrieve(id, { expand }, options),
          customer => customer.id === id || customer.customer_account === id,
        )
      try {
        return await read(['invoice_settings.default_payment_method', 'invoice_credit_balance'])
      } catch (error) {
        // The shell of a deleted customer has nothing to expand, which may be refused instead of answered with it.
        if (error instanceof VendorError && error.kind === 'rejected') return read([])
        throw error
      }
    },

    customers: (start: ListStart, context: CallContext): Promise<Page> =>
      askForPage('customers.list', context, (stripe, options) => stripe.customers.list(listParameters(start), options)),

    /** The filter minds upper and lower case. */
    customersByEmail: async (email: string, context: CallContext): Promise<readonly CustomerRecord[]> => {
      const { items } = await askForPage('customers.list', context, (stripe, options) =>
        stripe.customers.list({ email, limit: pageSize }, options),
      )
      return items.map(readCustomer)
    },

    /**
     * The same in whatever case, as Stripe has indexed it: what changed within the last minute may be missing. None where searches are
     * not offered, as in India. Source: docs.stripe.com/search.
     */
    customersSearchedByEmail: async (email: string, context: CallContext): Promise<readonly CustomerRecord[]> => {
      const query = `email:"${email.replace(/["\\]/g, '\\$&')}"`
      try {
        const { items } = await askForPage('search.customers', context, (stripe, options) =>
          stripe.customers.search({ query, limit: pageSize }, options),
        )
        return items.map(readCustomer)
      } catch (error) {
        const isRefused = error instanceof VendorError && (error.kind === 'rejected' || error.kind === 'not-found')
        if (isRefused && isOfStripe(error)) return []
        throw error
      }
    },

    updateCustomer: async (
      id: string,
      patch: BillToPatch,
      key: string,
      context: CallContext,
    ): Promise<CustomerRecord> =>
      readCustomer(
        await ask(
          'customers.update',
          context,
          (stripe, options) => stripe.customers.update(inAddress(id), { ...patch }, options),
          key,
        ),
      ),

    createCustomer: async (
      { crmId, email }: { readonly crmId: string; readonly email: string | null },
      key: string,
      context: CallContext,
    ): Promise<CustomerRecord> =>
      readCustomer(
        await ask(
          'customers.create',
          context,
          (stripe, options) =>
            stripe.customers.create({ metadata: { crm_id: crmId }, ...(email === null ? {} : { email }) }, options),
          key,
        ),
      ),

    invoice: (id: string, context: CallContext): Promise<InvoiceRecord | null> =>
      askForOne('invoices.retrieve', context, id, readInvoice, (stripe, options) =>
        stripe.invoices.retrieve(id, { expand: ['payments'] }, options),
      ),

    /**
     * Newest first; of one customer when one is given.
     * @param start.withPayments to be read whole; a page of them takes Stripe seconds, so what only lists leaves them out
     */
    invoices: (
      start: ListStart & { readonly customer?: string; readonly withPayments?: boolean },
      context: CallContext,
    ): Promise<Page> =>
      askForPage('invoices.list', context, (stripe, options) =>
        stripe.invoices.list(
          {
            ...listParameters(start),
            ...(start.customer === undefined ? {} : { customer: start.customer }),
            ...(start.withPayments === true ? { expand: ['data.payments'] } : {}),
          },
          options,
        ),
      ),

    lines: (invoiceId: string, after: string | undefined, context: CallContext): Promise<Page> =>
      askForPage('invoices.lines', context, (stripe, options) =>
        stripe.invoices.listLineItems(inAddress(invoiceId), listParameters({ after }), options),
      ),

    createInvoice: async (invoice: NewInvoice, key: string, context: CallContext): Promise<InvoiceRecord> =>
      readInvoice(
        await ask(
          'invoices.create',
          context,
          (stripe, options) =>
            stripe.invoices.create(
              {
                customer: invoice.customer,
                currency: invoice.currency,
                collection_method: 'send_invoice',
                days_until_due: invoice.daysUntilDue,
                auto_advance: false,
                pending_invoice_items_behavior: 'exclude',
                ...(invoice.memo === null ? {} : { description: invoice.memo }),
                metadata: { [markField]: invoice.mark },
                expand: ['payments'],
              },
              options,
            ),
          key,
        ),
      ),

    /** All that were made or tried for an invoice. */
    payments: (invoice: string, after: string | undefined, context: CallContext): Promise<Page> =>
      askForPage('invoice_payments.list', context, (stripe, options) =>
        stripe.invoicePayments.list({ invoice, ...listParameters({ after }) }, options),
      ),

    /** Those that a payment intent paid for: usually one. */
    paymentsBy: (paymentIntent: string, context: CallContext): Promise<Page> =>
      askForPage('invoice_payments.list', context, (stripe, options) =>
        stripe.invoicePayments.list(
          { payment: { type: 'payment_intent', payment_intent: paymentIntent }, limit: pageSize },
          options,
        ),
      ),

    refunds: (of: PaidBy, after: string | undefined, context: CallContext): Promise<Page> =>
      askForPage('refunds.list', context, (stripe, options) =>
        stripe.refunds.list({ ...of, ...listParameters({ after }) }, options),
      ),

    disputes: (of: PaidBy, after: string | undefined, context: CallContext): Promise<Page> =>
      askForPage('disputes.list', context, (stripe, options) =>
        stripe.disputes.list({ ...of, ...listParameters({ after }) }, options),
      ),

    creditNotes: (invoice: string, after: string | undefined, context: CallContext): Promise<Page> =>
      askForPage('credit_notes.list', context, (stripe, options) =>
        stripe.creditNotes.list({ invoice, ...listParameters({ after }) }, options),
      ),

    paymentIntent: (id: string, context: CallContext): Promise<PaymentIntentRecord | null> =>
      askForOne('payment_intents.retrieve', context, id, readPaymentIntent, (stripe, options) =>
        stripe.paymentIntents.retrieve(id, {}, options),
      ),

    cashBalance: async (customer: string, context: CallContext): Promise<CashBalanceRecord | null> => {
      if (!isAskable(customer)) return null
      try {
        return readCashBalance(
          await ask('customers.retrieve', context, (stripe, options) =>
            stripe.customers.retrieveCashBalance(customer, {}, options),
          ),
        )
      } catch (error) {
        if (error instanceof VendorError && error.kind === 'not-found') return null
        throw error
      }
    },

    /** A record of which only is asked which of ours it belongs to. */
    belonging: async (kind: BelongingKind, id: string, context: CallContext): Promise<BelongingRecord | null> => {
      if (!isAskable(id)) return null
      const family = familyOf[kind]
      try {
        const answer = await ask(`${family}.retrieve`, context, (stripe, options) =>
          retrieve(stripe, kind, id, options),
        )
        return isDeleted(answer) ? null : readBelonging(answer)
      } catch (error) {
        if (error instanceof VendorError && error.kind === 'not-found') return null
        throw error
      }
    },

    createInvoiceItem: async (
      customer: string,
      invoice: string,
      item: NewInvoiceItem,
      key: string,
      context: CallContext,
    ): Promise<void> => {
      const { Decimal } = await loadSdk()
      const quantity = quantityOf(item.quantity, Decimal)
      const what: Stripe.InvoiceItemCreateParams =
        'price' in item
          ? { pricing: { price: item.price }, ...quantity }
          : {
              description: item.description,
              unit_amount_decimal: Decimal.from(item.unitAmount),
              currency: item.currency,
              ...quantity,
              metadata: writtenLine,
            }
      await ask(
        'invoiceitems.create',
        context,
        (stripe, options) => stripe.invoiceItems.create({ customer, invoice, ...what }, options),
        key,
      )
    },

    /** Adds several lines to a draft at once, in their order, or none of them. */
    addLines: async (
      invoice: string,
      items: readonly NewInvoiceItem[],
      key: string,
      context: CallContext,
    ): Promise<AddedLines> => {
      const { Decimal, errors } = await loadSdk()
      const lines = items.map(item => lineOf(item, Decimal))
      try {
        await ask(
          'invoices.addLines',
          context,
          (stripe, options) => stripe.invoices.addLines(inAddress(invoice), { lines }, options),
          key,
        )
        return 'added'
      } catch (error) {
        if (!(error instanceof VendorError) || !isOfStripe(error)) throw error
        const makesPrices = lines.some(({ price_data: made }) => made !== undefined)
        if (makesPrices && error.cause instanceof errors.StripePermissionError) return 'not-permitted'
        // Another refusal, such as a key that was used for something else, says nothing of what was added.
        const isRefused =
          (error.kind === 'rejected' || error.kind === 'not-found') &&
          error.cause instanceof errors.StripeInvalidRequestError
        if (isRefused) return 'refused'
        throw error
      }
    },

    /** Only drafts can be deleted. */
    deleteInvoice: async (id: string, context: CallContext): Promise<void> => {
      await ask('invoices.delete', context, (stripe, options) => stripe.invoices.del(inAddress(id), {}, options))
    },

    finalizeInvoice: async (id: string, key: string, context: CallContext): Promise<InvoiceRecord> =>
      readInvoice(
        await ask(
          'invoices.finalize',
          context,
          (stripe, options) =>
            stripe.invoices.finalizeInvoice(inAddress(id), { auto_advance: false, expand: ['payments'] }, options),
          key,
        ),
      ),

    voidInvoice: async (id: string, key: string, context: CallContext): Promise<InvoiceRecord> =>
      readInvoice(
        await ask(
          'invoices.void',
          context,
          (stripe, options) => stripe.invoices.voidInvoice(inAddress(id), { expand: ['payments'] }, options),
          key,
        ),
      ),

    markInvoicePaid: async (id: string, key: string, context: CallContext): Promise<InvoiceRecord> =>
      readInvoice(
        await ask(
          'invoices.pay',
          context,
          (stripe, options) =>
            stripe.invoices.pay(inAddress(id), { paid_out_of_band: true, expand: ['payments'] }, options),
          key,
        ),
      ),

    /** The only kind with a list of ids as a filter; at most `pageSize` ids. */
    productsByIds: (ids: readonly string[], context: CallContext): Promise<Page> =>
      askForPage('products.list', context, (stripe, options) =>
        stripe.products.list({ ids: [...ids], limit: pageSize }, options),
      ),

    products: (start: ListStart, context: CallContext): Promise<Page> =>
      askForPage('products.list', context, (stripe, options) => stripe.products.list(listParameters(start), options)),

    product: (id: string, context: CallContext): Promise<ProductRecord | null> =>
      askForOne('products.retrieve', context, id, readProduct, (stripe, options) =>
        stripe.products.retrieve(id, {}, options),
      ),

    prices: (product: string, after: string | undefined, context: CallContext): Promise<Page> =>
      askForPage('prices.list', context, (stripe, options) =>
        stripe.prices.list({ product, ...listParameters({ after }) }, options),
      ),

    /** Of the last 30 days, newest first; those of an instant or later. @param start.since in Unix seconds */
    events: (
      start: { readonly since?: number; readonly after?: string; readonly limit?: number },
      context: CallContext,
    ): Promise<Page> =>
      askForPage('events.list', context, (stripe, options) =>
        stripe.events.list(
          {
            limit: start.limit ?? pageSize,
            ...(start.after === undefined ? {} : { starting_after: start.after }),
            ...(start.since === undefined ? {} : { created: { gte: start.since } }),
          },
          options,
        ),
      ),

    /** Shows whether the key is let in there: a list of one record, or a change of one that does not exist. */
    attempt: async (method: 'GET' | 'POST', path: string, context: CallContext): Promise<void> => {
      const stripe = await (opened ??= open())
      await calls.call(
        { name: 'permissions.attempt', cost: { account: 1 }, repeatable: true, kind: 'look-up' },
        context,
        ({ timeoutMs }) =>
          stripe.rawRequest(method, method === 'GET' ? `${path}?limit=1` : path, {}, { timeout: timeoutMs }),
      )
    },

    /** As it came; null once Stripe has forgotten it. */
    event: async (id: string, context: CallContext): Promise<unknown> => {
      if (!isAskable(id)) return null
      try {
        return await ask('events.retrieve', context, (stripe, options) => stripe.events.retrieve(id, {}, options))
      } catch (error) {
        if (error instanceof VendorError && error.kind === 'not-found') return null
        throw error
      }
    },

    webhookEndpoints: (context: CallContext): Promise<Page> =>
      askForPage('webhook_endpoints.list', context, (stripe, options) =>
        stripe.webhookEndpoints.list({ limit: pageSize }, options),
      ),

    createWebhookEndpoint: async (
      url: string,
      events: readonly Stripe.WebhookEndpointCreateParams.EnabledEvent[],
      key: string,
      context: CallContext,
    ): Promise<WebhookEndpointRecord> =>
      readWebhookEndpoint(
        await ask(
          'webhook_endpoints.create',
          context,
          (stripe, options) =>
            stripe.webhookEndpoints.create({ url, enabled_events: [...events], api_version: apiVersion }, options),
          key,
        ),
      ),
  }
}

/**
 * What adding several lines came to. Refused: too many, or one of them is wrong. Not permitted: the key may not make the products and
 * prices that lines with a quantity need.
 */
export type AddedLines = 'added' | 'refused' | 'not-permitted'

/** What a payment was made with. */
export type PaidBy = { readonly payment_intent: string } | { readonly charge: string }

/** Kinds of records that belong to one of ours and say so. */
export const belongingKinds = [
  'charge',
  'credit_note',
  'dispute',
  'invoice_payment',
  'invoiceitem',
  'payment_method',
  'price',
  'refund',
] as const

export type BelongingKind = (typeof belongingKinds)[number]

const familyOf: Readonly<Record<BelongingKind, Family>> = {
  charge: 'charges',
  credit_note: 'credit_notes',
  dispute: 'disputes',
  invoice_payment: 'invoice_payments',
  invoiceitem: 'invoiceitems',
  payment_method: 'payment_methods',
  price: 'prices',
  refund: 'refunds',
}

function retrieve(stripe: Stripe, kind: BelongingKind, id: string, options: Stripe.RequestOptions): Promise<unknown> {
  switch (kind) {
    case 'charge':
      return stripe.charges.retrieve(id, {}, options)
    case 'credit_note':
      return stripe.creditNotes.retrieve(id, {}, options)
    case 'dispute':
      return stripe.disputes.retrieve(id, {}, options)
    case 'invoice_payment':
      return stripe.invoicePayments.retrieve(id, {}, options)
    case 'invoiceitem':
      return stripe.invoiceItems.retrieve(id, {}, options)
    case 'payment_method':
      return stripe.paymentMethods.retrieve(id, {}, options)
    case 'price':
      return stripe.prices.retrieve(id, {}, options)
    case 'refund':
      return stripe.refunds.retrieve(id, {}, options)
  }
}

/**
 * A line as `add_lines` takes it. A written line with a quantity needs a price and a product, which Stripe makes with it and nobody
 * can use again. Source: the SDK's types, `InvoiceAddLinesParams.Line`.
 */
function lineOf(item: NewInvoiceItem, Decimal: typeof Stripe.Decimal): Stripe.InvoiceAddLinesParams.Line {
  if ('price' in item) return { pricing: { price: item.price }, ...quantityOf(item.quantity, Decimal) }
  const { description, unitAmount, currency } = item
  const written = { description, metadata: writtenLine }
  if (isPlainAmount(item)) return { ...written, amount: Number(unitAmount) }
  return {
    ...written,
    price_data: {
      currency,
      product_data: { name: description, metadata: writtenLine },
      unit_amount_decimal: Decimal.from(unitAmount),
    },
    ...quantityOf(item.quantity, Decimal),
  }
}

/** As a whole number where it is one: accounts of older versions know no other. */
function quantityOf(
  quantity: Decimal,
  { from }: Pick<typeof Stripe.Decimal, 'from'>,
): { readonly quantity: number } | { readonly quantity_decimal: Stripe.Decimal } {
  return isWhole(quantity) ? { quantity: Number(quantity) } : { quantity_decimal: from(quantity) }
}

function kindOf(operation: string): OperationKind {
  if (/\.(list|lines)$/.test(operation)) return 'list'
  if (operation.startsWith('search.')) return 'look-up'
  return operation.endsWith('.retrieve') ? 'look-up' : 'write'
}

/** What a write or a list is about. @throws VendorError `not-found` for what cannot stand in an address */
function inAddress(id: string): string {
  if (isAskable(id)) return id
  throw new VendorError(system, 'not-found', 'expected the id of a record')
}

function listParameters({ after, createdUntil, limit = pageSize }: ListStart): {
  limit: number
  starting_after?: string
  created?: { lte: number }
} {
  return {
    limit,
    ...(after === undefined ? {} : { starting_after: after }),
    ...(createdUntil === undefined ? {} : { created: { lte: createdUntil } }),
  }
}

/**
 * Undoes three things that the SDK does with answers.
 * - It sends a request again when its connection was closed, even with retries off, past all pacing. It knows the case by the
 *   error's code, so the error is wrapped. Source: stripe-node, `RequestSender._shouldRetry`.
 * - It throws a whole page away when one text that should be a decimal number is none. Such a text is handed on as something else,
 *   which costs its field. Source: stripe-node, `coerceV2ResponseData`.
 * - It drops the status of an answer that is no JSON, and takes one without `error` for a success. What stands before Stripe answers
 *   that way in an outage. Source: stripe-node, `RequestSender._jsonResponseHandler`.
 */
function withoutSurprises(client: Stripe.HttpClient): Stripe.HttpClient {
  return {
    getClientName: () => client.getClientName(),
    makeRequest: async (...request) => {
      try {
        const response = await client.makeRequest(...request)
        return {
          getStatusCode: () => response.getStatusCode(),
          getHeaders: () => response.getHeaders(),
          getRawResponse: () => response.getRawResponse(),
          toStream: onEnd => response.toStream(onEnd),
          toJSON: async () => {
            const answer = await jsonOf(response)
            return typeof answer === 'object' && answer !== null ? withoutBrokenDecimals(answer) : answer
          },
        }
      } catch (error) {
        if (error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) {
          throw new Error('the connection was closed', { cause: error })
        }
        throw error
      }
    },
  }
}

/** A fault without Stripe's words for it becomes one that has the status alone. */
async function jsonOf(response: Stripe.HttpClientResponse): Promise<unknown> {
  const isFault = response.getStatusCode() >= 400
  let answer: unknown
  try {
    answer = await response.toJSON()
  } catch (error) {
    // Anything else befell the connection.
    if (!isFault || !(error instanceof SyntaxError)) throw error
  }
  if (!isFault || namesFault(answer)) return answer
  // The address may not be Stripe's API, which is not to say that a record does not exist.
  if (response.getStatusCode() === 404) throw new SyntaxError('expected the error as JSON')
  return { error: {} }
}

function namesFault(answer: unknown): boolean {
  return (
    typeof answer === 'object' &&
    answer !== null &&
    'error' in answer &&
    typeof answer.error === 'object' &&
    answer.error !== null
  )
}

/** In place: an answer has no other reader yet. */
function withoutBrokenDecimals(answer: object): object {
  for (const [name, value] of Object.entries<unknown>({ ...answer })) {
    if (typeof value === 'object' && value !== null) withoutBrokenDecimals(value)
    else if (typeof value === 'string' && name.endsWith('_decimal') && decimalOf(value) === null) {
      Object.assign(answer, { [name]: { notDecimal: true } })
    }
  }
  return answer
}
