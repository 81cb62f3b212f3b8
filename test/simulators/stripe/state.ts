import { badRequest, missing } from './errors.ts'
import { createEventLog } from './events.ts'
import { isLive } from './records.ts'
import type { EventLog, EventType, StripeEvent } from './events.ts'
import type {
  CreditNote,
  Customer,
  Decline,
  DeletedCustomer,
  Dispute,
  Endpoint,
  InvoiceEntry,
  InvoiceItem,
  PaymentMethod,
  Price,
  Product,
  Refund,
  Tier,
} from './records.ts'

/** What an account starts with; each list in the order things were made. */
export interface Seed {
  readonly customers: readonly Customer[]
  readonly paymentMethods: readonly PaymentMethod[]
  readonly products: readonly Product[]
  readonly prices: readonly Price[]
  readonly invoices: readonly InvoiceEntry[]
  readonly refunds?: readonly Refund[]
  readonly creditNotes?: readonly CreditNote[]
  readonly disputes?: readonly Dispute[]
  /** By payment intent. */
  readonly declines?: readonly (readonly [string, Decline])[]
  /** By price. */
  readonly tiers?: readonly (readonly [string, readonly Tier[]])[]
}

/** The account. Maps keep the order things were made in; records are replaced, never changed in place. */
export interface StripeState {
  readonly customers: Map<string, Customer | DeletedCustomer>
  readonly paymentMethods: Map<string, PaymentMethod>
  readonly products: Map<string, Product>
  readonly prices: Map<string, Price>
  readonly invoices: Map<string, InvoiceEntry>
  readonly refunds: Map<string, Refund>
  readonly creditNotes: Map<string, CreditNote>
  readonly disputes: Map<string, Dispute>
  /** Why the last try of a payment intent failed. */
  readonly declines: Map<string, Decline>
  /** Of prices that have some. */
  readonly tiers: Map<string, readonly Tier[]>
  /** Those that are on no invoice yet. */
  readonly pendingItems: Map<string, InvoiceItem>
  readonly endpoints: Map<string, Endpoint>
  readonly events: EventLog
  /** In seconds. */
  now(): number
  /** Unlike those of an earlier run, so that whoever remembers event ids takes none for an old one. */
  newId(prefix: string): string
  newInvoiceNumber(): string
  /** @param param where the id came from; see `missing` */
  customer(id: string, param?: string): Customer
  invoice(id: string, param?: string): InvoiceEntry
  product(id: string, param?: string): Product
  price(id: string, param?: string): Price
  paymentMethod(id: string, param?: string): PaymentMethod
}

export const numberPrefix = 'FS-'

export function createState(seed: Seed, clock: () => Date, onEvent: (event: StripeEvent) => void): StripeState {
  const run = clock().getTime().toString(36)
  const customers = byId<Customer | DeletedCustomer>(seed.customers)
  const paymentMethods = byId(seed.paymentMethods)
  const products = byId(seed.products)
  const prices = byId(seed.prices)
  const invoices = new Map(seed.invoices.map(entry => [entry.head.id, entry]))
  const endpoints = new Map<string, Endpoint>()
  const now = () => Math.floor(clock().getTime() / 1000)
  let ids = 0
  let number = Math.max(
    1000,
    ...seed.invoices
      .map(({ head }) => Number(head.number?.slice(numberPrefix.length) ?? 0))
      .filter(Number.isSafeInteger),
  )
  const events = createEventLog({
    now,
    newId,
    onEvent,
    countEndpoints: type => [...endpoints.values()].filter(endpoint => wants(endpoint, type)).length,
  })

  return {
    customers,
    paymentMethods,
    products,
    prices,
    invoices,
    refunds: byId(seed.refunds ?? []),
    creditNotes: byId(seed.creditNotes ?? []),
    disputes: byId(seed.disputes ?? []),
    declines: new Map(seed.declines),
    tiers: new Map(seed.tiers),
    pendingItems: new Map(),
    endpoints,
    events,
    now,
    newId,
    newInvoiceNumber() {
      number += 1
      return `${numberPrefix}${number}`
    },
    customer(id, param) {
      const found = customers.get(id)
      if (!isLive(found)) throw missing('customer', id, param)
      return found
    },
    invoice: (id, param) => got(invoices, 'invoice', id, param),
    product: (id, param) => got(products, 'product', id, param),
    price: (id, param) => got(prices, 'price', id, param),
    paymentMethod: (id, param) => got(paymentMethods, 'PaymentMethod', id, param),
  }

  function newId(prefix: string): string {
    ids += 1
    return `${prefix}_1${run}${ids.toString(36).padStart(6, '0')}`
  }
}

export function wants({ record }: Endpoint, type: EventType): boolean {
  return record.status === 'enabled' && (record.enabled_events.includes('*') || record.enabled_events.includes(type))
}

/** The payment method of that customer. @throws StripeError when it is another's or none */
export function paymentMethodOf(state: StripeState, customer: string, id: string, param: string): PaymentMethod {
  const found = state.paymentMethod(id, param)
  if (found.customer === customer) return found
  throw badRequest(
    `The customer does not have a payment method with the ID ${id}. The payment method must be attached to the customer.`,
    'resource_missing',
    param,
  )
}

/** @throws StripeError when there is none */
export function got<Row>(rows: ReadonlyMap<string, Row>, kind: string, id: string, param?: string): Row {
  const found = rows.get(id)
  if (found === undefined) throw missing(kind, id, param)
  return found
}

function byId<Row extends { readonly id: string }>(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map(row => [row.id, row]))
}
