import { sql, type RawBuilder } from 'kysely'
import { normalizeEmail, normalizeName, normalizeNumber } from '../../schema/values.ts'
import type { PageFilter } from '../../subgraphs/contract.ts'
import type { Catalogue } from './catalogue.ts'

type Sql = RawBuilder<unknown>

/** What the rows `r` of `records` must meet. */
export interface ListConditions {
  /** All but the status. */
  readonly all: readonly Sql[]
  /** The status. The rows of each of these stand in an index in the list's order; together they do not. */
  readonly statuses: readonly Sql[]
  /** Whether the rows are found in another order than the list's. */
  readonly isSorted: boolean
  /** Whether the rows are found by their own number: no index beats it, and Postgres without statistics takes another one. */
  readonly isById: boolean
}

/** A condition on values that has an index. */
interface ValueCondition {
  /** Whether the index has the rows in the list's order. */
  readonly isInOrder: boolean
  readonly isById?: boolean
  readonly sql: (column: Column) => Sql
}

export type Column = (name: string, type: 'text' | 'number') => Sql

/** A column that an index may fit. */
export const plain: Column = name => sql.ref(`r.${name}`)

/** An expression that no index fits. */
export const hidden: Column = (name, type) =>
  type === 'text' ? sql`(${sql.ref(`r.${name}`)} || '')` : sql`(${sql.ref(`r.${name}`)} + 0)`

/** Sorts behind every text that is kept: it is no character. */
const last = '\u{10ffff}'

/**
 * @param isWithin whether the rows are those of parents, which they are found by
 * @returns null when nothing can meet the filter
 */
export function conditionsOf(catalogue: Catalogue, filter: PageFilter, isWithin: boolean): ListConditions | null {
  const values = valueConditions(filter)
  const parents = parentConditions(catalogue, filter)
  if (values === null || parents === null || filter.status?.length === 0) return null
  // SQLite keeps no statistics: of two indexes it may take the one that fits more rows. It is left the first condition's.
  const chosen = isWithin ? undefined : values[0]
  const isSorted = isWithin || chosen?.isInOrder === false
  const conditions = values.map(one => one.sql(one === chosen ? plain : hidden))
  return {
    all: [...conditions, ...otherConditions(filter, isSorted ? hidden : plain), ...parents],
    statuses: isWithin || chosen !== undefined ? oneOf(filter, hidden) : eachOf(filter),
    isSorted,
    isById: isWithin || chosen?.isById === true,
  }
}

/** Whether it asks for values that an older version did not keep. */
export function asksForValues(filter: PageFilter): boolean {
  const { number, due, total, schedule, isScheduled, assigneeId, isAssigned, namePrefix } = filter
  return [number, due, total, schedule, isScheduled, assigneeId, isAssigned, namePrefix].some(value => value != null)
}

/** The statuses together; empty when all are asked for. */
function oneOf({ status }: PageFilter, column: Column): readonly Sql[] {
  return status ? [sql`${column('status', 'text')} in (${sql.join([...new Set(status)])})`] : []
}

/** Each status by itself; empty when all are asked for. */
function eachOf({ status }: PageFilter): readonly Sql[] {
  return [...new Set(status ?? [])].map(one => sql`r.status = ${one}`)
}

/** Those that the fewest rows meet come first. @returns null when nothing can meet one of them */
function valueConditions(filter: PageFilter): readonly ValueCondition[] | null {
  const found = [
    textCondition('number', filter.number, normalizeNumber),
    nameCondition(filter.namePrefix),
    emailCondition(filter.email),
    rangeCondition('due_at', filter.due?.from, filter.due?.before),
    daysCondition(filter),
    amountCondition(filter),
    rangeCondition('updated_at', filter.changedSince, null),
    orderedCondition(['assignee_id'], filter.assigneeId ?? (filter.isAssigned === false ? '' : null)),
    orderedCondition(['last_day', 'first_day'], filter.isScheduled === false ? '' : null),
  ]
  if (found.includes('unmet')) return null
  return found.filter(one => one !== null && one !== 'unmet')
}

type Condition = ValueCondition | 'unmet' | null

function textCondition(
  name: string,
  text: string | null | undefined,
  normal: (text: string) => string | null,
): Condition {
  if (typeof text !== 'string') return null
  const value = normal(text)
  return value === null ? 'unmet' : { isInOrder: false, sql: column => sql`${column(name, 'text')} = ${value}` }
}

