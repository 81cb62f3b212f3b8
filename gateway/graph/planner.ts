import { Supergraph, operationFromDocument, type Schema } from '@apollo/federation-internals'
import { QueryPlanner, type QueryPlan } from '@apollo/query-planner'
import {
  isScalarType,
  Kind,
  type DocumentNode,
  type FieldNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  visit,
} from 'graphql'
import { LRUCache } from 'lru-cache'
import { scalars } from '../../schema/scalars.ts'
import { chosenDocument, chosenIn, type ChosenOperation } from './chosen.ts'
import { collect } from './collect.ts'
import { conditionVariables, decideConditions } from './conditions.ts'
import { checkEntries, checkSize } from './limits.ts'
import { plannerNames, renamed, renamingOf, type Renaming } from './response-names.ts'

/** An operation with the plan of its fetches, ready to be executed any number of times. */
export interface PlannedOperation {
  readonly plan: QueryPlan
  /** What was asked, without its introspection: conditions decided, fragments opened, fields merged. */
  readonly operation: OperationDefinitionNode
  /** The same under names that the planner cannot mistake; null when it mistakes none. */
  readonly renaming: (Renaming & { readonly operation: OperationDefinitionNode }) | null
  /** What is asked of the schema itself; null when nothing is. */
  readonly introspection: Introspection | null
}

export interface Introspection {
  readonly document: DocumentNode
  /** Response names of the whole answer, in their order. */
  readonly rootNames: readonly string[]
}

/** What is to be planned. */
export interface AskedPlan {
  readonly document: DocumentNode
  /** Names the document's text. */
  readonly queryHash: string
  readonly operation: OperationDefinitionNode
  readonly variables: Readonly<Record<string, unknown>>
}

/** Plans kept, and the memory they take together. */
const maxPlans = 1000
const maxPlanBytes = 64 * 1024 * 1024

/** What a plan takes in memory for each character of its JSON: 2.6 to 3, measured over small and large operations. */
const bytesPerCharacter = 3

/** Turns operations into plans of fetches; a plan is made once an operation and each way its conditions turn out. */
export class Planner {
  /** What clients see. */
  readonly apiSchema: Schema
  readonly apiGraphQLSchema: GraphQLSchema
  readonly supergraphSchema: GraphQLSchema
  readonly #planner: QueryPlanner
  readonly #plannerNames: ReadonlySet<string>
  readonly #plans: LRUCache<string, PlannedOperation>
  readonly #conditions = new LRUCache<string, readonly string[]>({ max: maxPlans })

  constructor(supergraphSdl: string, options: { readonly maxPlanBytes?: number } = {}) {
    this.#plans = new LRUCache({
      max: maxPlans,
      maxSize: options.maxPlanBytes ?? maxPlanBytes,
      sizeCalculation: planned => JSON.stringify(planned).length * bytesPerCharacter,
    })
    const supergraph = Supergraph.build(supergraphSdl)
    this.apiSchema = supergraph.apiSchema()
    this.apiGraphQLSchema = withScalars(this.apiSchema.toGraphQLJSSchema())
    this.supergraphSchema = supergraph.schema.toGraphQLJSSchema()
    this.#planner = new QueryPlanner(supergraph)
    this.#plannerNames = plannerNames(this.supergraphSchema)
  }

  /** Whether it was planned already. */
  knows(asked: AskedPlan): boolean {
    return this.#plans.has(this.nameOf(asked))
  }

  /**
   * Plans the operation as its conditions turn out with these variables.
   * @returns also how many entries it asks for at most
   * @throws GraphQLError `OPERATION_TOO_LARGE`, before any time is spent on planning; `BAD_USER_INPUT` for a condition
   *   that is neither true nor false
   */
  plan(asked: AskedPlan): { readonly planned: PlannedOperation; readonly entries: number } {
    const { variables } = asked
    const key = this.nameOf(asked)
    const known = this.#plans.get(key)
    if (known !== undefined) return { planned: known, entries: checkEntries(known.operation, variables) }
    const document = chosenDocument(asked.document, asked.operation)
    const chosen = chosenIn(withoutLocations(decideConditions(document, variables)))
    const entries = checkSize(chosen, variables)
    const { operation, introspection, rootNames } = collect(this.apiGraphQLSchema, chosen)
    const renaming = renamingOf(operation, this.#plannerNames)
    const safe = renaming === null ? operation : renamed(operation, renaming, this.#plannerNames)
    const federated = operationFromDocument(this.apiSchema, { kind: Kind.DOCUMENT, definitions: [safe] })
    const planned: PlannedOperation = {
      operation,
      renaming: renaming === null ? null : { ...renaming, operation: safe },
      introspection:
        introspection.length === 0 ? null : { document: introspectionOf(chosen, introspection), rootNames },
      plan: this.#planner.buildQueryPlan(federated),
    }
    this.#plans.set(key, planned)
    return { planned, entries }
  }

  /** Equal for operations of which one plan is made. */
  nameOf(asked: AskedPlan): string {
    const { queryHash, operation, variables } = asked
    return JSON.stringify([queryHash, operation.name?.value, this.#conditionsOf(asked).map(name => variables[name])])
  }

  #conditionsOf({ document, queryHash, operation }: AskedPlan): readonly string[] {
    const key = JSON.stringify([queryHash, operation.name?.value])
    const known = this.#conditions.get(key)
    if (known !== undefined) return known
    const conditions = conditionVariables(chosenDocument(document, operation))
    this.#conditions.set(key, conditions)
    return conditions
  }
}

/** The scalars read what clients send, so that rubbish is refused before anybody is asked. Answers were written already. */
function withScalars(schema: GraphQLSchema): GraphQLSchema {
  for (const [name, { parseValue, parseLiteral }] of Object.entries(scalars)) {
    const type = schema.getType(name)
    if (isScalarType(type)) Object.assign(type, { parseValue, parseLiteral })
  }
  return schema
}

/** Locations hold on to every token of the text, and take half of what a plan takes. */
function withoutLocations(document: DocumentNode): DocumentNode {
  return visit(document, { enter: node => Object.fromEntries(Object.entries(node).filter(([name]) => name !== 'loc')) })
}

/** What is asked of the schema, as an operation of its own. */
function introspectionOf({ operation, fragments }: ChosenOperation, selections: readonly FieldNode[]): DocumentNode {
  const asked = { ...operation, selectionSet: { kind: Kind.SELECTION_SET, selections } } as const
  return { kind: Kind.DOCUMENT, definitions: [asked, ...Object.values(fragments)] }
}
