import type { Insertable, Selectable } from 'kysely'
import type { System } from '../../schema/systems.ts'
import type { Hint } from '../../subgraphs/contract.ts'
import { readHints } from './hints.ts'
import type { Store, StoreTransaction } from './store.ts'
import type { Tables } from './tables.ts'

/** An entry that a worker holds: it may be finished or failed while lease and attempt are its own. */
export interface StoredEntry {
  readonly id: number
  readonly receivedId: number
  readonly system: System
  readonly key: string
  readonly hints: readonly Hint[]
  /** The worker that holds it. */
  readonly worker: string
  /** 1 for the first; also what tells this holding from a later one. */
  readonly attempts: number
  readonly receivedAt: Date
}

export type EntryRow = Selectable<Tables['delivery_entries']>

/** Ids of one UPDATE: long statements are slow to prepare. */
const rowsInStatement = 200

/** Entries are told apart by lease and attempt: no other write is waited for. */
const besideOthers = { isSerial: false } as const

/**
 * Takes entries that are due and held by nobody, the longest due first.
 * Entries whose hints cannot be read any more become dead instead.
 * @throws StoreError
 */
export async function claimDue(
  store: Store,
  worker: string,
  limit: number,
  leaseMs: number,
  now: Date,
): Promise<readonly StoredEntry[]> {
  return store.write(async tx => {
    // Those that another process is claiming at this moment are left to it.
    const due = await tx
      .selectFrom('delivery_entries')
      .select('id')
      .where('state', '=', 'due')
      .where('due_at', '<=', now.getTime())
      .orderBy('due_at')
      .orderBy('id')
      .limit(limit)
      .forUpdate()
      .skipLocked()
      .execute()
    if (due.length === 0) return []
    const rows = await tx
      .updateTable('delivery_entries')
      .set(({ eb }) => ({ attempts: eb('attempts', '+', 1), ...leaseOf(worker, now, leaseMs) }))
      .where(
        'id',
        'in',
        due.map(({ id }) => id),
      )
      .returningAll()
      .execute()
    const entries: StoredEntry[] = []
    for (const row of rows.sort((a, b) => a.id - b.id)) {
      const hints = hintsOf(row)
      const entry = toEntry(row, worker, hints ?? [])
      if (hints === null) await failEntry(tx, entry, { dead: 'its stored hints cannot be read' }, now)
      else entries.push(entry)
    }
    return entries
  }, besideOthers)
}

/**
 * Holds entries longer, from now on. Entries that somebody else has taken over are left alone.
 * @throws StoreError
 */
export async function renewLeases(
  store: Store,
  entries: readonly StoredEntry[],
  leaseMs: number,
  now: Date,
): Promise<void> {
  await store.write(tx => updateHeld(tx, entries, entry => leaseOf(entry.worker, now, leaseMs)), besideOthers)
}

/**
 * Entries are done, in the transaction that applies what they say.
 * @returns false when one of them is not held any more: the transaction must not commit then
 */
export async function finishEntries(
  tx: StoreTransaction,
  entries: readonly StoredEntry[],
  now: Date,
): Promise<boolean> {
  const matched = await updateHeld(tx, entries, () => ({
    state: 'done',
    error: null,
    ended_at: now.getTime(),
    lease_by: null,
    lease_until: null,
  }))
  return matched === entries.length
}

/** What stands as the error of an entry that was worked on and is due once more. */
export const lagsBehind = 'its vendor does not show yet what it told'

/**
 * An entry was worked on, and is due once more all the same, in the transaction that applies what was found.
 * @returns false when it is not held any more: the transaction must not commit then
 */
export async function postponeEntry(tx: StoreTransaction, entry: StoredEntry, dueAt: Date): Promise<boolean> {
  const held = { due_at: dueAt.getTime(), error: lagsBehind, lease_by: null, lease_until: null }
  return (await updateHeld(tx, [entry], () => held)) === 1
}

/** To be tried again, or given up. Neither text holds personal data. */
export type EntryFailure = { readonly dueAt: Date; readonly error: string } | { readonly dead: string }

/** @returns false when the entry is not held any more: it is the other holder's to fail */
export async function failEntry(
  tx: StoreTransaction,
  entry: StoredEntry,
  failure: EntryFailure,
  now: Date,
): Promise<boolean> {
  const matched = await updateHeld(tx, [entry], () => ({
    lease_by: null,
    lease_until: null,
    ...('dead' in failure
      ? { state: 'dead', error: failure.dead, ended_at: now.getTime() }
      : { due_at: failure.dueAt.getTime(), error: failure.error }),
  }))
  return matched === 1
}

/**
 * Lets go of all that a worker holds, at its end: it is due at once.
 * @param worker null for whoever held something before us, when we are the only process
 * @returns how many
 */
export async function releaseLeases(store: Store, worker: string | null, now: Date): Promise<number> {
  const { numUpdatedRows } = await store.write(
    tx =>
      tx
        .updateTable('delivery_entries')
        .set({ lease_by: null, lease_until: null, due_at: now.getTime() })
        .where('state', '=', 'due')
        .where(({ eb }) => (worker === null ? eb('lease_by', 'is not', null) : eb('lease_by', '=', worker)))
        .executeTakeFirstOrThrow(),
    besideOthers,
  )
  return Number(numUpdatedRows)
}

/** While it is held, an entry is due when its lease ends: so the queue's index shows only what can be claimed. */
export function leaseOf(
  worker: string,
  now: Date,
  leaseMs: number,
): { lease_by: string; lease_until: number; due_at: number } {
  const until = now.getTime() + leaseMs
  return { lease_by: worker, lease_until: until, due_at: until }
}

/** @returns how many of the entries were still held by their worker in their attempt */
async function updateHeld(
  tx: StoreTransaction,
  entries: readonly StoredEntry[],
  set: (entry: StoredEntry) => Partial<Insertable<Tables['delivery_entries']>>,
): Promise<number> {
  const holdings = new Map<string, StoredEntry[]>()
  for (const entry of entries) {
    const holding = JSON.stringify([entry.worker, entry.attempts])
    holdings.set(holding, [...(holdings.get(holding) ?? []), entry])
  }
  let matched = 0
  for (const held of holdings.values()) {
    for (let start = 0; start < held.length; start += rowsInStatement) {
      const page = held.slice(start, start + rowsInStatement)
      const [first] = page
      if (first === undefined) continue
      const { numUpdatedRows } = await tx
        .updateTable('delivery_entries')
        .set(set(first))
        .where(
          'id',
          'in',
          page.map(entry => entry.id),
        )
        .where('state', '=', 'due')
        .where('lease_by', '=', first.worker)
        .where('attempts', '=', first.attempts)
        .executeTakeFirstOrThrow()
      matched += Number(numUpdatedRows)
    }
  }
  return matched
}

/** An entry as its holder sees it. */
export function toEntry(row: EntryRow, worker: string, hints: readonly Hint[]): StoredEntry {
  return {
    id: row.id,
    receivedId: row.received_id,
    system: row.system,
    key: row.key,
    hints,
    worker,
    attempts: row.attempts,
    receivedAt: new Date(row.received_at),
  }
}

function hintsOf(row: EntryRow): readonly Hint[] | null {
  try {
    return readHints(row.hints)
  } catch {
    return null
  }
}
