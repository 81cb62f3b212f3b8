import { sql, type Selectable } from 'kysely'
import { z } from 'zod'
import { isEntityType, type EntityRef, type EntityType } from '../../schema/entities.ts'
import { roles, type Role } from '../../schema/systems.ts'
import { parseColumn } from './json-column.ts'
import type { Store, StoreReader, StoreTransaction } from './store.ts'
import type { Tables } from './tables.ts'

/** What a write is asked for with; of the input only hashes outlive the write. */
export interface AskedWrite {
  readonly id: string
  readonly role: Role
  readonly mutation: string
  readonly entity: EntityType
  /** Null where it is to be created. */
  readonly entityId: string | null
  /** Whether the client gave a `clientMutationId`. */
  readonly isNamed: boolean
  readonly salt: string
  readonly inputHash: string
  /** By field of the input. */
  readonly fieldHashes: Readonly<Record<string, string>>
  /** JSON. */
  readonly input: string
}

interface WriteFacts extends Omit<AskedWrite, 'input'> {
  /** Raised each time it begins again after it was taken back. */
  readonly round: number
  /** Runs begun in this round. */
  readonly attempts: number
  readonly begunAt: Date
  readonly lease: { readonly by: string; readonly until: Date } | null
}

/**
 * - `open`: to be finished. `undoing`: to be taken back.
 * - `done`: its Changes are in the log. `undone`: nothing of it stays, and its id is free for another try.
 */
export type StoredWrite = WriteFacts & WriteState

type WriteState =
  | { readonly state: 'open'; readonly input: string; readonly dueAt: Date }
  | { readonly state: 'undoing'; readonly reason: string; readonly dueAt: Date }
  | { readonly state: 'done'; readonly writtenId: string; readonly endedAt: Date }
  | { readonly state: 'undone'; readonly reason: string; readonly endedAt: Date }

/** A step as it is remembered. */
export interface StoredStep {
  readonly step: string
  readonly sentAt: Date | null
  readonly trace: string | null
  readonly result: string | null
}

/** Who works on a write, and in which of its rounds: what is no longer theirs they cannot write. */
export interface WriteLease {
  readonly id: string
  readonly round: number
  readonly by: string
}

/** The write is another process's by now. Nothing was written. */
export class LostWrite extends Error {
  override readonly name = 'LostWrite'

  constructor() {
    super('the write was taken over by another process; its answer is there')
  }
}

/** As the index of the few that there are says it: SQLite uses none for a state that is a parameter. */
const isUnfinished = sql<boolean>`state in ('open', 'undoing')`

const hashes = z.record(z.string(), z.string())

export async function readWrite(db: StoreReader, id: string): Promise<StoredWrite | null> {
  const row = await db.selectFrom('writes').selectAll().where('id', '=', id).executeTakeFirst()
  return row === undefined ? null : toWrite(row)
}

export async function readSteps(db: StoreReader, id: string): Promise<readonly StoredStep[]> {
  const rows = await db
    .selectFrom('write_steps')
    .select(['step', 'sent_at', 'trace', 'result'])
    .where('write_id', '=', id)
    .execute()
  return rows.map(({ step, sent_at, trace, result }) => ({ step, sentAt: dateOf(sent_at), trace, result }))
}

/** Begins a write, or a taken-back one anew: its first run is the caller's. */
export async function beginWrite(
  tx: StoreTransaction,
  asked: AskedWrite,
  { round, by, leaseMs, now }: { round: number; by: string; leaseMs: number; now: Date },
): Promise<void> {
  const values = {
    role: asked.role,
    mutation: asked.mutation,
    entity_type: asked.entity,
    entity_id: asked.entityId,
    is_named: Number(asked.isNamed),
    state: 'open' as const,
    round,
    salt: asked.salt,
    input_hash: asked.inputHash,
    field_hashes: JSON.stringify(asked.fieldHashes),
    input: asked.input,
    attempts: 1,
    begun_at: now.getTime(),
    due_at: now.getTime(),
    lease_by: by,
    lease_until: now.getTime() + leaseMs,
    ended_at: null,
    reason: null,
  }
  if (round > 1) await tx.deleteFrom('write_steps').where('write_id', '=', asked.id).execute()
  await tx
    .insertInto('writes')
    .values({ id: asked.id, ...values })
    .onConflict(on => on.column('id').doUpdateSet(values))
    .execute()
}

