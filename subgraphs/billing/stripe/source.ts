import type {
  GraphContext,
  ImportPage,
  Importer,
  Log,
  ObservedRecord,
  Records,
  CallContext,
  Written,
} from '../../contract.ts'
import { added, type Decimal } from '../../../schema/decimal.ts'
import { moneyOf, type Money } from '../../../schema/values.ts'
import type { RecordRef } from '../../../schema/systems.ts'
import { openPageSize } from '../../page-size.ts'
import { VendorError } from '../../vendor-error.ts'
import { wireOf } from './amounts.ts'
import { mustBeChecked, refuseUnbillable, refuseUnbillableDraft } from './billable.ts'
import { openBillingRecords } from './billing-record.ts'
import { isUnderstood, mapField, NotUnderstood, understood, type Field } from '../../lenient.ts'
import { oncePerRecord } from '../../once-per-record.ts'
import type {
  BillingSource,
  NewOrderLine,
  OrderLineFields,
  OrderReturns,
  PaymentFailureFields,
  PriceFields,
} from '../source.ts'
import { pageSize, type ListStart, type NewInvoiceItem, type StripeClient } from './client.ts'
import {
  addressee,
  balancesOf,
  customerIdOf,
  finalizedFields,
  lineOf,
  observedCustomer,
  observedInvoice,
  observedProduct,
  orderOf,
  paymentMethodOf,
  paymentsOf,
  priceOf,
  productOf,
  recordRef,
  standingOf,
  system,
  text,
} from './mapping.ts'
import type { StripeKind } from './mapping.ts'
import type { StripeRecords } from './readers.ts'
import { stepNames } from './unfinished.ts'
import { hasFurther, productsOf, type InvoiceLines } from './lines.ts'
import { elementBy, embedded, readAll } from './pages.ts'
import { idOf, isWritten, readCustomer, readInvoice, readPayment, readPrice, readProduct } from './records.ts'
import type {
  CashBalanceRecord,
  InvoiceRecord,
  Page,
  PaymentIntentRecord,
  PaymentRecord,
  ProductRecord,
} from './records.ts'
import { readReturns } from './returns.ts'
import { addLines, chooseWay } from './new-lines.ts'

const orderFields = [
  'number',
  'status',
  'lines',
  'subtotal',
  'discount',
  'shipping',
  'tax',
  'includedTax',
  'total',
  'amountDue',
  'amountPaid',
  'amountRemaining',
  'memo',
  'createdAt',
  'finalizedAt',
  'dueAt',
  'paidAt',
  'payments',
  'collection',
  'hostedUrl',
  'pdfUrl',
  'customer',
  'billTo',
] as const

/** What each write changes. */
const writtenFields = {
  create: orderFields,
  finalize: finalizedFields,
  void: ['status', 'payments'],
  markPaid: ['status', 'paidAt', 'amountPaid', 'amountRemaining', 'payments'],
} as const

export interface StripeSourcePorts {
  readonly client: StripeClient
  readonly records: Records<StripeRecords>
  readonly lines: InvoiceLines
  /** Stands before every idempotency key; see index.ts. */
  readonly writeMark: string
}

