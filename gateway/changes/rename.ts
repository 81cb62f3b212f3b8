import type { Change, NewChange } from '../../schema/change.ts'
import { recordKey, type RecordRef } from '../../schema/systems.ts'
import type { NamedRecord } from '../../subgraphs/contract.ts'
import type { Catalogue, KnownMentionedKind } from '../links/catalogue.ts'
import { printOf } from '../links/mentions.ts'
import { entitiesOf, readParents } from '../links/parents.ts'
import { linkedTo, readLinks, refOf } from '../links/records.ts'
import type { StoreReader, StoreTransaction } from '../store/store.ts'
import { appendChanges } from './log.ts'

/** Records changed in one transaction: it holds up the other writers. */
export const renamedAtOnce = 200

/**
 * Has some of those that show another name of the record show this one, and appends their Changes. What each shows is kept with it: done
 * again, however it was ended, it goes on with those that are left.
 * @returns the Changes; none when all show this name
 */
export async function applyName(
  tx: StoreTransaction,
  catalogue: Catalogue,
  { record, name }: NamedRecord,
  at: Date,
  now: Date,
): Promise<readonly Change[]> {
  const kind = mentionedKind(catalogue, record)
  const print = printOf(name)
  const rows = await tx
    .selectFrom('mentions as m')
    .innerJoin('records as r', 'r.id', 'm.child')
    .select(['r.id', 'r.system', 'r.kind', 'r.record_id', 'r.status'])
    .where('m.system', '=', record.system)
    .where('m.kind', '=', record.kind)
    .where('m.record_id', '=', record.id)
    .where(eb => eb.or([eb('m.shown', '<', print), eb('m.shown', '>', print)]))
    .limit(renamedAtOnce)
    .execute()
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  await tx
    .updateTable('mentions')
    .set({ shown: print })
    .where('child', 'in', ids)
    .where('kind', '=', record.kind)
    .where('record_id', '=', record.id)
    .execute()
  if (kind.isStatus === true) await tx.updateTable('records').set({ status: name }).where('id', 'in', ids).execute()

  const parents = await readParents(tx, ids)
  const links = await readLinks(tx, catalogue, rows.map(refOf))
  const changes = rows.map((row): NewChange => {
    const child = refOf(row)
    const { entity: type, fields } = kind
    const linked = linkedTo(links.get(recordKey(child)))
    const isOwner = catalogue.isOwner(child)
    const entity = isOwner ? { type, id: child.id } : linked === null ? null : { type, id: linked }
    const above = isOwner ? entitiesOf(parents.get(row.id)) : entity === null ? [] : [entity]
    return {
      kind: 'UPDATED',
      record: child,
      entity,
      fields,
      parentsBefore: above,
      parentsAfter: above,
      statusBefore: row.status,
      statusAfter: kind.isStatus === true ? name : row.status,
      at,
      renamed: record,
    }
  })
  return appendChanges(tx, changes, now)
}

/** The name of a record that does not exist (any more), for those that still show it: they show none. */
export const noName = ''

/** The next records that mention one, in the order of their rows. */
export async function mentioning(
  db: StoreReader,
  { system, kind, id }: RecordRef,
  behind: number,
): Promise<readonly { readonly row: number; readonly record: RecordRef }[]> {
  const rows = await db
    .selectFrom('mentions as m')
    .innerJoin('records as r', 'r.id', 'm.child')
    .select(['r.id', 'r.system', 'r.kind', 'r.record_id'])
    .where('m.system', '=', system)
    .where('m.kind', '=', kind)
    .where('m.record_id', '=', id)
    .where('m.child', '>', behind)
    .orderBy('m.child')
    .limit(renamedAtOnce)
    .execute()
  return rows.map(row => ({ row: row.id, record: refOf(row) }))
}

/** @throws Error for a record of another kind */
export function mentionedKind(catalogue: Catalogue, record: RecordRef): KnownMentionedKind {
  const kind = catalogue.mentionedKindOf(record)
  if (kind === null) throw new Error(`expected a kind declared as mentioned, got ${record.system}:${record.kind}`)
  return kind
}
