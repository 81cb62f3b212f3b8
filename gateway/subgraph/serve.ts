import { ApolloServer } from '@apollo/server'
import {
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled'
import { GraphQLError } from 'graphql'
import type { Role } from '../../schema/systems.ts'
import type { Clock, Log } from '../../subgraphs/contract.ts'
import { verifySignature } from '../../subgraphs/signature.ts'
import { openCallers } from '../callers.ts'
import type { GatewayConfig } from '../config.ts'
import { openContext, type OperationContext } from '../graph/context.ts'
import { clientError } from '../graph/errors.ts'
import { withOwnerNamed } from '../graph/foreign-field.ts'
import { apolloLogger } from '../graph/server.ts'
import { subgraphSources } from '../graph/sources.ts'
import { openSubgraph } from '../graph/subgraph.ts'
import { Refusals } from '../health.ts'
import { assertFree } from '../http.ts'
import { openRuntime } from '../runtime.ts'
import { metricReadings } from '../status.ts'
import { StoreError } from '../store/store.ts'
import { createSubgraphHttp } from './http.ts'
import { subgraphSignature } from './signing.ts'

/** Tokens of one document: a gateway's fetch may be longer than what its client has asked for. */
const maxTokens = 10_000

export interface SubgraphOptions {
  readonly role: Role
  readonly log: Log & { child?(fields: object): Log }
  readonly clock?: Clock
}

/** One role, served to other gateways. */
export interface RunningSubgraph {
  readonly port: number
  /** Goes on answering, but tells balancers that it is going away; `close` follows once they had time to hear it. */
  readonly retire: () => void
  readonly close: () => Promise<void>
}

/**
 * Serves one role as a Federation 2 subgraph over HTTP, for gateways that sign their requests. It follows the log of Changes, so what
 * other processes of the store heard or wrote is never answered older here.
 * @throws StoreError, or the operating system's error when the port is taken
 */
export async function startSubgraph(
  config: GatewayConfig,
  { role, log, clock = { now: () => new Date() } }: SubgraphOptions,
): Promise<RunningSubgraph> {
  await assertFree(config.port, config.host)
  const runtime = await openRuntime(config, {
    log,
    clock,
    random: Math.random,
    child: fields => log.child?.(fields) ?? log,
  })
  try {
    const source = subgraphSources().find(({ name }) => name === role)
    const running = runtime.systems.find(one => one.role === role)
    if (source === undefined || running === undefined)
      throw new Error(`expected a system for the role ${role}; see subgraphs/registry.ts`)
    const { schema } = openSubgraph(role, source.typeDefs, running.resolvers, log)
    const apollo = new ApolloServer<OperationContext>({
      schema,
      // A gateway composes from `_service`; whoever signs may see the rest.
      introspection: true,
      parseOptions: { maxTokens },
      includeStacktraceInErrorResponses: false,
      stopOnTerminationSignals: false,
      logger: apolloLogger(log),
      plugins: [
        ApolloServerPluginInlineTraceDisabled(),
        ApolloServerPluginLandingPageDisabled(),
        ApolloServerPluginSchemaReportingDisabled(),
        ApolloServerPluginUsageReportingDisabled(),
      ],
      formatError: (formatted, error) =>
        error instanceof GraphQLError && error.path !== undefined
          ? clientError(error, role, log)
          : withOwnerNamed(formatted, true),
    })
    await apollo.start()

    // No webhook comes here, and no client's socket.
    const readings = metricReadings(runtime, { refusals: new Refusals(), sockets: () => 0, clock: runtime.store.clock })
    const { metrics } = runtime
    const http = createSubgraphHttp({
      verify: received => verifySignature(received, subgraphSignature, config.subgraphSecrets, clock.now()),
      answer: (request, left) =>
        apollo.executeHTTPGraphQLRequest({
          httpGraphQLRequest: request,
          context: () => Promise.resolve(openContext(runtime.contexts, { clientLeft: left })),
        }),
      health: () => healthOf(runtime),
      metrics: async () => ({ contentType: metrics.contentType, text: await metrics.text(readings) }),
      callers: openCallers(config),
      log,
    })
    const { port } = await http.listen(config.port, config.host)
    return {
      port,
      retire: () => http.retire(),
      async close() {
        await http.close()
        await apollo.stop()
        await runtime.close()
      },
    }
  } catch (error) {
    await runtime.close()
    throw error
  }
}

/** Ready once the store can be read and the log of Changes is followed. */
async function healthOf({ store, follower }: Awaited<ReturnType<typeof openRuntime>>) {
  const parts = { store: 'ok', changes: follower.isCutOff ? 'the log of Changes cannot be followed' : 'ok' }
  try {
    await store.read(db => db.selectFrom('meta').select('name').limit(1).execute())
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    parts.store = 'cannot be read'
  }
  return { isReady: parts.store === 'ok' && parts.changes === 'ok', parts }
}
