import type { RecordRef } from '../../../schema/systems.ts'
import type { Address } from '../../../schema/values.ts'
import type { CustomerContact, ObservedRecord } from '../../contract.ts'
import { firstField, isUnderstood, mapField, understood, valueOrNull, type Field } from '../../lenient.ts'
import type { AddressFields, CustomerField, CustomerFields, CustomerPatch, LifecycleStage } from '../source.ts'
import { additionalEmails, isContactId, mergedIds, type Contact, type ContactProperty, type Told } from './records.ts'

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

/** The word for a stage by its internal name; a stage of the business's own has none. */
export function wordOfStage(value: string): LifecycleStage {
  return stages.get(value) ?? 'OTHER'
}

/** Internal names of HubSpot's default stages. */
export const defaultStages: readonly string[] = [...stages.keys()]

/** The Customer fields each property shows in. */
const fields: ReadonlyMap<string, readonly CustomerField[]> = new Map<string, readonly CustomerField[]>([
  ['firstname', ['name']],
  ['lastname', ['name']],
  ['email', ['email']],
  ['phone', ['phone']],
  ['mobilephone', ['phone']],
  ['address', ['address']],
  ['city', ['address']],
  ['state', ['address']],
  ['zip', ['address']],
  ['country', ['address']],
  ['company', ['company']],
  ['associatedcompanyid', ['company']],
  ['lifecyclestage', ['lifecycleStage', 'lifecycleStageName']],
  ['createdate', ['createdAt']],
  ['lastmodifieddate', ['updatedAt']],
])

/** Properties that can be emptied or set, by what they are written as. */
export type ContactWrite = Readonly<Partial<Record<ContactProperty, string>>>

/** @returns none for a property no Customer field shows */
export function fieldsOfProperty(property: string): readonly CustomerField[] {
  return fields.get(property) ?? []
}

/** Kinds of records whose names contacts show: stages by their internal names. */
export type MentionedKind = 'company' | 'lifecycle_stage'

export function mentionedRef(kind: MentionedKind, id: string): RecordRef {
  return { system: 'hubspot', kind, id }
}

export function contactRef(id: string): RecordRef {
  return { system: 'hubspot', kind: 'contact', id }
}

export function customerFields(contact: Contact): CustomerFields {
  const { properties } = contact
  return {
    id: contact.id,
    name: nameOf(contact),
    email: valueOf(properties.email),
    phone: firstField(valueOf(properties.phone), valueOf(properties.mobilephone)),
    address: addressOf(contact),
    lifecycleStage: mapField(stageOf(contact), wordOfStage),
    createdAt: contact.createdAt,
    updatedAt: contact.updatedAt,
  }
}

/**
 * What other roles may bill and call by.
 * @throws NotUnderstood for what HubSpot does not say as documented: an order would show something else
 */
export function contactOf(contact: Contact): CustomerContact {
  const { id, name, email, phone, address } = customerFields(contact)
  const parts = understood(address)
  return {
    id,
    formerIds: mergedIds(contact),
    otherEmails: additionalEmails(contact) ?? [],
    name: understood(name),
    email: understood(email),
    phone: understood(phone),
    address:
      parts === null
        ? null
        : {
            street: understood(parts.street),
            city: understood(parts.city),
            region: understood(parts.region),
            postalCode: understood(parts.postalCode),
            country: understood(parts.country),
          },
  }
}

/** The stage by its internal name. */
export function stageOf({ properties }: Contact): Field<string> {
  return valueOf(properties.lifecyclestage)
}

/** The company as it was typed; it comes before one that the contact is associated with. */
export function typedCompany({ properties }: Contact): Field<string> {
  return valueOf(properties.company)
}

/** The company that stands behind a contact for which none was typed. */
export function associatedCompany(contact: Contact): Field<string> {
  if (typedCompany(contact) !== null) return null
  return mapField(valueOf(contact.properties.associatedcompanyid), id => (isContactId(id) ? id : null))
}

/**
 * The lifecycle stage stands in the index by its internal name: names of stages may change, and the default ones too.
 * @param stageName what its stage is called, where that is known
 */
export function observedContact(contact: Contact, stageName: string | null): ObservedRecord {
  const stage = valueOrNull(stageOf(contact))
  const company = valueOrNull(associatedCompany(contact))
  const name = nameOf(contact)
  return {
    record: contactRef(contact.id),
    parents: [],
    status: stage,
    isClosed: null,
    createdAt: valueOrNull(contact.createdAt),
    updatedAt: valueOrNull(contact.updatedAt),
    email: valueOrNull(valueOf(contact.properties.email)),
    emails: additionalEmails(contact),
    names: null,
    formerIds: mergedIds(contact),
    ...(isUnderstood(name) && { values: { name } }),
    mentions: [
      ...(stage === null
        ? []
        : [{ record: mentionedRef('lifecycle_stage', stage), ...(stageName !== null && { name: stageName }) }]),
      // Its name stands with the company alone.
      ...(company === null ? [] : [{ record: mentionedRef('company', company) }]),
    ],
  }
}

/**
 * Whether the answer to a write says all that the index keeps. HubSpot answers an update with the properties that changed, not with
 * all; an answer that leaves out what the index keeps says nothing about it.
 * @returns false then: the record is to be read
 */
export function isWhole({ properties }: Contact): boolean {
  const { email, lifecyclestage, firstname, lastname, company, associatedcompanyid, hs_merged_object_ids } = properties
  const kept = [email, lifecyclestage, firstname, lastname, company, associatedcompanyid, hs_merged_object_ids]
  return kept.every(property => property !== undefined)
}

/**
 * The properties to write for a patch; empty text empties a property. A phone number that is emptied is emptied in both places where the
 * graph finds one.
 * @param stage internal name of the stage that the patch names
 */
export function propertiesOf(patch: CustomerPatch, stage: string | null): ContactWrite {
  const { name, email, phone, address, company, lifecycleStage, lifecycleStageName } = patch
  const stageValue = stage ?? (typeof lifecycleStage === 'string' ? stageNames[lifecycleStage] : '')
  const hasStage = lifecycleStage !== undefined || lifecycleStageName !== undefined
  return {
    ...(name === undefined ? {} : splitName(name ?? '')),
    ...(email === undefined ? {} : { email: email ?? '' }),
    ...(phone === undefined ? {} : phone === null ? { phone: '', mobilephone: '' } : { phone }),
    ...(address === undefined ? {} : addressProperties(address)),
    ...(company === undefined ? {} : { company: company ?? '' }),
    ...(hasStage ? { lifecyclestage: stageValue } : {}),
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

function nameOf({ properties }: Contact): Field<string> {
  const first = valueOf(properties.firstname)
  const last = valueOf(properties.lastname)
  if (!isUnderstood(first)) return first
  if (!isUnderstood(last)) return last
  return textOf([first, last].filter(part => part !== null).join(' '))
}

function addressOf({ properties }: Contact): AddressFields | null {
  const address: AddressFields = {
    street: valueOf(properties.address),
    city: valueOf(properties.city),
    region: valueOf(properties.state),
    postalCode: valueOf(properties.zip),
    country: valueOf(properties.country),
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
export function valueOf(told: Told): Field<string> {
  return mapField(told ?? null, textOf)
}

function textOf(value: string): string | null {
  const trimmed = value.trim()
  return trimmed === '' ? null : trimmed
}
