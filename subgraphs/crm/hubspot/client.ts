import { Client } from '@hubspot/api-client'
import {
  BatchReadInputSimplePublicObjectId,
  Filter,
  FilterOperatorEnum,
  PublicObjectSearchRequest,
  SimplePublicObjectInput,
  SimplePublicObjectInputForCreate,
  type RequestContext,
  type ResponseContext,
} from '@hubspot/api-client/lib/codegen/crm/contacts/index.js'
import type { PromiseConfigurationOptions } from '@hubspot/api-client/lib/codegen/crm/contacts/configuration.js'
import type { CallContext, LimitPool, OperationKind, VendorCalls, VendorOperation } from '../../contract.ts'
import { VendorError } from '../../vendor-error.ts'
import type { HubspotSettings } from './config.ts'
import type { ContactWrite } from './mapping.ts'
import {
  contactProperties,
  isContactId,
  readArchived,
  readBatch,
  readChanged,
  readContact,
  readContacts,
  readList,
  readSearch,
  type ArchivedAnswer,
  type BatchAnswer,
  type ChangedRecord,
  type Contact,
  type ListAnswer,
  type SearchAnswer,
} from './records.ts'
import { accountWindowMs, sdkOptions } from './sdk.ts'

/** The most ids one batch read takes, and the most contacts one page lists. */
export const maxPerCall = 100

/** The most contacts one page of a search holds. */
export const maxPerSearch = 200

/** Contacts modified at an instant or later, the longest ago first; or all of one instant after an id, in order of ids. */
export type Stretch = { readonly since: Date } | { readonly at: Date; readonly afterId: string }

/** Free and Starter. Professional and Enterprise have 190, and 250 with the add-on; the first answer says which. */
const leastPerTenSeconds = 100

/**
 * An app or a service key may send so many requests in 10 s, by the account's plan; search has a limit of its own, 5 a second.
 * Source: HubSpot developer documentation, usage limits.
 * @param requests a limit that a person has set; null to go by what HubSpot says
 */
export function limitPools(requests: number | null): readonly LimitPool[] {
  return [
    { name: 'account', limit: requests ?? leastPerTenSeconds, windowMs: accountWindowMs, isLearned: requests === null },
    { name: 'search', limit: 5, windowMs: 1000 },
  ]
}

/** Every endpoint this system uses, one function each. All throw VendorError. */
export interface HubspotClient {
  /** @param ids at most `maxPerCall` */
  readBatch(ids: readonly string[], call: CallContext): Promise<BatchAnswer>
  /** The contact an id answers with, which for an id retired by a merge is the winner; null when there is none. */
  readContact(id: string, call: CallContext): Promise<Contact | null>
  list(after: string | null, limit: number, call: CallContext): Promise<ListAnswer>
  search(text: string, limit: number, call: CallContext): Promise<SearchAnswer>
  /** Ids of contacts that are associated with one of the companies first of all. @param companies at most 100 */
  ofCompanies(companies: readonly string[], limit: number, call: CallContext): Promise<readonly string[]>
  /** The first contacts of a stretch, in its order. @param limit at most `maxPerSearch` */
  changed(stretch: Stretch, limit: number, call: CallContext): Promise<readonly ChangedRecord[]>
  /** Contacts in the bin, where they lie for 90 days. @param limit at most `maxPerCall` */
  listArchived(after: string | null, limit: number, call: CallContext): Promise<ArchivedAnswer>
  /** By its own address or one of a contact merged into it; null when there is none. Shows what was written at once. */
  readByEmail(email: string, call: CallContext): Promise<Contact | null>
  /** Contacts made since, at most 100. Takes some seconds to show what was written. */
  createdSince(since: Date, call: CallContext): Promise<readonly Contact[]>
  create(properties: ContactWrite, call: CallContext): Promise<Contact>
  update(id: string, properties: ContactWrite, call: CallContext): Promise<Contact>
  /** HubSpot can restore it. */
  archive(id: string, call: CallContext): Promise<void>
}

function operation(
  name: string,
  kind: OperationKind,
  { pool = 'account', repeatable = true }: { readonly pool?: 'account' | 'search'; readonly repeatable?: boolean } = {},
): VendorOperation {
  return { name: `contacts.${name}`, cost: { [pool]: 1 }, repeatable, kind }
}

const operations = {
  batchRead: operation('batchRead', 'look-up'),
  read: operation('read', 'look-up'),
  list: operation('list', 'list'),
  search: operation('search', 'look-up', { pool: 'search' }),
  changed: operation('changed', 'list', { pool: 'search' }),
  listArchived: operation('listArchived', 'list'),
  // HubSpot knows no idempotency key. An update repeated late would undo another writer's.
  create: operation('create', 'write', { repeatable: false }),
  update: operation('update', 'write', { repeatable: false }),
  archive: operation('archive', 'write'),
}

