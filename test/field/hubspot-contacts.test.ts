import { describe, expect, test } from 'vitest'
import { contact, hubspotAccount, type Raw, type RawRecords } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'
import type { Answer } from './vendor-server.ts'

const order = ['subscriber', 'lead', 'marketingqualifiedlead', 'salesqualifiedlead', 'opportunity', 'customer']

/** Lifecycle stages as HubSpot tells of them. */
function stages(options: RawRecords): Answer {
  return ({ path }) =>
    path === '/crm/v3/properties/contacts/lifecyclestage'
      ? { body: { name: 'lifecyclestage', type: 'enumeration', options: Object.values(options) } }
      : undefined
}

const stage = (value: string, label: string | null): Raw => ({ value, label, displayOrder: 0, hidden: false })

/**
 * Updates of contacts as HubSpot answers them: a stage that goes back is passed over with success, e-mails are in lower case, phone numbers
 * get a format.
 */
function updates(contacts: RawRecords, written: Raw[] = []): Answer {
  return ({ method, path, body }) => {
    const id = path.replace('/crm/v3/objects/contacts/', '')
    const before = contacts[id]
    if (method !== 'PATCH' || before === undefined) return undefined
    const { properties: sent }: { properties: Record<string, string> } = JSON.parse(body)
    written.push(sent)
    const has: Record<string, string> = { ...Object(before['properties']) }
    for (const [name, value] of Object.entries(sent)) {
      const isBack =
        name === 'lifecyclestage' && order.indexOf(value) >= 0 && order.indexOf(value) < order.indexOf(has[name] ?? '')
      if (!isBack)
        has[name] = name === 'email' ? value.trim().toLowerCase() : name === 'phone' ? value.replace(/ /g, '-') : value
    }
    contacts[id] = contact(id, has)
    const told = Object.fromEntries(Object.keys(sent).map(name => [name, has[name] ?? null]))
    return { body: contact(id, told) }
  }
}

describe('a lifecycle stage', () => {
  test('goes back: it is emptied first, and never success with another one', async () => {
    const contacts = { 101: contact('101', { email: 'a@example.com', lifecyclestage: 'customer' }) }
    const written: Raw[] = []
    const world = await startFieldWorld({ hubspot: [updates(contacts, written), hubspotAccount({ contacts })] })
    const write =
      'mutation { updateCustomer(input: { id: "101", lifecycleStage: LEAD }) { customer { lifecycleStage } } }'
    expect(await world.data(write)).toEqual({ updateCustomer: { customer: { lifecycleStage: 'LEAD' } } })
    expect(written).toEqual([{ lifecyclestage: 'lead' }, { lifecyclestage: '' }, { lifecyclestage: 'lead' }])
  })

  test('that does not go back even so is an error that says so, and the old one comes back', async () => {
    const contacts = { 101: contact('101', { lifecyclestage: 'customer' }) }
    // Some workflow of the account sets it again.
    const stubborn: Answer = ({ method, path }) =>
      method === 'PATCH' && path.endsWith('/101') ? { body: contact('101', { lifecyclestage: 'customer' }) } : undefined
    const world = await startFieldWorld({ hubspot: [stubborn, hubspotAccount({ contacts })] })
    const { data, errors } = await world.ask(
      'mutation { updateCustomer(input: { id: "101", lifecycleStage: LEAD }) { customer { lifecycleStage } } }',
    )
    expect(data).toMatchObject({ updateCustomer: null })
    expect(errors).toMatchObject([{ extensions: { code: 'SYSTEM_INCOMPLETE' } }])
    expect(errors[0]?.message).toContain('lifecycleStage')
  })

  test('whose second request fails leaves the contact with the one it had', async () => {
    const contacts = { 101: contact('101', { lifecyclestage: 'customer' }) }
    let isDown = false
    const failing: Answer = ({ method, body }) => {
      if (method === 'PATCH' && body.includes('"lead"') && isDown) {
        const message = 'You have reached your secondly limit.'
        return { status: 429, body: { status: 'error', policyName: 'SECONDLY', message } }
      }
      if (method === 'PATCH' && body.includes('"lifecyclestage":""')) isDown = true
      return undefined
    }
    const world = await startFieldWorld({ hubspot: [failing, updates(contacts), hubspotAccount({ contacts })] })
    const { errors } = await world.ask(
      'mutation { updateCustomer(input: { id: "101", lifecycleStage: LEAD }) { customer { id } } }',
    )
    expect(errors).toHaveLength(1)
    await expect
      .poll(() => JSON.stringify(contacts['101']), { timeout: 20_000 })
      .toContain('"lifecyclestage":"customer"')
  })

  test("of the business's own keeps its name, is told apart, filtered and written", async () => {
    const contacts = {
      101: contact('101', { lifecyclestage: '58239147' }),
      102: contact('102', { lifecyclestage: '58239148' }),
      103: contact('103', { lifecyclestage: 'salesqualifiedlead' }),
    }
    const options = {
      a: stage('lead', 'Lead'),
      b: stage('salesqualifiedlead', 'Sales Qualified Lead'),
      c: stage('58239147', 'On trial'),
      d: stage('58239148', null),
    }
    const world = await startFieldWorld({ hubspot: [stages(options), updates(contacts), hubspotAccount({ contacts })] })
    expect(
      await world.data(`{ customers(order: OLDEST_FIRST) { nodes { id lifecycleStage lifecycleStageName } }
        trial: customers(filter: { lifecycleStageName: ["On trial"] }) { totalCount nodes { id } }
        other: customers(filter: { lifecycleStage: [OTHER] }) { totalCount }
        qualified: customers(filter: { lifecycleStage: [QUALIFIED_LEAD] }) { nodes { id } }
        both: customers(filter: { lifecycleStage: [QUALIFIED_LEAD], lifecycleStageName: ["On trial"] }) { totalCount }
        none: customers(filter: { lifecycleStageName: ["Unheard of"] }) { totalCount } }`),
    ).toEqual({
      customers: {
        nodes: [
          { id: '101', lifecycleStage: 'OTHER', lifecycleStageName: 'On trial' },
          { id: '102', lifecycleStage: 'OTHER', lifecycleStageName: '58239148' },
          { id: '103', lifecycleStage: 'QUALIFIED_LEAD', lifecycleStageName: 'Sales Qualified Lead' },
        ],
      },
      trial: { totalCount: 1, nodes: [{ id: '101' }] },
      other: { totalCount: 2 },
      qualified: { nodes: [{ id: '103' }] },
      both: { totalCount: 0 },
      none: { totalCount: 0 },
    })
    const write = (name: string) =>
      `mutation { updateCustomer(input: { id: "103", lifecycleStageName: "${name}" }) { customer { lifecycleStageName } } }`
    expect(await world.data(write('On trial'))).toEqual({
      updateCustomer: { customer: { lifecycleStageName: 'On trial' } },
    })
    const { errors } = await world.ask(write('Ontrial'))
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
    expect(errors[0]?.message).toContain('"On trial"')

    const frames = world.subscribe(
      'subscription { customerChanged(id: "101") { change { fields } customer { lifecycleStageName } } }',
    )
    await frames.next()
    options.c = stage('58239147', 'Trying us')
    await world.sweep()
    expect(await frames.next()).toMatchObject({
      data: {
        customerChanged: { change: { fields: ['lifecycleStageName'] }, customer: { lifecycleStageName: 'Trying us' } },
      },
    })
    frames.end()
  })
})

