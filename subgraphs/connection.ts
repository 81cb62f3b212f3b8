import type { IndexEntry, IndexPage } from './contract.ts'

/** A page of a list as the SDL's `...Connection` types spell it, after the Relay Cursor Connections specification. */
export interface Connection<Node> {
  readonly edges: readonly { readonly cursor: string; readonly node: Node }[]
  readonly nodes: readonly Node[]
  readonly pageInfo: {
    /** Resolvers: the store is asked only when a client selects the field. */
    readonly hasNextPage: () => Promise<boolean>
    readonly hasPreviousPage: () => Promise<boolean>
    readonly startCursor: string | null
    readonly endCursor: string | null
  }
  /** A resolver: the store is asked only when a client selects the field. */
  readonly totalCount: () => Promise<number>
  readonly isComplete: boolean
}

/**
 * Makes a connection of a page of the index. `edges` and `nodes` share one node object an entry, so what is loaded for
 * one is there for the other.
 */
export function connectionOf<Node>(page: IndexPage, node: (entry: IndexEntry) => Node): Connection<Node> {
  const edges = page.entries.map(entry => ({ cursor: entry.cursor, node: node(entry) }))
  return {
    edges,
    nodes: edges.map(edge => edge.node),
    pageInfo: {
      hasNextPage: () => page.hasNextPage(),
      hasPreviousPage: () => page.hasPreviousPage(),
      startCursor: page.entries.at(0)?.cursor ?? null,
      endCursor: page.entries.at(-1)?.cursor ?? null,
    },
    totalCount: () => page.totalCount(),
    isComplete: page.isComplete,
  }
}
