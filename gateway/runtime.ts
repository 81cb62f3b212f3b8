import { randomUUID } from 'node:crypto'
import { GraphQLError } from 'graphql'
import type { EntityRef } from '../schema/entities.ts'
import { recordKey, sameRecord, type RecordRef, type Role, type System } from '../schema/systems.ts'
import type { CallContext, Clock, CustomerContact, Hint, Log, ObservedRecord, Priority } from '../subgraphs/contract.ts'
import { VendorError } from '../subgraphs/vendor-error.ts'
import { openRecordCache, type RecordCache } from './cache/record-cache.ts'
import { applyObservations } from './changes/apply.ts'
import { ChangeCommits } from './changes/commit.ts'
import { ChangeFollower } from './changes/follower.ts'
import { changesAfter, reaches } from './changes/log.ts'
import type { GatewayConfig } from './config.ts'
import { openContext, type ContextPorts, type OperationContext } from './graph/context.ts'
import { guardLookups } from './graph/unplayed.ts'
import { openRecording, openWrites, type WrittenRecord } from './graph/writes.ts'
import { openCatalogue, type Catalogue } from './links/catalogue.ts'
import { openIndex } from './links/index.ts'
import { openLinks } from './links/links.ts'
import { Living } from './links/living.ts'
import { readAbove } from './links/parents.ts'
import { linkByPerson, resetLink } from './links/person.ts'
import { openMetrics, type Metrics } from './metrics.ts'
import { PushHub } from './push/hub.ts'
import { readDeployment } from './store/deployment.ts'
import { openStore } from './store/open.ts'
import { endAllLeases } from './store/leases.ts'
import type { OpenStore, StoreTransaction } from './store/store.ts'
import { openSystems, type RunningSystem } from './systems.ts'
import { noTraces, type Traces } from './traces/traces.ts'
import { notConnected, roleNotConfigured, type UnplayedRole } from './unplayed-roles.ts'
import { WriteRunner, type RecordWritten } from './writes/run.ts'

export interface RuntimePorts {
  readonly log: Log
  child(fields: { readonly system: System }): Log
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  /** Off when absent. */
  readonly traces?: Traces
  /** Names this process; a random name when absent. */
  readonly worker?: string
}

/** What everything else stands on: store, systems, cache, and the one way of a Change. */
export interface Runtime {
  /** Names this process in leases. */
  readonly worker: string
  readonly store: OpenStore
  readonly catalogue: Catalogue
  readonly cache: RecordCache
  readonly systems: readonly RunningSystem[]
  /** Roles of the graph that no tool plays. */
  readonly unplayed: readonly UnplayedRole[]
  readonly follower: ChangeFollower
  readonly hub: PushHub
  readonly metrics: Metrics
  readonly traces: Traces
  readonly commits: ChangeCommits
  readonly writes: WriteRunner
  readonly contexts: ContextPorts
  /** A context for work that no client waits for. Contexts asked for in one turn are one, so that their reads are batched. */
  context(priority: Exclude<Priority, 'query'>): OperationContext
  observe(record: RecordRef, context: OperationContext): Promise<ObservedRecord | null>
  /** The same hint about the records that its own record leads to; see `OpenSystem.locate`. */
  locate(hint: Hint, context: OperationContext): Promise<readonly Hint[]>
  /** What a mentioned record is called; null when it does not exist. */
  nameOf(record: RecordRef, context: OperationContext): Promise<string | null>
  /** @throws GraphQLError when there is no such record or entity */
  linkRecord(record: RecordRef, entityId: string | null): Promise<EntityRef | null>
  /** @throws GraphQLError when there is no such record */
  resetLink(record: RecordRef): Promise<EntityRef | null>
  close(): Promise<void>
}

