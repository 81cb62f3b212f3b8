import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import {
  CloseCode,
  GRAPHQL_TRANSPORT_WS_PROTOCOL,
  makeServer,
  type ConnectionInitMessage,
  type SubscribePayload,
} from 'graphql-ws'
import {
  getOperationAST,
  GraphQLError,
  OperationTypeNode,
  parse,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
} from 'graphql'
import { WebSocketServer, type WebSocket } from 'ws'
import type { Log } from '../../subgraphs/contract.ts'
import { maxTokens, tooManyTokens } from '../graph/limits.ts'
import { asError, type GraphServer, type Outcome } from '../graph/server.ts'
import { loneSurrogate } from '../http-graphql.ts'
import { SparingLog } from '../sparing-log.ts'
import { holdsLoneSurrogate } from '../utf8.ts'
import type { Subscription } from './frame.ts'
import type { GivenUp, PushHub } from './hub.ts'
import { Held } from './held.ts'
import { SocketOperations, Unanswered } from './operations.ts'
import { carry, chosenProtocol, type Carried } from './protocol.ts'

/** A client that reads too slowly is closed with it; it resumes with the cursor of the last frame it got. */
export const slowClientCode = 4413

/** "Try again later": a subscription failed here; the client resumes with the cursor of the last frame it got. */
export const failedCode = 1013

/** "Going away": the client connects again, and resumes with the cursor of the last frame it got. */
const goingAwayCode = 1001

/** How long clients may take to answer the end of the connection. */
const goodbyeMs = 1000

/** How long answers that were asked for may take to reach their clients once we end: longer than the longest vendor call by default. */
const answersMs = 12_000

/** Bytes of answers that wait for a client before it is closed. */
const maxBufferedBytes = 8 * 1024 * 1024

/** Operations running at a time over one socket. */
const maxOperations = 500

/** Bytes of one message a client sends, as over HTTP. */
const maxMessageBytes = 1024 * 1024

/** Bytes of messages that did not come whole yet, or are not done with, over all sockets and over one. */
const mostHeld = { inAll: 128 * 1024 * 1024, ofOne: 16 * maxMessageBytes }

export interface SocketOptions {
  readonly server: GraphServer
  readonly hub: PushHub
  readonly schema: GraphQLSchema
  readonly log: Log
}

/** GraphQL over websockets: the subprotocol graphql-transport-ws. */
export interface SocketServer {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  readonly clients: number
  /**
   * Closes every socket with 1001 once the queries and mutations that run over it are answered. Clients connect again, elsewhere, and
   * go on with their cursor; what they still ask for here is not begun, for then they ask for it there.
   */
  close(): Promise<void>
}

/** What an operation came to before the protocol asks for it. */
type Prepared =
  | { readonly kind: 'result'; readonly result: ExecutionResult }
  | { readonly kind: 'subscription'; readonly subscription: Subscription; readonly giveUp: (reason: GivenUp) => void }