export function openClient(settings: HubspotSettings, calls: VendorCalls): HubspotClient {
  // No limiter and no retries of its own: both are what `calls` is for.
  const client = new Client({
    accessToken: settings.accessToken,
    basePath: settings.baseUrl,
    numberOfApiCallRetries: 0,
  })
  const { basicApi, batchApi, searchApi } = client.crm.contacts
  const properties = [...contactProperties]

  const options = (): PromiseConfigurationOptions => sdkOptions<RequestContext, ResponseContext>(calls)

  /** @param idProperty the property the id is a value of; HubSpot's own id when absent */
  async function readOne(id: string, idProperty: string | undefined, call: CallContext): Promise<Contact | null> {
    if (idProperty === undefined && !isContactId(id)) return null
    try {
      return await calls.call(operations.read, call, async () =>
        readContact(await basicApi.getById(id, properties, undefined, undefined, false, idProperty, options())),
      )
    } catch (error) {
      if (error instanceof VendorError && error.kind === 'not-found') return null
      throw error
    }
  }

  return {
    readBatch(ids, call) {
      const inputs = ids.map(id => ({ id }))
      const body = Object.assign(new BatchReadInputSimplePublicObjectId(), {
        inputs,
        properties,
        propertiesWithHistory: [],
      })
      return calls.call(operations.batchRead, call, async () => readBatch(await batchApi.read(body, false, options())))
    },
    readContact: (id, call) => readOne(id, undefined, call),
    readByEmail: (email, call) => readOne(email, 'email', call),
    createdSince(since, call) {
      const made = { propertyName: 'createdate', operator: FilterOperatorEnum.Gte, value: String(since.getTime()) }
      const body = Object.assign(new PublicObjectSearchRequest(), {
        limit: maxPerCall,
        properties,
        filterGroups: [{ filters: [made] }],
      })
      return calls.call(operations.search, call, async () => readContacts(await searchApi.doSearch(body, options())))
    },
    list(after, limit, call) {
      return calls.call(operations.list, call, async () =>
        readList(await basicApi.getPage(limit, after ?? undefined, properties, undefined, undefined, false, options())),
      )
    },
    search(text, limit, call) {
      const query = text === '' ? undefined : text
      const body = Object.assign(new PublicObjectSearchRequest(), {
        query,
        limit,
        properties: ['hs_object_id'],
        filterGroups: [],
      })
      return calls.call(operations.search, call, async () => readSearch(await searchApi.doSearch(body, options())))
    },
    ofCompanies(companies, limit, call) {
      const ofThem = Object.assign(new Filter(), {
        propertyName: 'associatedcompanyid',
        operator: FilterOperatorEnum.In,
        values: [...companies],
      })
      const untyped = Object.assign(new Filter(), {
        propertyName: 'company',
        operator: FilterOperatorEnum.NotHasProperty,
      })
      const body = Object.assign(new PublicObjectSearchRequest(), {
        limit,
        properties: ['hs_object_id'],
        filterGroups: [{ filters: [ofThem, untyped] }],
      })
      return calls.call(operations.search, call, async () => readSearch(await searchApi.doSearch(body, options())).ids)
    },
    changed(stretch, limit, call) {
      const isSince = 'since' in stretch
      const body = Object.assign(new PublicObjectSearchRequest(), {
        limit,
        properties: ['lastmodifieddate'],
        sorts: [isSince ? 'lastmodifieddate' : 'hs_object_id'],
        filterGroups: [
          {
            filters: isSince
              ? [filter('lastmodifieddate', FilterOperatorEnum.Gte, String(stretch.since.getTime()))]
              : [
                  filter('lastmodifieddate', FilterOperatorEnum.Eq, String(stretch.at.getTime())),
                  filter('hs_object_id', FilterOperatorEnum.Gt, stretch.afterId),
                ],
          },
        ],
      })
      return calls.call(operations.changed, call, async () => readChanged(await searchApi.doSearch(body, options())))
    },
    listArchived(after, limit, call) {
      const from = after ?? undefined
      return calls.call(operations.listArchived, call, async () =>
        readArchived(
          await basicApi.getPage(limit, from, ['hs_merged_object_ids'], undefined, undefined, true, options()),
        ),
      )
    },
    create(values, call) {
      const body = Object.assign(new SimplePublicObjectInputForCreate(), { properties: values, associations: [] })
      return calls.call(operations.create, call, async () => readContact(await basicApi.create(body, options())))
    },
    async update(id, values, call) {
      refuseNoId(id)
      const body = Object.assign(new SimplePublicObjectInput(), { properties: values })
      return calls.call(operations.update, call, async () =>
        readContact(await basicApi.update(id, body, undefined, options())),
      )
    },
    async archive(id, call) {
      refuseNoId(id)
      return calls.call(operations.archive, call, async () => basicApi.archive(id, options()))
    },
  }
}

/** What is no id must not stand in an address. @throws VendorError `not-found` */
function refuseNoId(id: string): void {
  if (!isContactId(id)) throw new VendorError('hubspot', 'not-found', 'expected the id of a contact (digits)')
}

function filter(propertyName: string, operator: FilterOperatorEnum, value: string): Filter {
  return Object.assign(new Filter(), { propertyName, operator, value })
}