describe('a write', () => {
  test("whose values HubSpot brings into its own form is success with HubSpot's values", async () => {
    const contacts = { 101: contact('101', {}) }
    const world = await startFieldWorld({ hubspot: [updates(contacts), hubspotAccount({ contacts })] })
    const input = 'id: "101", email: "Ada@Example.com", phone: "+46 70 000", name: "Ada  Lovelace"'
    expect(
      await world.data(`mutation { updateCustomer(input: { ${input} }) { customer { email phone name } } }`),
    ).toEqual({
      updateCustomer: { customer: { email: 'ada@example.com', phone: '+46-70-000', name: 'Ada Lovelace' } },
    })
  })

  test('that HubSpot accepts and ignores is an error that names the fields and no values', async () => {
    const contacts = { 101: contact('101', { phone: '1', city: 'London' }) }
    const deaf: Answer = ({ method, path }) =>
      method === 'PATCH' && path.endsWith('/101') ? { body: contact('101', { phone: '1', city: 'London' }) } : undefined
    const world = await startFieldWorld({ hubspot: [deaf, hubspotAccount({ contacts })] })
    const { data, errors } = await world.ask(
      'mutation { updateCustomer(input: { id: "101", phone: "secret 22", address: { city: "Paris" } }) { customer { id } } }',
    )
    expect(data).toMatchObject({ updateCustomer: null })
    expect(errors).toMatchObject([{ extensions: { code: 'SYSTEM_INCOMPLETE', isRetryable: false } }])
    expect(errors[0]?.message).toMatch(/phone.*address|address.*phone/)
    expect(errors[0]?.message).not.toContain('secret')
  })
})

