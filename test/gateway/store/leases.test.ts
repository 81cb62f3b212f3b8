import { expect, test } from 'vitest'
import { endAllLeases, holdLease, isHeld, takeLease } from '../../../gateway/store/leases.ts'
import { openMemoryStore } from './open-for-test.ts'

const start = new Date('2026-03-01T12:00:00Z')
const seconds = (count: number): Date => new Date(start.getTime() + count * 1_000)

test('a lease is one holder’s until it runs out; the holder may prolong it', async () => {
  const store = await openMemoryStore()
  const take = (holder: string, at: number) => takeLease(store, 'import stripe', holder, 10_000, seconds(at))
  expect([await take('a', 0), await take('b', 5), await take('a', 5), await take('b', 14)]).toEqual([
    true,
    false,
    true,
    false,
  ])
  expect(await take('b', 15)).toBe(true)
  expect(await take('a', 16)).toBe(false)
  expect(await takeLease(store, 'import asana', 'a', 10_000, seconds(16))).toBe(true)
})

test('of many who take it at once one has it', async () => {
  const store = await openMemoryStore()
  const holders = Array.from({ length: 10 }, (_, at) => `process ${at}`)
  const taken = await Promise.all(holders.map(holder => takeLease(store, 'import', holder, 10_000, start)))
  expect(taken.filter(Boolean)).toHaveLength(1)
})

test('what is held can be confirmed, is seen by others, and is free at its end', async () => {
  const store = await openMemoryStore()
  const lease = await holdLease(store, 'handshake', 'a')
  if (lease === null) throw new Error('nobody had it')
  expect(await holdLease(store, 'handshake', 'b')).toBeNull()
  await store.write(tx => lease.confirm(tx))
  expect(await store.read(db => isHeld(db, 'handshake', store.clock.now()))).toBe(true)
  await lease.end()
  expect(await store.read(db => isHeld(db, 'handshake', store.clock.now()))).toBe(false)
  const next = await holdLease(store, 'handshake', 'b')
  await next?.end()
  expect(next).not.toBeNull()
})

test('one that was taken over is lost: nothing can be confirmed by it', async () => {
  const store = await openMemoryStore()
  const lease = await holdLease(store, 'import', 'a')
  await endAllLeases(store)
  await takeLease(store, 'import', 'b', 10_000, store.clock.now())
  await expect(store.write(async tx => lease?.confirm(tx))).rejects.toThrow('taken over')
  expect(lease?.lost.aborted).toBe(true)
  await lease?.end()
  expect(await store.read(db => isHeld(db, 'import', store.clock.now(), 'b'))).toBe(true)
})
