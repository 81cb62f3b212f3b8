import { expect, test } from 'vitest'
import { z } from 'zod'
import { startWorld } from '../flows/world.ts'

/**
 * What Relay's compiler makes of the fragment in docs/clients.md, with the settings there (relay-compiler 21.0.1): the query of a page
 * of a customer's orders, which begins at the customer.
 */
const emitted = `query CustomerOrdersPaginationQuery(
  $after: String
  $first: Int = 20
  $nodeId: ID!
) {
  node(nodeId: $nodeId) {
    __typename
    ...CustomerOrders_customer_2HEEH6
    nodeId
  }
}

fragment CustomerOrders_customer_2HEEH6 on Customer {
  name
  orders(first: $first, after: $after) {
    edges {
      node {
        number
        total {
          amount
        }
        payments {
          amount {
            amount
          }
          nodeId
        }
        nodeId
        __typename
      }
      cursor
    }
    pageInfo {
      endCursor
      hasNextPage
    }
  }
  links {
    record {
      system
      nodeId
    }
  }
  nodeId
}`

const page = z.object({
  node: z.object({
    __typename: z.literal('Customer'),
    nodeId: z.string(),
    orders: z.object({
      edges: z.array(z.object({ node: z.object({ nodeId: z.string() }) })),
      pageInfo: z.object({ endCursor: z.string(), hasNextPage: z.boolean() }),
    }),
  }),
})

test('Relay pages within a customer by the query its compiler makes', async () => {
  const world = await startWorld()
  const { customer } = z
    .object({ customer: z.object({ nodeId: z.string(), orders: z.object({ totalCount: z.number() }) }) })
    .parse(await world.data('{ customer(id: "101") { nodeId orders { totalCount } } }'))
  const seen = new Set<string>()
  let after: string | null = null
  for (let isMore = true; isMore;) {
    const { node } = page.parse(await world.data(emitted, { nodeId: customer.nodeId, first: 2, after }))
    expect(node.nodeId).toBe(customer.nodeId)
    for (const edge of node.orders.edges) seen.add(edge.node.nodeId)
    after = node.orders.pageInfo.endCursor
    isMore = node.orders.pageInfo.hasNextPage
  }
  expect(seen.size).toBe(customer.orders.totalCount)
  expect(seen.size).toBeGreaterThan(2)
})
