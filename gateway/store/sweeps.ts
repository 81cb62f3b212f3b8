import type { Selectable } from 'kysely'
import type { System } from '../../schema/systems.ts'
import type { Store, StoreReader, StoreTransaction } from './store.ts'
import type { Tables } from './tables.ts'

/** How far a feed of a system was swept. */
export interface SweepPlace {
  readonly system: System
  readonly feed: string
  /** Where its next step goes on. */
  readonly cursor: string
  /** When the walk began that is not at its end yet; null between two. */
  readonly begunAt: Date | null
  /** When it turned out that `cursor` is good only once every record was listed anew; null when it is good. */
  readonly gapAt: Date | null
  /** All that happened until then was found; null before the first walk's end. */
  readonly completeUpTo: Date | null
}

/** The last sweep of a system. */
export interface StoredSweep {
  readonly system: System
  readonly startedAt: Date
  /** Null while it is under way. */
  readonly endedAt: Date | null
  /** Happenings it found that no webhook had told. */
  readonly missed: number
  /** Why it ended early; null when it did not. */
  readonly fault: string | null
}

export async function readPlace(db: StoreReader, system: System, feed: string): Promise<SweepPlace | null> {
  const row = await db
    .selectFrom('sweep_places')
    .selectAll()
    .where('system', '=', system)
    .where('feed', '=', feed)
    .executeTakeFirst()
  return row === undefined ? null : toPlace(row)
}

export async function listPlaces(db: StoreReader): Promise<readonly SweepPlace[]> {
  const rows = await db.selectFrom('sweep_places').selectAll().orderBy('system').orderBy('feed').execute()
  return rows.map(toPlace)
}

/** Moves a place, in the transaction that stores what was found on the way there. */
export async function writePlace(tx: StoreTransaction, { system, feed, ...place }: SweepPlace): Promise<void> {
  const values = {
    cursor: place.cursor,
    begun_at: place.begunAt?.getTime() ?? null,
    gap_at: place.gapAt?.getTime() ?? null,
    complete_up_to: place.completeUpTo?.getTime() ?? null,
  }
  await tx
    .insertInto('sweep_places')
    .values({ system, feed, ...values })
    .onConflict(on => on.columns(['system', 'feed']).doUpdateSet(values))
    .execute()
}

export async function listSweeps(db: StoreReader): Promise<readonly StoredSweep[]> {
  const rows = await db.selectFrom('sweeps').selectAll().orderBy('system').execute()
  return rows.map(row => ({
    system: row.system,
    startedAt: new Date(row.started_at),
    endedAt: row.ended_at === null ? null : new Date(row.ended_at),
    missed: row.missed,
    fault: row.fault,
  }))
}

export async function beginSweep(store: Store, system: System, now: Date): Promise<void> {
  const values = { started_at: now.getTime(), ended_at: null, missed: 0, fault: null }
  await store.write(tx =>
    tx
      .insertInto('sweeps')
      .values({ system, ...values })
      .onConflict(on => on.column('system').doUpdateSet(values))
      .execute(),
  )
}

/** Counts what was found, in the transaction that stores it. */
export async function countMissed(tx: StoreTransaction, system: System, missed: number): Promise<void> {
  if (missed === 0) return
  await tx
    .updateTable('sweeps')
    .set(({ eb }) => ({ missed: eb('missed', '+', missed) }))
    .where('system', '=', system)
    .execute()
}

export async function endSweep(store: Store, system: System, now: Date, fault: string | null): Promise<void> {
  await store.write(tx =>
    tx.updateTable('sweeps').set({ ended_at: now.getTime(), fault }).where('system', '=', system).execute(),
  )
}

function toPlace(row: Selectable<Tables['sweep_places']>): SweepPlace {
  const at = (time: number | null): Date | null => (time === null ? null : new Date(time))
  return {
    system: row.system,
    feed: row.feed,
    cursor: row.cursor,
    begunAt: at(row.begun_at),
    gapAt: at(row.gap_at),
    completeUpTo: at(row.complete_up_to),
  }
}
