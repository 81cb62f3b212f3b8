import type { System } from '../schema/systems.ts'
import { priorities } from './contract.ts'
import type { LimitPool, Priority, VendorOperation } from './contract.ts'
import { Pool, type Place, type PoolStatus, type ToldLimit } from './pool.ts'
import { VendorError } from './vendor-error.ts'

/** One request that wants its turn. */
export interface Turn {
  readonly operation: VendorOperation
  readonly priority: Priority
  readonly signal: AbortSignal
  /** When it is too late to be sent, in the pace's milliseconds. */
  readonly untilMs: number
}

/**
 * Keeps an account's requests within all of its vendor's budgets, as the vendor counts them: see `Pool`.
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
  /** The vendor's own word on one of the budgets; see `Pool.learn`. */
  learn(pool: string, told: ToldLimit): void
  /**
   * For whom the vendor refused without a hint: after how long another try may be let through. Its shortest pool has come round by
   * then, and whoever waits already has had their turn.
   */
  hintMs(turn: Pick<Turn, 'operation' | 'priority'>): number
  status(): PoolStatus[]
  /** Turns away all who wait. */
  close(): void
}

/** What one request takes of the pools, by their names. */
export interface BudgetAsk {
  readonly cost: Readonly<Record<string, number>>
  readonly isBackground: boolean
}

export interface BudgetAnswer {
  /** For each that was asked, in its order. */
  readonly granted: readonly boolean[]
  /** How long the pools that were lacking have no room, by their names. */
  readonly waitMs: Readonly<Record<string, number>>
  /** How many processes share the account, this one included. */
  readonly processes: number
}

/** The same budgets, as other processes use them too. */
export interface SharedBudget {
  /** How long what was granted of these pools is good, from the moment it was asked for. */
  goodForMs(pools: readonly string[]): number
  /** @throws Error while nobody can say what others use: nothing may be taken then */
  take(asks: readonly BudgetAsk[]): Promise<BudgetAnswer>
  /** This process goes by another limit from now on: the vendor has told it. */
  learn?(pool: string, limit: number): void
  /** The vendor says that these are used up. */
  block(pools: readonly string[], forMs: number): Promise<void>
}

/** When it is asked again what nobody could say. */
const askAgainMs = 250

/** A hint beyond this is taken for a mistake and asked about again. */
const longestBlockMs = 5 * 60_000

interface Waiter extends Turn {
  grant(release: () => void): void
  refuse(error: VendorError): void
  /** It was turned away, or called off. */
  isGone(): boolean
}

/** A waiter that fits here, and is asked for among all processes. */
interface Asked {
  readonly waiter: Waiter
  readonly wanted: readonly { readonly pool: Pool; readonly cost: number }[]
  readonly release: () => void
  readonly takeBack: () => void
}

/**
 * @param elapsedMs a clock that never goes back
 * @param shared null when no other process uses the account
 */
