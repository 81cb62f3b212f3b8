import type { ApolloServerPlugin } from '@apollo/server'
import type { OperationContext } from './context.ts'

/** What a client asks to be told beside its data. Subscribers whose choices differ are sent different frames. */
export interface AskedExtensions {
  readonly cost: boolean
}

interface AskedRequest {
  readonly extensions?: Readonly<Record<string, unknown>>
  readonly http?: { readonly headers: { get(name: string): string | null | undefined } }
}

/** Reads what is asked: `extensions: { cost: true }`, or the header `graphql-cost: true`. */
export function askedExtensions({ extensions, http }: AskedRequest): AskedExtensions {
  return { cost: extensions?.['cost'] === true || http?.headers.get('graphql-cost') === 'true' }
}

/**
 * - `extensions.cost` when the client asks for it: what the operation took from each of the vendors' budgets;
 * - `extensions.stale`, always: the records that could not be read anew and were served from before.
 */
export const answerExtensions: ApolloServerPlugin<OperationContext> = {
  requestDidStart({ request }) {
    const asked = askedExtensions(request)
    return Promise.resolve({
      willSendResponse({ response, contextValue }) {
        if (response.body.kind !== 'single') return Promise.resolve()
        const added = {
          ...(asked.cost ? { cost: contextValue.costs() } : {}),
          ...(contextValue.stale().length > 0 ? { stale: contextValue.stale() } : {}),
        }
        if (Object.keys(added).length > 0) {
          const result = response.body.singleResult
          result.extensions = { ...result.extensions, ...added }
        }
        return Promise.resolve()
      },
    })
  },
}
