import { expect, test } from 'vitest'
import { lastReceivedAt, oldestDue } from '../../../gateway/store/delivery-history.ts'
import { storeFound } from '../../../gateway/store/found.ts'
import { storeReceived } from '../../../gateway/store/received.ts'
import { listSubscriptions, replaceSubscriptions } from '../../../gateway/store/subscriptions.ts'
import {
  beginSweep,
  countMissed,
  endSweep,
  listPlaces,
  listSweeps,
  readPlace,
  writePlace,
  type SweepPlace,
} from '../../../gateway/store/sweeps.ts'
import { openMemoryStore } from './open-for-test.ts'

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000)

const place: SweepPlace = {
  system: 'hubspot',
  feed: 'contacts',
  cursor: 'here',
  begunAt: at(1),
  gapAt: null,
  completeUpTo: null,
}

test('a place is kept by system and feed, and moves only with the transaction it is moved in', async () => {
  const store = await openMemoryStore()
  expect(await store.read(db => readPlace(db, 'hubspot', 'contacts'))).toBeNull()
  await store.write(tx => writePlace(tx, place))
  const later = { ...place, cursor: 'there', begunAt: null, gapAt: at(2), completeUpTo: at(3) }
  const failed = store.write(async tx => {
    await writePlace(tx, later)
    throw new Error('what was found could not be stored')
  })
  await expect(failed).rejects.toThrow('could not be stored')
  expect(await store.read(db => readPlace(db, 'hubspot', 'contacts'))).toEqual(place)
  await store.write(tx => writePlace(tx, later))
  await store.write(tx => writePlace(tx, { ...place, feed: 'archived contacts' }))
  expect(await store.read(db => listPlaces(db))).toEqual([{ ...place, feed: 'archived contacts' }, later])
})

test('of each system the last sweep is kept, with what it found and why it ended', async () => {
  const store = await openMemoryStore()
  await beginSweep(store, 'stripe', at(1))
  await store.write(tx => countMissed(tx, 'stripe', 2))
  await store.write(tx => countMissed(tx, 'stripe', 3))
  const last = { system: 'stripe', startedAt: at(1), endedAt: null, missed: 5, fault: null }
  expect(await store.read(db => listSweeps(db))).toEqual([last])
  await endSweep(store, 'stripe', at(4), 'no permission')
  expect(await store.read(db => listSweeps(db))).toEqual([{ ...last, endedAt: at(4), fault: 'no permission' }])
  await beginSweep(store, 'stripe', at(9))
  expect(await store.read(db => listSweeps(db))).toEqual([{ ...last, startedAt: at(9), missed: 0 }])
})

test('what a sweep found waits like what a webhook brought, and is no delivery', async () => {
  const store = await openMemoryStore()
  const record = { system: 'stripe', kind: 'invoice', id: 'in_1' }
  const hints = [{ kind: 'UPDATED' as const, record, at: at(1), fields: ['memo'], foundIn: 'news' as const }]
  const request = {
    system: 'stripe',
    endpoint: '',
    url: 'https://x/webhooks/stripe',
    headers: {},
    body: Buffer.from('{}'),
  }
  await storeReceived(store, { ...request, receivedAt: at(5), entries: [{ key: 'e1', hints: [] }] }, 1000, 'me')
  const found = { system: 'stripe', feed: 'events', entries: ['e1', 'e2', 'e3'].map(key => ({ key, hints })) }
  const entries = await store.write(tx => storeFound(tx, found, 'me', 1000, at(9)))
  expect(entries).toMatchObject([
    { key: 'e2', hints, worker: 'me', attempts: 1 },
    { key: 'e3', hints },
  ])
  expect(await store.write(tx => storeFound(tx, found, 'me', 1000, at(10)))).toEqual([])
  expect(await lastReceivedAt(store, 'stripe')).toEqual(at(5))
  expect(await oldestDue(store)).toEqual(new Map([['stripe', at(5)]]))
})

test("a vendor's word on its webhooks replaces what it said before, and nobody else's", async () => {
  const store = await openMemoryStore()
  const hook = { endpoint: '99', state: 'FAILING' as const, lastFailureAt: at(1), note: 'cannot deliver' }
  await replaceSubscriptions(store, 'asana', [hook, { ...hook, endpoint: '98' }], at(2))
  await replaceSubscriptions(store, 'stripe', [{ ...hook, endpoint: '', state: 'ACTIVE' }], at(2))
  await replaceSubscriptions(store, 'asana', [{ ...hook, state: 'GONE', lastFailureAt: null }], at(3))
  expect(await store.read(db => listSubscriptions(db))).toMatchObject([
    { system: 'asana', endpoint: '99', state: 'GONE', lastFailureAt: null, checkedAt: at(3) },
    { system: 'stripe', endpoint: '', state: 'ACTIVE', lastFailureAt: at(1), checkedAt: at(2) },
  ])
})