export function openPace(
  system: System,
  limits: readonly LimitPool[],
  elapsedMs: () => number,
  shared: SharedBudget | null = null,
): Pace {
  const pools = new Map(limits.map(limit => [limit.name, new Pool(limit)]))
  const queues: Record<Priority, Set<Waiter>> = { query: new Set(), webhook: new Set(), background: new Set() }
  let wake: NodeJS.Timeout | undefined
  let isAsking = false
  let isClosed = false

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
  function earliestMs(turn: Pick<Turn, 'operation' | 'priority'>): number {
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

  function closedError({ operation }: Turn): VendorError {
    return new VendorError(system, 'aborted', `${operation.name} was called off: the account is closed`)
  }

  /** Lets through, in order, all who fit. Who does not fit keeps the pools it lacks from those behind it. */
  function pump(): void {
    // What comes meanwhile is asked for together, once the answer is there.
    if (isAsking) return
    clearTimeout(wake)
    const asked: Asked[] = []
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
          const places = wanted.map(({ pool, cost }) => pool.take(cost, isBackground, now))
          const release = releaseOnce(places)
          const takeBack = (): void => {
            for (const place of places) place.undo()
          }
          if (shared === null) waiter.grant(release)
          else asked.push({ waiter, wanted, release, takeBack })
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
    if (shared !== null && asked.length > 0) void askOthers(shared, asked)
  }

  /** Lets through those that fit among what all processes use. Never rejects. */
  async function askOthers(budget: SharedBudget, asked: readonly Asked[]): Promise<void> {
    isAsking = true
    const askedMs = elapsedMs()
    const asks = asked.map(({ waiter }) => ({
      cost: waiter.operation.cost,
      isBackground: waiter.priority === 'background',
    }))
    const answer = await budget.take(asks).catch(() => null)
    isAsking = false
    const now = elapsedMs()
    // What was granted and comes too late may stand in somebody else's window by now.
    const again = new Map<Priority, Waiter[]>(priorities.map(priority => [priority, []]))
    asked.forEach(({ waiter, wanted, release, takeBack }, at) => {
      const isGood = now - askedMs <= budget.goodForMs(wanted.map(({ pool }) => pool.name))
      if (isGood && answer?.granted[at] === true) {
        if (waiter.isGone()) release()
        else waiter.grant(release)
        return
      }
      takeBack()
      if (!waiter.isGone()) again.get(waiter.priority)?.push(waiter)
      for (const { pool } of wanted) {
        const ms = answer === null ? askAgainMs : answer.waitMs[pool.name]
        if (ms !== undefined) pool.wait(now + ms, waiter.priority === 'background')
      }
    })
    if (isClosed) {
      for (const waiter of [...again.values()].flat()) waiter.refuse(closedError(waiter))
      return
    }
    for (const [priority, waiters] of again) queues[priority] = new Set([...waiters, ...queues[priority]])
    if (answer !== null) for (const pool of pools.values()) pool.share(answer.processes)
    pump()
  }

  function releaseOnce(places: readonly Place[]): () => void {
    let isReleased = false
    return () => {
      if (isReleased) return
      isReleased = true
      for (const place of places) place.release(elapsedMs())
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
        let isGone = false
        const leave = (): void => {
          isGone = true
          clearTimeout(deadline)
          turn.signal.removeEventListener('abort', onAbort)
          queues[turn.priority].delete(waiter)
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
          isGone: () => isGone,
        }
        const turnAway = (error: VendorError): void => {
          waiter.refuse(error)
          pump()
        }
        const onAbort = (): void => turnAway(abortedError())
        const deadline = setTimeout(() => {
          queues[turn.priority].delete(waiter)
          turnAway(lateError(turn, earliestMs(turn)))
        }, turn.untilMs - elapsedMs()).unref()
        turn.signal.addEventListener('abort', onAbort)
        queues[turn.priority].add(waiter)
        pump()
      })
    },
    block(operation, forMs) {
      const blockMs = Math.min(Math.max(0, forMs), longestBlockMs)
      const until = elapsedMs() + blockMs
      const blocked = needs(operation).map(({ pool }) => pool)
      for (const pool of blocked) pool.block(until)
      // Where it cannot be told, the vendor tells the others itself.
      shared
        ?.block(
          blocked.map(({ name }) => name),
          blockMs,
        )
        .catch(() => undefined)
      for (const waiter of waitersFor('background')) {
        const freeMs = Math.max(...needs(waiter.operation).map(({ pool }) => pool.blockedUntilMs))
        if (freeMs >= waiter.untilMs) waiter.refuse(lateError(waiter, freeMs))
      }
      pump()
    },
    learn(name, told) {
      const pool = pools.get(name)
      if (pool === undefined) return
      pool.learn(told, elapsedMs())
      shared?.learn?.(name, pool.limit)
      pump()
    },
    hintMs(turn) {
      const windowMs = Math.min(longestBlockMs, ...needs(turn.operation).map(({ pool }) => pool.windowMs))
      return Math.ceil(Math.max(windowMs, earliestMs(turn) - elapsedMs()))
    },
    status: () => [...pools.values()].map(pool => pool.status(elapsedMs())),
    close() {
      isClosed = true
      clearTimeout(wake)
      for (const waiter of waitersFor('background')) waiter.refuse(closedError(waiter))
    },
  }
}
