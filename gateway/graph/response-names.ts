import {
  GraphQLError,
  isInterfaceType,
  isObjectType,
  visit,
  type GraphQLSchema,
  type NameNode,
  type OperationDefinitionNode,
  type VariableNode,
} from 'graphql'
import { responseNameOf } from './chosen.ts'

/** The variable in which the planner hands on entities. */
const plannersVariable = 'representations'

/** How the names of an operation were changed for the planner. */
export interface Renaming {
  /** Stands before each changed name, and before no other. */
  readonly prefix: string
  /** Whether the operation has the planner's variable as one of its own. */
  readonly renamesVariable: boolean
}

/**
 * The names that the planner may use itself: it selects keys and `__typename` in addition, and takes what stands under a name for
 * the field of that name.
 */
export function plannerNames(supergraph: GraphQLSchema): ReadonlySet<string> {
  const types = Object.values(supergraph.getTypeMap())
  return new Set(
    types.flatMap(type => (isObjectType(type) || isInterfaceType(type) ? Object.keys(type.getFields()) : [])),
  )
}

/**
 * Which names have to be changed before the operation is planned.
 * @returns null when the planner takes none of them for another one
 */
export function renamingOf(operation: OperationDefinitionNode, taken: ReadonlySet<string>): Renaming | null {
  const names = new Set<string>()
  const mistakable = new Set<string>()
  visit(operation, {
    Field(field) {
      names.add(responseNameOf(field))
      if (isMistakable(field.alias, field.name, taken)) mistakable.add(responseNameOf(field))
    },
  })
  const renamesVariable = (operation.variableDefinitions ?? []).some(
    ({ variable }) => variable.name.value === plannersVariable,
  )
  if (mistakable.size === 0 && !renamesVariable) return null
  let count = 0
  const isFree = (prefix: string): boolean => ![...names].some(name => name.startsWith(prefix))
  while (!isFree(`as${count}_`)) count += 1
  return { prefix: `as${count}_`, renamesVariable }
}

/** A name that stands for another field than the one it names, or that the planner makes up itself (`name__alias_0`). */
function isMistakable(alias: NameNode | undefined, name: NameNode, taken: ReadonlySet<string>): boolean {
  if (alias === undefined || alias.value === name.value) return false
  return taken.has(alias.value) || alias.value.startsWith('_') || alias.value.includes('__alias_')
}

/** The operation with names that the planner cannot mistake. */
export function renamed(
  operation: OperationDefinitionNode,
  renaming: Renaming,
  taken: ReadonlySet<string>,
): OperationDefinitionNode {
  return visit(operation, {
    Field: field =>
      field.alias !== undefined && isMistakable(field.alias, field.name, taken)
        ? { ...field, alias: { ...field.alias, value: `${renaming.prefix}${field.alias.value}` } }
        : undefined,
    Variable: node => renamedVariable(node, renaming),
  })
}

function renamedVariable(node: VariableNode, { prefix, renamesVariable }: Renaming): VariableNode | undefined {
  if (!renamesVariable || node.name.value !== plannersVariable) return undefined
  return { ...node, name: { ...node.name, value: `${prefix}${plannersVariable}` } }
}

/** The variables by the names that `renamed` gave them. */
export function renamedVariables(
  variables: Readonly<Record<string, unknown>>,
  { prefix, renamesVariable }: Renaming,
): Record<string, unknown> {
  const entries = Object.entries(variables)
  if (!renamesVariable) return Object.fromEntries(entries)
  return Object.fromEntries(
    entries.map(([name, value]) => [name === plannersVariable ? `${prefix}${plannersVariable}` : name, value]),
  )
}

/** What was answered, under its client's names and in the same order. */
export function withOwnNames(value: unknown, renaming: Renaming): unknown {
  if (Array.isArray(value)) return value.map(entry => withOwnNames(entry, renaming))
  return isRecord(value) ? recordWithOwnNames(value, renaming) : value
}

export function recordWithOwnNames(
  record: Readonly<Record<string, unknown>>,
  renaming: Renaming,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [ownName(name, renaming), withOwnNames(value, renaming)]),
  )
}

/** The error with its path under its client's names. */
export function errorWithOwnNames(error: GraphQLError, renaming: Renaming): GraphQLError {
  if (error.path === undefined) return error
  return new GraphQLError(error.message, {
    path: error.path.map(step => (typeof step === 'string' ? ownName(step, renaming) : step)),
    originalError: error.originalError,
    extensions: error.extensions,
  })
}

function ownName(name: string, { prefix }: Renaming): string {
  return name.startsWith(prefix) ? name.slice(prefix.length) : name
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
