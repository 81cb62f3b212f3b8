import { GraphQLError } from 'graphql'
import { expect, test } from 'vitest'
import { openRecording, openWrites, type WrittenRecord } from '../../../gateway/graph/writes.ts'
import type { WriteRun } from '../../../gateway/writes/run.ts'
import type { ObservedRecord } from '../../../subgraphs/contract.ts'
import { isEntityType } from '../../../schema/entities.ts'
import { ownership } from '../../../schema/ownership.ts'
import { roles } from '../../../schema/systems.ts'
import { stepsInMemory } from '../../subgraphs/steps.ts'

function world() {
  const runs: WriteRun[] = []
  let told = 0
  const writes = openWrites({
    runner: {
      async run(run) {
        runs.push(run)
        const [first] = await run.send(stepsInMemory())
        return { type: run.intent.entity, id: first.record.id }
      },
    },
    resuming: null,
    record: () => () => Promise.resolve(),
    onWritten: () => (told += 1),
  })
  return { writes, runs, told: () => told }
}

const cases = Object.entries(ownership).flatMap(([name, { owner }]) =>
  roles.map(role => ({ name, owner, role, isAllowed: owner === role })),
)

test.each(cases)('$name is written through $role: $isAllowed', async ({ name, owner, role, isAllowed }) => {
  const [entity = '', field = ''] = name.split('.')
  if (!isEntityType(entity)) throw new Error('expected the name of an entity')
  const { writes, told } = world()
  let sent = 0
  const send = () => {
    sent += 1
    return Promise.resolve([
      { kind: 'UPDATED', record: { system: 'any', kind: 'row', id: '1' }, fields: [field] },
    ] as const)
  }
  const intent = { role, entity, id: '1', fields: [field], mutation: 'update', input: {} }
  const outcome = await writes.write(intent, send).catch((error: unknown) => error)
  if (isAllowed) {
    expect(outcome).toEqual({ type: entity, id: '1' })
    expect(told()).toBe(1)
    return
  }
  expect(outcome).toBeInstanceOf(GraphQLError)
  expect(outcome).toMatchObject({ extensions: { code: 'NOT_OWNER', owner, field: name, role } })
  expect(sent).toBe(0)
})

test('one foreign field among own ones refuses the whole write before anything is noted or sent', async () => {
  const { writes, runs } = world()
  const intent = {
    role: 'crm',
    entity: 'Customer',
    id: '1',
    fields: ['phone', 'balances'],
    mutation: 'update',
    input: {},
  }
  await expect(
    writes.write({ ...intent, role: 'crm', entity: 'Customer' }, () => {
      throw new Error('must not be sent')
    }),
  ).rejects.toMatchObject({ extensions: { code: 'NOT_OWNER', owner: 'billing' } })
  expect(runs).toEqual([])
})

interface Reading {
  /** What the system has when it is read again. */
  readonly reading?: () => ObservedRecord | null
  readonly onAppend?: () => void
}

/** Of records that were written, in the order of what happens to them. */
function recording({ reading = () => null, onAppend }: Reading = {}) {
  const happened: string[] = []
  const appended: WrittenRecord[] = []
  let moment = 0
  const lastBy = { us: 0, others: 0 }
  const record = openRecording({
    now: () => ({ moment: (moment += 1), atMs: 0 }),
    isOvertaken: (_record, since) => Math.max(lastBy.us, lastBy.others) > since.moment,
    evict({ id }) {
      happened.push(`evict ${id}`)
      lastBy.us = moment += 1
    },
    observe({ id }) {
      happened.push(`observe ${id}`)
      return Promise.resolve(reading())
    },
    append(records) {
      happened.push(`append ${records.map(({ written }) => written.record.id).join()}`)
      appended.push(...records)
      onAppend?.()
      return Promise.resolve()
    },
  })
  return { record, happened, appended, overtake: () => (lastBy.others = moment += 1) }
}

test('what was cached of a written record is gone before it is read and told', async () => {
  const { record, happened } = recording()
  const written = {
    kind: 'UPDATED',
    record: { system: 'hubspot', kind: 'contact', id: '1' },
    fields: ['phone'],
  } as const
  await record([written], false, () => Promise.resolve())
  expect(happened).toEqual(['evict 1', 'observe 1', 'append 1'])
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
const opened = { kind: 'UPDATED', record: order, fields: ['status'], observed: withStatus('OPEN') } as const

test('an answer that a webhook overtook is not recorded: the record is read again', async () => {
  const { record, appended, overtake } = recording({ reading: () => withStatus('PAID') })
  overtake()
  await record([opened], false, () => Promise.resolve())
  expect(appended.map(({ observed }) => observed?.status)).toEqual(['PAID'])
})

test('one that a webhook overtakes while it is recorded is followed by another reading, which tells only what is otherwise', async () => {
  let appends = 0
  const { record, appended, overtake } = recording({
    reading: () => withStatus('PAID'),
    onAppend() {
      appends += 1
      if (appends === 1) overtake()
    },
  })
  await record([opened], false, () => Promise.resolve())
  expect(appended.map(({ observed, isAgain }) => [observed?.status, isAgain])).toEqual([
    ['OPEN', false],
    ['PAID', true],
  ])
})
