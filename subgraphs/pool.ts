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

/** What the vendor's own answer says of one of its budgets. */
export interface ToldLimit {
  readonly limit: number
  /** What is left of it; absent where the vendor does not say. */
  readonly remaining?: number
}

/**
 * How long after a request was sent it may reach the vendor, at most, while it is not answered: a proxy, a new connection. An
 * answered one has arrived.
 */
export function arrivesWithinMs(windowMs: number): number {
  return Math.max(1000, windowMs / 10)
}

/** Two clocks run at speeds that differ by a thousandth at most. Source: RFC 5905, a clock's frequency tolerance is less. */
export function lengthened(windowMs: number): number {
  return windowMs + Math.max(1, Math.ceil(windowMs / 1000))
}

interface Taken {
  readonly atMs: number
  readonly cost: number
  readonly isBackground: boolean
  /** When the request ended; null while it is under way. */
  doneMs: number | null
}

/** What was taken, for whoever has it. */
export interface Place {
  /** The request has ended: it had arrived by now. */
  release(now: number): void
  /** As if it had not been taken. */
  undo(): void
}

/**
 * One budget: what was taken from it in the sliding window, and who is inside.
 *
 * The vendor counts a request when it arrives, which is between its sending and its answer. So a request counts from its sending until
 * a window after its answer, and no window of the vendor's holds more than the limit, however late or early each one arrives.
 */
export class Pool {
  readonly name: string
  readonly windowMs: number
  readonly #most: number
  #limit: number
  readonly #allConcurrency: number
  #concurrency: number
  #taken: Taken[] = []
  #running = 0
  #runningInBackground = 0
  #backgroundUntilMs = 0
  blockedUntilMs = 0

  constructor(pool: LimitPool) {
    this.name = pool.name
    this.windowMs = pool.windowMs
    this.#limit = pool.limit
    this.#most = pool.isLearned === true ? Infinity : pool.limit
    this.#allConcurrency = pool.concurrency ?? Infinity
    this.#concurrency = this.#allConcurrency
  }

  get limit(): number {
    return this.#limit
  }

  get #backgroundLimit(): number {
    return Math.max(1, Math.floor(this.#limit * backgroundShare))
  }

  fits(cost: number, isBackground: boolean, now: number): boolean {
    const places = isBackground ? Math.max(1, Math.floor(this.#concurrency * backgroundShare)) : this.#concurrency
    const running = isBackground ? this.#runningInBackground : this.#running
    if (running >= places || this.#running >= this.#concurrency) return false
    return this.roomAt(0, cost, isBackground, now) <= now
  }

  /**
   * The earliest moment the window has room for `cost` after `before` units of others; its limit comes round each window. Requests
   * under way may end later than now, and then it is later.
   */
  roomAt(before: number, cost: number, isBackground: boolean, now: number): number {
    this.#expire(now)
    const inAll = this.#roomIn(this.#taken, this.#limit, before + cost, now)
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
    if (used + rest > limit) {
      const byEnd = taken.map(one => ({ cost: one.cost, freeMs: this.#freeMs(one, now) }))
      for (const { cost, freeMs } of byEnd.sort((a, b) => a.freeMs - b.freeMs)) {
        if (used + rest <= limit) break
        used -= cost
        at = freeMs
      }
    }
    return at + windows * this.windowMs
  }

  take(cost: number, isBackground: boolean, now: number): Place {
    const taken: Taken = { atMs: now, cost, isBackground, doneMs: null }
    this.#taken.push(taken)
    this.#running += 1
    if (isBackground) this.#runningInBackground += 1
    const leave = (): void => {
      this.#running -= 1
      if (isBackground) this.#runningInBackground -= 1
    }
    return {
      release: doneMs => {
        taken.doneMs = doneMs
        leave()
      },
      undo: () => {
        const at = this.#taken.indexOf(taken)
        if (at !== -1) this.#taken.splice(at, 1)
        leave()
      },
    }
  }

  /**
   * The vendor's own word: another plan has another limit, and what others use of it is not ours. A limit that a person has set is
   * lowered by it and never raised. Nonsense is passed over.
   */
  learn({ limit, remaining }: ToldLimit, now: number): void {
    if (!Number.isInteger(limit) || limit < 1) return
    this.#limit = Math.min(limit, this.#most)
    if (remaining === undefined || !(remaining >= 0 && remaining <= limit)) return
    this.#expire(now)
    const ours = this.#taken.reduce((sum, { cost }) => sum + cost, 0)
    const others = limit - remaining - ours
    if (others > 0) this.#taken.push({ atMs: now, cost: others, isBackground: false, doneMs: now })
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

  block(untilMs: number): void {
    this.blockedUntilMs = Math.max(this.blockedUntilMs, untilMs)
  }

  status(now: number): PoolStatus {
    this.#expire(now)
    const used = this.#taken.reduce((sum, { cost }) => sum + cost, 0)
    return { name: this.name, limit: this.#limit, windowMs: this.windowMs, used }
  }

  /** When it stands in no window of the vendor's any more. */
  #freeMs({ atMs, doneMs }: Taken, now: number): number {
    return Math.min(doneMs ?? now, atMs + arrivesWithinMs(this.windowMs)) + lengthened(this.windowMs)
  }

  #expire(now: number): void {
    if (this.#taken.some(taken => this.#freeMs(taken, now) <= now)) {
      this.#taken = this.#taken.filter(taken => this.#freeMs(taken, now) > now)
    }
  }
}
