import type { System } from '../../schema/systems.ts'
import type { Store, StoreReader } from './store.ts'

/** A tool that a process cannot use. */
export interface Outage {
  readonly system: System
  readonly isReachable: boolean
  readonly isAuthorized: boolean
}

/** How long a process is believed that has said nothing more: several times as long as it takes to say so again. */
const believedMs = 15_000

const besideOthers = { isSerial: false } as const

/**
 * Tells the other processes of the store of every tool that one cannot use; to be repeated while it lasts.
 * @throws StoreError
 */
export async function writeOutages(store: Store, worker: string, outages: readonly Outage[], now: Date): Promise<void> {
  await store.write(async tx => {
    await tx
      .deleteFrom('outages')
      .where(({ eb, or }) => or([eb('worker', '=', worker), eb('seen_at', '<', now.getTime() - believedMs)]))
      .execute()
    if (outages.length === 0) return
    await tx
      .insertInto('outages')
      .values(
        outages.map(({ system, isReachable, isAuthorized }) => ({
          worker,
          system,
          is_reachable: Number(isReachable),
          is_authorized: Number(isAuthorized),
          seen_at: now.getTime(),
        })),
      )
      .execute()
  }, besideOthers)
}

/** What processes have said within the last seconds. */
export async function listOutages(db: StoreReader, now: Date): Promise<readonly Outage[]> {
  const rows = await db
    .selectFrom('outages')
    .select(['system', 'is_reachable', 'is_authorized'])
    .where('seen_at', '>=', now.getTime() - believedMs)
    .execute()
  return rows.map(row => ({
    system: row.system,
    isReachable: row.is_reachable === 1,
    isAuthorized: row.is_authorized === 1,
  }))
}
