import { expect, test } from 'vitest'
import { askElsewhere, at, codes, silentWorld, textAt } from './reading.ts'
import { startWorld } from './world.ts'

const allOf = `id name email phone address { street city region postalCode country } company lifecycleStage createdAt updatedAt`

test('a created customer is in the CRM, in the answer, and in every list, filter and count at once', async () => {
  const world = await silentWorld()
  const before = await world.data(`{ customers(first: 1) { totalCount } }`)
  const input = {
    name: 'Grace Brewster Hopper',
    email: 'Grace@Example.net',
    phone: '+15550142',
    address: { street: '1 Harbour View', city: 'Portland', region: 'OR', postalCode: '97201', country: 'US' },
    company: 'Navy Heating',
    lifecycleStage: 'LEAD',
  }
  const answer = await world.data(
    `mutation($input: CreateCustomerInput!) { createCustomer(input: $input) { customer { ${allOf} orders(first: 1) { totalCount } jobs(first: 1) { totalCount } } } }`,
    { input },
  )
  const id = textAt(answer, 'createCustomer.customer.id')
  expect(at(answer, 'createCustomer.customer')).toMatchObject({
    id,
    name: 'Grace Brewster Hopper',
    phone: '+15550142',
    address: input.address,
    company: 'Navy Heating',
    lifecycleStage: 'LEAD',
    orders: { totalCount: 0 },
    jobs: { totalCount: 0 },
  })
  expect(world.tools.hubspot.contact(id)?.properties).toMatchObject({
    firstname: 'Grace Brewster',
    lastname: 'Hopper',
    phone: '+15550142',
    address: '1 Harbour View',
    city: 'Portland',
    state: 'OR',
    zip: '97201',
    country: 'US',
    company: 'Navy Heating',
    lifecyclestage: 'lead',
  })
  const total = Number(at(before, 'customers.totalCount')) + 1
  expect(
    await askElsewhere(
      world,
      `query($id: ID!) {
        customer(id: $id) { name }
        newest: customers(first: 1) { nodes { id } totalCount }
        byEmail: customers(filter: { email: " GRACE@example.NET " }) { nodes { id phone } totalCount }
        leads: customers(first: 100, filter: { lifecycleStage: [LEAD], email: "grace@example.net" }) { totalCount }
        others: customers(filter: { lifecycleStage: [OPPORTUNITY], email: "grace@example.net" }) { totalCount }
      }`,
      { id },
    ),
  ).toEqual({
    customer: { name: 'Grace Brewster Hopper' },
    newest: { nodes: [{ id }], totalCount: total },
    byEmail: { nodes: [{ id, phone: '+15550142' }], totalCount: 1 },
    leads: { totalCount: 1 },
    others: { totalCount: 0 },
  })
})

test('an update writes what it names, empties what is null, and leaves the rest as it is', async () => {
  const world = await silentWorld()
  const before = await world.data(`{ customer(id: "101") { ${allOf} } }`)
  const began = new Date(Date.now() - 1).toISOString()
  const answer = await world.data(
    `mutation { updateCustomer(input: { id: "101", phone: null, email: "ada@engines.example", company: "Engines", address: { city: "Boulder" } }) { customer { ${allOf} } } }`,
  )
  expect(at(answer, 'updateCustomer.customer')).toEqual({
    ...Object(at(before, 'customer')),
    phone: null,
    email: 'ada@engines.example',
    company: 'Engines',
    address: { ...Object(at(before, 'customer.address')), city: 'Boulder' },
    updatedAt: expect.any(String),
  })
  const { properties } = world.tools.hubspot.contact('101') ?? {}
  expect(properties).toMatchObject({
    email: 'ada@engines.example',
    company: 'Engines',
    firstname: 'Ada',
    city: 'Boulder',
  })
  expect(properties?.['phone'] ?? '').toBe('')
  expect(
    await askElsewhere(
      world,
      `query($began: DateTime) {
        customer(id: "101") { email phone }
        now: customers(filter: { email: "ada@engines.example" }) { nodes { id } totalCount }
        before: customers(filter: { email: "ada.larkin@example.com" }) { nodes { id } totalCount }
        changed: customers(filter: { changedSince: $began }) { nodes { id } totalCount }
      }`,
      { began },
    ),
  ).toMatchObject({
    customer: { email: 'ada@engines.example', phone: null },
    now: { nodes: [{ id: '101' }], totalCount: 1 },
    before: { totalCount: 0 },
    changed: { nodes: [{ id: '101' }], totalCount: 1 },
  })
})

test('a customer written by an id that a merge retired is the winner', async () => {
  const world = await startWorld()
  world.tools.hubspot.mergeContacts('103', '104')
  await world.settled()
  const answer = await world.data(
    `mutation { updateCustomer(input: { id: "104", phone: "+15550161" }) { customer { id phone } } }`,
  )
  expect(answer).toEqual({ updateCustomer: { customer: { id: '103', phone: '+15550161' } } })
  expect(world.tools.hubspot.contact('103')?.properties['phone']).toBe('+15550161')
  expect(await askElsewhere(world, `{ customer(id: "103") { phone } old: customer(id: "104") { id phone } }`)).toEqual({
    customer: { phone: '+15550161' },
    old: { id: '103', phone: '+15550161' },
  })
})

test('wrong input is refused with its reason, and nothing is written', async () => {
  const world = await silentWorld()
  const before = JSON.stringify(world.tools.hubspot.snapshot())
  const refused = async (fields: string, ...expected: readonly string[]) => {
    const answer = await world.ask(`mutation { ${fields} }`)
    expect([fields, codes(answer)]).toEqual([fields, expected])
    return answer.errors.map(({ message }) => message).join('\n')
  }
  expect(await refused(`createCustomer(input: {}) { customer { id } }`, 'BAD_USER_INPUT')).toContain('input')
  expect(
    await refused(`createCustomer(input: { email: "no address" }) { customer { id } }`, 'BAD_USER_INPUT'),
  ).toContain('email')
  expect(
    await refused(
      `createCustomer(input: { name: "A", email: "ada.larkin@example.com" }) { customer { id } }`,
      'BAD_USER_INPUT',
    ),
  ).toContain('e-mail')
  await refused(
    `updateCustomer(input: { id: "102", email: "ada.larkin@example.com" }) { customer { id } }`,
    'BAD_USER_INPUT',
  )
  await refused(`updateCustomer(input: { id: "101" }) { customer { id } }`, 'BAD_USER_INPUT')
  await refused(`updateCustomer(input: { id: "101", address: {} }) { customer { id } }`, 'BAD_USER_INPUT')
  await refused(`updateCustomer(input: { id: "9999", phone: "1" }) { customer { id } }`, 'NOT_FOUND')
  await refused(`updateCustomer(input: { id: "../101", phone: "1" }) { customer { id } }`, 'NOT_FOUND')
  expect(JSON.stringify(world.tools.hubspot.snapshot())).toBe(before)
})
