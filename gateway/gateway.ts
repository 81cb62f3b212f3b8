import { randomUUID } from 'node:crypto'
import type { Role, System } from '../schema/systems.ts'
import type { Clock, Log } from '../subgraphs/contract.ts'
import { openCallers } from './callers.ts'
import { prune } from './changes/log.ts'
import { connectSystem, openSecrets } from './operator/connect.ts'
import type { GatewayConfig } from './config.ts'
import { controlPath, openControl, type ControlRequest, type Tell } from './operator/control.ts'
import { answerDeliveries } from './operator/answer-deliveries.ts'
import { openDelivering, webhookSources, type Delivering } from './operator/delivering.ts'
import { FederatedGraph } from './graph/executor.ts'
import { liveResolvers } from './graph/live/resolvers.ts'
import { GraphServer, type Outcome } from './graph/server.ts'
import { subgraphSources } from './graph/sources.ts'
import { unplayedResolvers } from './graph/unplayed.ts'
import { openSubgraph, type LocalSubgraph } from './graph/subgraph.ts'
import { supergraph } from './graph/supergraph.ts'
import { healthOf, Refusals } from './health.ts'
import { assertFree, createHttp } from './http.ts'
import { openImporting, type Importing } from './operator/importing.ts'
import { openLinks } from './links/links.ts'
import { isLivingRecord } from './links/records.ts'
import { catchUpLinks } from './links/catch-up.ts'
import { unlinkedPage } from './links/unlinked.ts'
import { aboutOf } from './pages/about.ts'
import { explorePages } from './pages/explore.ts'
import { openSockets } from './push/socket.ts'
import { leaseMs, openProcessor } from './processor.ts'
import { openRuntime, type Runtime } from './runtime.ts'
import { SettingsCheck } from './operator/settings-check.ts'
import { openSweeping, type Sweeping } from './operator/sweeping.ts'
import { WebhooksCheck } from './operator/webhooks-check.ts'
import { tellOutages } from './outages.ts'
import { metricReadings, systemStatuses } from './status.ts'
import { releaseDead, releaseLeases } from './store/deliveries.ts'
import { pruneReceived } from './store/delivery-history.ts'
import { keepQuarantined, pruneQuarantine, quarantineRoom } from './store/quarantine.ts'
import { storeName } from './store/store-name.ts'
import { storeReceived } from './store/received.ts'
import { pruneWrites, releaseWrites } from './store/writes.ts'
import { openTraces } from './traces/open.ts'
import type { DeliveryProcessor } from './webhooks/process.ts'
import { Quarantine } from './webhooks/quarantine.ts'
import { openReceive } from './webhooks/receive.ts'
import { openContinuing } from './writes/continue.ts'

export interface GatewayOptions {
  readonly log: Log & { child?(fields: object): Log }
  readonly clock?: Clock
  /** In [0, 1). */
  readonly random?: () => number
  /** When the tools can be asked; at once when absent. Until then nothing is imported, and what webhooks say waits. */
  readonly workAfter?: Promise<unknown>
}

export interface Gateway {
  readonly port: number
  /** `http://127.0.0.1:4000` */
  readonly url: string
  readonly runtime: Runtime
  readonly importing: Importing
  readonly sweeping: Sweeping
  readonly processor: DeliveryProcessor
  /**
   * Registers a system's webhooks with the vendor; `tell` gets what was done and what is left.
   * @param options.waitSeconds how long a webhook is waited for where only that shows that all is right; not at all when absent
   */
  connect(
    system: System,
    tell: Tell,
    options?: { readonly waitSeconds?: number; readonly signal?: AbortSignal },
  ): Promise<'done' | 'failed'>
  /** Goes on working, but tells balancers that it is going away; `close` follows once they had time to hear it. */
  retire(): void
  /** Finishes what is under way, then ends: no request, socket or acknowledged delivery is lost. */
  close(): Promise<void>
}

/** Changes are kept for subscribers that come back. */
const changesKeptMs = 30 * 24 * 60 * 60_000

/** For so long a `clientMutationId` is known. */
const writesKeptMs = 30 * 24 * 60 * 60_000

