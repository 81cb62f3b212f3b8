import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { System } from '../schema/systems.ts'
import type { VendorErrorKind } from '../subgraphs/vendor-error.ts'

/** How many deliveries of one system are in which state, and how long the oldest that is not done has waited. */
export interface QueueReading {
  readonly system: System
  readonly due: number
  readonly dead: number
  readonly oldestDueAt: Date | null
}

/** What is read anew each time the metrics are asked for. */
export interface MetricReadings {
  queue(): Promise<readonly QueueReading[]>
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
  const gauge = (name: string, help: string, labelNames: readonly string[] = []): Gauge =>
    new Gauge({ name: `livegraph_${name}`, help, labelNames: [...labelNames], registers })
  const entries = gauge('delivery_entries', 'Entries of deliveries in the store that are not done, by state.', [
    'system',
    'state',
  ])
  const oldest = gauge('oldest_due_seconds', 'How long the oldest entry that is not done has waited; 0 for none.', [
    'system',
  ])
  const cacheReads = gauge('cache_reads_total', 'Reads of records: from the cache, from a vendor, or served stale.', [
    'result',
  ])
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
      const now = readings.now().getTime()
      for (const { system, due, dead, oldestDueAt } of await readings.queue()) {
        entries.set({ system, state: 'due' }, due)
        entries.set({ system, state: 'dead' }, dead)
        oldest.set({ system }, oldestDueAt === null ? 0 : Math.max(0, now - oldestDueAt.getTime()) / 1000)
      }
      const cache = readings.cache()
      cacheReads.set({ result: 'hit' }, cache.hits)
      cacheReads.set({ result: 'miss' }, cache.misses)
      cacheReads.set({ result: 'stale' }, cache.staleServed)
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
}
