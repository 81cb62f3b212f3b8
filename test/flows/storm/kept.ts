import { openStore } from '../../../gateway/store/open.ts'

/** What the store holds after a storm. */
export interface Kept {
  /** Entries by what webhooks tell, whoever brought them first. */
  readonly entries: number
  readonly done: number
  /** Entries that nobody will work on, or nobody has, in words. */
  readonly unfinished: readonly string[]
  /** Of the Changes, in their order. */
  readonly sequences: readonly number[]
  /** Changes by `system:id`, but for those that follow from other records' news: of links, of moves, of new names. */
  readonly changes: ReadonlyMap<string, number>
  /** Changes of one record that tell of the same fields at the same moment, in words. */
  readonly twins: readonly string[]
}

/** What a sweep found in a listing has a key of its own, before which this stands. */
const listed = 'sweep '

/** The fields of a Change that tells of another parent alone. */
const moves: ReadonlySet<string> = new Set([
  '["customer"]',
  '["order"]',
  '["customer","order"]',
  '["order","customer"]',
])

/** @param since only Changes after this one */
export async function keptIn(storeUrl: string, since = 0): Promise<Kept & { readonly newest: number }> {
  const quiet = { debug() {}, info() {}, warn() {}, error() {} }
  const store = await openStore(storeUrl, { log: quiet, clock: { now: () => new Date() } })
  try {
    const all = await store.read(db =>
      db
        .selectFrom('delivery_entries')
        .select(['id', 'system', 'key', 'state', 'attempts', 'deaths', 'error', 'due_at', 'lease_by'])
        .execute(),
    )
    const changes = await store.read(db =>
      db
        .selectFrom('changes')
        .select(['sequence', 'system', 'record_id', 'kind', 'fields', 'at', 'renamed'])
        .where('sequence', '>', since)
        .orderBy('sequence')
        .execute(),
    )
    const entries = all.filter(({ key }) => !key.startsWith(listed))
    // Stripe tells its time in seconds, in which much may happen.
    const told = changes
      .filter(({ system }) => system !== 'stripe')
      .map(({ system, record_id: id, kind, fields, at }) => `${system}:${id} ${kind} ${fields} at ${at}`)
    return {
      entries: entries.length,
      done: entries.filter(({ state }) => state === 'done').length,
      unfinished: all.filter(({ state }) => state !== 'done').map(one => JSON.stringify(one)),
      sequences: changes.map(({ sequence }) => sequence),
      changes: tally(
        changes.flatMap(({ system, record_id: id, kind, fields, renamed }) =>
          kind === 'LINKED' || renamed !== null || moves.has(fields) ? [] : `${system}:${id}`,
        ),
      ),
      twins: [...tally(told)].filter(([, count]) => count > 1).map(([change]) => change),
      newest: Math.max(since, ...changes.map(({ sequence }) => sequence)),
    }
  } finally {
    await store.close()
  }
}

/** How often each stands there. */
export function tally(values: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return counts
}
