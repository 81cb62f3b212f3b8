import { Client } from '@hubspot/api-client'
import {
  BatchReadInputSimplePublicObjectId,
  Filter,
  FilterOperatorEnum,
  PublicObjectSearchRequest,
  type RequestContext,
  type ResponseContext,
} from '@hubspot/api-client/lib/codegen/crm/companies/index.js'
import type { CallContext, RecordReader, VendorCalls, VendorOperation } from '../../contract.ts'
import { VendorError } from '../../vendor-error.ts'
import { maxPerCall, type Stretch } from './client.ts'
import type { HubspotSettings } from './config.ts'
import { toVendorError } from './faults.ts'
import { readBatch, readChanged, readCompanies, readSearch, type ChangedRecord, type Company } from './records.ts'
import { sdkOptions } from './sdk.ts'

/**
 * What is asked about companies. Without the scope crm.objects.companies.read each throws VendorError `unauthorized` that says so, and the
 * rest of the account goes on.
 */
export interface CompaniesClient {
  /** @param ids at most `maxPerCall` @returns those there are */
  readBatch(ids: readonly string[], call: CallContext): Promise<readonly Company[]>
  /** The first companies of a stretch, in its order, with their names. */
  changed(stretch: Stretch, limit: number, call: CallContext): Promise<readonly (ChangedRecord & Company)[]>
  /** Ids of companies that match the text, best first. */
  search(text: string, limit: number, call: CallContext): Promise<readonly string[]>
}

const batchRead: VendorOperation = {
  name: 'companies.batchRead',
  cost: { account: 1 },
  repeatable: true,
  kind: 'look-up',
}
const changedList: VendorOperation = { name: 'companies.changed', cost: { search: 1 }, repeatable: true, kind: 'list' }
const search: VendorOperation = { name: 'companies.search', cost: { search: 1 }, repeatable: true, kind: 'look-up' }

export function openCompanies(settings: HubspotSettings, calls: VendorCalls): CompaniesClient {
  const client = new Client({
    accessToken: settings.accessToken,
    basePath: settings.baseUrl,
    numberOfApiCallRetries: 0,
  })
  const { batchApi, searchApi } = client.crm.companies
  const options = () => sdkOptions<RequestContext, ResponseContext>(calls)

  return {
    async readBatch(ids, call) {
      const body = Object.assign(new BatchReadInputSimplePublicObjectId(), {
        inputs: ids.map(id => ({ id })),
        properties: ['name'],
        propertiesWithHistory: [],
      })
      return ask(batchRead, call, async () =>
        readCompanies(readBatch(await batchApi.read(body, false, options())).results),
      )
    },
    async changed(stretch, limit, call) {
      const isSince = 'since' in stretch
      const modified = 'hs_lastmodifieddate'
      const filters = isSince
        ? [filterOf(modified, FilterOperatorEnum.Gte, String(stretch.since.getTime()))]
        : [
            filterOf(modified, FilterOperatorEnum.Eq, String(stretch.at.getTime())),
            filterOf('hs_object_id', FilterOperatorEnum.Gt, stretch.afterId),
          ]
      const body = Object.assign(new PublicObjectSearchRequest(), {
        limit,
        properties: ['name', modified],
        sorts: [isSince ? modified : 'hs_object_id'],
        filterGroups: [{ filters }],
      })
      return ask(changedList, call, async () => {
        const answer: unknown = await searchApi.doSearch(body, options())
        const names = new Map(readCompanies(readBatch(answer).results).map(company => [company.id, company]))
        return readChanged(answer).map(one => ({ ...one, name: names.get(one.id)?.name ?? null }))
      })
    },
    async search(text, limit, call) {
      const body = Object.assign(new PublicObjectSearchRequest(), {
        query: text,
        limit,
        properties: ['hs_object_id'],
        filterGroups: [],
      })
      return ask(search, call, async () => readSearch(await searchApi.doSearch(body, options())).ids)
    },
  }

  /**
   * A scope that is missing is an answer of HubSpot's like another: it says nothing of the token, which is good for the contacts.
   * @throws VendorError
   */
  async function ask<T>(operation: VendorOperation, call: CallContext, send: () => Promise<T>): Promise<T> {
    const answer = await calls.call(operation, call, async () => {
      try {
        return await send()
      } catch (error) {
        const fault = toVendorError(error)
        if (fault instanceof VendorError && fault.lacks !== null) return fault
        throw fault
      }
    })
    if (answer instanceof VendorError) throw answer
    return answer
  }
}

/** Reads companies' names, 100 a call. */
export function companyReader(client: CompaniesClient): RecordReader<string> {
  return async (wanted, call) => {
    const ids = [...new Set(wanted.map(({ id }) => id))]
    const found = new Map<string, string | Error>()
    const chunks = Array.from({ length: Math.ceil(ids.length / maxPerCall) }, (_, index) =>
      ids.slice(index * maxPerCall, (index + 1) * maxPerCall),
    )
    await Promise.all(
      chunks.map(async chunk => {
        try {
          for (const { id, name } of await client.readBatch(chunk, call)) {
            found.set(id, name instanceof Error ? name : (name ?? ''))
          }
        } catch (error) {
          const fault = error instanceof Error ? error : toVendorError(error)
          for (const id of chunk) found.set(id, fault)
        }
      }),
    )
    return found
  }
}

function filterOf(propertyName: string, operator: FilterOperatorEnum, value: string): Filter {
  return Object.assign(new Filter(), { propertyName, operator, value })
}
