import { z } from 'zod'
import type { Simulators } from '../../simulators/start.ts'

const page = z.object({
  data: z.record(
    z.string(),
    z.object({
      nodes: z.array(z.object({ id: z.string(), value: z.string().nullable() })),
      pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
    }),
  ),
})

const fields = { customers: 'phone', orders: 'memo', jobs: 'title' }

/** What the graph answers of every record otherwise than the tools hold it, in sentences. */
export async function differencesOf(url: string, { hubspot, stripe, asana }: Simulators): Promise<readonly string[]> {
  const held = {
    customers: new Map(hubspot.snapshot().contacts.map(({ id, properties }) => [id, properties['phone'] ?? null])),
    orders: new Map(stripe.snapshot().invoices.map(({ head }) => [head.id, head.description ?? null])),
    jobs: new Map(asana.snapshot().tasks.map(({ gid, name }) => [gid, name])),
  }
  const differences: string[] = []
  for (const root of ['customers', 'orders', 'jobs'] as const) {
    const seen = new Map<string, string | null>()
    for (const { id, value } of await everyOne(url, root, fields[root])) seen.set(id, value)
    for (const [id, value] of held[root]) {
      if (seen.get(id) !== value) differences.push(`${root} ${id}: the tool has ${value}, the graph ${seen.get(id)}`)
    }
    for (const id of seen.keys()) if (!held[root].has(id)) differences.push(`${root} ${id}: the tool has none`)
  }
  return differences
}

async function everyOne(url: string, root: string, field: string) {
  const nodes: { readonly id: string; readonly value: string | null }[] = []
  let after: string | null = null
  do {
    const within: string = after === null ? '' : `, after: "${after}"`
    const query = `{ ${root}(first: 100${within}) { nodes { id value: ${field} } pageInfo { hasNextPage endCursor } } }`
    const list: z.infer<typeof page>['data'][string] | undefined = page.parse(await ask(url, query)).data[root]
    nodes.push(...(list?.nodes ?? []))
    after = list?.pageInfo.hasNextPage === true ? list.pageInfo.endCursor : null
  } while (after !== null)
  return nodes
}

/** What a query is answered with. */
export async function ask(url: string, query: string): Promise<unknown> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  })
  return response.json()
}
