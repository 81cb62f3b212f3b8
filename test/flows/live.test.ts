import { expect, test } from 'vitest'
import { startWorld } from './world.ts'

const watchAda = `subscription { customerChanged(id: "101") { change { kind fields system cursor } customer { id phone orders(first: 1) { nodes { id } } } } }`

test('the examples of the README work as they stand', async () => {
  const world = await startWorld()
  const page = await world.data(
    `query { customers(first: 2) { nodes { id name email orders(first: 3) { nodes { id number status total { amount currency } } }
      jobs(first: 3) { nodes { id title status } } } pageInfo { hasNextPage endCursor } } }`,
  )
  expect(page).toMatchObject({ customers: { nodes: [{ orders: {}, jobs: {} }, {}], pageInfo: { hasNextPage: true } } })
  expect(
    await world.data(`query { customer(id: "101") { id name phone email orders(first: 1) { nodes { id } } } }`),
  ).toMatchObject({ customer: { id: '101', name: 'Ada Larkin', orders: { nodes: [{}] } } })
  expect(
    await world.data(`mutation { updateCustomer(input: { id: "101", phone: "+15550100" }) { customer { id phone } } }`),
  ).toEqual({ updateCustomer: { customer: { id: '101', phone: '+15550100' } } })
  expect(await world.data(`query { customer(id: "101") { phone } }`)).toEqual({ customer: { phone: '+15550100' } })
  expect(await world.data(`query { ownership { entity field owner system copies } }`)).toMatchObject({
    ownership: expect.arrayContaining([
      { entity: 'Customer', field: 'email', owner: 'crm', system: 'hubspot', copies: ['stripe'] },
    ]),
  })
})

test('a change made in the CRM is on the screen of whoever watches, with the new value', async () => {
  const world = await startWorld()
  const frames = world.subscribe(watchAda)
  const first = await frames.next()
  expect(first).toMatchObject({
    data: { customerChanged: { change: { kind: 'CURRENT', fields: [], system: null }, customer: { id: '101' } } },
  })
  world.tools.hubspot.updateContact('101', { phone: '+15550123' })
  expect(await frames.next()).toMatchObject({
    data: {
      customerChanged: {
        change: { kind: 'UPDATED', fields: ['phone'], system: 'hubspot' },
        customer: { phone: '+15550123' },
      },
    },
  })
})

test('an order that is paid, and a job that moves on, reach whoever watches the customer', async () => {
  const world = await startWorld()
  const frames = world.subscribe(
    `subscription { customerChanged(id: "101") { change { kind system } customer { jobs(first: 50) { nodes { id status } } orders(first: 50) { nodes { id status } } } } }`,
  )
  await frames.next()
  world.tools.asana.moveTask('55', 'Done')
  const moved = await frames.next()
  expect(moved).toMatchObject({ data: { customerChanged: { change: { kind: 'UPDATED', system: 'asana' } } } })
  expect(JSON.stringify(moved)).toContain('{"id":"55","status":"Done"}')
})

test('what a mutation wrote is told once: the webhook that follows is an echo', async () => {
  const world = await startWorld()
  const frames = world.subscribe(`subscription { changes(entities: ["Customer"]) { change { kind fields } entityId } }`)
  await frames.next()
  await world.data(`mutation { updateCustomer(input: { id: "101", phone: "+15550111" }) { customer { phone } } }`)
  expect(await frames.next()).toMatchObject({
    data: { changes: { change: { kind: 'UPDATED', fields: ['phone'] }, entityId: '101' } },
  })
  await world.settled()
  world.tools.hubspot.updateContact('102', { phone: '+15550112' })
  expect(await frames.next()).toMatchObject({ data: { changes: { entityId: '102' } } })
})
