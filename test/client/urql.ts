import { Client, fetchExchange, subscriptionExchange } from '@urql/core'
import { cacheExchange } from '@urql/exchange-graphcache'
import { relayPagination } from '@urql/exchange-graphcache/extras'
import type { Client as SocketClient } from 'graphql-ws'
import { embeddedTypes } from './cache-types.ts'

/** A list goes on with the page after it; another filter or order is another list. */
const list = relayPagination()

/**
 * urql of this graph, with its normalising cache.
 * @param socket see live-socket.ts
 */
export function openUrql(url: string, socket: SocketClient): Client {
  return new Client({
    url,
    // By itself urql asks by GET, which is let in where browsers say from which site they ask; POST is let in everywhere.
    preferGetMethod: false,
    exchanges: [
      cacheExchange({
        keys: {
          // Without an id of their own: kept where they stand.
          ...Object.fromEntries(embeddedTypes.map(type => [type, () => null])),
          // A tool's own id is unique with the tool and the kind only.
          Record: ({ nodeId }) => (typeof nodeId === 'string' ? nodeId : null),
        },
        resolvers: {
          Query: { customers: list, orders: list, products: list, jobs: list },
          Customer: { orders: list, jobs: list },
          Order: { jobs: list },
        },
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables }) => ({
          subscribe: sink => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
        }),
      }),
    ],
  })
}
