import type { System } from '../schema/systems.ts'
import { priorities } from './contract.ts'
import type { LimitPool, Priority, VendorOperation } from './contract.ts'
import { VendorError } from './vendor-error.ts'

/** One request that wants its turn. */
export interface Turn {
  readonly operation: VendorOperation
  readonly priority: Priority
  readonly signal: AbortSignal
  /** When it is too late to be sent, in the pace's milliseconds. */
  readonly untilMs: number
}

/** How much of a pool is used in the window that ends now. */
export interface PoolStatus {
  readonly name: string
  readonly limit: number
  readonly windowMs: number
  readonly used: number
}

/**
 * Keeps an account's requests within all of its vendor's budgets.
 * A request takes from all of its pools at one moment or waits: queries first, then webhooks, then background work,
 * in order of arrival within each. Background work leaves 30 % of every pool for those who could come.
 */
export interface Pace {
  /**
   * @returns what gives the place back when the request has ended
   * @throws VendorError `rate-limited` with `retryAfterMs` when its turn does not come in time, at once where that is
   *   known at once; `aborted` when the signal aborts first; `rejected` for an operation no pool can ever serve
   */
  take(turn: Turn): Promise<() => void>
  /** The vendor says its budget is used up: nothing is taken from the operation's pools for that long, 5 min at most. */
  block(operation: VendorOperation, forMs: number): void
  status(): PoolStatus[]
  /** Turns away all who wait. */
  close(): void
}

/** What background work may use of a pool. */
const backgroundShare = 0.7
/** A hint beyond this is taken for a mistake and asked about again. */
const longestBlockMs = 5 * 60_000

interface Waiter extends Turn {
  grant(release: () => void): void
  refuse(error: VendorError): void
}

/** @param elapsedMs a clock that never goes back */
export function openPace(system: System, limits: readonly LimitPool[], elapsedMs: () => number): Pace {
  const pools = new Map(limits.map(limit => [limit.name, new Pool(limit)]))
  const queues: Record<Priority, Set<Waiter>> = { query: new Set(), webhook: new Set(), background: new Set() }
  let wake: NodeJS.Timeout | undefined

  function needs(operation: VendorOperation): { pool: Pool; cost: number }[] {
    return Object.entries(operation.cost).map(([name, cost]) => {
      const pool = pools.get(name)
      if (pool === undefined || !(cost >= 0 && cost <= pool.limit)) {
        const came = pool === undefined ? 'and the account has no such pool' : `and its limit is ${pool.limit}`
        throw new VendorError(system, 'rejected', `${operation.name} costs ${cost} of the pool ${name}, ${came}`)
      }
      return { pool, cost }
    })
  }

  function waitersFor(priority: Priority): Waiter[] {
    return priorities.slice(0, priorities.indexOf(priority) + 1).flatMap(ahead => [...queues[ahead]])
  }

  /** A lower bound: when the windows alone would let it through behind all who are ahead of it. */
  function earliestMs(turn: Turn): number {
    const ahead = waitersFor(turn.priority)
    const now = elapsedMs()
    const times = needs(turn.operation).map(({ pool, cost }) => {
      const before = ahead.reduce((sum, waiter) => sum + (waiter.operation.cost[pool.name] ?? 0), 0)
      return pool.roomAt(before, cost, turn.priority === 'background', now)
    })
    return Math.max(now, ...times)
  }

  function lateError(turn: Turn, earliest: number): VendorError {
    const retryAfterMs = Math.max(1, Math.ceil(earliest - elapsedMs()))
    const message = `${turn.operation.name} has to wait ${retryAfterMs} ms for its pools, longer than its deadline allows`
    return new VendorError(system, 'rate-limited', message, { retryAfterMs })
  }

  /** Lets through, in order, all who fit. Who does not fit keeps the pools it lacks from those behind it. */
  function pump(): void {
    clearTimeout(wake)
    const now = elapsedMs()
    const kept = new Set<Pool>()
    let nextMs = Infinity
    for (const priority of priorities) {
      for (const waiter of queues[priority]) {
        const isBackground = priority === 'background'
        const wanted = needs(waiter.operation)
        if (wanted.some(({ pool }) => kept.has(pool))) continue
        const lacking = wanted.filter(({ pool, cost }) => !pool.fits(cost, isBackground, now))
        if (lacking.length === 0) {
          queues[priority].delete(waiter)
          for (const { pool, cost } of wanted) pool.take(cost, isBackground, now)
          waiter.grant(releaseOnce(wanted, isBackground))
          continue
        }
        for (const { pool } of lacking) kept.add(pool)
        const roomMs = Math.max(...lacking.map(({ pool, cost }) => pool.roomAt(0, cost, isBackground, now)))
        // Where places are lacking and not room, whoever gives one back pumps.
        if (roomMs > now) nextMs = Math.min(nextMs, roomMs)
      }
      if (kept.size === pools.size) break
    }
    if (nextMs < Infinity) wake = setTimeout(pump, Math.ceil(nextMs - now)).unref()
  }

  function releaseOnce(taken: readonly { pool: Pool }[], isBackground: boolean): () => void {
    let isReleased = false
    return () => {
      if (isReleased) return
      isReleased = true
      for (const { pool } of taken) pool.release(isBackground)
      pump()
    }
  }

  return {
    async take(turn) {
      const abortedError = (): VendorError =>
        new VendorError(system, 'aborted', `${turn.operation.name} was called off`)
      if (turn.signal.aborted) throw abortedError()
      const earliest = earliestMs(turn)
      if (earliest >= turn.untilMs) throw lateError(turn, earliest)
      return new Promise<() => void>((resolve, reject) => {
        const queue = queues[turn.priority]
        const leave = (): void => {
          clearTimeout(deadline)
          turn.signal.removeEventListener('abort', onAbort)
          queue.delete(waiter)
        }
        const waiter: Waiter = {
          ...turn,
          grant(release) {
            leave()
            resolve(release)
          },
          refuse(error) {
            leave()
            reject(error)
          },
        }
        const turnAway = (error: VendorError): void => {
          waiter.refuse(error)
          pump()
        }
        const onAbort = (): void => turnAway(abortedError())
        const deadline = setTimeout(() => {
          queue.delete(waiter)
          turnAway(lateError(turn, earliestMs(turn)))
        }, turn.untilMs - elapsedMs()).unref()
        turn.signal.addEventListener('abort', onAbort)
        queue.add(waiter)
        pump()
      })
    },
    block(operation, forMs) {
      const until = elapsedMs() + Math.min(Math.max(0, forMs), longestBlockMs)
      for (const { pool } of needs(operation)) pool.block(until)
      for (const waiter of waitersFor('background')) {
        const freeMs = Math.max(...needs(waiter.operation).map(({ pool }) => pool.blockedUntilMs))
        if (freeMs >= waiter.untilMs) waiter.refuse(lateError(waiter, freeMs))
      }
      pump()
    },
    status: () => [...pools.values()].map(pool => pool.status(elapsedMs())),
    close() {
      clearTimeout(wake)
      for (const waiter of waitersFor('background')) {
        waiter.refuse(
          new VendorError(system, 'aborted', `${waiter.operation.name} was called off: the account is closed`),
        )
      }
    },
  }
}

