import { expect, test } from 'vitest'
import { metricsOf } from './metrics.ts'
import { post, quietWorld } from './quiet-world.ts'
import { at, listAt } from './reading.ts'
import { hubspot, stripe, type Vendor } from './signing.ts'
import type { World } from './world.ts'

const systems = '{ systems { system quarantinedRequests webhooks { endpoint state note lastFailureAt } } }'

/** What is told of a tool's webhooks: in the graph, for the balancer's person, and to Prometheus. */
async function told(world: World, { system }: Vendor) {
  const found = listAt(await world.data(systems), 'systems').find(one => at(one, 'system') === system)
  const ready = await fetch(`${world.gateway.url}/health/ready`)
  const states = (await metricsOf(world)).filter(
    ({ name, labels }) => name === 'livegraph_webhook_state' && labels['system'] === system,
  )
  return {
    ready: ready.status,
    part: at(await ready.json(), `parts.${system}`),
    kept: at(found, 'quarantinedRequests'),
    states: listAt(found, 'webhooks').map(one => at(one, 'state')),
    notes: listAt(found, 'webhooks').map(one => at(one, 'note')),
    measured: states.map(({ labels }) => labels['state']),
  }
}

/** Requests in the vendor's form that another secret signed. */
async function forge(world: World, vendor: Vendor, requests: number): Promise<void> {
  for (let at = 0; at < requests; at += 1)
    expect(await post(world, vendor.sign(world, vendor.body(world), { secret: 'another' }))).toBe(401)
}

for (const vendor of [hubspot, stripe]) {
  test(`${vendor.system}: one or two forged requests are told apart, and do not say that the genuine webhook fails`, async () => {
    const world = await quietWorld()
    const before = (await told(world, vendor)).states
    await forge(world, vendor, 1)
    await expect
      .poll(() => told(world, vendor), { timeout: 10_000 })
      .toMatchObject({
        part: expect.stringMatching(/^ok; 1 request was refused since the last genuine one, at 20\d\d-/),
        notes: [expect.stringContaining('the webhooks are forged')],
      })
    await forge(world, vendor, 1)
    await expect
      .poll(() => told(world, vendor), { timeout: 10_000 })
      .toMatchObject({ part: expect.stringMatching(/^ok; 2 requests were refused/), kept: 2 })
    expect((await told(world, vendor)).states).not.toContain('FAILING')
    // Beside genuine ones it stays so, however many they are in all.
    expect(await post(world, vendor.sign(world, vendor.body(world)))).toBe(200)
    await forge(world, vendor, 2)
    await expect
      .poll(() => told(world, vendor), { timeout: 10_000 })
      .toMatchObject({ part: expect.stringMatching(/^ok; 2 requests were refused/), kept: 4 })
    expect(await post(world, vendor.sign(world, vendor.body(world)))).toBe(200)
    expect(await told(world, vendor)).toMatchObject({ part: 'ok', states: before })
  })

  test(`${vendor.system}: a secret that is wrong here is told as a failing webhook, until something genuine comes`, async () => {
    const world = await quietWorld()
    expect(await post(world, vendor.sign(world, vendor.body(world)))).toBe(200)
    expect((await told(world, vendor)).part).toBe('ok')

    await forge(world, vendor, 3)
    await expect
      .poll(() => told(world, vendor), { timeout: 10_000 })
      .toMatchObject({
        ready: 200,
        part: expect.stringMatching(
          /^its webhook is failing; 3 or more requests were refused since the last genuine one, the last at 20\d\d-/,
        ),
        kept: 3,
        states: ['FAILING'],
        notes: [expect.stringContaining(`quarantine recover ${vendor.system}`)],
        measured: ['FAILING'],
      })

    expect(await post(world, vendor.sign(world, vendor.body(world)))).toBe(200)
    expect(await told(world, vendor)).toMatchObject({ part: 'ok', kept: 3 })
    expect((await told(world, vendor)).states).not.toContain('FAILING')
  })
}

test('a genuine repetition, which leaves nothing else behind, says as well that the secret is right', async () => {
  const world = await quietWorld()
  const genuine = stripe.sign(world, stripe.body(world))
  expect(await post(world, genuine)).toBe(200)
  await forge(world, stripe, 3)
  await expect.poll(() => told(world, stripe), { timeout: 10_000 }).toMatchObject({ states: ['FAILING'] })
  expect(await post(world, genuine)).toBe(200)
  expect(await told(world, stripe)).toMatchObject({ part: 'ok', states: [] })
})

test('what cannot be a webhook of that tool says nothing of its secret', async () => {
  const world = await quietWorld()
  for (const body of ['no JSON', '[]', '{}']) {
    expect(await post(world, hubspot.sign(world, body, { secret: 'another' }))).toBe(401)
    expect(await post(world, stripe.sign(world, body, { secret: 'another' }))).toBe(401)
  }
  // It would be kept before this one.
  expect(await post(world, stripe.sign(world, stripe.body(world), { secret: 'another' }))).toBe(401)
  await expect.poll(() => told(world, stripe), { timeout: 10_000 }).toMatchObject({ kept: 1 })
  expect(await told(world, hubspot)).toMatchObject({ part: 'ok', kept: 0 })
})
