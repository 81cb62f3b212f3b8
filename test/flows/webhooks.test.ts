import { request } from 'node:http'
import { gzipSync } from 'node:zlib'
import { describe, expect, test, vi } from 'vitest'
import { counts, post, quietWorld, rows } from './quiet-world.ts'
import { vendors, type Signed } from './signing.ts'
import type { World } from './world.ts'

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
