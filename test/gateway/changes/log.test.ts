import { expect, test } from 'vitest'
import {
  appendChanges,
  changesAfter,
  newestSequence,
  oldestSequence,
  prune,
  reaches,
} from '../../../gateway/changes/log.ts'
import type { Store } from '../../../gateway/store/store.ts'
import type { Change, NewChange } from '../../../schema/change.ts'
import { openMemoryStore } from '../store/open-for-test.ts'

const at = new Date('2026-03-01T12:00:00Z')

const updated: NewChange = {
  kind: 'UPDATED',
  record: { system: 'stripe', kind: 'invoice', id: 'in_1' },
  entity: { type: 'Order', id: 'in_1' },
  fields: ['status', 'total'],
  parentsBefore: [{ type: 'Customer', id: '101' }],
  parentsAfter: [],
  statusBefore: 'OPEN',
  statusAfter: null,
  at,
}

function append(store: Store, count: number, recordedAt = at): Promise<Change[]> {
  const changes = Array.from({ length: count }, (_, index) => ({
    ...updated,
    record: { ...updated.record, id: `in_${index}` },
  }))
  return store.write(tx => appendChanges(tx, changes, recordedAt))
}

const sequences = (changes: readonly Change[]): number[] => changes.map(change => change.sequence)

test('a Change comes back as it was appended, with its sequence', async () => {
  const store = await openMemoryStore()
  const birth: NewChange = { ...updated, kind: 'CREATED', entity: null, fields: [] }
  const appended = await store.write(tx => appendChanges(tx, [updated, birth], new Date(at.getTime() + 5)))
  expect(appended).toEqual([
    { ...updated, sequence: 1, recordedAt: new Date(at.getTime() + 5) },
    { ...birth, sequence: 2, recordedAt: new Date(at.getTime() + 5) },
  ])
  expect(await changesAfter(store, 0, 10)).toEqual(appended)
})

test('many Changes keep their order, and pages follow each other', async () => {
  const store = await openMemoryStore()
  const appended = await append(store, 1_001)
  expect(appended.every((change, index) => change.record.id === `in_${index}`)).toBe(true)
  expect(await changesAfter(store, 0, 600)).toEqual(appended.slice(0, 600))
  expect(await changesAfter(store, 600, 600)).toEqual(appended.slice(600))
  expect(await changesAfter(store, 1_001, 600)).toEqual([])
})

test('a transaction that was rolled back leaves no hole in the sequences', async () => {
  const store = await openMemoryStore()
  await append(store, 2)
  await expect(
    store.write(async tx => {
      await appendChanges(tx, [updated], at)
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  expect(sequences(await append(store, 2))).toEqual([3, 4])
})

test('the log knows how far back it reaches', async () => {
  const store = await openMemoryStore()
  expect([await newestSequence(store), await oldestSequence(store)]).toEqual([0, null])
  expect([await reaches(store, 0), await reaches(store, 7)]).toEqual([true, false])
  await append(store, 10, new Date(at.getTime() - 1_000))
  await append(store, 5)
  expect(await prune(store, at)).toBe(10)
  expect([await newestSequence(store), await oldestSequence(store)]).toEqual([15, 11])
  const reached = await Promise.all([9, 10, 15, 16].map(sequence => reaches(store, sequence)))
  expect(reached).toEqual([false, true, true, false])
})

test('the newest Change is never forgotten, so sequences go on from it', async () => {
  const store = await openMemoryStore()
  await append(store, 6_000)
  expect(await prune(store, new Date(at.getTime() + 1))).toBe(5_999)
  expect([await newestSequence(store), await oldestSequence(store)]).toEqual([6_000, 6_000])
  expect(sequences(await append(store, 1))).toEqual([6_001])
})

test('a clock that jumped makes no hole: what follows a kept Change is kept', async () => {
  const store = await openMemoryStore()
  await append(store, 2, new Date(at.getTime() - 10))
  await append(store, 1, at)
  await append(store, 2, new Date(at.getTime() - 10))
  expect(await prune(store, at)).toBe(2)
  expect(sequences(await changesAfter(store, 0, 10))).toEqual([3, 4, 5])
})

test('a row that was spoilt is named without what stands in it', async () => {
  const store = await openMemoryStore()
  await append(store, 1)
  await store.write(tx => tx.updateTable('changes').set({ parents_after: '[{"type":"secret"}]' }).execute())
  const reading = changesAfter(store, 0, 10)
  await expect(reading).rejects.toThrow('changes.parents_after does not hold what was written there')
  await expect(reading).rejects.not.toThrow('secret')
})
