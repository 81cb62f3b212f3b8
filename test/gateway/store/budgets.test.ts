import fc from 'fast-check'
import { expect, test } from 'vitest'
import { allocate, goodForMs, type BudgetState } from '../../../gateway/store/budgets.ts'

/** As HubSpot's: what is taken from one of them may be kept for longer than what is taken from both. */
const pools = [
  { name: 'all', limit: 20, windowMs: 3000 },
  { name: 'search', limit: 3, windowMs: 1000 },
]

const ask = fc.record({
  afterMs: fc.integer({ min: 0, max: 300 }),
  /** Clocks of processes differ, and may be set. */
  skewMs: fc.integer({ min: -50, max: 0 }),
  worker: fc.constantFrom('one', 'two', 'three'),
  isSearch: fc.boolean(),
  isBackground: fc.boolean(),
  units: fc.integer({ min: 1, max: 4 }),
  /** What was granted is used in an instant, or as late as it may be. */
  lateness: fc.double({ min: 0, max: 1, noNaN: true }),
})

test('no window of a pool holds more than its limit, whoever asks and whenever within its time each grant is used', () => {
  fc.assert(
    fc.property(fc.array(ask, { maxLength: 120 }), asks => {
      let now = 1_000_000
      let states: ReadonlyMap<string, BudgetState> = new Map()
      const used: { readonly pool: string; readonly at: number; readonly units: number }[] = []
      for (const { afterMs, skewMs, worker, isSearch, isBackground, units, lateness } of asks) {
        now += afterMs
        const cost: Record<string, number> = isSearch ? { all: 1, search: 1 } : { all: units }
        const done = allocate(pools, states, [{ cost, isBackground }], { worker, now: now + skewMs })
        states = done.states
        if (done.answer.granted[0] === true) {
          // Since it was asked for, by the asker's own time.
          const at = now + skewMs + lateness * goodForMs(pools.filter(({ name }) => name in cost))
          for (const [pool, taken] of Object.entries(cost)) used.push({ pool, at, units: taken })
        } else expect(Math.max(...Object.values(done.answer.waitMs))).toBeGreaterThan(0)
      }
      for (const { name, limit, windowMs } of pools) {
        const own = used.filter(({ pool }) => pool === name)
        for (const { at: from } of own) {
          const sum = own
            .filter(({ at }) => at >= from && at < from + windowMs - 50)
            .reduce((all, { units }) => all + units, 0)
          expect(sum).toBeLessThanOrEqual(limit)
        }
      }
    }),
  )
})

test('who waited as long as it was told is given what it asked for', () => {
  const first = allocate(pools, new Map(), [{ cost: { all: 20 }, isBackground: false }], {
    worker: 'one',
    now: 0,
  })
  expect(first.answer.granted).toEqual([true])
  const again = (now: number) =>
    allocate(pools, first.states, [{ cost: { all: 1 }, isBackground: false }], { worker: 'two', now }).answer
  const waitMs = again(10).waitMs['all'] ?? 0
  expect(again(10 + waitMs).granted).toEqual([true])
  expect(again(9 + waitMs).granted).toEqual([false])
})

test('background work of all processes together leaves room for queries, and those who wait are not overtaken', () => {
  const background = { cost: { all: 7 }, isBackground: true }
  const { answer } = allocate(
    pools,
    new Map(),
    [background, background, background, { cost: { all: 6 }, isBackground: false }],
    { worker: 'one', now: 0 },
  )
  expect(answer.granted).toEqual([true, true, false, false])
})

test("a clock that is set back by an hour, or another machine's in its place, keeps nobody waiting until it is there again", () => {
  const hour = 3_600_000
  let now = 10 * hour
  let states: ReadonlyMap<string, BudgetState> = new Map()
  const take = (units: number) => {
    const done = allocate(pools, states, [{ cost: { all: units }, isBackground: false }], { worker: 'one', now })
    states = done.states
    return done.answer
  }
  expect(take(20).granted).toEqual([true])
  now -= hour
  const { granted, waitMs } = take(20)
  // What was taken a moment ago counts all the same.
  expect(granted).toEqual([false])
  expect(waitMs['all']).toBeLessThan(4000)
  now += waitMs['all'] ?? 0
  expect(take(20).granted).toEqual([true])
})

test('a process that asks no more is counted out after half a minute', () => {
  const asks = [{ cost: { all: 1 }, isBackground: false }]
  const one = allocate(pools, new Map(), asks, { worker: 'one', now: 0 })
  const two = allocate(pools, one.states, asks, { worker: 'two', now: 1_000 })
  expect([one.answer.processes, two.answer.processes]).toEqual([1, 2])
  expect(allocate(pools, two.states, asks, { worker: 'two', now: 31_000 }).answer.processes).toBe(1)
})
