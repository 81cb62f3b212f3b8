import type {
  GraphContext,
  ImportPage,
  Importer,
  Log,
  ObservedRecord,
  Records,
  WriteSteps,
  Written,
} from '../../contract.ts'
import type { RecordRef } from '../../../schema/systems.ts'
import { openPageSize } from '../../page-size.ts'
import { VendorError } from '../../vendor-error.ts'
import type { BillingSource, NewOrderLine, OrderLineFields, PriceFields } from '../source.ts'
import { pageSize, type ListStart, type NewInvoiceItem, type StripeClient } from './client.ts'
import {
  creditsOf,
  finalizedFields,
  lineOf,
  observedCustomer,
  observedInvoice,
  observedProduct,
  orderOf,
  paymentMethodOf,
  priceOf,
  productOf,
  recordRef,
  system,
} from './mapping.ts'
import type { StripeKind } from './mapping.ts'
import type { StripeRecords } from './readers.ts'
import { customerKey, newCustomer, stepNames } from './unfinished.ts'
import { readCustomer, readInvoice, readLine, readPrice, readProduct } from './records.ts'
import type { InvoiceRecord, Page, ProductRecord } from './records.ts'

const orderFields = [
  'number',
  'status',
  'lines',
  'subtotal',
  'total',
  'amountPaid',
  'amountRemaining',
  'memo',
  'createdAt',
  'finalizedAt',
  'dueAt',
  'paidAt',
  'payments',
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
  /** Stands before every idempotency key; see index.ts. */
  readonly writeMark: string
}

