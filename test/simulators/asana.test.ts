import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import Asana from 'asana'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { seedBusiness } from './core/business.ts'
import { startAsana } from './asana/simulator.ts'
import { signBody } from './asana/sign.ts'
import type { AsanaOptions, AsanaSimulator } from './asana/simulator.ts'

const now = new Date('2026-06-01T09:00:00.000Z')
const small = seedBusiness({ seed: 7, customers: 40, orders: 60, jobs: 250, now })
const hourMs = 3_600_000

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

describe('who is let in, and how often', () => {
  test('no token and a wrong one are refused, in words of the vendor', async () => {
    const { simulator } = await world()
    for (const headers of [{ authorization: 'Bearer wrong' }, { authorization: '' }]) {
      const response = await get(simulator, '/tasks/55', headers)
      expect(response.status).toBe(401)
      expect(await response.json()).toMatchObject({ errors: [{ message: 'Not Authorized' }] })
    }
  })

  test('an open door lets in whoever brings no token, and still refuses a wrong one', async () => {
    const { simulator } = await world({ openDoor: true })
    expect((await fetch(`${simulator.basePath}/tasks/55`)).status).toBe(200)
    expect((await get(simulator, '/tasks/55', { authorization: 'Bearer wrong' })).status).toBe(401)
  })

  test('the request over the limit gets 429 with the seconds to wait, and refused ones count too', async () => {
    const { simulator, move } = await world({ limits: { perMinute: 3 } })
    for (let at = 0; at < 3; at += 1) expect((await get(simulator, '/tasks/55')).status).toBe(200)
    move(30_000)
    const refused = await get(simulator, '/tasks/55')
    expect(refused.status).toBe(429)
    expect(refused.headers.get('retry-after')).toBe('30')
    move(30_000)
    expect((await get(simulator, '/tasks/55')).status).toBe(200)
    expect((await get(simulator, '/tasks/55')).status).toBe(200)
    expect((await get(simulator, '/tasks/55')).status, 'the refused one still fills its place').toBe(429)
  })

  test('more at a time than allowed are refused, more one after the other are not', async () => {
    const { simulator, sdk } = await world({ limits: { concurrentReads: 2 } })
    const actions = [1, 2, 3].map(() => ({ relative_path: '/tasks/55', method: 'get' }))
    await expect(sdk.batch.createBatchRequest({ data: { actions } }, {})).rejects.toMatchObject({ status: 429 })
    for (let at = 0; at < 5; at += 1) expect((await get(simulator, '/tasks/55')).status).toBe(200)
  })

  test.each([
    ['an id nobody has', '/tasks/999999', 404],
    ['an id that is none', '/tasks/abc', 400],
    ['a path there is not', '/nowhere', 404],
  ])('%s is refused with a message and help', async (_what, path, status) => {
    const { simulator } = await world()
    const response = await get(simulator, path)
    expect(response.status).toBe(status)
    expect(await response.json()).toEqual({ errors: [{ message: expect.any(String), help: expect.any(String) }] })
  })

  test('a body without data is refused', async () => {
    const { simulator } = await world()
    for (const body of ['{"name":"x"}', 'not json', '[]']) {
      const response = await fetch(`${simulator.basePath}/tasks/55`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${simulator.accessToken}`, 'content-type': 'application/json' },
        body,
      })
      expect(response.status, body).toBe(400)
    }
  })
})

/** What the SDK throws for the first call without a token. */
async function refusalOf(
  call: Promise<unknown>,
): Promise<{ readonly status: number; readonly response: { readonly body: { readonly sync: string } } }> {
  try {
    await call
  } catch (error) {
    return refusal.parse(error)
  }
  throw new Error('the first call has no token, and must be refused')
}

const refusal = z.object({ status: z.number(), response: z.object({ body: z.object({ sync: z.string() }) }) })

describe('the event feed', () => {
  async function token(sdk: ReturnType<typeof sdkFor>): Promise<string> {
    const error = await refusalOf(sdk.events.getEvents('99', {}))
    expect(error.status).toBe(412)
    return error.response.body.sync
  }

  test('the first call is a 412 with a token, the next ones tell what happened since', async () => {
    const { sdk, simulator } = await world()
    const sync = await token(sdk)
    simulator.updateTask('55', { name: 'Install boiler, upstairs' })
    const read = await sdk.events.getEvents('99', { sync })
    expect(read.has_more).toBe(false)
    expect(read.data[0]).toMatchObject({
      action: 'changed',
      type: 'task',
      resource: { gid: '55', name: 'Install boiler, upstairs' },
      change: { field: 'name', action: 'changed' },
      parent: null,
    })
    expect((await sdk.events.getEvents('99', { sync: read.sync })).data).toEqual([])
  })

  test('more than a hundred come in several calls, each once', async () => {
    const { sdk, simulator } = await world()
    let sync = await token(sdk)
    for (let at = 0; at < 120; at += 1) simulator.updateTask('55', { notes: `note ${at}` })
    let changed = 0
    let hasMore = true
    const sizes: number[] = []
    while (hasMore) {
      const read = await sdk.events.getEvents('99', { sync })
      changed += read.data.filter((event: { action: string }) => event.action === 'changed').length
      sizes.push(read.data.length)
      sync = read.sync
      hasMore = read.has_more
    }
    expect(changed).toBe(120)
    expect(Math.max(...sizes)).toBe(100)
  })

  test('a token is good for a day, and for its own resource', async () => {
    const { sdk, move } = await world()
    const sync = await token(sdk)
    await expect(sdk.events.getEvents('55', { sync })).rejects.toMatchObject({ status: 412 })
    move(24 * hourMs)
    expect((await sdk.events.getEvents('99', { sync })).data).toEqual([])
    move(1)
    await expect(sdk.events.getEvents('99', { sync })).rejects.toMatchObject({
      status: 412,
      response: { body: { sync: expect.any(String) } },
    })
  })
})

describe('webhooks', () => {
  test('one is created by a handshake while the request is open, then a signed heartbeat comes', async () => {
    const { sdk, simulator } = await world()
    const target = await listener()
    const made = await sdk.webhooks.createWebhookWithHttpInfo({ data: { resource: '99', target: target.url } }, {})
    expect(made.response.status).toBe(201)
    const secret = made.data['X-Hook-Secret']
    expect(target.handshakes.map(({ headers }) => headers['x-hook-secret'])).toEqual([secret])
    await simulator.webhooks.idle()
    expect(target.arrivals.map(({ body }) => body)).toEqual(['{"events":[]}'])
    const expected = createHmac('sha256', secret).update('{"events":[]}').digest('hex')
    expect(target.arrivals[0]?.headers['x-hook-signature']).toBe(expected)

    const { data } = await sdk.webhooks.getWebhooks('77', { resource: '99' })
    expect(data).toMatchObject([{ active: true, target: target.url, resource: { gid: '99' }, delivery_retry_count: 0 }])
    expect(data[0].last_success_at).toBe(now.toISOString())
    expect(JSON.stringify(data)).not.toContain(secret)
  })

  test('a target that does not echo, or is not there, gets no webhook', async () => {
    const { sdk } = await world()
    const mute = await listener({ echo: false })
    for (const target of [mute.url, 'http://127.0.0.1:1/nobody', 'not a url']) {
      await expect(sdk.webhooks.createWebhook({ data: { resource: '99', target } }, {})).rejects.toMatchObject({
        status: 400,
      })
    }
    expect((await sdk.webhooks.getWebhooks('77', {})).data).toEqual([])
  })

  test('the same resource and target a second time is refused', async () => {
    const { sdk } = await world()
    const target = await listener()
    await sdk.webhooks.createWebhook({ data: { resource: '99', target: target.url } }, {})
    await expect(
      sdk.webhooks.createWebhook({ data: { resource: '99', target: target.url } }, {}),
    ).rejects.toMatchObject({ status: 403 })
    expect(target.handshakes).toHaveLength(1)
  })

  test('one change is one delivery with its events, ids only, the body signed', async () => {
    const target = await listener()
    const { simulator } = await world({ webhookUrl: target.url, plantSecret: 'planted' })
    simulator.updateTask('55', { name: 'New name', completed: true, texts: new Map([['123', '102']]) })
    await simulator.webhooks.idle()
    expect(target.arrivals).toHaveLength(1)
    const [arrival] = target.arrivals
    expect(inShort(target.arrivals)).toEqual(['changed name', 'changed completed', 'changed custom_fields'])
    expect(arrival?.body).not.toContain('New name')
    expect(arrival?.headers['x-hook-signature']).toBe(signBody('planted', arrival?.body ?? ''))
    const events: unknown[] = JSON.parse(arrival?.body ?? '').events
    expect(events).toContainEqual({
      user: { gid: expect.any(String), resource_type: 'user' },
      created_at: now.toISOString(),
      action: 'changed',
      resource: { gid: '55', resource_type: 'task', resource_subtype: 'default_task' },
      parent: null,
      change: {
        field: 'custom_fields',
        action: 'changed',
        new_value: { gid: '123', resource_type: 'custom_field', resource_subtype: 'text' },
      },
    })
  })

  test.each<[string, (simulator: AsanaSimulator) => void, string[]]>([
    [
      'moving between sections',
      s => s.moveTask('55', 'Done'),
      ['removed section', 'added section', 'changed memberships'],
    ],
    ['creating', s => s.createTask({ name: 'New' }), ['added project', 'added section']],
    ['deleting', s => s.deleteTask('55'), ['removed project', 'deleted']],
    ['leaving the project', s => s.leaveProject('55'), ['removed section', 'removed project']],
    ['rescheduling', s => s.updateTask('55', { dueOn: '2030-01-01', dueAt: null, startOn: null }), ['changed due_on']],
    ['writing what is there already', s => s.updateTask('55', { completed: false }), []],
  ])('%s is told in its own events', async (_what, change, expected) => {
    const target = await listener()
    const { simulator } = await world({ webhookUrl: target.url, plantSecret: 'planted' })
    if (simulator.task('55')?.dueAt) simulator.updateTask('55', { dueOn: '2029-01-01' })
    await simulator.webhooks.idle()
    target.arrivals.length = 0
    change(simulator)
    await simulator.webhooks.idle()
    expect(inShort(target.arrivals)).toEqual(expected)
  })

  test('filters keep out stories and other fields', async () => {
    const { sdk, simulator } = await world()
    const target = await listener()
    const filters = [
      { resource_type: 'task', action: 'changed', fields: ['completed'] },
      { resource_type: 'task', action: 'deleted' },
    ]
    await sdk.webhooks.createWebhook({ data: { resource: '99', target: target.url, filters } }, {})
    simulator.updateTask('55', { name: 'x', completed: true })
    simulator.deleteTask('55')
    await simulator.webhooks.idle()
    expect(inShort(target.arrivals)).toEqual(['changed completed', 'deleted'])
    expect(inShort(target.arrivals, 'story')).toEqual([])
  })

  test('a failing target gets the delivery again, and its success is seen', async () => {
    let failures = 2
    const target = await listener({ status: () => (failures-- > 0 ? 500 : 200) })
    const { simulator, sdk } = await world({ webhookUrl: target.url, plantSecret: 'planted' })
    simulator.updateTask('55', { name: 'x' })
    await simulator.webhooks.idle()
    expect(simulator.webhooks.sent.map(({ status }) => status)).toEqual([500, 500, 200])
    expect(new Set(target.arrivals.map(({ body }) => body)).size).toBe(1)
    const { data } = await sdk.webhooks.getWebhooks('77', {})
    expect(data).toMatchObject([
      { delivery_retry_count: 0, last_failure_content: 'Status 500', failure_deletion_timestamp: null },
    ])
  })

  test('after 24 hours of failures the webhook is gone', async () => {
    const target = await listener({ status: () => 503 })
    const { simulator, sdk } = await world({ webhookUrl: target.url, plantSecret: 'planted' })
    simulator.updateTask('55', { name: 'x' })
    await simulator.webhooks.idle()
    const waited = simulator.webhooks.sent.length
    expect(waited).toBeGreaterThan(24)
    expect((await sdk.webhooks.getWebhooks('77', {})).data).toEqual([])
    simulator.updateTask('55', { name: 'y' })
    await simulator.webhooks.idle()
    expect(simulator.webhooks.sent).toHaveLength(waited)
  })

  test('a heartbeat comes eight hours after the last, not sooner', async () => {
    const target = await listener()
    const { simulator, move } = await world({ webhookUrl: target.url, plantSecret: 'planted' })
    for (const [hours, expected] of [
      [7, 0],
      [1, 1],
      [7, 1],
      [1, 2],
    ] as const) {
      move(hours * hourMs)
      simulator.webhooks.heartbeat('due')
      await simulator.webhooks.idle()
      expect(target.arrivals).toHaveLength(expected)
    }
  })

  test('a deleted webhook sends nothing more', async () => {
    const { simulator, sdk } = await world()
    const target = await listener()
    const made = await sdk.webhooks.createWebhook({ data: { resource: '99', target: target.url } }, {})
    await simulator.webhooks.idle()
    await sdk.webhooks.deleteWebhook(made.data.gid)
    simulator.updateTask('55', { name: 'x' })
    await simulator.webhooks.idle()
    expect(inShort(target.arrivals)).toEqual([])
    await expect(sdk.webhooks.getWebhook(made.data.gid, {})).rejects.toMatchObject({ status: 404 })
  })

  test.each([
    ['drop', ['b']],
    ['duplicate', ['a', 'a', 'b']],
    ['reorder', ['b', 'a']],
  ] as const)('the fault %s does that to deliveries', async (webhook, expected) => {
    const target = await listener()
    const { simulator } = await world({ webhookUrl: target.url, plantSecret: 'planted' })
    const bodies = new Map<string, string>()
    simulator.faults.add({ webhook, times: 1 })
    simulator.webhooks.pause()
    for (const gid of ['55', '1201']) {
      simulator.updateTask(gid, { notes: `changed ${gid}` })
      // Each its own delivery.
      await new Promise(resolve => setImmediate(resolve))
      bodies.set(gid, gid === '55' ? 'a' : 'b')
    }
    simulator.webhooks.resume()
    await simulator.webhooks.idle()
    const order = target.arrivals.map(({ body }) => bodies.get(JSON.parse(body).events[0].resource.gid))
    expect(order).toEqual(expected)
  })

  test('the sheet of the vendor and ours agree on a signature', () => {
    const secret = 'b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81'
    expect(signBody(secret, '{"events":[]}')).toBe('10468027b67df18c739cc4794c6fc2d2806dcaaf2259fc3e1ed9d26433659853')
  })
})

describe('faults', () => {
  test('an error, a page and a dropped connection come as ordered and then end', async () => {
    const { simulator } = await world()
    simulator.faults.add(
      { kind: 'error', times: 1 },
      { kind: 'html', times: 1 },
      { kind: 'rate-limit', times: 1 },
      { kind: 'drop', times: 1 },
    )
    const failed = await get(simulator, '/tasks/55')
    expect(failed.status).toBe(500)
    expect(await failed.json()).toMatchObject({ errors: [{ phrase: expect.any(String) }] })
    const page = await get(simulator, '/tasks/55')
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html'])
    const limited = await get(simulator, '/tasks/55')
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '1'])
    await expect(get(simulator, '/tasks/55')).rejects.toThrow()
    expect((await get(simulator, '/tasks/55')).status).toBe(200)
  })

  test('wrong types and __proto__ spoil an answer that is JSON all the same', async () => {
    const { simulator } = await world()
    simulator.faults.add({ kind: 'wrong-types', times: 1 }, { kind: 'proto', times: 1 })
    const wrong: unknown = await (await get(simulator, '/tasks/55')).json()
    expect(wrong).toMatchObject({ data: { gid: 2, completed: 'no' } })
    const text = await (await get(simulator, '/tasks/55')).text()
    expect(text).toContain('"__proto__"')
    expect(Object.hasOwn(JSON.parse(text), '__proto__')).toBe(true)
  })

  test('they are set and cleared over HTTP, only where they match', async () => {
    const { simulator } = await world()
    const own = `${simulator.url}/_simulator/faults`
    const rule = { kind: 'error', status: 503, match: { method: 'GET', path: '/tasks/55$' } }
    expect((await fetch(own, { method: 'POST', body: JSON.stringify(rule) })).status).toBe(204)
    expect((await get(simulator, '/tasks/55')).status).toBe(503)
    expect((await get(simulator, '/tasks/1201')).status).toBe(200)
    await fetch(own, { method: 'DELETE' })
    expect((await get(simulator, '/tasks/55')).status).toBe(200)
    expect((await fetch(own, { method: 'POST', body: '{"kind":"flood"}' })).status).toBe(400)
  })

  test('the log says how often each route was called', async () => {
    const { simulator } = await world()
    await get(simulator, '/tasks/55')
    await get(simulator, '/tasks/1201')
    expect(simulator.requests.count('GET /api/1.0/tasks/:gid')).toBe(2)
    const log: unknown = await (await fetch(`${simulator.url}/_simulator/requests`)).json()
    expect(log).toEqual({ total: 2, routes: { 'GET /api/1.0/tasks/:gid': 2 } })
  })
})

/** A simulator over the small business, with a clock that stands until it is moved. */
async function world(options: AsanaOptions = {}) {
  let at = now.getTime()
  const clock = () => new Date(at)
  const simulator = await startAsana({ business: small, clock, retryScale: 0, ...options })
  onTestFinished(() => simulator.close())
  return { simulator, sdk: sdkFor(simulator), move: (ms: number) => (at += ms) }
}

function sdkFor(simulator: AsanaSimulator) {
  const client = new Asana.ApiClient()
  client.basePath = simulator.basePath
  const token = client.authentications['token']
  if (token === undefined) throw new Error('the SDK has no token authentication')
  token.accessToken = simulator.accessToken
  client.RETURN_COLLECTION = false
  return {
    client,
    tasks: new Asana.TasksApi(client),
    sections: new Asana.SectionsApi(client),
    projects: new Asana.ProjectsApi(client),
    fields: new Asana.CustomFieldSettingsApi(client),
    users: new Asana.UsersApi(client),
    batch: new Asana.BatchAPIApi(client),
    events: new Asana.EventsApi(client),
    webhooks: new Asana.WebhooksApi(client),
  }
}

interface Arrival {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** Somebody who takes webhooks: echoes handshakes, answers `status` to the rest. */
async function listener(options: { echo?: boolean; status?: () => number } = {}) {
  const arrivals: Arrival[] = []
  const handshakes: Arrival[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const arrival = { headers: request.headers, body: Buffer.concat(chunks).toString('utf8') }
      const secret = request.headers['x-hook-secret']
      if (typeof secret === 'string') {
        handshakes.push(arrival)
        response.writeHead(200, options.echo === false ? {} : { 'x-hook-secret': secret }).end()
        return
      }
      arrivals.push(arrival)
      response.writeHead(options.status?.() ?? 204).end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { url: `http://127.0.0.1:${port}/hook`, arrivals, handshakes }
}

function get(simulator: AsanaSimulator, path: string, headers: Record<string, string> = {}) {
  return fetch(`${simulator.basePath}${path}`, {
    headers: { authorization: `Bearer ${simulator.accessToken}`, ...headers },
  })
}

/** Each event of the deliveries in short: `changed name`, `removed from section`. */
function inShort(arrivals: readonly Arrival[], type = 'task'): string[] {
  return arrivals.flatMap(({ body }) => {
    const events: {
      action: string
      resource: { resource_type: string }
      parent: { resource_type: string } | null
      change?: { field: string }
    }[] = JSON.parse(body).events
    return events
      .filter(event => event.resource.resource_type === type)
      .map(event => [event.action, event.change?.field ?? event.parent?.resource_type ?? ''].join(' ').trim())
  })
}
