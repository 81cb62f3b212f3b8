import { z } from 'zod'
import { isEntityType } from '../../schema/entities.ts'
import type { Unlinked, UnlinkedReason } from '../../schema/link.ts'
import type { System } from '../../schema/systems.ts'
import { parseColumn } from '../store/json-column.ts'
import type { Store, StoreReader } from '../store/store.ts'
import { badInput, sizeOf } from './page.ts'
import { refOf } from './records.ts'

export interface UnlinkedFilter {
  readonly reason?: UnlinkedReason | null
  readonly system?: System | null
}

export interface UnlinkedPage {
  readonly entries: readonly { readonly cursor: string; readonly unlinked: Unlinked }[]
  readonly hasNextPage: boolean
  readonly hasPreviousPage: boolean
  /** Asked of the store only when called. */
  totalCount(): Promise<number>
}

const ids = z.array(z.string())

/**
 * Records that belong to no entity, oldest first. Those that a person said are nobody's are settled and not among them.
 * @throws GraphQLError `BAD_USER_INPUT` for a page of no size or over 100, or a foreign cursor
 */
export async function unlinkedPage(
  store: Store,
  filter: UnlinkedFilter,
  page: { readonly first?: number | null; readonly after?: string | null },
): Promise<UnlinkedPage> {
  const limit = sizeOf('first', page.first ?? null)
  const after = page.after ?? null
  const from = after === null ? null : rowOf(after)
  const rows = await store.read(db => {
    const query = unlinkedIn(db, filter)
      .selectAll()
      .orderBy('id')
      .limit(limit + 1)
    return (from === null ? query : query.where('id', '>', from)).execute()
  })
  const entries = rows.slice(0, limit).flatMap(row => {
    const type = row.entity_type
    if (!isEntityType(type)) return []
    const candidates = parseColumn(ids, row.candidates, 'unlinked.candidates')
    const unlinked: Unlinked = {
      record: refOf(row),
      entityType: type,
      reason: row.reason,
      candidates: candidates.map(id => ({ type, id })),
      since: new Date(row.since),
    }
    return [{ cursor: cursorOf(row.id), unlinked }]
  })
  return {
    entries,
    hasNextPage: rows.length > limit,
    hasPreviousPage: from !== null,
    async totalCount() {
      const row = await store.read(db =>
        unlinkedIn(db, filter)
          .select(eb => eb.fn.countAll<number>().as('total'))
          .executeTakeFirst(),
      )
      return row?.total ?? 0
    },
  }
}

function unlinkedIn(db: StoreReader, { reason, system }: UnlinkedFilter) {
  let query = db.selectFrom('unlinked').where('by_person', '=', 0)
  if (reason) query = query.where('reason', '=', reason)
  if (system) query = query.where('system', '=', system)
  return query
}

function cursorOf(id: number): string {
  return Buffer.from(`u1:${id}`).toString('base64url')
}

function rowOf(cursor: string): number {
  const match = /^u1:(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))
  if (match === null) throw badInput('after: expected a cursor of this list, as an earlier page gave it')
  return Number(match[1])
}
