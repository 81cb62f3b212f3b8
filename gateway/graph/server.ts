import {
  ApolloServer,
  HeaderMap,
  type ApolloServerPlugin,
  type GraphQLRequest,
  type HTTPGraphQLRequest,
  type HTTPGraphQLResponse,
} from '@apollo/server'
import { unwrapResolverError } from '@apollo/server/errors'
import {
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled'
import { GraphQLError, type GraphQLFormattedError } from 'graphql'
import { z } from 'zod'
import type { Log } from '../../subgraphs/contract.ts'
import type { Reads } from '../cache/reads.ts'
import { answerExtensions } from './answer-extensions.ts'
import { conditionalSubscription } from './conditions.ts'
import { openContext, type ContextPorts, type OperationContext } from './context.ts'
import { openDocuments } from './documents.ts'
import type { FederatedGraph } from './executor.ts'
import { isForClients } from './errors.ts'
import { withOwnerNamed } from './foreign-field.ts'
import { maxTokens, tooManyTokens } from './limits.ts'
import type { ChangeFrame, SubscriptionRequest } from './subscription.ts'

/** The client that an operation came from. */
export interface Caller {
  /** Equal for all that comes over one connection. */
  readonly connection: object
  /** Aborted when the client went away before its answer, or wants it no more. */
  readonly clientLeft: AbortSignal
}

/** A result as it goes over the wire, or the reasons why there is none. */
export type Outcome =
  | {
      readonly data: Record<string, unknown> | null
      readonly errors?: readonly GraphQLFormattedError[]
      readonly extensions?: Record<string, unknown>
    }
  | { readonly refused: readonly GraphQLFormattedError[] }

export interface AcceptedSubscription {
  readonly request: SubscriptionRequest
  /** Executes one frame. Never rejects. */
  execute(frame: ChangeFrame): Promise<ExecutedFrame>
}

export interface ExecutedFrame {
  readonly result: {
    readonly data: Record<string, unknown> | null
    readonly errors?: readonly GraphQLError[]
    readonly extensions?: Record<string, unknown>
  }
  readonly reads: Reads
}

export interface GraphServerOptions {
  readonly graph: FederatedGraph
  readonly ports: ContextPorts
  readonly log: Log
  /** Introspection is for demo and development. */
  readonly introspection: boolean
  readonly plugins?: readonly ApolloServerPlugin<OperationContext>[]
}

/** Answers operations, by whatever transport they came, under one set of rules. */
export class GraphServer {
  readonly #apollo: ApolloServer<OperationContext>
  readonly #graph: FederatedGraph
  readonly #ports: ContextPorts
  readonly #log: Log
  readonly #introspection: boolean

  constructor({ graph, ports, log, introspection, plugins = [] }: GraphServerOptions) {
    this.#graph = graph
    this.#ports = ports
    this.#log = log
    this.#introspection = introspection
    this.#apollo = new ApolloServer<OperationContext>({
      gateway: graph,
      // Refused by the graph, of the operation that runs.
      introspection: true,
      // "Did you mean ..." tells the schema to whoever guesses.
      hideSchemaDetailsFromClientErrors: !introspection,
      parseOptions: { maxTokens },
      documentStore: openDocuments(),
      includeStacktraceInErrorResponses: false,
      stopOnTerminationSignals: false,
      csrfPrevention: true,
      plugins: [...silentPlugins, answerExtensions, ...plugins],
      formatError: (formatted, error) => this.#format(formatted, error),
      logger: apolloLogger(log),
    })
  }

  start(): Promise<void> {
    return this.#apollo.start()
  }

  stop(): Promise<void> {
    return this.#apollo.stop()
  }

  http(request: HTTPGraphQLRequest, caller: Caller): Promise<HTTPGraphQLResponse> {
    const inAddress = new URLSearchParams(request.search).get('query') ?? ''
    const refused = conditionalSubscription(queryIn(request.body)) ?? conditionalSubscription(inAddress)
    if (refused !== null) return Promise.resolve(badRequest(refused))
    return this.#apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: request,
      context: () => Promise.resolve(openContext(this.#ports, caller)),
    })
  }

  execute(request: GraphQLRequest, caller: Caller): Promise<Outcome> {
    return this.#run(request, openContext(this.#ports, caller))
  }

  /**
   * Executes a mutation again that an earlier run has left unfinished.
   * @returns what it answered; of its payload only what every mutation has
   */
  async resume(write: { readonly id: string; readonly mutation: string; readonly input: string }): Promise<Outcome> {
    const field = this.#graph.planner.apiGraphQLSchema.getMutationType()?.getFields()[write.mutation]
    const type = field?.args.find(({ name }) => name === 'input')?.type
    if (type === undefined) return { refused: [{ message: `there is no mutation ${write.mutation} any more` }] }
    const query = `mutation Resumed($input: ${String(type)}) { ${write.mutation}(input: $input) { clientMutationId } }`
    const input: unknown = JSON.parse(write.input)
    return this.#run(
      { query, variables: { input } },
      openContext(this.#ports, { priority: 'webhook', resuming: write.id }),
    )
  }

  /** Checks and plans a subscription; nothing is executed until its first frame. */
  async subscribe(
    request: GraphQLRequest,
    caller: Caller,
  ): Promise<AcceptedSubscription | { readonly refused: readonly GraphQLFormattedError[] }> {
    const accepted: SubscriptionRequest[] = []
    const purpose = { kind: 'subscribe' as const, accept: (asked: SubscriptionRequest) => void accepted.push(asked) }
    const outcome = await this.#run(request, openContext(this.#ports, { ...caller, purpose }))
    const [asked] = accepted
    if ('refused' in outcome) return outcome
    if (asked === undefined) return { refused: [{ message: 'expected a subscription' }] }
    return { request: asked, execute: frame => this.#push(request, frame, asked) }
  }

  /** @param asked its frames take turns with those of other subscriptions, and with clients */
  async #push(request: GraphQLRequest, frame: ChangeFrame, asked: SubscriptionRequest): Promise<ExecutedFrame> {
    const context = openContext(this.#ports, { purpose: { kind: 'push', frame }, connection: asked })
    const reads = this.#ports.watchReads(context.call)
    const outcome = await this.#run(request, context)
    if ('refused' in outcome) return { result: { data: null, errors: outcome.refused.map(asError) }, reads }
    const { errors, ...rest } = outcome
    return { result: { ...rest, ...(errors === undefined ? {} : { errors: errors.map(asError) }) }, reads }
  }

  async #run(request: GraphQLRequest, contextValue: OperationContext): Promise<Outcome> {
    const refused = conditionalSubscription(request.query ?? '')
    if (refused !== null) return { refused: [refused.toJSON()] }
    const { body } = await this.#apollo.executeOperation(request, { contextValue })
    if (body.kind !== 'single') throw new Error('expected a single result: incremental delivery is not offered')
    const { data, errors, extensions } = body.singleResult
    if (data === undefined) return { refused: errors ?? [] }
    return {
      data,
      ...(errors === undefined ? {} : { errors }),
      ...(extensions === undefined ? {} : { extensions }),
    }
  }

  /** What was not meant for clients is logged and answered without detail. */
  #format(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
    if (formatted.message === stackEnded) return tooDeep
    const tooLong = tooManyTokens(formatted)
    if (tooLong !== null) return tooLong.toJSON()
    if (isForClients(formatted) && !isUnexpected(formatted)) {
      return isFederated(formatted) ? withoutServiceName(formatted) : withOwnerNamed(formatted, this.#introspection)
    }
    if (isClientsFault(error)) return { ...formatted, extensions: { code: 'BAD_REQUEST' } }
    this.#log.error({ err: unwrapResolverError(error) }, 'an operation failed')
    return { ...unexpected, ...(formatted.path === undefined ? {} : { path: formatted.path }) }
  }
}

