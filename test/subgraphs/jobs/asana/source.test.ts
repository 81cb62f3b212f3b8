import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { ObservedRecord } from '../../../../subgraphs/contract.ts'
import { startAsana } from '../../../simulators/asana/simulator.ts'
import type { AsanaSimulator } from '../../../simulators/asana/simulator.ts'
import { callContext, graphContext, openAccount } from './account.ts'
import { textWith, textWithout } from './matchers.ts'
import { stepsInMemory } from '../../steps.ts'

let simulator: AsanaSimulator
let account: ReturnType<typeof openAccount>

beforeAll(async () => {
  simulator = await startAsana()
  account = openAccount(simulator)
})

afterAll(async () => {
  await account.close()
  await simulator.close()
})

afterEach(() => simulator.faults.clear())

describe('reading', () => {
  test('a task is a job with all its values', async () => {
    const task = simulator.createTask({
      name: 'Fit a boiler',
      notes: 'Ring first',
      section: 'In progress',
      dueAt: new Date('2026-03-02T09:30:00Z'),
      texts: new Map([['123', ' 101 ']]),
    })
    const job = await account.source.job({ id: task.gid }, graphContext())
    expect(job).toMatchObject({
      id: task.gid,
      record: { system: 'asana', kind: 'task', id: task.gid },
      title: 'Fit a boiler',
      description: 'Ring first',
      status: 'In progress',
      isCompleted: false,
      schedule: { startsOn: null, startsAt: null, endsOn: '2026-03-02', endsAt: new Date('2026-03-02T09:30:00Z') },
      assignee: null,
      completedAt: null,
      createdAt: task.createdAt,
    })
    expect(job?.url).toContain(task.gid)
    const observed = await account.system.observe({ system: 'asana', kind: 'task', id: task.gid }, graphContext())
    expect(observed).toMatchObject({ parents: [{ entity: 'Customer', reference: '101' }], isClosed: false })
  })

  test('a task that does not exist, or is in none of the projects, is no job', async () => {
    const task = simulator.createTask({ name: 'Lost' })
    simulator.leaveProject(task.gid)
    for (const id of [task.gid, '999999999', 'no-gid', '../projects/99']) {
      expect(await account.source.job({ id }, graphContext())).toBeNull()
    }
  })

  test('an answer of wrong types is unreadable, and says which field of which task', async () => {
    simulator.faults.add({ kind: 'wrong-types', match: { path: /batch/ } })
    const task = simulator.createTask({ name: 'Odd' })
    await expect(account.source.job({ id: task.gid }, graphContext())).rejects.toMatchObject({ kind: 'unreadable' })
  })

  test.each(['html', 'proto', 'endless'] as const)('an answer like %s does no harm', async kind => {
    const task = simulator.createTask({ name: 'Odd' })
    simulator.faults.add({ kind, match: { path: /batch/ }, times: 1 })
    const job = await account.source.job({ id: task.gid }, graphContext()).catch((error: unknown) => error)
    expect(job).toSatisfy(
      (got: unknown) => got instanceof Error || (typeof got === 'object' && got !== null && 'title' in got),
    )
    expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('polluted')
  })

  test('a refusal for too many requests is tried again after the time Asana names', async () => {
    const task = simulator.createTask({ name: 'Later' })
    simulator.faults.add({ kind: 'rate-limit', match: { path: /batch/ }, times: 1 })
    const call = callContext()
    expect(await account.source.job({ id: task.gid }, graphContext(call))).toMatchObject({ title: 'Later' })
    expect(call.spent.get('requests')).toBe(2)
  })
})

describe('the import', () => {
  async function listAll(from: string | null = null): Promise<readonly ObservedRecord[]> {
    const [importer] = account.system.importers
    const found: ObservedRecord[] = []
    let cursor = from
    do {
      const page = await importer?.list(cursor, callContext('background'))
      found.push(...(page?.observed ?? []))
      cursor = page?.next ?? null
    } while (cursor !== null)
    return found
  }

  test('finds every task once, with its parents and stage', async () => {
    const found = await listAll()
    const ids = new Set(found.map(({ record }) => record.id))
    expect(ids.size).toBe(found.length)
    expect(found.length).toBeGreaterThan(100)
    for (const { record, status, createdAt } of found.slice(0, 300)) {
      expect(status).not.toBeNull()
      expect(createdAt).toEqual(simulator.task(record.id)?.createdAt)
    }
    expect(
      found.some(({ parents }) => parents?.some(parent => 'reference' in parent && parent.entity === 'Order')),
    ).toBe(true)
  })

  test('lists a project from its start when the place in the list is no longer known', async () => {
    const whole = await listAll()
    const again = await listAll(JSON.stringify({ project: '99', offset: 'expired' }))
    expect(again.length).toBe(whole.length)
  })

  test.each(['no json', '[]', '{"project":"98","offset":"x"}'])('starts over with the cursor %s', async cursor => {
    const [importer] = account.system.importers
    const page = await importer?.list(cursor, callContext('background'))
    expect(page?.observed.length).toBe(100)
  })
})

