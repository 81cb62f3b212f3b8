import type { Selectable } from 'kysely'
import { z } from 'zod'
import type { System } from '../../schema/systems.ts'
import type { Received } from '../../subgraphs/contract.ts'
import { parseColumn } from './json-column.ts'
import type { Store, StoreTransaction } from './store.ts'
import type { Tables } from './tables.ts'

/** A request whose signature fits none of our secrets. */
export interface Quarantined {
  readonly system: System
  readonly received: Received
  readonly receivedAt: Date
  /** Of all that was sent: what comes again as it was takes no second place. */
  readonly digest: string
}

export interface KeptRequest {
  readonly id: number
  readonly system: System
  readonly received: Received
  readonly receivedAt: Date
}

/** The room of one system. */
export interface QuarantineRoom {
  readonly requests: number
  readonly bytes: number
}

export const quarantineRoom: QuarantineRoom = { requests: 2000, bytes: 16 * 1024 * 1024 }

const hourMs = 60 * 60_000
/** Requests are told apart by their digest: no other write is waited for. */
const besideOthers = { isSerial: false } as const
const headerMap = z.record(z.string(), z.string())

/**
 * Keeps requests, then drops what there is no room for.
 *
 * Nobody can tell a forged request from a genuine one while our secret is wrong, so the room is shared by the hours at which they
 * came: what is dropped comes from the hour that has most, at random. A flood thus displaces itself; to displace what came in
 * other hours it has to last for as long, and within its own hour it leaves to the genuine their share.
 */
export async function keepQuarantined(
  store: Store,
  requests: readonly Quarantined[],
  room: QuarantineRoom,
  random: () => number,
): Promise<void> {
  await store.write(async tx => {
    for (const { system, received, receivedAt, digest } of requests) {
      await tx
        .insertInto('quarantine')
        .values({
          system,
          endpoint: received.endpoint,
          method: received.method,
          url: received.url,
          headers: JSON.stringify(received.headers),
          body: received.body,
          digest,
          hour: Math.floor(receivedAt.getTime() / hourMs),
          size: sizeOf(received),
          received_at: receivedAt.getTime(),
        })
        .onConflict(on => on.columns(['system', 'digest']).doNothing())
        .execute()
    }
    for (const system of new Set(requests.map(one => one.system))) await dropSurplus(tx, system, room, random)
  }, besideOthers)
}

/** What a request takes of the room. */
export function sizeOf({ body, headers, url }: Received): number {
  return body.byteLength + url.length + JSON.stringify(headers).length
}

async function dropSurplus(
  tx: StoreTransaction,
  system: System,
  room: QuarantineRoom,
  random: () => number,
): Promise<void> {
  const rows = await tx.selectFrom('quarantine').select(['id', 'hour', 'size']).where('system', '=', system).execute()
  const dropped = surplusOf(rows, room, random)
  for (let at = 0; at < dropped.length; at += 400) {
    await tx
      .deleteFrom('quarantine')
      .where('id', 'in', dropped.slice(at, at + 400))
      .execute()
  }
}

/** The ids that have to go so that the rest has room. */
export function surplusOf(
  rows: readonly { readonly id: number; readonly hour: number; readonly size: number }[],
  room: QuarantineRoom,
  random: () => number,
): readonly number[] {
  const hours = new Map<number, { rows: { id: number; size: number }[]; bytes: number }>()
  let bytes = 0
  for (const { id, hour, size } of rows) {
    const of = hours.get(hour) ?? { rows: [], bytes: 0 }
    of.rows.push({ id, size })
    of.bytes += size
    bytes += size
    hours.set(hour, of)
  }
  const dropped: number[] = []
  while (rows.length - dropped.length > room.requests || bytes > room.bytes) {
    const byBytes = bytes > room.bytes
    const [fullest] = [...hours.values()].sort((a, b) => (byBytes ? b.bytes - a.bytes : b.rows.length - a.rows.length))
    const [gone] = fullest?.rows.splice(Math.floor(random() * fullest.rows.length), 1) ?? []
    if (fullest === undefined || gone === undefined) break
    fullest.bytes -= gone.size
    bytes -= gone.size
    dropped.push(gone.id)
  }
  return dropped
}

