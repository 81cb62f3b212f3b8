import { expect, test } from 'vitest'
import {
  type StoredEntry,
  claimDue,
  claimSuspects,
  failEntry,
  finishEntries,
  noteApplied,
  releaseDead,
  releaseLeases,
  renewLeases,
} from '../../../gateway/store/deliveries.ts'
import { readAttempts } from '../../../gateway/store/attempts.ts'
import { readForReplay } from '../../../gateway/store/replays.ts'
import { storeReceived } from '../../../gateway/store/received.ts'
import type { Store } from '../../../gateway/store/store.ts'
import type { Hint } from '../../../subgraphs/contract.ts'
import { openMemoryStore } from './open-for-test.ts'

const start = new Date('2026-03-01T12:00:00Z')
const leaseMs = 60_000

const seconds = (count: number): Date => new Date(start.getTime() + count * 1_000)

const fullHint: Hint = {
  kind: 'DELETED',
  record: { system: 'hubspot', kind: 'contact', id: '1' },
  at: seconds(-5),
  fields: ['email'],
  isEcho: true,
  mergedInto: { system: 'hubspot', kind: 'contact', id: '2' },
}

async function receive(store: Store, worker: string, ...keys: string[]): Promise<readonly StoredEntry[]> {
  const entries = keys.map(key => ({ key, hints: [fullHint] }))
  const request = { system: 'hubspot', endpoint: '', url: '', headers: {}, body: Buffer.from('x'), entries }
  const stored = await storeReceived(store, { ...request, receivedAt: start }, leaseMs, worker)
  return stored.entries
}

async function entryOf(store: Store, key: string): Promise<unknown> {
  return store.read(db => db.selectFrom('delivery_entries').selectAll().where('key', '=', key).executeTakeFirst())
}

const finish = (store: Store, entries: readonly StoredEntry[]): Promise<boolean> =>
  store.write(tx => finishEntries(tx, entries, seconds(90)))

/** An entry whose holder has ended is not claimed with the others, but after them, as one that may be to blame. */
async function claimAfterDeath(store: Store, worker: string, now: Date): Promise<readonly StoredEntry[]> {
  expect(await claimDue(store, worker, 10, leaseMs, now)).toEqual([])
  return claimSuspects(store, worker, { deaths: 1, limit: 10 }, leaseMs, now)
}

test('an entry is claimed once its lease is over, with its hints as they were, and then by nobody else', async () => {
  const store = await openMemoryStore()
  await receive(store, 'first', 'a')
  expect(await claimAfterDeath(store, 'second', seconds(59))).toEqual([])
  const claimed = await claimAfterDeath(store, 'second', seconds(60))
  expect(claimed).toMatchObject([{ key: 'a', attempts: 2, worker: 'second', hints: [fullHint] }])
  expect(await claimAfterDeath(store, 'third', seconds(61))).toEqual([])
})

test('no more than the limit is claimed, the longest due first', async () => {
  const store = await openMemoryStore()
  const [a, b, c] = await receive(store, 'first', 'a', 'b', 'c')
  if (a === undefined || b === undefined || c === undefined) throw new Error('three entries were stored')
  await store.write(async tx => {
    await failEntry(tx, a, { dueAt: seconds(30), error: 'later' }, start)
    await failEntry(tx, b, { dueAt: seconds(10), error: 'sooner' }, start)
  })
  expect(await claimDue(store, 'second', 1, leaseMs, seconds(40))).toMatchObject([{ key: 'b', attempts: 2 }])
  expect(await claimDue(store, 'second', 5, leaseMs, seconds(40))).toMatchObject([{ key: 'a', attempts: 2 }])
})

test('a done entry is done; it is claimed no more', async () => {
  const store = await openMemoryStore()
  const entries = await receive(store, 'first', 'a', 'b')
  expect(await finish(store, entries)).toBe(true)
  expect(await entryOf(store, 'a')).toMatchObject({ state: 'done', lease_by: null, ended_at: seconds(90).getTime() })
  expect(await claimDue(store, 'second', 10, leaseMs, seconds(9_999))).toEqual([])
})

test('a worker that lost its lease to another, or to itself, cannot finish, fail or renew', async () => {
  for (const next of ['second', 'first']) {
    const store = await openMemoryStore()
    const [late, other] = await receive(store, 'first', 'a', 'b')
    if (late === undefined || other === undefined) throw new Error('two entries were stored')
    await renewLeases(store, [other], leaseMs, seconds(30))
    const [current] = await claimAfterDeath(store, next, seconds(60))
    if (current === undefined) throw new Error('the entry was due')
    const before = await entryOf(store, 'a')
    expect(await finish(store, [late])).toBe(false)
    expect(await store.write(tx => failEntry(tx, late, { dead: 'no' }, seconds(61)))).toBe(false)
    await renewLeases(store, [late], leaseMs, seconds(70))
    expect(await entryOf(store, 'a')).toEqual(before)
    expect(await finish(store, [current, other])).toBe(true)
    expect(await finish(store, [current])).toBe(false)
  }
})

test('a renewed lease lasts from then on', async () => {
  const store = await openMemoryStore()
  const entries = await receive(store, 'first', 'a')
  await renewLeases(store, entries, leaseMs, seconds(50))
  expect(await claimAfterDeath(store, 'second', seconds(109))).toEqual([])
  expect(await claimAfterDeath(store, 'second', seconds(110))).toHaveLength(1)
})

