import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countUndone, lastReceivedAt } from '../../../gateway/store/delivery-history.ts'
import { type NewReceived, storeReceived } from '../../../gateway/store/received.ts'
import type { Store } from '../../../gateway/store/store.ts'
import type { DeliveryEntry, Hint } from '../../../subgraphs/contract.ts'
import { openMemoryStore } from './open-for-test.ts'

const receivedAt = new Date('2026-03-01T12:00:00Z')
const leaseMs = 60_000

const hint: Hint = {
  kind: 'UPDATED',
  record: { system: 'stripe', kind: 'invoice', id: 'in_1' },
  at: receivedAt,
  fields: ['status'],
}

function request(...entries: DeliveryEntry[]): NewReceived {
  return {
    system: 'stripe',
    endpoint: '',
    url: 'https://graph.example.com/webhooks/stripe',
    headers: { 'stripe-signature': 't=1' },
    body: Buffer.from('{}'),
    receivedAt,
    entries,
  }
}

/** Counts the transactions that go through it. */
function counted(store: Store): { store: Store; writes: () => number } {
  let writes = 0
  return {
    store: {
      read: query => store.read(query),
      write: work => {
        writes++
        return store.write(work)
      },
      close: () => store.close(),
    },
    writes: () => writes,
  }
}

test('a request is stored as it came, its entries leased to the receiver in their first attempt', async () => {
  const store = await openMemoryStore()
  const stored = await storeReceived(store, request({ key: 'evt_1', hints: [hint] }), leaseMs, 'worker')
  expect(stored).toEqual({
    id: 1,
    entries: [
      {
        id: 1,
        receivedId: 1,
        system: 'stripe',
        key: 'evt_1',
        hints: [hint],
        worker: 'worker',
        attempts: 1,
        tries: 1,
        receivedAt,
      },
    ],
    duplicates: 0,
    unreadable: 0,
  })
  const raw = await store.read(db => db.selectFrom('received').selectAll().executeTakeFirstOrThrow())
  expect(raw).toMatchObject({ headers: '{"stripe-signature":"t=1"}', body: new Uint8Array(Buffer.from('{}')) })
})

test('an entry that nobody can read is dead at once, with the reason', async () => {
  const store = await openMemoryStore()
  const entries = [
    { key: 'a', unreadable: 'no object' },
    { key: 'b', hints: [] },
  ]
  const stored = await storeReceived(store, request(...entries), leaseMs, 'worker')
  expect(stored).toMatchObject({ entries: [{ key: 'b' }], duplicates: 0, unreadable: 1 })
  const dead = await store.read(db => db.selectFrom('delivery_entries').selectAll().where('key', '=', 'a').execute())
  expect(dead).toMatchObject([{ state: 'dead', error: 'no object', attempts: 0, ended_at: receivedAt.getTime() }])
})

test('the same key is one entry: within a request, in one group of requests, and later', async () => {
  const store = await openMemoryStore()
  const twice = request({ key: 'a', hints: [] }, { key: 'a', hints: [] })
  const [first, second] = await Promise.all([
    storeReceived(store, twice, leaseMs, 'worker'),
    storeReceived(store, request({ key: 'b', hints: [] }, { key: 'a', hints: [] }), leaseMs, 'worker'),
  ])
  expect(first).toMatchObject({ entries: [{ key: 'a' }], duplicates: 1 })
  expect(second).toMatchObject({ entries: [{ key: 'b' }], duplicates: 1 })
  expect(await storeReceived(store, twice, leaseMs, 'worker')).toMatchObject({ entries: [], duplicates: 2 })
  const elsewhere = { ...twice, system: 'hubspot' }
  expect(await storeReceived(store, elsewhere, leaseMs, 'worker')).toMatchObject({ duplicates: 1 })
})

