import { invalidProperties } from './errors.ts'
import type { PropertyFault } from './errors.ts'

/** Property values of a contact by name; what is empty is absent. */
export type Properties = Readonly<Record<string, string>>

/** What a write asks for; null and '' empty a property. */
export type PropertyPatch = Readonly<Record<string, string | null>>

export const writableProperties = [
  'email',
  'firstname',
  'lastname',
  'phone',
  'mobilephone',
  'company',
  'jobtitle',
  'website',
  'address',
  'city',
  'state',
  'zip',
  'country',
  'lifecyclestage',
  'hs_lead_status',
  'hubspot_owner_id',
] as const

/** Kept by HubSpot itself. */
const ownProperties = [
  'createdate',
  'lastmodifieddate',
  'hs_object_id',
  'hs_merged_object_ids',
  'hs_additional_emails',
  // Follows from the associations.
  'associatedcompanyid',
] as const

/** In every answer, asked for or not. */
export const alwaysAnswered = ['createdate', 'hs_object_id', 'lastmodifieddate'] as const

/** Answered when nobody says what he wants. */
export const answeredByDefault = ['createdate', 'email', 'firstname', 'hs_object_id', 'lastmodifieddate', 'lastname']

/** In their order. */
export const lifecycleStages = [
  'subscriber',
  'lead',
  'marketingqualifiedlead',
  'salesqualifiedlead',
  'opportunity',
  'customer',
  'evangelist',
  'other',
]

/**
 * The patch as HubSpot stores it: e-mails in lower case, '' where a value is to go.
 * @throws HubspotError 400 naming every property that cannot be written so
 */
export function readPatch(given: PropertyPatch): Properties {
  const faults: PropertyFault[] = []
  const patch: [string, string][] = []
  for (const [name, value] of Object.entries(given)) {
    const stored = name === 'email' ? (value ?? '').trim().toLowerCase() : (value ?? '')
    const fault = faultOf(name, stored)
    if (fault === null) patch.push([name, stored])
    else faults.push(fault)
  }
  if (faults.length > 0) throw invalidProperties(faults)
  return Object.fromEntries(patch)
}

/**
 * A stage goes forward only: an earlier one is passed over in silence, unless there is none.
 * Source: HubSpot developer documentation, lifecycle stages; legacy contacts API, update by e-mail.
 */
export function withoutStepBack(before: Properties, patch: Properties): Properties {
  const { lifecyclestage: from } = before
  const { lifecyclestage: to, ...rest } = patch
  const place = (stage: string | undefined): number => lifecycleStages.indexOf(stage ?? '')
  const isBack = place(to) >= 0 && place(to) < place(from)
  return isBack ? rest : patch
}

/** The properties with the patch on top, and the names of those whose value is another one now. */
export function applyPatch(before: Properties, patch: Properties): { after: Properties; changed: readonly string[] } {
  const changed = Object.keys(patch).filter(name => (before[name] ?? '') !== patch[name])
  const entries = Object.entries({ ...before, ...patch }).filter(([, value]) => value !== '')
  return { after: Object.fromEntries(entries), changed }
}

function faultOf(name: string, value: string): PropertyFault | null {
  if (ownProperties.some(own => own === name)) {
    return { name, error: 'READ_ONLY_VALUE', message: `"${name}" is a read only property; its value cannot be set.` }
  }
  if (!writableProperties.some(writable => writable === name)) {
    return { name, error: 'PROPERTY_DOESNT_EXIST', message: `Property "${name}" does not exist` }
  }
  if (name === 'email' && value !== '' && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value)) {
    return { name, error: 'INVALID_EMAIL', message: `Email address ${value} is invalid` }
  }
  // Stages of the account's own have numbers for names.
  const isStage = lifecycleStages.includes(value) || /^\d*$/.test(value)
  if (name === 'lifecyclestage' && !isStage) {
    const message = `${value} was not one of the allowed options: [${lifecycleStages.join(', ')}]`
    return { name, error: 'INVALID_OPTION', message }
  }
  return null
}
