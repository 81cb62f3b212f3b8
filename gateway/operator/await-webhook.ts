import { setTimeout } from 'node:timers/promises'
import type { System } from '../../schema/systems.ts'
import type { AwaitedWebhook } from '../../subgraphs/contract.ts'
import { wasHeardSince } from '../store/delivery-history.ts'
import { newestQuarantined } from '../store/quarantine.ts'
import type { OpenStore } from '../store/store.ts'
import type { Tell } from './control.ts'

export interface AwaitRequest {
  readonly system: System
  readonly awaited: AwaitedWebhook
  readonly waitSeconds: number
  readonly tell: Tell
  readonly signal: AbortSignal
}

/** How often is looked; whichever process received it. */
const lookEveryMs = 500

const tellEveryMs = 15_000

/**
 * Asks a person to cause a webhook, and waits until a genuine one has come. A refused one is reported at once with the
 * likely fault. A stranger may have sent it, so the waiting goes on.
 * @returns whether one came
 */
export async function awaitWebhook(
  store: OpenStore,
  { system, awaited, waitSeconds, tell, signal }: AwaitRequest,
): Promise<boolean> {
  const { endpoint, cause, proves, whenRefused, whenNone } = awaited
  const begunAt = store.clock.now()
  const begunMs = performance.now()
  const leftMs = (): number => waitSeconds * 1000 - (performance.now() - begunMs)
  let toldMs = performance.now()
  let refusedAt = begunAt.getTime() - 1
  tell(`  now      ${cause}: a webhook is waited for, ${waitSeconds} s at most (--wait <seconds>; Ctrl-C ends it)`)
  for (;;) {
    if (await wasHeardSince(store, system, endpoint, begunAt)) {
      tell(`  done     a genuine webhook came: ${proves}`)
      return true
    }
    const refused = (await newestQuarantined(store, begunAt)).find(
      one => one.system === system && one.endpoint === endpoint,
    )
    if (refused !== undefined && refused.at.getTime() > refusedAt) {
      refusedAt = refused.at.getTime()
      tell(`  refused  a webhook came, and its signature does not fit. ${whenRefused}`)
    }
    if (signal.aborted) {
      tell('  ended    interrupted before a webhook came; run it again when you like')
      return false
    }
    if (leftMs() <= 0) break
    if (performance.now() - toldMs >= tellEveryMs) {
      toldMs = performance.now()
      tell(`  waiting  no genuine webhook yet, ${Math.ceil(leftMs() / 1000)} s left`)
    }
    await setTimeout(Math.max(1, Math.min(lookEveryMs, leftMs())), undefined, { signal }).catch(() => undefined)
  }
  tell(`  missing  no genuine webhook came within ${waitSeconds} s. Look at:`)
  for (const line of whenNone) tell(`    - ${line}`)
  return false
}
