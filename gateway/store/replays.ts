import type { System } from '../../schema/systems.ts'
import type { DeliveryEntry, Hint, Received } from '../../subgraphs/contract.ts'
import { maxDeaths } from './deliveries.ts'
import type { DeliveryState } from './find-deliveries.ts'
import { readHints, writeHints } from './hints.ts'
import { insertEntries, insertRecords, newEntry } from './received.ts'
import type { Store, StoreTransaction } from './store.ts'

/** An entry with all that a replay goes by. */
export interface ReplayedEntry {
  readonly id: number
  readonly system: System
  readonly key: string
  readonly position: number
  readonly state: DeliveryState
  readonly isHeld: boolean
  /** Whether it is a request of which nothing at all could be read. */
  readonly isWhole: boolean
  /** Null when what is stored cannot be read. */
  readonly hints: readonly Hint[] | null
  readonly attempts: number
  readonly deaths: number
  readonly receivedId: number
  readonly receivedAt: Date
  /** The request as it came; null when it is no longer kept. */
  readonly raw: Received | null
}

export type ReplayWrite =
  | { readonly do: 'again'; readonly entry: ReplayedEntry; readonly hints: readonly Hint[] }
  | { readonly do: 'instead'; readonly entry: ReplayedEntry; readonly entries: readonly DeliveryEntry[] }

/** In the order of their ids. */
export async function readForReplay(store: Store, ids: readonly number[]): Promise<readonly ReplayedEntry[]> {
  if (ids.length === 0) return []
  const rows = await store.read(db =>
    db
      .selectFrom('delivery_entries as e')
      .innerJoin('received as r', 'r.id', 'e.received_id')
      .selectAll('e')
      .select(['r.endpoint', 'r.url', 'r.body'])
      .where('e.id', 'in', ids)
      .orderBy('e.id')
      .execute(),
  )
  return rows.map(row => ({
    id: row.id,
    system: row.system,
    key: row.key,
    position: row.position,
    state: row.state,
    isHeld: row.lease_by !== null,
    isWhole: row.key.startsWith('body:'),
    hints: hintsOrNull(row.hints),
    attempts: row.attempts,
    deaths: row.deaths,
    receivedId: row.received_id,
    receivedAt: new Date(row.received_at),
    // No adapter looks at method or headers once it is verified.
    raw:
      row.body === null ? null : { method: 'POST', endpoint: row.endpoint, url: row.url, headers: {}, body: row.body },
  }))
}

/**
 * Makes entries due anew, all in one transaction. One that somebody has taken since it was read is left alone.
 * @returns the ids of those that are due now
 */
export function writeReplays(store: Store, writes: readonly ReplayWrite[], now: Date): Promise<readonly number[]> {
  return store.write(
    async tx => {
      const due: number[] = []
      for (const write of writes) {
        due.push(...(write.do === 'again' ? await again(tx, write, now) : await instead(tx, write, now)))
      }
      return due
    },
    // An entry that somebody has taken is told by its state, attempts and lease: no other write is waited for.
    { isSerial: false },
  )
}

async function again(
  tx: StoreTransaction,
  { entry, hints }: Extract<ReplayWrite, { do: 'again' }>,
  now: Date,
): Promise<readonly number[]> {
  const { numUpdatedRows } = await unchanged(tx, entry)
    .set({
      state: 'due',
      hints: writeHints(hints),
      due_at: now.getTime(),
      tried_before: entry.attempts,
      // One that is held to end processes is tried alone, and with the next death it is dead again.
      deaths: Math.min(entry.deaths, maxDeaths - 1),
      error: null,
      ended_at: null,
    })
    .executeTakeFirstOrThrow()
  if (Number(numUpdatedRows) === 0) return []
  await tx.deleteFrom('delivery_records').where('entry_id', '=', entry.id).execute()
  await insertRecords(tx, [{ id: entry.id, hints }])
  return [entry.id]
}

async function instead(
  tx: StoreTransaction,
  { entry, entries }: Extract<ReplayWrite, { do: 'instead' }>,
  now: Date,
): Promise<readonly number[]> {
  const { system, receivedId, receivedAt } = entry
  const first = entry.isWhole ? 0 : entry.position
  const rows = entries.map((one, at) => newEntry(one, { receivedId, position: first + at, system, receivedAt }, null))
  const { numUpdatedRows } = await unchanged(tx, entry)
    .set({ state: 'done', error: 'it can be read now: other entries took its place', ended_at: now.getTime() })
    .executeTakeFirstOrThrow()
  if (Number(numUpdatedRows) === 0) return []
  const inserted = await insertEntries(tx, rows)
  const readable = inserted.flatMap(row => {
    const one = entries[row.position - first]
    return one !== undefined && 'hints' in one ? [{ id: row.id, hints: one.hints }] : []
  })
  await insertRecords(tx, readable)
  return readable.map(({ id }) => id)
}

/** The row, as long as it is as it was read. */
function unchanged(tx: StoreTransaction, { id, state, attempts }: ReplayedEntry) {
  return tx
    .updateTable('delivery_entries')
    .where('id', '=', id)
    .where('state', '=', state)
    .where('attempts', '=', attempts)
    .where('lease_by', 'is', null)
}

function hintsOrNull(text: string): readonly Hint[] | null {
  try {
    // Replayed, it is worked on from its beginning.
    return readHints(text).map(hint => ({ ...hint, isApplied: undefined }))
  } catch {
    return null
  }
}
