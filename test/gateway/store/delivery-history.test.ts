import { expect, test } from 'vitest'
import { finishEntries } from '../../../gateway/store/deliveries.ts'
import { countUndone, lastReceivedAt, oldestDue, pruneReceived } from '../../../gateway/store/delivery-history.ts'
import { type StoredReceived, storeReceived } from '../../../gateway/store/received.ts'
import type { Store } from '../../../gateway/store/store.ts'
import type { DeliveryEntry } from '../../../subgraphs/contract.ts'
import { openMemoryStore } from './open-for-test.ts'

const now = new Date('2026-03-01T12:00:00Z')

const kept = { requests: 30, deliveries: 400 }

const daysAgo = (days: number): Date => new Date(now.getTime() - days * 24 * 60 * 60 * 1000)

function receive(store: Store, system: string, receivedAt: Date, ...entries: DeliveryEntry[]): Promise<StoredReceived> {
  const request = { system, endpoint: '', url: '', headers: { a: 'b' }, body: Buffer.from('x'), receivedAt, entries }
  return storeReceived(store, request, 1_000, 'worker')
}

test('an empty store has nothing to tell', async () => {
  const store = await openMemoryStore()
  expect(await countUndone(store, [{ system: 'stripe' }])).toEqual([{ system: 'stripe', due: 0, dead: 0 }])
  expect(await lastReceivedAt(store, 'stripe')).toBeNull()
  expect(await oldestDue(store)).toEqual(new Map())
  expect(await pruneReceived(store, kept, now)).toEqual({ raw: 0, requests: 0 })
})

test('entries that are not done are counted by system and state, and the oldest due and the last request are known', async () => {
  const store = await openMemoryStore()
  const { entries } = await receive(store, 'stripe', daysAgo(3), { key: 'a', hints: [] })
  await store.write(tx => finishEntries(tx, entries, now))
  await receive(store, 'stripe', daysAgo(2), { key: 'b', hints: [] }, { key: 'c', unreadable: 'no' })
  await receive(store, 'asana', daysAgo(1), { key: 'b', hints: [] })
  expect(await countUndone(store, [{ system: 'stripe' }, { system: 'asana' }])).toEqual([
    { system: 'stripe', due: 1, dead: 1 },
    { system: 'asana', due: 1, dead: 0 },
  ])
  expect(await lastReceivedAt(store, 'stripe')).toEqual(daysAgo(2))
  expect((await oldestDue(store)).get('stripe')).toEqual(daysAgo(2))
})

test('after 30 days what a request held is forgotten and its key is not; after 400 days its key is too', async () => {
  const store = await openMemoryStore()
  for (const days of [401, 31, 29]) {
    const { entries } = await receive(store, 'stripe', daysAgo(days), { key: `${days}`, hints: [] })
    await store.write(tx => finishEntries(tx, entries, now))
  }
  expect(await pruneReceived(store, kept, now)).toEqual({ raw: 2, requests: 1 })
  expect(await pruneReceived(store, kept, now)).toEqual({ raw: 0, requests: 0 })
  const left = await store.read(db => db.selectFrom('received').select(['headers', 'body']).orderBy('id').execute())
  expect(left).toEqual([
    { headers: '{}', body: null },
    { headers: '{"a":"b"}', body: new Uint8Array(Buffer.from('x')) },
  ])
  expect(await receive(store, 'stripe', now, { key: '31', hints: [] })).toMatchObject({ duplicates: 1 })
  expect(await receive(store, 'stripe', now, { key: '401', hints: [] })).toMatchObject({ duplicates: 0 })
})

test('an entry that is still due keeps its hints when its request is forgotten', async () => {
  const store = await openMemoryStore()
  const record = { system: 'stripe', kind: 'invoice', id: 'in_1' }
  const hints = [{ kind: 'UPDATED' as const, record, at: null, fields: [] }]
  const { entries } = await receive(store, 'stripe', daysAgo(40), { key: 'done', hints })
  await store.write(tx => finishEntries(tx, entries, now))
  await receive(store, 'stripe', daysAgo(40), { key: 'due', hints })
  await pruneReceived(store, kept, now)
  const rows = await store.read(db => db.selectFrom('delivery_entries').select('hints').orderBy('key').execute())
  expect(rows.map(row => row.hints)).toEqual(['[]', JSON.stringify(hints)])
})