/** What operations need beyond a start is loaded then, or with the first of them: meanwhile others may be told that we are ready. */
const warmAfterMs = 500

const pruneEveryMs = 60 * 60_000

/**
 * Starts everything: store, systems, graph, HTTP; and the import, if it was never finished.
 * @throws StoreError, CompositionError, or an error that says what to do about a port that is taken: then no store was made
 */
export async function startGateway(config: GatewayConfig, options: GatewayOptions): Promise<Gateway> {
  const startedAt = performance.now()
  const { log } = options
  const clock = options.clock ?? { now: () => new Date() }
  const random = options.random ?? Math.random
  const child = (fields: { readonly system: System }): Log => log.child?.(fields) ?? log
  const worker = randomUUID()
  await assertFree(config.port, config.host)
  const traces = await openTraces(config.tracesUrl, { instance: worker, log })
  const runtime = await openRuntime(config, { log, clock, random, child, traces, worker })
  const { store, catalogue } = runtime
  // Whatever is written into the store goes by its clock, which all its processes share.
  const time = store.clock
  // In the order in which they are taken: what takes in new work ends before what works on it.
  const ends: (() => unknown)[] = [() => runtime.close(), () => traces.close()]
  try {
    // The store lets one process in: whoever held deliveries before was killed, and its leases need not run out.
    if (store.signals === null) {
      await releaseDead(store, store.clock.now())
      await store.write(tx => releaseWrites(tx, null, store.clock.now()))
    }
    const secrets = openSecrets(runtime, time)
    const delivering = openDelivering(runtime, { log, secrets })
    const settings = new SettingsCheck(log)
    const webhooks = new WebhooksCheck({ store, publicUrl: config.publicUrl, secrets, log, clock: time })
    const connect = (system: System, tell: Tell, { waitSeconds = 0, signal = new AbortController().signal } = {}) =>
      connectSystem(runtime, { system, waitSeconds, publicUrl: config.publicUrl, secrets, webhooks, tell, signal })
    const importing = openImporting(runtime, { settings, log, clock: time })
    const subgraphs = openSubgraphs(runtime, delivering, { config, log, clock: time })
    const graph = new FederatedGraph(await supergraph(), subgraphs, !config.isExplorable)
    const server = new GraphServer({
      graph,
      ports: runtime.contexts,
      log,
      introspection: config.isExplorable,
    })
    await server.start()
    ends.unshift(() => server.stop())
    if (store.signals !== null) {
      const known = () => runtime.systems.map(({ system, status }) => ({ system, ...status() }))
      const outages = tellOutages({ store, worker: runtime.worker, systems: known, clock: time, log })
      ends.unshift(() => outages.stop())
    }

    const processor = openProcessor(runtime, { random, log })
    ends.unshift(
      () => processor.stop(),
      () => releaseHeld(runtime, log),
    )
    const sweeping = openSweeping(runtime, {
      importing,
      settings,
      processor,
      leaseMs,
      everyMs: config.sweepEverySeconds === 0 ? null : config.sweepEverySeconds * 1000,
      webhooks,
      log,
      clock: time,
    })
    const quarantine = new Quarantine({
      keep: requests => keepQuarantined(store, requests, quarantineRoom, random),
      random,
      log,
    })
    ends.unshift(() => quarantine.flush())
    const refusals = new Refusals()
    const receive = openReceive({
      sources: webhookSources(runtime),
      publicUrl: config.publicUrl,
      secrets,
      store: async (system, received, entries, receivedAt) => {
        const { endpoint, url, headers, body } = received
        // Leases go by the store's clock; whatever another machine's clock may say.
        const storedAt = store.signals === null ? receivedAt : time.now()
        const request = { system, endpoint, url, headers, body, receivedAt: storedAt, entries }
        // What there is no room for here is due at once, for whoever has some.
        const isOurs = config.duty === 'all' && processor.hasRoomFor(system)
        const stored = await refusals.watch(storeReceived(store, request, leaseMs, isOurs ? runtime.worker : null))
        if (!isOurs) store.signals?.send('deliveries')
        const { id: receivedId, duplicates } = stored
        const receipt = { received, receivedAt, entries: entries.length, duplicates }
        traces.received({ system, receivedId, receivedAt: storedAt }, receipt)
        return stored.entries
      },
      quarantine: ({ system, adapter }, received) => quarantine.take(system, adapter, received, time.now()),
      process: entries => processor.accept(entries),
      clock,
      log,
    })
    const sockets = openSockets({ server, hub: runtime.hub, schema: graph.planner.apiGraphQLSchema, log })
    const http = createHttp({
      graph: server,
      sockets,
      webhook: receive,
      health: () => healthOf(runtime, { importing, settings, refusals, clock: time }),
      metrics: async () => ({
        contentType: runtime.metrics.contentType,
        text: await runtime.metrics.text(
          metricReadings(runtime, { refusals, sockets: () => sockets.clients, clock: time }),
        ),
      }),
      onWebhook: (system, status, seconds) => runtime.metrics.acknowledged(system, status, seconds),
      page: config.isExplorable ? explorePages(() => aboutOf(runtime, config, time)) : () => Promise.resolve(null),
      callers: openCallers(config),
      isHealthOnly: config.duty === 'worker',
      log,
    })
    const { port } = await http.listen(config.port, config.host)
    // Deliveries acknowledged until then are in the store; those under way are finished.
    ends.unshift(() => http.close())

    const continuing = openContinuing({
      store,
      runner: runtime.writes,
      execute: async write => refusalIn(await server.resume(write)),
      clock: store.clock,
      log,
    })
    ends.unshift(() => continuing.stop())
    const control = await openControlOf(config, (asked, tell, signal) => answerControl(asked, tell, signal))
    ends.unshift(
      () => control?.close(),
      () => Promise.all([sweeping.stop(), importing.stop()]),
    )
    const unheard = runtime.systems.filter(({ adapter }) => adapter.webhookEndpoints.length === 0)
    if (config.sweepEverySeconds === 0 && unheard.length > 0) {
      const systems = unheard.map(({ system }) => system)
      log.warn(
        { systems },
        'nothing is pushed by these tools and SWEEP_EVERY_SECONDS is 0: what changes there is not found',
      )
    }
    await options.workAfter
    if (config.duty !== 'web') {
      processor.start()
      store.signals?.on('deliveries', () => processor.wake())
      void catchUpLinks(
        store,
        catalogue,
        () => time.now(),
        work => runtime.commits.commit(work),
      ).catch((error: unknown) =>
        log.warn({ err: error }, 'links made by an earlier version could not be looked at again; the next start does'),
      )
      importing.start()
      sweeping.start()
      continuing.start()
      const pruning = setInterval(() => void forgetOld(runtime, config, { clock: time, log }), pruneEveryMs).unref()
      ends.unshift(() => clearInterval(pruning))
    }

    const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`
    const warming = setTimeout(() => graph.warm(), warmAfterMs).unref()
    ends.unshift(() => clearTimeout(warming))
    log.info({ url: `${url}/graphql`, ms: Math.round(performance.now() - startedAt) }, 'the graph is served')
    let closing: Promise<void> | null = null
    return {
      port,
      url,
      runtime,
      importing,
      sweeping,
      processor,
      connect,
      retire: () => http.retire(),
      close: () => (closing ??= endAll(ends)),
    }

    async function answerControl(asked: ControlRequest, tell: Tell, signal: AbortSignal): Promise<'done' | 'failed'> {
      if (asked.command === 'import')
        return importing.run({ system: asked.system, restart: asked.restart, tell, signal })
      if (asked.command === 'sweep') return sweeping.run({ system: asked.system, tell, signal })
      if (asked.command === 'deliveries') {
        await quarantine.flush()
        return answerDeliveries(delivering, asked.asked, tell, signal, {
          waits: true,
          storeName: storeName(config.storeUrl),
        })
      }
      return connect(asked.system, tell, { waitSeconds: asked.waitSeconds, signal })
    }
  } catch (error) {
    await endAll(ends).catch((fault: unknown) => log.error({ err: fault }, 'what had started could not be ended'))
    throw error
  }
}

/** A step that fails must not keep the next ones from being taken: sockets and timers would outlive us. */
async function endAll(ends: readonly (() => unknown)[]): Promise<void> {
  const faults: unknown[] = []
  // With the server closed nothing but timers that keep nobody alive may be left of what is under way.
  const alive = setInterval(() => undefined, 60_000)
  for (const end of ends) {
    try {
      await end()
    } catch (error) {
      faults.push(error)
    }
  }
  clearInterval(alive)
  if (faults.length > 0) throw new AggregateError(faults, 'not everything could be ended in order')
}

function openSubgraphs(
  runtime: Runtime,
  delivering: Delivering,
  { config, log, clock }: { readonly config: GatewayConfig; readonly log: Log; readonly clock: Clock },
): readonly LocalSubgraph[] {
  const { store, catalogue } = runtime
  const live = liveResolvers({
    systemOf: systemsByRole(runtime),
    systems: () => systemStatuses(runtime, clock),
    async linksOf(entity) {
      const links = openLinks(store, catalogue)
      return (await Promise.all([links.linksOf(entity), links.referencesOf(entity)])).flat()
    },
    unlinked: asked => unlinkedPage(store, catalogue, asked, asked),
    linkRecord: (record, customerId) => runtime.linkRecord(record, customerId),
    isLivingRecord: record => isLivingRecord(store, record),
    resetLink: record => runtime.resetLink(record),
    deliveries: delivering,
  })
  return subgraphSources().map(({ name, typeDefs }) => {
    if (name === 'live') return openSubgraph(name, typeDefs, live, log)
    const running = runtime.systems.find(({ role }) => role === name)
    if (running !== undefined) return openSubgraph(name, typeDefs, running.resolvers, log)
    const unplayed = config.unplayed.find(({ role }) => role === name)
    if (unplayed === undefined) throw new Error(`expected a system for the role ${name}; see subgraphs/registry.ts`)
    return openSubgraph(name, typeDefs, unplayedResolvers(typeDefs, unplayed), log)
  })
}

function systemsByRole({ systems, unplayed }: Runtime): Readonly<Record<Role, System>> {
  const of = (role: Role): System => [...systems, ...unplayed].find(one => one.role === role)?.system ?? role
  return { crm: of('crm'), billing: of('billing'), jobs: of('jobs') }
}

function openControlOf(config: GatewayConfig, run: Parameters<typeof openControl>[1]) {
  const path = controlPath(config.storeUrl)
  return path === null ? Promise.resolve(null) : openControl(path, run)
}

/** What was acknowledged and waits is free for the next process at once, rather than when our leases run out. */
async function releaseHeld({ store, worker }: Runtime, log: Log): Promise<void> {
  try {
    const released = await releaseLeases(store, worker, store.clock.now())
    if (released > 0) store.signals?.send('deliveries')
    await store.write(tx => releaseWrites(tx, worker, store.clock.now()))
  } catch (error) {
    log.warn({ err: error }, 'deliveries that wait could not be released; they are due again when their leases run out')
  }
}

/** Why a mutation was refused for good; null when it was not, or when another try may be answered otherwise. */
function refusalIn(outcome: Outcome): string | null {
  const errors = 'refused' in outcome ? outcome.refused : (outcome.errors ?? [])
  const lasting = errors.find(
    ({ extensions }) => extensions?.['isRetryable'] !== true && extensions?.['code'] !== 'INTERNAL_SERVER_ERROR',
  )
  return lasting?.message ?? null
}

async function forgetOld(
  { store }: Runtime,
  { requestsKeptDays, deliveriesKeptDays }: GatewayConfig,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<void> {
  try {
    const now = clock.now()
    await prune(store, new Date(now.getTime() - changesKeptMs))
    await pruneReceived(store, { requests: requestsKeptDays, deliveries: deliveriesKeptDays }, now)
    await pruneQuarantine(store, requestsKeptDays, now)
    await store.write(tx => pruneWrites(tx, new Date(now.getTime() - writesKeptMs)))
  } catch (error) {
    log.warn({ err: error }, 'what is old could not be forgotten; it is tried again in an hour')
  }
}
