import type { Insertable, Selectable } from 'kysely'
import { z } from 'zod'
import type { Change, NewChange } from '../../schema/change.ts'
import { type EntityRef, entityTypes, isEntityType } from '../../schema/entities.ts'
import { parseColumn } from '../store/json-column.ts'
import type { Store, StoreTransaction } from '../store/store.ts'
import type { Tables } from '../store/tables.ts'

type ChangeRow = Selectable<Tables['changes']>

const fieldNames = z.array(z.string())
const recordRef = z.object({ system: z.string(), kind: z.string(), id: z.string() })
const entityRefs = z.array(z.object({ type: z.enum(entityTypes), id: z.string() }))

/** Rows of one INSERT: SQLite takes 32,766 values in a statement, Postgres 65,535, and long statements are slow to prepare. */
const rowsInStatement = 200
/** Rows of one DELETE: it holds up the other writers. */
const prunedAtOnce = 5_000

/**
 * Appends Changes in the given order, in the caller's transaction.
 * @returns them with their sequences; they count once the transaction has committed
 */
export async function appendChanges(tx: StoreTransaction, changes: readonly NewChange[], now: Date): Promise<Change[]> {
  if (changes.length === 0) return []
  // Writes are serialised, and the newest Change is never forgotten: no sequence is given twice, and none is left out, as a
  // counter of the database would after a transaction that was rolled back.
  const { newest } = await tx
    .selectFrom('changes')
    .select(({ fn }) => fn.max<number | null>('sequence').as('newest'))
    .executeTakeFirstOrThrow()
  const first = (newest ?? 0) + 1
  const appended = changes.map((change, index) => ({ ...change, sequence: first + index, recordedAt: now }))
  for (let start = 0; start < appended.length; start += rowsInStatement) {
    await tx
      .insertInto('changes')
      .values(appended.slice(start, start + rowsInStatement).map(toRow))
      .execute()
  }
  return appended
}

/**
 * The Changes that follow a sequence, in their order.
 * @throws StoreError
 */
export async function changesAfter(store: Store, sequence: number, limit: number): Promise<Change[]> {
  const rows = await store.read(db =>
    db.selectFrom('changes').selectAll().where('sequence', '>', sequence).orderBy('sequence').limit(limit).execute(),
  )
  return rows.map(toChange)
}

/** @returns 0 before the first Change */
export async function newestSequence(store: Store): Promise<number> {
  const row = await store.read(db =>
    db.selectFrom('changes').select('sequence').orderBy('sequence', 'desc').limit(1).executeTakeFirst(),
  )
  return row?.sequence ?? 0
}

/** @returns the oldest Change still held; null before the first Change */
export async function oldestSequence(store: Store): Promise<number | null> {
  const row = await store.read(db =>
    db.selectFrom('changes').select('sequence').orderBy('sequence').limit(1).executeTakeFirst(),
  )
  return row?.sequence ?? null
}

/**
 * Whether every Change after this sequence is still held. False for a sequence that was never given: it is of another log.
 */
export async function reaches(store: Store, sequence: number): Promise<boolean> {
  const { oldest, newest } = await store.read(db =>
    db
      .selectFrom('changes')
      .select(({ fn }) => [
        fn.min<number | null>('sequence').as('oldest'),
        fn.max<number | null>('sequence').as('newest'),
      ])
      .executeTakeFirstOrThrow(),
  )
  if (oldest === null || newest === null) return sequence === 0
  return sequence >= oldest - 1 && sequence <= newest
}

/**
 * Forgets Changes recorded before an instant, oldest first, and never the newest Change: it says where the log stands.
 * @returns how many
 */
export async function prune(store: Store, olderThan: Date): Promise<number> {
  // The first one to keep, in the order of the log: clocks jump, and the log must have no holes.
  const kept = await store.read(db =>
    db
      .selectFrom('changes')
      .select('sequence')
      .where('recorded_at', '>=', olderThan.getTime())
      .orderBy('sequence')
      .limit(1)
      .executeTakeFirst(),
  )
  const end = kept?.sequence ?? (await newestSequence(store))
  let count = 0
  for (;;) {
    const { numDeletedRows } = await store.write(tx =>
      tx
        .deleteFrom('changes')
        .where('sequence', 'in', db =>
          db
            .selectFrom('changes')
            .select('sequence')
            .where('sequence', '<', end)
            .orderBy('sequence')
            .limit(prunedAtOnce),
        )
        .executeTakeFirstOrThrow(),
    )
    count += Number(numDeletedRows)
    if (numDeletedRows < prunedAtOnce) return count
  }
}

function toRow(change: Change): Insertable<Tables['changes']> {
  return {
    sequence: change.sequence,
    kind: change.kind,
    system: change.record.system,
    record_kind: change.record.kind,
    record_id: change.record.id,
    entity_type: change.entity?.type ?? null,
    entity_id: change.entity?.id ?? null,
    fields: JSON.stringify(change.fields),
    parents_before: JSON.stringify(change.parentsBefore.map(({ type, id }) => ({ type, id }))),
    parents_after: JSON.stringify(change.parentsAfter.map(({ type, id }) => ({ type, id }))),
    status_before: change.statusBefore,
    status_after: change.statusAfter,
    at: change.at.getTime(),
    recorded_at: change.recordedAt.getTime(),
    traceparent: change.traceparent ?? null,
    heard_at: change.heardAt?.getTime() ?? null,
    renamed: change.renamed === undefined ? null : JSON.stringify(change.renamed),
  }
}

function toChange(row: ChangeRow): Change {
  return {
    sequence: row.sequence,
    kind: row.kind,
    record: { system: row.system, kind: row.record_kind, id: row.record_id },
    entity: toEntity(row),
    fields: parseColumn(fieldNames, row.fields, 'changes.fields'),
    parentsBefore: parseColumn(entityRefs, row.parents_before, 'changes.parents_before'),
    parentsAfter: parseColumn(entityRefs, row.parents_after, 'changes.parents_after'),
    statusBefore: row.status_before,
    statusAfter: row.status_after,
    at: new Date(row.at),
    recordedAt: new Date(row.recorded_at),
    ...(row.traceparent === null ? {} : { traceparent: row.traceparent }),
    ...(row.heard_at === null ? {} : { heardAt: new Date(row.heard_at) }),
    ...(row.renamed === null ? {} : { renamed: parseColumn(recordRef, row.renamed, 'changes.renamed') }),
  }
}

function toEntity(row: ChangeRow): EntityRef | null {
  if (row.entity_type === null || row.entity_id === null) return null
  if (isEntityType(row.entity_type)) return { type: row.entity_type, id: row.entity_id }
  throw new Error(`changes.entity_type holds '${row.entity_type}', which is no type of the graph`)
}