/** @throws StoreError when the store cannot be opened */
export async function openRuntime(config: GatewayConfig, ports: RuntimePorts): Promise<Runtime> {
  const { log, clock, traces = noTraces, worker = randomUUID() } = ports
  const store = await openStore(config.storeUrl, { log, clock, connections: config.storeConnections })
  const deployment = await readDeployment(store).catch(async (error: unknown) => {
    await store.close()
    throw error
  })
  const catalogue = openCatalogue(config.registered)
  const cache = openRecordCache({ nowMs: () => performance.now(), maxBytes: config.cacheMaxBytes })
  const metrics = openMetrics()
  const systems = openSystems({ ...ports, config, cache, metrics, traces, store, deployment, worker })
  const bySystem = new Map(systems.map(running => [running.system, running]))
  const follower: ChangeFollower = new ChangeFollower({
    store,
    clock,
    log,
    apply: changes => commits.follow(changes),
    onCutOff: isCutOff => cache.bypass(isCutOff),
  })
  const hub: PushHub = new PushHub({
    newest: () => follower.position,
    resolve: entity => openLinks(store, catalogue).resolve(entity),
    above: entity => store.read(db => readAbove(db, catalogue, entity)),
    isOwner: record => catalogue.isOwner(record),
    changesAfter: (sequence, limit) => changesAfter(store, sequence, limit),
    reaches: sequence => reaches(store, sequence),
    now: () => clock.now(),
    random: ports.random,
    onPushed({ system, heardAt }) {
      if (system !== null && heardAt !== undefined)
        metrics.pushed(system, Math.max(0, store.clock.now().getTime() - heardAt.getTime()) / 1000)
    },
    traces,
    log,
  })
  const commits = new ChangeCommits({
    store,
    cache,
    follower,
    hub,
    isReadApart: record => catalogue.mentionedKindOf(record)?.isReadApart === true,
    traces,
  })
  const contexts: ContextPorts = {
    lookups() {
      const living = new Living()
      const lookups = {
        links: openLinks(store, catalogue, living),
        index: openIndex(store, catalogue, living),
        forget: () => living.forget(),
      }
      return guardLookups(lookups, config.unplayed)
    },
    staleServed: context => cache.staleServed(context),
    contactOf,
    answering,
    watchReads: call => cache.watch(call),
    writes: ({ call, onWritten, resuming }) =>
      openWrites({ runner: writes, resuming, record: () => recording(call), onWritten }),
  }
  const writes = new WriteRunner({
    store,
    worker,
    takeBack: (role, write) => systemOf(role).adapter.takeBack(write, openContext(contexts, unasked).call),
    record: (...written) => recording(openContext(contexts, unasked).call)(...written),
    clock: store.clock,
    log,
  })
  const shared = new Map<Priority, OperationContext>()
  try {
    // The store lets one process in: whoever held something before was killed, and need not be waited for.
    if (store.signals === null) await endAllLeases(store)
    await follower.start()
    store.signals?.on('changes', () => follower.appended())
  } catch (error) {
    await store.close()
    throw error
  }

  return {
    worker,
    store,
    catalogue,
    cache,
    systems,
    unplayed: config.unplayed,
    follower,
    hub,
    metrics,
    traces,
    commits,
    writes,
    contexts,
    context(priority) {
      const known = shared.get(priority)
      if (known !== undefined) return known
      const context = openContext(contexts, { priority })
      shared.set(priority, context)
      setImmediate(() => shared.delete(priority))
      return context
    },
    observe,
    locate,
    async nameOf(record, context) {
      const { nameOf } = runningOf(record.system).adapter
      if (nameOf === undefined)
        throw new Error(`${record.system} declares that others show the names of its ${record.kind}s, and reads none`)
      return nameOf(record, context)
    },
    async linkRecord(record, entityId) {
      const entity = catalogue.kinds.find(
        ({ system, kind }) => system === record.system && kind === record.kind,
      )?.entity
      const missing = config.unplayed.find(({ system }) => system === (entity && catalogue.ownerOf(entity)?.system))
      if (missing !== undefined) throw roleNotConfigured(missing)
      const changes = await commits.commit(tx => linkByPerson(tx, catalogue, record, entityId, clock.now()))
      if (entityId === null) return null
      return changes.at(-1)?.entity ?? (await openLinks(store, catalogue).entityOf(record))
    },
    async resetLink(record) {
      await commits.commit(tx => resetLink(tx, catalogue, record, clock.now()))
      return openLinks(store, catalogue).entityOf(record)
    },
    async close() {
      hub.close()
      await writes.close()
      await Promise.all(systems.map(system => system.close()))
      await follower.stop()
      await store.close()
    },
  }

  function observe(record: RecordRef, context: OperationContext): Promise<ObservedRecord | null> {
    return runningOf(record.system).adapter.observe(record, context)
  }

  async function locate(hint: Hint, context: OperationContext): Promise<readonly Hint[]> {
    const records = await runningOf(hint.record.system).adapter.locate?.(hint.record, context)
    return records?.map(record => ({ ...hint, record })) ?? [hint]
  }

  function runningOf(system: System): RunningSystem {
    const running = bySystem.get(system)
    if (running !== undefined) return running
    const missing = config.unplayed.find(one => one.system === system)
    if (missing !== undefined) throw notConnected(missing)
    throw new GraphQLError(`expected a record of a connected system, got one of ${system}`, {
      extensions: { code: 'BAD_USER_INPUT' },
    })
  }

  /** What was served because the CRM could not be asked is not what it says at present. */
  async function contactOf(id: string, call: CallContext): Promise<CustomerContact | null> {
    const crm = systems.find(({ role }) => role === 'crm')
    const registered = config.registered.find(({ role }) => role === 'crm')
    if (crm?.adapter.contactOf === undefined) {
      throw registered === undefined
        ? new Error('expected the graph to have the role crm')
        : roleNotConfigured(registered)
    }
    const owner = catalogue.ownerOf('Customer')
    if (owner !== null) cache.evict({ system: owner.system, kind: owner.kind, id })
    const context = { ...openContext(contexts), call }
    const contact = await crm.adapter.contactOf(id, context)
    if (cache.staleServed(context).length === 0) return contact
    throw new VendorError(crm.system, 'unavailable', 'the present contact details of a customer could not be read')
  }

  /** A merge that was not told yet is applied as a listing would have it: its own news is none then. */
  async function answering(id: string, call: CallContext): Promise<string | null> {
    const owner = catalogue.ownerOf('Customer')
    if (owner === null) throw new Error('expected customers to have an owner; see subgraphs/registry.ts')
    const record = { system: owner.system, kind: owner.kind, id }
    const readAfter = follower.position
    const observed = await observe(record, { ...openContext(contexts), call })
    if (observed === null || sameRecord(observed.record, record)) return observed === null ? null : id
    const found = { record: observed.record, observed, kind: 'UPDATED' as const, fields: [], at: null }
    await commits.commit(tx =>
      applyObservations(tx, catalogue, [{ ...found, origin: 'sweep' as const, readAfter }], clock.now()),
    )
    return observed.record.id
  }

  function systemOf(role: Role): RunningSystem {
    const running = systems.find(system => system.role === role)
    const missing = config.unplayed.find(one => one.role === role)
    if (missing !== undefined) throw notConnected(missing)
    if (running === undefined) throw new Error(`expected a system for the role ${role}; see subgraphs/registry.ts`)
    return running
  }

  function recording(call: CallContext): RecordWritten {
    return openRecording({
      now: () => cache.begin(0),
      isOvertaken: (record, since) => !cache.holds(recordKey(record), since),
      evict: record => cache.evict(record),
      observe: record => observe(record, { ...openContext(contexts), call: afterWrite(call) }),
      append,
    })
  }

  async function append(
    records: readonly WrittenRecord[],
    also: (tx: StoreTransaction) => Promise<void>,
  ): Promise<void> {
    const observations = records.map(({ written, observed, isAgain, mayBeTold }) => ({
      record: observed?.record ?? written.record,
      observed,
      kind: written.kind,
      fields: written.fields,
      at: observed?.updatedAt ?? null,
      isEcho: isAgain,
      // A webhook may have told that it is there, and a late one of a system without versions whatever else there is.
      mayBeTold: written.kind === 'CREATED' || (mayBeTold && observed?.updatedAt === null),
    }))
    await commits.commit(
      async tx => {
        const changes = await applyObservations(tx, catalogue, observations, clock.now())
        await also(tx)
        return changes
      },
      observations.map(({ record }) => record),
    )
  }
}

/** What this process does by itself. */
const unasked = { priority: 'webhook' } as const

/** What was written is read to its end, whether its client is still there or not. */
function afterWrite(call: CallContext): CallContext {
  return { ...call, signal: new AbortController().signal }
}