interface Taken {
  readonly atMs: number
  readonly cost: number
  readonly isBackground: boolean
}

/** One budget: what was taken from it in the sliding window, and who is inside. */
class Pool {
  readonly name: string
  readonly limit: number
  readonly #windowMs: number
  readonly #concurrency: number
  readonly #backgroundLimit: number
  #taken: Taken[] = []
  #running = 0
  #runningInBackground = 0
  blockedUntilMs = 0

  constructor(pool: LimitPool) {
    this.name = pool.name
    this.limit = pool.limit
    this.#windowMs = pool.windowMs
    this.#concurrency = pool.concurrency ?? Infinity
    this.#backgroundLimit = Math.max(1, Math.floor(pool.limit * backgroundShare))
  }

  fits(cost: number, isBackground: boolean, now: number): boolean {
    const places = isBackground ? Math.max(1, Math.floor(this.#concurrency * backgroundShare)) : this.#concurrency
    const running = isBackground ? this.#runningInBackground : this.#running
    if (running >= places || this.#running >= this.#concurrency) return false
    return this.roomAt(0, cost, isBackground, now) <= now
  }

  /** The earliest moment the window has room for `cost` after `before` units of others; its limit comes round each window. */
  roomAt(before: number, cost: number, isBackground: boolean, now: number): number {
    this.#expire(now)
    const inAll = this.#roomIn(this.#taken, this.limit, before + cost, now)
    if (!isBackground) return Math.max(inAll, this.blockedUntilMs)
    const own = this.#taken.filter(taken => taken.isBackground)
    const inShare = this.#roomIn(own, Math.max(this.#backgroundLimit, cost), cost, now)
    return Math.max(inAll, inShare, this.blockedUntilMs)
  }

  #roomIn(taken: readonly Taken[], limit: number, need: number, now: number): number {
    const windows = Math.max(0, Math.ceil(need / limit) - 1)
    const rest = need - windows * limit
    let used = taken.reduce((sum, { cost }) => sum + cost, 0)
    let at = now
    for (const { atMs, cost } of taken) {
      if (used + rest <= limit) break
      used -= cost
      at = atMs + this.#windowMs + 1
    }
    return at + windows * this.#windowMs
  }

  take(cost: number, isBackground: boolean, now: number): void {
    this.#taken.push({ atMs: now, cost, isBackground })
    this.#running += 1
    if (isBackground) this.#runningInBackground += 1
  }

  release(isBackground: boolean): void {
    this.#running -= 1
    if (isBackground) this.#runningInBackground -= 1
  }

  block(untilMs: number): void {
    this.blockedUntilMs = Math.max(this.blockedUntilMs, untilMs)
  }

  status(now: number): PoolStatus {
    this.#expire(now)
    const used = this.#taken.reduce((sum, { cost }) => sum + cost, 0)
    return { name: this.name, limit: this.limit, windowMs: this.#windowMs, used }
  }

  /** A window has both its ends, so that no rounding of the clock lets one request too many into it. */
  #expire(now: number): void {
    const first = this.#taken.findIndex(({ atMs }) => now - atMs <= this.#windowMs)
    if (first === -1) this.#taken = []
    else if (first > 0) this.#taken.splice(0, first)
  }
}