/** Stripe in the role `billing`: an order is an invoice, a product a product, a billing record a customer. */
export function openStripeSource({ client, records, writeMark }: StripeSourcePorts): BillingSource {
  // What belongs to a record but is read apart lives as long as the record's cached value: one eviction ends both.
  const linesOf = new WeakMap<InvoiceRecord, readonly OrderLineFields[]>()
  const pricesOf = new WeakMap<ProductRecord, readonly PriceFields[]>()

  const keyOf = (key: string): string => `${writeMark}-${key}`

  /** Decided once for a write: with another customer the same keys would be refused. */
  const billingRecord = async (customerId: string, context: GraphContext, steps: WriteSteps): Promise<string> => {
    const kept = steps.result(stepNames.customer)
    if (kept !== null) return kept
    if (steps.sentAt(stepNames.newCustomer) === null) {
      const linked = await context.links.recordsOf({ type: 'Customer', id: customerId }, system)
      const leading = linked.find(({ record }) => record.kind === 'customer')
      if (leading !== undefined) return steps.keep(stepNames.customer, leading.record.id)
    }
    const known = steps.result(stepNames.emailOf) ?? (await context.links.emailOf({ type: 'Customer', id: customerId }))
    if (known === null) {
      // Source: Stripe API, "In order to create invoices that are sent to the customer, the customer must have a valid email".
      const inputFault =
        'Customer.email: expected an e-mail address, for orders are sent by e-mail; the customer has none'
      throw new VendorError(system, 'rejected', 'a customer without an e-mail address gets no billing record', {
        inputFault,
      })
    }
    const email = await steps.keep(stepNames.emailOf, known)
    const crmId = await steps.keep(stepNames.customerOf, customerId)
    return steps.step(stepNames.newCustomer, steps.key, {
      send: async () => (await client.createCustomer({ crmId, email }, customerKey(keyOf(steps.key)), context.call)).id,
    })
  }

  return {
    system,

    async order(wanted, context) {
      const invoice = await records.load('invoice', wanted, context)
      return invoice === null ? null : orderOf(invoice)
    },

    async lines(orderId, context) {
      const invoice = await records.load('invoice', { id: orderId }, context)
      if (invoice === null) return []
      const known = linesOf.get(invoice)
      if (known !== undefined) return known
      const all = invoice.lines.has_more
        ? await readAll(after => client.lines(invoice.id, after, context.call), readLine)
        : invoice.lines.data
      const lines = all.map(line => lineOf(line, invoice.currency))
      linesOf.set(invoice, lines)
      return lines
    },

    async product(id, context) {
      const product = await records.load('product', { id }, context)
      return product === null ? null : productOf(product)
    },

    async prices(productId, context) {
      const product = await records.load('product', { id: productId }, context)
      if (product === null) return []
      const known = pricesOf.get(product)
      if (known !== undefined) return known
      const all = await readAll(after => client.prices(product.id, after, context.call), readPrice)
      const prices = all.map(priceOf)
      pricesOf.set(product, prices)
      return prices
    },

    async credits(refs, context) {
      const customers = await Promise.all(refs.map(({ id }) => records.load('customer', { id }, context)))
      const sums = new Map<string, number>()
      for (const { amount, currency } of customers.flatMap(customer =>
        customer === null ? [] : creditsOf(customer),
      )) {
        sums.set(currency, (sums.get(currency) ?? 0) + amount)
      }
      return [...sums].map(([currency, amount]) => ({ amount, currency }))
    },

    async paymentMethod(record, context) {
      const customer = await records.load('customer', { id: record.id }, context)
      const method = customer?.invoice_settings?.default_payment_method
      return method == null || typeof method === 'string' ? null : paymentMethodOf(method)
    },

    async create(order, context, steps) {
      const key = keyOf(steps.key)
      const isRepeated = steps.sentAt(stepNames.invoice) !== null
      const customer = await billingRecord(order.customerId, context, steps)
      const currency = order.currency.toLowerCase()
      const { daysUntilDue, memo } = order
      const draft = { customer, currency, daysUntilDue, memo, mark: steps.key }
      const id = await steps.step(stepNames.invoice, steps.key, {
        send: async () => (await client.createInvoice(draft, `${key}-invoice`, context.call)).id,
      })
      // One after the other: Stripe keeps the order in which they come.
      for (const [at, line] of order.lines.entries()) {
        const item = invoiceItemOf(line, currency)
        await client.createInvoiceItem(customer, id, item, `${key}-line-${at.toString()}`, context.call)
      }
      const finalized = order.finalize ? await client.finalizeInvoice(id, `${key}-finalize`, context.call) : null
      // What a key is answered with again is as the invoice was then.
      const invoice = finalized === null || isRepeated ? await client.invoice(id, context.call) : finalized
      if (invoice === null) throw new VendorError(system, 'not-found', `invoice ${id} vanished while it was made`)
      return [written('CREATED', invoice, writtenFields.create), ...newCustomer(steps)]
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
  records: Records<StripeRecords>,
  { kind, id }: RecordRef,
  context: GraphContext,
): Promise<ObservedRecord | null> {
  if (kind === 'customer') {
    const customer = await records.load('customer', { id }, context)
    return customer === null ? null : observedCustomer(customer)
  }
  if (kind === 'invoice') {
    const invoice = await records.load('invoice', { id }, context)
    return invoice === null ? null : observedInvoice(invoice)
  }
  if (kind !== 'product') return null
  const product = await records.load('product', { id }, context)
  return product === null ? null : observedProduct(product)
}

/** Customers first: invoices belong to them. */
export function stripeImporters(client: StripeClient, log: Log): readonly Importer[] {
  return [
    importer('customer', client.customers, item => observedCustomer(readCustomer(item)), log),
    importer('product', client.products, item => observedProduct(readProduct(item)), log),
    importer('invoice', client.invoices, item => observedInvoice(readInvoice(item)), log),
  ]
}

/**
 * Walks a list from the newest record to the oldest. The cursor is the last record's creation and id: when that record
 * was deleted in between, which Stripe answers by refusing the id, its creation still says where to go on.
 */
function importer(
  kind: StripeKind,
  list: StripeClient['customers'],
  observed: (item: unknown) => ObservedRecord,
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
        if (!isGone || start.after === undefined) throw error
        page = await size.ask(limit => list({ createdUntil: start.createdUntil, limit }, call))
      }
      const found: ObservedRecord[] = []
      for (const item of page.items) {
        try {
          found.push(observed(item))
        } catch (error) {
          log.warn({ system, kind, reason: messageOf(error) }, 'a record was left out of the import')
        }
      }
      const last = found.at(-1)
      if (!page.hasMore) return { observed: found, next: null, total: null }
      if (last?.createdAt == null) {
        throw new VendorError(system, 'unreadable', `a page of the list of ${kind}s holds no record that can be read`)
      }
      return { observed: found, next: cursorOf(last.record.id, last.createdAt), total: null }
    },
  }
}

function cursorOf(id: string, createdAt: Date): string {
  return `${(createdAt.getTime() / 1000).toString()} ${id}`
}

function startOf(cursor: string): ListStart {
  const [, seconds, after] = /^(\d+) (.+)$/.exec(cursor) ?? []
  if (seconds === undefined || after === undefined) {
    throw new Error(`expected an import cursor like "1767225600 in_1"; start the import of ${system} anew`)
  }
  return { after, createdUntil: Number(seconds) }
}

async function readAll<T extends { readonly id: string }>(
  list: (after: string | undefined) => Promise<Page>,
  read: (value: unknown) => T,
): Promise<readonly T[]> {
  const all: T[] = []
  for (;;) {
    const page = await list(all.at(-1)?.id)
    all.push(...page.items.map(read))
    if (!page.hasMore || page.items.length === 0) return all
  }
}

function invoiceItemOf(line: NewOrderLine, currency: string): NewInvoiceItem {
  return 'priceId' in line ? { price: line.priceId, quantity: line.quantity } : { ...line, currency }
}

function written(kind: 'CREATED' | 'UPDATED', invoice: InvoiceRecord, fields: readonly string[]): Written {
  return { kind, record: recordRef('invoice', invoice.id), fields, observed: observedInvoice(invoice) }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown'
}
