import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Turns, type Turn } from '../../../gateway/webhooks/turns.ts'

interface Work extends Turn {
  readonly name: number
}

/** Turns whose works end when told. */
function open(most: number) {
  const under = new Map<number, () => void>()
  const done: Work[] = []
  const turns = new Turns<Work>({
    most,
    run: work =>
      new Promise(resolve => {
        under.set(work.name, () => {
          under.delete(work.name)
          done.push(work)
          resolve()
        })
      }),
  })
  return { turns, under, done }
}

function work(name: number, lane: string, ...keys: string[]): Work {
  return { name, lane, keys }
}

async function settled(): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
}

test('works of one record are done one after the other, and take one place', async () => {
  const { turns, under } = open(2)
  for (let name = 1; name <= 50; name += 1) turns.add(work(name, 'hubspot', 'hot'))
  turns.add(work(99, 'hubspot', 'other'))
  expect([...under.keys()]).toEqual([1, 99])
  under.get(1)?.()
  await settled()
  expect([...under.keys()]).toEqual([99, 2])
})

test('a lane that is full holds up no other', () => {
  const { turns, under } = open(1)
  turns.add(work(1, 'slow', 'a'))
  turns.add(work(2, 'slow', 'b'))
  turns.add(work(3, 'quick', 'c'))
  expect([...under.keys()]).toEqual([1, 3])
})

test('what is dropped never runs, and what is under way ends', async () => {
  const { turns, under, done } = open(1)
  turns.add(work(1, 'slow', 'a'))
  turns.add(work(2, 'slow', 'a'))
  turns.add(work(3, 'slow', 'b', 'a', 'c'))
  turns.clear()
  const idle = turns.idle()
  under.get(1)?.()
  await idle
  expect(done.map(({ name }) => name)).toEqual([1])
  expect(turns.held).toBe(0)
  turns.add(work(4, 'slow', 'a', 'b'))
  turns.add(work(5, 'quick', 'c'))
  expect([...under.keys()]).toEqual([4, 5])
})

test('whatever comes and ends in whatever order: all is done once, in order for each key, never too many at a time', async () => {
  const anyWork = fc.record({
    lane: fc.constantFrom('a', 'b'),
    keys: fc.uniqueArray(fc.constantFrom('1', '2', '3', '4'), { maxLength: 3 }),
  })
  const step = fc.oneof(anyWork, fc.nat())
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
      const { turns, under, done } = open(2)
      const added: Work[] = []
      const check = (): void => {
        const running = added.filter(({ name }) => under.has(name))
        for (const lane of ['a', 'b']) expect(running.filter(one => one.lane === lane).length).toBeLessThanOrEqual(2)
        const keys = running.flatMap(one => one.keys)
        expect(new Set(keys).size).toBe(keys.length)
      }
      const end = async (choice: number): Promise<void> => {
        const running = [...under.values()]
        running[choice % Math.max(running.length, 1)]?.()
        await settled()
        check()
      }
      for (const one of steps) {
        if (typeof one === 'number') await end(one)
        else {
          const next = { ...one, name: added.length }
          added.push(next)
          turns.add(next)
          check()
        }
      }
      while (under.size > 0) await end(0)
      await turns.idle()
      expect(done.map(({ name }) => name).sort((a, b) => a - b)).toEqual(added.map(({ name }) => name))
      for (const key of ['1', '2', '3', '4']) {
        const order = done.filter(one => one.keys.includes(key)).map(({ name }) => name)
        expect(order).toEqual([...order].sort((a, b) => a - b))
      }
    }),
    { numRuns: 150 },
  )
})