/** Stripe in the role `billing`: an order is an invoice, a product a product, a billing record a customer. */
export function openStripeSource({ client, records, lines, writeMark }: StripeSourcePorts): BillingSource {
  // What belongs to a record but is read apart lives as long as the record's cached value: one eviction ends both.
  const linesOf = new WeakMap<InvoiceRecord, readonly (OrderLineFields | NotUnderstood)[]>()
  const paymentRecordsOf = new WeakMap<InvoiceRecord, Payments | null>()
  const returnsOf = new WeakMap<InvoiceRecord, OrderReturns>()
  const failureOf = new WeakMap<InvoiceRecord, Field<PaymentFailureFields>>()
  const orderFields = oncePerRecord(orderOf)
  const pricesOf = new WeakMap<ProductRecord, readonly (PriceFields | NotUnderstood)[]>()

  const paymentsOfInvoice = (invoice: InvoiceRecord, call: CallContext): Promise<Payments | null> =>
    keptWith(paymentRecordsOf, invoice, async () => {
      const held = embedded(invoice.payments)
      if (held !== null) return held
      try {
        return await readAll(after => client.payments(invoice.id, after, call), elementBy(readPayment))
      } catch (error) {
        if (error instanceof VendorError && error.kind === 'not-found') return null
        throw error
      }
    })

  const keyOf = (key: string): string => `${writeMark}-${key}`

  const billingRecord = openBillingRecords({ client, writeMark })

  return {
    system,

    async order(wanted, context) {
      const invoice = await records.load('invoice', wanted, context)
      return invoice === null ? null : orderFields(invoice)
    },

    async lines(orderId, context) {
      const invoice = await records.load('invoice', { id: orderId }, context)
      if (invoice === null) return []
      return keptWith(linesOf, invoice, async () => {
        const all = await lines.read(invoice, context.call)
        return all.map(line => (line instanceof NotUnderstood ? line : lineOf(line, invoice.currency)))
      })
    },

    async payments(orderId, context) {
      const invoice = await records.load('invoice', { id: orderId }, context)
      const payments = invoice === null ? null : await paymentsOfInvoice(invoice, context.call)
      return payments === null ? null : paymentsOf(payments)
    },

    async returns(orderId, context) {
      const invoice = await records.load('invoice', { id: orderId }, context)
      if (invoice === null) return null
      return keptWith(returnsOf, invoice, async () => {
        // Of what was never paid nothing goes back.
        const isPaid = invoice.amount_paid !== 0 || invoice.post_payment_credit_notes_amount !== 0
        const payments = isPaid ? await paymentsOfInvoice(invoice, context.call) : []
        return readReturns(client, invoice, payments ?? [], context.call)
      })
    },

    async lastFailure(orderId, context) {
      const invoice = await records.load('invoice', { id: orderId }, context)
      if (invoice === null) return null
      return keptWith(failureOf, invoice, async () => {
        const { last_finalization_error: unfinished, attempted } = invoice
        if (unfinished !== null) {
          return mapField<Unfinished, PaymentFailureFields>(unfinished, ({ code, message }) => ({
            code: text(code),
            declineCode: null,
            message: text(message),
          }))
        }
        if (attempted !== true) return null
        const payments = (await paymentsOfInvoice(invoice, context.call)) ?? []
        const open = payments.find(payment => !(payment instanceof NotUnderstood) && payment.status === 'open')
        if (open === undefined || open instanceof NotUnderstood) return null
        const intent = mapField(open.payment, ({ payment_intent }) => payment_intent)
        if (intent === null || !isUnderstood(intent)) return intent
        const failed = await client.paymentIntent(intent, context.call)
        return mapField<LastError, PaymentFailureFields>(failed?.last_payment_error ?? null, error => ({
          code: text(error.code),
          declineCode: text(error.decline_code),
          message: text(error.message),
        }))
      })
    },

    async product(id, context) {
      const product = await records.load('product', { id }, context)
      return product === null || isWritten(product) ? null : productOf(product)
    },

    async prices(productId, context) {
      const product = await records.load('product', { id: productId }, context)
      if (product === null) return []
      return keptWith(pricesOf, product, async () => {
        const all = await readAll(after => client.prices(product.id, after, context.call), elementBy(readPrice))
        return all.map(price => (price instanceof NotUnderstood ? price : priceOf(price)))
      })
    },

    async standing(refs, context) {
      const customers = await Promise.all(refs.map(({ id }) => records.load('customer', { id }, context)))
      const all = customers.flatMap(customer => (customer === null ? [] : standingOf(customer)))
      const known = all.filter(one => isUnderstood(one)).filter(one => one !== null)
      return {
        credits: summed(known.filter(({ amount }) => amount > 0)),
        // Each billing record is charged on its own: what one has to its credit does not pay what another one owes.
        debits: summed(known.filter(({ amount }) => amount < 0)).map(debitOf),
        fault: all.find(one => one instanceof NotUnderstood) ?? null,
      }
    },

    async cash(refs, context) {
      const balances = await Promise.all(refs.map(({ id }) => client.cashBalance(id, context.call)))
      const amounts = balances.flatMap(balance => (balance === null ? [] : cashOf(balance)))
      const wrong = amounts.find(one => one instanceof NotUnderstood)
      if (wrong !== undefined) throw wrong
      return summed(amounts.filter(one => isUnderstood(one)).filter(one => one !== null))
    },

    async paymentMethod(record, context) {
      const customer = await records.load('customer', { id: record.id }, context)
      return mapField(customer?.invoice_settings ?? null, ({ default_payment_method: method }) =>
        // An id alone: it was not expanded, for it is gone.
        mapField(method, one => (typeof one === 'string' ? null : paymentMethodOf(one))),
      )
    },

    async create(order, context, steps) {
      refuseUnbillable(order)
      const key = keyOf(steps.key)
      const isRepeated = steps.sentAt(stepNames.invoice) !== null
      const { id: customer, written: ofCustomer } = await billingRecord(order.customerId, context, steps)
      const currency = order.currency.toLowerCase()
      const { daysUntilDue, memo } = order
      const begun = { customer, currency, daysUntilDue, memo, mark: steps.key }
      const way = await chooseWay(steps, order.lines.length)
      const id = await steps.step(stepNames.invoice, steps.key, {
        send: async () => (await client.createInvoice(begun, `${key}-invoice`, context.call)).id,
      })
      const items = order.lines.map(line => invoiceItemOf(line, currency))
      await addLines({ client, customer, invoice: id, key, steps, call: context.call }, items, way)
      if (mustBeChecked(order)) {
        const draft = await client.invoice(id, context.call)
        if (draft?.status === 'draft') refuseUnbillableDraft(draft)
      }
      const finalized = order.finalize ? await client.finalizeInvoice(id, `${key}-finalize`, context.call) : null
      // What a key is answered with again is as the invoice was then.
      const invoice = finalized === null || isRepeated ? await client.invoice(id, context.call) : finalized
      if (invoice === null) throw new VendorError(system, 'not-found', `invoice ${id} vanished while it was made`)
      return [written('CREATED', invoice, writtenFields.create), ...ofCustomer]
    },

    async finalize(id, context, steps) {
      const invoice = await client.finalizeInvoice(id, `${keyOf(steps.key)}-finalize`, context.call)
      return [written('UPDATED', invoice, writtenFields.finalize)]
    },

    async void(id, context, steps) {
      const invoice = await client.voidInvoice(id, `${keyOf(steps.key)}-void`, context.call)
      return [written('UPDATED', invoice, writtenFields.void)]
    },

    async markPaid(id, context, steps) {
      const invoice = await client.markInvoicePaid(id, `${keyOf(steps.key)}-pay`, context.call)
      return [written('UPDATED', invoice, writtenFields.markPaid)]
    },
  }
}

