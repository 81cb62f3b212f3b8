import { sql } from 'kysely'
import { z } from 'zod'
import { isEntityType, type EntityRef, type EntityType } from '../../schema/entities.ts'
import type { Unlinked, UnlinkedReason } from '../../schema/link.ts'
import { recordKey, type RecordRef, type System } from '../../schema/systems.ts'
import { parseColumn } from '../store/json-column.ts'
import type { Store, StoreReader } from '../store/store.ts'
import type { Catalogue } from './catalogue.ts'
import { readHolders } from './match.ts'
import { badInput, readPage, readWindow, type End, type Window, type WindowArguments } from './page.ts'
import { linkedTo, readLinks, refOf } from './records.ts'

export interface UnlinkedFilter {
  readonly reason?: UnlinkedReason | null
  readonly system?: System | null
}

interface Entry {
  readonly cursor: string
  readonly unlinked: Unlinked
}

export interface UnlinkedPage {
  readonly entries: readonly Entry[]
  hasNextPage(): Promise<boolean>
  hasPreviousPage(): Promise<boolean>
  /** Asked of the store only when called. */
  totalCount(): Promise<number>
}

const ids = z.array(z.string())

/** Copies come first, then records whose parent is in question. */
type Place =
  | { readonly of: 'copy'; readonly id: number }
  | { readonly of: 'child'; readonly id: number; readonly entity: EntityType }

/**
 * Records whose entity is in question: copies that are of none or contradict their link, oldest first, but for those that a person
 * said are of none; then records of any kind that name, in a field or as a record of their system, what does not exist or is
 * not clear.
 * @throws GraphQLError `BAD_USER_INPUT` for a page of no size or over 100, or a foreign cursor
 */
export async function unlinkedPage(
  store: Store,
  catalogue: Catalogue,
  filter: UnlinkedFilter,
  page: WindowArguments,
): Promise<UnlinkedPage> {
  const window = readWindow(page, placeOf)
  const { rows, hasNextPage, hasPreviousPage } = await readPage(window, part =>
    store.read(db => readEntries(db, catalogue, filter, part)),
  )
  return {
    entries: rows,
    hasNextPage,
    hasPreviousPage,
    totalCount: () =>
      store.read(async db => {
        const copies = await copiesIn(db, filter)
          .select(eb => eb.fn.countAll<number>().as('total'))
          .executeTakeFirst()
        const children = await childrenIn(db, filter)
          .select(eb => eb.fn.countAll<number>().as('total'))
          .executeTakeFirst()
        return (copies?.total ?? 0) + (children?.total ?? 0)
      }),
  }
}

/** @returns one more than the window's limit where there are more, in its order */
async function readEntries(
  db: StoreReader,
  catalogue: Catalogue,
  filter: UnlinkedFilter,
  { limit, isBackward, after, before }: Window<Place>,
): Promise<readonly Entry[]> {
  const most = limit + 1
  const direction = isBackward ? 'desc' : 'asc'
  const copies = (count: number): Promise<readonly Entry[]> =>
    count === 0 || after?.place.of === 'child'
      ? Promise.resolve([])
      : readCopies(db, catalogue, filter, {
          after: within(after, 'copy'),
          before: within(before, 'copy'),
          direction,
          limit: count,
        })
  const children = (count: number): Promise<readonly Entry[]> =>
    count === 0 || before?.place.of === 'copy'
      ? Promise.resolve([])
      : readChildren(db, catalogue, filter, {
          after: within(after, 'child'),
          before: within(before, 'child'),
          direction,
          limit: count,
        })
  const [nearer, farther] = isBackward ? [children, copies] : [copies, children]
  const found = await nearer(most)
  return [...found, ...(await farther(most - found.length))]
}

/** The end, where it is of this part of the list; the other part lies wholly on one side of it. */
function within<Of extends Place['of']>(end: End<Place> | null, of: Of): End<Extract<Place, { of: Of }>> | null {
  return end !== null && isOf(end.place, of) ? { ...end, place: end.place } : null
}

function isOf<Of extends Place['of']>(place: Place, of: Of): place is Extract<Place, { of: Of }> {
  return place.of === of
}

interface Part<Of extends Place['of']> {
  readonly after: End<Extract<Place, { of: Of }>> | null
  readonly before: End<Extract<Place, { of: Of }>> | null
  readonly direction: 'asc' | 'desc'
  readonly limit: number
}

async function readCopies(
  db: StoreReader,
  catalogue: Catalogue,
  filter: UnlinkedFilter,
  { after, before, direction, limit }: Part<'copy'>,
): Promise<Entry[]> {
  let query = copiesIn(db, filter).selectAll()
  if (after !== null) query = query.where('u.id', after.isIncluded === true ? '>=' : '>', after.place.id)
  if (before !== null) query = query.where('u.id', before.isIncluded === true ? '<=' : '<', before.place.id)
  const rows = await query.orderBy('u.id', direction).limit(limit).execute()
  // Of a tool that is not connected any more nothing is known.
  const isConnected = ({ system, kind }: RecordRef): boolean =>
    catalogue.kinds.some(known => known.system === system && known.kind === kind)
  const links = await readLinks(db, catalogue, rows.map(refOf).filter(isConnected))
  return rows.flatMap(row => {
    const type = row.entity_type
    if (!isEntityType(type)) return []
    const id = linkedTo(links.get(recordKey(refOf(row))))
    const unlinked: Unlinked = {
      record: refOf(row),
      entityType: type,
      entity: id === null ? null : { type, id },
      reason: row.reason,
      candidates: parseColumn(ids, row.candidates, 'unlinked.candidates').map(candidate => ({ type, id: candidate })),
      since: new Date(row.since),
    }
    return [{ cursor: cursorOf({ of: 'copy', id: row.id }), unlinked }]
  })
}

