import { initGraphQLTada } from 'gql.tada'
import type { introspection } from './tada-env.d.ts'

/** The graph's types as gql.tada reads them: operations get theirs from their text, without code made for them. */
export const graphql = initGraphQLTada<{
  introspection: introspection
  scalars: {
    ID: string
    DateTime: string
    Date: string
    Currency: string
    SafeInt: number
    URL: string
    Decimal: number | string
  }
}>()

export const orderFields = graphql(`
  fragment OrderFields on Order {
    id
    number
    createdAt
    total {
      amount
      currency
    }
  }
`)

export const ordersOf = graphql(
  `
    query OrdersOf($id: ID!, $first: Int!, $after: String) {
      customer(id: $id) {
        id
        orders(first: $first, after: $after) {
          nodes {
            ...OrderFields
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
      }
    }
  `,
  [orderFields],
)

export const changePhone = graphql(`
  mutation SetPhone($id: ID!, $phone: String) {
    updateCustomer(input: { id: $id, phone: $phone }) {
      customer {
        id
        phone
      }
    }
  }
`)

export const watchCustomer = graphql(`
  subscription Watch($id: ID!, $after: String) {
    customerChanged(id: $id, after: $after) {
      change {
        kind
        cursor
      }
      customer {
        id
        phone
      }
    }
  }
`)