/** Takes over a write that nobody works on. @returns whether it is the caller's now */
export async function claimWrite(
  tx: StoreTransaction,
  { id, by, leaseMs, now }: { id: string; by: string; leaseMs: number; now: Date },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('writes')
    .set(eb => ({ lease_by: by, lease_until: now.getTime() + leaseMs, attempts: eb('attempts', '+', 1) }))
    .where('id', '=', id)
    .where('state', 'in', ['open', 'undoing'])
    .where(eb => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<=', now.getTime())]))
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Keeps what is being worked on from being taken over. */
export async function renewWrites(
  tx: StoreTransaction,
  { ids, by, leaseMs, now }: { ids: readonly string[]; by: string; leaseMs: number; now: Date },
): Promise<void> {
  await tx
    .updateTable('writes')
    .set({ lease_until: now.getTime() + leaseMs })
    .where('id', 'in', [...ids])
    .where('lease_by', '=', by)
    .execute()
}

/** Frees the writes a process worked on; of all processes when `by` is null. They are due at once. */
export async function releaseWrites(tx: StoreTransaction, by: string | null, now: Date): Promise<void> {
  let update = tx
    .updateTable('writes')
    .set({ lease_by: null, lease_until: null, due_at: now.getTime() })
    .where('state', 'in', ['open', 'undoing'])
    .where('lease_by', 'is not', null)
  if (by !== null) update = update.where('lease_by', '=', by)
  await update.execute()
}

/** The ids of those that are to be gone on with and that nobody works on, oldest first. */
export async function dueWrites(db: StoreReader, limit: number, now: Date): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('writes')
    .select('id')
    .where(isUnfinished)
    .where('due_at', '<=', now.getTime())
    .where(eb => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<=', now.getTime())]))
    .orderBy('due_at')
    .limit(limit)
    .execute()
  return rows.map(({ id }) => id)
}

/** How many are to be finished or taken back, and when the oldest of them was asked for; those being worked on included. */
export async function countUnfinished(
  store: Store,
): Promise<{ readonly writes: number; readonly oldestAt: Date | null }> {
  const { writes, oldest } = await store.read(db =>
    db
      .selectFrom('writes')
      .select(({ fn }) => [fn.countAll<number>().as('writes'), fn.min<number | null>('begun_at').as('oldest')])
      .where(isUnfinished)
      .executeTakeFirstOrThrow(),
  )
  return { writes, oldestAt: dateOf(oldest) }
}

/** Notes that a step is about to be sent. @throws LostWrite */
export async function noteSent(
  tx: StoreTransaction,
  lease: WriteLease,
  { step, trace, at }: { step: string; trace: string; at: Date },
): Promise<void> {
  await holdWrite(tx, lease)
  const values = { sent_at: at.getTime(), trace }
  await tx
    .insertInto('write_steps')
    .values({ write_id: lease.id, step, ...values, result: null })
    .onConflict(on => on.columns(['write_id', 'step']).doUpdateSet(values))
    .execute()
}

/** The vendor has refused it: it was not done. @throws LostWrite */
export async function forgetSent(tx: StoreTransaction, lease: WriteLease, step: string): Promise<void> {
  await holdWrite(tx, lease)
  await tx.deleteFrom('write_steps').where('write_id', '=', lease.id).where('step', '=', step).execute()
}

/**
 * Notes what came of a step.
 * @returns false, with nothing noted, when another write's step of this name has made the record
 * @throws LostWrite
 */
export async function noteResult(
  tx: StoreTransaction,
  lease: WriteLease,
  { step, result, isShared }: { step: string; result: string; isShared: boolean },
): Promise<boolean> {
  await holdWrite(tx, lease)
  const other = await tx
    .selectFrom('write_steps')
    .select('write_id')
    .where('result', '=', result)
    .where('step', '=', step)
    .where('write_id', '<>', lease.id)
    .limit(1)
    .executeTakeFirst()
  if (other !== undefined && !isShared) return false
  await tx
    .insertInto('write_steps')
    .values({ write_id: lease.id, step, sent_at: null, trace: null, result })
    .onConflict(on => on.columns(['write_id', 'step']).doUpdateSet({ result }))
    .execute()
  return true
}

/** Leaves it to a later run. @throws LostWrite */
export async function postponeWrite(
  tx: StoreTransaction,
  lease: WriteLease,
  { state, reason, dueAt }: { state: 'open' | 'undoing'; reason: string | null; dueAt: Date },
): Promise<void> {
  await holdWrite(tx, lease)
  await tx
    .updateTable('writes')
    .set({
      state,
      reason,
      due_at: dueAt.getTime(),
      lease_by: null,
      lease_until: null,
      // What is taken back needs no input, and people's data is kept no longer than it is needed.
      ...(state === 'undoing' ? { input: null } : {}),
    })
    .where('id', '=', lease.id)
    .execute()
}

/** From here on it can only be taken back; the lease stays. @throws LostWrite */
export async function giveUpWrite(tx: StoreTransaction, lease: WriteLease, reason: string): Promise<void> {
  await holdWrite(tx, lease)
  await tx.updateTable('writes').set({ state: 'undoing', reason, input: null }).where('id', '=', lease.id).execute()
}

/**
 * Ends it: done with the entity that was written, or undone. To be called in the transaction that appends its Changes.
 * @throws LostWrite
 */
export async function endWrite(
  tx: StoreTransaction,
  lease: WriteLease,
  end: { readonly entity: EntityRef } | { readonly undone: string },
  now: Date,
): Promise<void> {
  await holdWrite(tx, lease)
  const ended = { ended_at: now.getTime(), lease_by: null, lease_until: null, input: null }
  const how =
    'entity' in end
      ? { state: 'done' as const, entity_id: end.entity.id, reason: null }
      : { state: 'undone' as const, reason: end.undone }
  await tx
    .updateTable('writes')
    .set({ ...ended, ...how })
    .where('id', '=', lease.id)
    .execute()
}

/** Forgets writes that were over before the instant. */
export async function pruneWrites(tx: StoreTransaction, before: Date): Promise<void> {
  const over = tx.selectFrom('writes').select('id').where('ended_at', '<', before.getTime())
  await tx.deleteFrom('write_steps').where('write_id', 'in', over).execute()
  await tx.deleteFrom('writes').where('ended_at', '<', before.getTime()).execute()
}

async function holdWrite(tx: StoreTransaction, { id, round, by }: WriteLease): Promise<void> {
  const row = await tx
    .selectFrom('writes')
    .select('id')
    .where('id', '=', id)
    .where('round', '=', round)
    .where('lease_by', '=', by)
    .where('state', 'in', ['open', 'undoing'])
    .executeTakeFirst()
  if (row === undefined) throw new LostWrite()
}

/** @throws Error for a row that was not written here */
function toWrite(row: Selectable<Tables['writes']>): StoredWrite {
  const role = roles.find(name => name === row.role)
  if (role === undefined || !isEntityType(row.entity_type)) throw new Error(`writes ${row.id}: unknown role or entity`)
  const facts: WriteFacts = {
    id: row.id,
    role,
    mutation: row.mutation,
    entity: row.entity_type,
    entityId: row.entity_id,
    isNamed: row.is_named === 1,
    salt: row.salt,
    inputHash: row.input_hash,
    fieldHashes: parseColumn(hashes, row.field_hashes, 'writes.field_hashes'),
    round: row.round,
    attempts: row.attempts,
    begunAt: new Date(row.begun_at),
    lease: row.lease_by === null ? null : { by: row.lease_by, until: new Date(row.lease_until ?? 0) },
  }
  const endedAt = new Date(row.ended_at ?? row.begun_at)
  const dueAt = new Date(row.due_at)
  switch (row.state) {
    case 'open':
      return { ...facts, state: 'open', input: row.input ?? '{}', dueAt }
    case 'undoing':
      return { ...facts, state: 'undoing', reason: row.reason ?? '', dueAt }
    case 'done':
      return { ...facts, state: 'done', writtenId: row.entity_id ?? '', endedAt }
    case 'undone':
      return { ...facts, state: 'undone', reason: row.reason ?? '', endedAt }
  }
}

function dateOf(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms)
}
