import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parse, type DocumentNode } from 'graphql'
import { roles, type Owner } from '../../schema/systems.ts'
import { withNodeIds } from './node-ids.ts'

/** One subgraph as it is composed: its name and its SDL, shared types included. */
export interface SubgraphSource {
  readonly name: Owner
  readonly typeDefs: DocumentNode
}

const root = new URL('../../', import.meta.url)

function read(path: string): string {
  return readFileSync(new URL(path, root), 'utf8')
}

/** The SDL of every role and of the graph's own subgraph, as it is composed. */
export function subgraphSources(): readonly SubgraphSource[] {
  const node = parse(read(nodePath))
  return writtenSources().map(({ name, typeDefs }) => ({ name, typeDefs: withNodeIds(typeDefs, node) }))
}

/** The same without what no role has to write: `nodeId`. */
export function writtenSources(): readonly SubgraphSource[] {
  const shared = read('schema/shared.graphql')
  const own = read('gateway/graph/live/schema.graphql')
  return [
    ...roles.map(role => ({ name: role, typeDefs: parse(`${read(`subgraphs/${role}/schema.graphql`)}\n${shared}`) })),
    { name: 'live', typeDefs: parse(`${own}\n${shared}`) },
  ]
}

const nodePath = 'schema/node.graphql'

/** Names the SDL as it lies in the tree; the composed supergraph carries it. */
export function sourcesHash(): string {
  const hash = createHash('sha256')
  for (const path of sdlPaths) hash.update(read(path)).update('\0')
  return hash.digest('hex')
}

const sdlPaths = [
  'schema/shared.graphql',
  nodePath,
  'gateway/graph/live/schema.graphql',
  ...roles.map(role => `subgraphs/${role}/schema.graphql`),
]

/** What stands before the hash in the composed supergraph. */
export const hashLine = '# Composed of SDL with the hash '

/** The committed supergraph, when it is composed of just this SDL; null when the SDL has changed since. */
export function committedSupergraph(): string | null {
  const text = read('schema/supergraph.graphql')
  return text.includes(`${hashLine}${sourcesHash()}\n`) ? text : null
}
