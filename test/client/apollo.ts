import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { relayStylePagination } from '@apollo/client/utilities'
import { OperationTypeNode } from 'graphql'
import type { Client } from 'graphql-ws'
import { embeddedTypes, possibleTypes } from './cache-types.ts'

/** A list goes on with the page after it; another filter or order is another list. */
const list = relayStylePagination(['filter', 'order'])

/**
 * Apollo Client of this graph.
 * @param socket see live-socket.ts
 */
export function openApollo(url: string, socket: Client): ApolloClient {
  return new ApolloClient({
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(socket),
      new HttpLink({ uri: url }),
    ),
    cache: new InMemoryCache({
      possibleTypes,
      typePolicies: {
        // Two queries may each want a part of a value that has no id: without it one throws away what the other has read.
        ...Object.fromEntries(embeddedTypes.map(type => [type, { merge: true }])),
        Query: { fields: { customers: list, orders: list, products: list, jobs: list } },
        Customer: { fields: { orders: list, jobs: list } },
        Order: { fields: { jobs: list } },
        // A tool's own id is unique with the tool and the kind only. Without nodeId a Record is kept where it stands.
        Record: {
          keyFields: ({ nodeId }) => (typeof nodeId === 'string' ? `Record:${nodeId}` : false),
        },
      },
    }),
  })
}
