import type { Clock } from '../subgraphs/contract.ts'
import type { SystemStatus } from './graph/live/resolvers.ts'
import { storeFault, type Refusals } from './health.ts'
import { seenByAll } from './outages.ts'
import type { Runtime } from './runtime.ts'
import type { MetricReadings } from './metrics.ts'
import { countUndone, lastReceivedAt, oldestDue } from './store/delivery-history.ts'
import { countQuarantined } from './store/quarantine.ts'
import { listOutages } from './store/outages.ts'
import { countUnfinished } from './store/writes.ts'
import { listProgress, type ImportProgress } from './store/progress.ts'
import { readWebhooks } from './operator/webhooks-check.ts'
import { listPlaces, listSweeps, type SweepPlace } from './store/sweeps.ts'

/** How each tool is connected, for `Query.systems`. */
export async function systemStatuses(runtime: Runtime, clock: Clock): Promise<readonly SystemStatus[]> {
  const { store, systems } = runtime
  const [counts, oldest, progress, places, sweeps, webhooks, quarantined, outages] = await Promise.all([
    countUndone(store, systems),
    oldestDue(store),
    store.read(db => listProgress(db)),
    store.read(db => listPlaces(db)),
    store.read(db => listSweeps(db)),
    readWebhooks(store, clock.now()),
    countQuarantined(store),
    store.read(db => listOutages(db, clock.now())),
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
        ...seenByAll(system, status(), outages),
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
export function metricReadings(
  runtime: Runtime,
  { refusals, sockets, clock }: { refusals: Refusals; sockets: () => number; clock: Clock },
): MetricReadings {
  const { store, systems, cache, hub, follower } = runtime
  return {
    async stored() {
      const [ofSystems, writes] = await Promise.all([systemStatuses(runtime, clock), countUnfinished(store)])
      return { systems: ofSystems, writes, takesWrites: (await storeFault(store, refusals)) === null }
    },
    cache: () => cache.status(),
    systems: () => systems.map(({ system, status }) => ({ system, ...status() })),
    subscribers: () => ({ subscribers: hub.subscribers, groups: hub.groups, sockets: sockets() }),
    changes: () => ({ sequence: follower.position, isCutOff: follower.isCutOff }),
    now: () => clock.now(),
  }
}
