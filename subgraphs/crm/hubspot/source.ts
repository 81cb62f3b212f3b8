import { LRUCache } from 'lru-cache'
import type { CallContext, Clock, Records, WriteSteps, Written } from '../../contract.ts'
import { VendorError, type VendorErrorKind } from '../../vendor-error.ts'
import type { CrmSource, CustomerPatch } from '../source.ts'
import type { HubspotClient } from './client.ts'
import { contactRef, customerFields, observedFromWrite, propertiesOf, type ContactWrite } from './mapping.ts'
import { isContactId, type Contact } from './records.ts'
import { contactStep, traceOf, type openUnfinished } from './unfinished.ts'

/** The kinds of records read through the cache, and what they are read as. */
export interface HubspotKinds {
  readonly contact: Contact
}

/** Failures after which the vendor may have done it all the same. */
const mayBeDone: ReadonlySet<VendorErrorKind> = new Set(['timeout', 'unavailable', 'unreadable'])

/** How old an answer to a search may be. Long enough for a person's typing to and fro, short enough not to notice. */
const searchAgeMs = 2000

const searchesKept = 500

/** HubSpot's contacts as the customers of the graph. */
export function openSource(
  client: HubspotClient,
  records: Records<HubspotKinds>,
  clock: Clock,
  unfinished: ReturnType<typeof openUnfinished>,
): CrmSource {
  const searches = new LRUCache<string, readonly string[]>({
    max: searchesKept,
    ttl: searchAgeMs,
    ttlResolution: 0,
    perf: { now: () => clock.now().getTime() },
  })

  return {
    system: 'hubspot',

    async customer(id, context) {
      const contact = await records.load('contact', { id }, context)
      return contact === null ? null : customerFields(contact)
    },

    async search(text, first, context) {
      const key = `${first} ${text}`
      const known = searches.get(key)
      if (known !== undefined) return known
      // Its age counts from the question: the answer may have been true before it came.
      const start = clock.now().getTime()
      const { ids } = await client.search(text, first, context.call)
      searches.set(key, ids, { start })
      return ids
    },

    async create(fields, { call }, steps) {
      const values = propertiesOf(fields)
      const by = { trace: traceOf(values), ...(values.email === undefined ? {} : { email: values.email }) }
      const made = new Map<string, Contact>()
      const id = await steps.step(contactStep, by.trace, {
        async send() {
          const contact = await createdOrFound(values, by, steps, call)
          made.set(contact.id, contact)
          return contact.id
        },
        async find(sentAt) {
          const contact = await unfinished.findSettled(steps, by, sentAt, call)
          if (contact !== null) made.set(contact.id, contact)
          return contact?.id ?? null
        },
      })
      const contact = made.get(id) ?? (await client.readContact(id, call))
      if (contact === null) throw new VendorError('hubspot', 'not-found', `contact ${id} vanished while it was made`)
      return [written('CREATED', contact, fields)]
    },

    async update(id, patch, context) {
      if (!isContactId(id)) throw new VendorError('hubspot', 'not-found', 'expected a number as the id of a contact')
      return [written('UPDATED', await client.update(id, propertiesOf(patch), context.call), patch)]
    },
  }
  /** A contact whose making was not answered is looked for at once: most often it was made. */
  async function createdOrFound(
    values: ContactWrite,
    by: { readonly trace: string; readonly email?: string },
    steps: WriteSteps,
    call: CallContext,
  ): Promise<Contact> {
    try {
      return await client.create(values, call)
    } catch (error) {
      if (!(error instanceof VendorError) || !mayBeDone.has(error.kind)) throw error
      const found = await unfinished.find(steps, by, call).catch(() => null)
      if (found === null) throw error
      return found
    }
  }
}

function written(kind: 'CREATED' | 'UPDATED', contact: Contact, patch: CustomerPatch): Written {
  return {
    kind,
    record: contactRef(contact.id),
    fields: Object.keys(patch),
    observed: observedFromWrite(contact),
  }
}
