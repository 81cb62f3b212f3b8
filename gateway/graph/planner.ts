import { Supergraph, operationFromDocument, type Schema } from '@apollo/federation-internals'
import { QueryPlanner, type QueryPlan } from '@apollo/query-planner'
import {
  isScalarType,
  Kind,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  visit,
} from 'graphql'
import { LRUCache } from 'lru-cache'
import { scalars } from '../../schema/scalars.ts'
import { conditionVariables, decideConditions } from './conditions.ts'
import { checkSize } from './limits.ts'

/** An operation with the plan of its fetches, ready to be executed any number of times. */
export interface PlannedOperation {
  readonly plan: QueryPlan
  readonly operation: OperationDefinitionNode
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>
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
    const { document, variables } = asked
    const operationName = asked.operation.name?.value
    const key = this.nameOf(asked)
    const known = this.#plans.get(key)
    if (known !== undefined) return { planned: known, entries: checkSize(known, variables) }
    const decided = decideConditions(document, variables)
    const kept = withoutLocations(decided)
    const operation = { operation: operationNode(kept, operationName), fragments: fragmentsOf(kept) }
    const entries = checkSize(operation, variables)
    const federated = operationFromDocument(this.apiSchema, decided, { operationName })
    const planned = { ...operation, plan: this.#planner.buildQueryPlan(federated) }
    this.#plans.set(key, planned)
    return { planned, entries }
  }

  /** Equal for operations of which one plan is made. */
  nameOf({ document, queryHash, operation, variables }: AskedPlan): string {
    const conditions = this.#conditionsOf(document, queryHash)
    return JSON.stringify([queryHash, operation.name?.value, conditions.map(name => variables[name])])
  }

  #conditionsOf(document: DocumentNode, queryHash: string): readonly string[] {
    const known = this.#conditions.get(queryHash)
    if (known !== undefined) return known
    const conditions = conditionVariables(document)
    this.#conditions.set(queryHash, conditions)
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

function operationNode(document: DocumentNode, name: string | undefined): OperationDefinitionNode {
  for (const node of document.definitions) {
    if (node.kind === Kind.OPERATION_DEFINITION && (name === undefined || node.name?.value === name)) return node
  }
  throw new Error(`expected the document to hold the operation ${name ?? '(unnamed)'} that was planned`)
}

function fragmentsOf(document: DocumentNode): Readonly<Record<string, FragmentDefinitionNode>> {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const node of document.definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node)
  }
  return Object.fromEntries(fragments)
}
