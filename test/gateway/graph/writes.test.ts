import { GraphQLError } from 'graphql'
import { expect, test } from 'vitest'
import { openWrites, type WrittenRecord } from '../../../gateway/graph/writes.ts'
import { isEntityType } from '../../../schema/entities.ts'
import { ownership } from '../../../schema/ownership.ts'
import { roles, type RecordRef } from '../../../schema/systems.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

function world(fault?: Error) {
  const evicted: RecordRef[] = []
  const appended: WrittenRecord[] = []
  const writes = openWrites({
    evict: record => void evicted.push(record),
    observe: () => Promise.resolve(null),
    append(records) {
      if (fault !== undefined) return Promise.reject(fault)
      appended.push(...records)
      return Promise.resolve()
    },
    log: silent,
  })
  return { writes, evicted, appended }
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
