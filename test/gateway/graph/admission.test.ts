import fc from 'fast-check'
import { GraphQLError } from 'graphql'
import { expect, test } from 'vitest'
import { Admission, Turns } from '../../../gateway/graph/admission.ts'

interface Running {
  readonly entries: number
  end(): void
}

/** Operations that end when told. */
function open(isLoopBusy: () => boolean = () => true) {
  const admission = new Admission(isLoopBusy)
  const running = new Set<Running>()
  const started: number[] = []
  const run = (entries: number, connection: object = {}, signal = new AbortController().signal): Promise<string> =>
    admission.run(
      entries,
      { connection, signal },
      () =>
        new Promise(resolve => {
          started.push(entries)
          const one = {
            entries,
            end() {
              running.delete(one)
              resolve('done')
            },
          }
          running.add(one)
        }),
    )
  return { run, running, started }
}

function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.catch((error: unknown) => (error instanceof GraphQLError ? error.extensions['code'] : error))
}

async function turn(): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
}

test('small operations wait for no large one', async () => {
  const { run, started } = open()
  void run(9_000)
  for (let at = 0; at < 16; at += 1) void run(200)
  await turn()
  expect(started).toHaveLength(17)
})

test('of small operations sixteen run at a time while the event loop is busy, and connections take turns', async () => {
  const { run, running, started } = open()
  const burst = {}
  for (let at = 0; at < 400; at += 1) void run(100, burst)
  void run(99)
  await turn()
  expect(started).toHaveLength(16)
  for (let at = 0; at < 2; at += 1) {
    const [first] = running
    first?.end()
    await turn()
  }
  expect(started.slice(16)).toEqual([100, 99])
})

test('while the event loop is idle, small operations wait for tools, and any number of them is begun', async () => {
  const { run, running, started } = open(() => false)
  const all = Array.from({ length: 400 }, () => run(100))
  await expect.poll(() => started.length).toBe(400)
  for (const one of running) one.end()
  expect(await Promise.all(all)).toHaveLength(400)
})

test('large ones run as far as they fit together, one of any size always, in the order they came', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 201, max: 4_000 }), { maxLength: 20 }), async sizes => {
      const { run, running, started } = open()
      const all = sizes.map(size => run(size))
      for (let at = 0; at < sizes.length; at += 1) {
        await turn()
        const together = [...running].map(({ entries }) => entries)
        expect(together.length === 1 || together.reduce((sum, one) => sum + one, 0) <= 2_000).toBe(true)
        const [first] = running
        first?.end()
      }
      await Promise.all(all)
      expect(started).toEqual(sizes)
    }),
    { numRuns: 50 },
  )
})

test('connections take turns: the burst of one delays another by one operation', async () => {
  const { run, running, started } = open()
  const burst = {}
  void run(2_000, burst)
  for (let at = 0; at < 400; at += 1) void run(1_500, burst)
  const other = {}
  void run(1_001, other)
  void run(1_002, other)
  void run(1_003)
  for (let at = 0; at < 8; at += 1) {
    await turn()
    for (const one of running) one.end()
  }
  expect(started.slice(0, 7)).toEqual([2_000, 1_500, 1_001, 1_003, 1_500, 1_002, 1_500])
})

test('none is refused for how long it waits; the connection that has most is, once 2,000 wait in all', async () => {
  const { run, running, started } = open()
  void run(5_000)
  const burst = {}
  const waiting = Array.from({ length: 1_999 }, () => codeOf(run(300, burst)))
  void run(201)
  expect(await codeOf(run(300, burst))).toBe('OVERLOADED')
  void run(202)
  expect(await waiting.at(-1)).toBe('OVERLOADED')
  for (const one of running) one.end()
  await turn()
  expect(started.slice(0, 4)).toEqual([5_000, 300, 201, 202])
})

test('a client that leaves gives its place to the ones behind it', async () => {
  const { run, started } = open()
  void run(1_500)
  const left = new AbortController()
  const gone = codeOf(run(5_000, {}, left.signal))
  void run(500)
  await turn()
  expect(started).toEqual([1_500])
  left.abort()
  expect(await gone).toBe('ABORTED')
  await turn()
  expect(started).toEqual([1_500, 500])
})

/** What is planned, in its order. */
function openPlanning() {
  const turns = new Turns()
  const planned: string[] = []
  const plan = async (name: string, connection: object = {}, signal = new AbortController().signal) => {
    await turns.turn(name, { connection, signal })
    if (!planned.includes(name)) planned.push(name)
  }
  return { plan, planned }
}

test('plans are made in turns by connection, and one for all that wait for it at the earliest turn of any of them', async () => {
  const { plan, planned } = openPlanning()
  const burst = {}
  const all = ['a1', 'a2', 'a3', 'a4', 'a5', 'a6'].map(name => plan(name, burst))
  all.push(plan('b1'), plan('a5'), plan('a1'))
  await Promise.all(all)
  expect(planned).toEqual(['a1', 'b1', 'a5', 'a2', 'a3', 'a4', 'a6'])
})

test('too many different plans are refused to the connection that waits for most; equal ones are one', async () => {
  const { plan } = openPlanning()
  const burst = {}
  const waiting = Array.from({ length: 2_000 }, (_, at) => codeOf(plan(`a${at}`, burst)))
  for (let at = 0; at < 3_000; at += 1) void plan('a0')
  const other = plan('b1')
  expect(await waiting.at(-1)).toBe('OVERLOADED')
  expect(await codeOf(plan('a2000', burst))).toBe('OVERLOADED')
  await expect(other).resolves.toBeUndefined()
})

test('what a client that left waited for is not planned', async () => {
  const { plan, planned } = openPlanning()
  const left = new AbortController()
  const gone = codeOf(plan('a', {}, left.signal))
  const stays = plan('b')
  left.abort()
  expect(await gone).toBe('ABORTED')
  await stays
  expect(planned).toEqual(['b'])
})
