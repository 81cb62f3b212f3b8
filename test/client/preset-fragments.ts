import { graphql } from './preset/index.ts'

/** One row of a list of orders: the component that shows it says what it needs. */
export const orderRow = graphql(`
  fragment OrderRow on Order {
    id
    number
    status
  }
`)

export const ordersPage = graphql(`
  query OrdersPage($first: Int!, $after: String) {
    orders(first: $first, after: $after) {
      nodes {
        ...OrderRow
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)