/** The oldest first. @param after the last id of the page before */
export async function listQuarantined(
  store: Store,
  system: System | null,
  page: { readonly after: number; readonly limit: number },
): Promise<readonly KeptRequest[]> {
  const rows = await store.read(db => {
    const query = db.selectFrom('quarantine').selectAll().where('id', '>', page.after).orderBy('id').limit(page.limit)
    return (system === null ? query : query.where('system', '=', system)).execute()
  })
  return rows.map(keptOf)
}

export interface QuarantineCount {
  readonly system: System
  readonly requests: number
  readonly bytes: number
  readonly oldestAt: Date
  readonly newestAt: Date
}

/** By system; one of which nothing is kept is missing. */
export async function countQuarantined(store: Store): Promise<readonly QuarantineCount[]> {
  const rows = await store.read(db =>
    db
      .selectFrom('quarantine')
      .select(({ fn }) => [
        'system',
        fn.countAll<number>().as('requests'),
        fn.sum<number>('size').as('bytes'),
        fn.min<number>('received_at').as('oldest'),
        fn.max<number>('received_at').as('newest'),
      ])
      .groupBy('system')
      .orderBy('system')
      .execute(),
  )
  return rows.map(({ system, requests, bytes, oldest, newest }) => ({
    system,
    requests,
    bytes,
    oldestAt: new Date(oldest),
    newestAt: new Date(newest),
  }))
}

export interface NewestQuarantined {
  readonly system: System
  readonly endpoint: string
  readonly at: Date
}

/** When the last request came that was kept, by address; one at which none came since then is missing. */
export async function newestQuarantined(store: Store, since: Date): Promise<readonly NewestQuarantined[]> {
  const rows = await store.read(db =>
    db
      .selectFrom('quarantine')
      .select(({ fn }) => ['system', 'endpoint', fn.max<number>('received_at').as('newest')])
      .where('received_at', '>=', since.getTime())
      .groupBy(['system', 'endpoint'])
      .orderBy('system')
      .orderBy('endpoint')
      .execute(),
  )
  return rows.map(({ system, endpoint, newest }) => ({ system, endpoint, at: new Date(newest) }))
}

/** When the last requests came to one address that were kept, at most so many, the newest first. */
export async function lastQuarantined(
  store: Store,
  { system, endpoint, since }: { readonly system: System; readonly endpoint: string; readonly since: Date },
  limit: number,
): Promise<readonly Date[]> {
  const rows = await store.read(db =>
    db
      .selectFrom('quarantine')
      .select('received_at')
      .where('system', '=', system)
      .where('endpoint', '=', endpoint)
      .where('received_at', '>=', since.getTime())
      .orderBy('received_at', 'desc')
      .limit(limit)
      .execute(),
  )
  return rows.map(row => new Date(row.received_at))
}

export async function forgetQuarantined(store: Store, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return
  await store.write(tx => tx.deleteFrom('quarantine').where('id', 'in', ids).execute(), besideOthers)
}

/** Forgets what nobody recovered in so many days. @returns how many */
export async function pruneQuarantine(store: Store, keptDays: number, now: Date): Promise<number> {
  const { numDeletedRows } = await store.write(
    tx =>
      tx
        .deleteFrom('quarantine')
        .where('received_at', '<', now.getTime() - keptDays * 24 * hourMs)
        .executeTakeFirstOrThrow(),
    besideOthers,
  )
  return Number(numDeletedRows)
}

function keptOf(row: Selectable<Tables['quarantine']>): KeptRequest {
  return {
    id: row.id,
    system: row.system,
    received: {
      method: row.method,
      endpoint: row.endpoint,
      url: row.url,
      headers: parseColumn(headerMap, row.headers, 'quarantine.headers'),
      body: row.body,
    },
    receivedAt: new Date(row.received_at),
  }
}
