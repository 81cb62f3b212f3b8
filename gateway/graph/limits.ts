import {
  GraphQLError,
  Kind,
  type FieldNode,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type VariableDefinitionNode,
} from 'graphql'
import { responseNameOf, type ChosenOperation } from './chosen.ts'

/** Tokens of one document. */
export const maxTokens = 2_500

/** In graphql-js's words (`Parser.advanceLexer`); it says it in no other way. */
const tokensRefused = /Document contains more tha[tn] \d+ tokens/

/** @returns what a client is told of a document that the parser gave up on for its length; null for any other fault of it */
export function tooManyTokens({ message }: { readonly message: string }): GraphQLError | null {
  if (!tokensRefused.test(message)) return null
  return new GraphQLError(
    `The document has more than the ${maxTokens} tokens that are allowed: names, values and punctuation count. Send values as variables.`,
    { extensions: { code: 'OPERATION_TOO_LARGE' } },
  )
}

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

/**
 * @param declared the variables of the operation that runs: what is sent for others is not read
 * @throws GraphQLError `OPERATION_TOO_LARGE` for variables that hold a longer list or text, or are nested deeper than an operation
 */
export function checkVariables(
  variables: Readonly<Record<string, unknown>>,
  declared: readonly VariableDefinitionNode[],
): void {
  // No recursion: it would end where the stack does.
  const left = declared.map(({ variable }) => ({ value: variables[variable.name.value], depth: 1 }))
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

/**
 * Refuses operations that would take too much, by whatever transport they came.
 * @returns how many entries it asks for at most
 * @throws GraphQLError `OPERATION_TOO_LARGE` saying what was allowed and what came
 */
export function checkSize(
  { operation, fragments }: ChosenOperation,
  variables: Readonly<Record<string, unknown>>,
): number {
  return countEntries({ operation, fragments }, variables, maxSelections)
}

/** The same for an operation whose fields were counted: opened, they may be more. */
export function checkEntries(operation: OperationDefinitionNode, variables: Readonly<Record<string, unknown>>): number {
  return countEntries({ operation, fragments: {} }, variables, Infinity)
}

function countEntries(
  { operation, fragments }: ChosenOperation,
  variables: Readonly<Record<string, unknown>>,
  mostSelections: number,
): number {
  const reading = { fragments, variables, depth: 1, count: { selections: 0, most: mostSelections } }
  const { nodes } = sizeOf([operation.selectionSet], reading)
  if (nodes > maxNodes) {
    throw tooLarge(
      `The operation asks for up to ${nodes} entries; at most ${maxNodes} are allowed. Ask for smaller pages.`,
    )
  }
  return nodes
}

interface Reading {
  readonly fragments: ChosenOperation['fragments']
  readonly variables: Readonly<Record<string, unknown>>
  readonly depth: number
  /** Shared by the whole reading. */
  readonly count: { selections: number; readonly most: number }
}

interface Size {
  readonly nodes: number
  /** Whether these are the fields of a page. */
  readonly isPage: boolean
}

/** @param sets what is selected of one object; fields of one response name are one field of the answer */
function sizeOf(sets: readonly SelectionSetNode[], reading: Reading): Size {
  if (reading.depth > maxDepth) {
    throw tooLarge(`The operation is nested deeper than the ${maxDepth} levels that are allowed.`)
  }
  const fields = new Map<string, FieldNode[]>()
  for (const set of sets) collectFields(set, reading, fields)
  let nodes = 0
  let isPage = false
  for (const group of fields.values()) {
    isPage ||= group.some(({ name }) => name.value === 'nodes' || name.value === 'edges')
    const inner = group.flatMap(({ name, selectionSet }) => (name.value.startsWith('__') ? [] : (selectionSet ?? [])))
    if (inner.length === 0) continue
    const size = sizeOf(inner, { ...reading, depth: reading.depth + 1 })
    // Under an interface one name may stand for several fields, of which an object has one.
    nodes += Math.max(...group.map(field => entriesOf(field, size, reading.variables)))
  }
  return { nodes, isPage }
}

/** Entries of one field, with those below each. */
function entriesOf(field: FieldNode, inner: Size, variables: Readonly<Record<string, unknown>>): number {
  const named = namedNodes(field, variables)
  if (named !== null) return named * (1 + inner.nodes)
  // What a page consists of was counted with the page.
  if (partsOfPage.has(field.name.value)) return inner.nodes
  return (inner.isPage ? pageSize(field, variables) : 1) * (1 + inner.nodes)
}

function collectFields(set: SelectionSetNode, reading: Reading, fields: Map<string, FieldNode[]>): void {
  for (const node of set.selections) {
    reading.count.selections += 1
    if (reading.count.selections > reading.count.most) {
      throw tooLarge(
        `The operation has more than the ${maxSelections} fields that are allowed, fragments counted wherever they are spread.`,
      )
    }
    if (node.kind === Kind.FIELD) {
      const name = responseNameOf(node)
      const known = fields.get(name)
      if (known === undefined) fields.set(name, [node])
      else known.push(node)
    } else {
      const inner = node.kind === Kind.INLINE_FRAGMENT ? node : reading.fragments[node.name.value]
      if (inner !== undefined) collectFields(inner.selectionSet, reading, fields)
    }
  }
}

/** How many the query fields `node` and `nodes`, which are no part of a page, are asked for; null for any other field. */
function namedNodes({ arguments: given = [] }: FieldNode, variables: Readonly<Record<string, unknown>>): number | null {
  for (const { name, value } of given) {
    if (name.value === 'nodeId') return 1
    if (name.value !== 'nodeIds') continue
    const ids = value.kind === Kind.VARIABLE ? variables[value.name.value] : value.kind === Kind.LIST ? value.values : 1
    return Array.isArray(ids) ? ids.length : 1
  }
  return null
}

function pageSize({ arguments: given = [] }: FieldNode, variables: Readonly<Record<string, unknown>>): number {
  for (const { name, value } of given) {
    if (name.value !== 'first' && name.value !== 'last') continue
    const size =
      value.kind === Kind.INT ? Number(value.value) : value.kind === Kind.VARIABLE ? variables[value.name.value] : null
    if (typeof size === 'number') return Math.max(size, 0)
  }
  return defaultPage
}

function tooLarge(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'OPERATION_TOO_LARGE', http: { status: 400 } } })
}
