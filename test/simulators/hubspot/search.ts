import { z } from 'zod'
import { invalid } from './errors.ts'
import { contactView, valueOf } from './views.ts'
import type { Contact, HubspotState } from './state.ts'
import type { View } from './views.ts'

/** Source: HubSpot developer documentation, search: 200 a page, 10,000 in all, six groups. */
const largestPage = 200
const reachable = 10_000
const mostGroups = 6

const filter = z.object({
  propertyName: z.string(),
  operator: z.enum([
    'BETWEEN',
    'CONTAINS_TOKEN',
    'EQ',
    'GT',
    'GTE',
    'HAS_PROPERTY',
    'IN',
    'LT',
    'LTE',
    'NEQ',
    'NOT_CONTAINS_TOKEN',
    'NOT_HAS_PROPERTY',
    'NOT_IN',
  ]),
  value: z.coerce.string().optional(),
  highValue: z.coerce.string().optional(),
  values: z.array(z.coerce.string()).optional(),
})

const sort = z.union([
  z.string(),
  z.object({ propertyName: z.string(), direction: z.enum(['ASCENDING', 'DESCENDING']).default('ASCENDING') }),
])

export const searchBody = z.object({
  query: z.string().optional(),
  limit: z.number().int().default(10),
  after: z.coerce.string().optional(),
  sorts: z.array(sort).max(1).default([]),
  properties: z.array(z.string()).default([]),
  filterGroups: z.array(z.object({ filters: z.array(filter) })).default([]),
})

type Search = z.infer<typeof searchBody>
type Filter = z.infer<typeof filter>

export interface SearchOptions {
  readonly now: Date
  /** Contacts younger than this are not found yet. */
  readonly lagMs: number
}

/** @throws HubspotError 400 for a page, a group or a filter that cannot be */
export function searchContacts(state: HubspotState, search: Search, { now, lagMs }: SearchOptions): View {
  const { limit, filterGroups, properties } = search
  const from = Number(search.after ?? '0')
  if (limit < 0 || limit > largestPage) throw invalid(`limit must be between 0 and ${largestPage}, got ${limit}`)
  if (!Number.isInteger(from) || from < 0) throw invalid(`after is not an offset: ${String(search.after)}`)
  if (from + limit > reachable) throw invalid(`The total of after and limit must not be above ${reachable}`)
  if (filterGroups.length > mostGroups) throw invalid(`At most ${mostGroups} filterGroups are allowed`)

  const newest = now.getTime() - lagMs
  const fits = filterGroups.map(({ filters }) => filters.map(fitOf))
  const words = (search.query ?? '').toLowerCase().split(/\s+/).filter(Boolean)
  const found = state
    .all()
    .filter(contact => lagMs === 0 || contact.createdAt.getTime() <= newest)
    .filter(contact => fits.length === 0 || fits.some(group => group.every(fit => fit(contact))))
    .filter(contact => words.length === 0 || mentions(contact, words))
    .sort(orderOf(search.sorts[0]))
  const after = from + limit
  const next = { after: String(after), link: `?after=${after}` }
  return {
    total: found.length,
    results: found.slice(from, after).map(contact => contactView(contact, properties)),
    ...(after < found.length ? { paging: { next } } : {}),
  }
}

