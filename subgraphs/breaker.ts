import type { System } from '../schema/systems.ts'
import { VendorError } from './vendor-error.ts'
import type { VendorErrorKind } from './vendor-error.ts'

/** How a request that the breaker admitted ended: `undefined` for an answer. */
export type Outcome = VendorErrorKind | undefined

/**
 * Keeps requests away from an account that does not answer, and from a kind of request that it does not answer in time.
 * An `unavailable` counts for the whole account. A `timeout` counts for its operation alone: a vendor whose lists are slow
 * still answers look-ups. After any other outcome the vendor did answer.
 */
export interface AccountBreaker {
  /** @throws VendorError `unavailable` with `retryAfterMs` while no request of the operation would be admitted */
  check(operation: string): void
  /**
   * Admits one request.
   * @returns a function to call once with the outcome
   * @throws VendorError as `check`
   */
  admit(operation: string): (outcome: Outcome) => void
  /** False from the moment a breaker opens until the vendor has answered a request, of whatever operation. */
  isReachable(): boolean
}

export function openAccountBreaker(system: System, elapsedMs: () => number): AccountBreaker {
  const account = openBreaker(system, elapsedMs)
  const operations = new Map<string, Breaker>()
  /** Operations whose breaker has opened since the vendor last answered. */
  const silent = new Set<string>()

  function breakerOf(operation: string): Breaker {
    const known = operations.get(operation)
    if (known !== undefined) return known
    const made = openBreaker(system, elapsedMs, operation)
    operations.set(operation, made)
    return made
  }

  return {
    check(operation) {
      account.check()
      breakerOf(operation).check()
    },
    admit(operation) {
      const own = breakerOf(operation)
      own.check()
      const settleAccount = account.admit()
      const settleOwn = own.admit()
      return outcome => {
        // A timeout says nothing of the account, and a probe that ends so has to be made again.
        settleAccount(outcome === 'timeout' ? 'aborted' : outcome)
        settleOwn(outcome === 'unavailable' ? 'aborted' : outcome)
        if (outcome === 'timeout') {
          if (!own.isClosed()) silent.add(operation)
        } else if (outcome !== 'unavailable' && outcome !== 'aborted') silent.clear()
      }
    },
    isReachable: () => account.isClosed() && silent.size === 0,
  }
}

/**
 * Opens after 5 faults in a row, or when half of the last 20 requests were faults; only `unavailable` and `timeout`
 * are faults. Open for 5 s, then one request is let through to probe: its answer closes the breaker, its fault opens it for
 * twice as long, up to 30 s.
 */
export interface Breaker {
  /** @throws VendorError `unavailable` with `retryAfterMs` while no request would be admitted */
  check(): void
  /**
   * Admits one request.
   * @returns what has to be told how it ended, once
   * @throws VendorError as `check`
   */
  admit(): (outcome: Outcome) => void
  /** False from the opening until a probe was answered. */
  isClosed(): boolean
}

const faultsInARow = 5
const remembered = 20
const faultsRemembered = remembered / 2
const firstOpenMs = 5_000
const longestOpenMs = 30_000
/** Told to those who come while the probe is out. */
const probeMs = 1_000

/** @param operation named in errors; the whole account when absent */
export function openBreaker(system: System, elapsedMs: () => number, operation?: string): Breaker {
  let outcomes: boolean[] = []
  let inARow = 0
  /** Null while closed. */
  let openUntilMs: number | null = null
  let openMs = firstOpenMs
  let isProbing = false
  /** Raised whenever the breaker opens or closes: how older requests end says nothing about the time since. */
  let period = 0

  function check(): void {
    if (openUntilMs === null) return
    const waitMs = isProbing ? probeMs : openUntilMs - elapsedMs()
    if (waitMs > 0) {
      throw new VendorError(
        system,
        'unavailable',
        `${operation ?? 'it'} has stopped answering; the next try is in ${Math.ceil(waitMs)} ms`,
        { retryAfterMs: Math.ceil(waitMs) },
      )
    }
  }

  function open(): void {
    openUntilMs = elapsedMs() + openMs
    openMs = Math.min(openMs * 2, longestOpenMs)
    isProbing = false
    period += 1
  }

  function close(): void {
    openUntilMs = null
    openMs = firstOpenMs
    isProbing = false
    outcomes = []
    inARow = 0
    period += 1
  }

  function settle(isProbe: boolean, outcome: Outcome): void {
    if (outcome === 'aborted') {
      if (isProbe) isProbing = false
      return
    }
    const isFault = outcome === 'unavailable' || outcome === 'timeout'
    if (isProbe) {
      if (isFault) open()
      else close()
      return
    }
    inARow = isFault ? inARow + 1 : 0
    outcomes.push(isFault)
    if (outcomes.length > remembered) outcomes.shift()
    const isHalf = outcomes.length === remembered && outcomes.filter(fault => fault).length >= faultsRemembered
    if (inARow >= faultsInARow || (isFault && isHalf)) open()
  }

  return {
    check,
    admit() {
      check()
      const isProbe = openUntilMs !== null
      isProbing = isProbe
      const admittedIn = period
      let isSettled = false
      return outcome => {
        if (isSettled || admittedIn !== period) return
        isSettled = true
        settle(isProbe, outcome)
      }
    },
    isClosed: () => openUntilMs === null,
  }
}
