import { expect, test } from 'vitest'
import { dismissDead } from '../../../gateway/store/dismissals.ts'
import { findDeliveries } from '../../../gateway/store/find-deliveries.ts'
import { storeReceived } from '../../../gateway/store/received.ts'
import { openMemoryStore } from './open-for-test.ts'

test('only what is dead is dismissed, however much at once, and keeps its reason', async () => {
  const store = await openMemoryStore()
  const receivedAt = new Date('2026-03-01T12:00:00Z')
  const entries = Array.from({ length: 500 }, (_, at) =>
    at % 2 === 0 ? { key: String(at), hints: [] } : { key: String(at), unreadable: 'no JSON' },
  )
  const request = { system: 'stripe', endpoint: '', url: '', headers: {}, body: Buffer.from('x'), receivedAt, entries }
  await storeReceived(store, request, 60_000, 'me')
  const all = Array.from({ length: 501 }, (_, at) => at + 1)
  const now = new Date('2026-03-02T12:00:00Z')
  const dead = (await findDeliveries(store, { state: 'dead' }, { limit: 1000 })).map(({ id }) => id).reverse()
  expect(dead).toHaveLength(250)
  expect(await dismissDead(store, all, now)).toEqual(dead)
  expect(await dismissDead(store, all, now)).toEqual([])
  const [one] = await findDeliveries(store, { ids: dead }, { limit: 1 })
  expect(one).toMatchObject({ state: 'dismissed', reason: 'no JSON', endedAt: now, dueAt: null })
  expect(await findDeliveries(store, { state: 'due' }, { limit: 1000 })).toHaveLength(250)
})
