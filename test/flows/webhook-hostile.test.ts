import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { counts, post, quietWorld, rows } from './quiet-world.ts'
import { asana, asanaEvent, hubspot, notification, stripe, stripeEvent, vendors } from './signing.ts'

const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
const nasty = [
  '\u0000',
  '\ud800',
  '\udfff\ud800',
  '__proto__',
  'constructor',
  '../../x',
  '1'.repeat(10_000),
  '',
  ' ',
  '-1',
  '1e3',
  '💥',
]
const wrong: readonly unknown[] = [null, true, -1, 1.5, 1e300, [], {}, [[]], { toString: 'no' }, ...nasty]

/** JSON text in which `__proto__` and lone surrogates stand as a hostile sender would write them. */
const own = '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"x":1}},"id":"__proto__"}'

const bodies = {
  hubspot: [
    ...wrong.flatMap(value =>
      Object.keys(notification()).map(name => JSON.stringify([notification({ [name]: value })])),
    ),
    ...nasty.map(value => JSON.stringify([notification({ subscriptionType: `contact.${value}` })])),
    JSON.stringify([
      notification({ subscriptionType: 'contact.merge', primaryObjectId: 101, mergedObjectIds: [101, 101] }),
    ]),
    `[${deep(100_000)}]`,
    `[${own}]`,
    `[{"objectId":101,"deep":${deep(50_000)}}]`,
  ],
  stripe: [
    ...wrong.flatMap(value => Object.keys(stripeEvent()).map(name => JSON.stringify(stripeEvent({ [name]: value })))),
    ...wrong.map(value => JSON.stringify(stripeEvent({}, { id: value }))),
    ...nasty.map(value => JSON.stringify(stripeEvent({ type: 'customer.updated' }, { id: `cus_${value}` }))),
    JSON.stringify(stripeEvent({ type: 'invoiceitem.created' }, { id: 'ii_1', invoice: { id: '\ud800' } })),
    `{"id":"evt_deep","object":"event","data":{"object":${deep(100_000)}}}`,
    own,
  ],
  asana: [
    ...wrong.flatMap(value =>
      Object.keys(asanaEvent()).map(name => JSON.stringify({ events: [asanaEvent({ [name]: value })] })),
    ),
    ...nasty.map(value =>
      JSON.stringify({ events: [asanaEvent({ resource: { gid: value, resource_type: 'task' } })] }),
    ),
    ...nasty.map(value => JSON.stringify({ events: [asanaEvent({ created_at: `2026-01-01T${value}` })] })),
    `{"events":[${deep(100_000)}]}`,
    `{"events":[${own}]}`,
    `{"events":${own}}`,
  ],
} as const

const shared = [
  deep(100_000),
  '['.repeat(100_000),
  own,
  '',
  'null',
  '"',
  '\u0000',
  '{"events":',
  Buffer.from([0xff, 0xfe, 0x00]),
  Buffer.alloc(4096),
]

