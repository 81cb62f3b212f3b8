import { LRUCache } from 'lru-cache'
import type { Clock, Records, Written } from '../../contract.ts'
import { VendorError } from '../../vendor-error.ts'
import type { CrmSource, CustomerPatch } from '../source.ts'
import type { HubspotClient } from './client.ts'
import { contactRef, customerFields, observedFromWrite, propertiesOf } from './mapping.ts'
import { isContactId, type Contact } from './records.ts'

/** The kinds of records read through the cache, and what they are read as. */
export interface HubspotKinds {
  readonly contact: Contact
}

/** How old an answer to a search may be. Long enough for a person's typing to and fro, short enough not to notice. */
const searchAgeMs = 2000

const searchesKept = 500

/** HubSpot's contacts as the customers of the graph. */
export function openSource(client: HubspotClient, records: Records<HubspotKinds>, clock: Clock): CrmSource {
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

    async create(fields, context) {
      return [written('CREATED', await client.create(propertiesOf(fields), context.call), fields)]
    },

    async update(id, patch, context) {
      if (!isContactId(id)) throw new VendorError('hubspot', 'not-found', 'expected a number as the id of a contact')
      return [written('UPDATED', await client.update(id, propertiesOf(patch), context.call), patch)]
    },
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
