import { createDeliverer } from '../core/deliver.ts'
import { answerWithinMs, deletedAfterMs } from './hooks.ts'
import { signBody } from './sign.ts'
import type { Deliverer } from '../core/deliver.ts'
import type { Faults } from '../core/faults.ts'
import type { Hook, HookHealth, HookPost } from './hooks.ts'

export interface Deliveries extends HookPost {
  readonly deliverer: Deliverer
}

interface DeliveryOptions {
  readonly clock: () => Date
  readonly faults: Faults
  readonly retryScale?: number
  /** A webhook has failed for 24 hours. */
  readonly giveUp: (hook: Hook) => void
}

const untried: HookHealth = {
  lastSuccessAt: null,
  lastFailureAt: null,
  lastFailureContent: '',
  retryCount: 0,
  failingSince: null,
  nextAttemptAt: null,
}

/**
 * Sends webhooks and keeps their health. A delivery that fails is tried again with growing waits; after 24 hours of
 * failures the webhook is gone, without notice. Source: Asana developer documentation, webhooks guide.
 */
export function createDeliveries({ clock, faults, retryScale, giveUp }: DeliveryOptions): Deliveries {
  const known = new Map<string, { readonly hook: Hook; health: HookHealth }>()

  const deliverer = createDeliverer({
    clock,
    faults,
    retryScale,
    timeoutMs: answerWithinMs,
    retryAfterMs(attempt) {
      const wait = waitAfter(attempt)
      return waitedUpTo(attempt) + wait > deletedAfterMs ? null : wait
    },
    onTried(sent, retryAt) {
      const entry = known.get(sent.queue)
      if (entry === undefined) return
      const now = clock()
      if (sent.status >= 200 && sent.status < 300) {
        entry.health = { ...entry.health, lastSuccessAt: now, retryCount: 0, failingSince: null, nextAttemptAt: null }
        return
      }
      const failingSince = entry.health.failingSince ?? now
      entry.health = {
        ...entry.health,
        lastFailureAt: now,
        lastFailureContent: sent.status === 0 ? 'No answer' : `Status ${sent.status}`,
        retryCount: sent.attempt,
        failingSince,
        nextAttemptAt: retryAt,
      }
      // By the waits, or by a clock that was moved.
      if (retryAt === null || now.getTime() - failingSince.getTime() >= deletedAfterMs) giveUp(entry.hook)
    },
  })

  return {
    deliverer,
    send(hook, body) {
      if (!known.has(hook.gid)) known.set(hook.gid, { hook, health: untried })
      deliverer.send({
        queue: hook.gid,
        url: hook.target,
        body,
        headers: () => ({ 'x-hook-signature': signBody(hook.secret, body) }),
      })
    },
    health: hook => known.get(hook.gid)?.health ?? untried,
    forget(hook) {
      known.delete(hook.gid)
      deliverer.forget(hook.gid)
    },
  }
}

/** 10 s, doubled from try to try, at most an hour. The vendor names no figures. */
function waitAfter(attempt: number): number {
  return Math.min(3_600_000, 10_000 * 2 ** (attempt - 1))
}

function waitedUpTo(attempt: number): number {
  let waited = 0
  for (let tried = 1; tried < attempt; tried += 1) waited += waitAfter(tried)
  return waited
}
