import { sql } from 'kysely'
import type { Change } from '../../schema/change.ts'
import type { Clock } from '../../subgraphs/contract.ts'
import { applyObservations } from '../changes/apply.ts'
import type { ImportProgress } from '../store/progress.ts'
import type { Store } from '../store/store.ts'
import type { Catalogue } from './catalogue.ts'

/** Rows looked at in one transaction: it holds up the other writers. */
const rowsAtOnce = 500

/**
 * Deletes the living records of a kind that neither the listing nor a webhook has shown since the import began, and that
 * are not younger than it.
 */
export async function deleteUnseen(
  store: Store,
  catalogue: Catalogue,
  { system, kind, run, startedAt }: ImportProgress,
  clock: Clock,
  signal: AbortSignal,
  onApplied: (changes: readonly Change[]) => void,
): Promise<void> {
  const began = startedAt.getTime()
  let behind = { sort_at: Number.MIN_SAFE_INTEGER, id: 0 }
  for (;;) {
    signal.throwIfAborted()
    const { changes, last } = await store.write(async tx => {
      // In the order of `records_by_sort`, from where the last rows were, so that no row is looked at twice.
      const rows = await tx
        .selectFrom('records')
        .select(['id', 'sort_at', 'record_id'])
        .where('system', '=', system)
        .where('kind', '=', kind)
        .where('is_deleted', '=', sql.lit(0))
        .where('sort_at', '<', began)
        .where(sql<boolean>`(sort_at, id) > (${behind.sort_at}, ${behind.id})`)
        .where(eb => eb.or([eb('seen_run', 'is', null), eb('seen_run', '<', run)]))
        .where(eb => eb.or([eb('updated_at', 'is', null), eb('updated_at', '<', began)]))
        .orderBy('sort_at')
        .orderBy('id')
        .limit(rowsAtOnce)
        .execute()
      const observations = rows.map(row => ({
        record: { system, kind, id: row.record_id },
        observed: null,
        kind: 'DELETED' as const,
        fields: [],
        at: startedAt,
        origin: 'import' as const,
      }))
      const applied = await applyObservations(tx, catalogue, observations, clock.now())
      return { changes: applied, last: rows.at(-1) }
    })
    if (changes.length > 0) onApplied(changes)
    if (last === undefined) return
    behind = last
  }
}
