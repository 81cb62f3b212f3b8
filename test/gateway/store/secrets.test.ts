import { expect, test } from 'vitest'
import { holdLease } from '../../../gateway/store/leases.ts'
import {
  addSecret,
  addUnconfirmedSecret,
  listSecrets,
  listUnconfirmedSecrets,
  replaceSecrets,
} from '../../../gateway/store/secrets.ts'
import { openMemoryStore } from './open-for-test.ts'

const now = new Date('2026-03-01T12:00:00Z')

test('the two newest secrets of an endpoint are kept, newest first, whatever other endpoints hold', async () => {
  const store = await openMemoryStore()
  expect(await listSecrets(store, 'asana', 'p1')).toEqual([])
  for (const secret of ['one', 'two', 'three']) await addSecret(store, { system: 'asana', endpoint: 'p1', secret }, now)
  await addSecret(store, { system: 'asana', endpoint: 'p2', secret: 'other' }, now)
  await addSecret(store, { system: 'stripe', endpoint: 'p1', secret: 'elsewhere' }, now)
  expect(await listSecrets(store, 'asana', 'p1')).toEqual(['three', 'two'])
  expect(await listSecrets(store, 'asana', 'p2')).toEqual(['other'])
})

test('a secret that is stored again is the newest and pushes none out', async () => {
  const store = await openMemoryStore()
  for (const secret of ['one', 'two', 'one']) await addSecret(store, { system: 'asana', endpoint: 'p1', secret }, now)
  expect(await listSecrets(store, 'asana', 'p1')).toEqual(['one', 'two'])
})

test('one that a handshake brings is taken only while one is awaited, and the confirmed one ends all others', async () => {
  const store = await openMemoryStore()
  const add = (secret: string) =>
    addUnconfirmedSecret(store, { system: 'asana', endpoint: 'p1', secret, whileHeld: 'handshake' }, store.clock.now())
  expect(await add('early')).toBe(false)
  const lease = await holdLease(store, 'handshake', 'me')
  expect([await add('genuine'), await add('forged'), await add('more')]).toEqual([true, true, true])
  await lease?.end()
  expect(await add('late')).toBe(false)
  expect(await listUnconfirmedSecrets(store, 'asana', 'p1')).toEqual(['more', 'forged'])
  expect(await listSecrets(store, 'asana', 'p1')).toEqual([])
  await replaceSecrets(store, 'asana', 'p1', 'genuine', now)
  expect(await listSecrets(store, 'asana', 'p1')).toEqual(['genuine'])
  expect(await listUnconfirmedSecrets(store, 'asana', 'p1')).toEqual([])
})