/** What the index keeps of a record as it is now; null when it does not exist or is of a kind the graph has not. */
export async function observe(
  { records, lines }: Pick<StripeSourcePorts, 'records' | 'lines'>,
  { kind, id }: RecordRef,
  context: GraphContext,
): Promise<ObservedRecord | null> {
  if (kind === 'customer') {
    const customer = await records.load('customer', { id }, context)
    return customer === null ? null : observedCustomer(customer)
  }
  if (kind === 'invoice') {
    const invoice = await records.load('invoice', { id }, context)
    if (invoice === null) return null
    const [customer, all] = await Promise.all([
      billingRecordOf(records, invoice, context),
      lines.readForIndex(invoice, context.call),
    ])
    return observedInvoice(invoice, customer, all === null ? null : productsOf(all))
  }
  if (kind !== 'product') return null
  const product = await records.load('product', { id }, context)
  return product === null || isWritten(product) ? null : observedProduct(product)
}

/** An Account of API v2 stands for a customer, whose id the account's own address gives. */
async function billingRecordOf(
  records: Records<StripeRecords>,
  invoice: InvoiceRecord,
  context: GraphContext,
): Promise<string | null> {
  const id = customerIdOf(invoice)
  if (id === null || invoice.customer !== null) return id
  return (await records.load('customer', { id }, context))?.id ?? id
}

/** What a product or customer is called where an order shows it, read through the cache; null when it does not exist (any more). */
export async function nameOf(
  records: Records<StripeRecords>,
  { kind, id }: RecordRef,
  context: GraphContext,
): Promise<string | null> {
  if (kind === 'customer') {
    const customer = await records.load('customer', { id }, context)
    return customer === null ? null : addressee(customer)
  }
  if (kind !== 'product') return null
  const product = await records.load('product', { id }, context)
  return product === null ? null : (understood(product.name) ?? '')
}

/** Customers first: invoices belong to them. */
export function stripeImporters(
  { client, lines }: Pick<StripeSourcePorts, 'client' | 'lines'>,
  log: Log,
): readonly Importer[] {
  const billingRecords = new Map<string, Promise<string>>()
  const accountsOwn = async (invoice: InvoiceRecord, call: CallContext): Promise<string | null> => {
    const id = customerIdOf(invoice)
    if (id === null || invoice.customer !== null) return id
    const known = billingRecords.get(id) ?? client.customer(id, call).then(customer => customer?.id ?? id)
    billingRecords.set(id, known)
    known.catch(() => billingRecords.delete(id))
    return known
  }
  // With `keeps`, what an earlier version did not keep is listed anew.
  return [
    importer('customer', client.customers, item => observedCustomer(readCustomer(item)), log),
    {
      ...importer(
        'product',
        client.products,
        item => {
          const product = readProduct(item)
          return isWritten(product) ? null : observedProduct(product)
        },
        log,
      ),
      settings: JSON.stringify({ keeps: ['names'] }),
    },
    {
      ...importer(
        'invoice',
        client.invoices,
        async (item, call) => {
          const invoice = readInvoice(item)
          const [customer, all] = await Promise.all([accountsOwn(invoice, call), lines.readForIndex(invoice, call)])
          return observedInvoice(invoice, customer, all === null ? null : productsOf(all))
        },
        log,
      ),
      settings: JSON.stringify({ keeps: ['products'] }),
    },
  ]
}

