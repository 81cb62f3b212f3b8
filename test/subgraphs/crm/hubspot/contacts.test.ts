import { expect, test } from 'vitest'
import type { HubspotClient } from '../../../../subgraphs/crm/hubspot/client.ts'
import { contactImporter, contactReader } from '../../../../subgraphs/crm/hubspot/contacts.ts'
import { textWith } from '../../jobs/asana/matchers.ts'
import { VendorError } from '../../../../subgraphs/vendor-error.ts'

const at = new Date('2026-01-01T00:00:00Z')
const call = { priority: 'query', signal: new AbortController().signal, spend: () => undefined } as const

function contact(id: string, properties: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { id, properties, createdAt: at, updatedAt: at }
}

function clientOf(parts: Partial<HubspotClient>): HubspotClient {
  const unused = (): never => {
    throw new Error('not expected to be asked')
  }
  return {
    readBatch: unused,
    readContact: unused,
    list: unused,
    search: unused,
    ofCompanies: unused,
    changed: unused,
    listArchived: unused,
    create: unused,
    update: unused,
    readByEmail: unused,
    createdSince: unused,
    archive: unused,
    ...parts,
  }
}

test('a field that is not as documented is an error of its own, naming the contact and the field', async () => {
  const client = clientOf({
    readBatch: () => Promise.resolve({ results: [contact('1'), contact('2', { email: 5 })], missing: new Set() }),
  })
  const found = await contactReader(client)([{ id: '1' }, { id: '2' }], call)
  expect(found.get('1')).toMatchObject({ id: '1' })
  expect(found.get('2')).toMatchObject({
    id: '2',
    properties: { email: { kind: 'unreadable', message: textWith('contact 2: properties.email: ') } },
  })
})

test('an id that is neither answered nor missing is asked alone: a winner may not list its losers', async () => {
  const winner = { id: '9', properties: {}, createdAt: at, updatedAt: at }
  const asked: string[] = []
  const client = clientOf({
    readBatch: () => Promise.resolve({ results: [contact('9')], missing: new Set(['404']) }),
    readContact(id) {
      asked.push(id)
      return Promise.resolve(id === '1' ? winner : null)
    },
  })
  const found = await contactReader(client)([{ id: '1' }, { id: '2' }, { id: '404' }, { id: '9' }], call)
  expect(asked).toEqual(['1', '2'])
  expect(found.get('1')).toBe(winner)
  expect([...found.keys()].sort()).toEqual(['1', '9'])
})

test('a call that fails is the failure of its own hundred', async () => {
  const failure = new VendorError('hubspot', 'unavailable', 'answered 503')
  const client = clientOf({
    readBatch: ids =>
      ids.includes('1')
        ? Promise.reject(failure)
        : Promise.resolve({ results: ids.map(id => contact(id)), missing: new Set<string>() }),
  })
  const wanted = Array.from({ length: 150 }, (_, index) => ({ id: String(index + 1) }))
  const found = await contactReader(client)(wanted, call)
  expect(found.get('100')).toBe(failure)
  expect(found.get('101')).toMatchObject({ id: '101' })
  expect(found.size).toBe(150)
})

test('what can be no id of a contact is not asked for, lest it spoil the batch', async () => {
  const batches: (readonly string[])[] = []
  const client = clientOf({
    readBatch(ids) {
      batches.push(ids)
      return Promise.resolve({ results: ids.map(id => contact(id)), missing: new Set() })
    },
  })
  const wanted = ['', '..', '1/merge', 'ada@example.com', '-1', '0x1', '9'.repeat(19), '7'].map(id => ({ id }))
  const found = await contactReader(client)(wanted, call)
  expect(batches).toEqual([['7']])
  expect([...found.keys()]).toEqual(['7'])
})

test('properties lent by a __proto__ in the answer are not seen', async () => {
  const properties: object = { __proto__: { email: 'evil@example.com' } }
  const result = { ...contact('1'), properties }
  const client = clientOf({ readBatch: () => Promise.resolve({ results: [result], missing: new Set() }) })
  const found = await contactReader(client)([{ id: '1' }], call)
  expect(found.get('1')).toMatchObject({ properties: {} })
  expect(found.get('1')).not.toHaveProperty('properties.email')
})

test('the import goes on over a contact it cannot read, says so, and does without a count', async () => {
  const warned: object[] = []
  const log = { debug: ignore, info: ignore, error: ignore, warn: (fields: object) => warned.push(fields) }
  const client = clientOf({
    list: () => Promise.resolve({ results: [contact('1'), { ...contact('2'), properties: 5 }, {}], after: '2' }),
    search: () => Promise.reject(new VendorError('hubspot', 'rate-limited', 'answered 429')),
  })
  const page = await contactImporter(client, { recentNames: () => Promise.resolve(new Map()) }, log).list(null, call)
  expect(page).toMatchObject({ observed: [{ record: { id: '1' } }], next: '2', total: null })
  expect(warned).toMatchObject([{ id: '2' }, { id: null }])
})

function ignore(): void {
  // Nobody reads it here.
}
