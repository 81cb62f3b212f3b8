import { expect, test } from 'vitest'
import { asanaAccount, task, type AsanaAccount, type Raw } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'

const section = (gid: string, name: string): Raw => ({ gid, resource_type: 'section', name })
const fields = ['123', '124'].map(gid => ({ gid, resource_type: 'custom_field', resource_subtype: 'text' }))
const at = '2026-03-01T10:00:00.000Z'
const dead = '{ systems { system deadEntries } }'

function account(more: Partial<AsanaAccount> = {}): AsanaAccount {
  const sections = [section('10', 'Scheduled'), section('11', 'Done')]
  return { project: '99', sections, fields, tasks: { 71: task('71', section('10', 'Scheduled')) }, ...more }
}

test('a move of which only the story tells is seen', async () => {
  const asana = account()
  const world = await startFieldWorld({ asana: [asanaAccount(asana)] })
  await world.gateway.connect('asana', () => undefined)
  asana.tasks = { 71: task('71', section('11', 'Done')) }
  await world.tellAsana([
    {
      created_at: at,
      action: 'added',
      resource: { gid: '501', resource_type: 'story', resource_subtype: 'section_changed' },
      parent: { gid: '71', resource_type: 'task', resource_subtype: 'default_task' },
    },
  ])
  expect(await world.data('{ jobs(filter: { status: ["Done"] }) { totalCount } }')).toEqual({ jobs: { totalCount: 1 } })
})

test('what is ours in a form not understood is dead with a reason; what is not ours is passed over', async () => {
  const world = await startFieldWorld({ asana: [asanaAccount(account())] })
  await world.gateway.connect('asana', () => undefined)
  const event = (resource: Raw, more: Raw = {}) => ({
    created_at: at,
    action: 'changed',
    parent: null,
    resource,
    ...more,
  })
  await world.tellAsana([
    event({ gid: 'not-a-gid', resource_type: 'task' }),
    event({ gid: 'x', resource_type: 'section' }),
    event({ gid: '1', resource_type: 'story', resource_subtype: 'section_changed' }),
    event({ gid: '1', resource_type: 'story', resource_subtype: 'comment_added' }),
    event({ gid: '1', resource_type: 'goal' }),
    // What changed is not understood: the task is read again.
    event({ gid: '71', resource_type: 'task' }, { change: 'name' }),
  ])
  expect(await world.data(dead)).toMatchObject({
    systems: expect.arrayContaining([expect.objectContaining({ system: 'asana', deadEntries: 3 })]),
  })
})

test('thousands of tasks in a section follow its new name without a call for each, and webhooks are not kept waiting', async () => {
  const count = 3000
  const inSection = (name: string) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, at) => [String(1000 + at), task(String(1000 + at), section('10', name))]),
    )
  const asana = account({ tasks: { ...inSection('Scheduled'), 71: task('71', section('11', 'Done')) } })
  const world = await startFieldWorld({ asana: [asanaAccount(asana)] })
  await world.gateway.connect('asana', () => undefined)
  const frames = world.subscribe('subscription { jobChanged(id: "71") { change { fields } job { title } } }')
  await frames.next()
  asana.sections = [section('10', 'Booked in'), section('11', 'Done')]
  asana.tasks = { ...inSection('Booked in'), 71: task('71', section('11', 'Done'), { name: 'Another' }) }
  const before = world.asana.requests.length
  const renaming = world.tellAsana([
    {
      created_at: at,
      action: 'changed',
      resource: { gid: '10', resource_type: 'section' },
      change: { field: 'name', action: 'changed' },
    },
  ])
  const startedAt = performance.now()
  void world.tellAsana([
    {
      created_at: at,
      action: 'changed',
      resource: { gid: '71', resource_type: 'task' },
      change: { field: 'name', action: 'changed' },
    },
  ])
  await frames.next()
  const waitedMs = performance.now() - startedAt
  await renaming
  const lists =
    '{ old: jobs(filter: { status: ["Scheduled"] }) { totalCount } new: jobs(filter: { status: ["Booked in"] }) { totalCount } }'
  expect(await world.data(lists)).toEqual({ old: { totalCount: 0 }, new: { totalCount: count } })
  // The section, and the one task.
  expect(world.asana.requests.length - before).toBeLessThan(10)
  expect(waitedMs).toBeLessThan(10_000)
  frames.end()
})
