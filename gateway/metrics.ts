import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { System } from '../schema/systems.ts'
import type { SubscriptionState } from '../subgraphs/contract.ts'
import type { VendorErrorKind } from '../subgraphs/vendor-error.ts'
import { StoreError } from './store/store.ts'

/** What the store says of one system. */
export interface StoredReading {
  readonly system: System
  readonly isImported: boolean
  readonly dueEntries: number
  readonly deadEntries: number
  readonly oldestDueAt: Date | null
  readonly lastDeliveryAt: Date | null
  readonly completeUpTo: Date | null
  readonly lagSeconds: number | null
  readonly lastSweep: { readonly endedAt: Date | null; readonly missed: number; readonly fault: string | null } | null
  readonly webhooks: readonly { readonly endpoint: string; readonly state: SubscriptionState }[]
  readonly quarantinedRequests: number
}

/** What is read anew each time the metrics are asked for. */
export interface MetricReadings {
  /** @throws StoreError: what this process knows by itself is told all the same */
  stored(): Promise<{
    readonly systems: readonly StoredReading[]
    readonly writes: { readonly writes: number; readonly oldestAt: Date | null }
    readonly takesWrites: boolean
  }>
  cache(): { hits: number; misses: number; staleServed: number; entries: number; bytes: number; isBypassed: boolean }
  systems(): readonly {
    readonly system: System
    readonly isReachable: boolean
    readonly isAuthorized: boolean
    readonly pools: readonly { readonly name: string; readonly limit: number; readonly used: number }[]
  }[]
  subscribers(): { readonly subscribers: number; readonly groups: number; readonly sockets: number }
  changes(): { readonly sequence: number; readonly isCutOff: boolean }
  now(): Date
}

/** How entries of deliveries ended a try: `again` where their vendor does not show yet what it told. */
export type WorkOutcome = 'done' | 'again' | 'due' | 'dead'

/** What happens, counted for Prometheus. */
export interface Metrics {
  /** A webhook request was answered; 2xx is an acknowledgement. */
  acknowledged(system: System, status: number, seconds: number): void
  worked(system: System, outcome: WorkOutcome, entries: number): void
  /** A Change that a webhook told of is on its way to a group of subscribers. */
  pushed(system: System, secondsSinceReceived: number): void
  /** One request to a vendor has ended. */
  called(system: System, operation: string, outcome: 'ok' | VendorErrorKind, seconds: number): void
  readonly contentType: string
  /** In Prometheus' text format. */
  text(readings: MetricReadings): Promise<string>
}

const fromMilliseconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Each process has metrics of its own; nothing is kept over a restart. */
export function openMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const webhooks = new Histogram({
    name: 'livegraph_webhook_ack_seconds',
    help: 'From the arrival of a webhook request to its answer; 2xx is sent once it is durable.',
    labelNames: ['system', 'status'],
    buckets: fromMilliseconds,
    registers,
  })
  const worked = new Counter({
    name: 'livegraph_delivery_entries_worked_total',
    help: 'Tries of entries of deliveries by how they ended: done, again (the vendor lags), due (failed, tried later), dead.',
    labelNames: ['system', 'outcome'],
    registers,
  })
  const pushes = new Histogram({
    name: 'livegraph_webhook_to_push_seconds',
    help: 'From the arrival of a webhook to the frame for a group of equal subscriptions.',
    labelNames: ['system'],
    buckets: fromMilliseconds,
    registers,
  })
  const calls = new Histogram({
    name: 'livegraph_vendor_request_seconds',
    help: 'Requests to vendors, each try counted, by operation and how they ended.',
    labelNames: ['system', 'operation', 'outcome'],
    buckets: fromMilliseconds,
    registers,
  })
  const cacheReads = new Counter({
    name: 'livegraph_cache_reads_total',
    help: 'Reads of records: from the cache, from a vendor, or served stale.',
    labelNames: ['result'],
    registers,
  })
  const gauge = (name: string, help: string, labelNames: readonly string[] = []): Gauge =>
    new Gauge({ name: `livegraph_${name}`, help, labelNames: [...labelNames], registers })
  const entries = gauge('delivery_entries', 'Entries of deliveries in the store that are not done, by state.', [
    'system',
    'state',
  ])
  const oldest = gauge('oldest_due_seconds', 'How long the oldest entry that is not done has waited; 0 for none.', [
    'system',
  ])
  const lastDelivery = gauge(
    'last_delivery_timestamp_seconds',
    'When the last genuine webhook came, in seconds since 1970; missing when none has.',
    ['system'],
  )
  const complete = gauge(
    'complete_up_to_timestamp_seconds',
    'All that happened until then is known, but for dead entries, in seconds since 1970; missing while the first import runs.',
    ['system'],
  )
  const lag = gauge('lag_seconds', 'How long ago that was; missing while the first import runs.', ['system'])
  const imported = gauge('imported', '1 once every record was read.', ['system'])
  const sweepEnded = gauge(
    'last_sweep_timestamp_seconds',
    'When the last sweep ended, in seconds since 1970; missing while one is under way.',
    ['system'],
  )
  const missed = gauge('last_sweep_missed', 'Happenings that the last sweep found and no webhook had told.', ['system'])
  const sweepFailed = gauge('sweep_failed', '1 when the last sweep was given up; the next one goes on from there.', [
    'system',
  ])
  const webhookState = gauge(
    'webhook_state',
    '1 for the state of each webhook of a tool: ACTIVE, FAILING, DISABLED, GONE, UNKNOWN or POLLED.',
    ['system', 'endpoint', 'state'],
  )
  const quarantined = gauge(
    'quarantined_requests',
    'Webhooks kept that were refused because their signature fits no secret of ours.',
    ['system'],
  )
  const unfinished = gauge('unfinished_writes', 'Writes that are to be finished or taken back.')
  const oldestWrite = gauge('oldest_unfinished_write_seconds', 'How long ago the oldest was asked for; 0 for none.')
  const storeUp = gauge(
    'store_reachable',
    '0 while the store does not answer or takes no writes; what it knows is missing while it does not answer.',
  )
  /** What is told from the store: nothing of it while it does not answer. */
  const ofStore = [
    entries,
    oldest,
    lastDelivery,
    complete,
    lag,
    imported,
    sweepEnded,
    missed,
    sweepFailed,
    webhookState,
    quarantined,
    unfinished,
    oldestWrite,
  ]
  const cacheSize = gauge('cache_bytes', 'Estimated size of the cached records.')
  const cacheEntries = gauge('cache_entries', 'Cached records.')
  const bypassed = gauge(
    'cache_bypassed',
    '1 while the log of Changes cannot be followed and nothing is served from the cache.',
  )
  const reachable = gauge('vendor_reachable', '0 while the breaker is open.', ['system'])
  const authorized = gauge('vendor_authorized', '0 while a vendor refuses our credentials.', ['system'])
  const poolUsed = gauge('vendor_pool_used', 'Units of a budget used in its present window.', ['system', 'pool'])
  const poolLimit = gauge('vendor_pool_limit', 'Units of a budget in one window.', ['system', 'pool'])
  const subscribers = gauge('subscribers', 'Subscriptions open at this process.')
  const groups = gauge('subscription_groups', 'Groups of equal subscriptions, which share their executions.')
  const sockets = gauge('sockets', 'Websockets open at this process.')
  const sequence = gauge('change_sequence', 'The newest Change this process has applied.')
  const cutOff = gauge('changes_cut_off', '1 while the log of Changes cannot be followed.')

  return {
    acknowledged: (system, status, seconds) => webhooks.observe({ system, status: String(status) }, seconds),
    worked: (system, outcome, count) => worked.inc({ system, outcome }, count),
    pushed: (system, seconds) => pushes.observe({ system }, seconds),
    called: (system, operation, outcome, seconds) => calls.observe({ system, operation, outcome }, seconds),
    contentType: registry.contentType,
    async text(readings) {
      const stored = await readings.stored().catch((error: unknown) => {
        if (error instanceof StoreError) return null
        throw error
      })
      storeUp.set(Number(stored !== null && stored.takesWrites))
      for (const one of ofStore) one.reset()
      // Without labels they would be 0 instead of missing.
      unfinished.remove()
      oldestWrite.remove()
      const now = readings.now()
      if (stored !== null) {
        for (const one of stored.systems) tell(one, now)
        unfinished.set(stored.writes.writes)
        oldestWrite.set(secondsBetween(stored.writes.oldestAt, now))
      }
      const cache = readings.cache()
      cacheReads.reset()
      cacheReads.inc({ result: 'hit' }, cache.hits)
      cacheReads.inc({ result: 'miss' }, cache.misses)
      cacheReads.inc({ result: 'stale' }, cache.staleServed)
      cacheSize.set(cache.bytes)
      cacheEntries.set(cache.entries)
      bypassed.set(Number(cache.isBypassed))
      for (const { system, isReachable, isAuthorized, pools } of readings.systems()) {
        reachable.set({ system }, Number(isReachable))
        authorized.set({ system }, Number(isAuthorized))
        for (const pool of pools) {
          poolUsed.set({ system, pool: pool.name }, pool.used)
          poolLimit.set({ system, pool: pool.name }, pool.limit)
        }
      }
      const open = readings.subscribers()
      subscribers.set(open.subscribers)
      groups.set(open.groups)
      sockets.set(open.sockets)
      const log = readings.changes()
      sequence.set(log.sequence)
      cutOff.set(Number(log.isCutOff))
      return registry.metrics()
    },
  }

  function tell(one: StoredReading, now: Date): void {
    const { system, lastSweep } = one
    entries.set({ system, state: 'due' }, one.dueEntries)
    entries.set({ system, state: 'dead' }, one.deadEntries)
    oldest.set({ system }, secondsBetween(one.oldestDueAt, now))
    imported.set({ system }, Number(one.isImported))
    quarantined.set({ system }, one.quarantinedRequests)
    sweepFailed.set({ system }, Number(lastSweep !== null && lastSweep.fault !== null))
    if (lastSweep !== null) missed.set({ system }, lastSweep.missed)
    if (lastSweep?.endedAt) sweepEnded.set({ system }, secondsOf(lastSweep.endedAt))
    if (one.lastDeliveryAt !== null) lastDelivery.set({ system }, secondsOf(one.lastDeliveryAt))
    if (one.completeUpTo !== null) complete.set({ system }, secondsOf(one.completeUpTo))
    if (one.lagSeconds !== null) lag.set({ system }, one.lagSeconds)
    for (const { endpoint, state } of one.webhooks) webhookState.set({ system, endpoint, state }, 1)
  }
}

function secondsOf(at: Date): number {
  return at.getTime() / 1000
}

/** 0 for none. */
function secondsBetween(from: Date | null, to: Date): number {
  return from === null ? 0 : Math.max(0, secondsOf(to) - secondsOf(from))
}
