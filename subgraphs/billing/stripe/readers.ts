import type { CallContext, RecordKindReader, Wanted } from '../../contract.ts'
import { VendorError } from '../../vendor-error.ts'
import { pageSize } from './client.ts'
import type { StripeClient } from './client.ts'
import { idOf, readInvoice, readProduct } from './records.ts'
import type { CustomerRecord, InvoiceRecord, Page, ProductRecord } from './records.ts'

/** The records that are kept in the cache. */
export interface StripeRecords {
  readonly customer: CustomerRecord
  readonly invoice: InvoiceRecord
  readonly product: ProductRecord
}

export type StripeReaders = { readonly [K in keyof StripeRecords]: RecordKindReader<StripeRecords[K]> }

type Answers<T> = Map<string, T | Error>

/** Below this many records each is read on its own: a list call could hardly save one. */
const fewest = 2

/** From this many lists on it is worth one call to see whether the wanted ones lie next to each other. */
const manyGroups = 8

/** Stripe has no batch read; invoices are read through lists where these hold several of the wanted ones. */
export function stripeReaders(client: StripeClient): StripeReaders {
  return {
    customer: { read: (wanted, call) => readEach(wanted, id => client.customer(id, call)) },
    invoice: { read: (wanted, call) => readInvoices(client, wanted, call) },
    product: { read: (wanted, call) => readProducts(client, wanted, call) },
  }
}

async function readInvoices(client: StripeClient, wanted: readonly Wanted[], call: CallContext) {
  const answers: Answers<InvoiceRecord> = new Map()
  const left = new Map(wanted.map(one => [one.id, one]))
  await readNeighbours(client, left, answers, call)
  await Promise.all(
    [...byCustomer(left.values())].map(async ([customer, members]) => {
      if (members.length < fewest) return
      const page = await listOrNull(() => client.invoices({ customer, withPayments: true }, call), members, answers)
      if (page !== null) take(page, readInvoice, left, answers)
      for (const { id } of members) if (answers.has(id)) left.delete(id)
    }),
  )
  for (const [id, answer] of await readEach([...left.values()], id => client.invoice(id, call))) answers.set(id, answer)
  return answers
}

/** Those whose customer is known. */
function byCustomer(wanted: Iterable<Wanted>): ReadonlyMap<string, readonly Wanted[]> {
  const groups = new Map<string, Wanted[]>()
  for (const one of wanted) {
    if (one.near === undefined) continue
    const group = groups.get(one.near)
    if (group === undefined) groups.set(one.near, [one])
    else group.push(one)
  }
  return groups
}

/**
 * A page of all orders holds invoices of as many customers that were made one after the other: Stripe's list of all
 * invoices, entered at the first of them, holds the others. Goes on as long as that beats reading customer by customer.
 */
async function readNeighbours(
  client: StripeClient,
  left: Map<string, Wanted>,
  answers: Answers<InvoiceRecord>,
  call: CallContext,
): Promise<void> {
  for (;;) {
    const groups = new Set([...left.values()].map(one => one.near ?? one.id)).size
    const [first] = left.keys()
    if (first === undefined || groups < manyGroups) return
    const perGroup = left.size / groups
    const [entered, page] = await Promise.all([
      readEach([{ id: first }], id => client.invoice(id, call)),
      listOrNull(() => client.invoices({ after: first, withPayments: true }, call), [], answers),
    ])
    left.delete(first)
    for (const [id, answer] of entered) answers.set(id, answer)
    const found = page === null ? 0 : take(page, readInvoice, left, answers)
    if (found < 2 * perGroup) return
  }
}

/** `GET /v1/products?ids[]=` is the one list that takes ids. */
async function readProducts(client: StripeClient, wanted: readonly Wanted[], call: CallContext) {
  const answers: Answers<ProductRecord> = new Map()
  if (wanted.length < fewest) return readEach(wanted, id => client.product(id, call))
  const batches: Wanted[][] = []
  for (let at = 0; at < wanted.length; at += pageSize) batches.push(wanted.slice(at, at + pageSize))
  await Promise.all(
    batches.map(async batch => {
      const left = new Map(batch.map(one => [one.id, one]))
      const page = await listOrNull(() => client.productsByIds([...left.keys()], call), batch, answers)
      if (page !== null) take(page, readProduct, left, answers)
    }),
  )
  return answers
}

async function readEach<T>(wanted: readonly Wanted[], readOne: (id: string) => Promise<T | null>): Promise<Answers<T>> {
  const answers: Answers<T> = new Map()
  await Promise.all(
    wanted.map(async ({ id }) => {
      try {
        const record = await readOne(id)
        if (record !== null) answers.set(id, record)
      } catch (error) {
        answers.set(id, asError(error))
      }
    }),
  )
  return answers
}

/**
 * @returns null when the list failed. When Stripe could not answer at all, asking for the members one by one would fail
 * as well: then the failure is theirs. When it refused this list, they are left to be read in another way.
 */
async function listOrNull<T>(
  list: () => Promise<Page>,
  members: readonly Wanted[],
  answers: Answers<T>,
): Promise<Page | null> {
  try {
    return await list()
  } catch (error) {
    const isRefusal = error instanceof VendorError && (error.kind === 'rejected' || error.kind === 'not-found')
    if (!isRefusal) for (const { id } of members) answers.set(id, asError(error))
    return null
  }
}

/** Moves what a list holds of the wanted records to the answers. @returns how many that were */
function take<T>(page: Page, read: (value: unknown) => T, left: Map<string, Wanted>, answers: Answers<T>): number {
  let found = 0
  for (const item of page.items) {
    const id = idOf(item)
    if (id === null || !left.delete(id)) continue
    found += 1
    try {
      answers.set(id, read(item))
    } catch (error) {
      answers.set(id, asError(error))
    }
  }
  return found
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('the request failed', { cause: error })
}
