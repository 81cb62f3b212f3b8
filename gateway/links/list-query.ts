import { sql, type RawBuilder } from 'kysely'
import type { EntityType } from '../../schema/entities.ts'
import type { IndexSum, PageFilter } from '../../subgraphs/contract.ts'
import type { StoreReader } from '../store/store.ts'
import type { Catalogue, KnownKind } from './catalogue.ts'
import { livingOf } from './links.ts'
import { allOf, conditionsOf, hidden, plain, type Column, type ListConditions } from './list-conditions.ts'
import type { End, PageWindow, Place } from './page.ts'
import { inParts } from './records.ts'

type Sql = RawBuilder<unknown>

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

export interface ParentSum extends IndexSum {
  /** The parent's id as it was asked for; null in the root list. */
  readonly parent: string | null
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
  const conditions = conditionsOf(catalogue, list.filter, list.parentType !== null)
  if (owner === null || conditions === null) return []
  const isDescending = window.isNewestFirst !== window.isBackward
  const direction = sql.raw(isDescending ? 'desc' : 'asc')
  const inWindow = [
    isIn(owner, conditions),
    ...conditions.all,
    ...boundsOf(window, conditions.isSorted ? hidden : plain),
  ]
  const limit = sql.lit(window.limit + 1)

  if (list.parentType === null) {
    // The few that a value selects are sorted. The plus keeps the list's own order from looking cheaper.
    const plus = sql.raw(conditions.isSorted ? '+' : '')
    const order = sql`${plus}r.sort_at ${direction}, ${plus}r.id ${direction}`
    // Each status has its own list in the index; together they would be none.
    const statuses = conditions.statuses.length === 0 ? [[]] : conditions.statuses.map(status => [status])
    const lists = statuses.map(
      status => sql`select * from (
        select r.id, r.sort_at from records r
        where ${allOf([...inWindow, ...status])} order by ${order} limit ${limit}) s`,
    )
    const { rows } = await sql<ListRow>`
      select null as parent, t.id, o.system, o.kind, o.record_id, t.sort_at, ${nearOf(owner)} as near
      from (${sql.join(lists, sql` union all `)}) t join records o on o.id = t.id
      order by t.sort_at ${direction}, t.id ${direction} limit ${limit}`.execute(db)
    return rows
  }
  const parentOwner = catalogue.ownerOf(list.parentType)
  if (parentOwner === null) return []
  return inParts(namesOf(parents), async part => {
    const place = sql`r.sort_at ${direction}, r.id ${direction}`
    const children = (columns: Sql) => sql`select w.id as parent, r.id, r.sort_at, ${columns} from wanted w
      ${childrenOf(parentOwner.entity)} where ${allOf([...inWindow, ...conditions.statuses])}`
    // A limit keeps the few that it needs as it reads; numbering sorts every child.
    const page =
      part.length === 1
        ? sql`select * from (${children(sql`0 as place`)} order by ${place} limit ${limit}) s`
        : sql`select * from (${children(sql`row_number() over (partition by w.id order by ${place}) as place`)}) s
            where s.place <= ${limit}`
    const { rows } = await sql<ListRow>`
      with wanted(id, living) as (${livingOf(parentOwner, part)})
      select t.parent, t.id, o.system, o.kind, o.record_id, t.sort_at, ${nearOf(owner)} as near
      from (${page}) t join records o on o.id = t.id
      order by t.parent, t.sort_at ${direction}, t.id ${direction}`.execute(db)
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
  const conditions = conditionsOf(catalogue, list.filter, list.parentType !== null)
  if (owner === null || conditions === null) return new Map()
  const inList = allOf([isIn(owner, conditions), ...conditions.all, ...anyOf(conditions.statuses)])
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

/** What the entries of the parents' lists come to, by status and currency. */
export async function sumsOf(
  db: StoreReader,
  catalogue: Catalogue,
  list: ListQuery,
  parents: ReadonlySet<string | null>,
): Promise<readonly ParentSum[]> {
  const owner = catalogue.ownerOf(list.entity)
  const conditions = conditionsOf(catalogue, list.filter, list.parentType !== null)
  if (owner === null || conditions === null) return []
  const inList = allOf([
    isIn(owner, conditions),
    sql`r.currency is not null`,
    ...conditions.all,
    ...anyOf(conditions.statuses),
  ])
  // The index of all sums would look cheaper to SQLite than that of a condition, for its order.
  const column = list.parentType === null && conditions.all.length === 0 ? plain : hidden
  const groups = sql`${column('status', 'text')}, ${column('currency', 'text')}`
  const sums = sql`${column('status', 'text')} as status, ${column('currency', 'text')} as currency, count(*) as count,
    ${sql.join(amounts.map(partsOf))}`
  const read = async (statement: RawBuilder<SumRow>): Promise<readonly ParentSum[]> =>
    (await statement.execute(db)).rows.map(sumOf)
  if (list.parentType === null) {
    return read(sql`select null as parent, ${sums} from records r
      where ${inList} group by ${groups} order by ${groups}`)
  }
  const parentOwner = catalogue.ownerOf(list.parentType)
  if (parentOwner === null) return []
  return inParts(namesOf(parents), part =>
    read(sql`with wanted(id, living) as (${livingOf(parentOwner, part)})
      select w.id as parent, ${sums} from wanted w ${childrenOf(parentOwner.entity)}
      where ${inList} group by w.id, ${groups} order by ${groups}`),
  )
}

const amounts = ['total', 'amount_paid', 'amount_remaining'] as const

/** A sum of amounts may need more than the 64 bits that SQLite has: their upper and lower parts are summed by themselves. */
const lowerPart = 2 ** 26

/** As text: a number would be rounded above 2^53. */
function partsOf(name: (typeof amounts)[number]): Sql {
  const amount = sql.ref(`r.${name}`)
  const part = sql.lit(lowerPart)
  return sql`count(${amount}) as ${sql.ref(`${name}_known`)},
    cast(coalesce(sum(${amount} / ${part}), 0) as text) as ${sql.ref(`${name}_upper`)},
    cast(coalesce(sum(${amount} % ${part}), 0) as text) as ${sql.ref(`${name}_lower`)}`
}

type SumRow = {
  readonly parent: string | null
  readonly status: string | null
  readonly currency: string
  readonly count: number
} & { readonly [Name in `${(typeof amounts)[number]}_known`]: number } & {
  readonly [Name in `${(typeof amounts)[number]}_${'upper' | 'lower'}`]: string
}

function sumOf(row: SumRow): ParentSum {
  const { parent, status, currency, count } = row
  const amount = (name: (typeof amounts)[number]): bigint | null =>
    row[`${name}_known`] === count
      ? BigInt(row[`${name}_upper`]) * BigInt(lowerPart) + BigInt(row[`${name}_lower`])
      : null
  return {
    parent,
    status,
    currency: currency === '' ? null : currency,
    count,
    total: amount('total'),
    amountPaid: amount('amount_paid'),
    amountRemaining: amount('amount_remaining'),
  }
}

function namesOf(parents: ReadonlySet<string | null>): readonly string[] {
  return [...parents].flatMap(id => id ?? [])
}

/** What `Wanted.near` is for: the parent record in the same system. */
function nearOf({ system }: KnownKind): Sql {
  return sql`(select min(n.parent_id) from parents n where n.child = t.id and n.parent_system = ${system})`
}

/** A child may name its parent twice (by a record and by text) and stands in the list once. */
function childrenOf(parentType: EntityType): Sql {
  return sql`join (select distinct p.entity_id, p.child from parents p
      where p.entity_type = ${parentType} and p.entity_id in (select living from wanted)) c on c.entity_id = w.living
    join records r on r.id = c.child`
}

// `is_deleted = 0` is written out: the lists' indexes hold living records only, and a parameter could be anything.
function isIn({ system, kind }: KnownKind, { isById }: ListConditions): Sql {
  const column = isById ? hidden : plain
  return sql`${column('system', 'text')} = ${system} and ${column('kind', 'text')} = ${kind} and r.is_deleted = 0`
}

function anyOf(conditions: readonly Sql[]): readonly Sql[] {
  return conditions.length === 0 ? [] : [sql`(${sql.join(conditions, sql` or `)})`]
}

function boundsOf({ isNewestFirst, after, before }: PageWindow, column: Column): readonly Sql[] {
  const place = sql`(${column('sort_at', 'number')}, r.id)`
  const bound = (end: End<Place> | null, isOlder: boolean) =>
    end === null
      ? []
      : [
          sql`${place} ${sql.raw(`${isOlder ? '<' : '>'}${end.isIncluded === true ? '=' : ''}`)} (${end.place.sortAt}, ${end.place.rowId})`,
        ]
  return [...bound(after, isNewestFirst), ...bound(before, !isNewestFirst)]
}
