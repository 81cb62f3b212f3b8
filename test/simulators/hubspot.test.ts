import { FilterOperatorEnum } from '@hubspot/api-client/lib/codegen/crm/contacts/index.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { call, now, small, world } from './hubspot/world.ts'
import type { HubspotSimulator } from './hubspot/simulator.ts'

const path = '/crm/v3/objects/contacts'

describe('contacts', () => {
  test('contact 101 is read with the SDK, by id and by e-mail', async () => {
    const { sdk, simulator } = await world()
    const contact = await sdk.basicApi.getById('101', ['email', 'phone', 'city', 'jobtitle', 'no_such_property'])
    expect(contact.id).toBe('101')
    expect(contact.createdAt).toBeInstanceOf(Date)
    expect(contact.properties).toEqual({
      email: 'ada.larkin@example.com',
      phone: simulator.contact('101')?.properties['phone'],
      city: simulator.contact('101')?.properties['city'],
      jobtitle: null,
      createdate: contact.createdAt.toISOString(),
      lastmodifieddate: contact.updatedAt.toISOString(),
      hs_object_id: '101',
    })
    const same = await sdk.basicApi.getById(
      'Ada.Larkin@example.com',
      undefined,
      undefined,
      undefined,
      undefined,
      'email',
    )
    expect(same.properties).toMatchObject({ firstname: 'Ada', lastname: 'Larkin', hs_object_id: '101' })
  })

  test('a contact is created, changed and archived with the SDK', async () => {
    const { sdk, move } = await world()
    const made = await sdk.basicApi.create({
      properties: { email: ' New.One@Example.com ', firstname: 'New' },
      associations: [],
    })
    expect(made.properties).toMatchObject({ email: 'new.one@example.com', firstname: 'New' })
    move(1000)
    const patched = await sdk.basicApi.update(made.id, { properties: { phone: '555-0142', firstname: '' } })
    expect(patched.properties).toMatchObject({ phone: '555-0142', firstname: null })
    expect(patched.updatedAt.getTime()).toBe(now.getTime() + 1000)

    await sdk.basicApi.archive(made.id)
    await expect(sdk.basicApi.getById(made.id)).rejects.toMatchObject({ code: 404 })
    const archived = await sdk.basicApi.getById(made.id, undefined, undefined, undefined, true)
    expect(archived).toMatchObject({ archived: true, archivedAt: expect.any(Date) })
    const page = await sdk.basicApi.getPage(100, undefined, undefined, undefined, undefined, true)
    expect(page.results.map(({ id }) => id)).toEqual([made.id])
  })

  test('a write that changes nothing leaves the contact and its time as they are', async () => {
    const { sdk, simulator, move } = await world()
    const before = simulator.contact('101')
    move(1000)
    await sdk.basicApi.update('101', { properties: {} })
    await sdk.basicApi.update('101', { properties: { firstname: 'Ada' } })
    expect(simulator.contact('101')).toBe(before)
  })

  test('an e-mail belongs to one contact: the second is refused and told whose it is', async () => {
    const { sdk } = await world()
    const taken = { properties: { email: 'ADA.larkin@example.com' }, associations: [] }
    await expect(sdk.basicApi.create(taken)).rejects.toMatchObject({
      code: 409,
      body: { status: 'error', category: 'CONFLICT', message: 'Contact already exists. Existing ID: 101' },
    })
    await expect(sdk.basicApi.update('102', { properties: taken.properties })).rejects.toMatchObject({ code: 409 })
  })

  test('properties that do not exist, are read-only or have wrong values are named', async () => {
    const { sdk } = await world()
    const properties = { colour: 'red', hs_object_id: '5', email: 'nonsense', lifecyclestage: 'friend' }
    await expect(sdk.basicApi.update('101', { properties })).rejects.toMatchObject({
      code: 400,
      body: {
        category: 'VALIDATION_ERROR',
        errors: [
          { code: 'PROPERTY_DOESNT_EXIST' },
          { code: 'READ_ONLY_VALUE' },
          { code: 'INVALID_EMAIL' },
          { code: 'INVALID_OPTION' },
        ],
      },
    })
  })

  test('a list pages over every contact once, though one is archived meanwhile', async () => {
    const { sdk, simulator } = await world()
    const first = await sdk.basicApi.getPage(100, undefined, ['email'])
    simulator.deleteContact('103')
    const second = await sdk.basicApi.getPage(100, first.paging?.next?.after)
    expect([first.results.length, second.results.length, second.paging]).toEqual([100, 50, undefined])
    expect(new Set([...first.results, ...second.results].map(({ id }) => id)).size).toBe(150)
    await expect(sdk.basicApi.getPage(101)).rejects.toMatchObject({ code: 400 })
  })

  test('whoever erases a contact finds it nowhere any more', async () => {
    const { client, sdk } = await world()
    const body = { objectId: 'ada.larkin@example.com', idProperty: 'email' }
    const response = await client.apiRequest({ method: 'POST', path: `${path}/gdpr-delete`, body })
    expect(response.status).toBe(204)
    await expect(sdk.basicApi.getById('101')).rejects.toMatchObject({ code: 404 })
    const archived = sdk.basicApi.getById('101', undefined, undefined, undefined, true)
    await expect(archived).rejects.toMatchObject({ code: 404 })
  })

  test('a wrong token, a wrong body and an unknown path are refused', async () => {
    const { simulator } = await world()
    expect((await fetch(`${simulator.url}${path}`)).status).toBe(401)
    expect((await call(simulator, 'POST', path, '{"properties":[]')).status).toBe(400)
    expect((await call(simulator, 'POST', `${path}/batch/read`, '{"inputs":5}')).status).toBe(400)
    expect((await call(simulator, 'GET', '/crm/v3/objects/unicorns')).status).toBe(404)
    const { simulator: open } = await world({ openDoor: true })
    expect((await fetch(`${open.url}${path}`)).status).toBe(200)
  })

  test('no body, however hostile, makes the simulator fail', async () => {
    const { simulator } = await world({ limits: { perTenSeconds: 10_000, searchPerSecond: 10_000 } })
    const routes = ['', '/search', '/merge', '/gdpr-delete', '/batch/read', '/batch/update', '/batch/upsert']
    const hostile = fc.oneof(fc.json(), fc.string(), fc.constant('{"properties":{"__proto__":"x"}}'))
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...routes), hostile, async (route, body) => {
        const { status } = await call(simulator, 'POST', `${path}${route}`, body)
        expect(status).toBeLessThan(500)
      }),
      { numRuns: 60 },
    )
  })
})

