import type { GraphQLDataSource, ServiceMap } from '@apollo/gateway'
import type { PlanNode, QueryPlan } from '@apollo/query-planner'
import type {
  GatewayExecutionResult,
  GatewayGraphQLRequestContext,
  GatewayInterface,
  GatewaySchemaLoadOrUpdateCallback,
} from '@apollo/server-gateway-interface'
import {
  getOperationAST,
  getVariableValues,
  GraphQLError,
  OperationTypeNode,
  type OperationDefinitionNode,
} from 'graphql'
import { Admission, Turns } from './admission.ts'
import { askedExtensions } from './answer-extensions.ts'
import { introspectionRefusal, withIntrospection } from './introspection.ts'
import { checkVariables } from './limits.ts'
import { refuseNul } from './nul.ts'
import { errorWithOwnNames, recordWithOwnNames, renamedVariables } from './response-names.ts'
import { requestOf } from './subscription.ts'
import type { OperationContext } from './context.ts'
import { Planner, type PlannedOperation } from './planner.ts'
import type { LocalSubgraph } from './subgraph.ts'

/**
 * From its own file: the package's entry loads what polls and fetches supergraphs. It loads exporters of metrics all the same,
 * for a quarter of a second, so that a start does without it.
 */
const loadExecutor = () => import('@apollo/gateway/dist/executeQueryPlan.js')

/**
 * Runs operations over the subgraphs, behind Apollo Server's gateway interface. Nothing else knows planner and gateway
 * library but this folder.
 *
 * A subscription runs as the sequence of its primary fetch and its rest, once per Change: the primary fetch is
 * answered by the `live` subgraph from the Change at hand, the rest by whoever owns the selected fields.
 */
export class FederatedGraph implements GatewayInterface {
  readonly planner: Planner
  readonly #supergraphSdl: string
  readonly #services: ServiceMap
  readonly #hidesSchema: boolean
  readonly #admission = new Admission()
  readonly #planning = new Turns()
  #executor: ReturnType<typeof loadExecutor> | null = null

  /** @param hidesSchema whether introspection is refused, and no error tells more of the schema than its operation did */
  constructor(supergraphSdl: string, subgraphs: readonly LocalSubgraph[], hidesSchema: boolean) {
    this.#hidesSchema = hidesSchema
    this.#supergraphSdl = supergraphSdl
    this.planner = new Planner(supergraphSdl)
    const services: Record<string, GraphQLDataSource> = {}
    for (const subgraph of subgraphs) services[subgraph.name] = subgraph.dataSource
    this.#services = services
  }

