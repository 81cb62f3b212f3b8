import { expect, test } from 'vitest'
import { z } from 'zod'
import { asanaAccount, contact, hubspotAccount, task, type Raw, type RawRecords } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'
import type { Answer } from './vendor-server.ts'

/** What integrations of these tools got wrong in public. Each title names the report. */

const head = { subscriptionId: 2, portalId: 3, occurredAt: Date.now() }
const section = (gid: string, name: string | null): Raw => ({ gid, resource_type: 'section', name })
const fields = ['123', '124'].map(gid => ({ gid, resource_type: 'custom_field', resource_subtype: 'text' }))
const properties = z.object({ properties: z.record(z.string(), z.string()) })
const taskData = z.object({ data: z.record(z.string(), z.unknown()) })

test('NangoHQ/integration-templates#589: emptied fields reach HubSpot as empty text, and are empty then', async () => {
  const contacts: RawRecords = {
    101: contact('101', {
      firstname: 'Ada',
      lastname: 'L',
      email: 'a@example.com',
      company: 'Engines',
      city: 'London',
    }),
  }
  const written: Raw[] = []
  const updates: Answer = ({ method, body }) => {
    if (method !== 'PATCH') return undefined
    const sent = properties.parse(JSON.parse(body)).properties
    written.push(sent)
    contacts['101'] = contact('101', { email: 'a@example.com', associatedcompanyid: null, ...sent })
    // HubSpot answers an emptied property with null or with empty text.
    return { body: contact('101', { ...sent, firstname: null, city: '' }) }
  }
  const world = await startFieldWorld({ hubspot: [updates, hubspotAccount({ contacts })] })
  const input = 'id: "101", name: null, company: null, address: { city: null }'
  expect(
    await world.data(
      `mutation { updateCustomer(input: { ${input} }) { customer { name company address { city } email } } }`,
    ),
  ).toEqual({ updateCustomer: { customer: { name: null, company: null, address: null, email: 'a@example.com' } } })
  expect(written).toEqual([{ firstname: '', lastname: '', company: '', city: '' }])
})

test('amp-labs/connectors#3487: a merge that makes a new contact, told after the deletions it causes', async () => {
  const contacts: RawRecords = {
    101: contact('101', { email: 'a@example.com' }),
    102: contact('102', { email: 'b@example.com' }),
  }
  const world = await startFieldWorld({ hubspot: [hubspotAccount({ contacts })] })
  expect(await world.data('{ customers { totalCount } }')).toEqual({ customers: { totalCount: 2 } })
  delete contacts['101']
  delete contacts['102']
  contacts['103'] = contact('103', { email: 'a@example.com', hs_merged_object_ids: '101;102' })
  await world.tellHubspot([{ ...head, eventId: 1, subscriptionType: 'contact.deletion', objectId: 102 }])
  await world.tellHubspot([
    {
      ...head,
      eventId: 2,
      subscriptionType: 'object.merge',
      objectTypeId: '0-1',
      primaryObjectId: 101,
      mergedObjectIds: [102],
      newObjectId: 103,
    },
    { ...head, eventId: 3, subscriptionType: 'object.creation', objectTypeId: '0-1', objectId: 103 },
  ])
  expect(
    await world.data('{ a: customer(id: "101") { id } b: customer(id: "102") { id } customers { nodes { id } } }'),
  ).toEqual({ a: { id: '103' }, b: { id: '103' }, customers: { nodes: [{ id: '103' }] } })
})

test('singer-io/tap-hubspot#34, supaglue#478: companies changed in bulk within one instant are all looked at', async () => {
  const many = 450
  // After the import, which the first sweep goes on from.
  const at = new Date(Date.now() + 30_000).toISOString()
  const ids = Array.from({ length: many }, (_, index) => String(9000 + index))
  const company = (id: string, name: string): Raw => ({
    id,
    properties: { name, hs_lastmodifieddate: at, hs_object_id: id },
    createdAt: at,
    updatedAt: at,
    archived: false,
  })
  const companies: RawRecords = Object.fromEntries(ids.map(id => [id, company(id, `Company ${id}`)]))
  const last = '9449'
  const contacts: RawRecords = { 101: contact('101', { company: '', associatedcompanyid: last }) }
  const searched = z.object({
    limit: z.number(),
    filterGroups: z.array(
      z.object({ filters: z.array(z.object({ propertyName: z.string(), operator: z.string(), value: z.string() })) }),
    ),
  })
  const search: Answer = ({ path, body }) => {
    if (path !== '/crm/v3/objects/companies/search') return undefined
    const { limit, filterGroups } = searched.parse(JSON.parse(body))
    const filters = filterGroups.flatMap(group => group.filters)
    const behind = filters.find(({ propertyName }) => propertyName === 'hs_object_id')
    const since = filters.find(({ propertyName }) => propertyName === 'hs_lastmodifieddate')
    const found = ids.filter(id => Number(id) > Number(behind?.value ?? 0))
    const isIn =
      since?.operator === 'EQ' ? Number(since.value) === Date.parse(at) : Number(since?.value ?? 0) <= Date.parse(at)
    return { body: { total: many, results: isIn ? found.slice(0, limit).map(id => companies[id]) : [] } }
  }
  const world = await startFieldWorld({ hubspot: [search, hubspotAccount({ contacts, companies })] })
  const frames = world.subscribe(
    'subscription { customerChanged(id: "101") { change { fields } customer { company } } }',
  )
  expect(await frames.next()).toMatchObject({ data: { customerChanged: { customer: { company: 'Company 9449' } } } })
  companies[last] = company(last, 'Renamed in bulk')
  await world.sweep()
  // It is the last of three pages of one instant.
  expect(await frames.next()).toMatchObject({
    data: { customerChanged: { change: { fields: ['company'] }, customer: { company: 'Renamed in bulk' } } },
  })
  const searches = world.hubspot.requests.filter(({ path }) => path === '/crm/v3/objects/companies/search')
  expect(searches.length).toBeGreaterThanOrEqual(3)
  frames.end()
})

