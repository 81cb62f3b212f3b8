import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { priorities } from '../../subgraphs/contract.ts'
import type { LimitPool, Priority, VendorOperation } from '../../subgraphs/contract.ts'
import { openPace } from '../../subgraphs/pace.ts'
import type { Pace } from '../../subgraphs/pace.ts'
import { VendorError } from '../../subgraphs/vendor-error.ts'

beforeEach(() => vi.useFakeTimers({ now: 0 }))
afterEach(() => vi.useRealTimers())

const open = (...pools: LimitPool[]): Pace => openPace('hubspot', pools, () => Date.now())
const never = new AbortController().signal
const operation = (cost: Record<string, number>): VendorOperation => ({
  name: 'test.read',
  cost,
  repeatable: true,
  kind: 'look-up',
})
const one = operation({ all: 1 })

/** Takes a turn and writes down how it ended. */
function take(
  pace: Pace,
  log: string[],
  name: string,
  options: { priority?: Priority; operation?: VendorOperation; untilMs?: number; signal?: AbortSignal } = {},
): Promise<void> {
  return pace
    .take({
      operation: options.operation ?? one,
      priority: options.priority ?? 'query',
      signal: options.signal ?? never,
      untilMs: options.untilMs ?? 60_000,
    })
    .then(
      release => {
        log.push(`${name} at ${Date.now()}`)
        release()
      },
      (error: unknown) => {
        if (!(error instanceof VendorError)) throw error
        log.push(`${name} ${error.kind} ${error.retryAfterMs ?? ''}`.trim())
      },
    )
}

