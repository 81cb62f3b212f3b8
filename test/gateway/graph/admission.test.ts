import fc from 'fast-check'
import { GraphQLError } from 'graphql'
import { expect, test, vi } from 'vitest'
import { Admission } from '../../../gateway/graph/admission.ts'

interface Running {
  readonly entries: number
  end(): void
}

/** Operations that end when told. */
function open() {
  const admission = new Admission()
  const running = new Set<Running>()
  const started: number[] = []
  const run = (entries: number, signal = new AbortController().signal): Promise<string> =>
    admission.run(
      entries,
      signal,
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
  const codeOf = (work: Promise<string>): Promise<unknown> =>
    work.catch((error: unknown) => (error instanceof GraphQLError ? error.extensions['code'] : error))
  return { run, running, started, codeOf }
}

async function turn(): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
}

test('small operations run at once, whatever else is under way', async () => {
  const { run, started } = open()
  void run(9_000)
  for (let at = 0; at < 50; at += 1) void run(200)
  await turn()
  expect(started).toHaveLength(51)
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

test('who waits is refused when there are too many or it takes too long, and leaves no place taken', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const { run, running, started, codeOf } = open()
    const first = run(5_000)
    const left = new AbortController()
    const gone = codeOf(run(300, left.signal))
    const waiting = Array.from({ length: 99 }, () => codeOf(run(300)))
    expect(await codeOf(run(300))).toBe('OVERLOADED')
    left.abort()
    expect(await gone).toBe('ABORTED')
    vi.advanceTimersByTime(10_000)
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['OVERLOADED']))
    for (const one of running) one.end()
    await first
    void run(400)
    await turn()
    expect(started).toEqual([5_000, 400])
  } finally {
    vi.useRealTimers()
  }
})
