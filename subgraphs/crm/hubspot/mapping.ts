import type { Address } from '../../../schema/values.ts'
import type { ObservedRecord } from '../../contract.ts'
import type { CustomerFields, CustomerPatch, LifecycleStage } from '../source.ts'
import { additionalEmails, isContactId, mergedIds, type Contact, type ContactProperty } from './records.ts'

/**
 * HubSpot's default lifecycle stages, by internal name. A portal's own stages have numbers for names and become OTHER.
 */
const stages: ReadonlyMap<string, LifecycleStage> = new Map([
  ['subscriber', 'SUBSCRIBER'],
  ['lead', 'LEAD'],
  ['marketingqualifiedlead', 'QUALIFIED_LEAD'],
  ['salesqualifiedlead', 'QUALIFIED_LEAD'],
  ['opportunity', 'OPPORTUNITY'],
  ['customer', 'CUSTOMER'],
  ['evangelist', 'EVANGELIST'],
  ['other', 'OTHER'],
])

/** The stage that is written for each word. Of HubSpot's two qualified leads the earlier one. */
const stageNames: Readonly<Record<LifecycleStage, string>> = {
  SUBSCRIBER: 'subscriber',
  LEAD: 'lead',
  QUALIFIED_LEAD: 'marketingqualifiedlead',
  OPPORTUNITY: 'opportunity',
  CUSTOMER: 'customer',
  EVANGELIST: 'evangelist',
  OTHER: 'other',
}

/** The Customer field each property shows in. */
const fields: ReadonlyMap<string, keyof CustomerFields> = new Map([
  ['firstname', 'name'],
  ['lastname', 'name'],
  ['email', 'email'],
  ['phone', 'phone'],
  ['address', 'address'],
  ['city', 'address'],
  ['state', 'address'],
  ['zip', 'address'],
  ['country', 'address'],
  ['company', 'company'],
  ['lifecyclestage', 'lifecycleStage'],
  ['createdate', 'createdAt'],
  ['lastmodifieddate', 'updatedAt'],
])

/** Properties that can be emptied or set, by what they are written as. */
export type ContactWrite = Readonly<Partial<Record<ContactProperty, string>>>

/** @returns undefined for a property no Customer field shows */
export function fieldOfProperty(property: string): keyof CustomerFields | undefined {
  return fields.get(property)
}

export function contactRef(id: string): { readonly system: string; readonly kind: string; readonly id: string } {
  return { system: 'hubspot', kind: 'contact', id }
}

export function customerFields(contact: Contact): CustomerFields {
  const { properties } = contact
  return {
    id: contact.id,
    name: joinName(properties.firstname, properties.lastname),
    email: textOf(properties.email),
    phone: textOf(properties.phone),
    address: addressOf(contact),
    company: textOf(properties.company),
    lifecycleStage: stageOf(properties.lifecyclestage),
    createdAt: contact.createdAt,
    updatedAt: contact.updatedAt,
  }
}

export function observedContact(contact: Contact): ObservedRecord {
  return {
    record: contactRef(contact.id),
    parents: [],
    status: stageOf(contact.properties.lifecyclestage),
    isClosed: null,
    createdAt: contact.createdAt,
    updatedAt: contact.updatedAt,
    email: textOf(contact.properties.email),
    emails: additionalEmails(contact),
    names: null,
    formerIds: mergedIds(contact).filter(isContactId),
    values: { name: joinName(contact.properties.firstname, contact.properties.lastname) },
  }
}

/**
 * What the index keeps, from the answer to a write. HubSpot answers an update with the properties that changed, not with
 * all; an answer that leaves out what the index keeps says nothing about it.
 * @returns undefined then: the record is to be read
 */
export function observedFromWrite(contact: Contact): ObservedRecord | undefined {
  const { email, lifecyclestage, firstname, lastname } = contact.properties
  const isWhole = [email, lifecyclestage, firstname, lastname].every(property => property !== undefined)
  return isWhole ? observedContact(contact) : undefined
}

/** The properties to write for a patch; empty text empties a property. */
export function propertiesOf(patch: CustomerPatch): ContactWrite {
  const { name, email, phone, address, company, lifecycleStage } = patch
  return {
    ...(name === undefined ? {} : splitName(name ?? '')),
    ...(email === undefined ? {} : { email: email ?? '' }),
    ...(phone === undefined ? {} : { phone: phone ?? '' }),
    ...(address === undefined ? {} : addressProperties(address)),
    ...(company === undefined ? {} : { company: company ?? '' }),
    ...(lifecycleStage === undefined
      ? {}
      : { lifecyclestage: lifecycleStage === null ? '' : stageNames[lifecycleStage] }),
  }
}

/**
 * HubSpot keeps two names, the graph one. The last word is the last name, all before it the first name; a single word is
 * a first name. Joining the two again gives the text with single spaces.
 */
export function splitName(name: string): { readonly firstname: string; readonly lastname: string } {
  const words = name.split(/\s+/).filter(word => word !== '')
  const cut = Math.max(words.length - 1, 1)
  return { firstname: words.slice(0, cut).join(' '), lastname: words.slice(cut).join(' ') }
}

export function joinName(first: string | null | undefined, last: string | null | undefined): string | null {
  return textOf([textOf(first), textOf(last)].filter(part => part !== null).join(' '))
}

function stageOf(name: string | null | undefined): LifecycleStage | null {
  const stage = textOf(name)
  return stage === null ? null : (stages.get(stage) ?? 'OTHER')
}

function addressOf({ properties }: Contact): Address | null {
  const address: Address = {
    street: textOf(properties.address),
    city: textOf(properties.city),
    region: textOf(properties.state),
    postalCode: textOf(properties.zip),
    country: textOf(properties.country),
  }
  return Object.values(address).every(part => part === null) ? null : address
}

/** Null empties the whole address; a part left out stays. */
function addressProperties(address: Partial<Address> | null): ContactWrite {
  if (address === null) return { address: '', city: '', state: '', zip: '', country: '' }
  const { street, city, region, postalCode, country } = address
  return {
    ...(street === undefined ? {} : { address: street ?? '' }),
    ...(city === undefined ? {} : { city: city ?? '' }),
    ...(region === undefined ? {} : { state: region ?? '' }),
    ...(postalCode === undefined ? {} : { zip: postalCode ?? '' }),
    ...(country === undefined ? {} : { country: country ?? '' }),
  }
}

/** HubSpot says "no value" with null and with empty text. */
function textOf(value: string | null | undefined): string | null {
  const trimmed = value?.trim() ?? ''
  return trimmed === '' ? null : trimmed
}
