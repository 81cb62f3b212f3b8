import { sql, type RawBuilder } from 'kysely'
import type { EntityType } from '../../schema/entities.ts'
import { normalizeEmail } from '../../schema/values.ts'
import type { PageFilter } from '../../subgraphs/contract.ts'
import type { StoreReader } from '../store/store.ts'
import type { Catalogue, KnownKind } from './catalogue.ts'
import { livingOf } from './links.ts'
import type { PageWindow, Place } from './page.ts'
import { inParts } from './records.ts'

/** A list but for whose it is and which page of it. */
export interface ListQuery {
  readonly entity: EntityType
  /** The type of the parents whose lists they are; null for the root list. */
  readonly parentType: EntityType | null
  readonly filter: PageFilter
}

export interface ListRow {
  /** The parent's id as it was asked for; null in the root list. */
  parent: string | null
  id: number
  system: string
  kind: string
  record_id: string
  sort_at: number
  near: string | null
}

/**
 * Rows of the pages of all parents, in the window's order: one more than the page's size where there are more.
 * One statement for a few hundred parents.
 */
export async function rowsOf(
  db: StoreReader,
  catalogue: Catalogue,
  list: ListQuery,
  parents: ReadonlySet<string | null>,
  window: PageWindow,
): Promise<readonly ListRow[]> {
  const owner = catalogue.ownerOf(list.entity)
  const conditions = conditionsOf(catalogue, list)
  if (owner === null || conditions === null) return []
  const isDescending = window.isNewestFirst !== window.isBackward
  const direction = sql.raw(isDescending ? 'desc' : 'asc')
  const inWindow = [isIn(owner), ...conditions, ...boundsOf(window)]
  const limit = sql.lit(window.limit + 1)
  // What Wanted.near is for: the parent record in the same system.
  const near = sql`(select min(n.parent_id) from parents n where n.child = t.id and n.parent_system = t.system)`

  if (list.parentType === null) {
    // The few that an e-mail or a time selects are sorted. The plus keeps the list's own order from looking cheaper.
    const plus = sql.raw(list.filter.email || list.filter.changedSince ? '+' : '')
    const order = sql`${plus}r.sort_at ${direction}, ${plus}r.id ${direction}`
    // Each status has its own list in the index; together they would be none.
    const lists = statusesOf(list.filter).map(
      status => sql`select * from (
        select r.id, r.system, r.kind, r.record_id, r.sort_at from records r
        where ${allOf([...inWindow, ...status])} order by ${order} limit ${limit}) s`,
    )
    const { rows } = await sql<ListRow>`
      select null as parent, t.id, t.system, t.kind, t.record_id, t.sort_at, ${near} as near
      from (${sql.join(lists, sql` union all `)}) t
      order by t.sort_at ${direction}, t.id ${direction} limit ${limit}`.execute(db)
    return rows
  }
  const parentOwner = catalogue.ownerOf(list.parentType)
  if (parentOwner === null) return []
  return inParts(namesOf(parents), async part => {
    const { rows } = await sql<ListRow>`
      with wanted(id, living) as (${livingOf(parentOwner, part)})
      select t.parent, t.id, t.system, t.kind, t.record_id, t.sort_at, ${near} as near from (
        select w.id as parent, r.id, r.system, r.kind, r.record_id, r.sort_at,
          row_number() over (partition by w.id order by r.sort_at ${direction}, r.id ${direction}) as place
        from wanted w ${childrenOf(parentOwner.entity)}
        where ${allOf([...inWindow, ...statusOf(list.filter)])}) t
      where t.place <= ${limit} order by t.parent, t.place`.execute(db)
    return rows
  })
}

