import fc from 'fast-check'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { ChangeFollower } from '../../../gateway/changes/follower.ts'
import { appendChanges } from '../../../gateway/changes/log.ts'
import { type Store, StoreError } from '../../../gateway/store/store.ts'
import type { Change, NewChange } from '../../../schema/change.ts'
import { openMemoryStore } from '../store/open-for-test.ts'
import { quiet } from '../store/ports.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'], now: new Date('2026-03-01T12:00:00Z') })
})
afterEach(() => {
  vi.useRealTimers()
})

const clock = { now: (): Date => new Date() }

const updated: NewChange = {
  kind: 'UPDATED',
  record: { system: 'asana', kind: 'task', id: '1' },
  entity: { type: 'Job', id: '1' },
  fields: [],
  parentsBefore: [],
  parentsAfter: [],
  statusBefore: null,
  statusAfter: null,
  at: new Date(0),
}

function append(store: Store, count: number): Promise<Change[]> {
  return store.write(tx => appendChanges(tx, new Array<NewChange>(count).fill(updated), clock.now()))
}

/** A store whose readings are counted and can be made to fail. */
interface Watched {
  readonly store: Store
  reads: number
  isDown: boolean
  /** What was read is handed over after this. */
  held: Promise<unknown>
}

function watched(store: Store): Watched {
  const watch: Watched = {
    reads: 0,
    isDown: false,
    held: Promise.resolve(),
    store: {
      read: async query => {
        watch.reads++
        if (watch.isDown) throw new StoreError('unavailable', 'down')
        const result = await store.read(query)
        await watch.held
        return result
      },
      write: work => store.write(work),
      close: () => store.close(),
    },
  }
  return watch
}

interface Followed {
  readonly follower: ChangeFollower
  readonly applied: number[]
  readonly cutOffs: boolean[]
}

