import {
  GraphQLError,
  Kind,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql'

/** Tokens of one document. */
export const maxTokens = 2_500

/** Entries of lists one operation may ask for, page sizes multiplied along the nesting. */
export const maxNodes = 10_000

/** Fields and fragments of one operation, those of a fragment counted wherever it is spread: planning grows with them. */
export const maxSelections = 600

/** Levels of nesting. */
export const maxDepth = 20

/** Values of one list in the variables: each would stand in a statement of the store. Documents are bounded by their tokens. */
const maxListValues = 1_000

/** Characters of one text in the variables: more than any tool keeps in a field. */
const maxTextLength = 65_536

/** @throws GraphQLError `OPERATION_TOO_LARGE` for variables that hold a longer list or text, or are nested deeper than an operation */
export function checkVariables(variables: unknown): void {
  // No recursion: it would end where the stack does.
  const left = [{ value: variables, depth: 0 }]
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { value, depth } = next
    if (typeof value === 'string' && value.length > maxTextLength) {
      throw tooLarge(`A variable holds a text of ${value.length} characters; at most ${maxTextLength} are allowed.`)
    }
    if (typeof value !== 'object' || value === null || value instanceof Date) continue
    if (depth > maxDepth)
      throw tooLarge(`The variables are nested deeper than the ${maxDepth} levels that are allowed.`)
    if (Array.isArray(value) && value.length > maxListValues)
      throw tooLarge(`A variable holds a list of ${value.length} values; at most ${maxListValues} are allowed.`)
    for (const inner of Object.values(value)) left.push({ value: inner, depth: depth + 1 })
  }
}

const partsOfPage: ReadonlySet<string> = new Set(['nodes', 'edges', 'node', 'pageInfo'])

/** Entries a list without `first` and `last` gives. */
const defaultPage = 20

/** An operation with the fragments it may spread. */
export interface AskedOperation {
  readonly operation: OperationDefinitionNode
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>
}

/**
 * Refuses operations that would take too much, whichever way they came.
 * @returns how many entries it asks for at most
 * @throws GraphQLError `OPERATION_TOO_LARGE` saying what was allowed and what came
 */
export function checkSize(
  { operation, fragments }: AskedOperation,
  variables: Readonly<Record<string, unknown>>,
): number {
  const { nodes } = sizeOf(operation.selectionSet, { fragments, variables, depth: 1, count: { selections: 0 } })
  if (nodes > maxNodes) {
    throw tooLarge(
      `The operation asks for up to ${nodes} entries; at most ${maxNodes} are allowed. Ask for smaller pages.`,
    )
  }
  return nodes
}

interface Reading {
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>
  readonly variables: Readonly<Record<string, unknown>>
  readonly depth: number
  /** Shared by the whole reading. */
  readonly count: { selections: number }
}

interface GivenArgument {
  readonly name: { readonly value: string }
  readonly value: ValueNode
}

interface Size {
  readonly nodes: number
  /** Whether these are the fields of a page. */
  readonly isPage: boolean
}

function sizeOf(selection: SelectionSetNode, reading: Reading): Size {
  if (reading.depth > maxDepth) {
    throw tooLarge(`The operation is nested deeper than the ${maxDepth} levels that are allowed.`)
  }
  let nodes = 0
  let isPage = false
  for (const node of selection.selections) {
    reading.count.selections += 1
    if (reading.count.selections > maxSelections) {
      throw tooLarge(
        `The operation has more than the ${maxSelections} fields that are allowed, fragments counted wherever they are spread.`,
      )
    }
    if (node.kind === Kind.FIELD) {
      const name = node.name.value
      isPage ||= name === 'nodes' || name === 'edges'
      if (node.selectionSet === undefined || name.startsWith('__')) continue
      const inner = sizeOf(node.selectionSet, { ...reading, depth: reading.depth + 1 })
      const named = namedNodes(node.arguments ?? [], reading.variables)
      if (named !== null) nodes += named * (1 + inner.nodes)
      // What a page consists of was counted with the page.
      else if (partsOfPage.has(name)) nodes += inner.nodes
      else nodes += (inner.isPage ? pageSize(node.arguments ?? [], reading.variables) : 1) * (1 + inner.nodes)
    } else {
      const set =
        node.kind === Kind.INLINE_FRAGMENT ? node.selectionSet : reading.fragments[node.name.value]?.selectionSet
      const inner = set === undefined ? { nodes: 0, isPage: false } : sizeOf(set, reading)
      nodes += inner.nodes
      isPage ||= inner.isPage
    }
  }
  return { nodes, isPage }
}

/** How many the query fields `node` and `nodes`, which are no part of a page, are asked for; null for any other field. */
function namedNodes(given: readonly GivenArgument[], variables: Readonly<Record<string, unknown>>): number | null {
  for (const { name, value } of given) {
    if (name.value === 'nodeId') return 1
    if (name.value !== 'nodeIds') continue
    const ids = value.kind === Kind.VARIABLE ? variables[value.name.value] : value.kind === Kind.LIST ? value.values : 1
    return Array.isArray(ids) ? ids.length : 1
  }
  return null
}

function pageSize(given: readonly GivenArgument[], variables: Readonly<Record<string, unknown>>): number {
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