test('what is applied of an entry is known to its next holder, forgotten with a replay, and noted by its holder alone', async () => {
  const store = await openMemoryStore()
  const [held] = await receive(store, 'first', 'a')
  if (held === undefined) throw new Error('an entry was stored')
  expect(await store.write(tx => noteApplied(tx, held, [fullHint.record]))).toBe(true)
  const [next] = await claimAfterDeath(store, 'second', seconds(60))
  expect(next?.hints).toEqual([{ ...fullHint, isApplied: true }])
  expect(await store.write(tx => noteApplied(tx, held, []))).toBe(false)
  expect(await readForReplay(store, [held.id])).toMatchObject([{ hints: [{ ...fullHint, isApplied: undefined }] }])
})

test('an entry given up is dead with its reason', async () => {
  const store = await openMemoryStore()
  const [entry] = await receive(store, 'first', 'a')
  if (entry === undefined) throw new Error('an entry was stored')
  expect(await store.write(tx => failEntry(tx, entry, { dead: 'refused ten times' }, seconds(5)))).toBe(true)
  expect(await entryOf(store, 'a')).toMatchObject({ state: 'dead', error: 'refused ten times', lease_by: null })
})

test('what a worker lets go of at its end is due at once; what others hold is not', async () => {
  const store = await openMemoryStore()
  await receive(store, 'first', 'a', 'b')
  await receive(store, 'other', 'c')
  expect(await releaseLeases(store, 'first', seconds(1))).toBe(2)
  expect(await claimDue(store, 'second', 10, leaseMs, seconds(1))).toMatchObject([{ key: 'a' }, { key: 'b' }])
})

test('an entry whose stored hints are spoilt is dead and keeps no other from being claimed', async () => {
  const store = await openMemoryStore()
  await receive(store, 'first', 'a', 'b')
  await store.write(tx =>
    tx.updateTable('delivery_entries').set({ hints: '[{"kind":"NO"}]' }).where('key', '=', 'a').execute(),
  )
  await releaseLeases(store, 'first', seconds(1))
  expect(await claimDue(store, 'second', 10, leaseMs, seconds(60))).toMatchObject([{ key: 'b' }])
  expect(await entryOf(store, 'a')).toMatchObject({ state: 'dead', error: 'its stored hints cannot be read' })
})

test('an entry that is under way at three deaths is dead and says so; each death stands in its history', async () => {
  const store = await openMemoryStore()
  const [entry] = await receive(store, 'first', 'a')
  for (const [deaths, worker] of ['second', 'third'].entries()) {
    expect(await releaseDead(store, seconds(deaths))).toBe(1)
    expect(await claimDue(store, worker, 10, leaseMs, seconds(deaths))).toEqual([])
    const which = { deaths: deaths + 1, limit: 1 }
    expect(await claimSuspects(store, worker, which, leaseMs, seconds(deaths))).toMatchObject([{ key: 'a' }])
  }
  await releaseDead(store, seconds(5))
  const reason = 'it was under way when a process ended or hung, 3 times: it may be what ends it'
  expect(await entryOf(store, 'a')).toMatchObject({ state: 'dead', error: reason, deaths: 3, lease_by: null })
  const history = await store.read(db => readAttempts(db, [entry?.id ?? 0]))
  expect(history.get(entry?.id ?? 0)?.map(({ worker }) => worker)).toEqual(['first', 'second', 'third'])
})

test('a lease that runs out is a death too, whoever finds it, and the third is the last', async () => {
  const store = await openMemoryStore()
  await receive(store, 'first', 'a')
  const suspects = (deaths: number, at: number) =>
    claimSuspects(store, 'next', { deaths, limit: 1 }, leaseMs, seconds(at))
  expect(await claimDue(store, 'next', 10, leaseMs, seconds(60))).toEqual([])
  expect(await suspects(1, 60)).toHaveLength(1)
  expect(await suspects(1, 120)).toEqual([])
  expect(await suspects(2, 120)).toHaveLength(1)
  expect(await suspects(2, 180)).toEqual([])
  expect(await entryOf(store, 'a')).toMatchObject({ state: 'dead', deaths: 3 })
})

test('what a worker lets go of in order is no death', async () => {
  const store = await openMemoryStore()
  const [entry] = await receive(store, 'first', 'a', 'b')
  if (entry === undefined) throw new Error('an entry was stored')
  await store.write(tx => failEntry(tx, entry, { dueAt: seconds(1), error: 'later' }, start))
  await releaseLeases(store, 'first', seconds(1))
  await releaseDead(store, seconds(2))
  expect(await claimDue(store, 'second', 10, leaseMs, seconds(2))).toMatchObject([{ key: 'a' }, { key: 'b' }])
})

test('of the attempts of an entry the newest twenty are kept', async () => {
  const store = await openMemoryStore()
  let [entry] = await receive(store, 'first', 'a')
  for (let at = 1; at <= 25; at += 1) {
    const held = entry
    if (held === undefined) throw new Error('the entry was due')
    await store.write(tx => failEntry(tx, held, { dueAt: seconds(at), error: `no ${at}` }, seconds(at)))
    ;[entry] = await claimDue(store, 'first', 1, leaseMs, seconds(at))
  }
  const history = (await store.read(db => readAttempts(db, [1]))).get(1) ?? []
  expect(history.map(({ attempt }) => attempt)).toEqual(Array.from({ length: 20 }, (_, at) => at + 6))
  expect(history.at(-1)).toEqual({ attempt: 25, worker: 'first', endedAt: seconds(25), error: 'no 25' })
})

test('of systems that are full nothing is claimed, however long it is due', async () => {
  const store = await openMemoryStore()
  await receive(store, 'first', 'a')
  await releaseLeases(store, 'first', seconds(1))
  expect(await claimDue(store, 'second', 10, leaseMs, seconds(2), ['hubspot', 'asana'])).toEqual([])
  expect(await claimDue(store, 'second', 10, leaseMs, seconds(2), ['asana'])).toHaveLength(1)
})
