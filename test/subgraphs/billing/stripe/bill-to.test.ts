import { describe, expect, it, test } from 'vitest'
import { billToPatch, type BillTo } from '../../../../subgraphs/billing/stripe/bill-to.ts'
import { countryCode } from '../../../../subgraphs/billing/stripe/countries.ts'

const nothing: BillTo = { name: null, email: null, phone: null, address: null }
const empty = { name: null, email: null, phone: null, address: null }
const street = { street: '1 Main St', city: 'Springfield', region: 'IL', postalCode: '62701', country: 'US' }
const held = { line1: '1 Main St', line2: null, city: 'Springfield', state: 'IL', postal_code: '62701', country: 'US' }
const noAddress = { street: null, city: null, region: null, postalCode: null, country: null }

describe('what is written of a customer to a billing record', () => {
  it('is all that it lacks', () => {
    const contact = { name: 'Ada L', email: 'Ada@X.com', phone: '+1 555 0100', address: street }
    expect(billToPatch(contact, empty)).toEqual({ ...contact, address: { ...held, line2: '' } })
  })

  it('is nothing of what the CRM does not have', () => {
    const full = { name: 'Ada', email: 'ada@x.com', phone: '+15550100', address: held }
    expect(billToPatch(nothing, full)).toBeNull()
    expect(billToPatch({ ...nothing, address: { ...noAddress, city: 'Springfield' } }, full)).toBeNull()
    expect(billToPatch({ ...nothing, address: { ...noAddress, city: 'Peoria' } }, full)).toEqual({
      address: { ...held, line2: '', city: 'Peoria' },
    })
  })

  it('is nothing that differs in form only', () => {
    const contact = { name: 'Ada  Zoe\u0301', email: 'Ada@MÜLLER.example', phone: '+1 (555) 01-00', address: null }
    const same = { name: 'Ada Zo\u00e9', email: 'ada@xn--mller-kva.example', phone: '+15550100', address: null }
    expect(billToPatch(contact, same)).toBeNull()
    expect(billToPatch({ ...nothing, name: 'ADA' }, { ...empty, name: 'Ada' })).toEqual({ name: 'ADA' })
    const twoLines = { ...held, line1: '1 Main St', line2: 'Flat 2' }
    const joined = { ...street, street: '1 Main St, Flat 2', country: 'United States' }
    expect(billToPatch({ ...nothing, address: joined }, { ...empty, address: twoLines })).toBeNull()
    expect(
      billToPatch({ ...nothing, address: { ...joined, street: '2 Side St' } }, { ...empty, address: twoLines }),
    ).toEqual({
      address: { ...held, line1: '2 Side St', line2: '' },
    })
  })

  it('leaves out what does not fit', () => {
    const phone = (text: string) => billToPatch({ ...nothing, phone: text }, empty)
    expect(phone('+1 780-459-5656 ext. 725')).toEqual({ phone: '+17804595656' })
    expect(phone('call the office in the morning')).toBeNull()
    expect(phone(`+${'1'.repeat(30)}`)).toBeNull()
    expect(billToPatch({ ...nothing, name: 'n'.repeat(257) }, empty)).toBeNull()
    const inNoCountry = { ...street, country: 'Narnia' }
    expect(billToPatch({ ...nothing, address: inNoCountry }, { ...empty, address: held })).toBeNull()
    expect(billToPatch({ ...nothing, address: inNoCountry }, empty)).toEqual({
      address: { ...held, line2: '', country: '' },
    })
  })

  it('keeps no region and postal code of another country', () => {
    const moved = { ...noAddress, street: 'Weg 1', city: 'Bonn', country: 'Deutschland' }
    expect(billToPatch({ ...nothing, address: moved }, { ...empty, address: held })).toEqual({
      address: { line1: 'Weg 1', line2: '', city: 'Bonn', state: '', postal_code: '', country: 'DE' },
    })
  })
})

test.each([
  ['DE', 'DE'],
  [' de ', 'DE'],
  ['Deutschland', 'DE'],
  ['Germany', 'DE'],
  ['U.S.A.', 'US'],
  ['USA', 'US'],
  ['The United States', 'US'],
  ['United States of America', 'US'],
  ['UK', 'GB'],
  ['Great Britain', 'GB'],
  ['England', 'GB'],
  ['Holland', 'NL'],
  ['The Netherlands', 'NL'],
  ['Turkey', 'TR'],
  ['Türkiye', 'TR'],
  ['Czech Republic', 'CZ'],
  ["Cote d'Ivoire", 'CI'],
  ['Österreich', 'AT'],
  ['España', 'ES'],
  ['DD', null],
  ['Narnia', null],
  ['', null],
  [null, null],
])('the country %j has the code %j', (text, code) => {
  expect(countryCode(text)).toBe(code)
})