export function openSockets({ server, hub, schema, log }: SocketOptions): SocketServer {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxMessageBytes,
    handleProtocols: chosenProtocol,
  })
  const operations = new WeakMap<WebSocket, SocketOperations>()
  const unanswered = new Unanswered()
  const held = new Held(mostHeld)
  const sparing = new SparingLog(log)
  let isClosing = false

  const operationsOf = (socket: WebSocket): SocketOperations => {
    const known = operations.get(socket) ?? new SocketOperations(socket)
    operations.set(socket, known)
    return known
  }

  /** Everything of an operation but its frames: what it comes to, or why it is refused. */
  const open = async (
    context: { readonly extra: Carried; readonly subscriptions: object },
    id: string,
    { operationName: named, ...unnamed }: SubscribePayload,
  ): Promise<GraphQLError[] | ReturnType<typeof prepared>> => {
    const { socket } = context.extra
    // An empty name is none, as over HTTP.
    const payload: SubscribePayload = named === '' ? unnamed : { ...unnamed, operationName: named }
    const { operationName } = payload
    if (isClosing) {
      await new Promise(resolve => socket.once('close', resolve))
      return [unheard]
    }
    const own = operationsOf(socket)
    if (Object.keys(context.subscriptions).length > maxOperations || own.count >= maxOperations) {
      const message = `At most ${maxOperations} operations may run over one socket at a time: complete one, or open another socket.`
      return [refusal(message, 'TOO_MANY_OPERATIONS', true)]
    }
    if (holdsLoneSurrogate(payload)) return [refusal(loneSurrogate.message, 'BAD_USER_INPUT')]
    const document = parsed(payload)
    if (document instanceof GraphQLError) return [document]
    const operation = getOperationAST(document, operationName)
    const request = {
      query: payload.query,
      ...(payload.variables == null ? {} : { variables: payload.variables }),
      ...(operationName == null ? {} : { operationName }),
      ...(payload.extensions == null ? {} : { extensions: payload.extensions }),
    }
    if (operation?.operation === OperationTypeNode.SUBSCRIPTION) {
      const accepted = await own.run(id, clientLeft => server.subscribe(request, { connection: socket, clientLeft }))
      if ('refused' in accepted) return accepted.refused.map(asError)
      const giveUp = (reason: GivenUp): void => {
        if (reason === 'failed') return socket.close(failedCode, 'A subscription failed; resume with the last cursor')
        sparing.warn({ code: slowClientCode }, 'a subscriber reads too slowly and is closed')
        socket.close(slowClientCode, 'Reads too slowly; resume with the last cursor')
      }
      return prepared(schema, document, payload, { kind: 'subscription', subscription: accepted, giveUp })
    }
    if (socket.bufferedAmount > maxBufferedBytes) {
      sparing.warn({ code: slowClientCode }, 'a client reads its answers too slowly and is closed')
      socket.close(slowClientCode, 'Reads too slowly')
      return [unheard]
    }
    unanswered.add(socket, id)
    const outcome: Outcome = await own.run(id, clientLeft =>
      server.execute(request, { connection: socket, clientLeft }),
    )
    if ('refused' in outcome) return outcome.refused.map(asError)
    const { errors, ...rest } = outcome
    const result = { ...rest, ...(errors === undefined ? {} : { errors: errors.map(asError) }) }
    return prepared(schema, document, payload, { kind: 'result', result })
  }

  const protocol = makeServer<ConnectionInitMessage['payload'], Carried>({
    schema,
    // A fault of one operation must end that operation and not the socket: the library closes it on a syntax error.
    onSubscribe: async (context, id, payload) => {
      try {
        const opened = await open(context, id, payload)
        if (Array.isArray(opened)) unanswered.delete(context.extra.socket, id)
        return opened
      } catch (error) {
        unanswered.delete(context.extra.socket, id)
        log.error({ err: error }, 'an operation over a websocket failed')
        return [refusal('Something went wrong here.', 'INTERNAL_SERVER_ERROR')]
      }
    },
    // By then the answer was handed to the socket.
    onComplete: (context, id) => unanswered.delete(context.extra.socket, id),
    execute: ({ contextValue }) => {
      if (isPrepared(contextValue) && contextValue.kind === 'result') return contextValue.result
      throw new Error('expected an operation that was executed in onSubscribe')
    },
    subscribe: ({ contextValue }) => {
      if (isPrepared(contextValue) && contextValue.kind === 'subscription') {
        return hub.subscribe(contextValue.subscription, contextValue.giveUp)
      }
      throw new Error('expected a subscription that was accepted in onSubscribe')
    },
  })

  return {
    get clients() {
      return sockets.clients.size
    },
    upgrade(request, socket, head) {
      if (isClosing) {
        socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n\r\n')
        return
      }
      sockets.handleUpgrade(request, socket, head, client => {
        client.on('error', error => log.debug({ reason: error.message }, 'a websocket broke'))
        client.once('close', () => unanswered.forget(client))
        held.watch(client, socket)
        client.on('message', () => {
          // Whoever asks on and reads nothing would have us keep every answer, those to pings and to errors as well.
          if (client.bufferedAmount > maxBufferedBytes) client.terminate()
        })
        if (client.protocol !== GRAPHQL_TRANSPORT_WS_PROTOCOL) {
          client.close(CloseCode.SubprotocolNotAcceptable, `Expected the subprotocol ${GRAPHQL_TRANSPORT_WS_PROTOCOL}`)
          return
        }
        carry(protocol, client, {
          log,
          onComplete: id => operationsOf(client).completed(id),
          hold: bytes => held.add(client, bytes),
        })
      })
    },
    async close() {
      isClosing = true
      const leave = async (socket: WebSocket): Promise<void> => {
        await unanswered.noneOver(socket)
        socket.close(goingAwayCode, 'Going away')
      }
      // Who reads nothing is not waited for any longer than a request is.
      const late = new AbortController()
      await Promise.race([
        Promise.all([...sockets.clients].map(leave)),
        wait(answersMs, undefined, { signal: late.signal, ref: false }).catch(() => undefined),
      ])
      late.abort()
      hub.close()
      // A client that does not answer must not keep us from ending.
      const goodbye = setTimeout(() => {
        for (const client of sockets.clients) client.terminate()
      }, goodbyeMs)
      for (const client of sockets.clients) client.close(goingAwayCode, 'Going away')
      await new Promise<void>(resolve => sockets.close(() => resolve()))
      clearTimeout(goodbye)
    },
  }
}

/** For operations whose socket is closed instead of an answer: the library wants an error, and it is never sent. */
const unheard = new GraphQLError('This socket is closed.')

/** The library wants execution arguments; ours were used already, so they only carry what came of them. */
function prepared(schema: GraphQLSchema, document: DocumentNode, payload: SubscribePayload, value: Prepared) {
  return { schema, document, operationName: payload.operationName ?? null, contextValue: value }
}

function isPrepared(value: unknown): value is Prepared {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    (value.kind === 'result' || value.kind === 'subscription')
  )
}

function parsed(payload: SubscribePayload): DocumentNode | GraphQLError {
  try {
    return parse(payload.query, { maxTokens })
  } catch (error) {
    if (error instanceof GraphQLError) {
      const tooLong = tooManyTokens(error)
      if (tooLong !== null) return tooLong
      return new GraphQLError(error.message, {
        source: error.source,
        positions: error.positions,
        extensions: { code: 'GRAPHQL_PARSE_FAILED' },
      })
    }
    // graphql-js reads by recursion.
    if (error instanceof RangeError) return refusal('The operation is nested too deeply.', 'GRAPHQL_PARSE_FAILED')
    throw error
  }
}

function refusal(message: string, code: string, isRetryable = false): GraphQLError {
  return new GraphQLError(message, { extensions: { code, ...(isRetryable ? { isRetryable } : {}) } })
}
