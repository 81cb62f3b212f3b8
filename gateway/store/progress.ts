import type { Selectable } from 'kysely'
import type { System } from '../../schema/systems.ts'
import type { Importer } from '../../subgraphs/contract.ts'
import type { StoreReader, StoreTransaction } from './store.ts'
import type { Tables } from './tables.ts'

/** How far the import of one kind of record has come. */
export interface ImportProgress {
  readonly system: System
  readonly kind: string
  /** Raised by each import from the start. */
  readonly run: number
  /** `listingSettings` of its importer when it was begun. */
  readonly settings: string | null
  readonly state: 'running' | 'done'
  /** Where the vendor's listing goes on; null at its start and its end. */
  readonly cursor: string | null
  readonly imported: number
  /** Null where the vendor does not say. */
  readonly total: number | null
  readonly startedAt: Date
  readonly updatedAt: Date
  /** When all records of the kind were last known; null before the first import's end. */
  readonly completedAt: Date | null
}

/** Raise it when the index keeps something else of records than before: every record is listed anew then. */
const keptVersion = 3

/** What a listing hangs on: what the index keeps, and the settings by which it is read. */
export function listingSettings({ settings = '' }: Importer): string {
  return `${keptVersion} ${settings}`
}

/** Whether what was imported of a kind, or was begun to be, was by this version of the program and with the settings of now. */
export function isOfTheseSettings(progress: ImportProgress, importer: Importer): boolean {
  return progress.settings === listingSettings(importer)
}

/** @param db a reader, or the transaction that is going to write it */
export async function readProgress(db: StoreReader, system: System, kind: string): Promise<ImportProgress | null> {
  const row = await db
    .selectFrom('import_progress')
    .selectAll()
    .where('system', '=', system)
    .where('kind', '=', kind)
    .executeTakeFirst()
  return row === undefined ? null : toProgress(row)
}

/** By system and kind. */
export async function listProgress(db: StoreReader): Promise<readonly ImportProgress[]> {
  const rows = await db.selectFrom('import_progress').selectAll().orderBy('system').orderBy('kind').execute()
  return rows.map(toProgress)
}

/** Sets all of it, in the transaction that writes the records it counts. */
export async function writeProgress(tx: StoreTransaction, progress: ImportProgress): Promise<void> {
  const { system, kind } = progress
  const values = {
    run: progress.run,
    settings: progress.settings,
    state: progress.state,
    cursor: progress.cursor,
    imported: progress.imported,
    total: progress.total,
    started_at: progress.startedAt.getTime(),
    updated_at: progress.updatedAt.getTime(),
    completed_at: progress.completedAt?.getTime() ?? null,
  }
  await tx
    .insertInto('import_progress')
    .values({ system, kind, ...values })
    .onConflict(on => on.columns(['system', 'kind']).doUpdateSet(values))
    .execute()
}

function toProgress(row: Selectable<Tables['import_progress']>): ImportProgress {
  return {
    system: row.system,
    kind: row.kind,
    run: row.run,
    settings: row.settings,
    state: row.state,
    cursor: row.cursor,
    imported: row.imported,
    total: row.total,
    startedAt: new Date(row.started_at),
    updatedAt: new Date(row.updated_at),
    completedAt: row.completed_at === null ? null : new Date(row.completed_at),
  }
}
