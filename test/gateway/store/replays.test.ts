import { expect, test } from 'vitest'
import { claimDue, claimSuspects, failEntry, finishEntries } from '../../../gateway/store/deliveries.ts'
import { findDeliveries, idsOfDeliveries, type DeliveryWindow } from '../../../gateway/store/find-deliveries.ts'
import { storeFound } from '../../../gateway/store/found.ts'
import { storeReceived } from '../../../gateway/store/received.ts'
import { readForReplay, writeReplays } from '../../../gateway/store/replays.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { planReplay, writeOf } from '../../../gateway/webhooks/replay.ts'
import type { DeliveryEntry, Hint } from '../../../subgraphs/contract.ts'
import { openMemoryStore } from './open-for-test.ts'

const now = new Date('2026-03-01T12:00:00Z')
const leaseMs = 60_000

function hint(id: string): Hint {
  return { kind: 'UPDATED', record: { system: 'stripe', kind: 'invoice', id }, at: now, fields: [] }
}

async function receive(store: Store, receivedAt: Date, ...entries: DeliveryEntry[]) {
  const request = { system: 'stripe', endpoint: '', url: '', headers: {}, body: Buffer.from('x'), receivedAt, entries }
  return (await storeReceived(store, request, leaseMs, 'me')).entries
}

test('an entry given up is due again with ten tries before it, and is tried as another holding', async () => {
  const store = await openMemoryStore()
  const [held] = await receive(store, now, { key: 'a', hints: [hint('in_1')] })
  if (held === undefined) throw new Error('an entry was stored')
  await store.write(tx => failEntry(tx, held, { dead: 'no' }, now))
  const [entry] = await readForReplay(store, [held.id])
  if (entry === undefined) throw new Error('it is there')
  expect(await writeReplays(store, [{ do: 'again', entry, hints: [hint('in_2')] }], now)).toEqual([held.id])
  // Whoever held it before is too late.
  expect(await store.write(tx => finishEntries(tx, [held], now))).toBe(false)
  const claimed = await claimDue(store, 'me', 10, leaseMs, now)
  expect(claimed).toMatchObject([{ attempts: 2, tries: 1, hints: [hint('in_2')] }])
  expect(await idsOfDeliveries(store, { recordKeys: ['stripe:invoice:in_2'] }, 10)).toEqual([held.id])
  expect(await idsOfDeliveries(store, { recordKeys: ['stripe:invoice:in_1'] }, 10)).toEqual([])
})

test('what somebody has taken since it was read is left alone', async () => {
  const store = await openMemoryStore()
  await receive(store, now, { key: 'a', hints: [hint('in_1')] })
  await store.write(tx => tx.updateTable('delivery_entries').set({ lease_by: null, due_at: 0 }).execute())
  const [entry] = await readForReplay(store, [1])
  if (entry === undefined) throw new Error('it is there')
  const claimed = await claimDue(store, 'other', 10, leaseMs, now)
  expect(await writeReplays(store, [{ do: 'again', entry, hints: [] }], now)).toEqual([])
  expect(await store.write(tx => finishEntries(tx, claimed, now))).toBe(true)
})

test('one that is held to end processes is tried alone when it is replayed', async () => {
  const store = await openMemoryStore()
  await receive(store, now, { key: 'a', hints: [hint('in_1')] })
  await store.write(tx =>
    tx.updateTable('delivery_entries').set({ state: 'dead', deaths: 3, lease_by: null }).execute(),
  )
  const [entry] = await readForReplay(store, [1])
  if (entry === undefined) throw new Error('it is there')
  await writeReplays(store, [{ do: 'again', entry, hints: [hint('in_1')] }], now)
  expect(await claimDue(store, 'me', 10, leaseMs, now)).toEqual([])
  expect(await claimSuspects(store, 'me', { deaths: 2, limit: 1 }, leaseMs, now)).toHaveLength(1)
})