/** How many entries the lists of the parents have, whatever the page. */
export async function countOf(
  db: StoreReader,
  catalogue: Catalogue,
  list: ListQuery,
  parents: ReadonlySet<string | null>,
): Promise<ReadonlyMap<string | null, number>> {
  const owner = catalogue.ownerOf(list.entity)
  const conditions = conditionsOf(catalogue, list)
  if (owner === null || conditions === null) return new Map()
  const inList = allOf([isIn(owner), ...conditions, ...statusOf(list.filter)])
  if (list.parentType === null) {
    const { rows } = await sql<{ total: number }>`select count(*) as total from records r where ${inList}`.execute(db)
    return new Map([[null, rows[0]?.total ?? 0]])
  }
  const parentOwner = catalogue.ownerOf(list.parentType)
  if (parentOwner === null) return new Map()
  const counts = await inParts(namesOf(parents), async part => {
    const { rows } = await sql<{ parent: string; total: number }>`
      with wanted(id, living) as (${livingOf(parentOwner, part)})
      select w.id as parent, count(*) as total
      from wanted w ${childrenOf(parentOwner.entity)} where ${inList} group by w.id`.execute(db)
    return rows
  })
  return new Map(counts.map(({ parent, total }) => [parent, total]))
}

function namesOf(parents: ReadonlySet<string | null>): readonly string[] {
  return [...parents].flatMap(id => id ?? [])
}

/** A child may name its parent twice (by a record and by text) and stands in the list once. */
function childrenOf(parentType: EntityType): RawBuilder<unknown> {
  return sql`join (select distinct p.entity_id, p.child from parents p
      where p.entity_type = ${parentType} and p.entity_id in (select living from wanted)) c on c.entity_id = w.living
    join records r on r.id = c.child`
}

// `is_deleted = 0` is written out: the lists' indexes hold living records only, and a parameter could be anything.
function isIn(owner: KnownKind): RawBuilder<unknown> {
  return sql`r.system = ${owner.system} and r.kind = ${owner.kind} and r.is_deleted = 0`
}

function allOf(conditions: readonly RawBuilder<unknown>[]): RawBuilder<unknown> {
  return sql.join(conditions, sql` and `)
}

/** The condition for each status asked for; one empty one when all are. */
function statusesOf({ status }: PageFilter): readonly RawBuilder<unknown>[][] {
  return status ? [...new Set(status)].map(one => [sql`r.status = ${one}`]) : [[]]
}

function statusOf({ status }: PageFilter): readonly RawBuilder<unknown>[] {
  return status ? [sql`r.status in (${sql.join(status)})`] : []
}

/** But for the status. @returns null when nothing can meet the filter */
function conditionsOf(catalogue: Catalogue, { filter }: ListQuery): readonly RawBuilder<unknown>[] | null {
  const conditions: RawBuilder<unknown>[] = []
  if (filter.status?.length === 0) return null
  if (typeof filter.isClosed === 'boolean') conditions.push(sql`r.is_closed = ${Number(filter.isClosed)}`)
  if (typeof filter.email === 'string') {
    const email = normalizeEmail(filter.email)
    if (email === null) return null
    conditions.push(sql`r.email = ${email}`)
  }
  if (filter.changedSince) conditions.push(sql`r.updated_at >= ${filter.changedSince.getTime()}`)
  for (const parent of filter.parents ?? []) {
    const owner = catalogue.ownerOf(parent.type)
    if (owner === null) return null
    conditions.push(sql`exists (select 1 from parents q where q.child = r.id and q.entity_type = ${parent.type}
      and q.entity_id = coalesce((select a.entity_id from links a where a.system = ${owner.system}
        and a.kind = ${owner.kind} and a.record_id = ${parent.id} and a.evidence = 'merged'), ${parent.id}))`)
  }
  return conditions
}

function boundsOf({ isNewestFirst, after, before }: PageWindow): readonly RawBuilder<unknown>[] {
  const bound = (place: Place | null, isOlder: boolean) =>
    place === null ? [] : [sql`(r.sort_at, r.id) ${sql.raw(isOlder ? '<' : '>')} (${place.sortAt}, ${place.rowId})`]
  return [...bound(after, isNewestFirst), ...bound(before, !isNewestFirst)]
}