async function follow(
  store: Store,
  apply: (changes: readonly Change[]) => void | Promise<void> = () => {},
): Promise<Followed> {
  const applied: number[] = []
  const cutOffs: boolean[] = []
  const follower = new ChangeFollower({
    store,
    clock,
    log: quiet,
    apply: async changes => {
      await apply(changes)
      applied.push(...changes.map(change => change.sequence))
    },
    onCutOff: isCutOff => cutOffs.push(isCutOff),
  })
  await follower.start()
  onTestFinished(() => follower.stop())
  return { follower, applied, cutOffs }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

test('it starts where the log stands and applies what comes after', async () => {
  const store = await openMemoryStore()
  await append(store, 3)
  const { follower, applied } = await follow(store)
  expect(follower.position).toBe(3)
  await follower.appliedThrough(2)
  await append(store, 2)
  follower.appended()
  await follower.appliedThrough(5)
  expect(applied).toEqual([4, 5])
  expect(follower.position).toBe(5)
})

test('Changes of another process are found by asking every second', async () => {
  const store = await openMemoryStore()
  const { applied } = await follow(store)
  await append(store, 2)
  expect(applied).toEqual([])
  vi.advanceTimersByTime(1_000)
  await vi.waitFor(() => expect(applied).toEqual([1, 2]), 20_000)
})

test('more than a page is applied page by page', async () => {
  const store = await openMemoryStore()
  const pages: number[] = []
  const { follower, applied } = await follow(store, changes => void pages.push(changes.length))
  await append(store, 1_200)
  await follower.appliedThrough(1_200)
  expect(applied).toEqual(upTo(1_200))
  expect(pages).toEqual([500, 500, 200])
})

test('Changes handed over that directly follow are applied without a reading', async () => {
  const watch = watched(await openMemoryStore())
  const { follower, applied } = await follow(watch.store)
  const readsBefore = watch.reads
  for (const count of [2, 3]) {
    const changes = await append(watch.store, count)
    follower.deliver(changes)
    await follower.appliedThrough(changes.at(-1)?.sequence ?? 0)
    // What was applied already is no gap.
    follower.deliver(changes)
  }
  expect(applied).toEqual(upTo(5))
  expect(watch.reads).toBe(readsBefore)
})

test('Changes handed over with a gap before them make the log be read', async () => {
  const store = await openMemoryStore()
  const { follower, applied } = await follow(store)
  await append(store, 2)
  follower.deliver(await append(store, 1))
  await follower.appliedThrough(3)
  expect(applied).toEqual([1, 2, 3])
})

test('in whatever order and however often it is told, each Change is applied once and in order', async () => {
  const telling = fc.array(
    fc.record({
      size: fc.integer({ min: 1, max: 4 }),
      told: fc.constantFrom('later', 'twice', 'now', 'appended', 'never'),
    }),
    { maxLength: 12 },
  )
  const store = await openMemoryStore()
  await fc.assert(
    fc.asyncProperty(telling, fc.boolean(), async (commits, isSlow) => {
      let busy = 0
      const { follower, applied } = await follow(store, async () => {
        expect(++busy).toBe(1)
        if (isSlow) await store.read(db => db.selectFrom('meta').selectAll().execute())
        busy--
      })
      const later: Change[][] = []
      const start = follower.position
      let last = start
      for (const { size, told } of commits) {
        const changes = await append(store, size)
        last += size
        if (told === 'later') later.push(changes)
        if (told === 'now' || told === 'twice') follower.deliver(changes)
        if (told === 'twice') follower.deliver(changes)
        if (told === 'appended') follower.appended()
      }
      for (const changes of later.reverse()) follower.deliver(changes)
      follower.appended()
      await follower.appliedThrough(last)
      await follower.stop()
      expect(applied).toEqual(upTo(last).slice(start))
    }),
    { numRuns: 100 },
  )
})

test('a page that could not be applied is given again, and nothing is passed over', async () => {
  const store = await openMemoryStore()
  let failures = 2
  const { follower, applied } = await follow(store, () => {
    if (failures-- > 0) throw new Error('cache failed')
  })
  follower.deliver(await append(store, 2))
  await vi.waitFor(() => expect(failures).toBe(1), 20_000)
  vi.advanceTimersByTime(1_000)
  await vi.waitFor(() => expect(failures).toBe(0), 20_000)
  expect(applied).toEqual([])
  const through = follower.appliedThrough(2)
  vi.advanceTimersByTime(1_000)
  await through
  expect(applied).toEqual([1, 2])
})

test('after five seconds without the log it is cut off, and says so once; with the log it is back', async () => {
  const watch = watched(await openMemoryStore())
  const { follower, applied, cutOffs } = await follow(watch.store)
  watch.isDown = true
  vi.advanceTimersByTime(5_000)
  expect(follower.isCutOff).toBe(false)
  vi.advanceTimersByTime(3_000)
  expect(follower.isCutOff).toBe(true)
  expect(cutOffs).toEqual([true])
  await append(watch.store, 1)
  watch.isDown = false
  await vi.waitFor(() => {
    vi.advanceTimersByTime(1_000)
    expect(follower.isCutOff).toBe(false)
  }, 20_000)
  expect(cutOffs).toEqual([true, false])
  expect(applied).toEqual([1])
})

test('an answer that was long under way is as old as its question: what came meanwhile is applied before the cut is over', async () => {
  const watch = watched(await openMemoryStore())
  const wereCutOff: boolean[] = []
  const { follower, applied } = await follow(watch.store, () => void wereCutOff.push(follower.isCutOff))
  let arrive = (): void => undefined
  watch.held = new Promise<void>(resolve => (arrive = resolve))
  const before = watch.reads
  vi.advanceTimersByTime(1_000)
  await vi.waitFor(() => expect(watch.reads).toBe(before + 1))
  vi.advanceTimersByTime(8_000)
  await append(watch.store, 1)
  arrive()
  await follower.appliedThrough(1)
  expect([applied, wereCutOff]).toEqual([[1], [true]])
  await vi.waitFor(() => expect(follower.isCutOff).toBe(false))
})

test('who waits when it stops is told, and so is who comes later', async () => {
  const store = await openMemoryStore()
  const { follower, applied } = await follow(store)
  const waiting = expect(follower.appliedThrough(1)).rejects.toMatchObject({ name: 'StoreError', kind: 'closed' })
  await follower.stop()
  await waiting
  await expect(follower.appliedThrough(1)).rejects.toMatchObject({ kind: 'closed' })
  follower.deliver(await append(store, 1))
  follower.appended()
  vi.advanceTimersByTime(5_000)
  expect(applied).toEqual([])
})
