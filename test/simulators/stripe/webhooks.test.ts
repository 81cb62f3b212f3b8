import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { signatureOf } from './sign.ts'
import { dayMs, listener, now, typeOf, typesOf, world } from './world.ts'

describe('webhooks', () => {
  test('an event is signed so that node:crypto and the SDK agree, and holds what was there before', async () => {
    const target = await listener()
    const { simulator, sdk } = await world({ webhookUrl: target.url })
    simulator.updateCustomer('cus_9', { phone: '+15550199', metadata: { tier: 'gold' } })
    await simulator.webhooks.idle()
    const [arrival] = target.arrivals
    if (arrival === undefined) throw new Error('no event came')
    const header = String(arrival.headers['stripe-signature'])
    const seconds = now.getTime() / 1000
    const digest = createHmac('sha256', 'whsec_test_secret').update(`${seconds}.${arrival.body}`).digest('hex')
    expect(header).toBe(`t=${seconds},v1=${digest}`)
    const event = sdk.webhooks.constructEvent(
      arrival.body,
      header,
      simulator.webhookSecret,
      300,
      undefined,
      now.getTime(),
    )
    expect(event).toMatchObject({
      object: 'event',
      type: 'customer.updated',
      created: seconds,
      pending_webhooks: 1,
      request: { id: null, idempotency_key: null },
      data: {
        object: { id: 'cus_9', phone: '+15550199', metadata: { crm_id: '101', tier: 'gold' } },
        previous_attributes: { metadata: { tier: null } },
      },
    })
    expect((await sdk.events.retrieve(event.id)).pending_webhooks).toBe(0)
    simulator.updateCustomer('cus_9', { phone: '+15550199' })
    await simulator.webhooks.idle()
    expect(target.arrivals).toHaveLength(1)
  })

  test('a signature made here is the one of the known vector', () => {
    const payload = JSON.stringify({ id: 'evt_test_webhook', object: 'event' }, null, 2)
    expect(signatureOf('whsec_test_secret', payload, new Date(1_600_000_000_000))).toBe(
      't=1600000000,v1=d31a0c09b944148f3e0967540577eab14332f9eed37bc847aa57257cb33baf8e',
    )
  })

  test('signed makes a delivery for whoever posts it himself, old or with another secret too', async () => {
    const { simulator, sdk } = await world()
    const at = new Date(now.getTime() - 600_000)
    const { headers, body } = simulator.webhooks.signed({ id: 'evt_1', object: 'event' }, { at, secret: 'whsec_x' })
    const read = (secret: string, receivedAt: Date) =>
      sdk.webhooks.constructEvent(body, headers['stripe-signature'] ?? '', secret, 300, undefined, receivedAt.getTime())
        .id
    expect(read('whsec_x', at)).toBe('evt_1')
    expect(() => read('whsec_x', now)).toThrow(/tolerance/)
    expect(() => read('whsec_y', at)).toThrow(/signature/)
  })

  test('an endpoint registered by the API gets what it asked for until it is deleted; its secret comes once', async () => {
    const target = await listener()
    const { simulator, sdk } = await world()
    const made = await sdk.webhookEndpoints.create({ url: target.url, enabled_events: ['customer.created'] })
    expect(made.secret).toMatch(/^whsec_/)
    expect(await sdk.webhookEndpoints.retrieve(made.id)).not.toHaveProperty('secret')
    expect((await sdk.webhookEndpoints.list()).data).toMatchObject([{ id: made.id, status: 'enabled' }])
    const { id } = simulator.createCustomer()
    simulator.updateCustomer(id, { name: 'x' })
    await simulator.webhooks.idle()
    expect(typesOf(target.arrivals)).toEqual(['customer.created'])
    await sdk.webhookEndpoints.update(made.id, { enabled_events: ['customer.updated'] })
    simulator.updateCustomer(id, { name: 'y' })
    await simulator.webhooks.idle()
    expect(typesOf(target.arrivals)).toEqual(['customer.created', 'customer.updated'])
    await sdk.webhookEndpoints.update(made.id, { disabled: true })
    simulator.updateCustomer(id, { name: 'w' })
    await simulator.webhooks.idle()
    expect(target.arrivals).toHaveLength(2)
    await sdk.webhookEndpoints.update(made.id, { disabled: false })
    await sdk.webhookEndpoints.del(made.id)
    simulator.updateCustomer(id, { name: 'z' })
    await simulator.webhooks.idle()
    expect(target.arrivals).toHaveLength(2)
  })

  test('one that fails is tried three times more, each time signed anew, and holds up no other', async () => {
    const refused = new Set<string>()
    const target = await listener(body => {
      if (typeOf(body) === 'customer.created') refused.add(body)
      return refused.has(body) ? 500 : 200
    })
    const { simulator } = await world({ webhookUrl: target.url })
    const { id } = simulator.createCustomer()
    simulator.updateCustomer(id, { name: 'x' })
    await simulator.webhooks.idle()
    expect(typesOf(target.arrivals).slice(0, 2)).toEqual(['customer.created', 'customer.updated'])
    const tries = simulator.webhooks.sent.filter(({ status }) => status === 500)
    expect(tries.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4])
    expect(target.arrivals).toHaveLength(5)
  })

  test.each([
    ['drop', ['updated']],
    ['duplicate', ['created', 'created', 'updated']],
    ['reorder', ['updated', 'created']],
  ] as const)('the fault %s does that to events', async (webhook, expected) => {
    const target = await listener()
    const { simulator } = await world({ webhookUrl: target.url })
    simulator.faults.add({ webhook, times: 1 })
    const { id } = simulator.createCustomer()
    simulator.updateCustomer(id, { name: 'x' })
    await simulator.webhooks.idle()
    expect(typesOf(target.arrivals)).toEqual(expected.map(type => `customer.${type}`))
  })

  test('the fault skew signs with a clock that is off', async () => {
    const target = await listener()
    const { simulator } = await world({ webhookUrl: target.url })
    simulator.faults.add({ webhook: 'skew', ms: -600_000, times: 1 })
    simulator.createCustomer()
    await simulator.webhooks.idle()
    expect(target.arrivals[0]?.headers['stripe-signature']).toMatch(`t=${now.getTime() / 1000 - 600},`)
  })

  test('events older than 30 days are forgotten', async () => {
    const { simulator, sdk, move } = await world()
    simulator.createCustomer()
    expect((await sdk.events.list()).data).toHaveLength(1)
    move(30 * dayMs + 1000)
    expect((await sdk.events.list()).data).toHaveLength(0)
  })
})