/**
 * Walks a list from the newest record to the oldest. The cursor is the last record's creation and id: when that record
 * was deleted in between, which Stripe answers by refusing the id, its creation still says where to go on.
 */
function importer(
  kind: StripeKind,
  list: StripeClient['customers'],
  observed: (item: unknown, call: CallContext) => ObservedRecord | null | Promise<ObservedRecord>,
  log: Log,
): Importer {
  const size = openPageSize(pageSize)
  return {
    kind,
    async list(cursor, call): Promise<ImportPage> {
      const start = cursor === null ? {} : startOf(cursor)
      let page: Page
      try {
        page = await size.ask(limit => list({ ...start, limit }, call))
      } catch (error) {
        const isGone = error instanceof VendorError && (error.kind === 'rejected' || error.kind === 'not-found')
        if (!isGone || start.after === undefined || start.createdUntil === undefined) throw error
        page = await size.ask(limit => list({ createdUntil: start.createdUntil, limit }, call))
      }
      const records = await Promise.all(page.items.map(async item => observedOrNull(item, call)))
      const found = records.filter(record => record !== null)
      if (!page.hasMore) return { observed: found, next: null, total: null }
      const last = idOf(page.items.at(-1)) ?? found.at(-1)?.record.id
      if (last === undefined || last === start.after) {
        throw new VendorError(system, 'unreadable', `a page of the list of ${kind}s holds no record that can be read`)
      }
      const createdAt = found.findLast(({ createdAt: at }) => at !== null)?.createdAt ?? null
      return { observed: found, next: cursorOf(last, createdAt), total: null }
    },
  }

  /** One that cannot be read must not keep the others out. */
  async function observedOrNull(item: unknown, call: CallContext): Promise<ObservedRecord | null> {
    try {
      return await observed(item, call)
    } catch (error) {
      if (!(error instanceof VendorError) || error.kind !== 'unreadable') throw error
      log.warn({ system, kind, reason: error.message }, 'a record was left out of the import')
      return null
    }
  }
}

function cursorOf(id: string, createdAt: Date | null): string {
  return `${createdAt === null ? '' : (createdAt.getTime() / 1000).toString()} ${id}`
}

function startOf(cursor: string): ListStart {
  const [, seconds, after] = /^(\d*) (.+)$/s.exec(cursor) ?? []
  if (seconds === undefined || after === undefined) {
    throw new Error(`expected an import cursor like "1767225600 in_1"; start the import of ${system} anew`)
  }
  return { after, ...(seconds === '' ? {} : { createdUntil: Number(seconds) }) }
}

type Payments = readonly (PaymentRecord | NotUnderstood)[]

type Unfinished = NonNullable<Exclude<InvoiceRecord['last_finalization_error'], NotUnderstood>>

type LastError = NonNullable<Exclude<PaymentIntentRecord['last_payment_error'], NotUnderstood>>

async function keptWith<K extends object, T>(kept: WeakMap<K, T>, record: K, read: () => Promise<T>): Promise<T> {
  const known = kept.get(record)
  if (known !== undefined) return known
  const value = await read()
  kept.set(record, value)
  return value
}

function summed(amounts: readonly Money[]): readonly Money[] {
  const sums = new Map<string, Decimal>()
  for (const { amount, currency, exact } of amounts) {
    sums.set(currency, added(sums.get(currency) ?? '0', exact ?? String(amount)))
  }
  return [...sums].map(([currency, sum]) => {
    const total = moneyOf(sum, currency)
    if (total === null) throw new NotUnderstood(system, `expected a balance below 2^53, in ${currency}`)
    return total
  })
}

function debitOf({ amount, currency, exact }: Money): Money {
  return { amount: 0 - amount, currency, ...(exact === undefined ? {} : { exact: exact.replace('-', '') }) }
}

function cashOf({ available }: CashBalanceRecord): readonly Field<Money>[] {
  if (available === null || !isUnderstood(available)) return [available]
  return balancesOf(available)
}

function invoiceItemOf(line: NewOrderLine, currency: string): NewInvoiceItem {
  if ('priceId' in line) return { price: line.priceId, quantity: line.quantity }
  return { ...line, unitAmount: wireOf(String(line.unitAmount), currency), currency }
}

function written(kind: 'CREATED' | 'UPDATED', invoice: InvoiceRecord, fields: readonly string[]): Written {
  const base = { kind, record: recordRef('invoice', invoice.id), fields }
  const lines = embedded(invoice.lines)
  // Of a new invoice with more lines than the answer holds nothing is known yet: it is read again.
  if (kind === 'CREATED' && hasFurther(invoice)) return base
  const products = lines === null ? null : productsOf(lines)
  return { ...base, observed: observedInvoice(invoice, customerIdOf(invoice), products) }
}