const unexpected = { message: 'Something went wrong here.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }

/** Apollo gives this code to what has none; subgraphs give it to what they have logged. */
function isUnexpected(formatted: GraphQLFormattedError): boolean {
  return formatted.extensions?.['code'] === unexpected.extensions.code && !isFederated(formatted)
}

/** Apollo answers some faults of a request with a status and no code, such as the wrong hash of a persisted query. */
function isClientsFault(error: unknown): boolean {
  if (!(error instanceof GraphQLError)) return false
  return clientStatus.safeParse(error.extensions['http']).success
}

const clientStatus = z.object({ status: z.number().min(400).max(499) })

/** What V8 says when graphql-js, which reads by recursion, is given what is nested very deeply. */
const stackEnded = 'Maximum call stack size exceeded'
const tooDeep = {
  message: 'The operation is nested too deeply.',
  extensions: { code: 'GRAPHQL_PARSE_FAILED' },
}

/** Apollo's words in our log rather than on the console. */
export function apolloLogger(log: Log) {
  return {
    debug: (message: unknown) => log.debug({}, String(message)),
    info: (message: unknown) => log.info({}, String(message)),
    warn: (message: unknown) => log.warn({}, String(message)),
    error: (message: unknown) => log.error({}, String(message)),
  }
}

function queryIn(body: unknown): string {
  const has = typeof body === 'object' && body !== null && 'query' in body
  return has && typeof body.query === 'string' ? body.query : ''
}

function badRequest(error: GraphQLError): HTTPGraphQLResponse {
  return {
    status: 400,
    headers: new HeaderMap([['content-type', 'application/json; charset=utf-8']]),
    body: { kind: 'complete', string: JSON.stringify({ errors: [error] }) },
  }
}

/** Apollo's own page loads scripts from its site, and a key in the environment would send it what is asked here. */
const silentPlugins: readonly ApolloServerPlugin<OperationContext>[] = [
  ApolloServerPluginLandingPageDisabled(),
  ApolloServerPluginSchemaReportingDisabled(),
  ApolloServerPluginUsageReportingDisabled(),
]

/** Errors of subgraphs were put in words there; see errors.ts. */
function isFederated(error: GraphQLFormattedError): boolean {
  return error.extensions?.['serviceName'] !== undefined
}

/** The role says it in the product's own word. */
function withoutServiceName({ extensions, ...error }: GraphQLFormattedError): GraphQLFormattedError {
  return {
    ...error,
    extensions: Object.fromEntries(Object.entries(extensions ?? {}).filter(([name]) => name !== 'serviceName')),
  }
}

export function asError({ message, path, extensions }: GraphQLFormattedError): GraphQLError {
  return new GraphQLError(message, { path: path ?? null, extensions: extensions ?? null })
}
