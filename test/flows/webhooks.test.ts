import { request } from 'node:http'
import { gzipSync } from 'node:zlib'
import { describe, expect, test, vi } from 'vitest'
import {
  asana,
  asanaEvent,
  dropWebhooks,
  hubspot,
  notification,
  stripe,
  stripeEvent,
  vendors,
  type Signed,
} from './signing.ts'
import { startWorld, type World } from './world.ts'

const minuteMs = 60_000

/** The tools are silent from here on, and what they sent before was worked on. */
async function quietWorld(environment: Readonly<Record<string, string>> = {}): Promise<World> {
  const world = await startWorld({ environment })
  await world.settled()
  dropWebhooks(world)
  return world
}

async function post(world: World, { path, headers, body }: Signed): Promise<number> {
  const response = await world.post(path, { headers, body })
  await response.arrayBuffer()
  return response.status
}

async function rows({ gateway }: World) {
  const { store } = gateway.runtime
  return store.read(async db => ({
    received: await db.selectFrom('received').select('id').execute(),
    entries: await db
      .selectFrom('delivery_entries')
      .select(['id', 'state', 'attempts', 'error'])
      .orderBy('id')
      .execute(),
    changes: await db.selectFrom('changes').select(['sequence', 'kind', 'record_id']).orderBy('sequence').execute(),
  }))
}

async function counts(world: World): Promise<readonly number[]> {
  const { received, entries, changes } = await rows(world)
  return [received.length, entries.length, changes.length]
}

describe.each(vendors)('webhooks of $system', vendor => {
  test('a genuine one is answered 200, and the next read sees what it told of', async () => {
    const world = await quietWorld()
    await world.data(vendor.query(world))
    vendor.change(world, '+15550177')
    expect(JSON.stringify(await world.data(vendor.query(world)))).not.toContain('+15550177')
    expect(await post(world, vendor.sign(world, vendor.body(world)))).toBe(200)
    await world.gateway.processor.idle()
    expect(JSON.stringify(await world.data(vendor.query(world)))).toContain('+15550177')
  })

  test('one that is forged, unsigned or cannot be read as signed is refused with 401 and leaves no row', async () => {
    const world = await quietWorld()
    const before = await counts(world)
    const genuine = vendor.sign(world, vendor.body(world))
    const changed = Buffer.from(genuine.body)
    changed.writeUInt8(changed.readUInt8(20) ^ 1, 20)
    const { [vendor.signatureHeader]: signature = '', ...unsigned } = genuine.headers
    const withSignature = (text: string): Signed => ({
      ...genuine,
      headers: { ...unsigned, [vendor.signatureHeader]: text },
    })
    const forgeries: Readonly<Record<string, Signed>> = {
      'a byte changed': { ...genuine, body: changed },
      'a byte more': { ...genuine, body: Buffer.concat([genuine.body, Buffer.from(' ')]) },
      'no body': { ...genuine, body: Buffer.alloc(0) },
      'another secret': vendor.sign(world, genuine.body, { secret: 'not-the-secret-0123456789' }),
      'the empty secret': vendor.sign(world, genuine.body, { secret: '' }),
      'no signature': { ...genuine, headers: unsigned },
      'an empty signature': withSignature(''),
      'a signature cut short': withSignature(signature.slice(0, -3)),
      'a signature that is none': withSignature('t=1,v1=zz,v1=__proto__'),
    }
    const answers: Record<string, number> = {}
    for (const [name, forged] of Object.entries(forgeries)) answers[name] = await post(world, forged)
    expect(answers).toEqual(Object.fromEntries(Object.keys(forgeries).map(name => [name, 401])))
    expect(await counts(world)).toEqual(before)
    expect(await post(world, genuine)).toBe(200)
  })

  test('what cannot be taken is refused with the status that says so, and leaves no row', async () => {
    const world = await quietWorld()
    const before = await counts(world)
    const genuine = vendor.sign(world, vendor.body(world))
    const compressed = gzipSync(genuine.body)
    expect(
      await post(world, { ...genuine, headers: { ...genuine.headers, 'content-encoding': 'gzip' }, body: compressed }),
    ).toBe(415)
    expect(await post(world, vendor.sign(world, Buffer.alloc(1024 * 1024 + 1, ' ')))).toBe(413)
    expect(await sendChunked(world, vendor.sign(world, Buffer.alloc(1024 * 1024 + 65_536, ' ')))).toBe(413)
    expect((await fetch(`${world.gateway.url}${genuine.path}`)).status).toBe(405)
    expect(await post(world, { ...genuine, path: '/webhooks/nobody' })).toBe(404)
    expect(await post(world, { ...genuine, path: `${genuine.path}/elsewhere` })).toBe(404)
    expect(await counts(world)).toEqual(before)
    // One of exactly the size that is allowed is taken.
    expect(await post(world, vendor.sign(world, Buffer.alloc(1024 * 1024, ' ')))).toBe(200)
  })

  test('the same one twice, and twice at once, has one effect', async () => {
    const world = await quietWorld()
    const [, entries = 0, changes = 0] = await counts(world)
    vendor.change(world, '+15550166')
    const body = vendor.body(world)
    const signed = vendor.sign(world, body)
    expect(await Promise.all([post(world, signed), post(world, signed), post(world, signed)])).toEqual([200, 200, 200])
    await world.gateway.processor.idle()
    expect(await post(world, vendor.sign(world, body))).toBe(200)
    await world.gateway.processor.idle()
    expect((await counts(world)).slice(1)).toEqual([entries + 1, changes + 1])
  })

  test('when the vendor is down meanwhile, the entry is due again and done once it is back', async () => {
    const world = await quietWorld()
    vendor.change(world, '+15550155')
    const tool = world.tools[vendor.system === 'hubspot' ? 'hubspot' : vendor.system === 'stripe' ? 'stripe' : 'asana']
    tool.faults.add({ kind: 'error', status: 503, times: 3 })
    expect(await post(world, vendor.sign(world, vendor.body(world)))).toBe(200)
    const last = async () => (await rows(world)).entries.at(-1)
    await vi.waitFor(
      async () => expect(await last()).toMatchObject({ state: 'due', attempts: 1, error: expect.any(String) }),
      8_000,
    )
    await vi.waitFor(async () => expect(await last()).toMatchObject({ state: 'done' }), {
      timeout: 8_000,
      interval: 100,
    })
    expect(JSON.stringify(await world.data(vendor.query(world)))).toContain('+15550155')
  })
})

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

/** Without saying how long the body is. */
function sendChunked(world: World, { path, headers, body }: Signed): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(`${world.gateway.url}${path}`, { method: 'POST', headers }, response => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    sent.on('error', reject)
    for (let at = 0; at < body.length; at += 65_536) sent.write(body.subarray(at, at + 65_536))
    sent.end()
  })
}
