import { z } from 'zod'
import type { System } from '../../schema/systems.ts'
import type { LimitPool } from '../../subgraphs/contract.ts'
import { lengthened } from '../../subgraphs/pool.ts'
import type { BudgetAnswer, BudgetAsk, SharedBudget } from '../../subgraphs/pace.ts'
import { parseColumn } from './json-column.ts'
import type { OpenStore } from './store.ts'

/** What was taken from one pool by all processes of the store. */
export interface BudgetState {
  /** When it was last taken from; it goes back with the store's clock only, and not for what processes read of that differently. */
  readonly at: number
  /** Units by the moment at which they may be used at the latest, in that order; those of background work are part of them. */
  readonly taken: readonly (readonly [usedBy: number, units: number, background: number])[]
  /** The vendor says that its budget is used up. */
  readonly blockedUntil: number
  /** When each process last asked. */
  readonly seen: Readonly<Record<string, number>>
}

const budgetState = z.object({
  at: z.number(),
  taken: z.array(z.tuple([z.number(), z.number(), z.number()])),
  blockedUntil: z.number(),
  seen: z.record(z.string(), z.number()),
})

export const untouched: BudgetState = { at: 0, taken: [], blockedUntil: 0, seen: {} }

/** What is taken is used within this share of the window. So long the window is longer than the vendor's, to be sure. */
const usedWithinShare = 0.1

/** What may be used by moments of one such share is one sum. */
const grainShare = 0.01

/** A process that has not asked for so long has ended, or needs nothing. */
const goneAfterMs = 30_000

/** What background work may use of a pool, among all processes. */
const backgroundShare = 0.7

/** Processes read the store's clock less differently than that: it was set back, or another machine's has taken its place. */
const setBackMs = 10_000

/**
 * How long after it was sent a request may reach the vendor: a proxy, a new connection. When it is answered is not written down here, so
 * it is less than a process allows for what it alone uses: a second more would halve what Stripe allows.
 */
function arrivesWithinMs(windowMs: number): number {
  return Math.max(250, windowMs * 0.05)
}

/** From the last moment of use until what was taken stands in no window of the vendor's. */
function countedMs(windowMs: number): number {
  return arrivesWithinMs(windowMs) + lengthened(windowMs)
}

/** How long what is taken from all of these pools may be kept before it is used. */
export function goodForMs(pools: readonly Pick<LimitPool, 'windowMs'>[]): number {
  return Math.min(...pools.map(({ windowMs }) => windowMs * usedWithinShare))
}

/**
 * Gives what fits, in the order asked. Who does not fit keeps the pools it lacks from those behind it. Pure.
 * Any window of a pool holds at most its limit, whenever within `goodForMs` what was given is used, and a moment later arrives.
 */
export function allocate(
  pools: readonly LimitPool[],
  states: ReadonlyMap<string, BudgetState>,
  asks: readonly BudgetAsk[],
  { worker, now: clockNow }: { readonly worker: string; readonly now: number },
): { readonly answer: BudgetAnswer; readonly states: ReadonlyMap<string, BudgetState> } {
  const byName = new Map(pools.map(pool => [pool.name, pool]))
  const after = new Map(
    pools.map(pool => [pool.name, broughtTo(pool, states.get(pool.name) ?? untouched, clockNow, worker)]),
  )
  const kept = new Set<string>()
  const waitMs = new Map<string, number>()
  const granted = asks.map(({ cost, isBackground }) => {
    const wanted = Object.entries(cost).flatMap(([name, units]) => {
      const pool = byName.get(name)
      const state = after.get(name)
      return pool === undefined || state === undefined ? [] : [{ pool, state, units }]
    })
    if (wanted.some(({ pool }) => kept.has(pool.name))) return false
    const lacking = wanted.flatMap(({ pool, state, units }) => {
      const ms = roomFor(pool, state, units, isBackground) - state.at
      return ms > 0 ? [{ name: pool.name, ms }] : []
    })
    for (const { name, ms } of lacking) {
      kept.add(name)
      waitMs.set(name, ms)
    }
    if (lacking.length > 0) return false
    for (const { pool, state, units } of wanted) after.set(pool.name, taking(pool, state, units, isBackground))
    return true
  })
  const processes = Math.max(1, ...[...after.values()].map(({ seen }) => Object.keys(seen).length))
  return { answer: { granted, waitMs: Object.fromEntries(waitMs), processes }, states: after }
}

/** What is in no window any more is forgotten, and so are processes that have gone. */
function broughtTo({ windowMs }: LimitPool, stored: BudgetState, clockNow: number, worker: string): BudgetState {
  const state = stored.at - clockNow > setBackMs ? shifted(stored, clockNow - stored.at) : stored
  const now = Math.max(clockNow, state.at)
  const alive = Object.entries(state.seen).filter(([, at]) => at + goneAfterMs >= now)
  return {
    ...state,
    at: now,
    taken: state.taken.filter(([usedBy]) => usedBy + countedMs(windowMs) > now),
    seen: { ...Object.fromEntries(alive), [worker]: now },
  }
}

