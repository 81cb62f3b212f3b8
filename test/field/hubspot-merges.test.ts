import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { nodeIdOf } from '../../schema/node-id.ts'
import { contact, hubspotAccount, stripeAccount, type Raw, type RawRecords } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'

/** HubSpot says by webhook that contacts were merged; what it answers when they are read decides. */

const head = { subscriptionId: 2, portalId: 3, occurredAt: Date.now() }
const merge = (winner: number, losers: readonly number[], more: Raw = {}): Raw => ({
  ...head,
  eventId: winner * 1000 + (losers[0] ?? 0),
  subscriptionType: 'contact.merge',
  primaryObjectId: winner,
  mergedObjectIds: losers,
  ...more,
})
const created = 1_767_225_600
const billing = (id: string, email: string): Raw => ({ id, object: 'customer', created, email, metadata: {} })

function business() {
  const contacts: RawRecords = {
    107: contact('107', { firstname: 'Ada', email: 'ada@example.com' }),
    108: contact('108', { firstname: 'Bob', email: 'bob@example.com' }),
  }
  const customers = {
    cus_a: billing('cus_a', 'ada@example.com'),
    cus_b: billing('cus_b', 'bob@example.com'),
  }
  return { contacts, options: { hubspot: [hubspotAccount({ contacts })], stripe: [stripeAccount({ customers })] } }
}

const both = `{
  a: customer(id: "107") { id name links { record { id } } }
  b: customer(id: "108") { id name links { record { id } } }
  customers { nodes { id } }
}`
const deliveries = '{ deliveries(first: 10) { nodes { state reason } } }'

test('a merge that the contact itself does not bear out changes nothing, and is dead with its reason', async () => {
  const { options } = business()
  let aheadMs = 0
  const world = await startFieldWorld({ ...options, clock: { now: () => new Date(Date.now() + aheadMs) } })
  const before = await world.data(both)
  const frames = world.subscribe('subscription { customerChanged(id: "108") { change { kind } customer { id } } }')
  expect(await frames.next()).toMatchObject({ data: { customerChanged: { change: { kind: 'CURRENT' } } } })
  expect(await world.tellHubspot([merge(107, [108])])).toBe(200)
  expect(await world.data(both)).toEqual(before)
  await vi.waitFor(
    async () => {
      aheadMs += 5_000
      expect(await world.data(deliveries)).toMatchObject({
        deliveries: {
          nodes: [
            { state: 'DEAD', reason: expect.stringMatching(/contact 108 still answers as itself: nothing was merged/) },
          ],
        },
      })
    },
    { timeout: 20_000, interval: 500 },
  )
  expect(await world.data(both)).toEqual(before)
  expect(JSON.stringify(frames.waiting)).not.toContain('DELETED')
})

test('a merge that HubSpot shows a moment later than it tells of is done once it shows it', async () => {
  const { contacts, options } = business()
  const world = await startFieldWorld(options)
  await world.tellHubspot([merge(107, [108])])
  expect(await world.data('{ customer(id: "108") { id name } }')).toEqual({ customer: { id: '108', name: 'Bob' } })
  const winner = contact('107', { firstname: 'Ada', email: 'ada@example.com', hs_merged_object_ids: '108' })
  contacts['107'] = { ...winner, updatedAt: new Date().toISOString() }
  contacts['108'] = contacts['107']
  await vi.waitFor(
    async () => expect(await world.data(deliveries)).toMatchObject({ deliveries: { nodes: [{ state: 'DONE' }] } }),
    { timeout: 10_000 },
  )
  expect(await world.data(both)).toMatchObject({
    a: { id: '107', name: 'Ada' },
    b: { id: '107', name: 'Ada' },
    customers: { nodes: [{ id: '107' }] },
  })
})

test('of several contacts said to be merged, those count that HubSpot shows merged, into the contact that answers', async () => {
  const { contacts, options } = business()
  const all: [string, Raw][] = ['109', '110', '111'].map(id => [id, contact(id, { firstname: `C${id}` })])
  Object.assign(contacts, Object.fromEntries(all))
  const world = await startFieldWorld(options)
  const winner = contact('107', { firstname: 'Ada', hs_merged_object_ids: '109' })
  contacts['107'] = winner
  contacts['109'] = winner
  // This one went into another contact than the notification says.
  contacts['110'] = contact('111', { firstname: 'C111', hs_merged_object_ids: '110' })
  contacts['111'] = contacts['110']
  await world.tellHubspot([merge(107, [109, 108, 110])])
  expect(
    await world.data(`{
      a: customer(id: "109") { id } b: customer(id: "108") { id } c: customer(id: "110") { id }
    }`),
  ).toEqual({ a: { id: '107' }, b: { id: '108' }, c: { id: '111' } })
})

describe('a merge that no webhook has told of', () => {
  const node = `query($nodeId: ID!) {
    node(nodeId: $nodeId) { ... on Customer { id name links { record { id } } } }
  }`
  const nodeId = nodeIdOf({ type: 'Customer', parts: ['108'] })
  const merged = { id: '107', name: 'Ada' }
  const linked = z.object({
    customer: z.object({ links: z.array(z.object({ record: z.object({ id: z.string() }) })) }),
  })

  function unheard() {
    const { contacts, options } = business()
    const tell = () => {
      const winner = contact('107', { firstname: 'Ada', email: 'ada@example.com', hs_merged_object_ids: '108' })
      contacts['107'] = winner
      contacts['108'] = winner
    }
    return { options, tell }
  }

  test('is answered with the winner by node id, and from then on everywhere', async () => {
    const byNode = unheard()
    const world = await startFieldWorld(byNode.options)
    byNode.tell()
    expect(await world.data(node, { nodeId })).toMatchObject({ node: merged })
    expect(await world.data('{ customers { nodes { id } } }')).toEqual({ customers: { nodes: [{ id: '107' }] } })
    const { customer } = linked.parse(await world.data('{ customer(id: "107") { links { record { id } } } }'))
    expect(customer.links.map(({ record }) => record.id).toSorted()).toEqual(['107', '108', 'cus_a', 'cus_b'])
  })

  test('is answered with the winner by id, and from then on everywhere', async () => {
    const { options, tell } = unheard()
    const world = await startFieldWorld(options)
    tell()
    expect(await world.data('{ customer(id: "108") { id name } }')).toEqual({ customer: merged })
    expect(await world.data('{ customers { nodes { id name } } }')).toEqual({ customers: { nodes: [merged] } })
  })

  test('of a customer in a list is an error for the moment, and never a second customer of the same values', async () => {
    const { options, tell } = unheard()
    const world = await startFieldWorld(options)
    tell()
    const first = await world.ask('{ customers { nodes { id name company } } }')
    expect(JSON.stringify(first.data)).not.toMatch(/108","name":"Ada/)
    expect(first.errors[0]?.extensions).toMatchObject({ code: 'NOT_READY', isRetryable: true })
    expect(await world.data('{ customers { nodes { id name } } }')).toEqual({ customers: { nodes: [merged] } })
  })
})
