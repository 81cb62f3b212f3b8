import { afterEach, expect, test, vi } from 'vitest'
import { VendorError } from '../../../../subgraphs/vendor-error.ts'
import { startHubspot, type HubspotSimulator } from '../../../simulators/hubspot/simulator.ts'
import { openHubspot, type Opened } from './open.ts'
import { stepsInMemory } from '../../steps.ts'

const running: { close(): void | Promise<void> }[] = []

afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.close()
})

async function start(
  options: { clock?: () => Date; token?: string } = {},
): Promise<Opened & { readonly simulator: HubspotSimulator }> {
  const simulator = await startHubspot()
  running.push(simulator)
  const opened = openHubspot(simulator.url, options)
  running.push(opened)
  return { ...opened, simulator }
}

test('a contact is a customer with all its fields', async () => {
  const { system, context, simulator } = await start()
  const { id, createdAt, updatedAt } = simulator.createContact({
    firstname: 'Ada',
    lastname: 'Lovelace',
    email: 'ada@example.com',
    phone: '+1 555 0100',
    city: 'London',
    zip: 'W1',
    company: 'Engines',
    lifecyclestage: 'salesqualifiedlead',
  })
  expect(await system.source.company(id, context)).toBe('Engines')
  expect(await system.source.customer(id, context)).toEqual({
    id,
    name: 'Ada Lovelace',
    email: 'ada@example.com',
    phone: '+1 555 0100',
    address: { street: null, city: 'London', region: null, postalCode: 'W1', country: null },
    lifecycleStage: 'QUALIFIED_LEAD',
    createdAt,
    updatedAt,
  })
})

test('a page of 50 is one call, and 101 are two', async () => {
  const { simulator, readMany, spent } = await start()
  const ids = Array.from({ length: 101 }, () => simulator.createContact({ firstname: 'x' }).id)
  expect((await readMany(ids.slice(0, 50))).size).toBe(50)
  expect(spent).toEqual(['account'])
  expect((await readMany(ids)).size).toBe(101)
  expect(spent).toHaveLength(3)
})

test('ids that do not exist are missing, and nothing else is', async () => {
  const { simulator, readMany, spent } = await start()
  const { id } = simulator.createContact({ firstname: 'x' })
  const found = await readMany([id, '999999', '999998'])
  expect([...found.keys()]).toEqual([id])
  expect(spent).toHaveLength(1)
})

test('an id retired by a merge answers with the winner, asked alone or beside it', async () => {
  const { system, context, simulator, readMany } = await start()
  const winner = simulator.createContact({ firstname: 'Winner' })
  const loser = simulator.createContact({ firstname: 'Loser' })
  simulator.mergeContacts(winner.id, loser.id)
  const found = await readMany([loser.id, winner.id])
  expect(found.get(loser.id)).toMatchObject({ id: winner.id })
  expect((await system.source.customer(loser.id, context))?.id).toBe(winner.id)
  const record = { system: 'hubspot', kind: 'contact', id: loser.id }
  expect(await system.observe(record, context)).toMatchObject({ record: { id: winner.id }, formerIds: [record.id] })
  expect((await system.observe({ ...record, id: winner.id }, context))?.record.id).toBe(winner.id)
})

test('the import lists every contact once and knows how many there are', async () => {
  const { system, context, simulator } = await start()
  for (let index = 0; index < 120; index += 1) simulator.createContact({ firstname: 'x' })
  const [importer] = system.importers
  const seen: string[] = []
  let total: number | null = null
  let cursor: string | null | undefined
  while (cursor !== null) {
    const page = await importer?.list(cursor ?? null, context.call)
    seen.push(...(page?.observed ?? []).map(({ record }) => record.id))
    total ??= page?.total ?? null
    cursor = page?.next ?? null
  }
  expect(new Set(seen).size).toBe(seen.length)
  expect(seen.length).toBeGreaterThan(120)
  expect(total).toBe(seen.length)
})

