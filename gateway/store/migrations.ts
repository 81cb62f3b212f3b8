import { type Kysely, sql } from 'kysely'
import type { Clock, Log } from '../../subgraphs/contract.ts'
import {
  budgetSchema,
  heardSchema,
  importSettingsSchema,
  indexedValuesSchema,
  leases,
  mentionsSchema,
  outageSchema,
  renamedSchema,
  schema,
  traceSchema,
  writesSchema,
} from './schema.ts'
import { deliverySchema } from './schema-deliveries.ts'
import { linksSchema } from './schema-links.ts'
import { StoreError, type StoreTransaction } from './store.ts'
import type { Tables } from './tables.ts'

/** A statement, or work on rows that no statement can do. */
export type MigrationStep = string | ((tx: StoreTransaction) => Promise<void>)

/** One step from a version of the tables to the next. */
export type Migration = readonly MigrationStep[]

/** In order: the first makes version 1. Only ever added to, once a version has been released. */
export const migrations: readonly Migration[] = [
  schema,
  leases,
  deliverySchema,
  writesSchema,
  budgetSchema,
  traceSchema,
  importSettingsSchema,
  heardSchema,
  outageSchema,
  indexedValuesSchema,
  mentionsSchema,
  linksSchema,
  renamedSchema,
]

/**
 * Brings the tables up to the newest version, each step in a transaction of its own.
 * @throws StoreError `unavailable` when a newer program has written this store
 */
export async function migrate(
  db: Kysely<Tables>,
  steps: readonly Migration[],
  { log, clock }: { log: Log; clock: Clock },
): Promise<void> {
  await sql`create table if not exists meta (name text primary key, value text not null)`.execute(db)
  const found = await versionOf(db)
  if (found > steps.length)
    throw new StoreError(
      'unavailable',
      `the store has version ${found} and this program knows versions up to ${steps.length}: run the newer program`,
    )
  for (const [index, statements] of steps.entries()) {
    const version = index + 1
    if (version <= found) continue
    await db.transaction().execute(async tx => {
      for (const step of statements) await (typeof step === 'string' ? sql.raw(step).execute(tx) : step(tx))
      await tx
        .insertInto('meta')
        .values([
          { name: 'version', value: String(version) },
          { name: 'migrated_at', value: clock.now().toISOString() },
        ])
        .onConflict(on => on.column('name').doUpdateSet(row => ({ value: row.ref('excluded.value') })))
        .execute()
    })
    log.info({ version }, 'store migrated')
  }
}

/** @returns 0 for an empty store */
async function versionOf(db: Kysely<Tables>): Promise<number> {
  const row = await db.selectFrom('meta').select('value').where('name', '=', 'version').executeTakeFirst()
  if (row === undefined) return 0
  const version = Number(row.value)
  if (Number.isSafeInteger(version) && version > 0) return version
  throw new StoreError('unavailable', "the store's version is not a number: this is no store of this program")
}
