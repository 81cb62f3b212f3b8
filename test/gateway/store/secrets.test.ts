import { expect, test } from 'vitest'
import { addSecret, listSecrets } from '../../../gateway/store/secrets.ts'
import { openMemoryStore } from './open-for-test.ts'

const now = new Date('2026-03-01T12:00:00Z')

test('the two newest secrets of an endpoint are kept, newest first, whatever other endpoints hold', async () => {
  const store = await openMemoryStore()
  expect(await listSecrets(store, 'asana', 'p1')).toEqual([])
  for (const secret of ['one', 'two', 'three']) await addSecret(store, 'asana', 'p1', secret, now)
  await addSecret(store, 'asana', 'p2', 'other', now)
  await addSecret(store, 'stripe', 'p1', 'elsewhere', now)
  expect(await listSecrets(store, 'asana', 'p1')).toEqual(['three', 'two'])
  expect(await listSecrets(store, 'asana', 'p2')).toEqual(['other'])
})

test('a secret that is stored again is the newest and pushes none out', async () => {
  const store = await openMemoryStore()
  for (const secret of ['one', 'two', 'one']) await addSecret(store, 'asana', 'p1', secret, now)
  expect(await listSecrets(store, 'asana', 'p1')).toEqual(['one', 'two'])
})
