import { GraphQLError } from 'graphql'
import { expect, test } from 'vitest'
import { openWrites, type WrittenRecord } from '../../../gateway/graph/writes.ts'
import type { ObservedRecord } from '../../../subgraphs/contract.ts'
import { isEntityType } from '../../../schema/entities.ts'
import { ownership } from '../../../schema/ownership.ts'
import { roles, type RecordRef } from '../../../schema/systems.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

interface Reading {
  /** What the system has when it is read again. */
  readonly reading?: () => ObservedRecord | null
  readonly onAppend?: () => void
}

function world(fault?: Error, { reading = () => null, onAppend }: Reading = {}) {
  const evicted: RecordRef[] = []
  const appended: WrittenRecord[] = []
  const begin = (moment: number) => ({ moment, atMs: 0 })
  let moment = 0
  const lastBy = { us: 0, others: 0 }
  const writes = openWrites({
    now: () => begin((moment += 1)),
    isOvertaken: (_record, since) => Math.max(lastBy.us, lastBy.others) > since.moment,
    evict(record) {
      evicted.push(record)
      lastBy.us = moment += 1
    },
    observe: () => Promise.resolve(reading()),
    append(records) {
      if (fault !== undefined) return Promise.reject(fault)
      appended.push(...records)
      onAppend?.()
      return Promise.resolve()
    },
    log: silent,
  })
  return { writes, evicted, appended, overtake: () => (lastBy.others = moment += 1) }
}

const cases = Object.entries(ownership).flatMap(([name, { owner }]) =>
  roles.map(role => ({ name, owner, role, isAllowed: owner === role })),
)

test.each(cases)('$name is written through $role: $isAllowed', async ({ name, owner, role, isAllowed }) => {
  const [entity = '', field = ''] = name.split('.')
  if (!isEntityType(entity)) throw new Error('expected the name of an entity')
  const { writes, appended } = world()
  let sent = 0
  const send = () => {
    sent += 1
    return Promise.resolve([
      { kind: 'UPDATED', record: { system: 'any', kind: 'row', id: '1' }, fields: [field] },
    ] as const)
  }
  const outcome = await writes.write({ role, entity, id: '1', fields: [field] }, send).catch((error: unknown) => error)
  if (isAllowed) {
    expect(outcome).toEqual({ type: entity, id: '1' })
    expect(appended).toHaveLength(1)
    return
  }
  expect(outcome).toBeInstanceOf(GraphQLError)
  expect(outcome).toMatchObject({ extensions: { code: 'NOT_OWNER', owner, field: name, role } })
  expect(sent).toBe(0)
})

test('one foreign field among own ones refuses the whole write before anything is sent', async () => {
  const { writes } = world()
  const write = writes.write({ role: 'crm', entity: 'Customer', id: '1', fields: ['phone', 'balances'] }, () => {
    throw new Error('must not be sent')
  })
  await expect(write).rejects.toMatchObject({ extensions: { code: 'NOT_OWNER', owner: 'billing' } })
})

test('a write that reached its system but not the store says so, and what was cached is gone', async () => {
  const { writes, evicted } = world(new Error('disk full'))
  const record = { system: 'hubspot', kind: 'contact', id: '1' }
  const write = writes.write({ role: 'crm', entity: 'Customer', id: '1', fields: ['phone'] }, () =>
    Promise.resolve([{ kind: 'UPDATED', record, fields: ['phone'] }] as const),
  )
  await expect(write).rejects.toMatchObject({ extensions: { code: 'WRITTEN_NOT_RECORDED' } })
  expect(evicted).toEqual([record])
})

const order = { system: 'stripe', kind: 'invoice', id: '1' }
const withStatus = (status: string): ObservedRecord => ({
  record: order,
  parents: [],
  status,
  isClosed: null,
  createdAt: null,
  updatedAt: null,
  email: null,
  names: null,
})
const intent = { role: 'billing', entity: 'Order', id: '1', fields: ['status'] } as const

test('an answer that a webhook overtook is not recorded: the record is read again', async () => {
  const { writes, appended, overtake } = world(undefined, { reading: () => withStatus('PAID') })
  await writes.write(intent, () => {
    overtake()
    return Promise.resolve([
      { kind: 'UPDATED', record: order, fields: ['status'], observed: withStatus('OPEN') },
    ] as const)
  })
  expect(appended.map(({ observed }) => observed?.status)).toEqual(['PAID'])
})

test('one that a webhook overtakes while it is recorded is followed by another reading, which tells only what is otherwise', async () => {
  let appends = 0
  const { writes, appended, overtake } = world(undefined, {
    reading: () => withStatus('PAID'),
    onAppend() {
      appends += 1
      if (appends === 1) overtake()
    },
  })
  await writes.write(intent, () =>
    Promise.resolve([{ kind: 'UPDATED', record: order, fields: ['status'], observed: withStatus('OPEN') }] as const),
  )
  expect(appended.map(({ observed, isAgain }) => [observed?.status, isAgain])).toEqual([
    ['OPEN', false],
    ['PAID', true],
  ])
})
