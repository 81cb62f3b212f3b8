import { sql, type Insertable, type Selectable } from 'kysely'
import { sameRecord, type RecordRef, type System } from '../../schema/systems.ts'
import { writeAttempt } from './attempts.ts'
import { readHints, writeHints, type StoredHint } from './hints.ts'
import type { Store, StoreTransaction } from './store.ts'
import type { Tables } from './tables.ts'

/** An entry that a worker holds: it may be finished or failed while lease and attempt are its own. */
export interface StoredEntry {
  readonly id: number
  readonly receivedId: number
  readonly system: System
  readonly key: string
  readonly hints: readonly StoredHint[]
  /** The worker that holds it. */
  readonly worker: string
  /** 1 for the first; also what tells this holding from a later one. */
  readonly attempts: number
  /** Attempts since it came or was last replayed, this one included. */
  readonly tries: number
  readonly receivedAt: Date
}

export type EntryRow = Selectable<Tables['delivery_entries']>

/** Ids of one UPDATE: long statements are slow to prepare. */
const rowsInStatement = 200

/** Entries are told apart by lease and attempt: no other write is waited for. */
const besideOthers = { isSerial: false } as const

/** Process deaths that an entry may be under way at; with the last of them it is dead. */
export const maxDeaths = 3

/** What stands in the history of an entry that was under way at a death. */
const died = 'the process that held it ended or hung'

/** Why an entry is dead that was under way whenever a process ended. */
export function killed(deaths: number): string {
  return `it was under way when a process ended or hung, ${deaths} times: it may be what ends it`
}

/**
 * Takes entries that are due and held by nobody, the longest due first. Those that were under way when their holder ended
 * are left to `claimSuspects`. Entries whose hints cannot be read any more become dead instead.
 * @param except systems whose entries are left
 * @throws StoreError
 */
export function claimDue(
  store: Store,
  worker: string,
  limit: number,
  leaseMs: number,
  now: Date,
  except: readonly System[] = [],
): Promise<readonly StoredEntry[]> {
  return claim(store, { worker, limit, leaseMs, now, deaths: 0, except })
}

/**
 * Takes entries that were under way at so many deaths: one of them may be what ends processes, so that only few are to be
 * tried at a time.
 * @throws StoreError
 */
export function claimSuspects(
  store: Store,
  worker: string,
  which: { readonly deaths: number; readonly limit: number },
  leaseMs: number,
  now: Date,
): Promise<readonly StoredEntry[]> {
  return claim(store, { worker, leaseMs, now, except: [], ...which })
}

interface Claim {
  readonly worker: string
  readonly limit: number
  readonly leaseMs: number
  readonly now: Date
  readonly deaths: number
  readonly except: readonly System[]
}

function claim(store: Store, { worker, limit, leaseMs, now, deaths, except }: Claim): Promise<readonly StoredEntry[]> {
  return store.write(async tx => {
    let due = tx
      .selectFrom('delivery_entries')
      .select('id')
      .where('state', '=', sql.lit('due'))
      .where('due_at', '<=', now.getTime())
      .where('deaths', '=', deaths)
    // As the index of the few that there are says it.
    if (deaths > 0) due = due.where('deaths', '>', sql.lit(0))
    if (except.length > 0) due = due.where('system', 'not in', except)
    // Those that another process is claiming at this moment are left to it.
    const found = await due.orderBy('due_at').orderBy('id').limit(limit).forUpdate().skipLocked().execute()
    if (found.length === 0) return []
    const rows = await tx
      .updateTable('delivery_entries')
      .set(({ eb }) => ({
        attempts: eb('attempts', '+', 1),
        // Whoever held it has never let go.
        deaths: eb('deaths', '+', eb.case().when('lease_by', 'is not', null).then(sql.lit(1)).else(sql.lit(0)).end()),
        ...leaseOf(worker, now, leaseMs),
      }))
      .where(
        'id',
        'in',
        found.map(({ id }) => id),
      )
      .returningAll()
      .execute()
    const entries: StoredEntry[] = []
    for (const row of rows.sort((a, b) => a.id - b.id)) {
      const hints = hintsOf(row)
      const entry = toEntry(row, worker, hints ?? [])
      if (hints === null) await failEntry(tx, entry, { dead: 'its stored hints cannot be read' }, now)
      else if (row.deaths > deaths) await suspect(tx, entry, row.deaths, now)
      else entries.push(entry)
    }
    return entries
  }, besideOthers)
}

