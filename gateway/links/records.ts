import type { Insertable, Selectable } from 'kysely'
import { recordKey, type RecordRef, type System } from '../../schema/systems.ts'
import type { Store, StoreReader, StoreTransaction } from '../store/store.ts'
import type { Tables } from '../store/tables.ts'
import type { Catalogue } from './catalogue.ts'
import { tailsOf } from './name-tails.ts'

export type RecordRow = Selectable<Tables['records']>
export type NewRecordRow = Insertable<Tables['records']>
export type LinkRow = Selectable<Tables['links']>
export type UnlinkedRow = Selectable<Tables['unlinked']>

/** Values in one `in (...)`. SQLite takes 32,766 in a statement; a few hundred keep it cheap to prepare. */
const listSize = 400

/** Runs a query for every few hundred of the values, one after the other. */
export async function inParts<T, R>(
  values: Iterable<T>,
  query: (part: readonly T[]) => Promise<readonly R[]>,
): Promise<R[]> {
  const all = [...values]
  const rows: R[] = []
  for (let at = 0; at < all.length; at += listSize) rows.push(...(await query(all.slice(at, at + listSize))))
  return rows
}

/** Ids of records of one kind. */
export interface IdsOfKind {
  readonly system: System
  readonly kind: string
  readonly ids: readonly string[]
}

/** Puts references together by kind, for `system = ? and kind = ? and record_id in (...)`. */
export function byKind(records: Iterable<RecordRef>): readonly IdsOfKind[] {
  const groups = new Map<string, { system: System; kind: string; ids: Set<string> }>()
  for (const { system, kind, id } of records) {
    const name = `${system}:${kind}`
    const group = groups.get(name) ?? { system, kind, ids: new Set<string>() }
    group.ids.add(id)
    groups.set(name, group)
  }
  return [...groups.values()].map(({ system, kind, ids }) => ({ system, kind, ids: [...ids] }))
}

export function refOf(row: { system: string; kind: string; record_id: string }): RecordRef {
  return { system: row.system, kind: row.kind, id: row.record_id }
}

/** The rows of records by `recordKey`, tombstones included; one statement a kind and few hundred ids. */
export async function readRecords(
  db: StoreReader,
  records: Iterable<RecordRef>,
): Promise<ReadonlyMap<string, RecordRow>> {
  const found = new Map<string, RecordRow>()
  for (const { system, kind, ids } of byKind(records)) {
    const rows = await inParts(ids, part =>
      db
        .selectFrom('records')
        .selectAll()
        .where('system', '=', system)
        .where('kind', '=', kind)
        .where('record_id', 'in', part)
        .execute(),
    )
    for (const row of rows) found.set(recordKey(refOf(row)), row)
  }
  return found
}

/** Whether the index has it, and its system has not deleted it. */
export async function isLivingRecord(store: Store, record: RecordRef): Promise<boolean> {
  const rows = await store.read(db => readRecords(db, [record]))
  return rows.get(recordKey(record))?.is_deleted === 0
}

/** A link, and whether its entity is there: one whose entity was deleted counts again once that is restored. */
export type HeldLink = LinkRow & { readonly isLiving: boolean }

/** The links of records by `recordKey`. */
export async function readLinks(
  db: StoreReader,
  catalogue: Catalogue,
  records: Iterable<RecordRef>,
): Promise<ReadonlyMap<string, HeldLink>> {
  const found = new Map<string, HeldLink>()
  for (const { system, kind, ids } of byKind(records)) {
    const owner = catalogue.ownerOf(catalogue.kindOf({ system, kind }).entity)
    const rows = await inParts(ids, part =>
      db
        .selectFrom('links as l')
        .leftJoin('records as o', join =>
          join
            .on('o.system', '=', owner?.system ?? '')
            .on('o.kind', '=', owner?.kind ?? '')
            .onRef('o.record_id', '=', 'l.entity_id'),
        )
        .selectAll('l')
        .select('o.is_deleted')
        .where('l.system', '=', system)
        .where('l.kind', '=', kind)
        .where('l.record_id', 'in', part)
        .execute(),
    )
    for (const { is_deleted, ...link } of rows)
      found.set(recordKey(refOf(link)), { ...link, isLiving: is_deleted === 0 })
  }
  return found
}

/** The id of the living entity that a link is to. */
export function linkedTo(link: HeldLink | undefined): string | null {
  return link?.isLiving === true ? link.entity_id : null
}

/** Writes rows whole, over those there are. @returns the `records.id` of each */
export async function writeRecords(
  tx: StoreTransaction,
  rows: readonly NewRecordRow[],
): Promise<readonly Pick<RecordRow, 'id' | 'system' | 'kind' | 'record_id'>[]> {
  const written = await inParts(rows, part =>
    tx
      .insertInto('records')
      .values(part)
      .onConflict(conflict =>
        conflict.columns(['system', 'kind', 'record_id']).doUpdateSet(eb => ({
          status: eb.ref('excluded.status'),
          is_closed: eb.ref('excluded.is_closed'),
          created_at: eb.ref('excluded.created_at'),
          updated_at: eb.ref('excluded.updated_at'),
          email: eb.ref('excluded.email'),
          names_type: eb.ref('excluded.names_type'),
          names_id: eb.ref('excluded.names_id'),
          sort_at: eb.ref('excluded.sort_at'),
          is_deleted: eb.ref('excluded.is_deleted'),
          deleted_at: eb.ref('excluded.deleted_at'),
          told: eb.ref('excluded.told'),
          seen_run: eb.ref('excluded.seen_run'),
          number: eb.ref('excluded.number'),
          due_at: eb.ref('excluded.due_at'),
          currency: eb.ref('excluded.currency'),
          total: eb.ref('excluded.total'),
          amount_paid: eb.ref('excluded.amount_paid'),
          amount_remaining: eb.ref('excluded.amount_remaining'),
          first_day: eb.ref('excluded.first_day'),
          last_day: eb.ref('excluded.last_day'),
          assignee_id: eb.ref('excluded.assignee_id'),
          name: eb.ref('excluded.name'),
          has_values: eb.ref('excluded.has_values'),
          shown_as: eb.ref('excluded.shown_as'),
        })),
      )
      .returning(['id', 'system', 'kind', 'record_id', 'name'])
      .execute(),
  )
  await writeTails(tx, written)
  return written
}

/** Makes names findable from each of their words on. */
async function writeTails(tx: StoreTransaction, rows: readonly Pick<RecordRow, 'id' | 'name'>[]): Promise<void> {
  await inParts(
    rows.map(row => row.id),
    async part => {
      await tx.deleteFrom('name_tails').where('record', 'in', part).execute()
      return []
    },
  )
  const tails = rows.flatMap(({ id, name }) => (name === null ? [] : tailsOf(name).map(tail => ({ tail, record: id }))))
  await inParts(tails, async part => {
    await tx.insertInto('name_tails').values(part).execute()
    return []
  })
}
