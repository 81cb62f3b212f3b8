import { expect, test } from 'vitest'
import { StoreError } from '../../../gateway/store/store.ts'
import type { StoredEntry } from '../../../gateway/store/deliveries.ts'
import { DeliveryProcessor, type ProcessPorts } from '../../../gateway/webhooks/process.ts'
import type { Hint, ObservedRecord } from '../../../subgraphs/contract.ts'

const now = new Date('2026-06-01T09:00:00Z')

function entry(id: number, more: Partial<Hint> = {}): StoredEntry {
  const record = { system: 'hubspot', kind: 'contact', id: String(id) }
  const hints = [{ kind: 'UPDATED' as const, record, at: now, fields: [], ...more }]
  const held = { worker: 'me', attempts: 1, tries: 1, receivedAt: now }
  return { id, receivedId: id, system: 'hubspot', key: `k${id}`, hints, ...held }
}

/** Writes down which entries each transaction holds; `refuse` may fail one, or take its entries away. */
async function run(
  entries: readonly StoredEntry[],
  refuse: (ids: readonly number[]) => boolean = () => false,
  observe: ProcessPorts['observe'] = () => Promise.resolve(null),
) {
  const transactions: (readonly number[])[] = []
  const failed: number[] = []
  const ports: ProcessPorts = {
    claim: () => Promise.resolve([]),
    claimSuspects: () => Promise.resolve([]),
    isOut: () => false,
    deadlineMs: 300_000,
    renew: () => Promise.resolve(),
    evict: () => undefined,
    observe,
    apply(_observations, held) {
      const ids = held.map(({ entry: { id } }) => id)
      transactions.push(ids)
      return Promise.resolve(!refuse(ids))
    },
    fail: async ({ id }) => void failed.push(id),
    clock: { now: () => now },
    random: () => 0.5,
    log: { debug() {}, info() {}, warn() {}, error() {} },
  }
  const processor = new DeliveryProcessor(ports)
  for (const one of entries) processor.accept([one])
  await processor.idle()
  return { transactions, failed }
}

test('deliveries that are ready at one moment share a transaction', async () => {
  const { transactions } = await run([entry(1), entry(2), entry(3)])
  expect(transactions).toEqual([[1, 2, 3]])
})

test('one that cannot be applied fails alone, and the others of its transaction are applied', async () => {
  const { transactions, failed } = await run([entry(1), entry(2), entry(3)], ids => {
    if (ids.includes(2)) throw new TypeError('a bad row')
    return false
  })
  expect(transactions).toEqual([[1, 2, 3], [1], [2], [3]])
  expect(failed).toEqual([2])
})

test('one that somebody else took over keeps none of the others from being applied', async () => {
  const { transactions, failed } = await run([entry(1), entry(2)], ids => ids.includes(2))
  expect(transactions).toEqual([[1, 2], [1], [2]])
  expect(failed).toEqual([])
})

test('a store that fails is not asked again for each of them: all are tried later', async () => {
  const { transactions, failed } = await run([entry(1), entry(2)], () => {
    throw new StoreError('full', 'no space is left')
  })
  expect(transactions).toEqual([[1, 2]])
  expect(failed).toEqual([1, 2])
})

test('a merge shares its transaction with nobody: others may have been read before it', async () => {
  const into = (id: string) => ({ kind: 'DELETED' as const, mergedInto: { system: 'hubspot', kind: 'contact', id } })
  const winner = (id: string): ObservedRecord => ({
    record: { system: 'hubspot', kind: 'contact', id },
    parents: [],
    status: null,
    isClosed: null,
    createdAt: null,
    updatedAt: null,
    email: null,
    names: null,
  })
  const answers = new Map([
    ['1', winner('8')],
    ['2', winner('9')],
  ])
  const { transactions } = await run([entry(1, into('8')), entry(2, into('9'))], undefined, ({ id }) =>
    Promise.resolve(answers.get(id) ?? winner(id)),
  )
  expect(transactions).toEqual([[1], [2]])
})
