import type { Agent } from 'node:http'
import { ApiException } from '@hubspot/api-client/lib/codegen/crm/contacts/index.js'
import type { VendorCalls } from '../../contract.ts'

/** The window of an account's limit. Source: HubSpot developer documentation, usage limits. */
export const accountWindowMs = 10_000

interface SdkRequest {
  setAgent(agent: Agent): void
}

interface SdkResponse {
  readonly httpStatusCode: number
  readonly headers: Record<string, string>
}

/**
 * Options of one call of the SDK, made anew for each because it turns the list of middleware around in place. It runs the middleware of a
 * call, but not the client's, where it would put `httpAgent`; so the agent goes in here. And an answer that is not JSON is told by its status
 * here, before the SDK gives up on its content type. The SDK has classes of its own for each type of object.
 */
export function sdkOptions<Request extends SdkRequest, Response extends SdkResponse>(
  calls: Pick<VendorCalls, 'agent' | 'learn'>,
) {
  return {
    middleware: [
      {
        pre(request: Request) {
          request.setAgent(calls.agent)
          return Promise.resolve(request)
        },
        post(response: Response) {
          learnLimit(calls, response.headers)
          const type = response.headers['content-type'] ?? 'no content type'
          // What was archived is answered with nothing.
          return type.includes('json') || response.httpStatusCode === 204
            ? Promise.resolve(response)
            : Promise.reject(new ApiException(response.httpStatusCode, type, undefined, response.headers))
        },
      },
    ],
    middlewareMergeStrategy: 'replace' as const,
  }
}

/** Answers of searches do not have them. Source: HubSpot developer documentation, usage limits. */
function learnLimit(calls: Pick<VendorCalls, 'learn'>, headers: Readonly<Record<string, string>>): void {
  const numberOf = (name: string): number | undefined => {
    const text = headers[`x-hubspot-ratelimit-${name}`]
    return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined
  }
  const limit = numberOf('max')
  // One of another window says nothing of this one.
  if (limit === undefined || numberOf('interval-milliseconds') !== accountWindowMs) return
  calls.learn('account', { limit, remaining: numberOf('remaining') })
}
