import { describe, expect, test } from 'vitest'
import { now, world } from './world.ts'

describe('tasks', () => {
  test('task 55 is a job of customer 101 in project 99, read with the SDK', async () => {
    const { sdk } = await world()
    const { data } = await sdk.tasks.getTask('55')
    expect(data).toMatchObject({
      gid: '55',
      resource_type: 'task',
      projects: [{ gid: '99', name: 'Jobs' }],
      memberships: [{ project: { gid: '99' }, section: { name: 'Scheduled' } }],
      completed: false,
    })
    const texts = new Map(
      data.custom_fields.map((field: { gid: string; text_value: string }) => [field.gid, field.text_value]),
    )
    expect(texts.get('123')).toBe('101')
    expect(texts.get('124')).toMatch(/^(in_|FS-)/)
  })

  test('opt_fields picks fields and what lies below them, and nothing else', async () => {
    const { sdk } = await world()
    const { data } = await sdk.tasks.getTask('55', { opt_fields: 'completed,memberships.section.name' })
    expect(data).toEqual({
      gid: '55',
      resource_type: 'task',
      completed: false,
      memberships: [{ section: { gid: expect.any(String), resource_type: 'section', name: 'Scheduled' } }],
    })
  })

  test('a list pages over every task once, in compact rows unless asked', async () => {
    const { sdk } = await world()
    const seen: string[] = []
    let offset: string | undefined
    let pages = 0
    do {
      const page = await sdk.tasks.getTasks({ project: '99', limit: 100, ...(offset === undefined ? {} : { offset }) })
      for (const row of page.data) {
        expect(Object.keys(row).sort()).toEqual(['gid', 'name', 'resource_subtype', 'resource_type'])
        seen.push(row.gid)
      }
      offset = page.next_page?.offset
      pages += 1
    } while (offset !== undefined)
    expect(pages).toBe(3)
    expect(seen).toHaveLength(250)
    expect(new Set(seen).size).toBe(250)
  })

  test("the SDK's own paging ends where the list ends", async () => {
    const { sdk } = await world()
    sdk.client.RETURN_COLLECTION = true
    let page = await sdk.tasks.getTasks({ project: '99', limit: 100 })
    let rows = 0
    while (page.data !== null) {
      rows += page.data.length
      page = await page.nextPage()
    }
    expect(rows).toBe(250)
  })

  test('a task that is deleted while somebody pages makes him miss no other', async () => {
    const { simulator, sdk } = await world()
    const first = await sdk.tasks.getTasks({ project: '99', limit: 100 })
    simulator.deleteTask(first.data[0].gid)
    const second = await sdk.tasks.getTasks({ project: '99', limit: 100, offset: first.next_page.offset })
    const third = await sdk.tasks.getTasks({ project: '99', limit: 100, offset: second.next_page.offset })
    expect(second.data.length + third.data.length).toBe(150)
  })

  test('modified_since and completed_since narrow a list', async () => {
    const { simulator, sdk, move } = await world()
    move(1000)
    simulator.updateTask('55', { name: 'Boiler service, second visit' })
    const modified = await sdk.tasks.getTasks({
      project: '99',
      modified_since: new Date(now.getTime() + 500).toISOString(),
    })
    expect(modified.data.map((row: { gid: string }) => row.gid)).toEqual(['55'])
    const open = await sdk.tasks.getTasks({
      project: '99',
      completed_since: 'now',
      opt_fields: 'completed',
      limit: 100,
    })
    expect(open.data.length).toBeGreaterThan(0)
    expect(open.data.every((row: { completed: boolean }) => !row.completed)).toBe(true)
  })

  test('a list wants exactly one scope, and a limit from 1 to 100', async () => {
    const { sdk } = await world()
    await expect(sdk.tasks.getTasks({})).rejects.toMatchObject({ status: 400 })
    await expect(sdk.tasks.getTasks({ project: '99', limit: 101 })).rejects.toMatchObject({
      status: 400,
      response: { body: { errors: [{ message: expect.stringContaining('100'), help: expect.any(String) }] } },
    })
    await expect(sdk.tasks.getTasks({ project: '99', limit: 10, offset: 'nonsense' })).rejects.toMatchObject({
      status: 400,
    })
  })

  test('a task is created, changed, moved, completed and deleted with the SDK', async () => {
    const { sdk, simulator } = await world()
    const made = await sdk.tasks.createTaskWithHttpInfo(
      {
        data: {
          name: 'Fit tap',
          projects: ['99'],
          custom_fields: { 123: '102' },
          due_on: '2026-07-01',
          assignee: 'me',
        },
      },
      {},
    )
    expect(made.response.status).toBe(201)
    const gid = made.data.data.gid
    expect(made.data.data).toMatchObject({ name: 'Fit tap', memberships: [{ section: { name: 'Requested' } }] })

    const moved = simulator.moveTask(gid, 'In progress')
    expect(moved.memberships).toHaveLength(1)
    const put = await sdk.tasks.updateTask({ data: { completed: true, notes: 'done' } }, gid, {})
    expect(put.data).toMatchObject({
      completed: true,
      completed_at: now.toISOString(),
      due_on: '2026-07-01',
      notes: 'done',
    })

    expect((await sdk.tasks.deleteTask(gid)).data).toEqual({})
    await expect(sdk.tasks.getTask(gid)).rejects.toMatchObject({ status: 404 })
  })

  test('an instant has the day of the zone', async () => {
    for (const [zone, day] of [
      ['America/Los_Angeles', '2026-07-01'],
      ['Asia/Tokyo', '2026-07-02'],
    ] as const) {
      const { sdk } = await world({ zone })
      const { data } = await sdk.tasks.updateTask({ data: { due_at: '2026-07-02T05:30:00.000Z' } }, '55', {})
      expect(data).toMatchObject({ due_on: day, due_at: '2026-07-02T05:30:00.000Z' })
    }
  })

  test('dates follow the rules: an instant brings its day, two at once and a lone start are refused', async () => {
    const { sdk } = await world()
    const at = await sdk.tasks.updateTask({ data: { due_at: '2026-07-02T10:30:00.000Z' } }, '55', {})
    expect(at.data).toMatchObject({ due_on: '2026-07-02', due_at: '2026-07-02T10:30:00.000Z' })
    const on = await sdk.tasks.updateTask({ data: { due_on: '2026-07-03' } }, '55', {})
    expect(on.data).toMatchObject({ due_on: '2026-07-03', due_at: null })
    for (const data of [
      { due_on: '2026-07-03', due_at: '2026-07-03T10:00:00Z' },
      { start_on: '2026-07-01' },
      { start_at: '2026-07-01T10:00:00Z', due_on: '2026-07-03' },
      { due_on: 'tomorrow' },
    ]) {
      await expect(sdk.tasks.updateTask({ data }, '55', {}), JSON.stringify(data)).rejects.toMatchObject({
        status: 400,
      })
    }
  })

  test.each([
    ['a custom field the project does not have', { custom_fields: { 999: 'x' } }],
    ['a flag that is no flag', { completed: 'perhaps' }],
    ['an assignee nobody knows', { assignee: '987654' }],
  ])('%s is refused and nothing changes', async (_what, data) => {
    const { sdk, simulator } = await world()
    const before = simulator.task('55')
    await expect(sdk.tasks.updateTask({ data }, '55', {})).rejects.toThrow()
    expect(simulator.task('55')).toBe(before)
  })
})