function copiesIn(db: StoreReader, { reason, system }: UnlinkedFilter) {
  let query = db.selectFrom('unlinked as u').where('u.by_person', '=', 0)
  if (reason) query = query.where('u.reason', '=', reason)
  if (system) query = query.where('u.system', '=', system)
  return query
}

function childrenIn(db: StoreReader, { reason, system }: UnlinkedFilter) {
  let query = db
    .selectFrom('parents as p')
    .innerJoin('records as r', 'r.id', 'p.child')
    .where('p.fault', 'is not', null)
    .where('r.is_deleted', '=', 0)
  if (reason === 'BIRTH') query = query.where(sql<boolean>`1 = 0`)
  else if (reason) query = query.where('p.fault', '=', reason)
  if (system) query = query.where('r.system', '=', system)
  return query
}

async function readChildren(
  db: StoreReader,
  catalogue: Catalogue,
  filter: UnlinkedFilter,
  { after, before, direction, limit }: Part<'child'>,
): Promise<Entry[]> {
  let query = childrenIn(db, filter)
    .select(['p.child', 'p.entity_type', 'p.entity_id', 'p.reference', 'p.number', 'p.fault'])
    .select(['r.system', 'r.kind', 'r.record_id', 'r.email', 'r.updated_at', 'r.sort_at'])
  const bound = (operator: '<' | '>', { place, isIncluded = false }: End<Extract<Place, { of: 'child' }>>) =>
    sql<boolean>`(p.child, p.entity_type) ${sql.raw(`${operator}${isIncluded ? '=' : ''}`)} (${place.id}, ${place.entity})`
  if (after !== null) query = query.where(bound('>', after))
  if (before !== null) query = query.where(bound('<', before))
  const rows = await query.orderBy('p.child', direction).orderBy('p.entity_type', direction).limit(limit).execute()
  const holdersOf = await readCandidates(
    db,
    catalogue,
    rows.flatMap(row => (row.fault === 'UNKNOWN_REFERENCE' ? [] : [row])),
  )
  return rows.flatMap(row => {
    const { entity_type: type, entity_id: id, fault: reason } = row
    if (!isEntityType(type) || reason === null) return []
    const unlinked: Unlinked = {
      record: refOf(row),
      entityType: type,
      entity: id === null ? null : { type, id },
      reason,
      candidates: reason === 'UNKNOWN_REFERENCE' ? [] : holdersOf(type, nameIn(row)),
      since: new Date(row.updated_at ?? row.sort_at),
    }
    return [{ cursor: cursorOf({ of: 'child', id: row.child, entity: type }), unlinked }]
  })
}

interface Naming {
  readonly entity_type: string
  readonly number: string | null
  readonly reference: string | null
  readonly email: string | null
}

/** What a row names its parent by: the number of an order, an e-mail address, or its own where it names a record. */
function nameIn({ number, reference, email }: Naming): string | null {
  return number ?? reference ?? email
}

/** @returns who bears a name that rows name */
async function readCandidates(
  db: StoreReader,
  catalogue: Catalogue,
  rows: readonly Naming[],
): Promise<(type: EntityType, name: string | null) => readonly EntityRef[]> {
  const found = new Map<string, ReadonlyMap<string, ReadonlySet<string>>>()
  for (const type of new Set(rows.map(row => row.entity_type))) {
    const owner = isEntityType(type) ? catalogue.ownerOf(type) : null
    const names = rows.flatMap(row => (row.entity_type === type ? (nameIn(row) ?? []) : []))
    if (owner !== null) found.set(type, await readHolders(db, owner, names))
  }
  return (type, name) => [...(found.get(type)?.get(name ?? '') ?? [])].sort().map(id => ({ type, id }))
}

function cursorOf(place: Place): string {
  return Buffer.from(place.of === 'copy' ? `u1:copy:${place.id}` : `u1:child:${place.id}:${place.entity}`).toString(
    'base64url',
  )
}

function placeOf(name: 'after' | 'before', cursor: string): Place {
  const [, copy, child, entity = ''] =
    /^u1:(?:copy:(\d{1,15})|child:(\d{1,15}):(\w+))$/.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? []
  if (copy !== undefined) return { of: 'copy', id: Number(copy) }
  if (child !== undefined && isEntityType(entity)) return { of: 'child', id: Number(child), entity }
  throw badInput(`${name}: expected a cursor of this list, as an earlier page gave it`)
}