/** Each of a person's addresses finds them. */
function emailCondition(text: string | null | undefined): Condition {
  if (typeof text !== 'string') return null
  const email = normalizeEmail(text)
  if (email === null) return 'unmet'
  const records = sql`select a.id from records a where a.email = ${email} union all
    select f.id from record_emails e cross join records f
      where e.email = ${email} and f.system = e.system and f.kind = e.kind and f.record_id = e.record_id`
  return { isInOrder: false, isById: true, sql: column => sql`${column('id', 'number')} in (${records})` }
}

function nameCondition(prefix: string | null | undefined): Condition {
  if (typeof prefix !== 'string') return null
  const start = normalizeName(prefix)
  if (start === null) return 'unmet'
  const records = sql`select n.record from name_tails n where n.tail >= ${start} and n.tail < ${start + last}`
  return { isInOrder: false, isById: true, sql: column => sql`${column('id', 'number')} in (${records})` }
}

/** From the one on, before the other. */
function rangeCondition(name: string, from: Date | null | undefined, before: Date | null | undefined): Condition {
  if (!from && !before) return null
  return {
    isInOrder: false,
    sql: column => {
      const value = column(name, 'number')
      return allOf([
        ...(from ? [sql`${value} >= ${from.getTime()}`] : []),
        ...(before ? [sql`${value} < ${before.getTime()}`] : []),
      ])
    },
  }
}

/** At least one day of the job is one of the range. */
function daysCondition({ schedule }: PageFilter): Condition {
  if (!schedule) return null
  const { from, to } = schedule
  return {
    isInOrder: false,
    sql: column => {
      const [firstDay, lastDay] = [column('first_day', 'text'), column('last_day', 'text')]
      // Empty stands for nothing planned, and sorts before every day.
      return sql`${lastDay} >= ${from ?? '0'} and ${firstDay} <= ${to ?? '9'}`
    },
  }
}

function amountCondition({ total }: PageFilter): Condition {
  if (!total) return null
  const { currency, min, max } = total
  return {
    isInOrder: false,
    sql: column => {
      const amount = column('total', 'number')
      return allOf([
        sql`${column('currency', 'text')} = ${currency.toUpperCase()}`,
        typeof min === 'number' ? sql`${amount} >= ${min}` : sql`${amount} is not null`,
        ...(typeof max === 'number' ? [sql`${amount} <= ${max}`] : []),
      ])
    },
  }
}

/** All of the columns have the value. */
function orderedCondition(names: readonly string[], value: string | null): Condition {
  if (value === null) return null
  return { isInOrder: true, sql: column => allOf(names.map(name => sql`${column(name, 'text')} = ${value}`)) }
}

/** Conditions that many rows meet: they are looked at row by row. */
function otherConditions(filter: PageFilter, column: Column): readonly Sql[] {
  const { created, isClosed, isAssigned, isScheduled, assigneeId } = filter
  const conditions: Sql[] = []
  if (typeof isClosed === 'boolean') conditions.push(sql`r.is_closed = ${Number(isClosed)}`)
  if (isScheduled === true) conditions.push(sql`(r.last_day || '') > ''`)
  if (isAssigned === true) conditions.push(sql`(r.assignee_id || '') > ''`)
  if (isAssigned === false && assigneeId != null) conditions.push(sql`(r.assignee_id || '') = ''`)
  // The list's order is that of creation: these bound the part of the list that is read.
  if (created) conditions.push(sql`r.created_at is not null`)
  const sortAt = column('sort_at', 'number')
  if (created?.from) conditions.push(sql`${sortAt} >= ${created.from.getTime()}`)
  if (created?.before) conditions.push(sql`${sortAt} < ${created.before.getTime()}`)
  return conditions
}

/** @returns null when no system has entities of a parent's type */
function parentConditions(catalogue: Catalogue, { parents = [] }: PageFilter): readonly Sql[] | null {
  const conditions: Sql[] = []
  for (const { type, id } of parents) {
    const owner = catalogue.ownerOf(type)
    if (owner === null) return null
    conditions.push(sql`exists (select 1 from parents q where q.child = r.id and q.entity_type = ${type}
      and q.entity_id = coalesce((select a.entity_id from links a where a.system = ${owner.system}
        and a.kind = ${owner.kind} and a.record_id = ${id} and a.evidence = 'merged'), ${id}))`)
  }
  return conditions
}

export function allOf(conditions: readonly Sql[]): Sql {
  return sql.join(conditions, sql` and `)
}
