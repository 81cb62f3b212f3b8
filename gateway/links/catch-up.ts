import type { Change } from '../../schema/change.ts'
import { entityTypes } from '../../schema/entities.ts'
import { linkedChange } from '../changes/linked.ts'
import { appendChanges } from '../changes/log.ts'
import { catchUpName } from '../store/schema-links.ts'
import type { Store, StoreTransaction } from '../store/store.ts'
import type { Catalogue } from './catalogue.ts'
import { resolveParents } from './parents.ts'
import { readRecords, refOf } from './records.ts'
import { settle } from './settle.ts'

/** Rows looked at in one transaction. */
const rowsAtOnce = 400

/**
 * After an upgrade that matches by more than before: looks again at what was linked to nothing and resolved to nothing. What was
 * linked stays. It takes a moment, once for each store.
 * @param commit commits the work and has its Changes followed
 */
export async function catchUpLinks(
  store: Store,
  catalogue: Catalogue,
  now: () => Date,
  commit: (work: (tx: StoreTransaction) => Promise<readonly Change[]>) => Promise<unknown>,
): Promise<void> {
  const due = await store.read(db => db.selectFrom('meta').select('name').where('name', '=', catchUpName).execute())
  if (due.length === 0) return
  const matchFrom = async (after: number): Promise<number | null> => {
    const reached: { last: number | null } = { last: null }
    await commit(async tx => {
      const { changes, last } = await matchAgain(tx, catalogue, after, now())
      reached.last = last
      return changes
    })
    return reached.last
  }
  for (let after: number | null = 0; after !== null;) after = await matchFrom(after)
  for (let after: number | null = 0; after !== null;) {
    const from: number = after
    after = await store.write(tx => resolveAgain(tx, catalogue, from))
  }
  await store.write(tx => tx.deleteFrom('meta').where('name', '=', catchUpName).execute())
}

async function matchAgain(
  tx: StoreTransaction,
  catalogue: Catalogue,
  after: number,
  now: Date,
): Promise<{ readonly changes: readonly Change[]; readonly last: number | null }> {
  const rows = await tx
    .selectFrom('unlinked')
    .select(['id', 'system', 'kind', 'record_id'])
    .where('by_person', '=', 0)
    .where('id', '>', after)
    .orderBy('id')
    .limit(rowsAtOnce)
    .execute()
  const isConnected = (row: { system: string; kind: string }): boolean =>
    catalogue.kinds.some(kind => kind.system === row.system && kind.kind === row.kind)
  const copies = await readRecords(tx, rows.filter(isConnected).map(refOf))
  const living = [...copies.values()].filter(copy => copy.is_deleted === 0)
  const { links: matched } = await settle(tx, catalogue, { owners: [], copies: living, goneCopies: [] }, now)
  const changes = matched.map(change => linkedChange(change, now))
  return {
    changes: changes.length === 0 ? [] : await appendChanges(tx, changes, now),
    last: rows.at(-1)?.id ?? null,
  }
}

async function resolveAgain(tx: StoreTransaction, catalogue: Catalogue, after: number): Promise<number | null> {
  const rows = await tx
    .selectFrom('parents')
    .select('child')
    .distinct()
    .where('entity_id', 'is', null)
    .where('child', '>', after)
    .orderBy('child')
    .limit(rowsAtOnce)
    .execute()
  const children = rows.map(row => row.child)
  for (const type of entityTypes) await resolveParents(tx, catalogue, type, { children })
  return children.at(-1) ?? null
}
