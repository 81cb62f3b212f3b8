import { z } from 'zod'
import type { Simulators } from '../../simulators/start.ts'
import { ask } from './differences.ts'

const page = z.object({
  data: z.object({
    orders: z.object({
      nodes: z.array(z.object({ id: z.string(), customer: z.object({ id: z.string() }).nullable() })),
      pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
    }),
  }),
})

/** The customer of each order that has one, as the graph says. */
export async function orderOwners(url: string): Promise<ReadonlyMap<string, string>> {
  const owners = new Map<string, string>()
  let after: string | null = null
  do {
    const within: string = after === null ? '' : `, after: "${after}"`
    const query = `{ orders(first: 100${within}) { nodes { id customer { id } } pageInfo { hasNextPage endCursor } } }`
    const { orders }: z.infer<typeof page>['data'] = page.parse(await ask(url, query)).data
    for (const { id, customer } of orders.nodes) if (customer !== null) owners.set(id, customer.id)
    after = orders.pageInfo.hasNextPage ? orders.pageInfo.endCursor : null
  } while (after !== null)
  return owners
}

/**
 * What became of the owners otherwise than it should: whatever was edited of e-mail addresses on either side, an order stays with its
 * customer, or goes with them into the one they were merged into.
 */
export async function ownerDifferences(
  url: string,
  { hubspot }: Simulators,
  before: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  const after = await orderOwners(url)
  return [...before].flatMap(([order, owner]) => {
    const expected = hubspot.contact(owner)?.id
    const found = after.get(order)
    return found === expected ? [] : [`orders ${order}: belongs to ${found}, and to ${expected} as the tools have it`]
  })
}
