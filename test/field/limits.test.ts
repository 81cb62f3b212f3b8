import { expect, test } from 'vitest'
import { z } from 'zod'
import { contact, hubspotAccount } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'
import type { Answer } from './vendor-server.ts'

const systems = z.object({
  systems: z.array(
    z.object({
      system: z.string(),
      pools: z.array(z.object({ name: z.string(), limit: z.number(), used: z.number() })),
    }),
  ),
})

/** The same answers, with HubSpot's own figures. Source: HubSpot developer documentation, usage limits. */
function withLimits(answer: Answer, max: () => string, remaining: () => string, interval = '10000'): Answer {
  return async request => {
    const answered = await answer(request)
    return answered === undefined
      ? undefined
      : {
          ...answered,
          headers: {
            'X-HubSpot-RateLimit-Max': max(),
            'X-HubSpot-RateLimit-Remaining': remaining(),
            'X-HubSpot-RateLimit-Interval-Milliseconds': interval,
          },
        }
  }
}

async function limitOf(world: Awaited<ReturnType<typeof startFieldWorld>>, system: string, name: string) {
  const all = systems.parse(await world.data('{ systems { system pools { name limit used } } }')).systems
  return all.find(one => one.system === system)?.pools.find(one => one.name === name)
}

const account = hubspotAccount({ contacts: { 101: contact('101', {}) } })

test("HubSpot's own word on the plan is the limit, up and down, and what others use of it is not ours", async () => {
  let max = '190'
  let remaining = '150'
  const world = await startFieldWorld({
    hubspot: [
      withLimits(
        account,
        () => max,
        () => remaining,
      ),
    ],
  })
  expect(await limitOf(world, 'hubspot', 'account')).toMatchObject({ limit: 190, used: 40 })
  max = '110'
  remaining = '20'
  await world.tellHubspot([
    {
      portalId: 1,
      subscriptionId: 1,
      eventId: 1,
      occurredAt: Date.now(),
      subscriptionType: 'contact.creation',
      objectId: 101,
    },
  ])
  expect(await limitOf(world, 'hubspot', 'account')).toMatchObject({ limit: 110, used: 90 })
})

test.each([
  ['a limit of another window', '19', '1000'],
  ['no number', 'plenty', '10000'],
  ['nought', '0', '10000'],
])('%s changes nothing', async (_, max, interval) => {
  const world = await startFieldWorld({
    hubspot: [
      withLimits(
        account,
        () => max,
        () => '1',
        interval,
      ),
    ],
  })
  expect(await limitOf(world, 'hubspot', 'account')).toMatchObject({ limit: 100 })
})

test('a limit that a person has set is not raised by HubSpot, and lowered', async () => {
  let max = '190'
  const world = await startFieldWorld({
    hubspot: [
      withLimits(
        account,
        () => max,
        () => '100',
      ),
    ],
    environment: {
      HUBSPOT_REQUESTS_PER_10_SECONDS: '60',
      ASANA_REQUESTS_PER_MINUTE: '150',
      STRIPE_REQUESTS_PER_SECOND: '7',
    },
  })
  expect(await limitOf(world, 'hubspot', 'account')).toMatchObject({ limit: 60 })
  expect(await limitOf(world, 'asana', 'requests')).toMatchObject({ limit: 150 })
  expect(await limitOf(world, 'stripe', 'account')).toMatchObject({ limit: 7 })
  expect(await limitOf(world, 'stripe', 'customers')).toMatchObject({ limit: 7 })
  max = '40'
  await world.tellHubspot([
    {
      portalId: 1,
      subscriptionId: 1,
      eventId: 1,
      occurredAt: Date.now(),
      subscriptionType: 'contact.creation',
      objectId: 101,
    },
  ])
  expect(await limitOf(world, 'hubspot', 'account')).toMatchObject({ limit: 40 })
})
