import { sql, type Selectable } from 'kysely'
import type { ChangeKind } from '../../schema/change.ts'
import type { RecordRef, System } from '../../schema/systems.ts'
import type { Hint } from '../../subgraphs/contract.ts'
import { readAttempts } from './attempts.ts'
import { readHints } from './hints.ts'
import { parts } from './parts.ts'
import type { Store, StoreReader } from './store.ts'
import type { Tables } from './tables.ts'

export const deliveryStates = ['due', 'done', 'dead', 'dismissed'] as const

export type DeliveryState = (typeof deliveryStates)[number]

/** Which entries are meant; all of them when nothing is given. */
export interface DeliveryFilter {
  readonly ids?: readonly number[] | null
  readonly system?: System | null
  readonly state?: DeliveryState | null
  /** Received at this instant or later. */
  readonly since?: Date | null
  /** Received before this instant. */
  readonly until?: Date | null
  /** Only what is about one of these records, by `recordKey`. */
  readonly recordKeys?: readonly string[] | null
}

/** What a hint says, without the values a vendor may have sent. */
export interface FoundHint {
  readonly kind: ChangeKind
  readonly record: RecordRef
  readonly at: Date | null
}

/** An entry as an operator sees it: never what its request held. */
export interface FoundDelivery {
  readonly id: number
  /** The request that brought it. */
  readonly requestId: number
  /** Whether the request can still be read as it came. */
  readonly isRequestKept: boolean
  readonly system: System
  readonly state: DeliveryState
  /** Empty for what is about none of our records, cannot be read, or came too long ago. */
  readonly records: readonly RecordRef[]
  readonly hints: readonly FoundHint[]
  readonly attempts: number
  readonly processDeaths: number
  /** Why it is dead, or what went wrong last. */
  readonly reason: string | null
  readonly receivedAt: Date
  /** When it is tried next, or how long its holder may work on it; null when it is not due. */
  readonly dueAt: Date | null
  /** The process that works on it. */
  readonly worker: string | null
  /** When it became done, dead or dismissed. */
  readonly endedAt: Date | null
  /** Attempts after which it was not done, oldest first; the newest few. */
  readonly history: readonly FoundAttempt[]
}

/** An attempt as an operator sees it. */
export interface FoundAttempt {
  /** 1 for the first. */
  readonly attempt: number
  /** The process that made it; null when it is not known any more. */
  readonly worker: string | null
  readonly endedAt: Date
  readonly reason: string
}

/** An entry at which a page ends. */
interface EndOfPage {
  readonly place: number
  /** Whether the entry itself is of the page. */
  readonly isIncluded?: boolean
}

/** Which part of the list is meant, the newest first. */
export interface DeliveryWindow {
  readonly limit: number
  /** Counted from the oldest, which comes first then. */
  readonly isBackward?: boolean
  readonly after?: EndOfPage | null
  readonly before?: EndOfPage | null
}

/** @returns in the window's order */
export async function findDeliveries(
  store: Store,
  filter: DeliveryFilter,
  { limit, isBackward = false, after, before }: DeliveryWindow,
): Promise<readonly FoundDelivery[]> {
  return store.read(async db => {
    let query = within(db, filter)
      .innerJoin('received as r', 'r.id', 'e.received_id')
      .selectAll('e')
      .select(({ eb }) => eb.case().when('r.body', 'is', null).then(sql.lit(0)).else(sql.lit(1)).end().as('has_raw'))
    if (after != null) query = query.where('e.id', after.isIncluded === true ? '<=' : '<', after.place)
    if (before != null) query = query.where('e.id', before.isIncluded === true ? '>=' : '>', before.place)
    const rows = await query
      .orderBy('e.id', isBackward ? 'asc' : 'desc')
      .limit(limit)
      .execute()
    const attempts = await readAttempts(
      db,
      rows.map(({ id }) => id),
    )
    return rows.map(row => {
      const history = (attempts.get(row.id) ?? []).map(({ error, ...attempt }) => ({ ...attempt, reason: error }))
      return foundOf(row, row.has_raw === 1, history)
    })
  })
}

/** The ids of all that are meant, oldest first, so that what is replayed keeps its order. */
export async function idsOfDeliveries(store: Store, filter: DeliveryFilter, limit: number): Promise<readonly number[]> {
  const rows = await store.read(db => within(db, filter).select('e.id').orderBy('e.id').limit(limit).execute())
  return rows.map(({ id }) => id)
}

export async function countDeliveries(store: Store, filter: DeliveryFilter): Promise<number> {
  const row = await store.read(db =>
    within(db, filter)
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow(),
  )
  return row.count
}

/** A request as it came. Personal data: only for whoever asks for just that. */
export interface RawRequest {
  readonly endpoint: string
  readonly url: string
  /** json */
  readonly headers: string
  readonly body: Uint8Array
}

/** @returns null when it is forgotten, or never was */
export async function readRaw(store: Store, requestId: number): Promise<RawRequest | null> {
  const row = await store.read(db =>
    db
      .selectFrom('received')
      .select(['endpoint', 'url', 'headers', 'body'])
      .where('id', '=', requestId)
      .executeTakeFirst(),
  )
  return row === undefined || row.body === null ? null : { ...row, body: row.body }
}

function within(db: StoreReader, { ids, system, state, since, until, recordKeys }: DeliveryFilter) {
  let query = db.selectFrom('delivery_entries as e')
  if (ids != null) query = query.where(({ eb, or }) => or(parts(ids).map(part => eb('e.id', 'in', part))))
  if (system != null) query = query.where('e.system', '=', system)
  if (state != null) query = query.where('e.state', '=', state)
  if (since != null) query = query.where('e.received_at', '>=', since.getTime())
  if (until != null) query = query.where('e.received_at', '<', until.getTime())
  if (recordKeys != null) {
    query = query.where(({ eb, or }) =>
      or(
        parts(recordKeys).map(part =>
          eb(
            'e.id',
            'in',
            db.selectFrom('delivery_records').select('delivery_records.entry_id').where('record_key', 'in', part),
          ),
        ),
      ),
    )
  }
  return query
}

function foundOf(
  row: Selectable<Tables['delivery_entries']>,
  isRequestKept: boolean,
  history: readonly FoundAttempt[],
): FoundDelivery {
  const hints = hintsOrNone(row.hints).map(({ kind, record, at }) => ({ kind, record, at }))
  return {
    id: row.id,
    requestId: row.received_id,
    isRequestKept,
    system: row.system,
    state: row.state,
    records: hints.map(({ record }) => record),
    hints,
    attempts: row.attempts,
    processDeaths: row.deaths,
    reason: row.error,
    receivedAt: new Date(row.received_at),
    dueAt: row.state === 'due' ? new Date(row.due_at) : null,
    worker: row.lease_by,
    endedAt: row.ended_at === null ? null : new Date(row.ended_at),
    history,
  }
}

/** What cannot be read any more is shown all the same. */
function hintsOrNone(text: string): readonly Hint[] {
  try {
    return readHints(text)
  } catch {
    return []
  }
}