/** Its last holder ended or hung: it waits until it is tried among few, or is dead. */
async function suspect(tx: StoreTransaction, entry: StoredEntry, deaths: number, now: Date): Promise<void> {
  if (deaths >= maxDeaths) {
    await failEntry(tx, entry, { dead: killed(deaths) }, now)
    return
  }
  // This claim was no attempt: nobody gets the entry by it.
  const attempts = entry.attempts - 1
  await writeAttempt(tx, entry.id, { attempt: attempts, worker: null, endedAt: now, error: died })
  await updateHeld(tx, [entry], () => ({ attempts, lease_by: null, lease_until: null, due_at: now.getTime() }))
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
export async function postponeEntry(
  tx: StoreTransaction,
  entry: StoredEntry,
  dueAt: Date,
  now: Date,
): Promise<boolean> {
  const held = { due_at: dueAt.getTime(), error: lagsBehind, lease_by: null, lease_until: null }
  if ((await updateHeld(tx, [entry], () => held)) !== 1) return false
  await writeAttempt(tx, entry.id, { ...holdingOf(entry), endedAt: now, error: lagsBehind })
  return true
}

/**
 * The own Changes of some of its records are written, in this transaction, and the entry is worked on further.
 * @returns false when it is not held any more: the transaction must not commit then
 */
export async function noteApplied(
  tx: StoreTransaction,
  entry: StoredEntry,
  records: readonly RecordRef[],
): Promise<boolean> {
  const hints = entry.hints.map(hint =>
    records.some(record => sameRecord(hint.record, record)) ? { ...hint, isApplied: true } : hint,
  )
  return (await updateHeld(tx, [entry], () => ({ hints: writeHints(hints) }))) === 1
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
  if (matched !== 1) return false
  const error = 'dead' in failure ? failure.dead : failure.error
  await writeAttempt(tx, entry.id, { ...holdingOf(entry), endedAt: now, error })
  return true
}

function holdingOf({ attempts, worker }: StoredEntry): { attempt: number; worker: string } {
  return { attempt: attempts, worker }
}

/**
 * Lets go of all that a worker holds, at its end: it is due at once.
 * @returns how many
 */
export async function releaseLeases(store: Store, worker: string, now: Date): Promise<number> {
  const { numUpdatedRows } = await store.write(
    tx =>
      tx
        .updateTable('delivery_entries')
        .set({ lease_by: null, lease_until: null, due_at: now.getTime() })
        .where('state', '=', 'due')
        .where('lease_by', '=', worker)
        .executeTakeFirstOrThrow(),
    besideOthers,
  )
  return Number(numUpdatedRows)
}

/**
 * Takes from whoever held something before us what they hold, when we are the only process: they were killed. It is due at
 * once, and dead when it was under way at too many deaths.
 * @returns how many
 */
export function releaseDead(store: Store, now: Date): Promise<number> {
  const endedAt = now.getTime()
  return store.write(async tx => {
    await tx
      .insertInto('delivery_attempts')
      .columns(['entry_id', 'attempt', 'worker', 'ended_at', 'error'])
      .expression(db =>
        db
          .selectFrom('delivery_entries')
          .select(({ val }) => ['id', 'attempts', 'lease_by', val(endedAt).as('ended_at'), val(died).as('error')])
          .where('state', '=', 'due')
          .where('lease_by', 'is not', null),
      )
      .execute()
    const released = await tx
      .updateTable('delivery_entries')
      .set(({ eb }) => ({ lease_by: null, lease_until: null, due_at: endedAt, deaths: eb('deaths', '+', 1) }))
      .where('state', '=', 'due')
      .where('lease_by', 'is not', null)
      .executeTakeFirstOrThrow()
    await tx
      .updateTable('delivery_entries')
      .set({ state: 'dead', error: killed(maxDeaths), ended_at: endedAt })
      .where('state', '=', sql.lit('due'))
      .where('deaths', '>', sql.lit(0))
      .where('deaths', '>=', maxDeaths)
      .execute()
    return Number(released.numUpdatedRows)
  })
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
export function toEntry(row: EntryRow, worker: string, hints: readonly StoredHint[]): StoredEntry {
  return {
    id: row.id,
    receivedId: row.received_id,
    system: row.system,
    key: row.key,
    hints,
    worker,
    attempts: row.attempts,
    tries: row.attempts - row.tried_before,
    receivedAt: new Date(row.received_at),
  }
}

function hintsOf(row: EntryRow): readonly StoredHint[] | null {
  try {
    return readHints(row.hints)
  } catch {
    return null
  }
}
