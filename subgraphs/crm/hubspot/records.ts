import { z } from 'zod'
import { isInstant } from '../../instant.ts'
import {
  elementOf,
  fieldOf,
  firstField,
  isUnderstood,
  readRecord,
  understoodIn,
  valueOrNull,
  vendorText,
  type Field,
} from '../../lenient.ts'
import { readShape } from '../../shape-fault.ts'
import { VendorError } from '../../vendor-error.ts'

/** The contact properties this system reads, by HubSpot's internal names. */
export const contactProperties = [
  'firstname',
  'lastname',
  'email',
  'phone',
  'mobilephone',
  'address',
  'city',
  'state',
  'zip',
  'country',
  'company',
  'associatedcompanyid',
  'lifecyclestage',
  'hs_additional_emails',
  'hs_merged_object_ids',
  'hs_calculated_merged_vids',
] as const

export type ContactProperty = (typeof contactProperties)[number]

/** A value as HubSpot tells it; undefined where it does not tell, null and empty text where there is none. */
export type Told = Field<string> | undefined

/** A contact as HubSpot tells it. What is not as documented fails alone. */
export interface Contact {
  readonly id: string
  readonly properties: Readonly<Partial<Record<ContactProperty, Told>>>
  readonly createdAt: Field<Date>
  readonly updatedAt: Field<Date>
}

/** A company, as far as it stands behind contacts. */
export interface Company {
  readonly id: string
  readonly name: Field<string>
}

/** A lifecycle stage: one of HubSpot's, or of the business's own. */
export interface Stage {
  /** HubSpot's internal name; a number for the business's own. */
  readonly value: string
  /** As the business names it. */
  readonly name: string
}

/** The answer to a batch read, its records not yet read one by one. */
export interface BatchAnswer {
  readonly results: readonly unknown[]
  /** Ids HubSpot says it has no record of. */
  readonly missing: ReadonlySet<string>
}

export interface ListAnswer {
  readonly results: readonly unknown[]
  /** Where the next page begins; null on the last. */
  readonly after: string | null
}

export interface SearchAnswer {
  readonly ids: readonly string[]
  readonly total: number
}

/** A record as the search for changes shows it. */
export interface ChangedRecord {
  readonly id: string
  /** What the search filters and sorts by; null where it cannot be read. */
  readonly modifiedAt: Date | null
}

export interface ArchivedAnswer {
  readonly contacts: readonly {
    readonly id: string
    /** Null where it does not say when. */
    readonly archivedAt: Date | null
    /** Of contacts that were merged into it before. */
    readonly mergedIds: readonly string[]
  }[]
  /** Where the next page begins; null on the last. */
  readonly after: string | null
}

/** Only what the object itself holds: a `__proto__` in an answer must not lend it properties. */
function own(value: unknown): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : value
}

const field = fieldOf('hubspot')
const element = elementOf('hubspot')

/** The SDK makes dates of ISO times; properties have those, or milliseconds since 1970 as text. */
const instant = z
  .union([z.date(), z.number(), z.string()])
  .transform(value =>
    typeof value === 'string' && /^\d{10,}$/.test(value) ? new Date(Number(value)) : new Date(value),
  )
  .refine(isInstant, 'expected an ISO time or milliseconds, of a year of 1 to 9999')

const given = field(vendorText)

/** What an answer to a write leaves out is not told; it is not empty. */
const told = z.union([z.undefined(), given]).optional()

/**
 * Whether HubSpot could have a record of this id. One id that could not be is enough for it to refuse a whole batch, and in an address it
 * might lead elsewhere.
 */
export function isContactId(id: string): boolean {
  return /^[1-9]\d{0,17}$/.test(id)
}

const recordId = z.string().refine(isContactId, 'expected an id (digits)')

const contact = z.object({
  id: recordId,
  properties: z.preprocess(
    own,
    z.object({
      firstname: told,
      lastname: told,
      email: told,
      phone: told,
      mobilephone: told,
      address: told,
      city: told,
      state: told,
      zip: told,
      country: told,
      company: told,
      associatedcompanyid: told,
      lifecyclestage: told,
      hs_additional_emails: told,
      hs_merged_object_ids: told,
      hs_calculated_merged_vids: told,
    }),
  ),
  createdAt: field(instant),
  updatedAt: field(instant),
})

const company = z.object({
  id: recordId,
  properties: z.preprocess(own, z.object({ name: given })),
})

const stages = z.object({
  options: z.array(element(z.object({ value: vendorText.min(1), label: given }))),
})

const named = z.object({ id: recordId })

const batch = z.object({
  results: z.array(z.unknown()),
  // Of ids that are neither answered nor named each is asked alone.
  errors: z
    .array(z.object({ context: z.object({ ids: z.array(z.string()).nullish() }).nullish() }))
    .nullish()
    .catch(null),
})

const list = z.object({
  results: z.array(z.unknown()),
  paging: z.object({ next: z.object({ after: z.string().min(1) }).nullish() }).nullish(),
})

const search = z.object({ total: z.number().int().nonnegative(), results: z.array(element(named)) })

const modified = z.object({
  id: z.string().min(1),
  properties: field(
    z.preprocess(own, z.object({ lastmodifieddate: field(instant), hs_lastmodifieddate: field(instant) })),
  ),
  updatedAt: field(instant),
})

