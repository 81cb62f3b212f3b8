import { setMaxListeners } from 'node:events'
import type { System } from '../schema/systems.ts'
import { mostAnswerBytes, openAgent } from './agent.ts'
import { openAccountBreaker } from './breaker.ts'
import type { Attempt, CallContext, Clock, LimitPool, VendorCalls, VendorOperation } from './contract.ts'
import { openPace } from './pace.ts'
import type { SharedBudget } from './pace.ts'
import type { PoolStatus } from './pool.ts'
import { retryDelayMs } from './retry.ts'
import { VendorError, type VendorErrorKind } from './vendor-error.ts'

export interface VendorCallSettings {
  /** How long the first try of a look-up may take, from its first byte sent to the last one answered. */
  readonly tryTimeoutMs: number
  /** How long a call may take that a client waits for: waiting for its turn, all tries, and the time between them. */
  readonly totalTimeoutMs: number
  /** How long a page of a list may take. */
  readonly listTimeoutMs: number
  /** How long a write may take. */
  readonly writeTimeoutMs: number
}

export interface VendorCallsOptions {
  readonly system: System
  readonly pools: readonly LimitPool[]
  readonly toVendorError: (error: unknown) => Error
  readonly isTls: boolean
  /** Null, or absent, when no other process uses the account. */
  readonly shared?: SharedBudget | null
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  readonly settings: VendorCallSettings
  /** Told how each request ended. */
  readonly onRequest?: (operation: string, outcome: 'ok' | VendorErrorKind, seconds: number) => void
}

export interface VendorCallsStatus {
  /** False from the moment the breaker opens until the vendor has answered again. */
  readonly isReachable: boolean
  /** False from a refusal of our credentials until a call goes through. */
  readonly isAuthorized: boolean
  readonly pools: readonly PoolStatus[]
}

export interface OpenVendorCalls extends VendorCalls {
  status(): VendorCallsStatus
  /** Ends all calls as `aborted` and closes the connections. */
  close(): void
}

/**
 * Opens the road to one account.
 * A call rejects at its deadline whatever the SDK does with it. Once a request that is not repeatable was sent, the
 * context's signal is no longer heard: nobody could say what the vendor did with it.
 */