describe('batches', () => {
  test('a batch of 100 with some missing answers 207, each contact once, in an order of its own', async () => {
    const { sdk } = await world()
    const asked = [...Array.from({ length: 97 }, (_, at) => String(197 - at)), '101', '9001', '9002']
    const answer = await sdk.batchApi.read({ inputs: asked.map(id => ({ id })), ...asking('email') })
    expect(answer.results.map(({ id }) => id)).toEqual(Array.from({ length: 97 }, (_, at) => String(101 + at)))
    expect(answer).toMatchObject({
      status: 'COMPLETE',
      numErrors: 1,
      errors: [{ category: 'OBJECT_NOT_FOUND', context: { ids: ['9001', '9002'] } }],
    })
  })

  test('100 that are all there answer 200, 101 are refused', async () => {
    const { simulator } = await world()
    const inputs = Array.from({ length: 101 }, (_, at) => ({ id: String(101 + at) }))
    const all = await call(simulator, 'POST', `${path}/batch/read`, JSON.stringify({ inputs: inputs.slice(1) }))
    expect(all.status).toBe(200)
    expect((await call(simulator, 'POST', `${path}/batch/read`, JSON.stringify({ inputs }))).status).toBe(400)
  })

  test('a batch is read by e-mail, too', async () => {
    const { sdk } = await world()
    const inputs = [{ id: 'ada.larkin@example.com' }, { id: 'nobody@example.com' }]
    const answer = await sdk.batchApi.read({ inputs, ...asking('email'), idProperty: 'email' })
    expect(answer.results.map(({ id }) => id)).toEqual(['101'])
    expect(answer).toMatchObject({ errors: [{ context: { ids: ['nobody@example.com'] } }] })
  })

  test('of a batch of writes those are done that can be', async () => {
    const { sdk, simulator } = await world()
    const created = await sdk.batchApi.create({
      inputs: [
        { properties: { email: 'one@example.com' }, associations: [] },
        { properties: { email: 'ada.larkin@example.com' }, associations: [] },
      ],
    })
    expect(created.results).toHaveLength(1)
    expect(created).toMatchObject({ numErrors: 1, errors: [{ category: 'CONFLICT' }] })
    const updated = await sdk.batchApi.update({ inputs: [{ id: '101', properties: { city: 'Leeds' } }] })
    expect(updated.results).toHaveLength(1)
    expect(simulator.contact('101')?.properties['city']).toBe('Leeds')
    const upsert = (email: string) => ({ id: email, idProperty: 'email', properties: { city: 'York' } })
    const upserted = await sdk.batchApi.upsert({ inputs: [upsert('one@example.com'), upsert('two@example.com')] })
    expect(upserted.results.map(result => result._new)).toEqual([false, true])
    await sdk.batchApi.archive({ inputs: [{ id: '101' }, { id: '9001' }] })
    expect(simulator.contact('101')).toBeUndefined()
  })
})

