import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  customerFields,
  isWhole,
  observedContact,
  propertiesOf,
  splitName,
} from '../../../../subgraphs/crm/hubspot/mapping.ts'
import type { Contact } from '../../../../subgraphs/crm/hubspot/records.ts'

const at = new Date('2026-01-01T00:00:00Z')

function contact(properties: Contact['properties']): Contact {
  return { id: '1', properties, createdAt: at, updatedAt: at }
}

test.each([
  ['Ada Lovelace', 'Ada', 'Lovelace'],
  ['Ada King  Lovelace ', 'Ada King', 'Lovelace'],
  ['Ada', 'Ada', ''],
  ['', '', ''],
])('the name %j is written as %j and %j', (name, firstname, lastname) => {
  expect(splitName(name)).toEqual({ firstname, lastname })
})

test('a name that was split and joined is the name with single spaces', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'É', ' ', '\t', '-') }), name => {
      const { firstname, lastname } = splitName(name)
      expect(customerFields(contact({ firstname, lastname })).name ?? '').toBe(name.trim().split(/\s+/).join(' '))
    }),
  )
})

test('empty text and null are no value, and an address of nothing is none', () => {
  const fields = customerFields(contact({ firstname: ' ', lastname: 'L', email: '', city: null, lifecyclestage: null }))
  expect(fields).toMatchObject({ name: 'L', email: null, address: null, lifecycleStage: null })
})

test.each([
  ['marketingqualifiedlead', 'QUALIFIED_LEAD'],
  ['salesqualifiedlead', 'QUALIFIED_LEAD'],
  ['evangelist', 'EVANGELIST'],
  ['54321', 'OTHER'],
  ['constructor', 'OTHER'],
])('the stage %s is %s', (lifecyclestage, stage) => {
  expect(customerFields(contact({ lifecyclestage })).lifecycleStage).toBe(stage)
})

test('only what a patch names is written', () => {
  expect(propertiesOf({}, null)).toEqual({})
  expect(propertiesOf({ name: null, phone: null, lifecycleStage: null }, null)).toEqual({
    firstname: '',
    lastname: '',
    phone: '',
    mobilephone: '',
    lifecyclestage: '',
  })
  expect(propertiesOf({ address: { region: 'CA', street: null }, lifecycleStage: 'QUALIFIED_LEAD' }, null)).toEqual({
    state: 'CA',
    address: '',
    lifecyclestage: 'marketingqualifiedlead',
  })
  expect(propertiesOf({ address: null }, null)).toEqual({ address: '', city: '', state: '', zip: '', country: '' })
})

test('an answer to a write that leaves out what the index keeps says nothing to it', () => {
  const names = { firstname: 'Ann', lastname: null, company: null, associatedcompanyid: null }
  const whole = { lifecyclestage: 'lead', email: null, hs_merged_object_ids: null, ...names }
  expect(isWhole(contact(whole))).toBe(true)
  expect(observedContact(contact(whole), null)).toMatchObject({ email: null, values: { name: 'Ann' } })
  for (const property of ['lifecyclestage', 'email', 'firstname', 'lastname', 'associatedcompanyid'] as const)
    expect(isWhole(contact({ ...whole, [property]: undefined }))).toBe(false)
})
