import type { System } from '../schema/systems.ts'
import type { Clock, Log } from '../subgraphs/contract.ts'
import { SparingLog } from './sparing-log.ts'
import { writeOutages, type Outage } from './store/outages.ts'
import type { Store } from './store/store.ts'

export interface OutagesPorts {
  readonly store: Store
  /** Names this process. */
  readonly worker: string
  /** What this process knows of each tool. */
  readonly systems: () => readonly Outage[]
  readonly clock: Clock
  readonly log: Log
}

const lookEveryMs = 2_000

/**
 * Tells the processes that share the store which tools this one cannot use: whoever answers queries asks a tool for other things, and
 * less often, than whoever works on deliveries.
 */
export function tellOutages({ store, worker, systems, clock, log }: OutagesPorts): { stop(): Promise<void> } {
  const sparing = new SparingLog(log)
  let isTold = false
  let telling: Promise<void> | null = null
  const tell = async (outages: readonly Outage[]): Promise<void> => {
    if (outages.length === 0 && !isTold) return
    try {
      await writeOutages(store, worker, outages, clock.now())
      isTold = outages.length > 0
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown fault'
      sparing.warn({ reason }, 'other processes could not be told which tools cannot be used')
    }
  }
  const look = (): void => {
    const outages = systems().filter(one => !one.isReachable || !one.isAuthorized)
    telling ??= tell(outages).finally(() => (telling = null))
  }
  const looking = setInterval(look, lookEveryMs).unref()
  return {
    async stop() {
      clearInterval(looking)
      await telling
      await tell([])
    },
  }
}

/** What this process knows of a tool, or another one that cannot use it. */
export function seenByAll<Seen extends Omit<Outage, 'system'>>(
  system: System,
  here: Seen,
  outages: readonly Outage[],
): Seen {
  const all = [here, ...outages.filter(one => one.system === system)]
  return {
    ...here,
    isReachable: all.every(({ isReachable }) => isReachable),
    isAuthorized: all.every(({ isAuthorized }) => isAuthorized),
  }
}
