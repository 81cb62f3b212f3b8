import type { Insertable } from 'kysely'
import { recordKey, type System } from '../../schema/systems.ts'
import type { DeliveryEntry, Hint } from '../../subgraphs/contract.ts'
import { type EntryRow, type StoredEntry, leaseOf, toEntry } from './deliveries.ts'
import { GroupCommit } from './group-commit.ts'
import { writeHints } from './hints.ts'
import type { Store, StoreTransaction } from './store.ts'
import type { Tables } from './tables.ts'

/** A genuine webhook request and what its body says. */
export interface NewReceived {
  readonly system: System
  readonly endpoint: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  readonly receivedAt: Date
  readonly entries: readonly DeliveryEntry[]
}

export interface StoredReceived {
  readonly id: number
  /** The new ones, leased to the worker that received them; none when they are nobody's. */
  readonly entries: readonly StoredEntry[]
  /** Entries that were stored before, with this or another request. */
  readonly duplicates: number
  /** New entries that nobody can read; they are dead. */
  readonly unreadable: number
}

interface Submission {
  readonly received: NewReceived
  readonly leaseMs: number
  readonly worker: string | null
}

/** What stands as the address of what no webhook brought, before the name of the feed. */
export const foundBy = 'sweep:'

/** Rows of one INSERT: SQLite takes 32,766 values in a statement, and long statements are slow to prepare. */
const rowsInStatement = 200

const groups = new WeakMap<Store, GroupCommit<Submission, StoredReceived>>()

/**
 * Stores a request and its entries; durable once it resolves. Requests of one moment share a transaction.
 * @param worker who works on the new entries from now on, for `leaseMs`; null for nobody: they are due at once then
 * @throws StoreError
 */
export function storeReceived(
  store: Store,
  received: NewReceived,
  leaseMs: number,
  worker: string | null,
): Promise<StoredReceived> {
  let group = groups.get(store)
  if (group === undefined) {
    group = new GroupCommit(store, insertSubmissions)
    groups.set(store, group)
  }
  return group.submit({ received, leaseMs, worker })
}

async function insertSubmissions(
  tx: StoreTransaction,
  submissions: readonly Submission[],
): Promise<readonly StoredReceived[]> {
  const ids = await insertReceived(
    tx,
    submissions.map(({ received }) => received),
  )
  // In one order everywhere: two processes that store the same keys at once must not wait for each other.
  const rows = submissions
    .flatMap((submission, index) =>
      submission.received.entries.map((entry, position) => toRow(submission, entry, ids[index] ?? 0, position)),
    )
    .sort((a, b) => compare(a.system, b.system) || compare(a.key, b.key))
  const inserted = new Map<number, EntryRow[]>()
  for (const row of await insertEntries(tx, rows)) {
    const siblings = inserted.get(row.received_id)
    if (siblings === undefined) inserted.set(row.received_id, [row])
    else siblings.push(row)
  }
  const stored = submissions.map((submission, index) =>
    toStored(submission, ids[index] ?? 0, inserted.get(ids[index] ?? 0) ?? []),
  )
  // Whoever works on them, they are found by what they are about.
  await insertRecords(
    tx,
    stored.flatMap(({ entries }) => entries),
  )
  await forgetRepetitions(
    tx,
    submissions.flatMap(({ received }, index) => {
      const id = ids[index]
      return id === undefined || inserted.has(id) ? [] : [{ id, received }]
    }),
  )
  return stored.map((one, index) => (submissions[index]?.worker == null ? { ...one, entries: [] } : one))
}

/** How exactly it is known when something last came to an address, while nothing new does. */
const heardEveryMs = 60_000

/**
 * A request without anything new leaves its time, once a minute, and not its bytes: those are kept with the first one. Whoever
 * repeats a signed request for ever fills no disk.
 */
async function forgetRepetitions(
  tx: StoreTransaction,
  requests: readonly { readonly id: number; readonly received: NewReceived }[],
): Promise<void> {
  const dropped: number[] = []
  const emptied: number[] = []
  const heard = new Map<string, number>()
  for (const { id, received } of requests) {
    const { system, endpoint } = received
    const address = `${system}/${endpoint}`
    const last = heard.get(address) ?? (await lastBefore(tx, { system, endpoint }, id))
    const at = received.receivedAt.getTime()
    // After one that was refused it says that the secret is right.
    if (at - last < heardEveryMs && !(await wasRefusedSince(tx, { system, endpoint }, last))) dropped.push(id)
    else {
      emptied.push(id)
      heard.set(address, at)
    }
  }
  if (dropped.length > 0) await tx.deleteFrom('received').where('id', 'in', dropped).execute()
  if (emptied.length > 0)
    await tx.updateTable('received').set({ headers: '{}', body: null }).where('id', 'in', emptied).execute()
}

