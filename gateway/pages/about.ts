import manifest from '../../package.json' with { type: 'json' }
import type { Clock } from '../../subgraphs/contract.ts'
import type { GatewayConfig } from '../config.ts'
import type { Runtime } from '../runtime.ts'
import { systemStatuses } from '../status.ts'
import { StoreError } from '../store/store.ts'
import { neededSettings } from '../unplayed-roles.ts'
import type { About } from './start-page.ts'

/** What runs here, for the start page; while the store cannot be reached, what is known without it. */
export async function aboutOf(
  runtime: Runtime,
  { publicUrl, unplayed }: Pick<GatewayConfig, 'publicUrl' | 'unplayed'>,
  clock: Clock,
): Promise<About> {
  const stored = await systemStatuses(runtime, clock).catch((error: unknown) => {
    if (error instanceof StoreError) return null
    throw error
  })
  return {
    version: manifest.version,
    publicUrl,
    systems: runtime.systems.map(({ role, system, adapter, status }) => {
      const ofSystem = stored?.find(one => one.system === system) ?? null
      const { isReachable, isAuthorized } = ofSystem ?? status()
      return { role, system, isReachable, isAuthorized, endpoints: adapter.webhookEndpoints, stored: ofSystem }
    }),
    unplayed: unplayed.map(one => ({ role: one.role, system: one.system, settings: neededSettings(one) })),
  }
}
