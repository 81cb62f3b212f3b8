import { readFileSync } from 'node:fs'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { z } from 'zod'
import type {
  ChangePhoneMutation,
  ChangePhoneMutationVariables,
  CustomersPageQuery,
  CustomersPageQueryVariables,
  WatchCustomerSubscription,
  WatchCustomerSubscriptionVariables,
} from './generated.ts'

/**
 * A typed client of the graph: the types come from `npm run codegen`, the operations from operations.graphql. Fetch for
 * queries and mutations, graphql-ws for subscriptions.
 */
interface Operations {
  readonly CustomersPage: { readonly variables: CustomersPageQueryVariables; readonly result: CustomersPageQuery }
  readonly ChangePhone: { readonly variables: ChangePhoneMutationVariables; readonly result: ChangePhoneMutation }
}

const document = readFileSync(new URL('operations.graphql', import.meta.url), 'utf8')

/** @throws Error when the answer holds no data at all */
export async function ask<Name extends keyof Operations>(
  url: string,
  operationName: Name,
  variables: Operations[Name]['variables'],
): Promise<Operations[Name]['result']> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: document, operationName, variables }),
  })
  // The graph is typed, and answers by its types: there is nothing to check that the gateway has not checked.
  const answer = z
    .object({
      data: z.custom<Operations[Name]['result']>().nullish(),
      errors: z.array(z.object({ message: z.string() })).optional(),
    })
    .parse(await response.json())
  if (answer.data == null) throw new Error(answer.errors?.[0]?.message ?? `the graph answered ${response.status}`)
  return answer.data
}

/** Calls `onFrame` with the present value and with each change; reconnects and goes on with the last cursor. */
export function watchCustomer(
  url: string,
  id: string,
  onFrame: (frame: NonNullable<WatchCustomerSubscription['customerChanged']>) => void,
): () => void {
  const client = createClient({ url: url.replace(/^http/, 'ws'), webSocketImpl: WebSocket })
  const variables: WatchCustomerSubscriptionVariables = { id }
  return client.subscribe<WatchCustomerSubscription>(
    { query: document, operationName: 'WatchCustomer', variables },
    {
      next({ data }) {
        if (data?.customerChanged == null) return
        variables.after = data.customerChanged.change.cursor
        onFrame(data.customerChanged)
      },
      error: reason => console.error('the subscription failed', reason),
      complete: () => void client.dispose(),
    },
  )
}
