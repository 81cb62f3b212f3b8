import { Client } from '@hubspot/api-client'
import type * as companies from '@hubspot/api-client/lib/codegen/crm/companies/index.js'
import * as contacts from '@hubspot/api-client/lib/codegen/crm/contacts/index.js'
import type { CallContext, VendorCalls, VendorOperation } from '../../contract.ts'
import type { HubspotSettings } from './config.ts'

/** Requests that show whether the token may do something, and change nothing. All throw VendorError. */
export interface Permissions {
  /** A batch of no updates: HubSpot looks at the scopes before it looks at the body. */
  readonly tryWriting: (call: CallContext) => Promise<void>
  readonly tryCompanies: (call: CallContext) => Promise<void>
}

function operation(name: string): VendorOperation {
  return { name, cost: { account: 1 }, repeatable: true, kind: 'look-up' }
}

const tryWriting = operation('contacts.tryWriting')
const tryCompanies = operation('companies.list')

export function openPermissions(settings: HubspotSettings, calls: VendorCalls): Permissions {
  const client = new Client({
    accessToken: settings.accessToken,
    basePath: settings.baseUrl,
    numberOfApiCallRetries: 0,
  })
  const middlewareMergeStrategy = 'replace' as const
  return {
    async tryWriting(call) {
      const nothing = Object.assign(new contacts.BatchInputSimplePublicObjectBatchInput(), { inputs: [] })
      const middleware = [
        {
          pre(request: contacts.RequestContext) {
            request.setAgent(calls.agent)
            return Promise.resolve(request)
          },
          post: (response: contacts.ResponseContext) => answered(response),
        },
      ]
      await calls.call(tryWriting, call, async () =>
        client.crm.contacts.batchApi.update(nothing, { middleware, middlewareMergeStrategy }),
      )
    },
    async tryCompanies(call) {
      const middleware = [
        {
          pre(request: companies.RequestContext) {
            request.setAgent(calls.agent)
            return Promise.resolve(request)
          },
          post: (response: companies.ResponseContext) => answered(response),
        },
      ]
      await calls.call(tryCompanies, call, async () =>
        client.crm.companies.basicApi.getPage(1, undefined, ['name'], undefined, undefined, false, {
          middleware,
          middlewareMergeStrategy,
        }),
      )
    },
  }
}

/** An answer that is no JSON is told by its status, before the SDK gives up on its content type. */
function answered<R extends { readonly httpStatusCode: number; readonly headers: Record<string, string> }>(
  response: R,
): Promise<R> {
  const type = response.headers['content-type'] ?? 'no content type'
  return type.includes('json') || response.httpStatusCode === 204
    ? Promise.resolve(response)
    : Promise.reject(new contacts.ApiException(response.httpStatusCode, type, undefined, response.headers))
}
