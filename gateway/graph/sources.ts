import { readFileSync } from 'node:fs'
import { parse, type DocumentNode } from 'graphql'
import { roles, type Owner } from '../../schema/systems.ts'

/** One subgraph as it is composed: its name and its SDL, shared types included. */
export interface SubgraphSource {
  readonly name: Owner
  readonly typeDefs: DocumentNode
}

const root = new URL('../../', import.meta.url)

function read(path: string): string {
  return readFileSync(new URL(path, root), 'utf8')
}

/** The SDL of every role and of the graph's own subgraph, as they lie in the tree. */
export function subgraphSources(): readonly SubgraphSource[] {
  const shared = read('schema/shared.graphql')
  const own = read('gateway/graph/live/schema.graphql')
  return [
    ...roles.map(role => ({ name: role, typeDefs: parse(`${read(`subgraphs/${role}/schema.graphql`)}\n${shared}`) })),
    { name: 'live', typeDefs: parse(`${own}\n${shared}`) },
  ]
}
