import type { System } from '../../schema/systems.ts'
import type { DeliveryEntry } from '../../subgraphs/contract.ts'
import { toEntry, type StoredEntry } from './deliveries.ts'
import { insertEntries, foundBy, insertRecords, newEntry } from './received.ts'
import type { StoreReader, StoreTransaction } from './store.ts'

/** What a sweep found on one page. */
export interface Found {
  readonly system: System
  readonly feed: string
  readonly entries: readonly DeliveryEntry[]
}

/** Entries of one statement. */
const rowsInStatement = 200

/**
 * Stores what was found as entries of a delivery, so that it is worked on like what a webhook brings, is tried again and
 * listed like it, and a webhook that comes later is known by its key. Nothing was sent, so no body is kept.
 * @param worker who works on the new entries from now on, for `leaseMs`
 * @returns the new ones that can be read, held by the worker
 */
export async function storeFound(
  tx: StoreTransaction,
  { system, feed, entries }: Found,
  worker: string,
  leaseMs: number,
  now: Date,
): Promise<readonly StoredEntry[]> {
  const known = await knownKeys(
    tx,
    system,
    entries.map(({ key }) => key),
  )
  const fresh = [...new Map(entries.filter(({ key }) => !known.has(key)).map(entry => [entry.key, entry])).values()]
  if (fresh.length === 0) return []
  const { id: receivedId } = await tx
    .insertInto('received')
    .values({ system, endpoint: '', url: `${foundBy}${feed}`, headers: '{}', body: null, received_at: now.getTime() })
    .returning('id')
    .executeTakeFirstOrThrow()
  const holding = { worker, leaseMs }
  const inserted = await insertEntries(
    tx,
    fresh.map((entry, position) => newEntry(entry, { receivedId, position, system, receivedAt: now }, holding)),
  )
  // A webhook may have brought one of them at this moment, to another process.
  const stored: StoredEntry[] = []
  for (const row of inserted) {
    const entry = fresh[row.position]
    if (entry !== undefined && 'hints' in entry) stored.push(toEntry(row, worker, entry.hints))
  }
  await insertRecords(tx, stored)
  return stored.sort((a, b) => a.id - b.id)
}

/** The keys among these that are stored already, whoever brought them. */
async function knownKeys(db: StoreReader, system: System, keys: readonly string[]): Promise<ReadonlySet<string>> {
  const known = new Set<string>()
  for (let start = 0; start < keys.length; start += rowsInStatement) {
    const rows = await db
      .selectFrom('delivery_entries')
      .select('key')
      .where('system', '=', system)
      .where('key', 'in', keys.slice(start, start + rowsInStatement))
      .execute()
    for (const { key } of rows) known.add(key)
  }
  return known
}
