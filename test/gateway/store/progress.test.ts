import { expect, test } from 'vitest'
import { type ImportProgress, listProgress, readProgress, writeProgress } from '../../../gateway/store/progress.ts'
import { openMemoryStore } from './open-for-test.ts'

const at = new Date('2026-03-01T12:00:00Z')

const running: ImportProgress = {
  system: 'stripe',
  kind: 'invoice',
  run: 1,
  settings: '{"projects":["99"]}',
  state: 'running',
  cursor: 'in_9',
  imported: 100,
  total: null,
  startedAt: at,
  updatedAt: at,
  completedAt: null,
}

test('progress is set whole and read back, by system and kind', async () => {
  const store = await openMemoryStore()
  expect(await store.read(db => readProgress(db, 'stripe', 'invoice'))).toBeNull()
  await store.write(tx => writeProgress(tx, running))
  expect(await store.read(db => readProgress(db, 'stripe', 'invoice'))).toEqual(running)
  const done: ImportProgress = { ...running, state: 'done', cursor: null, total: 120, imported: 120, completedAt: at }
  await store.write(async tx => {
    await writeProgress(tx, done)
    await writeProgress(tx, { ...running, system: 'asana', kind: 'task' })
    expect(await readProgress(tx, 'stripe', 'invoice')).toEqual(done)
  })
  expect(await store.read(listProgress)).toEqual([{ ...running, system: 'asana', kind: 'task' }, done])
})