test('what could not be read gives way to what it is read as; what is known of that is not doubled', async () => {
  const store = await openMemoryStore()
  await receive(store, now, { key: 'known', hints: [] })
  await receive(store, now, { key: 'body:1', unreadable: 'no JSON' })
  const [entry] = await readForReplay(store, [2])
  if (entry === undefined) throw new Error('it is there')
  expect(entry).toMatchObject({ isWhole: true, hints: [], state: 'dead' })
  const entries = [
    { key: 'known', hints: [] },
    { key: 'new', hints: [hint('in_1')] },
    { key: 'still', unreadable: 'no' },
  ]
  expect(await writeReplays(store, [{ do: 'instead', entry, entries }], now)).toHaveLength(1)
  expect(await writeReplays(store, [{ do: 'instead', entry, entries }], now)).toEqual([])
  const found = await findDeliveries(store, {}, { limit: 10 })
  expect(found.map(({ state }) => state).reverse()).toEqual(['due', 'done', 'due', 'dead'])
})

test('entries are found by id, system, state, time and record, the newest first and page by page', async () => {
  const store = await openMemoryStore()
  const at = (minutes: number) => new Date(now.getTime() + minutes * 60_000)
  await receive(store, at(0), { key: 'a', hints: [hint('in_1')] })
  await receive(store, at(1), { key: 'b', hints: [hint('in_1'), hint('in_2')] }, { key: 'c', unreadable: 'no' })
  await receive(store, at(2), { key: 'd', hints: [hint('in_3')] })
  const ids = async (...[filter, page]: [object, DeliveryWindow?]) =>
    (await findDeliveries(store, filter, page ?? { limit: 10 })).map(({ id }) => id)
  expect(await ids({})).toEqual([4, 3, 2, 1])
  expect(await ids({}, { limit: 2, after: { place: 4 } })).toEqual([3, 2])
  expect(await ids({}, { limit: 2, isBackward: true, before: { place: 2, isIncluded: true } })).toEqual([2, 3])
  expect(await ids({ ids: [1, 3, 99] })).toEqual([3, 1])
  expect(await ids({ ids: [] })).toEqual([])
  expect(await ids({ state: 'dead' })).toEqual([3])
  expect(await ids({ system: 'asana' })).toEqual([])
  expect(await ids({ since: at(1), until: at(2) })).toEqual([3, 2])
  expect(await ids({ recordKeys: ['stripe:invoice:in_1', 'stripe:invoice:in_2'] })).toEqual([2, 1])
  expect(await ids({ recordKeys: [] })).toEqual([])
  const [dead] = await findDeliveries(store, { state: 'dead' }, { limit: 1 })
  expect(dead).toMatchObject({
    requestId: 2,
    isRequestKept: true,
    reason: 'no',
    attempts: 0,
    endedAt: at(1),
    dueAt: null,
  })
})

test('what a sweep found is found by its record, and due again by its stored hints: it has no request', async () => {
  const store = await openMemoryStore()
  const found = { system: 'stripe', feed: 'events', entries: [{ key: 'a', hints: [hint('in_1')] }] }
  const [held] = await store.write(tx => storeFound(tx, found, 'me', leaseMs, now))
  if (held === undefined) throw new Error('an entry was stored')
  await store.write(tx => failEntry(tx, held, { dead: 'no' }, now))
  expect(await findDeliveries(store, { recordKeys: ['stripe:invoice:in_1'] }, { limit: 10 })).toMatchObject([
    { id: held.id, state: 'dead', isRequestKept: false },
  ])
  const [entry] = await readForReplay(store, [held.id])
  if (entry === undefined) throw new Error('it is there')
  const plan = planReplay(entry, null)
  expect(plan).toEqual({ do: 'again', hints: [hint('in_1')] })
  const write = writeOf(entry, plan)
  expect(await writeReplays(store, write === null ? [] : [write], now)).toEqual([held.id])
  expect(await claimDue(store, 'me', 10, leaseMs, now)).toMatchObject([{ key: 'a', hints: [hint('in_1')] }])
})