test('the import observes stage, e-mail and version', async () => {
  const { system, context, simulator } = await start()
  const { id, createdAt, updatedAt } = simulator.createContact({
    firstname: 'Ada',
    email: 'Ada@Example.com',
    lifecyclestage: '1234',
  })
  const record = { system: 'hubspot', kind: 'contact', id }
  expect(await system.observe(record, context)).toEqual({
    record,
    parents: [],
    status: '1234',
    isClosed: null,
    createdAt,
    updatedAt,
    email: 'ada@example.com',
    emails: [],
    names: null,
    mentions: [{ record: { system: 'hubspot', kind: 'lifecycle_stage', id: '1234' } }],
    formerIds: [],
    values: { name: 'Ada' },
  })
})

test('a search is asked once in 2 s, from a budget of its own', async () => {
  let now = Date.now()
  const { system, context, simulator, spent } = await start({ clock: () => new Date(now) })
  const { id } = simulator.createContact({ firstname: 'Zebedee', lastname: 'Quux' })
  const search = () => system.source.search('zebedee', 5, context)
  expect(await search()).toEqual([id])
  now += 1999
  expect(await search()).toEqual([id])
  // Contacts by what stands with them, and by the companies they are associated with.
  expect(spent).toEqual(['search', 'search'])
  now += 2
  await search()
  expect(spent).toEqual(['search', 'search', 'search', 'search'])
})

test('a customer is created with the fields given, and observed when the answer says enough', async () => {
  const { system, context, simulator } = await start()
  const [written] = await system.source.create(
    { name: 'Ada King Lovelace', email: 'ada@example.com', lifecycleStage: 'LEAD', address: { city: 'London' } },
    context,
    stepsInMemory(),
  )
  expect(written).toMatchObject({
    kind: 'CREATED',
    fields: ['name', 'email', 'lifecycleStage', 'address', 'lifecycleStageName'],
    observed: { status: 'lead', email: 'ada@example.com' },
  })
  expect(simulator.contact(written.record.id)?.properties).toMatchObject({
    firstname: 'Ada King',
    lastname: 'Lovelace',
    city: 'London',
    lifecyclestage: 'lead',
  })
})

test('an update leaves what it does not name, empties with null, and claims no more than its answer says', async () => {
  const { system, context, simulator } = await start()
  const { id } = simulator.createContact({ email: 'ada@example.com', phone: '1', city: 'London', zip: 'W1' })
  const [written] = await system.source.update(
    id,
    { phone: null, address: { city: 'Paris' } },
    context,
    stepsInMemory(),
  )
  expect(written).toMatchObject({ kind: 'UPDATED', fields: ['phone', 'address'] })
  expect(written.observed).toBeUndefined()
  const properties = simulator.contact(id)?.properties
  expect(properties).toMatchObject({ email: 'ada@example.com', city: 'Paris', zip: 'W1' })
  expect(properties).not.toHaveProperty('phone')
})

test('an update of what is no contact is told as not found, without an address made of it', async () => {
  const { system, context, simulator, spent } = await start()
  await expect(system.source.update('..', { phone: '1' }, context, stepsInMemory())).rejects.toMatchObject({
    kind: 'not-found',
  })
  expect(spent).toEqual([])
  await expect(system.source.update('999999', { phone: '1' }, context, stepsInMemory())).rejects.toMatchObject({
    kind: 'not-found',
  })
  expect(simulator.requests.total).toBe(1)
})

test('an e-mail address somebody has already is refused in words for the client', async () => {
  const { system, context, simulator } = await start()
  const { id } = simulator.createContact({ email: 'ada@example.com' })
  await expect(system.source.create({ email: 'ada@example.com' }, context, stepsInMemory())).rejects.toMatchObject({
    kind: 'rejected',
    inputFault: `Expected an e-mail address that no other customer has; customer ${id} has this one.`,
  })
})