describe('merges', () => {
  test("the seed's retired id answers with its winner, alone and in a batch", async () => {
    const { sdk } = await world()
    const [merge] = small.merges
    const retired = merge?.from ?? ''
    const alone = await sdk.basicApi.getById(retired, ['hs_merged_object_ids'])
    expect([alone.id, alone.properties['hs_merged_object_ids']]).toEqual([merge?.into, retired])
    const batch = await sdk.batchApi.read({ inputs: [{ id: retired }], ...asking('hs_merged_object_ids') })
    expect(batch.results.map(({ id }) => id)).toEqual([merge?.into])
  })

  test('the winner keeps what it has, takes what it lacks, and answers for the old id, however often', async () => {
    const { sdk, simulator } = await world()
    simulator.updateContact('102', { phone: '', email: 'winner@example.com' })
    simulator.updateContact('103', { phone: '555-0177', email: 'loser@example.com' })
    await sdk.basicApi.merge({ primaryObjectId: '102', objectIdToMerge: '103' })
    simulator.mergeContacts('104', '102')
    const found = await sdk.basicApi.getById('103', ['hs_merged_object_ids', 'hs_additional_emails'])
    expect(found.id).toBe('104')
    expect(found.properties['hs_merged_object_ids']).toBe('103;102')
    expect(found.properties['hs_additional_emails']).toContain('loser@example.com')
    expect(simulator.contact('103')).toBe(simulator.contact('104'))
    const page = await sdk.basicApi.getPage(100)
    expect(page.results.map(({ id }) => id)).not.toContain('103')
    const again = sdk.basicApi.merge({ primaryObjectId: '104', objectIdToMerge: '103' })
    await expect(again).rejects.toMatchObject({ code: 400 })
  })
})

describe('search', () => {
  test('what changed since an instant is found, oldest change first', async () => {
    const { sdk, simulator, move } = await world()
    move(1000)
    simulator.updateContact('105', { city: 'Leeds' })
    move(1000)
    simulator.updateContact('102', { city: 'Leeds' })
    const value = String(now.getTime() + 500)
    const found = await sdk.searchApi.doSearch({
      filterGroups: [{ filters: [{ propertyName: 'lastmodifieddate', operator: FilterOperatorEnum.Gte, value }] }],
      sorts: ['lastmodifieddate'],
      properties: ['city'],
      limit: 100,
    })
    expect(found.total).toBe(2)
    expect(found.results.map(({ id }) => id)).toEqual(['105', '102'])
  })

  test('groups are alternatives, filters within one hold together', async () => {
    const { simulator } = await world()
    const is = (propertyName: string, value: string) => ({ propertyName, operator: 'EQ', value })
    const filterGroups = [
      { filters: [is('email', 'ADA.LARKIN@example.com'), is('lifecyclestage', 'customer')] },
      { filters: [is('email', 'ada.larkin@example.com'), is('lifecyclestage', 'lead')] },
      { filters: [{ propertyName: 'hs_object_id', operator: 'IN', values: ['110', '9001'] }] },
      { filters: [{ propertyName: 'email', operator: 'CONTAINS_TOKEN', value: 'nobody*' }] },
    ]
    expect(await search(simulator, { filterGroups })).toMatchObject({ total: 2 })
  })

  test('words of the query begin names, e-mails or companies; digits stand in phone numbers', async () => {
    const { simulator } = await world()
    simulator.updateContact('101', { phone: '(555) 010-9876' })
    const ids = async (query: string) => {
      const { results } = await search(simulator, { query })
      return results.map(({ id }) => id)
    }
    expect(await ids('lark ADA')).toEqual(['101'])
    expect(await ids('ada.larkin@example.com')).toEqual(['101'])
    expect(await ids('010-9876')).toEqual(['101'])
    expect(await ids('arkin')).toEqual([])
  })

  test('pages go on by offset, to 10,000 and in pages of 200', async () => {
    const { simulator } = await world()
    const first = await search(simulator, { limit: 100, sorts: [{ propertyName: 'hs_object_id' }] })
    expect(first).toMatchObject({ total: 150, paging: { next: { after: '100' } } })
    const second = await search(simulator, { limit: 100, after: '100', sorts: [{ propertyName: 'hs_object_id' }] })
    expect(second.results).toHaveLength(50)
    expect(second.paging).toBeUndefined()
    const post = (body: object) => call(simulator, 'POST', `${path}/search`, JSON.stringify(body))
    expect((await post({ limit: 201 })).status).toBe(400)
    expect((await post({ limit: 200, after: '9801' })).status).toBe(400)
  })

  test('a new contact is not found before the lag is over', async () => {
    const { simulator, move } = await world({ searchLagMs: 3000 })
    simulator.createContact({ email: 'late@example.com' })
    expect(await search(simulator, { query: 'late@example.com' })).toMatchObject({ total: 0 })
    move(3000)
    expect(await search(simulator, { query: 'late@example.com' })).toMatchObject({ total: 1 })
  })
})

