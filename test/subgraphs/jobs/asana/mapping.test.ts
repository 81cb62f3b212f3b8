import { describe, expect, test } from 'vitest'
import { jobOf, observedOf } from '../../../../subgraphs/jobs/asana/mapping.ts'
import { readObservedTask, readTask } from '../../../../subgraphs/jobs/asana/records.ts'
import { textWith } from './matchers.ts'

const shape = { projects: ['99', '98'], customerField: '123', orderField: '124', statusField: null } as const

/** As Asana's reference shows it. */
const wire = {
  gid: '1201',
  resource_type: 'task',
  name: 'Install boiler',
  notes: '',
  completed: false,
  completed_at: null,
  due_on: '2026-02-01',
  due_at: null,
  start_on: null,
  start_at: null,
  created_at: '2026-01-01T00:00:00.000Z',
  modified_at: '2026-01-02T00:00:00.000Z',
  assignee: { gid: '7', resource_type: 'user', name: 'Sam' },
  memberships: [
    { project: { gid: '5' }, section: { gid: '51', name: 'Elsewhere' } },
    { project: { gid: '98' }, section: { gid: '981', name: 'Second' } },
    { project: { gid: '99' }, section: { gid: '991', name: 'Scheduled' } },
  ],
  custom_fields: [
    { gid: '123', text_value: ' cus_1 ', display_value: 'cus_1' },
    { gid: '124', text_value: '', display_value: '' },
    { gid: '125', enum_value: { gid: '1', name: 'On hold' }, display_value: 'On hold' },
    { gid: '126', display_value: '17' },
  ],
  permalink_url: 'https://app.asana.com/0/0/1201',
}

describe('a task', () => {
  test('is a job in the words of the graph', () => {
    expect(jobOf(readTask(wire), shape)).toEqual({
      id: '1201',
      record: { system: 'asana', kind: 'task', id: '1201' },
      title: 'Install boiler',
      status: 'Scheduled',
      isCompleted: false,
      description: null,
      schedule: { startsOn: null, startsAt: null, endsOn: '2026-02-01', endsAt: null },
      assignee: { id: '7', name: 'Sam' },
      url: 'https://app.asana.com/0/0/1201',
      createdAt: new Date('2026-01-01T00:00:00Z'),
      updatedAt: new Date('2026-01-02T00:00:00Z'),
      completedAt: null,
    })
  })

  test('names its customer and order by what somebody wrote, trimmed, and nothing where nothing was written', () => {
    const read = readObservedTask(wire)
    expect(observedOf(read, shape)?.parents).toEqual([{ entity: 'Customer', reference: 'cus_1' }])
    expect(observedOf(read, { ...shape, customerField: '126' })?.parents).toEqual([
      { entity: 'Customer', reference: '17' },
    ])
  })

  test('has the stage of the first configured project it stands in, or of the enum field', () => {
    const read = readObservedTask(wire)
    expect(observedOf(read, shape)?.status).toBe('Scheduled')
    expect(observedOf(read, { ...shape, projects: ['1', '98'] })?.status).toBe('Second')
    expect(observedOf(read, { ...shape, statusField: '125' })?.status).toBe('On hold')
  })

  test('in none of the configured projects is no job', () => {
    expect(observedOf(readObservedTask(wire), { ...shape, projects: ['1'] })).toBeNull()
  })

  test('with an address that is not of the web has none', () => {
    const read = readTask({ ...wire, permalink_url: 'javascript:alert(1)' })
    expect(jobOf(read, shape).url).toBeNull()
  })

  test('of which it cannot be told which one it is cannot be read', () => {
    expect(() => readTask({ ...wire, gid: '../1' })).toThrow(
      expect.objectContaining({ kind: 'unreadable', message: textWith('gid: ') }),
    )
  })

  test('with a __proto__ in it is read without harm', () => {
    const read = readTask(JSON.parse(`{"__proto__":{"polluted":true},${JSON.stringify(wire).slice(1)}`))
    expect(read.name).toBe('Install boiler')
    expect('polluted' in read).toBe(false)
    expect('polluted' in {}).toBe(false)
  })
})
