import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Gather, type GatherOptions } from '../../../gateway/webhooks/gather.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A gathering whose items end when told. */
function open(options: Omit<GatherOptions<number, string>, 'work'>) {
  const works: (readonly number[])[] = []
  const ends = new Map<number, { done(): void; fail(): void }>()
  const gather = new Gather<number, string>({
    ...options,
    work(items) {
      works.push(items)
      return items.map(
        item =>
          new Promise((resolve, reject) =>
            ends.set(item, { done: () => resolve(`done ${item}`), fail: () => reject(new Error(`failed ${item}`)) }),
          ),
      )
    },
  })
  const settle = async (item: number, how: 'done' | 'fail' = 'done'): Promise<void> => {
    ends.get(item)?.[how]()
    await vi.advanceTimersByTimeAsync(0)
  }
  return { gather, works, settle }
}

test('what comes in one turn is one work; what comes while as many as may be are under way is the next', async () => {
  const { gather, works, settle } = open({ most: 1, largest: 10 })
  const first = [gather.submit(1), gather.submit(2)]
  await vi.advanceTimersByTimeAsync(0)
  void gather.submit(3)
  await vi.advanceTimersByTimeAsync(60_000)
  void gather.submit(4)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(works).toEqual([[1, 2]])
  await settle(1)
  expect(works).toEqual([[1, 2]])
  await settle(2)
  expect(works).toEqual([
    [1, 2],
    [3, 4],
  ])
  expect(await Promise.all(first)).toEqual(['done 1', 'done 2'])
})

test('one item is answered as soon as it is done, whatever the slowest of its work takes, and fails alone', async () => {
  const { gather, settle } = open({ most: 1, largest: 10 })
  const [slow, quick, broken] = [gather.submit(1), gather.submit(2), gather.submit(3)]
  const told: string[] = []
  void slow.then(result => told.push(result))
  const failed = expect(broken).rejects.toThrow('failed 3')
  await vi.advanceTimersByTimeAsync(0)
  await settle(2)
  expect(await quick).toBe('done 2')
  await settle(3, 'fail')
  await failed
  expect(told).toEqual([])
})

test('what has waited for as long as patience goes beside a work that does not end', async () => {
  const { gather, works } = open({ most: 1, largest: 10, patienceMs: 250 })
  void gather.submit(1)
  await vi.advanceTimersByTimeAsync(0)
  void gather.submit(2)
  void gather.submit(3)
  await vi.advanceTimersByTimeAsync(249)
  expect(works).toEqual([[1]])
  await vi.advanceTimersByTimeAsync(1)
  expect(works).toEqual([[1], [2, 3]])
})

test('in any order of coming and ending each item is worked on once, in works no larger and no more than may be', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.constant('come' as const), fc.nat({ max: 20 })), { maxLength: 60 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 4 }),
      async (steps, most, largest) => {
        const { gather, works, settle } = open({ most, largest })
        const results: Promise<string>[] = []
        const isOpen = new Set<number>()
        for (const step of steps) {
          if (step === 'come') results.push(gather.submit(results.length))
          await vi.advanceTimersByTimeAsync(0)
          if (step !== 'come') {
            const begun = works.flat().filter(item => isOpen.has(item))
            const item = begun[step % Math.max(1, begun.length)]
            if (item !== undefined) {
              isOpen.delete(item)
              await settle(item)
            }
          } else isOpen.add(results.length - 1)
          expect(works.filter(work => work.some(item => isOpen.has(item))).length).toBeLessThanOrEqual(most)
        }
        while (isOpen.size > 0) {
          for (const item of works.flat()) if (isOpen.delete(item)) await settle(item)
        }
        expect(await Promise.all(results)).toEqual(results.map((_, item) => `done ${item}`))
        expect(works.flat()).toEqual(results.map((_, item) => item))
        expect(Math.max(0, ...works.map(work => work.length))).toBeLessThanOrEqual(largest)
      },
    ),
    { numRuns: 100 },
  )
})

test('what is quiet runs at once, what is busy gathers in a rhythm, and rest makes it quiet again', async () => {
  const { gather, works } = open({ most: 100, largest: 100, rhythm: { burst: 2, everyMs: 100 } })
  const submit = async (item: number): Promise<void> => {
    void gather.submit(item)
    await vi.advanceTimersByTimeAsync(0)
  }
  for (const item of [1, 2, 3, 4, 5]) await submit(item)
  expect(works).toEqual([[1], [2]])
  await vi.advanceTimersByTimeAsync(100)
  expect(works).toEqual([[1], [2], [3, 4, 5]])
  await submit(6)
  expect(works).toHaveLength(3)
  await vi.advanceTimersByTimeAsync(100)
  expect(works.at(-1)).toEqual([6])
  await vi.advanceTimersByTimeAsync(1000)
  for (const item of [7, 8, 9]) await submit(item)
  expect(works.slice(4)).toEqual([[7], [8]])
})
