import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jobOf, observedOf } from '../../../../subgraphs/jobs/asana/mapping.ts'
import {
  customFieldSettings,
  namedRecords,
  readObservedTask,
  readTask,
} from '../../../../subgraphs/jobs/asana/records.ts'
import { understoodIn, valueOrNull } from '../../../../subgraphs/lenient.ts'
import { damaged } from '../../damage.ts'

const shape = { projects: ['99'], customerField: '123', orderField: '124', statusField: null } as const

/** As Asana's reference shows it, complete. */
const wire = {
  gid: '1201',
  resource_type: 'task',
  resource_subtype: 'default_task',
  name: 'Install boiler',
  notes: 'In the cellar',
  completed: true,
  completed_at: '2026-02-01T10:00:00.000Z',
  due_on: '2026-02-02',
  due_at: '2026-02-01T23:30:00.000Z',
  start_on: '2026-02-01',
  start_at: '2026-02-01T08:00:00.000Z',
  created_at: '2026-01-01T00:00:00.000Z',
  modified_at: '2026-01-02T00:00:00.000Z',
  assignee: { gid: '7', resource_type: 'user', name: 'Sam' },
  projects: [{ gid: '99', resource_type: 'project', name: 'Jobs' }],
  memberships: [{ project: { gid: '99' }, section: { gid: '991', name: 'Scheduled' } }],
  custom_fields: [
    { gid: '123', text_value: 'cus_1', display_value: 'cus_1' },
    { gid: '124', text_value: 'in_1', display_value: 'in_1' },
    { gid: '125', enum_value: { gid: '1', name: 'On hold' }, display_value: 'On hold' },
  ],
  permalink_url: 'https://app.asana.com/0/0/1201',
}

/** What each field of a task shows in. */
const showsIn: ReadonlyMap<string, readonly string[]> = new Map([
  ['name', ['title']],
  ['notes', ['description']],
  ['completed', ['isCompleted']],
  ['completed_at', ['completedAt']],
  ['due_on', ['endsOn']],
  ['due_at', ['endsAt']],
  ['start_on', ['startsOn']],
  ['start_at', ['startsAt']],
  ['created_at', ['createdAt']],
  ['modified_at', ['updatedAt']],
  ['assignee', ['assignee']],
  ['memberships', ['status']],
  ['permalink_url', ['url']],
])

function fieldsOf(task: unknown): Readonly<Record<string, unknown>> {
  const { schedule, ...job } = jobOf(readTask(task), shape)
  return { ...job, ...valueOrNull(schedule) }
}

test('a field of a task that is not as documented costs no other field of the job', () => {
  const whole = fieldsOf(wire)
  fc.assert(
    fc.property(
      damaged(wire, path => path.length === 1 && path[0] === 'gid'),
      ({ path, record }) => {
        const lost = new Set(showsIn.get(String(path[0])))
        const job = fieldsOf(record)
        for (const [name, value] of Object.entries(whole)) if (!lost.has(name)) expect(job[name]).toEqual(value)
      },
    ),
    { numRuns: 2000 },
  )
})

test('nor anything else that the index keeps: where it cannot be told what a task belongs to, it is not said', () => {
  const whole = observedOf(readObservedTask(wire), shape)
  fc.assert(
    fc.property(
      damaged(wire, path => (path.length === 1 && path[0] === 'gid') || path[0] === 'memberships'),
      ({ path, record }) => {
        const observed = observedOf(readObservedTask(record), shape)
        expect(observed?.status).toBe(whole?.status)
        if (path[0] !== 'custom_fields') expect(observed?.parents).toEqual(whole?.parents)
        if (path[0] !== 'modified_at') expect(observed?.updatedAt).toEqual(whole?.updatedAt)
        if (path[0] !== 'assignee') expect(observed?.values?.assigneeId).toBe('7')
      },
    ),
    { numRuns: 2000 },
  )
  const custom_fields = [{ gid: '123', text_value: 5 }]
  expect(observedOf(readObservedTask({ ...wire, custom_fields }), shape)?.parents).toBeNull()
})

test('a task of which it is not understood where it stands stays the job it was', () => {
  for (const memberships of [5, [{ project: 7 }], [null], undefined])
    expect(observedOf(readObservedTask({ ...wire, memberships }), shape)).not.toBeNull()
  expect(observedOf(readObservedTask({ ...wire, memberships: [] }), shape)).toBeNull()
})

test('a section, a person or a custom field that is not as documented costs no other one of its list', () => {
  const lists = [
    { schema: namedRecords, row: (gid: string) => ({ gid, resource_type: 'section', name: `Stage ${gid}` }) },
    {
      schema: customFieldSettings,
      row: (gid: string) => ({
        custom_field: { gid, resource_subtype: 'enum', enum_options: [{ gid: '1', name: 'A', enabled: true }] },
      }),
    },
  ]
  for (const { schema, row } of lists) {
    const read = (rows: readonly unknown[]): readonly unknown[] =>
      understoodIn<unknown>(schema.parse({ data: rows }).data)
    fc.assert(
      fc.property(
        damaged([row('1')], () => false),
        ({ record }) => {
          const rows = [row('2'), ...(Array.isArray(record) ? record : [record]), row('3')]
          expect(read(rows)).toEqual(expect.arrayContaining([...read([row('2'), row('3')])]))
        },
      ),
      { numRuns: 500 },
    )
  }
})

test('names that are null, missing or empty are the gid; other types are said to be wrong', () => {
  const statusOf = (section: unknown) =>
    jobOf(readTask({ ...wire, memberships: [{ project: { gid: '99' }, section }] }), shape).status
  expect(statusOf({ gid: '991', name: null })).toBe('991')
  expect(statusOf({ gid: '991' })).toBe('991')
  expect(statusOf({ gid: '991', name: '  ' })).toBe('991')
  expect(statusOf(null)).toBeNull()
  expect(statusOf({ gid: '991', name: 5 })).toMatchObject({ kind: 'unreadable' })
  expect(statusOf({ gid: 991, name: 'Scheduled' })).toMatchObject({ kind: 'unreadable' })
})

test('a task in several projects, and subtasks, have the stage of our project or none', () => {
  const elsewhere = { project: { gid: '5' }, section: { gid: '51', name: 'Elsewhere' } }
  const ours = { project: { gid: '99' }, section: { gid: '991', name: 'Scheduled' } }
  const of = (memberships: readonly unknown[]) => observedOf(readObservedTask({ ...wire, memberships }), shape)
  expect(of([elsewhere, ours])?.status).toBe('Scheduled')
  expect(of([elsewhere])).toBeNull()
  // A subtask stands in no project.
  expect(observedOf(readObservedTask({ ...wire, parent: { gid: '1' }, memberships: [] }), shape)).toBeNull()
})

test('a day is never made out of an instant', () => {
  const job = jobOf(readTask({ ...wire, due_on: undefined, start_on: undefined }), shape)
  expect(job.schedule).toEqual({
    startsOn: null,
    startsAt: new Date('2026-02-01T08:00:00Z'),
    endsOn: null,
    endsAt: new Date('2026-02-01T23:30:00Z'),
  })
  // Beside an instant the day is the one that Asana says.
  expect(jobOf(readTask(wire), shape).schedule).toMatchObject({ endsOn: '2026-02-02' })
})
