import type { SystemStatus } from './graph/live/resolvers.ts'
import type { Health } from './http.ts'
import type { Importing } from './importing.ts'
import type { Runtime } from './runtime.ts'
import type { Clock } from '../subgraphs/contract.ts'
import type { MetricReadings } from './metrics.ts'
import { countByState, lastReceivedAt, oldestDue } from './store/delivery-history.ts'
import { listProgress } from './store/progress.ts'
import { StoreError, type Store } from './store/store.ts'

/** How each tool is connected, for `Query.systems`. */
export async function systemStatuses(runtime: Runtime): Promise<readonly SystemStatus[]> {
  const { store, systems } = runtime
  const [counts, progress] = await Promise.all([countByState(store), store.read(db => listProgress(db))])
  return Promise.all(
    systems.map(async ({ system, role, adapter, status }) => {
      const entries = counts.find(one => one.system === system)
      const ofSystem = progress.filter(one => one.system === system)
      return {
        system,
        role,
        isImported: adapter.importers.every(({ kind }) =>
          ofSystem.some(one => one.kind === kind && one.completedAt !== null),
        ),
        importedRecords: ofSystem.reduce((sum, one) => sum + one.imported, 0),
        lastDeliveryAt: await lastReceivedAt(store, system),
        dueEntries: entries?.due ?? 0,
        deadEntries: entries?.dead ?? 0,
        ...status(),
      }
    }),
  )
}

/** What is read anew each time the metrics are asked for. */
export function metricReadings(runtime: Runtime, sockets: () => number, clock: Clock): MetricReadings {
  const { store, systems, cache, hub, follower } = runtime
  return {
    async queue() {
      const [counts, oldest] = await Promise.all([countByState(store), oldestDue(store)])
      return systems.map(({ system }) => {
        const { due = 0, dead = 0 } = counts.find(one => one.system === system) ?? {}
        return { system, due, dead, oldestDueAt: oldest.get(system) ?? null }
      })
    },
    cache: () => cache.status(),
    systems: () => systems.map(({ system, status }) => ({ system, ...status() })),
    subscribers: () => ({ subscribers: hub.subscribers, groups: hub.groups, sockets: sockets() }),
    changes: () => ({ sequence: follower.position, isCutOff: follower.isCutOff }),
    now: () => clock.now(),
  }
}

/** Ready once the store takes writes and the log of Changes is followed; a vendor that is down makes nobody unready. */
export async function healthOf(runtime: Runtime, importing: Importing): Promise<Health> {
  const parts: Record<string, string> = {}
  let isReady = true
  try {
    await runtime.store.read(db => db.selectFrom('meta').select('name').limit(1).execute())
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
    parts[system] = importing.isRunning(system) ? `${state}, import is running` : state
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
