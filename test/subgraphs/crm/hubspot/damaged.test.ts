import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  associatedCompany,
  customerFields,
  observedContact,
  typedCompany,
} from '../../../../subgraphs/crm/hubspot/mapping.ts'
import {
  readArchived,
  readChanged,
  readCompanies,
  readContact,
  readStages,
} from '../../../../subgraphs/crm/hubspot/records.ts'
import { valueOrNull } from '../../../../subgraphs/lenient.ts'
import { damaged } from '../../damage.ts'

const time = new Date('2026-01-02T00:00:00.000Z')

/** As the SDK hands it on: dates are Dates, properties text or null. */
const wire = {
  id: '101',
  properties: {
    createdate: '2026-01-02T00:00:00.000Z',
    lastmodifieddate: '2026-01-02T00:00:00.000Z',
    hs_object_id: '101',
    firstname: 'Ada',
    lastname: 'Lovelace',
    email: 'ada@example.com',
    phone: '1',
    mobilephone: '2',
    address: 'Street 1',
    city: 'London',
    state: 'LDN',
    zip: 'W1',
    country: 'GB',
    company: 'Engines',
    associatedcompanyid: '9001',
    lifecyclestage: 'customer',
    hs_additional_emails: 'a@example.org;b@example.org',
    hs_merged_object_ids: '99',
    ...Object.fromEntries(Array.from({ length: 120 }, (_, at) => [`custom_${at}`, `value ${at}`])),
  },
  createdAt: time.toISOString(),
  updatedAt: time.toISOString(),
  archived: false,
}

const showsIn: ReadonlyMap<string, readonly string[]> = new Map([
  ['firstname', ['name']],
  ['lastname', ['name']],
  ['email', ['email']],
  ['phone', ['phone']],
  ['address', ['street']],
  ['city', ['city']],
  ['state', ['region']],
  ['zip', ['postalCode']],
  ['country', ['country']],
  ['company', ['company']],
  ['lifecyclestage', ['lifecycleStage']],
  ['createdAt', ['createdAt']],
  ['updatedAt', ['updatedAt']],
])

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  const contact = readContact(value)
  const { address, ...fields } = customerFields(contact)
  return { ...fields, ...valueOrNull(address), company: typedCompany(contact) }
}

test('a field of a contact that is not as documented costs no other field of the customer', () => {
  const whole = fieldsOf(wire)
  fc.assert(
    fc.property(
      damaged(wire, path => path.length === 1 && (path[0] === 'id' || path[0] === 'properties')),
      ({ path, record }) => {
        const lost = new Set(showsIn.get(String(path[0] === 'properties' ? path[1] : path[0])))
        const fields = fieldsOf(record)
        for (const [name, value] of Object.entries(whole)) if (!lost.has(name)) expect(fields[name]).toEqual(value)
        expect(observedContact(readContact(record), null).record.id).toBe('101')
      },
    ),
    { numRuns: 3000 },
  )
})

test('a company counts by association where none was typed, and not where it cannot be told what was', () => {
  const of = (company: unknown) =>
    associatedCompany(readContact({ ...wire, properties: { ...wire.properties, company } }))
  expect([of(''), of(null), of(' '), of('Typed'), of(5)]).toEqual(['9001', '9001', '9001', null, null])
  const phoneOf = (phone: unknown) =>
    customerFields(readContact({ ...wire, properties: { ...wire.properties, phone } })).phone
  expect([phoneOf('1'), phoneOf(''), phoneOf(null), phoneOf(5)]).toEqual(['1', '2', '2', '2'])
})

test.each([
  ['2026-01-02T00:00:00Z', '2026-01-02T00:00:00.000Z'],
  ['1767312000000', '2026-01-02T00:00:00.000Z'],
  [1_767_312_000_000, '2026-01-02T00:00:00.000Z'],
])('a time given as %j is understood', (given, expected) => {
  const record = { ...wire, updatedAt: given }
  expect(customerFields(readContact(record)).updatedAt).toEqual(new Date(expected))
  const [changed] = readChanged({ results: [{ id: '1', properties: { lastmodifieddate: given } }] })
  expect(changed).toEqual({ id: '1', modifiedAt: new Date(expected) })
})

test('one record of a list that is not as documented costs no other one', () => {
  const company = (id: string) => ({ id, properties: { name: `Company ${id}` } })
  const stage = (value: string) => ({ value, label: `Stage ${value}`, displayOrder: 1, hidden: false })
  const row = (id: string) => ({
    id,
    properties: { lastmodifieddate: time.toISOString() },
    updatedAt: time,
    archivedAt: time,
  })
  const readers: readonly [(id: string) => unknown, (rows: readonly unknown[]) => readonly unknown[]][] = [
    [company, readCompanies],
    [stage, options => readStages({ options })],
    [row, results => readChanged({ results })],
    [row, results => readArchived({ results }).contacts],
  ]
  for (const [one, read] of readers) {
    const others = read([one('2'), one('3')])
    expect(others).toHaveLength(2)
    fc.assert(
      fc.property(
        damaged([one('1')], () => false),
        ({ record }) => {
          const damagedRows: readonly unknown[] = Array.isArray(record) ? record : [record]
          expect(read([one('2'), ...damagedRows, one('3')])).toEqual(expect.arrayContaining([...others]))
        },
      ),
      { numRuns: 500 },
    )
  }
})
