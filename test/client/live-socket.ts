import {
  createClient,
  type Client,
  type ClientOptions,
  type FormattedExecutionResult,
  type Sink,
  type SubscribePayload,
} from 'graphql-ws'

/** Time between pings, and how long an answer to one may take: a network that fails in silence closes nothing. */
const pingMs = 10_000
const answerMs = 5_000

const longestRestMs = 30_000

export interface LiveSocketOptions {
  /** For Node 20, which has none of its own: `WebSocket` of the package ws. */
  readonly webSocketImpl?: ClientOptions['webSocketImpl']
  /** Hears why a connection or a subscription ended before it is begun again, for a log or a sign on the screen. */
  readonly onTrouble?: (reason: unknown) => void
  /** The first rest before another try; each one doubles it, up to 30 s. */
  readonly restMs?: number
  readonly pingMs?: number
}

/**
 * A graphql-ws client for the subscriptions of this graph. They go on until they are left, whatever ends a connection: a server that
 * restarts, one that is not there, a network that fails in silence, any close code. Each goes on behind the last frame it got, when its
 * operation passes the variable `$after` as `after` and selects `change { cursor }`.
 *
 * Only what the graph refuses for a lasting reason, such as a wrong argument, ends a subscription with an error. `iterate` is
 * the library's own and does not go on by cursor.
 */
export function openLiveSocket(url: string, options: LiveSocketOptions = {}): Client {
  const rest = (failures: number): Promise<void> => wait(restOf(failures, options.restMs ?? 500))
  const tell = (reason: unknown): void => options.onTrouble?.(reason)
  let answer: ReturnType<typeof setTimeout> | undefined
  const client = createClient({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: options.webSocketImpl,
    // By itself the library ends after five tries, and at the first one when nothing listens.
    retryAttempts: Infinity,
    shouldRetry: () => true,
    retryWait: rest,
    connectionAckWaitTimeout: answerMs,
    keepAlive: options.pingMs ?? pingMs,
    on: {
      ping: isReceived => {
        if (!isReceived) answer = setTimeout(() => client.terminate(), Math.min(answerMs, options.pingMs ?? answerMs))
      },
      pong: isReceived => {
        if (isReceived) clearTimeout(answer)
      },
      closed: reason => {
        clearTimeout(answer)
        tell(reason)
      },
      error: tell,
    },
  })
  return {
    ...client,
    subscribe: (payload, sink) => subscribeOn(client, payload, sink, { rest, tell }),
    // While no server can be reached there is no socket to close, and the library rejects.
    dispose: async () => Promise.resolve(client.dispose()).catch(() => undefined),
  }
}

function subscribeOn<Data = Record<string, unknown>, Extensions = unknown>(
  client: Client,
  payload: SubscribePayload,
  sink: Sink<FormattedExecutionResult<Data, Extensions>>,
  { rest, tell }: { rest(failures: number): Promise<void>; tell(reason: unknown): void },
): () => void {
  // Sent as it is at the time: by the library when it connects again, and by us.
  const variables: Record<string, unknown> = { ...payload.variables }
  let failures = 0
  let isLeft = false
  let end: () => void = () => undefined

  const again = async (reason: unknown): Promise<void> => {
    tell(reason)
    await rest(failures)
    failures += 1
    if (!isLeft) begin()
  }
  const begin = (): void => {
    end = client.subscribe<Data, Extensions>(
      { ...payload, variables },
      {
        next(result) {
          failures = 0
          variables['after'] = cursorIn(result.data) ?? variables['after']
          sink.next(result)
        },
        // The library never tries again after some close codes: 1002, 1009, 1011, 4400, 4500 and others.
        error(reason) {
          if (isLeft) return
          if (!isLasting(reason)) return void again(reason)
          isLeft = true
          sink.error(reason)
        },
        // Subscriptions of this graph have no end of their own: a server that goes away may complete them.
        complete: () => void (isLeft ? sink.complete() : again('completed by the server')),
      },
    )
  }
  begin()
  return () => {
    if (isLeft) return
    isLeft = true
    end()
  }
}

/** The cursor of a frame: `change.cursor` below its root field, whatever that is called. */
function cursorIn(data: unknown): string | null {
  for (const root of Object.values(data ?? {})) {
    const change: unknown = isObject(root) ? root['change'] : null
    const cursor = isObject(change) ? change['cursor'] : null
    if (typeof cursor === 'string') return cursor
  }
  return null
}

/** Refused by the graph, and not because it has too much to do or its store is away. */
function isLasting(reason: unknown): boolean {
  if (!Array.isArray(reason)) return false
  return reason.some((error: unknown) => {
    const extensions = isObject(error) && isObject(error['extensions']) ? error['extensions'] : {}
    return extensions['isRetryable'] !== true && extensions['code'] !== 'INTERNAL_SERVER_ERROR'
  })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** With chance: many clients of one server that ended must not come back at one time. */
function restOf(failures: number, firstMs: number): number {
  return Math.min(longestRestMs, firstMs * 2 ** failures) * (0.5 + Math.random() / 2)
}

function wait(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
