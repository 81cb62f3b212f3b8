import { z } from 'zod'
import { VendorError } from '../../vendor-error.ts'

/** The contact properties this system reads, by HubSpot's internal names. */
export const contactProperties = [
  'firstname',
  'lastname',
  'email',
  'phone',
  'address',
  'city',
  'state',
  'zip',
  'country',
  'company',
  'lifecyclestage',
  'hs_additional_emails',
  'hs_merged_object_ids',
  'hs_calculated_merged_vids',
] as const

export type ContactProperty = (typeof contactProperties)[number]

/** A contact as HubSpot tells it. A property that is absent was not told; null and empty text are "no value". */
export interface Contact {
  readonly id: string
  readonly properties: Readonly<Partial<Record<ContactProperty, string | null>>>
  readonly createdAt: Date
  readonly updatedAt: Date
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

/** A contact as the search for changes shows it. */
export interface ChangedContact {
  readonly id: string
  /** `lastmodifieddate`, which the search filters and sorts by. */
  readonly modifiedAt: Date
}

export interface ArchivedAnswer {
  readonly contacts: readonly {
    readonly id: string
    readonly archivedAt: Date
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

const text = z.string().nullish()

const contact = z.object({
  id: z.string().min(1),
  properties: z.preprocess(
    own,
    z.object({
      firstname: text,
      lastname: text,
      email: text,
      phone: text,
      address: text,
      city: text,
      state: text,
      zip: text,
      country: text,
      company: text,
      lifecyclestage: text,
      hs_additional_emails: text,
      hs_merged_object_ids: text,
      hs_calculated_merged_vids: text,
    }),
  ),
  createdAt: z.date(),
  updatedAt: z.date(),
})

const named = z.object({ id: z.string().min(1) })

const batch = z.object({
  results: z.array(z.unknown()),
  errors: z.array(z.object({ context: z.object({ ids: z.array(z.string()).nullish() }).nullish() })).nullish(),
})

const list = z.object({
  results: z.array(z.unknown()),
  paging: z.object({ next: z.object({ after: z.string().min(1) }).nullish() }).nullish(),
})

const search = z.object({ total: z.number().int().nonnegative(), results: z.array(named) })

const changed = z.object({
  results: z.array(
    z
      .object({
        id: z.string().min(1),
        properties: z.preprocess(own, z.object({ lastmodifieddate: z.string().pipe(z.coerce.date()) })),
      })
      .transform(({ id, properties }) => ({ id, modifiedAt: properties.lastmodifieddate })),
  ),
})

const archived = z.object({
  // One that does not say when cannot have been archived later than it was last changed.
  results: z.array(
    z
      .object({
        id: z.string().min(1),
        updatedAt: z.date(),
        archivedAt: z.date().nullish(),
        properties: z.preprocess(own, z.object({ hs_merged_object_ids: text })),
      })
      .transform(({ id, updatedAt, archivedAt, properties }) => ({
        id,
        archivedAt: archivedAt ?? updatedAt,
        mergedIds: idsIn(properties.hs_merged_object_ids),
      })),
  ),
  paging: list.shape.paging,
})

/**
 * Whether HubSpot could have a contact of this id. One id that could not be is enough for it to refuse a whole batch, and
 * in an address it might lead elsewhere.
 */
export function isContactId(id: string): boolean {
  return /^[1-9]\d{0,17}$/.test(id)
}

/** @throws VendorError `unreadable`, naming the record and the field */
export function readContact(value: unknown): Contact {
  const id = named.safeParse(value)
  const place = id.success ? `contact ${id.data.id}` : 'a contact without an id'
  return read(contact, value, place)
}

/** The id of a record that is otherwise unreadable; null when not even that can be read. */
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
  return { ids: results.map(result => result.id), total }
}

/** @throws VendorError `unreadable` */
export function readChanged(value: unknown): readonly ChangedContact[] {
  return read(changed, value, 'the answer to a search for changes').results
}

/** @throws VendorError `unreadable` */
export function readArchived(value: unknown): ArchivedAnswer {
  const { results, paging } = read(archived, value, 'a page of archived contacts')
  return { contacts: results, after: paging?.next?.after ?? null }
}

/** @throws VendorError `unreadable` */
export function readContacts(value: unknown): readonly Contact[] {
  const { results } = read(list, value, 'the answer to a search')
  return results.map(readContact)
}

/**
 * The ids of the contacts that were merged into this one, as far as it tells. Merges of old may stand in the second list alone, as
 * pairs of id and time.
 * Source: HubSpot/hubspot-api-nodejs#6; the properties' descriptions in HubSpot.
 */
export function mergedIds({ properties }: Pick<Contact, 'properties'>): readonly string[] {
  const withTimes = idsIn(properties.hs_calculated_merged_vids).map(pair => pair.split(':')[0] ?? '')
  return [...new Set([...idsIn(properties.hs_merged_object_ids), ...withTimes])]
}

/**
 * Addresses beside `email`, those of contacts that were merged into this one among them.
 * Source: HubSpot community, "Email or PK for Contact API": a list with semicolons; HubspotCommunity/hubspot-ruby#111 saw commas.
 * @returns undefined when the answer does not say
 */
export function additionalEmails({
  properties: { hs_additional_emails: list },
}: Contact): readonly string[] | undefined {
  return list === undefined ? undefined : (list ?? '').split(/[;,]/).flatMap(email => email.trim() || [])
}

function idsIn(list: string | null | undefined): readonly string[] {
  return (list ?? '')
    .split(';')
    .map(id => id.trim())
    .filter(id => id !== '')
}

function read<T>(schema: z.ZodType<T>, value: unknown, place: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues.at(0)
  const field = issue === undefined || issue.path.length === 0 ? 'it' : issue.path.map(String).join('.')
  const expected = issue?.code === 'invalid_type' ? `expected ${issue.expected}` : (issue?.code ?? 'not as documented')
  throw new VendorError('hubspot', 'unreadable', `${place} cannot be read: ${field}: ${expected}`)
}
