import { Supergraph, operationFromDocument, type Schema } from '@apollo/federation-internals'
import { QueryPlanner, type QueryPlan } from '@apollo/query-planner'
import {
  isScalarType,
  Kind,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql'
import { LRUCache } from 'lru-cache'
import { scalars } from '../../schema/scalars.ts'

/** An operation with the plan of its fetches, ready to be executed any number of times. */
export interface PlannedOperation {
  readonly plan: QueryPlan
  readonly operation: OperationDefinitionNode
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>
}

/** Plans kept, each for one operation text. */
const maxPlans = 1000

/** Turns operations into plans of fetches; a plan is made once an operation. */
export class Planner {
  /** What clients see. */
  readonly apiSchema: Schema
  readonly apiGraphQLSchema: GraphQLSchema
  readonly supergraphSchema: GraphQLSchema
  readonly #planner: QueryPlanner
  readonly #plans = new LRUCache<string, PlannedOperation>({ max: maxPlans })

  constructor(supergraphSdl: string) {
    const supergraph = Supergraph.build(supergraphSdl)
    this.apiSchema = supergraph.apiSchema()
    this.apiGraphQLSchema = withScalars(this.apiSchema.toGraphQLJSSchema())
    this.supergraphSchema = supergraph.schema.toGraphQLJSSchema()
    this.#planner = new QueryPlanner(supergraph)
  }

  /**
   * @param queryHash names the document's text
   * @throws GraphQLError when the document holds no operation of that name
   */
  plan(document: DocumentNode, queryHash: string, operationName: string | undefined): PlannedOperation {
    const key = `${queryHash}:${operationName ?? ''}`
    const known = this.#plans.get(key)
    if (known !== undefined) return known
    const operation = operationFromDocument(this.apiSchema, document, { operationName })
    const planned = {
      plan: this.#planner.buildQueryPlan(operation),
      operation: operationNode(document, operationName),
      fragments: fragmentsOf(document),
    }
    this.#plans.set(key, planned)
    return planned
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

function operationNode(document: DocumentNode, name: string | undefined): OperationDefinitionNode {
  for (const node of document.definitions) {
    if (node.kind === Kind.OPERATION_DEFINITION && (name === undefined || node.name?.value === name)) return node
  }
  throw new Error(`expected the document to hold the operation ${name ?? '(unnamed)'} that was planned`)
}

export function fragmentsOf(document: DocumentNode): Readonly<Record<string, FragmentDefinitionNode>> {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const node of document.definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node)
  }
  return Object.fromEntries(fragments)
}
