import { setTimeout as wait } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { openSharedBudget } from '../../../../gateway/store/budgets.ts'
import { openStore } from '../../../../gateway/store/open.ts'
import { openPace, type Pace } from '../../../../subgraphs/pace.ts'
import { createDatabase } from '../../../postgres/database.ts'
import { quiet } from '../ports.ts'

const limit = 40
const windowMs = 1000
const pools = [{ name: 'account', limit, windowMs }]
const operation = { name: 'read', cost: { account: 1 }, repeatable: true, kind: 'look-up' as const }

/** The same account, as several processes of one store use it. */
async function paces(count: number): Promise<readonly Pace[]> {
  const database = await createDatabase()
  onTestFinished(() => database.drop())
  return Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const store = await openStore(database.url, { log: quiet, clock: { now: () => new Date() }, connections: 4 })
      onTestFinished(() => store.close())
      const shared = openSharedBudget(store, { system: 'hubspot', pools, worker: `process ${at}` })
      const pace = openPace('hubspot', pools, () => performance.now(), shared)
      onTestFinished(() => pace.close())
      return pace
    }),
  )
}

function turn(pace: Pace, priority: 'query' | 'background' = 'query', withinMs = 30_000): Promise<() => void> {
  const untilMs = performance.now() + withinMs
  return pace.take({ operation, priority, signal: new AbortController().signal, untilMs })
}

test('three processes together stay within the budget in every window, and none is left out', async () => {
  const all = await paces(3)
  const taken: { readonly by: number; readonly at: number }[] = []
  await Promise.all(
    all.flatMap((pace, by) =>
      Array.from({ length: 50 }, async () => {
        const release = await turn(pace)
        taken.push({ by, at: performance.now() })
        release()
      }),
    ),
  )
  expect(taken).toHaveLength(150)
  for (const { at: from } of taken) {
    const inWindow = taken.filter(({ at }) => at >= from && at < from + windowMs).length
    expect(inWindow).toBeLessThanOrEqual(limit * 1.01)
  }
  const early = taken.filter(({ at }) => at < (taken[0]?.at ?? 0) + 2.5 * windowMs)
  expect(new Set(early.map(({ by }) => by)).size).toBe(3)
})

test('what one was told of by the vendor holds for all, and work in the background leaves room in all', async () => {
  const [one, two] = await paces(2)
  if (one === undefined || two === undefined) throw new Error('expected two')
  await Promise.all(Array.from({ length: 28 }, () => turn(one, 'background')))
  await expect(turn(two, 'background', 200)).rejects.toMatchObject({ kind: 'rate-limited' })
  await turn(two, 'query')
  one.block(operation, 60_000)
  await expect
    .poll(() =>
      turn(two, 'query', 200).then(
        () => 'taken',
        (error: unknown) => error,
      ),
    )
    .toMatchObject({
      kind: 'rate-limited',
    })
})

test('while the store cannot be asked nothing is taken, and it goes on once it can', async () => {
  let isOut = true
  const pace = openPace('hubspot', pools, () => performance.now(), {
    goodForMs: () => 100,
    take: asks =>
      isOut
        ? Promise.reject(new Error('no store'))
        : Promise.resolve({ granted: asks.map(() => true), waitMs: {}, processes: 2 }),
    block: () => Promise.resolve(),
  })
  onTestFinished(() => pace.close())
  await expect(turn(pace, 'query', 300)).rejects.toMatchObject({ kind: 'rate-limited' })
  const waiting = turn(pace)
  isOut = false
  await waiting
})

test('a grant that took its time is used where its own pools allow it, whatever another pool of the tool would', async () => {
  const slowMs = 150
  let asked = 0
  const pace = openPace('hubspot', [...pools, { name: 'short', limit: 5, windowMs: 1000 }], () => performance.now(), {
    goodForMs: names => (names.includes('short') ? slowMs - 100 : slowMs * 10),
    take: async asks => {
      asked += 1
      await wait(slowMs)
      return { granted: asks.map(() => true), waitMs: {}, processes: 2 }
    },
    block: () => Promise.resolve(),
  })
  onTestFinished(() => pace.close())
  await turn(pace)
  expect(asked).toBe(1)
})
