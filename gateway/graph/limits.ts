import { GraphQLError, Kind, type FragmentDefinitionNode, type SelectionSetNode, type ValueNode } from 'graphql'
import type { PlannedOperation } from './planner.ts'

/** Tokens of one document. */
export const maxTokens = 5_000

/** Entries of lists one operation may ask for, page sizes multiplied along the nesting. */
export const maxNodes = 20_000

/** Levels of nesting. */
export const maxDepth = 20

/** Entries a list without `first` and `last` gives. */
const defaultPage = 20

/**
 * Refuses operations that would take too much, whichever way they came.
 * @throws GraphQLError `OPERATION_TOO_LARGE` saying what was allowed and what came
 */
export function checkSize(
  { operation, fragments }: Pick<PlannedOperation, 'operation' | 'fragments'>,
  variables: Readonly<Record<string, unknown>>,
): void {
  const nodes = nodesOf(operation.selectionSet, { fragments, variables, depth: 1 })
  if (nodes > maxNodes) {
    throw tooLarge(
      `The operation asks for up to ${nodes} entries; at most ${maxNodes} are allowed. Ask for smaller pages.`,
    )
  }
}

interface Reading {
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>
  readonly variables: Readonly<Record<string, unknown>>
  readonly depth: number
}

function nodesOf(selection: SelectionSetNode, reading: Reading): number {
  if (reading.depth > maxDepth) {
    throw tooLarge(`The operation is nested deeper than the ${maxDepth} levels that are allowed.`)
  }
  let nodes = 0
  for (const node of selection.selections) {
    if (node.kind === Kind.FIELD) {
      if (node.selectionSet === undefined || node.name.value.startsWith('__')) continue
      const inner = nodesOf(node.selectionSet, { ...reading, depth: reading.depth + 1 })
      const isConnection = node.selectionSet.selections.some(
        child => child.kind !== Kind.FIELD || child.name.value === 'nodes' || child.name.value === 'edges',
      )
      const size = isConnection ? pageSize(node.arguments ?? [], reading.variables) : 1
      nodes += size * (1 + inner)
    } else {
      const set =
        node.kind === Kind.INLINE_FRAGMENT ? node.selectionSet : reading.fragments[node.name.value]?.selectionSet
      if (set !== undefined) nodes += nodesOf(set, reading)
    }
    if (nodes > maxNodes * 1000) break
  }
  return nodes
}

function pageSize(
  given: readonly { readonly name: { readonly value: string }; readonly value: ValueNode }[],
  variables: Readonly<Record<string, unknown>>,
): number {
  for (const { name, value } of given) {
    if (name.value !== 'first' && name.value !== 'last') continue
    const size =
      value.kind === Kind.INT ? Number(value.value) : value.kind === Kind.VARIABLE ? variables[value.name.value] : null
    if (typeof size === 'number') return Math.max(size, 1)
  }
  return defaultPage
}

function tooLarge(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'OPERATION_TOO_LARGE', http: { status: 400 } } })
}