describe('the pace', () => {
  it('lets the limit through at once and the rest when the window has passed', async () => {
    const pace = open({ name: 'all', limit: 2, windowMs: 1_000 })
    const log: string[] = []
    const turns = ['a', 'b', 'c'].map(name => take(pace, log, name))
    await vi.advanceTimersByTimeAsync(2_000)
    await Promise.all(turns)
    expect(log).toEqual(['a at 0', 'b at 0', 'c at 1001'])
    expect(pace.status()).toEqual([{ name: 'all', limit: 2, windowMs: 1_000, used: 1 }])
  })

  it('serves queries before webhooks before background work, in order within each', async () => {
    const pace = open({ name: 'all', limit: 1, windowMs: 100 })
    const log: string[] = []
    const turns = [take(pace, log, 'first')]
    for (const priority of ['background', 'webhook', 'query'] as const) {
      turns.push(take(pace, log, `${priority} 1`, { priority }), take(pace, log, `${priority} 2`, { priority }))
    }
    await vi.advanceTimersByTimeAsync(1_000)
    await Promise.all(turns)
    expect(log.map(line => line.replace(/ at .*/, ''))).toEqual([
      'first',
      'query 1',
      'query 2',
      'webhook 1',
      'webhook 2',
      'background 1',
      'background 2',
    ])
  })

  it('keeps 30 % of a window from background work', async () => {
    const pace = open({ name: 'all', limit: 10, windowMs: 1_000 })
    const log: string[] = []
    const turns = Array.from({ length: 10 }, () => take(pace, log, 'background', { priority: 'background' }))
    await vi.advanceTimersByTimeAsync(1)
    expect(log).toHaveLength(7)
    const query = take(pace, log, 'query')
    await vi.advanceTimersByTimeAsync(0)
    expect(log.at(-1)).toBe('query at 1')
    await vi.advanceTimersByTimeAsync(2_000)
    await Promise.all([...turns, query])
  })

  it('fails at once, with the time to come back, when the wait cannot end in time', async () => {
    const pace = open({ name: 'all', limit: 1, windowMs: 1_000 })
    const log: string[] = []
    const turns = [
      take(pace, log, 'a', { untilMs: 1_500 }),
      take(pace, log, 'b', { untilMs: 1_500 }),
      take(pace, log, 'c', { untilMs: 1_500 }),
    ]
    await vi.advanceTimersByTimeAsync(0)
    expect(log.toSorted()).toEqual(['a at 0', 'c rate-limited 2001'])
    await vi.advanceTimersByTimeAsync(1_500)
    await Promise.all(turns)
    expect(log.at(-1)).toBe('b at 1001')
  })

  it('turns away at the deadline who was overtaken, and lets those leave who gave up', async () => {
    const pace = open({ name: 'all', limit: 1, windowMs: 1_000 })
    const log: string[] = []
    const gaveUp = new AbortController()
    const turns = [
      take(pace, log, 'a'),
      take(pace, log, 'gave up', { signal: gaveUp.signal }),
      take(pace, log, 'overtaken', { priority: 'background', untilMs: 2_100 }),
    ]
    turns.push(take(pace, log, 'query 1'), take(pace, log, 'query 2'))
    gaveUp.abort()
    await vi.advanceTimersByTimeAsync(5_000)
    await Promise.all(turns)
    expect(log).toEqual([
      'a at 0',
      'gave up aborted',
      'query 1 at 1001',
      expect.stringMatching(/^query 2 at 2002/),
      'overtaken rate-limited 903',
    ])
  })

  it('takes from all pools or from none', async () => {
    const pace = open({ name: 'all', limit: 10, windowMs: 1_000 }, { name: 'search', limit: 1, windowMs: 5_000 })
    const log: string[] = []
    const search = operation({ all: 1, search: 1 })
    const turns = [take(pace, log, 's1', { operation: search }), take(pace, log, 's2', { operation: search })]
    turns.push(take(pace, log, 'read'))
    await vi.advanceTimersByTimeAsync(0)
    expect(log).toEqual(['s1 at 0', 'read at 0'])
    expect(pace.status().map(({ used }) => used)).toEqual([2, 1])
    await vi.advanceTimersByTimeAsync(6_000)
    await Promise.all(turns)
  })

  it('does not let what is cheap overtake what is dear', async () => {
    const pace = open({ name: 'all', limit: 4, windowMs: 1_000 })
    const log: string[] = []
    const turns = [take(pace, log, 'first')]
    await vi.advanceTimersByTimeAsync(500)
    turns.push(take(pace, log, 'dear', { operation: operation({ all: 4 }) }))
    turns.push(...['cheap 1', 'cheap 2', 'cheap 3'].map(name => take(pace, log, name)))
    await vi.advanceTimersByTimeAsync(5_000)
    await Promise.all(turns)
    expect(log).toEqual(['first at 0', 'dear at 1001', 'cheap 1 at 2002', 'cheap 2 at 2002', 'cheap 3 at 2002'])
  })

  it('takes nothing from blocked pools, and turns away who would wait too long', async () => {
    const pace = open({ name: 'all', limit: 1, windowMs: 100 })
    const log: string[] = []
    const turns = [
      take(pace, log, 'a'),
      take(pace, log, 'short', { untilMs: 1_000 }),
      take(pace, log, 'long', { untilMs: 9_000 }),
    ]
    pace.block(one, 3_000)
    await vi.advanceTimersByTimeAsync(0)
    expect(log).toEqual(['a at 0', 'short rate-limited 3000'])
    await vi.advanceTimersByTimeAsync(3_500)
    await Promise.all(turns)
    expect(log.at(-1)).toBe('long at 3000')
  })

  it('refuses operations that no pool can ever serve', async () => {
    const pace = open({ name: 'all', limit: 2, windowMs: 100 })
    const log: string[] = []
    await take(pace, log, 'too much', { operation: operation({ all: 3 }) })
    await take(pace, log, 'nowhere', { operation: operation({ other: 1 }) })
    await take(pace, log, 'nonsense', { operation: operation({ all: NaN }) })
    expect(log).toEqual(['too much rejected', 'nowhere rejected', 'nonsense rejected'])
  })

  it('never lets more than the limit into any window, nor more than the places, in any order of arrival', async () => {
    const arrival = fc.record({
      afterMs: fc.integer({ min: 0, max: 80 }),
      lastsMs: fc.integer({ min: 0, max: 300 }),
      priority: fc.constantFrom(...priorities),
      cost: fc.constantFrom<Record<string, number>>({ all: 1 }, { all: 2, search: 1 }, { search: 1 }, { all: 5 }),
      patienceMs: fc.integer({ min: 1, max: 3_000 }),
      givesUpAfterMs: fc.option(fc.integer({ min: 0, max: 500 })),
    })
    const pools: LimitPool[] = [
      { name: 'all', limit: 10, windowMs: 500, concurrency: 4 },
      { name: 'search', limit: 2, windowMs: 200 },
    ]
    const run = async (arrivals: (typeof arrival extends fc.Arbitrary<infer A> ? A : never)[]): Promise<void> => {
      const pace = open(...pools)
      const taken: { atMs: number; cost: Record<string, number>; isBackground: boolean }[] = []
      const running = { now: 0, most: 0 }
      const turns: Promise<void>[] = []
      for (const { afterMs, lastsMs, priority, cost, patienceMs, givesUpAfterMs } of arrivals) {
        await vi.advanceTimersByTimeAsync(afterMs)
        const untilMs = Date.now() + patienceMs
        const abort = new AbortController()
        if (givesUpAfterMs !== null) setTimeout(() => abort.abort(), givesUpAfterMs)
        const turn = pace.take({ operation: operation(cost), priority, signal: abort.signal, untilMs })
        turns.push(
          turn.then(
            release => {
              expect(Date.now()).toBeLessThanOrEqual(untilMs)
              taken.push({ atMs: Date.now(), cost, isBackground: priority === 'background' })
              const places = cost['all'] === undefined ? 0 : 1
              running.now += places
              running.most = Math.max(running.most, running.now)
              setTimeout(() => {
                running.now -= places
                release()
              }, lastsMs)
            },
            (error: unknown) => {
              expect(error).toBeInstanceOf(VendorError)
              expect(Date.now()).toBeLessThanOrEqual(untilMs)
            },
          ),
        )
      }
      await vi.advanceTimersByTimeAsync(5_000)
      await Promise.all(turns)
      expect(running.most).toBeLessThanOrEqual(4)
      for (const { name, limit, windowMs } of pools) {
        for (const { atMs: startMs } of taken) {
          const within = taken.filter(({ atMs }) => atMs >= startMs && atMs <= startMs + windowMs)
          const sum = (some: typeof taken): number => some.reduce((all, { cost }) => all + (cost[name] ?? 0), 0)
          expect(sum(within)).toBeLessThanOrEqual(limit)
          expect(sum(within.filter(({ isBackground }) => isBackground))).toBeLessThanOrEqual(Math.max(1, limit * 0.7))
        }
      }
    }
    await fc.assert(fc.asyncProperty(fc.array(arrival, { maxLength: 60 }), run), { numRuns: 300 })
  })
})
