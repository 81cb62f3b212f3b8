import { print } from 'graphql'
import type { Client } from 'graphql-ws'
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'
import { WatchCustomerDocument, type WatchCustomerSubscription } from './preset/graphql.ts'

export interface GraphError {
  readonly message: string
  readonly path?: readonly (string | number)[]
  readonly extensions?: Readonly<Record<string, unknown>>
}

/** What the graph answers: while one tool is out, its fields are null, an error says why, and the rest is there. */
export interface Answer<Data> {
  readonly data?: Data | null
  readonly errors?: readonly GraphError[]
}

/**
 * A typed client in a few lines: documents and their types come from `npm run codegen`, queries and mutations go by fetch.
 * @returns data and errors; the data may be there in part
 * @throws Error when there is no answer of the graph at all, as through a proxy without a server behind it
 */
export async function ask<Data, Variables>(
  url: string,
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Answer<Data>> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json, application/json' },
    body: JSON.stringify({ query: print(document), variables }),
  })
  const answer: unknown = await response.json()
  if (!isAnswer<Data>(answer)) throw new Error(`expected an answer of the graph, got HTTP ${response.status}`)
  return answer
}

/** The graph is typed and answers by its types: there is nothing to check that it has not checked. */
function isAnswer<Data>(value: unknown): value is Answer<Data> {
  return typeof value === 'object' && value !== null && ('data' in value || 'errors' in value)
}

type CustomerFrame = NonNullable<WatchCustomerSubscription['customerChanged']>

/**
 * Calls `onFrame` with the present value and with each change, over any number of connections; see live-socket.ts.
 * @param onRefused called when the graph refuses the subscription: no further frame comes then
 * @returns what leaves
 */
export function watchCustomer(
  socket: Client,
  id: string,
  onFrame: (frame: CustomerFrame) => void,
  onRefused: (reason: unknown) => void,
): () => void {
  return socket.subscribe<WatchCustomerSubscription>(
    { query: print(WatchCustomerDocument), variables: { id } },
    {
      next: ({ data }) => {
        if (data?.customerChanged != null) onFrame(data.customerChanged)
      },
      error: onRefused,
      complete: () => undefined,
    },
  )
}