describe('around tasks', () => {
  test('project, sections, custom field settings and users are there', async () => {
    const { sdk } = await world()
    expect((await sdk.projects.getProject('99', {})).data).toMatchObject({
      gid: '99',
      name: 'Jobs',
      workspace: { gid: '77' },
    })
    const sections = (await sdk.sections.getSectionsForProject('99', {})).data
    expect(sections.map((section: { name: string }) => section.name)).toEqual([
      'Requested',
      'Scheduled',
      'In progress',
      'Done',
    ])
    const settings = (await sdk.fields.getCustomFieldSettingsForProject('99', {})).data
    expect(settings.map((setting: { custom_field: object }) => setting.custom_field)).toMatchObject([
      { gid: '123', name: 'Customer', type: 'text' },
      { gid: '124', name: 'Order', type: 'text' },
    ])
    expect((await sdk.users.getUsers({ workspace: '77', limit: 2 })).data).toHaveLength(2)
    expect((await sdk.users.getUser('me', {})).data).toMatchObject({ resource_type: 'user', email: expect.any(String) })
  })

  test('a task is moved by its new section', async () => {
    const { sdk, simulator } = await world()
    const sections = (await sdk.sections.getSectionsForProject('99', {})).data
    const last = sections.at(-1).gid
    await sdk.sections.addTaskForSection(last, { body: { data: { task: '55' } } })
    expect(simulator.task('55')?.memberships).toEqual([{ projectGid: '99', sectionGid: last }])
  })
})

describe('batch', () => {
  const read = (gid: string) => ({ relative_path: `/tasks/${gid}`, method: 'get', options: { fields: ['name'] } })

  test('answers come in order, each with its own status', async () => {
    const { sdk } = await world()
    const { data } = await sdk.batch.createBatchRequest(
      { data: { actions: [read('1201'), read('404404'), read('55')] } },
      {},
    )
    expect(data.map((part: { status_code: number }) => part.status_code)).toEqual([200, 404, 200])
    expect(data[0].body.data).toEqual({ gid: '1201', resource_type: 'task', name: expect.any(String) })
    expect(data[1].body.errors).toHaveLength(1)
    expect(data[2].body.data.gid).toBe('55')
  })

  test('eleven actions are refused', async () => {
    const { sdk } = await world()
    const actions = Array.from({ length: 11 }, () => read('55'))
    await expect(sdk.batch.createBatchRequest({ data: { actions } }, {})).rejects.toMatchObject({ status: 400 })
  })

  test('every action counts, and one over the limit fails the whole batch with nothing done', async () => {
    const { sdk, simulator, move } = await world({ limits: { perMinute: 11 } })
    await sdk.tasks.getTask('55')
    await sdk.tasks.getTask('55')
    const write = { relative_path: '/tasks/55', method: 'put', data: { name: 'never' } }
    const actions = [...Array.from({ length: 9 }, () => read('55')), write]
    await expect(sdk.batch.createBatchRequest({ data: { actions } }, {})).rejects.toMatchObject({
      status: 429,
      response: { headers: { 'retry-after': '60' } },
    })
    expect(simulator.task('55')?.name).not.toBe('never')
    move(60_000)
    await sdk.batch.createBatchRequest({ data: { actions } }, {})
    expect(simulator.task('55')?.name).toBe('never')
  })
})
