import manifest from '../../package.json' with { type: 'json' }
import type { Clock } from '../../subgraphs/contract.ts'
import type { GatewayConfig } from '../config.ts'
import type { Runtime } from '../runtime.ts'
import { systemStatuses } from '../status.ts'
import { neededSettings } from '../unplayed-roles.ts'
import type { About } from './start-page.ts'

/** What runs here, for the start page. */
export async function aboutOf(
  runtime: Runtime,
  { publicUrl, unplayed }: Pick<GatewayConfig, 'publicUrl' | 'unplayed'>,
  clock: Clock,
): Promise<About> {
  const statuses = await systemStatuses(runtime, clock)
  const endpointsOf = (name: string): readonly string[] =>
    runtime.systems.find(({ system }) => system === name)?.adapter.webhookEndpoints ?? []
  return {
    version: manifest.version,
    publicUrl,
    systems: statuses.map(status => ({ ...status, endpoints: endpointsOf(status.system) })),
    unplayed: unplayed.map(one => ({ role: one.role, system: one.system, settings: neededSettings(one) })),
  }
}
