import { expect, test } from 'vitest'
import { z } from 'zod'
import { contact, hubspotAccount, stripeAccount } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'
import type { Answer } from './vendor-server.ts'

// In an outage the vendor's load balancer or CDN answers, in HTML and not in the vendor's JSON.

const page = '<html><head><title>502 Bad Gateway</title></head></html>'

const answer = z.object({
  deliveries: z.object({ nodes: z.array(z.object({ system: z.string(), state: z.string(), attempts: z.number() })) }),
  systems: z.array(z.object({ system: z.string(), isReachable: z.boolean() })),
})

test(
  'a webhook waits through an outage whose answers are web pages: of HubSpot and of Stripe',
  { timeout: 90_000 },
  async () => {
    let isOut = false
    let aheadMs = 0
    const orOut =
      (inner: Answer): Answer =>
      request =>
        isOut ? { status: 502, headers: { 'content-type': 'text/html' }, body: page } : inner(request)
    const customer = { id: 'cus_1', object: 'customer', created: 1_767_225_600, email: 'ada@example.com', metadata: {} }
    const world = await startFieldWorld({
      clock: { now: () => new Date(Date.now() + aheadMs) },
      hubspot: [orOut(hubspotAccount({ contacts: { 1: contact('1', { email: 'ada@example.com' }) } }))],
      stripe: [orOut(stripeAccount({ customers: { cus_1: customer } }))],
    })
    isOut = true
    const told = { id: 'evt_1', object: 'event', type: 'customer.updated', created: 1_767_225_700 }
    await world.tellStripe({ ...told, data: { object: customer } })
    await world.tellHubspot([
      {
        eventId: 1,
        subscriptionId: 1,
        portalId: 1,
        occurredAt: Date.now(),
        subscriptionType: 'contact.propertyChange',
        objectId: 1,
        propertyName: 'firstname',
      },
    ])
    const read = async () =>
      answer.parse(
        await world.data('{ deliveries(first: 9) { nodes { system state attempts } } systems { system isReachable } }'),
      )
    // Ten attempts are all that one has whose tool answers.
    const later = async (minutes: number) => {
      aheadMs += minutes * 60_000
      world.gateway.processor.wake()
      return (await read()).deliveries.nodes
    }
    await expect
      .poll(async () => Math.min(...(await later(15)).map(({ attempts }) => attempts)), {
        timeout: 30_000,
        interval: 100,
      })
      .toBeGreaterThan(10)
    const { deliveries, systems } = await read()
    expect(deliveries.nodes.map(({ system, state }) => [system, state]).sort()).toEqual([
      ['hubspot', 'DUE'],
      ['stripe', 'DUE'],
    ])
    expect(systems.find(({ system }) => system === 'stripe')).toEqual({ system: 'stripe', isReachable: false })
    isOut = false
    await expect
      .poll(async () => (await later(15)).map(({ state }) => state), { timeout: 30_000, interval: 100 })
      .toEqual(['DONE', 'DONE'])
  },
)