describe.each(vendors)('from $system', vendor => {
  test('whatever genuine bytes hold, they are taken without a fault and every entry comes to an end', async () => {
    const world = await quietWorld()
    const own = bodies[vendor.system === 'hubspot' ? 'hubspot' : vendor.system === 'stripe' ? 'stripe' : 'asana']
    const answers = new Map<string, number>()
    for (const body of [...own, ...shared])
      answers.set(body.toString().slice(0, 300), await post(world, vendor.sign(world, body)))
    expect([...answers].filter(([, status]) => status !== 200)).toEqual([])
    await world.gateway.processor.idle()
    expect((await rows(world)).entries.filter(({ state }) => state === 'due')).toEqual([])
    expect(
      world.log
        .filter(({ level }) => level === 'error')
        .map(({ message, fields }) => `${message} ${JSON.stringify(fields)}`),
    ).toEqual([])
    expect(Object.hasOwn(Object.prototype, 'isAdmin')).toBe(false)
    // It goes on as before.
    await world.data(vendor.query(world))
    vendor.change(world, '+15550188')
    expect(await post(world, vendor.sign(world, vendor.body(world)))).toBe(200)
    await world.gateway.processor.idle()
    expect(JSON.stringify(await world.data(vendor.query(world)))).toContain('+15550188')
  })

  test('for any bytes, however a genuine request was changed on its way, there is no 5xx and not one row', async () => {
    const world = await quietWorld()
    const before = await counts(world)
    const mutation = fc.oneof(
      fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), bit: fc.integer({ min: 0, max: 7 }) }),
      fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }),
      fc.record({
        kind: fc.constant('insert' as const),
        at: fc.nat(),
        bytes: fc.uint8Array({ minLength: 1, maxLength: 20 }),
      }),
      fc.record({ kind: fc.constant('replace' as const), bytes: fc.uint8Array({ maxLength: 500 }) }),
      fc.record({ kind: fc.constant('header' as const), text: fc.string({ unit: 'grapheme-ascii', maxLength: 200 }) }),
    )
    await fc.assert(
      fc.asyncProperty(mutation, async change => {
        const genuine = vendor.sign(world, vendor.body(world))
        const { body } = genuine
        const forged = (bytes: Uint8Array) => ({ ...genuine, body: Buffer.from(bytes) })
        const request = (() => {
          switch (change.kind) {
            case 'flip': {
              const copy = Buffer.from(body)
              const at = change.at % copy.length
              copy.writeUInt8(copy.readUInt8(at) ^ (1 << change.bit), at)
              return forged(copy)
            }
            case 'cut':
              return forged(body.subarray(0, change.at % body.length))
            case 'insert': {
              const at = change.at % (body.length + 1)
              return forged(Buffer.concat([body.subarray(0, at), change.bytes, body.subarray(at)]))
            }
            case 'replace':
              return forged(change.bytes)
            case 'header':
              return { ...genuine, headers: { ...genuine.headers, [vendor.signatureHeader]: change.text } }
          }
        })()
        expect(await post(world, request)).toBe(401)
      }),
      { numRuns: 150 },
    )
    expect(await counts(world)).toEqual(before)
  })

  test('for any signed JSON and any signed bytes there is no 5xx', async () => {
    const world = await quietWorld()
    const body = fc.oneof(
      fc.json({ maxDepth: 6 }),
      fc.json({ maxDepth: 3 }).map(json => (vendor === asana ? `{"events":[${json}]}` : `[${json}]`)),
      fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes)),
    )
    await fc.assert(
      fc.asyncProperty(body, async bytes => {
        expect(await post(world, vendor.sign(world, bytes))).toBe(200)
      }),
      { numRuns: 100 },
    )
    await world.gateway.processor.idle()
    expect((await rows(world)).entries.filter(({ state }) => state === 'due')).toEqual([])
  })
})

test('an entry nested too deeply holds up no other of its batch', async () => {
  const world = await quietWorld()
  const { entries } = await rows(world)
  const inside = deep(50_000)
  expect(
    await post(world, hubspot.sign(world, `[{"x":${inside}},${JSON.stringify(notification())},{"y":${inside}}]`)),
  ).toBe(200)
  expect(await post(world, asana.sign(world, `{"events":[${inside},${JSON.stringify(asanaEvent())}]}`))).toBe(200)
  await world.gateway.processor.idle()
  const states = (await rows(world)).entries.slice(entries.length).map(({ state }) => state)
  expect(states).toEqual(['dead', 'done', 'dead', 'dead', 'done'])
})

test('ids that differ only behind a U+0000 are different happenings', async () => {
  const world = await quietWorld()
  const [, entries = 0] = await counts(world)
  for (const id of ['evt_1\u0000a', 'evt_1\u0000b']) {
    expect(await post(world, stripe.sign(world, JSON.stringify(stripeEvent({ id }))))).toBe(200)
  }
  expect(await post(world, hubspot.sign(world, '[]'))).toBe(200)
  expect((await counts(world))[1]).toBe(entries + 2)
})
