import type { StoreReader, StoreTransaction } from './store.ts'

/** An attempt after which an entry was not done. */
export interface Attempt {
  /** 1 for the first. */
  readonly attempt: number
  /** The process that made it; null when it is not known any more. */
  readonly worker: string | null
  readonly endedAt: Date
  /** Without personal data. */
  readonly error: string
}

/** The newest attempts of an entry that are kept; one replayed again and again has more. */
const keptAttempts = 20

export async function writeAttempt(tx: StoreTransaction, entryId: number, attempt: Attempt): Promise<void> {
  await tx
    .insertInto('delivery_attempts')
    .values({
      entry_id: entryId,
      attempt: attempt.attempt,
      worker: attempt.worker,
      ended_at: attempt.endedAt.getTime(),
      error: attempt.error,
    })
    .execute()
  if (attempt.attempt <= keptAttempts) return
  await tx
    .deleteFrom('delivery_attempts')
    .where('entry_id', '=', entryId)
    .where('id', 'not in', db =>
      db
        .selectFrom('delivery_attempts')
        .select('id')
        .where('entry_id', '=', entryId)
        .orderBy('id', 'desc')
        .limit(keptAttempts),
    )
    .execute()
}

/** The attempts of entries, oldest first, by the entry's id. */
export async function readAttempts(
  db: StoreReader,
  entryIds: readonly number[],
): Promise<ReadonlyMap<number, readonly Attempt[]>> {
  const found = new Map<number, Attempt[]>()
  if (entryIds.length === 0) return found
  const rows = await db
    .selectFrom('delivery_attempts')
    .selectAll()
    .where('entry_id', 'in', entryIds)
    .orderBy('id')
    .execute()
  for (const row of rows) {
    const attempt = { attempt: row.attempt, worker: row.worker, endedAt: new Date(row.ended_at), error: row.error }
    found.set(row.entry_id, [...(found.get(row.entry_id) ?? []), attempt])
  }
  return found
}