describe('limits', () => {
  test('requests above the limit of ten seconds get the 429 the SDK knows, until the window moved on', async () => {
    const { simulator, sdk, move } = await world({ limits: { perTenSeconds: 2 } })
    const first = await call(simulator, 'GET', `${path}/101`)
    expect(first.headers.get('x-hubspot-ratelimit-max')).toBe('2')
    expect(first.headers.get('x-hubspot-ratelimit-remaining')).toBe('1')
    expect(first.headers.get('x-hubspot-ratelimit-interval-milliseconds')).toBe('10000')
    move(5000)
    await sdk.basicApi.getById('101')
    await expect(sdk.basicApi.getById('101')).rejects.toMatchObject({
      code: 429,
      body: { errorType: 'RATE_LIMIT', policyName: 'TEN_SECONDLY_ROLLING' },
    })
    move(5000)
    await sdk.basicApi.getById('101')
    await expect(sdk.basicApi.getById('101')).rejects.toMatchObject({ code: 429 })
  })

  test('searches have a limit of their own, and do not say what is left of it', async () => {
    const { simulator, move } = await world({ limits: { searchPerSecond: 1 } })
    const post = () => call(simulator, 'POST', `${path}/search`, '{}')
    expect((await post()).headers.get('x-hubspot-ratelimit-max')).toBeNull()
    const refused = await post()
    expect(refused.status).toBe(429)
    expect(await refused.json()).toMatchObject({
      message: 'You have reached your secondly limit.',
      policyName: 'SECONDLY',
    })
    expect((await call(simulator, 'GET', `${path}/101`)).status).toBe(200)
    move(1000)
    expect((await post()).status).toBe(200)
  })
})

describe('faults', () => {
  test('the vendor fails, limits and answers nonsense on demand', async () => {
    const { simulator, sdk } = await world()
    simulator.faults.add(
      { kind: 'error', status: 503, times: 1 },
      { kind: 'rate-limit', times: 1 },
      { kind: 'drop', times: 1 },
      { kind: 'wrong-types', times: 1 },
    )
    await expect(sdk.basicApi.getById('101')).rejects.toMatchObject({ code: 503, body: { status: 'error' } })
    await expect(sdk.basicApi.getById('101')).rejects.toMatchObject({ code: 429 })
    await expect(sdk.basicApi.getById('101')).rejects.toThrow()
    expect(await (await call(simulator, 'GET', `${path}/101`)).json()).toMatchObject({ id: 3, archived: 'no' })
    expect((await sdk.basicApi.getById('101')).id).toBe('101')
    expect(simulator.requests.count(`GET ${path}/:id`)).toBe(5)
  })
})

async function search(simulator: HubspotSimulator, body: object) {
  const response = await call(simulator, 'POST', `${path}/search`, JSON.stringify(body))
  expect(response.status).toBe(200)
  return searchAnswer.parse(await response.json())
}

const searchAnswer = z.object({
  total: z.number(),
  results: z.array(z.object({ id: z.string() })),
  paging: z.unknown().optional(),
})

function asking(...properties: string[]) {
  return { properties, propertiesWithHistory: [] }
}
