import type { LimitPool } from './contract.ts'

/** What background work may use of a pool. */
const backgroundShare = 0.7

/** How much of a pool is used in the window that ends now. */
export interface PoolStatus {
  readonly name: string
  readonly limit: number
  readonly windowMs: number
  readonly used: number
}

interface Taken {
  readonly atMs: number
  readonly cost: number
  readonly isBackground: boolean
}

/** One budget: what was taken from it in the sliding window, and who is inside. */
export class Pool {
  readonly name: string
  readonly limit: number
  readonly windowMs: number
  readonly #allConcurrency: number
  #concurrency: number
  readonly #backgroundLimit: number
  #taken: Taken[] = []
  #running = 0
  #runningInBackground = 0
  #backgroundUntilMs = 0
  blockedUntilMs = 0

  constructor(pool: LimitPool) {
    this.name = pool.name
    this.limit = pool.limit
    this.windowMs = pool.windowMs
    this.#allConcurrency = pool.concurrency ?? Infinity
    this.#concurrency = this.#allConcurrency
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
    return Math.max(inAll, inShare, this.blockedUntilMs, this.#backgroundUntilMs)
  }

  #roomIn(taken: readonly Taken[], limit: number, need: number, now: number): number {
    const windows = Math.max(0, Math.ceil(need / limit) - 1)
    const rest = need - windows * limit
    let used = taken.reduce((sum, { cost }) => sum + cost, 0)
    let at = now
    for (const { atMs, cost } of taken) {
      if (used + rest <= limit) break
      used -= cost
      at = atMs + this.windowMs + 1
    }
    return at + windows * this.windowMs
  }

  /** @returns what undoes it, as if it had not been */
  take(cost: number, isBackground: boolean, now: number): () => void {
    const taken = { atMs: now, cost, isBackground }
    this.#taken.push(taken)
    this.#running += 1
    if (isBackground) this.#runningInBackground += 1
    return () => {
      const at = this.#taken.indexOf(taken)
      if (at !== -1) this.#taken.splice(at, 1)
      this.release(isBackground)
    }
  }

  /** Others have used it up until then. */
  wait(untilMs: number, isBackground: boolean): void {
    if (isBackground) this.#backgroundUntilMs = Math.max(this.#backgroundUntilMs, untilMs)
    else this.block(untilMs)
  }

  /** The places are shared by so many processes; each has one at least. */
  share(processes: number): void {
    this.#concurrency = Math.max(1, Math.floor(this.#allConcurrency / processes))
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
    return { name: this.name, limit: this.limit, windowMs: this.windowMs, used }
  }

  /** A window has both its ends, so that no rounding of the clock lets one request too many into it. */
  #expire(now: number): void {
    const first = this.#taken.findIndex(({ atMs }) => now - atMs <= this.windowMs)
    if (first === -1) this.#taken = []
    else if (first > 0) this.#taken.splice(0, first)
  }
}
