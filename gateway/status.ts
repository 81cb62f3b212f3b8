import type { Clock, SubscriptionState } from '../subgraphs/contract.ts'
import type { SystemStatus } from './graph/live/resolvers.ts'
import type { Health } from './http.ts'
import type { Importing } from './operator/importing.ts'
import type { SettingsCheck } from './operator/settings-check.ts'
import type { Runtime } from './runtime.ts'
import type { MetricReadings } from './metrics.ts'
import { countUndone, lastReceivedAt, oldestDue } from './store/delivery-history.ts'
import { countQuarantined } from './store/quarantine.ts'
import { countUnfinished } from './store/writes.ts'
import { listProgress, type ImportProgress } from './store/progress.ts'
import { StoreError, type Store } from './store/store.ts'
import type { StoredSubscription } from './store/subscriptions.ts'
import { readWebhooks, webhookText } from './operator/webhooks-check.ts'
import { listPlaces, listSweeps, type SweepPlace } from './store/sweeps.ts'

/** How each tool is connected, for `Query.systems`. */
export async function systemStatuses(runtime: Runtime, clock: Clock): Promise<readonly SystemStatus[]> {
  const { store, systems } = runtime
  const [counts, oldest, progress, places, sweeps, webhooks, quarantined] = await Promise.all([
    countUndone(store, systems),
    oldestDue(store),
    store.read(db => listProgress(db)),
    store.read(db => listPlaces(db)),
    store.read(db => listSweeps(db)),
    readWebhooks(store, clock.now()),
    countQuarantined(store),
  ])
  return Promise.all(
    systems.map(async ({ system, role, adapter, status }) => {
      const entries = counts.find(one => one.system === system)
      const ofSystem = progress.filter(one => one.system === system)
      const known = completeness(
        adapter.sweepers.map(({ feed }) => places.find(one => one.system === system && one.feed === feed)),
        adapter.importers.map(({ kind }) => ofSystem.find(one => one.kind === kind)),
      )
      // What waits to be worked on is not known yet.
      const completeUpTo = known === null ? null : earliest(known, oldest.get(system) ?? null)
      return {
        system,
        role,
        isImported: adapter.importers.every(({ kind }) =>
          ofSystem.some(one => one.kind === kind && one.completedAt !== null),
        ),
        importedRecords: ofSystem.reduce((sum, one) => sum + one.imported, 0),
        lastDeliveryAt: await lastReceivedAt(store, system),
        dueEntries: entries?.due ?? 0,
        oldestDueAt: oldest.get(system) ?? null,
        deadEntries: entries?.dead ?? 0,
        completeUpTo,
        lagSeconds:
          completeUpTo === null
            ? null
            : Math.max(0, Math.round((clock.now().getTime() - completeUpTo.getTime()) / 1000)),
        lastSweep: sweeps.find(one => one.system === system) ?? null,
        webhooks: webhooks.filter(one => one.system === system),
        quarantinedRequests: quarantined.find(one => one.system === system)?.requests ?? 0,
        ...status(),
      }
    }),
  )
}

/** Until when everything is known: as far as every feed was swept, or as of the first import before that. */
function completeness(
  places: readonly (SweepPlace | undefined)[],
  imports: readonly (ImportProgress | undefined)[],
): Date | null {
  const swept = places.map(place => place?.completeUpTo ?? null)
  if (swept.length > 0 && swept.every(at => at !== null)) return earliest(...swept)
  // An import under way lists anew; when the one before it began is not kept.
  const began = imports.map(one => (one?.state === 'done' ? one.startedAt : null))
  return began.every(at => at !== null) ? earliest(...began) : null
}

/** @returns null only when all are; what is null bounds nothing */
function earliest(...times: readonly (Date | null)[]): Date | null {
  const known = times.flatMap(time => time?.getTime() ?? [])
  return known.length === 0 ? null : new Date(Math.min(...known))
}

/** What is read anew each time the metrics are asked for. */
export function metricReadings(runtime: Runtime, sockets: () => number, clock: Clock): MetricReadings {
  const { store, systems, cache, hub, follower } = runtime
  return {
    async stored() {
      const [ofSystems, writes] = await Promise.all([systemStatuses(runtime, clock), countUnfinished(store)])
      return { systems: ofSystems, writes }
    },
    cache: () => cache.status(),
    systems: () => systems.map(({ system, status }) => ({ system, ...status() })),
    subscribers: () => ({ subscribers: hub.subscribers, groups: hub.groups, sockets: sockets() }),
    changes: () => ({ sequence: follower.position, isCutOff: follower.isCutOff }),
    now: () => clock.now(),
  }
}

/** Of a webhook that will not call us, or soon not. */
const unwellStates: ReadonlySet<SubscriptionState> = new Set(['FAILING', 'DISABLED', 'GONE'])

/** Ready once the store takes writes and the log of Changes is followed; a vendor that is down makes nobody unready. */
export async function healthOf(
  runtime: Runtime,
  { importing, settings, clock }: { importing: Importing; settings: SettingsCheck; clock: Clock },
): Promise<Health> {
  const parts: Record<string, string> = {}
  let isReady = true
  let webhooks: readonly StoredSubscription[] = []
  try {
    webhooks = await readWebhooks(runtime.store, clock.now())
    await probe(runtime.store)
    parts['store'] = 'ok'
  } catch (error) {
    parts['store'] = error instanceof StoreError && error.kind === 'full' ? 'has no space left' : 'takes no writes'
    isReady = false
  }
  parts['changes'] = runtime.follower.isCutOff ? 'the log of Changes cannot be followed' : 'ok'
  if (runtime.follower.isCutOff) isReady = false
  for (const { system, status } of runtime.systems) {
    const { isReachable, isAuthorized } = status()
    const state = !isReachable ? 'cannot be reached' : isAuthorized ? 'ok' : 'refuses our credentials'
    const given = importing.isGivenUp(system) ? `${state}, its import was given up: the log says why` : state
    const now = importing.isRunning(system) ? `${state}, import is running` : given
    const unwell = webhooks.filter(one => one.system === system && unwellStates.has(one.state))
    const faults = [...unwell.map(webhookText), ...settings.faultsOf(system)]
    parts[system] = [...(now === 'ok' && faults.length > 0 ? [] : [now]), ...faults].join('; ')
  }
  return { isReady, parts }
}

/** Answers of one second are one write, however often they are asked for. */
const probeEveryMs = 1000
const probes = new WeakMap<Store, { readonly atMs: number; readonly written: Promise<unknown> }>()

/** A store that can only be read takes no webhook. */
function probe(store: Store): Promise<unknown> {
  const now = performance.now()
  const last = probes.get(store)
  if (last !== undefined && now - last.atMs < probeEveryMs) return last.written
  const value = new Date().toISOString()
  const written = store.write(
    tx =>
      tx
        .insertInto('meta')
        .values({ name: 'probed_at', value })
        .onConflict(on => on.column('name').doUpdateSet({ value }))
        .execute(),
    { isSerial: false },
  )
  probes.set(store, { atMs: now, written })
  return written
}
