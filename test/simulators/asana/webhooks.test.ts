import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { signBody } from './sign.ts'
import { hourMs, inShort, listener, now, world } from './world.ts'
import type { AsanaSimulator } from './simulator.ts'

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