  onSchemaLoadOrUpdate(callback: GatewaySchemaLoadOrUpdateCallback): () => void {
    callback({ apiSchema: this.planner.apiGraphQLSchema, coreSupergraphSdl: this.#supergraphSdl })
    return () => undefined
  }

  load() {
    return Promise.resolve({ executor: (request: GatewayGraphQLRequestContext) => this.#execute(request) })
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }

  /** Loads what the first operation would otherwise wait for. */
  warm(): void {
    this.#executor ??= loadExecutor()
    // The first operation says what is wrong.
    this.#executor.catch(() => undefined)
  }

  async #execute(request: GatewayGraphQLRequestContext): Promise<GatewayExecutionResult> {
    const context = operationContext(request.context)
    const { operationName } = request.request
    const operation = getOperationAST(request.document, operationName)
    // Returned and not thrown: only then does Apollo answer it as a fault of the request.
    if (operation == null) return { errors: [unresolved(operationName)] }
    if (this.#hidesSchema) {
      const refusal = introspectionRefusal(request.document, operation)
      if (refusal !== null) return { errors: [refusal] }
    }
    const given = request.request.variables ?? {}
    checkVariables(given, operation.variableDefinitions ?? [])
    const variables = getVariableValues(
      this.planner.apiGraphQLSchema,
      operation.variableDefinitions ?? [],
      given,
      // Apollo hides what is suggested for documents; variables are read here.
      { maxErrors: 10, hideSuggestions: this.#hidesSchema },
    )
    if (variables.errors !== undefined) {
      return { errors: variables.errors.map(error => badUserInput(error)) }
    }
    const asked = { document: request.document, queryHash: request.queryHash, operation, variables: variables.coerced }
    // A mutation goes on without its client: what it asked for may be begun already.
    if (operation.operation !== OperationTypeNode.MUTATION) endWithClient(context)
    const isFrame = context.purpose.kind === 'push'
    const waiter = { connection: context.connection, signal: context.abort.signal, isFrame }
    if (!this.planner.knows(asked)) await this.#planning.turn(this.planner.nameOf(asked), waiter)
    const { planned, entries } = this.planner.plan(asked)
    if (planned.operation.operation === OperationTypeNode.SUBSCRIPTION) {
      if (context.purpose.kind === 'request') {
        throw new GraphQLError(
          'Subscriptions run over a websocket: connect to this address with the subprotocol graphql-transport-ws.',
          { extensions: { code: 'BAD_REQUEST', http: { status: 400 } } },
        )
      }
      if (context.purpose.kind === 'subscribe') {
        context.purpose.accept(
          requestOf(
            this.planner.apiGraphQLSchema,
            planned.operation,
            variables.coerced,
            askedExtensions(request.request),
          ),
        )
        return { data: null }
      }
    }
    if (planned.operation.operation === OperationTypeNode.MUTATION) refuseNul(planned.operation, variables.coerced)
    return this.#admission.run(entries, waiter, async () => {
      const result = await this.#run(planned, request, given)
      if (planned.introspection === null) return result
      return withIntrospection(this.planner.apiGraphQLSchema, planned.introspection, given, result)
    })
  }

  async #run(
    planned: PlannedOperation,
    request: GatewayGraphQLRequestContext,
    variables: Readonly<Record<string, unknown>>,
  ): Promise<GatewayExecutionResult> {
    const { executeQueryPlan } = await (this.#executor ??= loadExecutor())
    const { apiGraphQLSchema: schema, supergraphSchema, apiSchema } = this.planner
    const { renaming } = planned
    const execute = (operation: OperationDefinitionNode, asked: GatewayGraphQLRequestContext) =>
      executeQueryPlan(
        sequential(planned),
        this.#services,
        asked,
        { schema, operation, fragments: {} },
        supergraphSchema,
        apiSchema,
      )
    if (renaming === null) return completed(await execute(planned.operation, request))
    const asked = { ...request, request: { ...request.request, variables: renamedVariables(variables, renaming) } }
    const { data, errors, ...rest } = completed(await execute(renaming.operation, asked))
    return {
      ...rest,
      data: data == null ? data : recordWithOwnNames(data, renaming),
      ...(errors === undefined ? {} : { errors: errors.map(error => errorWithOwnNames(error, renaming)) }),
    }
  }
}

/**
 * What a subgraph answered in a form that the schema does not have is a fault of ours: an error of the answer and not, as the library
 * has it, an extension.
 */
function completed({ extensions = {}, ...result }: GatewayExecutionResult): GatewayExecutionResult {
  const { valueCompletion: faults, ...rest } = extensions
  const errors: readonly unknown[] = Array.isArray(faults) ? faults : []
  if (errors.length === 0) return { ...result, ...(Object.keys(rest).length === 0 ? {} : { extensions: rest }) }
  return { ...result, errors: errors.flatMap(error => (error instanceof GraphQLError ? [unexpected(error)] : [])) }
}

function unexpected(error: GraphQLError): GraphQLError {
  return new GraphQLError(error.message, { path: error.path, originalError: new Error(error.message) })
}

/** The library's executor knows no subscriptions: their primary fetch and rest are run as a sequence. */
function sequential({ plan }: PlannedOperation): QueryPlan {
  const node = plan.node
  if (node?.kind !== 'Subscription') return plan
  const nodes: PlanNode[] = node.rest === undefined ? [node.primary] : [node.primary, node.rest]
  return { kind: 'QueryPlan', node: { kind: 'Sequence', nodes } }
}

function operationContext(context: Record<string, unknown>): OperationContext {
  if (isOperationContext(context)) return context
  throw new Error('expected the context of a running operation; see context.ts')
}

function isOperationContext(context: object): context is OperationContext {
  return 'purpose' in context && 'call' in context && 'abort' in context
}

function endWithClient({ clientLeft, abort }: OperationContext): void {
  if (clientLeft === null) return
  if (clientLeft.aborted) abort.abort()
  else clientLeft.addEventListener('abort', () => abort.abort(), { once: true })
}

function unresolved(name: string | null | undefined): GraphQLError {
  const message =
    name == null
      ? 'The document holds several operations: say which one with operationName.'
      : 'The document holds no operation of the name that operationName says.'
  return new GraphQLError(message, { extensions: { code: 'OPERATION_RESOLUTION_FAILURE' } })
}

function badUserInput(error: GraphQLError): GraphQLError {
  return new GraphQLError(error.message, {
    nodes: error.nodes,
    originalError: error,
    extensions: { ...error.extensions, code: 'BAD_USER_INPUT' },
  })
}
