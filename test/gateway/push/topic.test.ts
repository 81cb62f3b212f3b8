import { expect, test } from 'vitest'
import type { Topic } from '../../../gateway/graph/subscription.ts'
import { viewOf } from '../../../gateway/push/topic.ts'
import type { Change } from '../../../schema/change.ts'

const change = (more: Partial<Change>): Change => ({
  sequence: 1,
  kind: 'UPDATED',
  record: { system: 'hubspot', kind: 'contact', id: '101' },
  entity: { type: 'Customer', id: '101' },
  fields: [],
  parentsBefore: [],
  parentsAfter: [],
  statusBefore: null,
  statusAfter: null,
  at: new Date(0),
  recordedAt: new Date(0),
  ...more,
})

const feedOf = (...fields: readonly string[]): Topic => ({ kind: 'feed', entities: null, systems: null, fields })

test.each([
  ['names the field', { fields: ['phone'] }, true],
  ['names another field', { fields: ['name'] }, false],
  ['names none, so that it may be any', {}, true],
  ['is of another type', { entity: { type: 'Order', id: 'in_1' } }, false],
] as const)('a feed of one field of one type: a Change that %s', (_, more, isTold) => {
  expect(viewOf(feedOf('Customer.phone'), change(more), true) !== null).toBe(isTold)
})

test('a feed of a field without its type: a Change that names no field passes only where the type has it', () => {
  expect(viewOf(feedOf('phone'), change({}), true)).not.toBeNull()
  expect(viewOf(feedOf('phone'), change({ entity: { type: 'Order', id: 'in_1' } }), true)).toBeNull()
})

test('a feed of when entities changed gets every Change of their own records, whatever it names', () => {
  expect(viewOf(feedOf('Customer.updatedAt'), change({ fields: ['phone'] }), true)).not.toBeNull()
  expect(viewOf(feedOf('Customer.updatedAt'), change({ fields: ['balances'] }), false)).toBeNull()
})