test('a request that brings nothing new is heard of, and its bytes are not kept again, however often it comes', async () => {
  const store = await openMemoryStore()
  const again = (seconds: number) => ({
    ...request({ key: 'a', hints: [] }),
    receivedAt: new Date(receivedAt.getTime() + seconds * 1000),
  })
  for (const seconds of [0, 1, 2, 59, 61, 62, 120, 130]) await storeReceived(store, again(seconds), leaseMs, 'worker')
  await Promise.all([200, 201, 202].map(seconds => storeReceived(store, again(seconds), leaseMs, 'worker')))
  const rows = await store.read(db => db.selectFrom('received').select(['received_at', 'body']).orderBy('id').execute())
  expect(rows.map(row => [(row.received_at - receivedAt.getTime()) / 1000, row.body !== null])).toEqual([
    [0, true],
    [61, false],
    [130, false],
    [200, false],
  ])
  await storeReceived(
    store,
    { ...request({ key: 'b', hints: [] }), receivedAt: again(203).receivedAt },
    leaseMs,
    'worker',
  )
  expect(await lastReceivedAt(store, 'stripe')).toEqual(again(203).receivedAt)
})

test('requests of one moment share a transaction', async () => {
  const { store, writes } = counted(await openMemoryStore())
  const one = (key: number): Promise<unknown> =>
    storeReceived(store, request({ key: `${key}`, hints: [] }), leaseMs, 'w')
  await Promise.all(Array.from({ length: 300 }, (_, key) => one(key)))
  expect(writes()).toBe(1)
  await one(300)
  expect(writes()).toBe(2)
})

test('a request that cannot be stored does not take the others of its group with it', async () => {
  const store = await openMemoryStore()
  const hopeless = { ...request({ key: 'a', hints: [] }), receivedAt: new Date(Number.NaN) }
  const [failed, fine] = await Promise.allSettled([
    storeReceived(store, hopeless, leaseMs, 'worker'),
    storeReceived(store, request({ key: 'b', hints: [] }), leaseMs, 'worker'),
  ])
  expect(failed.status).toBe('rejected')
  expect(fine).toMatchObject({ status: 'fulfilled', value: { entries: [{ key: 'b' }] } })
})

test('when the store fails, every request of the group is told', async () => {
  const store = await openMemoryStore()
  const storing = Promise.allSettled(
    ['a', 'b'].map(key => storeReceived(store, request({ key, hints: [] }), leaseMs, 'worker')),
  )
  await store.close()
  for (const result of await storing)
    expect(result).toMatchObject({ status: 'rejected', reason: { name: 'StoreError', kind: 'closed' } })
})

test('whatever comes together and however often, each key is handed to exactly one receiver', async () => {
  const keys = fc.array(fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 4 }), { maxLength: 8 })
  const store = await openMemoryStore()
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.array(keys, { maxLength: 3 }), async rounds => {
      const system = `system ${run++}`
      const handed: string[] = []
      let duplicates = 0
      for (const round of rounds) {
        const requests = round.map(names => ({ ...request(...names.map(key => ({ key, hints: [] }))), system }))
        for (const stored of await Promise.all(requests.map(each => storeReceived(store, each, leaseMs, 'w')))) {
          handed.push(...stored.entries.map(entry => entry.key))
          duplicates += stored.duplicates
        }
      }
      const sent = rounds.flat(2)
      expect([...handed].sort()).toEqual([...new Set(sent)].sort())
      expect(handed.length + duplicates).toBe(sent.length)
      expect(await countUndone(store, [{ system }])).toEqual([{ system, due: handed.length, dead: 0 }])
    }),
    { numRuns: 50 },
  )
})

test('a request that nobody has room for is due at once, held by nobody and tried by nobody', async () => {
  const store = await openMemoryStore()
  await storeReceived(store, request({ key: 'a', hints: [hint] }), leaseMs, null)
  const row = await store.read(db => db.selectFrom('delivery_entries').selectAll().executeTakeFirstOrThrow())
  expect(row).toMatchObject({ attempts: 0, due_at: receivedAt.getTime(), lease_by: null })
})

test('the records that entries are about are written down, each once an entry', async () => {
  const store = await openMemoryStore()
  await storeReceived(store, request({ key: 'a', hints: [hint, hint] }, { key: 'b', hints: [] }), leaseMs, 'worker')
  const rows = await store.read(db => db.selectFrom('delivery_records').selectAll().execute())
  const { system, kind, id } = hint.record
  expect(rows).toEqual([{ entry_id: 1, record_key: `${system}:${kind}:${id}` }])
})