test('a value HubSpot refuses is named by our field, without the value', async () => {
  const { system, context } = await start()
  const failing = system.source.create({ email: 'secret@nowhere' }, context, stepsInMemory())
  await expect(failing).rejects.toMatchObject({
    kind: 'rejected',
    inputFault: 'The CRM does not accept the value of email (INVALID_EMAIL).',
  })
  await expect(failing).rejects.toSatisfy(error => !String(error).includes('secret'))
})

test('reads are repeated after a passing fault, creates never', async () => {
  const { system, context, simulator } = await start()
  const { id } = simulator.createContact({ firstname: 'x' })
  simulator.faults.add({ kind: 'error', times: 1 })
  expect((await system.source.customer(id, context))?.name).toBe('x')
  simulator.faults.add({ kind: 'error', times: 1 })
  await expect(system.source.create({ name: 'y' }, context, stepsInMemory())).rejects.toMatchObject({
    kind: 'unavailable',
  })
  expect(simulator.requests.count('POST /crm/v3/objects/contacts')).toBe(1)
})

test('requests go through the agent of the road, and end with the deadline of a try', async () => {
  const { system, context, simulator, agents } = await start()
  await system.source.customer('101', context)
  const [agent] = agents
  expect(Object.values(agent?.freeSockets ?? {}).flat()).toHaveLength(1)
  simulator.faults.add({ kind: 'slow', delayMs: 10_000 })
  await expect(system.source.create({ name: 'y' }, context, stepsInMemory())).rejects.toMatchObject({ kind: 'timeout' })
  await vi.waitFor(() => expect(Object.values(agent?.sockets ?? {}).flat()).toHaveLength(0), 20_000)
})

test.each([
  ['html', 'unreadable'],
  ['wrong-types', 'unreadable'],
  ['drop', 'unavailable'],
  ['endless', 'unreadable'],
] as const)('the fault %s is %s', async (kind, expected) => {
  const { system, context, simulator } = await start()
  simulator.faults.add({ kind })
  const failure = await system.source.create({ name: 'y' }, context, stepsInMemory()).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(VendorError)
  // An endless answer runs into its size or its deadline, whichever comes first.
  const kinds = kind === 'endless' ? [expected, 'timeout'] : [expected]
  expect(kinds).toContain(failure instanceof VendorError ? failure.kind : failure)
})

test('a __proto__ in an answer does no harm', async () => {
  const { system, context, simulator } = await start()
  const { id } = simulator.createContact({ firstname: 'x' })
  simulator.faults.add({ kind: 'proto' })
  expect((await system.source.customer(id, context))?.name).toBe('x')
  expect(Object.keys(Object.prototype)).toEqual([])
})

test('a wrong token is told by connect, and how to get a right one', async () => {
  const { system, context } = await start({ token: 'other' })
  const secrets = {
    of: () => Promise.resolve([]),
    store: () => Promise.resolve(),
    whileHandshakePending: <T>(_: string, done: () => Promise<T>) => done(),
  }
  const report = await system.connect({ publicUrl: 'https://graph.example.com', secrets, call: context.call })
  expect(report.done).toEqual([])
  expect(report.missing.join()).toContain('401')
  expect(report.missing.join()).toContain('npm run connect -- hubspot --out <folder>')
})

test('connect with a good token says so', async () => {
  const { system, context } = await start()
  const secrets = {
    of: () => Promise.resolve([]),
    store: () => Promise.resolve(),
    whileHandshakePending: <T>(_: string, done: () => Promise<T>) => done(),
  }
  const report = await system.connect({ publicUrl: 'https://graph.example.com', secrets, call: context.call })
  expect(report.missing).toEqual([])
  expect(report.done).toEqual([
    'The access token may read contacts.',
    'The access token may write contacts.',
    expect.stringContaining('may read companies'),
    expect.stringContaining('lifecycle stages'),
  ])
  expect(report.awaited?.whenNone.join()).toContain('https://graph.example.com/webhooks/hubspot')
})
