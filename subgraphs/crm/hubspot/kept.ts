import { normalizeEmail } from '../../../schema/values.ts'
import { valueOrNull } from '../../lenient.ts'
import { VendorError } from '../../vendor-error.ts'
import { associatedCompany, fieldsOfProperty, stageOf, valueOf, wordOfStage, type ContactWrite } from './mapping.ts'
import type { Contact, Told } from './records.ts'

/**
 * The properties that a contact does not have as they were sent. A value that HubSpot brought into a form of its own counts as kept: it trims
 * text, writes e-mail addresses in lower case and phone numbers in a format.
 * @returns null when the answer does not tell all of them
 */
export function notKept(contact: Contact, sent: ContactWrite): readonly string[] | null {
  const { properties } = contact
  const told = new Set(Object.entries<Told>(properties).flatMap(([name, value]) => (value === undefined ? [] : [name])))
  if (Object.keys(sent).some(name => !told.has(name))) return null
  // Emptied here it may stand with the company that the contact is associated with.
  if (sent.company === '' && properties.associatedcompanyid === undefined) return null
  return Object.entries(sent).flatMap(([name, value]) => {
    return isKept(contact, name, value) ? [] : [name]
  })
}

function isKept(contact: Contact, name: string, sent: string): boolean {
  const has = valueOrNull(valueOf(new Map(Object.entries(contact.properties)).get(name))) ?? ''
  switch (name) {
    case 'lifecyclestage':
      return isStageKept(contact, sent)
    case 'company':
      return sameText(has, sent) && (sent !== '' || associatedCompany(contact) === null)
    case 'email':
      return sameText(has, sent) || (has !== '' && normalizeEmail(has) === normalizeEmail(sent))
    case 'phone':
    case 'mobilephone':
      return sameText(has, sent) || samePhone(has, sent)
    default:
      return sameText(has, sent)
  }
}

/** HubSpot has two stages for one word of the graph: either is what was asked. A stage of the business's own is itself alone. */
function isStageKept(contact: Contact, sent: string): boolean {
  const has = valueOrNull(stageOf(contact)) ?? ''
  if (has === sent) return true
  return has !== '' && sent !== '' && wordOfStage(sent) !== 'OTHER' && wordOfStage(has) === wordOfStage(sent)
}

/** @throws VendorError `incomplete`, naming the fields, without values */
export function refuseNotKept(properties: readonly string[]): void {
  if (properties.length === 0) return
  const fields = [...new Set(properties.map(name => fieldsOfProperty(name)[0] ?? name))].join(', ')
  const isCompany = properties.includes('company')
  const hint = isCompany ? ' A company that the customer is associated with is changed in the CRM.' : ''
  throw new VendorError('hubspot', 'incomplete', `answered success, but did not keep ${fields} as sent`, {
    inputFault: `The CRM answered success, but did not keep what was given for ${fields}. Read the customer to see what it has now.${hint}`,
  })
}

function sameText(a: string, b: string): boolean {
  return plain(a) === plain(b)
}

function plain(text: string): string {
  return text.normalize().trim().replace(/\s+/g, ' ')
}

/** Whether one is the other but for the format: signs between the digits, a country's code or a leading zero before them. */
function samePhone(a: string, b: string): boolean {
  const [one, other] = [a, b].map(text => text.replace(/\D/g, '').replace(/^0+/, ''))
  if (one === undefined || other === undefined || one === '' || other === '') return false
  return one.endsWith(other) || other.endsWith(one)
}