export function openVendorCalls(options: VendorCallsOptions): OpenVendorCalls {
  const { system, settings } = options
  const elapsedMs = elapsed(options.clock)
  const pace = openPace(system, options.pools, elapsedMs, options.shared ?? null)
  const breaker = openAccountBreaker(system, elapsedMs)
  const connections = openAgent(options.isTls)
  const closing = new AbortController()
  let isAuthorized = true
  setMaxListeners(0, closing.signal)

  function calledOff(operation: VendorOperation): VendorError {
    return new VendorError(system, 'aborted', `${operation.name} was called off`)
  }

  function stopIfCalledOff(operation: VendorOperation, context: CallContext): void {
    if (context.signal.aborted || closing.signal.aborted) throw calledOff(operation)
  }

  function timedOut(operation: VendorOperation, timeoutMs: number): VendorError {
    const doubt = operation.repeatable ? '' : '; it may have been done'
    return new VendorError(system, 'timeout', `${operation.name} was not answered within ${timeoutMs} ms${doubt}`)
  }

  function asVendorError(operation: VendorOperation, error: unknown): VendorError {
    let read = error
    try {
      if (!(error instanceof VendorError)) read = options.toVendorError(error)
    } catch (fault) {
      read = fault
    }
    if (read instanceof VendorError) return read
    const message = `${operation.name}: expected an answer as documented, got one that cannot be read`
    return new VendorError(system, 'unreadable', message, { cause: read })
  }

  /** Sends one request. Settles at the deadline at the latest, and leaves no connection behind that is still busy. */
  function attempt<T>(
    operation: VendorOperation,
    context: CallContext,
    send: (attempt: Attempt) => Promise<T>,
    { number, timeoutMs }: { number: number; timeoutMs: number },
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const abort = new AbortController()
      const finish = (): void => {
        clearTimeout(deadline)
        context.signal.removeEventListener('abort', callOff)
        closing.signal.removeEventListener('abort', callOff)
        requests.end()
      }
      const fail = (error: VendorError): void => {
        reject(error)
        finish()
        abort.abort(error)
      }
      const callOff = (): void => fail(calledOff(operation))
      const deadline = setTimeout(() => fail(timedOut(operation, timeoutMs)), timeoutMs).unref()
      const requests = connections.open(() => {
        const message = `${operation.name} was answered with over ${mostAnswerBytes} bytes`
        fail(new VendorError(system, 'unreadable', message, { isTooMuch: true }))
      })
      if (operation.repeatable) context.signal.addEventListener('abort', callOff)
      closing.signal.addEventListener('abort', callOff)
      requests
        .run(async () => send({ number, signal: abort.signal, timeoutMs }))
        .then(
          answer => {
            resolve(answer)
            finish()
          },
          (error: unknown) => fail(asVendorError(operation, error)),
        )
    })
  }

  async function call<T>(
    operation: VendorOperation,
    context: CallContext,
    send: (attempt: Attempt) => Promise<T>,
  ): Promise<T> {
    const isLongList = operation.kind === 'list' && context.priority !== 'query'
    const { firstTryMs, totalMs } = deadlinesOf(operation, context, settings)
    const untilMs = elapsedMs() + totalMs
    // A try that would be cut off before the vendor could answer is not worth a request.
    const lastStartMs = untilMs - Math.min(firstTryMs, totalMs) / 10
    const faults: VendorError[] = []
    // An operation may have any number of calls under way; ten are no leak.
    setMaxListeners(0, context.signal)
    for (;;) {
      stopIfCalledOff(operation, context)
      breaker.check(operation.name)
      const release = await pace.take({
        operation,
        priority: context.priority,
        signal: context.signal,
        untilMs: lastStartMs,
      })
      let fault: VendorError
      try {
        stopIfCalledOff(operation, context)
        const settle = breaker.admit(operation.name)
        // A vendor may be slow today rather than a connection lost: each try after a timeout has twice as long.
        const tryMs = firstTryMs * 2 ** faults.filter(({ kind }) => kind === 'timeout').length
        const timeoutMs = Math.max(1, Math.min(tryMs, untilMs - elapsedMs()))
        for (const [pool, cost] of Object.entries(operation.cost)) context.spend(system, pool, cost)
        const sentAt = performance.now()
        const tell = (outcome: 'ok' | VendorErrorKind): void =>
          options.onRequest?.(operation.name, outcome, (performance.now() - sentAt) / 1000)
        try {
          const answer = await attempt(operation, context, send, { number: faults.length + 1, timeoutMs })
          tell('ok')
          settle(undefined)
          isAuthorized = true
          return answer
        } catch (error) {
          fault = asVendorError(operation, error)
          tell(fault.kind)
          if (fault.kind === 'unauthorized') isAuthorized = false
          // A try that had less than its time says nothing about the vendor.
          const isCutShort = fault.kind === 'timeout' && timeoutMs < firstTryMs
          settle(isCutShort ? 'aborted' : fault.kind)
        }
      } finally {
        release()
      }
      faults.push(fault)
      if (fault.kind === 'rate-limited' && fault.retryAfterMs !== undefined) pace.block(operation, fault.retryAfterMs)
      const roundMs = pace.hintMs({ operation, priority: context.priority })
      // Of a list fewer records are asked for instead; see page-size.ts.
      const repeatable = operation.repeatable && !(isLongList && fault.isTooMuch)
      const delayMs = retryDelayMs({ faults, repeatable, roundMs }, options.random)
      if (delayMs === null || elapsedMs() + delayMs >= lastStartMs) {
        // A client must not be left to guess. Here it blocks nobody: one record may be locked, or too many requests be under way.
        throw fault.kind === 'rate-limited' ? fault.hinted(roundMs) : fault
      }
      await pause(delayMs, [context.signal, closing.signal])
    }
  }

  return {
    agent: connections.agent,
    call,
    learn: (pool, told) => pace.learn(pool, told),
    status: () => ({ isReachable: breaker.isReachable(), isAuthorized, pools: pace.status() }),
    close() {
      closing.abort()
      pace.close()
      connections.close()
    },
  }
}

/** How long the first try may take, and the whole call. */
function deadlinesOf(
  { kind }: VendorOperation,
  { priority }: CallContext,
  { tryTimeoutMs, totalTimeoutMs, listTimeoutMs, writeTimeoutMs }: VendorCallSettings,
): { readonly firstTryMs: number; readonly totalMs: number } {
  if (kind === 'write') return { firstTryMs: writeTimeoutMs, totalMs: writeTimeoutMs + totalTimeoutMs }
  if (priority === 'query') return { firstTryMs: tryTimeoutMs, totalMs: totalTimeoutMs }
  if (kind === 'list') return { firstTryMs: listTimeoutMs, totalMs: listTimeoutMs + totalTimeoutMs }
  // 3 s, 6 s and 12 s by default, and the time between them.
  return { firstTryMs: tryTimeoutMs, totalMs: 3 * totalTimeoutMs }
}

/** Milliseconds since it was made. Stands still while the clock is set back, where a difference of times would jump. */
function elapsed(clock: Clock): () => number {
  let total = 0
  let last = clock.now().getTime()
  return () => {
    const now = clock.now().getTime()
    if (now > last) total += now - last
    last = now
    return total
  }
}

/** Ends early, without an error, when a signal aborts. */
function pause(forMs: number, signals: readonly AbortSignal[]): Promise<void> {
  return new Promise(resolve => {
    const end = (): void => {
      clearTimeout(timer)
      for (const signal of signals) signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, forMs).unref()
    for (const signal of signals) signal.addEventListener('abort', end)
    if (signals.some(signal => signal.aborted)) end()
  })
}
