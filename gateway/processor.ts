import { recordKey } from '../schema/systems.ts'
import type { Hint, Log } from '../subgraphs/contract.ts'
import { applyObservations } from './changes/apply.ts'
import { refuseOvertaken } from './changes/overtaken.ts'
import type { KnownMentionedKind } from './links/catalogue.ts'
import type { Runtime } from './runtime.ts'
import {
  claimDue,
  claimSuspects,
  failEntry,
  finishEntries,
  noteApplied,
  postponeEntry,
  renewLeases,
  type StoredEntry,
} from './store/deliveries.ts'
import { GroupCommit } from './store/group-commit.ts'
import type { StoreTransaction } from './store/store.ts'
import { openRenaming } from './webhooks/renaming.ts'
import { DeliveryProcessor, type EndedEntry, type Failure, type WorkedEntry } from './webhooks/process.ts'

/** How long a worker may hold an entry before another one takes it; it renews what it holds. */
export const leaseMs = 15_000

/** Longer than a reading can take by its own deadlines, which are settings: it is for what has none or breaks it. */
const deadlineMs = 5 * 60_000

/**
 * Entries tried together that were under way at one death: with the second only these few are suspected, and tried one by
 * one; with the third the one is found.
 */
const suspectsTogether = 20

/** Each is two statements, while new deliveries wait. */
const failedTogether = 10

interface Failed {
  readonly entry: StoredEntry
  readonly failure: Failure
}

/** Works on what is stored; `start` it. */
export function openProcessor(
  runtime: Runtime,
  { random, log }: { readonly random: () => number; readonly log: Log },
): DeliveryProcessor {
  const { store, catalogue, cache, commits, follower, worker, metrics, traces } = runtime
  const { clock } = store
  // A vendor that answers nobody fails thousands at once: one commit each would keep new deliveries waiting.
  const failing = new GroupCommit<Failed, true>(
    store,
    async (tx, failed) => {
      for (const { entry, failure } of failed) {
        await failEntry(tx, entry, failure.state === 'dead' ? { dead: failure.error } : failure, clock.now())
      }
      return failed.map(() => true)
    },
    { largest: failedTogether },
  )
  return new DeliveryProcessor({
    renew: entries => renewLeases(store, entries, leaseMs, clock.now()),
    claim: (limit, except) => claimDue(store, worker, limit, leaseMs, clock.now(), except),
    async claimSuspects(isLong) {
      const few = await claimSuspects(store, worker, { deaths: 1, limit: suspectsTogether }, leaseMs, clock.now())
      if (few.length > 0 || !isLong) return few
      return claimSuspects(store, worker, { deaths: 2, limit: 1 }, leaseMs, clock.now())
    },
    evict({ record, kind, at }) {
      if (kind === 'DELETED') cache.forget(record)
      else cache.evict(record)
      if (at !== null) cache.expect(record, at)
    },
    isMentioned: hint => mayRename(catalogue.mentionedKindOf(hint.record), hint),
    isIndexed: record => catalogue.mentionedKindOf(record)?.nameFields !== null,
    rename: openRenaming(runtime),
    position: () => follower.position,
    locate: (hint, priority) => runtime.locate(hint, runtime.context(priority)),
    observe: (record, priority) => runtime.observe(record, runtime.context(priority)),
    async apply(observations, entries) {
      const now = clock.now()
      try {
        const heard = heardOf(entries)
        const told = observations.map(one => ({ ...one, heardAt: heard.get(recordKey(one.record)) ?? one.heardAt }))
        await commits.commit(
          async tx => {
            await refuseOvertaken(tx, observations)
            const changes = await applyObservations(tx, catalogue, told, now)
            await settleEntries(tx, entries, now)
            return changes
          },
          observations.map(({ record }) => record),
        )
        for (const { againAt, entry, dead } of endedOf(entries))
          metrics.worked(entry.system, againAt !== null ? 'again' : dead === undefined ? 'done' : 'dead', 1)
        return true
      } catch (error) {
        if (error instanceof LostLease) return false
        throw error
      }
    },
    async fail(entry, failure) {
      metrics.worked(entry.system, failure.state, 1)
      await failing.submit({ entry, failure })
    },
    isOut(system) {
      const status = runtime.systems.find(running => running.system === system)?.status()
      return status !== undefined && !(status.isReachable && status.isAuthorized)
    },
    deadlineMs,
    traces,
    clock,
    random,
    log,
  })
}

/** Whether a hint may be about the name that others show. */
function mayRename(kind: KnownMentionedKind | null, { kind: change, fields }: Hint): boolean {
  if (kind === null) return false
  // Who shows an entity that was just made has read it after that.
  if (kind.nameFields === null || change === 'CREATED') return kind.nameFields === null
  return change === 'DELETED' || fields.length === 0 || kind.nameFields.some(field => fields.includes(field))
}

/** When the delivery came that told of each record, by `recordKey`; the first where several did. */
function heardOf(entries: readonly WorkedEntry[]): ReadonlyMap<string, Date> {
  const heard = new Map<string, Date>()
  for (const { entry } of entries) {
    for (const { record } of entry.hints) {
      const key = recordKey(record)
      if ((heard.get(key) ?? entry.receivedAt) >= entry.receivedAt) heard.set(key, entry.receivedAt)
    }
  }
  return heard
}

/** @throws LostLease */
async function settleEntries(tx: StoreTransaction, entries: readonly WorkedEntry[], now: Date): Promise<void> {
  const ended = endedOf(entries)
  const done = ended.filter(({ againAt, dead }) => againAt === null && dead === undefined).map(({ entry }) => entry)
  if (!(await finishEntries(tx, done, now))) throw new LostLease()
  for (const one of entries) {
    if ('applied' in one && !(await noteApplied(tx, one.entry, one.applied))) throw new LostLease()
  }
  for (const { entry, againAt, dead } of ended) {
    if (againAt !== null && !(await postponeEntry(tx, entry, againAt, now))) throw new LostLease()
    if (dead !== undefined && !(await failEntry(tx, entry, { dead }, now))) throw new LostLease()
  }
}

function endedOf(entries: readonly WorkedEntry[]): readonly EndedEntry[] {
  return entries.flatMap(one => ('applied' in one ? [] : [one]))
}

/** The entries are another worker's by now: nothing of ours may be written. */
class LostLease extends Error {
  override readonly name = 'LostLease'
}
