import { openVendorCalls } from '../subgraphs/call.ts'
import type { Clock, Log, OpenSystem, SystemPorts } from '../subgraphs/contract.ts'
import type { OpenRole } from '../subgraphs/registry.ts'
import type { RecordKind, Role, System } from '../schema/systems.ts'
import type { RecordCache } from './cache/record-cache.ts'
import { openRecords } from './cache/records.ts'
import type { GatewayConfig } from './config.ts'
import type { Metrics } from './metrics.ts'
import { openSharedBudget } from './store/budgets.ts'
import type { OpenStore } from './store/store.ts'
import type { Traces } from './traces/traces.ts'

type VendorRoad = ReturnType<typeof openVendorCalls>

/** A system as it runs: its role's resolvers, its adapter, its road to the vendor. */
export interface RunningSystem {
  readonly role: Role
  readonly system: System
  readonly kinds: readonly RecordKind[]
  readonly resolvers: OpenRole['resolvers']
  readonly adapter: Omit<OpenSystem<unknown>, 'source'>
  status(): ReturnType<VendorRoad['status']>
  close(): Promise<void>
}

export interface SystemsPorts {
  readonly config: GatewayConfig
  readonly cache: RecordCache
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
  child(fields: { readonly system: System }): Log
  readonly metrics: Pick<Metrics, 'called'>
  readonly traces: Pick<Traces, 'called'>
  readonly store: OpenStore
  /** See `SystemPorts`. */
  readonly deployment: string
  /** Names this process. */
  readonly worker: string
}

/** Opens every configured system: each on a road of its own, all on one cache. */
export function openSystems({
  config,
  cache,
  clock,
  random,
  child,
  metrics,
  traces,
  store,
  deployment,
  worker,
}: SystemsPorts): readonly RunningSystem[] {
  const isShared = store.signals !== null
  return config.roles.map(({ role, registered, open }) => {
    const { system, kinds } = registered
    const roads: VendorRoad[] = []
    const log = child({ system })
    const ports: SystemPorts = {
      calls(options) {
        const road = openVendorCalls({
          system,
          ...options,
          shared: isShared ? openSharedBudget(store, { system, pools: options.pools, worker }) : null,
          clock,
          random,
          onRequest(operation, outcome, seconds) {
            metrics.called(system, operation, outcome, seconds)
            traces.called(system, operation, outcome, seconds)
          },
          settings: {
            tryTimeoutMs: config.vendorTryTimeoutMs,
            totalTimeoutMs: config.vendorTotalTimeoutMs,
            listTimeoutMs: config.vendorListTimeoutMs,
            writeTimeoutMs: config.vendorWriteTimeoutMs,
          },
        })
        roads.push(road)
        return road
      },
      records: readers => openRecords(cache, system, readers),
      deployment,
      clock,
      log,
    }
    const { system: adapter, resolvers } = open(ports)
    return {
      role,
      system,
      kinds,
      resolvers,
      adapter,
      status() {
        const statuses = roads.map(road => road.status())
        return {
          isReachable: statuses.every(one => one.isReachable),
          isAuthorized: statuses.every(one => one.isAuthorized),
          pools: statuses.flatMap(one => one.pools),
        }
      },
      async close() {
        await adapter.close()
        for (const road of roads) road.close()
      },
    }
  })
}