function fitOf(filter: Filter): (contact: Contact) => boolean {
  const { propertyName: name, operator, values } = filter
  const value = filter.value ?? ''
  if (operator !== 'HAS_PROPERTY' && operator !== 'NOT_HAS_PROPERTY' && filter.value === undefined && !values?.length) {
    throw invalid(`Filter on ${name} with operator ${operator} needs a value`)
  }
  const compared = (contact: Contact, to: string) => compare(name, read(contact), to)
  const read = (contact: Contact) => {
    const found = valueOf(contact, name)
    if (found === undefined) throw invalid(`Property "${name}" does not exist`)
    return found ?? ''
  }
  const has = (contact: Contact) => read(contact) !== ''
  switch (operator) {
    case 'HAS_PROPERTY':
      return has
    case 'NOT_HAS_PROPERTY':
      return contact => !has(contact)
    case 'EQ':
      return contact => has(contact) && compared(contact, value) === 0
    case 'NEQ':
      return contact => compared(contact, value) !== 0
    case 'GT':
      return contact => has(contact) && compared(contact, value) > 0
    case 'GTE':
      return contact => has(contact) && compared(contact, value) >= 0
    case 'LT':
      return contact => has(contact) && compared(contact, value) < 0
    case 'LTE':
      return contact => has(contact) && compared(contact, value) <= 0
    case 'BETWEEN':
      return contact =>
        has(contact) && compared(contact, value) >= 0 && compared(contact, filter.highValue ?? value) <= 0
    case 'IN':
      return contact => (values ?? []).some(one => compared(contact, one) === 0)
    case 'NOT_IN':
      return contact => !(values ?? []).some(one => compared(contact, one) === 0)
    case 'CONTAINS_TOKEN':
      return contact => hasToken(read(contact), value)
    case 'NOT_CONTAINS_TOKEN':
      return contact => !hasToken(read(contact), value)
  }
}

/** Dates as instants, ids as numbers, the rest as text without regard to case. */
function compare(name: string, one: string, other: string): number {
  if (name === 'createdate' || name === 'lastmodifieddate') return instant(one) - instant(other)
  if (name === 'hs_object_id') return Number(one) - Number(other)
  const [left, right] = [one.toLowerCase(), other.toLowerCase()]
  return left < right ? -1 : left > right ? 1 : 0
}

/** Unix milliseconds, or ISO 8601. */
function instant(value: string): number {
  const at = /^\d+$/.test(value) ? Number(value) : Date.parse(value)
  if (Number.isNaN(at)) throw invalid(`Not a date: ${value}`)
  return at
}

/** Oldest first unless asked otherwise; ids decide between equals. */
function orderOf(given: Search['sorts'][number] | undefined): (one: Contact, other: Contact) => number {
  const text = typeof given === 'string' ? given : (given?.propertyName ?? 'createdate')
  const isDescending = text.startsWith('-') || (typeof given === 'object' && given.direction === 'DESCENDING')
  const name = text.replace(/^-/, '')
  return (one, other) => {
    const order = compare(name, valueOf(one, name) ?? '', valueOf(other, name) ?? '')
    return (isDescending ? -order : order) || Number(one.id) - Number(other.id)
  }
}

function hasToken(value: string, wanted: string): boolean {
  const pattern = wanted
    .toLowerCase()
    .split('*')
    .map(part => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*')
  const token = new RegExp(`^${pattern}$`)
  return tokensOf(value).some(candidate => token.test(candidate))
}

const searchable = ['firstname', 'lastname', 'email', 'phone', 'mobilephone', 'company', 'hs_additional_emails']

/** Every word begins a token of a searchable property; digits are found anywhere in a phone number. */
function mentions(contact: Contact, words: readonly string[]): boolean {
  const tokens = searchable.flatMap(name => tokensOf(valueOf(contact, name) ?? ''))
  const digits = `${contact.properties['phone'] ?? ''} ${contact.properties['mobilephone'] ?? ''}`.replaceAll(
    /[^\d ]/g,
    '',
  )
  return words.every(word => {
    const wantedDigits = /^[\d+().-]{4,}$/.test(word) ? word.replaceAll(/\D/g, '') : ''
    if (wantedDigits !== '' && digits.includes(wantedDigits)) return true
    return tokens.some(token => token.startsWith(word))
  })
}

/** The whole value, and its words. */
function tokensOf(value: string): readonly string[] {
  const text = value.toLowerCase()
  return [text, ...text.split(/[^\p{L}\p{N}]+/u)].filter(token => token !== '')
}
