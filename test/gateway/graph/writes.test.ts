import { GraphQLError } from 'graphql'
import { expect, test } from 'vitest'
import { openRecording, openWrites } from '../../../gateway/graph/writes.ts'
import type { WriteRun } from '../../../gateway/writes/run.ts'
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
    record: () => Promise.resolve(),
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

test('what was cached of a written record is gone before it is read and told', async () => {
  const happened: string[] = []
  const record = openRecording({
    evict: ({ id }) => void happened.push(`evict ${id}`),
    observe: ({ id }) => {
      happened.push(`observe ${id}`)
      return Promise.resolve(null)
    },
    append(records) {
      happened.push(`append ${records.map(({ written }) => written.record.id).join()}`)
      return Promise.resolve()
    },
  })
  const written = {
    kind: 'UPDATED',
    record: { system: 'hubspot', kind: 'contact', id: '1' },
    fields: ['phone'],
  } as const
  await record([written], false, () => Promise.resolve())
  expect(happened).toEqual(['evict 1', 'observe 1', 'append 1'])
})
