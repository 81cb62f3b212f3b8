import type { System } from '../../schema/systems.ts'
import { foundBy } from './received.ts'
import type { Store } from './store.ts'

/** What stands in the queue of the workers, and what came before; nothing here is on the way of a delivery. */

export interface EntryCounts {
  readonly system: System
  readonly due: number
  readonly dead: number
}

/** What is not done of these systems, in their order. What is done is a year's worth, and nobody waits for its counting. */
export async function countUndone(
  store: Store,
  of: readonly { readonly system: System }[],
): Promise<readonly EntryCounts[]> {
  const systems = of.map(({ system }) => system)
  const rows = await store.read(db =>
    db
      .selectFrom('delivery_entries')
      .select(({ fn }) => ['system', 'state', fn.countAll<number>().as('count')])
      .where('system', 'in', systems)
      .where('state', 'in', ['due', 'dead'])
      .groupBy(['system', 'state'])
      .execute(),
  )
  const countOf = (system: System, state: 'due' | 'dead'): number =>
    rows.find(row => row.system === system && row.state === state)?.count ?? 0
  return systems.map(system => ({ system, due: countOf(system, 'due'), dead: countOf(system, 'dead') }))
}

/** When a system last sent a genuine request; null when it never did. */
export async function lastReceivedAt(store: Store, system: System): Promise<Date | null> {
  const row = await store.read(db =>
    db
      .selectFrom('received')
      .select('received_at')
      .where('system', '=', system)
      .where('url', 'not like', `${foundBy}%`)
      .orderBy('received_at', 'desc')
      .limit(1)
      .executeTakeFirst(),
  )
  return row === undefined ? null : new Date(row.received_at)
}

/** Whether a genuine request came to this address since then. */
export async function wasHeardSince(store: Store, system: System, endpoint: string, since: Date): Promise<boolean> {
  const row = await store.read(db =>
    db
      .selectFrom('received')
      .select('id')
      .where('system', '=', system)
      .where('received_at', '>=', since.getTime())
      .where('endpoint', '=', endpoint)
      .where('url', 'not like', `${foundBy}%`)
      .limit(1)
      .executeTakeFirst(),
  )
  return row !== undefined
}

/** When the oldest entry of each system came that is due, held ones included; a system with none is missing. */
export async function oldestDue(store: Store): Promise<ReadonlyMap<System, Date>> {
  const rows = await store.read(db =>
    db
      .selectFrom('delivery_entries')
      .select(({ fn }) => ['system', fn.min<number>('received_at').as('oldest')])
      .where('state', '=', 'due')
      .groupBy('system')
      .execute(),
  )
  return new Map(rows.map(({ system, oldest }) => [system, new Date(oldest)]))
}

const dayMs = 24 * 60 * 60 * 1000
/** Requests of one transaction: it holds up the other writers. */
const prunedAtOnce = 1_000
/** What another process is forgetting at this moment is left to it. */
const besideOthers = { isSerial: false } as const

export interface Pruned {
  /** Requests whose headers and body were forgotten. */
  readonly raw: number
  /** Requests that were forgotten with their entries' keys. */
  readonly requests: number
}

/** How long is kept what webhooks brought. */
export interface KeptDays {
  /** What requests held. */
  readonly requests: number
  /** The keys of their entries, so that a vendor's repetition is known as one. */
  readonly deliveries: number
}

/** Forgets what is older. Entries still due keep their hints. */
export async function pruneReceived(store: Store, kept: KeptDays, now: Date): Promise<Pruned> {
  return {
    raw: await untilFewer(() => pruneRaw(store, now.getTime() - kept.requests * dayMs)),
    requests: await untilFewer(() => pruneRequests(store, now.getTime() - kept.deliveries * dayMs)),
  }
}

async function untilFewer(prune: () => Promise<number>): Promise<number> {
  let total = 0
  for (;;) {
    const count = await prune()
    total += count
    if (count < prunedAtOnce) return total
  }
}

function pruneRaw(store: Store, before: number): Promise<number> {
  return store.write(async tx => {
    const requests = await tx
      .updateTable('received')
      .set({ headers: '{}', body: null })
      .where('id', 'in', db =>
        db
          .selectFrom('received')
          .select('id')
          .where('body', 'is not', null)
          .where('received_at', '<', before)
          .orderBy('received_at')
          .limit(prunedAtOnce)
          .forUpdate()
          .skipLocked(),
      )
      .returning('id')
      .execute()
    if (requests.length === 0) return 0
    // Hints may hold records as the vendor sent them.
    await tx
      .updateTable('delivery_entries')
      .set({ hints: '[]' })
      .where(
        'received_id',
        'in',
        requests.map(({ id }) => id),
      )
      .where('state', '!=', 'due')
      .execute()
    return requests.length
  }, besideOthers)
}

function pruneRequests(store: Store, before: number): Promise<number> {
  return store.write(async tx => {
    const requests = await tx
      .deleteFrom('received')
      .where('id', 'in', db =>
        db
          .selectFrom('received')
          .select('id')
          .where('received_at', '<', before)
          .orderBy('received_at')
          .limit(prunedAtOnce)
          .forUpdate()
          .skipLocked(),
      )
      .returning('id')
      .execute()
    if (requests.length === 0) return 0
    const entries = await tx
      .deleteFrom('delivery_entries')
      .where(
        'received_id',
        'in',
        requests.map(({ id }) => id),
      )
      .returning('id')
      .execute()
    await inParts(
      entries.map(({ id }) => id),
      async part => {
        await tx.deleteFrom('delivery_records').where('entry_id', 'in', part).execute()
        await tx.deleteFrom('delivery_attempts').where('entry_id', 'in', part).execute()
      },
    )
    return requests.length
  }, besideOthers)
}

/** Values of one `in (...)`. */
const listSize = 400

async function inParts(ids: readonly number[], work: (part: readonly number[]) => Promise<void>): Promise<void> {
  for (let at = 0; at < ids.length; at += listSize) await work(ids.slice(at, at + listSize))
}