async function lastBefore(
  tx: StoreTransaction,
  { system, endpoint }: Pick<NewReceived, 'system' | 'endpoint'>,
  id: number,
): Promise<number> {
  const row = await tx
    .selectFrom('received')
    .select('received_at')
    .where('system', '=', system)
    .where('endpoint', '=', endpoint)
    .where('id', '<', id)
    .where('url', 'not like', `${foundBy}%`)
    .orderBy('received_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.received_at ?? -Infinity
}

async function wasRefusedSince(
  tx: StoreTransaction,
  { system, endpoint }: Pick<NewReceived, 'system' | 'endpoint'>,
  since: number,
): Promise<boolean> {
  const row = await tx
    .selectFrom('quarantine')
    .select('id')
    .where('received_at', '>=', since)
    .where('system', '=', system)
    .where('endpoint', '=', endpoint)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** @returns the rows that are new: an entry whose key is known is left out */
export async function insertEntries(
  tx: StoreTransaction,
  rows: readonly Insertable<Tables['delivery_entries']>[],
): Promise<readonly EntryRow[]> {
  const inserted: EntryRow[] = []
  for (let start = 0; start < rows.length; start += rowsInStatement) {
    const page = await tx
      .insertInto('delivery_entries')
      .values(rows.slice(start, start + rowsInStatement))
      .onConflict(on => on.columns(['system', 'key']).doNothing())
      .returningAll()
      .execute()
    inserted.push(...page)
  }
  return inserted
}

/** Writes down which records entries are about, so that they can be found by them. */
export async function insertRecords(
  tx: StoreTransaction,
  entries: readonly { readonly id: number; readonly hints: readonly Hint[] }[],
): Promise<void> {
  const rows = entries.flatMap(({ id, hints }) =>
    [...new Set(hints.map(hint => recordKey(hint.record)))].map(key => ({ entry_id: id, record_key: key })),
  )
  for (let start = 0; start < rows.length; start += rowsInStatement) {
    await tx
      .insertInto('delivery_records')
      .values(rows.slice(start, start + rowsInStatement))
      .execute()
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** @returns the rows' ids, in the order of the requests */
async function insertReceived(tx: StoreTransaction, requests: readonly NewReceived[]): Promise<readonly number[]> {
  const ids: number[] = []
  for (let start = 0; start < requests.length; start += rowsInStatement) {
    const rows = await tx
      .insertInto('received')
      .values(
        requests.slice(start, start + rowsInStatement).map(request => ({
          system: request.system,
          endpoint: request.endpoint,
          url: request.url,
          headers: JSON.stringify(request.headers),
          body: request.body,
          received_at: request.receivedAt.getTime(),
        })),
      )
      .returning('id')
      .execute()
    // The order of returned rows is not promised, the order of ids is.
    ids.push(...rows.map(row => row.id).sort((a, b) => a - b))
  }
  if (ids.length !== requests.length)
    throw new Error(`${requests.length} requests were stored and ${ids.length} ids came back`)
  return ids
}

function toRow(
  { received, leaseMs, worker }: Submission,
  entry: DeliveryEntry,
  receivedId: number,
  position: number,
): Insertable<Tables['delivery_entries']> {
  const { system, receivedAt } = received
  const holding = worker === null ? null : { worker, leaseMs }
  return newEntry(entry, { receivedId, position, system, receivedAt }, holding)
}

export interface EntryPlace {
  readonly receivedId: number
  readonly position: number
  readonly system: System
  readonly receivedAt: Date
}

/** Who works on a new entry from the moment it came. */
export interface Holding {
  readonly worker: string
  readonly leaseMs: number
}

/** The row of a new entry: held, or due since it came when it is nobody's, or dead when nobody can read it. */
export function newEntry(
  entry: DeliveryEntry,
  { receivedId, position, system, receivedAt }: EntryPlace,
  holding: Holding | null,
): Insertable<Tables['delivery_entries']> {
  const at = receivedAt.getTime()
  const isUnreadable = 'unreadable' in entry
  return {
    received_id: receivedId,
    position,
    system,
    key: entry.key,
    received_at: at,
    hints: writeHints(isUnreadable ? [] : entry.hints),
    state: isUnreadable ? 'dead' : 'due',
    ...(isUnreadable || holding === null
      ? { attempts: 0, due_at: at, lease_by: null, lease_until: null }
      : { attempts: 1, ...leaseOf(holding.worker, receivedAt, holding.leaseMs) }),
    error: isUnreadable ? entry.unreadable : null,
    ended_at: isUnreadable ? at : null,
  }
}

/** With all of its entries, whoever is to work on them. */
function toStored({ received, worker }: Submission, id: number, rows: readonly EntryRow[]): StoredReceived {
  const entries: StoredEntry[] = []
  for (const row of rows) {
    const entry = received.entries[row.position]
    if (entry !== undefined && 'hints' in entry) entries.push(toEntry(row, worker ?? '', entry.hints))
  }
  const positions = new Map(rows.map(row => [row.id, row.position]))
  entries.sort((a, b) => (positions.get(a.id) ?? 0) - (positions.get(b.id) ?? 0))
  return {
    id,
    entries,
    duplicates: received.entries.length - rows.length,
    unreadable: rows.length - entries.length,
  }
}