/** As if no time had passed since it was last taken from: until the clock is there again nothing would be free. */
function shifted({ at, taken, blockedUntil, seen }: BudgetState, byMs: number): BudgetState {
  return {
    at: at + byMs,
    taken: taken.map(([usedBy, units, background]) => [usedBy + byMs, units, background] as const),
    blockedUntil: Math.max(0, blockedUntil + byMs),
    seen: Object.fromEntries(Object.entries(seen).map(([worker, seenAt]) => [worker, seenAt + byMs])),
  }
}

/** The earliest moment at which the pool has room. */
function roomFor(
  { limit, windowMs }: LimitPool,
  { at: now, taken, blockedUntil }: BudgetState,
  units: number,
  isBackground: boolean,
): number {
  const roomIn = (used: (entry: BudgetState['taken'][number]) => number, most: number): number => {
    let sum = taken.reduce((all, entry) => all + used(entry), 0)
    let at = now
    for (const entry of taken) {
      if (sum + units <= most) break
      sum -= used(entry)
      at = entry[0] + countedMs(windowMs)
    }
    return at
  }
  const inAll = Math.max(
    blockedUntil,
    roomIn(([, all]) => all, limit),
  )
  if (!isBackground) return inAll
  const share = Math.max(1, Math.floor(limit * backgroundShare), units)
  return Math.max(
    inAll,
    roomIn(([, , background]) => background, share),
  )
}

function taking(pool: LimitPool, state: BudgetState, units: number, isBackground: boolean): BudgetState {
  const grain = Math.max(1, pool.windowMs * grainShare)
  const usedBy = Math.ceil((state.at + goodForMs([pool])) / grain) * grain
  const background = isBackground ? units : 0
  const last = state.taken.at(-1)
  // Only a pool whose clock was set back has a later one.
  if (last !== undefined && last[0] >= usedBy) {
    return { ...state, taken: [...state.taken.slice(0, -1), [last[0], last[1] + units, last[2] + background]] }
  }
  return { ...state, taken: [...state.taken, [usedBy, units, background]] }
}

/** The budgets of one account, shared by all processes of a store. */
export function openSharedBudget(
  store: OpenStore,
  { system, pools, worker }: { readonly system: System; readonly pools: readonly LimitPool[]; readonly worker: string },
): SharedBudget {
  const names = pools.map(({ name }) => name).sort()
  const limits = new Map(pools.map(({ name, limit }) => [name, limit]))
  /** As the vendor has told this process; the others hear it from the vendor too. */
  const known = (): readonly LimitPool[] => pools.map(pool => ({ ...pool, limit: limits.get(pool.name) ?? pool.limit }))

  /** One process after the other: the rows are locked in one order everywhere. */
  async function change<T>(
    work: (states: ReadonlyMap<string, BudgetState>) => {
      readonly result: T
      readonly states: ReadonlyMap<string, BudgetState>
    },
  ): Promise<T> {
    return store.write(
      async tx => {
        const select = () =>
          tx
            .selectFrom('budgets')
            .select(['pool', 'state'])
            .where('system', '=', system)
            .where('pool', 'in', names)
            .orderBy('pool')
            .forUpdate()
            .execute()
        let rows = await select()
        if (rows.length < names.length) {
          await tx
            .insertInto('budgets')
            .values(names.map(pool => ({ system, pool, state: JSON.stringify(untouched) })))
            .onConflict(on => on.columns(['system', 'pool']).doNothing())
            .execute()
          rows = await select()
        }
        const before = new Map(
          rows.map(({ pool, state }) => [pool, parseColumn(budgetState, state, 'budgets.state')] as const),
        )
        const { result, states } = work(before)
        const changed = [...states].filter(([pool, state]) => state !== before.get(pool))
        if (changed.length > 0) {
          await tx
            .insertInto('budgets')
            .values(changed.map(([pool, state]) => ({ system, pool, state: JSON.stringify(state) })))
            .onConflict(on => on.columns(['system', 'pool']).doUpdateSet(row => ({ state: row.ref('excluded.state') })))
            .execute()
        }
        return result
      },
      { isSerial: false },
    )
  }

  return {
    learn: (pool, limit) => void limits.set(pool, limit),
    goodForMs: asked => goodForMs(pools.filter(({ name }) => asked.includes(name))),
    take: asks =>
      change(before => {
        const now = store.clock.now().getTime()
        const { answer, states } = allocate(known(), before, asks, { worker, now })
        return { result: answer, states }
      }),
    block: (blocked, forMs) =>
      change(before => {
        const until = store.clock.now().getTime() + forMs
        const states = new Map(
          [...before].map(([pool, state]) =>
            blocked.includes(pool)
              ? [pool, { ...state, blockedUntil: Math.max(state.blockedUntil, until) }]
              : [pool, state],
          ),
        )
        return { result: undefined, states }
      }),
  }
}