test('AsanaArchive/asana-api-meta#73: a completed section has no name, and its jobs can be told apart, filtered and moved', async () => {
  const nameless = section('10', null)
  const tasks: RawRecords = { 71: task('71', nameless), 72: task('72', section('11', 'Open')) }
  const moves: Answer = ({ path }) => {
    if (!path.endsWith('/sections/10/addTask')) return undefined
    tasks['72'] = task('72', nameless)
    return { body: { data: {} } }
  }
  const asana = { project: '99', sections: [nameless, section('11', 'Open')], fields, tasks }
  const world = await startFieldWorld({ asana: [moves, asanaAccount(asana)] })
  expect(await world.data('{ job(id: "71") { status } jobs(filter: { status: ["10"] }) { nodes { id } } }')).toEqual({
    job: { status: '10' },
    jobs: { nodes: [{ id: '71' }] },
  })
  expect(await world.data('mutation { updateJob(input: { id: "72", status: "10" }) { job { status } } }')).toEqual({
    updateJob: { job: { status: '10' } },
  })
})

test('GeneralTask/task-manager#657: another edit leaves the due date as it is, and no day is one too early', async () => {
  const due = { due_on: '2026-03-01', due_at: '2026-03-02T04:30:00.000Z' }
  const tasks: RawRecords = { 71: task('71', section('10', 'Open'), due) }
  const sent: Raw[] = []
  const updates: Answer = ({ method, path, body }) => {
    if (method !== 'PUT' || !path.endsWith('/tasks/71')) return undefined
    const { data } = taskData.parse(JSON.parse(body))
    sent.push(data)
    tasks['71'] = { ...tasks['71'], ...data }
    return { body: { data: tasks['71'] } }
  }
  const asana = { project: '99', sections: [section('10', 'Open')], fields, tasks }
  const world = await startFieldWorld({ asana: [updates, asanaAccount(asana)] })
  expect(
    await world.data(
      'mutation { updateJob(input: { id: "71", title: "Another" }) { job { title schedule { startsOn endsOn endsAt } } } }',
    ),
  ).toEqual({
    updateJob: {
      job: { title: 'Another', schedule: { startsOn: null, endsOn: '2026-03-01', endsAt: '2026-03-02T04:30:00.000Z' } },
    },
  })
  expect(sent).toEqual([{ name: 'Another' }])
})

test('Asana/export_importer#48: a job keeps a disabled option, shows it, and none can be given it anew', async () => {
  const option = { gid: '5', name: 'Retired', enabled: false }
  const status = {
    gid: '555',
    resource_subtype: 'enum',
    enum_options: [option, { gid: '6', name: 'Open', enabled: true }],
  }
  const value = { gid: '555', resource_subtype: 'enum', enum_value: option, display_value: null }
  const tasks: RawRecords = { 71: task('71', section('10', 'Any'), { custom_fields: [value] }) }
  const asana = { project: '99', sections: [section('10', 'Any')], fields: [...fields, status], tasks }
  const world = await startFieldWorld({ asana: [asanaAccount(asana)], environment: { ASANA_STATUS: '555' } })
  expect(await world.data('{ job(id: "71") { status } jobs(filter: { status: ["Retired"] }) { totalCount } }')).toEqual(
    { job: { status: 'Retired' }, jobs: { totalCount: 1 } },
  )
  const { errors } = await world.ask('mutation { updateJob(input: { id: "71", status: "Retired" }) { job { id } } }')
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
  await world.sweep()
  expect(await world.data('{ job(id: "71") { status } }')).toEqual({ job: { status: 'Retired' } })
})