describe('writing', () => {
  test('a job is created in the first project, in the stage and for the customer that were named', async () => {
    const [written] = await account.source.create(
      {
        title: 'Service',
        description: null,
        status: 'Scheduled',
        customerId: '101',
        orderId: 'in_1',
        schedule: { startsOn: '2026-03-01', endsOn: '2026-03-02' },
      },
      graphContext(),
      stepsInMemory(),
    )
    const task = simulator.task(written.record.id)
    expect(task).toMatchObject({ name: 'Service', startOn: '2026-03-01', dueOn: '2026-03-02' })
    expect([...(task?.texts ?? [])]).toEqual([
      ['123', '101'],
      ['124', 'in_1'],
    ])
    expect(written).toMatchObject({
      kind: 'CREATED',
      fields: ['title', 'status', 'customer', 'order', 'schedule'],
      observed: { status: 'Scheduled', isClosed: false },
    })
  })

  test('a stage nobody knows is refused with the stages there are, and nothing is created', async () => {
    const before = simulator.requests.count('POST /api/1.0/tasks')
    const sent = account.source.create({ title: 'Service', status: 'Dreaming' }, graphContext(), stepsInMemory())
    await expect(sent).rejects.toMatchObject({
      kind: 'rejected',
      inputFault: textWith(/expected one of .*"Scheduled".*got "Dreaming"/),
    })
    expect(simulator.requests.count('POST /api/1.0/tasks')).toBe(before)
  })

  test('fields left out stay as they are, null empties', async () => {
    const task = simulator.createTask({ name: 'Pipe', notes: 'Leaks', texts: new Map([['123', '101']]) })
    const [written] = await account.source.update(task.gid, { description: null, customerId: null }, graphContext())
    expect(simulator.task(task.gid)).toMatchObject({ name: 'Pipe', notes: '' })
    expect(simulator.task(task.gid)?.texts.size).toBe(0)
    expect(written).toMatchObject({ kind: 'UPDATED', fields: ['description', 'customer'], observed: { parents: [] } })
  })

  test('a new stage moves the task to its section', async () => {
    const task = simulator.createTask({ name: 'Pipe', section: 'Scheduled' })
    const [moved] = await account.source.update(task.gid, { status: 'In progress' }, graphContext())
    expect(moved).toMatchObject({
      kind: 'UPDATED',
      record: { system: 'asana', kind: 'task', id: task.gid },
      fields: ['status'],
      observed: { status: 'In progress' },
    })
    const [both] = await account.source.update(task.gid, { status: 'Scheduled', title: 'Tap' }, graphContext())
    expect(both.observed?.status).toBe('Scheduled')
  })

  test('a start alone is sent with the end the task has', async () => {
    const task = simulator.createTask({ name: 'Pipe', dueOn: '2026-03-09' })
    await account.source.update(task.gid, { schedule: { startsOn: '2026-03-01' } }, graphContext())
    expect(simulator.task(task.gid)).toMatchObject({ startOn: '2026-03-01', dueOn: '2026-03-09' })
    await account.source.update(task.gid, { schedule: null }, graphContext())
    expect(simulator.task(task.gid)).toMatchObject({ startOn: null, dueOn: null })
  })

  test('completing marks the task as done and leaves it where it is', async () => {
    const task = simulator.createTask({ name: 'Pipe', section: 'Scheduled' })
    const [written] = await account.source.complete(task.gid, graphContext())
    expect(written.observed).toMatchObject({ isClosed: true, status: 'Scheduled' })
    expect(simulator.task(task.gid)?.completedAt).not.toBeNull()
  })

  test('a task that is no job is not written to', async () => {
    const task = simulator.createTask({ name: 'Private' })
    simulator.leaveProject(task.gid)
    const writes = await Promise.allSettled([
      account.source.update(task.gid, { title: 'Mine' }, graphContext()),
      account.source.complete(task.gid, graphContext()),
      account.source.complete('../users/me', graphContext()),
    ])
    for (const write of writes) expect(write).toMatchObject({ status: 'rejected', reason: { kind: 'not-found' } })
    expect(simulator.task(task.gid)).toMatchObject({ name: 'Private', completedAt: null })
  })

  test("Asana's refusal is told to whoever gave the input, and is not in the message", async () => {
    const sent = account.source.create({ title: 'Service', assigneeId: '31337' }, graphContext(), stepsInMemory())
    await expect(sent).rejects.toMatchObject({ kind: 'not-found', inputFault: textWith('31337') })
    const patch = { schedule: { startsOn: '2026-03-01', endsOn: 'someday' } }
    const refused = account.source.create({ title: 'Service', ...patch }, graphContext(), stepsInMemory())
    await expect(refused).rejects.toMatchObject({
      kind: 'rejected',
      inputFault: textWith('someday'),
      message: textWithout('someday'),
    })
  })
})