describe('a company by association and a mobile number', () => {
  const contacts = () => ({
    301: contact('301', { company: null, associatedcompanyid: '9001', phone: '', mobilephone: '+46700000001' }),
    302: contact('302', { company: 'Typed Ltd', associatedcompanyid: '9001', phone: '1' }),
  })
  const company = (name: string): RawRecords => ({
    9001: {
      id: '9001',
      properties: { name },
      createdAt: '2026-01-01T00:00:00Z',
      updatedAt: '2026-01-01T00:00:00Z',
      archived: false,
    },
  })
  const ask = '{ customers(order: OLDEST_FIRST) { nodes { id company phone } } }'

  test('count where the plain field is empty, in searches too', async () => {
    const world = await startFieldWorld({
      hubspot: [hubspotAccount({ contacts: contacts(), companies: company('Nordlicht AB') })],
    })
    const nodes = [
      { id: '301', company: 'Nordlicht AB', phone: '+46700000001' },
      { id: '302', company: 'Typed Ltd', phone: '1' },
    ]
    expect(await world.data(ask)).toEqual({ customers: { nodes } })
    expect(await world.data('{ searchCustomers(text: "Nordlicht") { id company phone } }')).toEqual({
      searchCustomers: nodes,
    })
    expect(world.hubspot.requests.filter(({ path }) => path === '/crm/v3/objects/companies/batch/read')).toHaveLength(1)
  })

  test.each([
    ['a webhook', true],
    ['the next sweep', false],
  ])('are shown under a new name by %s', async (_, isTold) => {
    const account = { contacts: contacts(), companies: company('Nordlicht AB') }
    const world = await startFieldWorld({ hubspot: [hubspotAccount(account)] })
    await world.data(ask)
    const frames = world.subscribe(
      'subscription { customerChanged(id: "301") { change { fields } customer { company } } }',
    )
    await frames.next()
    account.companies = company('Polarlicht AB')
    const renamed = {
      eventId: 1,
      subscriptionId: 2,
      portalId: 3,
      occurredAt: Date.now(),
      subscriptionType: 'object.propertyChange',
      objectTypeId: '0-2',
      objectId: 9001,
      propertyName: 'name',
      propertyValue: 'Polarlicht AB',
    }
    if (isTold) await world.tellHubspot([renamed])
    else await world.sweep()
    expect(await frames.next()).toMatchObject({
      data: { customerChanged: { change: { fields: ['company'] }, customer: { company: 'Polarlicht AB' } } },
    })
    expect(frames.waiting).toEqual([])
    frames.end()
  })

  test('without the scope cost the company alone, with an error that says which scope', async () => {
    const body = {
      status: 'error',
      category: 'MISSING_SCOPES',
      message: 'This app has not been granted all required scopes',
      errors: [{ message: 'One or more', context: { requiredGranularScopes: ['crm.objects.companies.read'] } }],
    }
    const refused: Answer = ({ path }) => (path.includes('/companies') ? { status: 403, body } : undefined)
    const world = await startFieldWorld({ hubspot: [refused, hubspotAccount({ contacts: contacts() })] })
    const { data, errors } = await world.ask(ask)
    expect(data).toEqual({
      customers: {
        nodes: [
          { id: '301', company: null, phone: '+46700000001' },
          { id: '302', company: 'Typed Ltd', phone: '1' },
        ],
      },
    })
    expect(errors).toMatchObject([
      { path: ['customers', 'nodes', 0, 'company'], extensions: { code: 'SYSTEM_UNAUTHORIZED' } },
    ])
    expect(errors[0]?.message).toContain('crm.objects.companies.read')
    expect(await world.data('{ systems { system isAuthorized } }')).toMatchObject({
      systems: [{ isAuthorized: true }, {}, {}],
    })
    await world.sweep()
  })
})

test('two contacts that get a company in one moment, told of with one eventId, both show it', async () => {
  const named = (id: string, more: Raw = {}): Raw => contact(id, { firstname: `C${id}`, ...more })
  const contacts: RawRecords = { 110: named('110'), 111: named('111') }
  const companies: RawRecords = { 7001: contact('7001', { name: 'Acme' }) }
  const world = await startFieldWorld({ hubspot: [hubspotAccount({ contacts, companies })] })
  const both = '{ a: customer(id: "110") { company } b: customer(id: "111") { company } }'
  expect(await world.data(both)).toEqual({ a: { company: null }, b: { company: null } })
  const later = { updatedAt: new Date().toISOString() }
  for (const id of ['110', '111']) contacts[id] = { ...named(id, { associatedcompanyid: '7001' }), ...later }
  const told = (fromObjectId: number): Raw => ({
    portalId: 1,
    subscriptionId: 9,
    eventId: 777,
    occurredAt: Date.now(),
    subscriptionType: 'contact.associationChange',
    associationType: 'CONTACT_TO_COMPANY',
    fromObjectId,
    toObjectId: 7001,
    associationRemoved: false,
  })
  const first = told(110)
  expect(await world.tellHubspot([first, { ...first, fromObjectId: 111 }])).toBe(200)
  expect(await world.data('{ deliveries(first: 0) { totalCount } }')).toEqual({ deliveries: { totalCount: 2 } })
  expect(await world.data(both)).toEqual({ a: { company: 'Acme' }, b: { company: 'Acme' } })
})
