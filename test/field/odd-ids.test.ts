import { expect, test } from 'vitest'
import { asanaAccount, contact, hubspotAccount, stripeAccount, task, type RawRecords } from './accounts.ts'
import { startFieldWorld, type FieldWorld } from './field-world.ts'
import { rawCustomer, rawEvent, rawInvoice, rawProduct } from './stripe-raw.ts'

/** Ids that are none, or that would lead elsewhere in an address: their records are left out, and say so in the log. */

const at = '2026-03-01T10:00:00.000Z'
const section = { gid: '10', resource_type: 'section', name: 'Scheduled' }
const fields = ['123', '124'].map(gid => ({ gid, resource_type: 'custom_field', resource_subtype: 'text' }))
const dead = '{ deliveries(state: DEAD, first: 20) { nodes { reason } totalCount } }'

/** Where the addresses that were asked lead, as a server takes them. */
function pathsOf({ hubspot, stripe, asana }: FieldWorld): readonly string[] {
  return [...hubspot.requests, ...stripe.requests, ...asana.requests].map(({ path }) => path)
}

function leftOut({ log }: FieldWorld): number {
  return log.filter(({ message }) => /left out of the import/.test(message)).length
}

test('contacts of HubSpot with ids that are none are left out of the list, and their notifications are dead', async () => {
  const odd = ['abc/../x?', '00103', ' 103', '..', '']
  const contacts: RawRecords = Object.fromEntries(['101', ...odd].map(id => [id, contact(id, { firstname: 'Ada' })]))
  const world = await startFieldWorld({ hubspot: [hubspotAccount({ contacts })] })
  expect(await world.data('{ customers { nodes { id name } totalCount } }')).toEqual({
    customers: { nodes: [{ id: '101', name: 'Ada' }], totalCount: 1 },
  })
  expect(leftOut(world)).toBe(odd.length)
  const head = { eventId: 1, subscriptionId: 2, portalId: 3, occurredAt: Date.now() }
  await world.tellHubspot([
    ...odd.map(objectId => ({ ...head, subscriptionType: 'contact.creation', objectId })),
    { ...head, subscriptionType: 'contact.merge', primaryObjectId: 101, mergedObjectIds: ['00103'] },
    { ...head, subscriptionType: 'contact.creation', objectId: 101 },
  ])
  const reason = 'objectId: expected an id (digits), got a string of 5 characters'
  expect(await world.data(dead)).toMatchObject({
    deliveries: { totalCount: odd.length + 1, nodes: expect.arrayContaining([{ reason }]) },
  })
  for (const id of odd)
    expect(await world.data('query($id: ID!) { customer(id: $id) { id } }', { id })).toEqual({ customer: null })
  const ids = world.hubspot.requests.flatMap(({ body }) => [...body.matchAll(/"id":"([^"]*)"/g)].map(found => found[1]))
  expect(ids.filter(id => odd.includes(id ?? ''))).toEqual([])
  expect(pathsOf(world).filter(path => /\.\.|00103|%20103/.test(path))).toEqual([])
})

test('records of Stripe that no address can name are left out; others are asked under their whole id', async () => {
  const odd = ['.', '..', '', 'x'.repeat(256)]
  const whole = ['a/../b', 'what?', 'gold plan']
  const products: RawRecords = Object.fromEntries(
    [...odd, ...whole].map(id => [id, rawProduct(id, { name: `Product ${id}` })]),
  )
  const customers: RawRecords = Object.fromEntries([...odd, 'cus_1'].map(id => [id, rawCustomer(id)]))
  const invoices: RawRecords = Object.fromEntries([...odd, 'in/../1'].map(id => [id, rawInvoice(id, 'cus_1', {})]))
  const world = await startFieldWorld({ stripe: [stripeAccount({ products, customers, invoices })] })
  expect(await world.data('{ products { totalCount } orders { nodes { id status } } }')).toMatchObject({
    products: { totalCount: whole.length },
    orders: { nodes: [{ id: 'in/../1', status: expect.any(String) }] },
  })
  expect(leftOut(world)).toBe(3 * odd.length)
  for (const id of whole)
    expect(await world.data('query($id: ID!) { product(id: $id) { name } }', { id })).toEqual({
      product: { name: `Product ${id}` },
    })
  for (const id of odd) {
    await world.tellStripe(rawEvent('product.updated', rawProduct(id), {}))
    expect(await world.data('query($id: ID!) { product(id: $id) { name } }', { id })).toEqual({ product: null })
  }
  expect(await world.data(dead)).toMatchObject({ deliveries: { totalCount: odd.length } })
  expect(pathsOf(world)).toContain('/v1/products/a%2F..%2Fb')
  expect(pathsOf(world).filter(path => !path.startsWith('/v1/') && path.includes('v1'))).toEqual([])
})

test('tasks of Asana with ids that are none are left out of the list, and their events are dead', async () => {
  const odd = ['abc/../x?', '0071', ' 71', '..', '']
  const tasks: RawRecords = Object.fromEntries(['71', ...odd].map(gid => [gid, task(gid, section)]))
  const world = await startFieldWorld({
    asana: [asanaAccount({ project: '99', sections: [section], fields, tasks })],
  })
  await world.gateway.connect('asana', () => undefined)
  expect(await world.data('{ jobs { nodes { id title } totalCount } }')).toEqual({
    jobs: { nodes: [{ id: '71', title: 'Task 71' }], totalCount: 1 },
  })
  expect(leftOut(world)).toBe(odd.length)
  await world.tellAsana(
    odd.map(gid => ({ created_at: at, action: 'changed', parent: null, resource: { gid, resource_type: 'task' } })),
  )
  expect(await world.data(dead)).toMatchObject({ deliveries: { totalCount: odd.length } })
  for (const id of odd)
    expect(await world.data('query($id: ID!) { job(id: $id) { id } }', { id })).toEqual({ job: null })
  const asked = world.asana.requests.flatMap(({ path, body }) => [path, ...(body.match(/\/tasks\/[^"]*/g) ?? [])])
  expect(asked.filter(path => /\.\.|0071|%20|abc/.test(path))).toEqual([])
})
