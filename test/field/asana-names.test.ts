import { describe, expect, test } from 'vitest'
import { asanaAccount, task, type AsanaAccount, type Raw } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'

const named = (gid: string, name: string): Raw => ({ gid, resource_type: 'section', name })
const happenedAt = '2026-03-01T10:00:00.000Z'

function account(more: Partial<AsanaAccount> = {}): AsanaAccount {
  const scheduled = named('10', 'Scheduled')
  const fields = ['123', '124'].map(gid => ({ gid, resource_type: 'custom_field', resource_subtype: 'text' }))
  return { project: '99', sections: [scheduled], fields, tasks: { 71: task('71', scheduled) }, ...more }
}

/** As Asana has it once the one section bears another name: tasks are otherwise as they were. */
function rename(of: AsanaAccount, name: string): void {
  const section = named('10', name)
  of.sections = [section]
  of.tasks = Object.fromEntries(Object.keys(of.tasks).map(gid => [gid, task(gid, section)]))
}

const ask = `{ job(id: "71") { status }
  old: jobs(filter: { status: ["Scheduled"] }) { totalCount nodes { id } }
  new: jobs(filter: { status: ["Booked in"] }) { totalCount nodes { id } } }`

const before = {
  job: { status: 'Scheduled' },
  old: { totalCount: 1, nodes: [{ id: '71' }] },
  new: { totalCount: 0, nodes: [] },
}
const after = {
  job: { status: 'Booked in' },
  old: { totalCount: 0, nodes: [] },
  new: { totalCount: 1, nodes: [{ id: '71' }] },
}

const renamed = {
  user: { gid: '7', resource_type: 'user' },
  created_at: happenedAt,
  action: 'changed',
  resource: { gid: '10', resource_type: 'section' },
  parent: null,
  change: { field: 'name', action: 'changed' },
}

describe('a section that is renamed', () => {
  test('is shown under its new name in values, filters and pushes once its webhook came', async () => {
    const asana = account()
    const world = await startFieldWorld({ asana: [asanaAccount(asana)] })
    expect(await world.gateway.connect('asana', () => undefined)).toBe('done')
    expect(asana.hook?.filters).toContainEqual({ resource_type: 'section', action: 'changed' })
    expect(await world.data(ask)).toEqual(before)
    const frames = world.subscribe('subscription { jobChanged(id: "71") { change { kind fields } job { status } } }')
    expect(await frames.next()).toMatchObject({ data: { jobChanged: { change: { kind: 'CURRENT' } } } })
    rename(asana, 'Booked in')
    expect(await world.tellAsana([renamed])).toBe(200)
    expect(await frames.next()).toMatchObject({
      data: { jobChanged: { change: { kind: 'UPDATED', fields: ['status'] }, job: { status: 'Booked in' } } },
    })
    expect(await world.data(ask)).toEqual(after)
    frames.end()
  })

  test('is found by the next sweep where no webhook tells, and told once', async () => {
    const asana = account()
    const world = await startFieldWorld({ asana: [asanaAccount(asana)] })
    expect(await world.data(ask)).toEqual(before)
    const frames = world.subscribe('subscription { jobChanged(id: "71") { change { kind fields } job { status } } }')
    await frames.next()
    rename(asana, 'Booked in')
    await world.sweep()
    expect(await frames.next()).toMatchObject({
      data: { jobChanged: { change: { kind: 'UPDATED', fields: ['status'] }, job: { status: 'Booked in' } } },
    })
    expect(await world.data(ask)).toEqual(after)
    await world.sweep()
    expect(frames.waiting).toEqual([])
    frames.end()
  })
})

test('a project that is deleted takes its jobs out of the lists, and the health of the system says why', async () => {
  const asana = account()
  const world = await startFieldWorld({ asana: [asanaAccount(asana)] })
  const jobs = '{ job(id: "71") { id } jobs { totalCount nodes { id } } }'
  expect(await world.data(jobs)).toEqual({ job: { id: '71' }, jobs: { totalCount: 1, nodes: [{ id: '71' }] } })
  const frames = world.subscribe('subscription { jobChanged { change { kind } } }')
  await frames.next()
  // What becomes of the tasks is not documented: here Asana goes on showing them.
  asana.isGone = true
  await world.sweep()
  expect(await frames.next()).toMatchObject({ data: { jobChanged: { change: { kind: 'DELETED' } } } })
  expect(await world.data(jobs)).toEqual({ job: null, jobs: { totalCount: 0, nodes: [] } })
  expect(await (await fetch(`${world.gateway.url}/health/ready`)).text()).toContain(
    'project 99 (ASANA_PROJECTS) cannot be found',
  )
  await world.sweep()
  expect(frames.waiting).toEqual([])

  asana.isGone = false
  await world.sweep()
  expect(await world.data(jobs)).toEqual({ job: { id: '71' }, jobs: { totalCount: 1, nodes: [{ id: '71' }] } })
  frames.end()
})

test('an enum option and a person that are renamed, of which no event tells, are found by the next sweep', async () => {
  const option = (name: string) => ({ gid: '5', name, enabled: false })
  const person = (name: string) => ({ gid: '7', resource_type: 'user', name })
  const field = (name: string) => ({ gid: '555', resource_subtype: 'enum', enum_options: [option(name)] })
  const fields = account().fields ?? []
  const job = (status: string, name: string) =>
    task('71', named('10', 'Any'), {
      assignee: person(name),
      custom_fields: [{ gid: '555', enum_value: option(status), display_value: status }],
    })
  const asana = account({
    fields: [...fields, field('Open')],
    users: [person('Sam')],
    tasks: { 71: job('Open', 'Sam') },
  })
  const world = await startFieldWorld({ asana: [asanaAccount(asana)], environment: { ASANA_STATUS: '555' } })
  const jobs = '{ jobs(filter: { status: ["Waiting"] }) { nodes { status assignee { id name } } } }'
  const frames = world.subscribe('subscription { jobChanged(id: "71") { change { fields } job { status } } }')
  await frames.next()
  asana.fields = [...fields, field('Waiting')]
  asana.users = [person('Samuel')]
  asana.tasks = { 71: job('Waiting', 'Samuel') }
  await world.sweep()
  expect(await world.data(jobs)).toEqual({
    jobs: { nodes: [{ status: 'Waiting', assignee: { id: '7', name: 'Samuel' } }] },
  })
  const told = [await frames.next(), ...frames.waiting]
  expect(JSON.stringify(told)).toContain('"status"')
  frames.end()
})
