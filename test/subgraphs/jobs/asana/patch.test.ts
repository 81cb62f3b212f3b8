import { describe, expect, test } from 'vitest'
import { fieldsOf, taskDataOf } from '../../../../subgraphs/jobs/asana/patch.ts'
import { readTask, type Task } from '../../../../subgraphs/jobs/asana/records.ts'
import { textWith } from './matchers.ts'

const shape = { projects: ['99'], customerField: '123', orderField: null, statusField: null } as const
const noon = new Date('2026-03-01T12:00:00Z')
const evening = new Date('2026-03-01T18:00:00Z')

function taskWith(dates: object): Task {
  const instant = '2026-01-01T00:00:00Z'
  return readTask({ gid: '1', completed: false, created_at: instant, modified_at: instant, memberships: [], ...dates })
}

describe('a schedule', () => {
  const both = taskWith({ start_on: '2026-03-01', due_on: '2026-03-05' })
  const timed = taskWith({
    start_on: '2026-03-01',
    start_at: noon.toISOString(),
    due_on: '2026-03-01',
    due_at: evening.toISOString(),
  })

  test.each([
    ['days', { startsOn: '2026-03-01', endsOn: '2026-03-02' }, null, { start_on: '2026-03-01', due_on: '2026-03-02' }],
    [
      'instants',
      { startsAt: noon, endsAt: evening },
      null,
      { start_at: noon.toISOString(), due_at: evening.toISOString() },
    ],
    ['an end alone', { endsOn: '2026-03-02' }, null, { due_on: '2026-03-02' }],
    [
      'a start beside the end there is',
      { startsOn: '2026-03-02' },
      both,
      { start_on: '2026-03-02', due_on: '2026-03-05' },
    ],
    [
      'an end beside the start there is',
      { endsOn: '2026-03-06' },
      both,
      { start_on: '2026-03-01', due_on: '2026-03-06' },
    ],
    ['an emptied start', { startsOn: null }, both, { start_on: null, due_on: '2026-03-05' }],
    ['null', null, both, { start_on: null, due_on: null }],
    [
      'a day before an instant',
      { startsOn: '2026-02-27' },
      timed,
      { start_on: '2026-02-27', due_at: evening.toISOString() },
    ],
    ['no end spoken of', {}, both, {}],
  ])('of %s is sent as Asana takes it', (_, schedule, before, expected) => {
    expect(taskDataOf({ schedule }, before, shape)).toEqual(expected)
  })

  test.each([
    ['a start without an end', { startsOn: '2026-03-01' }, null],
    ['an end emptied below a start', { endsOn: null }, both],
    ['a start with a time beside a day', { startsAt: noon }, both],
    ['an end without a time beside a start with one', { endsOn: '2026-03-05' }, timed],
  ])('of %s is refused with what is wrong', (_, schedule, before) => {
    expect(() => taskDataOf({ schedule }, before, shape)).toThrow(
      expect.objectContaining({ kind: 'rejected', inputFault: textWith('schedule: ') }),
    )
  })
})

test('fields left out are not sent, null empties', () => {
  expect(taskDataOf({ title: 'A', description: null, assigneeId: null, customerId: '101' }, null, shape)).toEqual({
    name: 'A',
    notes: '',
    assignee: null,
    custom_fields: { 123: '101' },
  })
  expect(taskDataOf({ title: undefined }, null, shape)).toEqual({})
})

test('an assignee that is no id, and an order where no field is set up, are refused', () => {
  const refusal = (field: string): unknown => expect.objectContaining({ inputFault: textWith(field) })
  expect(() => taskDataOf({ assigneeId: 'me' }, null, shape)).toThrow(refusal('assigneeId'))
  expect(() => taskDataOf({ orderId: 'in_1' }, null, shape)).toThrow(refusal('orderId'))
})

test("a patch names the Job's fields it writes", () => {
  expect(fieldsOf({ title: 'A', customerId: null, orderId: undefined })).toEqual(['title', 'customer'])
})
