import type { NewChange } from '../../schema/change.ts'
import { entityKey, type EntityRef } from '../../schema/entities.ts'
import type { Catalogue } from '../links/catalogue.ts'
import { entitiesOf, readParents, type Moved } from '../links/parents.ts'
import { inParts, refOf } from '../links/records.ts'
import type { StoreTransaction } from '../store/store.ts'

/**
 * The Changes of children that belong to another entity now, though nothing of their own records has changed: a job that names its
 * customer by an e-mail address which a contact has gained. One a child, however many of its parents are others.
 */
export async function movedChanges(
  tx: StoreTransaction,
  catalogue: Catalogue,
  moved: readonly Moved[],
  now: Date,
): Promise<readonly NewChange[]> {
  if (moved.length === 0) return []
  const byChild = new Map<number, Moved[]>()
  for (const one of moved) byChild.set(one.child, [...(byChild.get(one.child) ?? []), one])
  // In one order on every store.
  const children = [...byChild.keys()].toSorted((a, b) => a - b)
  const rows = await inParts(children, part =>
    tx
      .selectFrom('records')
      .select(['id', 'system', 'kind', 'record_id', 'status'])
      .where('id', 'in', part)
      .where('is_deleted', '=', 0)
      .orderBy('id')
      .execute(),
  )
  const parents = await readParents(
    tx,
    rows.map(row => row.id),
  )
  return rows.flatMap((row): NewChange[] => {
    const record = refOf(row)
    if (!catalogue.isOwner(record)) return []
    const parentsAfter = entitiesOf(parents.get(row.id))
    const moves = byChild.get(row.id) ?? []
    const parentsBefore = before(parentsAfter, moves)
    if (sameEntities(parentsBefore, parentsAfter)) return []
    return [
      {
        kind: 'UPDATED',
        record,
        entity: { type: catalogue.kindOf(record).entity, id: record.id },
        fields: [...new Set(moves.map(({ type }) => type.toLowerCase()))],
        parentsBefore,
        parentsAfter,
        statusBefore: row.status,
        statusAfter: row.status,
        at: now,
      },
    ]
  })
}

function before(parentsAfter: readonly EntityRef[], moves: readonly Moved[]): readonly EntityRef[] {
  const refs = new Map(parentsAfter.map(parent => [entityKey(parent), parent]))
  for (const { type, after } of moves) if (after !== null) refs.delete(entityKey({ type, id: after }))
  for (const { type, before: id } of moves) if (id !== null) refs.set(entityKey({ type, id }), { type, id })
  return [...refs.values()]
}

function sameEntities(some: readonly EntityRef[], others: readonly EntityRef[]): boolean {
  const keys = new Set(some.map(entityKey))
  return keys.size === others.length && others.every(one => keys.has(entityKey(one)))
}
