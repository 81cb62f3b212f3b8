import { sql } from 'kysely'
import { z } from 'zod'
import { isEntityType } from '../../schema/entities.ts'
import type { Unlinked, UnlinkedReason } from '../../schema/link.ts'
import type { System } from '../../schema/systems.ts'
import { parseColumn } from '../store/json-column.ts'
import type { Store, StoreReader } from '../store/store.ts'
import type { Catalogue } from './catalogue.ts'
import { badInput, sizeOf } from './page.ts'
import { refOf } from './records.ts'

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
  readonly hasNextPage: boolean
  readonly hasPreviousPage: boolean
  /** Asked of the store only when called. */
  totalCount(): Promise<number>
}

const ids = z.array(z.string())

/** Copies come first, then records that name what they hang below in words that mean nobody. */
type Place = { readonly of: 'copy'; readonly id: number } | { readonly of: 'child'; readonly id: number }

/**
 * Records that belong to no entity: copies, oldest first, but for those that a person said are nobody's; then records
 * whose text, written into a field, names nobody or several.
 * @throws GraphQLError `BAD_USER_INPUT` for a page of no size or over 100, or a foreign cursor
 */
export async function unlinkedPage(
  store: Store,
  catalogue: Catalogue,
  filter: UnlinkedFilter,
  page: { readonly first?: number | null; readonly after?: string | null },
): Promise<UnlinkedPage> {
  const limit = sizeOf('first', page.first ?? null)
  const from = page.after == null ? null : placeOf(page.after)
  const found = await store.read(async db => {
    const copies = from?.of === 'child' ? [] : await readCopies(db, filter, from?.id ?? 0, limit + 1)
    const rest = limit + 1 - copies.length
    const after = from?.of === 'child' ? from.id : 0
    return rest === 0 ? copies : [...copies, ...(await readChildren(db, catalogue, filter, after, rest))]
  })
  return {
    entries: found.slice(0, limit),
    hasNextPage: found.length > limit,
    hasPreviousPage: from !== null,
    totalCount: () =>
      store.read(async db => {
        const copies = await copiesIn(db, filter)
          .select(eb => eb.fn.countAll<number>().as('total'))
          .executeTakeFirst()
        const { rows } = await sql<{ total: number }>`
          select count(*) as total from (${childrenIn(catalogue, filter)}) c`.execute(db)
        return (copies?.total ?? 0) + (rows[0]?.total ?? 0)
      }),
  }
}

async function readCopies(db: StoreReader, filter: UnlinkedFilter, after: number, limit: number): Promise<Entry[]> {
  const rows = await copiesIn(db, filter).selectAll().where('id', '>', after).orderBy('id').limit(limit).execute()
  return rows.flatMap(row => {
    const type = row.entity_type
    if (!isEntityType(type)) return []
    const unlinked: Unlinked = {
      record: refOf(row),
      entityType: type,
      reason: row.reason,
      candidates: parseColumn(ids, row.candidates, 'unlinked.candidates').map(id => ({ type, id })),
      since: new Date(row.since),
    }
    return [{ cursor: cursorOf({ of: 'copy', id: row.id }), unlinked }]
  })
}

function copiesIn(db: StoreReader, { reason, system }: UnlinkedFilter) {
  let query = db.selectFrom('unlinked').where('by_person', '=', 0)
  if (reason) query = query.where('reason', '=', reason)
  if (system) query = query.where('system', '=', system)
  return query
}

interface ChildRow {
  readonly child: number
  readonly system: string
  readonly kind: string
  readonly record_id: string
  readonly since: number
  readonly reference: string
  readonly reason: UnlinkedReason
}

/** Only customers are named in words that can be wrong in ways a person has to see: by an e-mail, or a mistyped id. */
function childrenIn(catalogue: Catalogue, { reason, system }: UnlinkedFilter) {
  const owner = catalogue.ownerOf('Customer')
  const isOwner = sql`o.system = ${owner?.system ?? ''} and o.kind = ${owner?.kind ?? ''} and o.is_deleted = 0`
  return sql`select * from (
    select p.child, r.system, r.kind, r.record_id, coalesce(r.updated_at, r.sort_at) as since, p.reference,
      case when (select count(*) from records o where o.email = p.reference and ${isOwner}) > 1
        then 'AMBIGUOUS_EMAIL' else 'UNKNOWN_REFERENCE' end as reason
    from parents p join records r on r.id = p.child
    where p.entity_type = 'Customer' and p.entity_id is null and p.reference is not null and r.is_deleted = 0) u
    where ${reason ? sql`u.reason = ${reason}` : sql`1 = 1`} and ${system ? sql`u.system = ${system}` : sql`1 = 1`}`
}

async function readChildren(
  db: StoreReader,
  catalogue: Catalogue,
  filter: UnlinkedFilter,
  after: number,
  limit: number,
): Promise<Entry[]> {
  const { rows } = await sql<ChildRow>`
    select * from (${childrenIn(catalogue, filter)}) c where c.child > ${after} order by c.child
      limit ${sql.lit(limit)}`.execute(db)
  const ambiguous = rows.filter(({ reason }) => reason === 'AMBIGUOUS_EMAIL').map(({ reference }) => reference)
  const owner = catalogue.ownerOf('Customer')
  const candidates =
    ambiguous.length === 0 || owner === null
      ? []
      : await db
          .selectFrom('records')
          .select(['email', 'record_id'])
          .where('email', 'in', ambiguous)
          .where('system', '=', owner.system)
          .where('kind', '=', owner.kind)
          .where('is_deleted', '=', 0)
          .orderBy('record_id')
          .execute()
  return rows.map(row => ({
    cursor: cursorOf({ of: 'child', id: row.child }),
    unlinked: {
      record: refOf(row),
      entityType: 'Customer',
      reason: row.reason,
      candidates: candidates
        .filter(({ email }) => email === row.reference)
        .map(({ record_id: id }) => ({ type: 'Customer', id })),
      since: new Date(row.since),
    },
  }))
}

function cursorOf({ of, id }: Place): string {
  return Buffer.from(`u1:${of}:${id}`).toString('base64url')
}

function placeOf(cursor: string): Place {
  const match = /^u1:(copy|child):(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))
  if (match === null) throw badInput('after: expected a cursor of this list, as an earlier page gave it')
  return { of: match[1] === 'child' ? 'child' : 'copy', id: Number(match[2]) }
}