const changed = z.object({ results: z.array(element(modified)) })

const archivedContact = z.object({
  id: z.string().min(1),
  updatedAt: field(instant),
  archivedAt: field(instant),
  properties: field(z.preprocess(own, z.object({ hs_merged_object_ids: told, hs_calculated_merged_vids: told }))),
})

const archived = z.object({ results: z.array(element(archivedContact)), paging: list.shape.paging })

/** @throws VendorError `unreadable`, naming the record and the field */
export function readContact(value: unknown): Contact {
  const id = named.safeParse(value)
  const place = id.success ? `contact ${id.data.id}` : 'a contact without an id of digits'
  return readRecord('hubspot', place, contact, value)
}

/** The id of a record that is otherwise unreadable; null when it has none that is one. */
export function idOf(value: unknown): string | null {
  const id = named.safeParse(value)
  return id.success ? id.data.id : null
}

/** @throws VendorError `unreadable` when the answer as a whole is not what HubSpot documents */
export function readBatch(value: unknown): BatchAnswer {
  const { results, errors } = read(batch, value, 'the answer to a batch read')
  return { results, missing: new Set((errors ?? []).flatMap(error => error.context?.ids ?? [])) }
}

/** @throws VendorError `unreadable` when the answer as a whole is not what HubSpot documents */
export function readList(value: unknown): ListAnswer {
  const { results, paging } = read(list, value, 'a page of contacts')
  return { results, after: paging?.next?.after ?? null }
}

/** @throws VendorError `unreadable` */
export function readSearch(value: unknown): SearchAnswer {
  const { results, total } = read(search, value, 'the answer to a search')
  return { ids: understoodIn(results).map(result => result.id), total }
}

/** @throws VendorError `unreadable` */
export function readChanged(value: unknown): readonly ChangedRecord[] {
  const { results } = read(changed, value, 'the answer to a search for changes')
  return understoodIn(results).map(({ id, properties, updatedAt }) => {
    const dates = valueOrNull(properties)
    const modifiedAt = firstField(dates?.lastmodifieddate ?? null, dates?.hs_lastmodifieddate ?? null, updatedAt)
    return { id, modifiedAt: valueOrNull(modifiedAt) }
  })
}

/** @throws VendorError `unreadable` */
export function readArchived(value: unknown): ArchivedAnswer {
  const { results, paging } = read(archived, value, 'a page of archived contacts')
  const contacts = understoodIn(results).map(one => ({
    id: one.id,
    // It cannot have been archived later than it was last changed.
    archivedAt: valueOrNull(firstField(one.archivedAt, one.updatedAt)),
    mergedIds: mergedIds({ properties: valueOrNull(one.properties) ?? {} }),
  }))
  return { contacts, after: paging?.next?.after ?? null }
}

/** @throws VendorError `unreadable` */
export function readCompanies(values: readonly unknown[]): readonly Company[] {
  const companies = values.map(value => element(company).parse(value))
  return understoodIn(companies).map(({ id, properties }) => ({ id, name: properties.name }))
}

/** @throws VendorError `unreadable` when the answer as a whole is not what HubSpot documents */
export function readStages(value: unknown): readonly Stage[] {
  const { options } = read(stages, value, 'the property lifecyclestage')
  return understoodIn(options).map(({ value: internal, label }) => ({
    value: internal,
    name: (valueOrNull(label) ?? '').trim() || internal,
  }))
}

/** @throws VendorError `unreadable` */
export function readContacts(value: unknown): readonly Contact[] {
  const { results } = read(list, value, 'the answer to a search')
  // One that cannot be told from others is none that is looked for.
  return results.filter(result => idOf(result) !== null).map(readContact)
}

/**
 * The ids of the contacts that were merged into this one, as far as it tells. Merges of old may stand in the second list alone, as
 * pairs of id and time.
 * Source: HubSpot/hubspot-api-nodejs#6; the properties' descriptions in HubSpot.
 */
export function mergedIds({ properties }: Pick<Contact, 'properties'>): readonly string[] {
  const withTimes = idsIn(textIn(properties.hs_calculated_merged_vids)).map(pair => pair.split(':')[0] ?? '')
  return [...new Set([...idsIn(textIn(properties.hs_merged_object_ids)), ...withTimes])].filter(isContactId)
}

/**
 * Addresses beside `email`, those of contacts that were merged into this one among them.
 * Source: HubSpot community, "Email or PK for Contact API": a list with semicolons; HubspotCommunity/hubspot-ruby#111 saw commas.
 * @returns undefined when the answer does not say, or is not understood
 */
export function additionalEmails({
  properties: { hs_additional_emails: list },
}: Contact): readonly string[] | undefined {
  if (list === undefined || !isUnderstood(list)) return undefined
  return (list ?? '').split(/[;,]/).flatMap(email => email.trim() || [])
}

function textIn(told: Told): string | null {
  return valueOrNull(told ?? null)
}

function idsIn(list: string | null | undefined): readonly string[] {
  return (list ?? '')
    .split(';')
    .map(id => id.trim())
    .filter(id => id !== '')
}

function read<T>(schema: z.ZodType<T>, value: unknown, place: string): T {
  const result = readShape(schema, value)
  if (result.ok) return result.value
  throw new VendorError('hubspot', 'unreadable', `${place} cannot be read: ${result.fault}`)
}
