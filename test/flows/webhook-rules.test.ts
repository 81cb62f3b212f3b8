import { describe, expect, test } from 'vitest'
import { counts, post, quietWorld, rows } from './quiet-world.ts'
import { asana, asanaEvent, hubspot, notification, stripe, stripeEvent, vendors } from './signing.ts'
import { startWorld } from './world.ts'

const minuteMs = 60_000

describe('time', () => {
  test.each([hubspot, stripe])(
    'a webhook of $system is taken within five minutes of now, on both sides, and no farther',
    async vendor => {
      const world = await quietWorld()
      const before = await counts(world)
      const at = (ms: number) => post(world, vendor.sign(world, vendor.body(world), { at: new Date(Date.now() + ms) }))
      expect(await Promise.all([at(-5 * minuteMs - 2000), at(5 * minuteMs + 5000)])).toEqual([401, 401])
      expect(await counts(world)).toEqual(before)
      expect(await Promise.all([at(-5 * minuteMs + 5000), at(5 * minuteMs - 5000)])).toEqual([200, 200])
    },
  )
})

describe('secrets', () => {
  test('of several that are live each is good, and one that is not among them is none', async () => {
    const world = await quietWorld({
      HUBSPOT_CLIENT_SECRET: 'next-hubspot, last-hubspot',
      STRIPE_WEBHOOK_SECRET: 'whsec_next,whsec_last',
    })
    const by = async (vendor: typeof hubspot, secret: string) =>
      post(world, vendor.sign(world, vendor.body(world), { secret }))
    expect([await by(hubspot, 'next-hubspot'), await by(hubspot, 'last-hubspot')]).toEqual([200, 200])
    expect([await by(stripe, 'whsec_next'), await by(stripe, 'whsec_last')]).toEqual([200, 200])
    expect([await by(hubspot, 'next-hubspot, last-hubspot'), await by(stripe, 'whsec_next,whsec_last')]).toEqual([
      401, 401,
    ])
  })

  test('strangers who shake hands while a webhook is registered take nothing over', async () => {
    const world = await startWorld()
    await world.settled()
    const { asana: tool } = world.tools
    await fetch(`${tool.basePath}/webhooks/${tool.webhooks.all[0]?.gid ?? ''}`, { method: 'DELETE' })
    const theirs = 'a-secret-of-a-stranger'
    let isOver = false
    const strangers = Array.from({ length: 4 }, async () => {
      while (!isOver) await world.post('/webhooks/asana/99', { headers: { 'x-hook-secret': theirs }, body: '' })
    })
    expect(await world.gateway.connect('asana', () => undefined)).toBe('done')
    isOver = true
    await Promise.all(strangers)
    const body = asana.body(world)
    expect(await post(world, asana.sign(world, body, { secret: theirs }))).toBe(401)
    expect(await post(world, asana.sign(world, body))).toBe(200)
  })

  test('a handshake that nobody here asked for is refused, and the secret it brings verifies nothing', async () => {
    const world = await quietWorld()
    const secret = 'a-secret-of-somebody-else-0123456789'
    const shake = await world.post('/webhooks/asana/99', { headers: { 'x-hook-secret': secret }, body: '{}' })
    expect([shake.status, shake.headers.get('x-hook-secret')]).toEqual([403, null])
    expect(await post(world, asana.sign(world, asana.body(world), { secret }))).toBe(401)
    expect(await post(world, asana.sign(world, asana.body(world)))).toBe(200)
  })
})

describe('batches', () => {
  test('a hundred entries are a hundred, and the bad ones among them hold up no other', async () => {
    const world = await quietWorld()
    await world.data('{ customer(id: "101") { phone } }')
    world.tools.hubspot.updateContact('101', { phone: '+15550144' })
    const bad = [
      null,
      7,
      'text',
      {},
      notification({ objectId: 'nobody' }),
      notification({ occurredAt: -1 }),
      notification({ objectId: '9'.repeat(20) }),
    ]
    const good = Array.from({ length: 100 - bad.length }, (_, at) => notification({ objectId: 101 + (at % 20) }))
    const { entries: before } = await rows(world)
    expect(await post(world, hubspot.sign(world, JSON.stringify([...bad, ...good])))).toBe(200)
    await world.gateway.processor.idle()
    const fresh = (await rows(world)).entries.slice(before.length)
    // The contact that does not exist is read, found missing, and done.
    expect(fresh.map(({ state }) => state)).toEqual([
      ...bad.slice(0, -1).map(() => 'dead'),
      'done',
      ...good.map(() => 'done'),
    ])
    expect(await world.data('{ customer(id: "101") { phone } }')).toEqual({ customer: { phone: '+15550144' } })
  })

  test('a heartbeat, an empty list and an event of no concern are taken and change nothing', async () => {
    const world = await quietWorld()
    const { changes } = await rows(world)
    expect(await post(world, asana.sign(world, '{}'))).toBe(200)
    expect(await post(world, asana.sign(world, '{"events":[]}'))).toBe(200)
    expect(await post(world, hubspot.sign(world, '[]'))).toBe(200)
    expect(await post(world, stripe.sign(world, JSON.stringify(stripeEvent({ type: 'charge.refunded' }))))).toBe(200)
    expect(
      await post(
        world,
        asana.sign(world, JSON.stringify({ events: [asanaEvent({ resource: { gid: '1', resource_type: 'story' } })] })),
      ),
    ).toBe(200)
    await world.gateway.processor.idle()
    expect((await rows(world)).changes).toEqual(changes)
  })
})

test('while the store fails, webhooks are answered 503 and asked to come again', async () => {
  const world = await quietWorld()
  await world.gateway.runtime.store.close()
  for (const vendor of vendors) {
    const { path, headers, body } = vendor.sign(
      world,
      vendor.body(world),
      vendor === asana ? { secret: world.tools.asana.webhooks.all[0]?.secret } : {},
    )
    const response = await world.post(path, { headers, body })
    expect([vendor.system, response.status, response.headers.get('retry-after')]).toEqual([vendor.system, 503, '5'])
  }
})
