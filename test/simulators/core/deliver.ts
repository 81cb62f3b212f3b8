import type { Faults } from './faults.ts'

/** A webhook request on its way. */
export interface Outgoing {
  /** Requests of one queue go out one after the other. */
  readonly queue: string
  readonly url: string
  readonly body: string
  /** Made for every try, so that a signature carries the time it was sent. */
  readonly headers: (sentAt: Date, attempt: number) => Readonly<Record<string, string>>
  /** In place of `body`, where the vendor changes it from try to try. */
  readonly bodyOf?: (attempt: number) => string
}

/** One try. */
export interface Sent {
  readonly queue: string
  readonly url: string
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
  /** From 1. */
  readonly attempt: number
  /** 0 when nobody answered. */
  readonly status: number
  readonly sentAt: Date
}

export interface DeliverOptions {
  readonly clock: () => Date
  readonly faults: Faults
  /** The vendor's rule: how long to wait after the given try failed; null when it gives up. */
  readonly retryAfterMs: (attempt: number, status: number) => number | null
  /** Times the vendor's waits, to make them short; 1 is the vendor's own pace. */
  readonly retryScale?: number
  /** How long the vendor waits for an answer. */
  readonly timeoutMs: number
  /** Told of every try; `retryAt` is null when there is no further one, by the vendor's pace otherwise. */
  readonly onTried?: (sent: Sent, retryAt: Date | null) => void
}

export interface Deliverer {
  send(outgoing: Outgoing): void
  /** Resolves when nothing is pending or scheduled any more; not before `resume` when paused with something pending. */
  idle(): Promise<void>
  /** The last 10,000 tries. */
  readonly sent: readonly Sent[]
  pause(): void
  resume(): void
  /** Drops what is pending in a queue. */
  forget(queue: string): void
  close(): void
}

const keptTries = 10_000

/** Sends webhooks: in order within a queue, with retries, and with the webhook faults. */
export function createDeliverer(options: DeliverOptions): Deliverer {
  const { clock, faults, retryScale = 1 } = options
  const queues = new Map<string, { readonly pending: Outgoing[]; isRunning: boolean }>()
  const closing = new AbortController()
  const sleeping = new Map<NodeJS.Timeout, () => void>()
  const sent: Sent[] = []
  let waiting: (() => void)[] = []
  let isPaused = false

  return {
    sent,
    send(outgoing) {
      if (closing.signal.aborted || faults.takeForWebhook('drop') !== null) return
      const queue = queueOf(outgoing.queue)
      queue.pending.push(outgoing)
      if (faults.takeForWebhook('duplicate') !== null) queue.pending.push(outgoing)
      start(outgoing.queue)
    },
    idle() {
      return isIdle() ? Promise.resolve() : new Promise(resolve => waiting.push(resolve))
    },
    pause() {
      isPaused = true
    },
    resume() {
      isPaused = false
      for (const name of queues.keys()) start(name)
    },
    forget(name) {
      queues.get(name)?.pending.splice(0)
    },
    close() {
      closing.abort()
      for (const queue of queues.values()) queue.pending.splice(0)
      for (const [timer, wake] of sleeping) {
        clearTimeout(timer)
        wake()
      }
      sleeping.clear()
      settle()
    },
  }

  function queueOf(name: string): { readonly pending: Outgoing[]; isRunning: boolean } {
    const found = queues.get(name)
    if (found !== undefined) return found
    const created = { pending: [], isRunning: false }
    queues.set(name, created)
    return created
  }

  function start(name: string): void {
    const queue = queueOf(name)
    if (queue.isRunning || isPaused || queue.pending.length === 0) return
    queue.isRunning = true
    void run(queue).finally(() => {
      queue.isRunning = false
      if (queue.pending.length === 0) queues.delete(name)
      else start(name)
      settle()
    })
  }

  async function run(queue: { readonly pending: Outgoing[] }): Promise<void> {
    // Let what is sent in the same turn queue up, so that there is something to reorder.
    await Promise.resolve()
    while (!isPaused && !closing.signal.aborted) {
      if (queue.pending.length > 1 && faults.takeForWebhook('reorder') !== null) {
        queue.pending.push(...queue.pending.splice(0, 1))
      }
      const next = queue.pending[0]
      if (next === undefined) return
      const late = faults.takeForWebhook('late')
      if (late !== null) await sleep(late.ms ?? 1000)
      await tryUntilDone(next, queue)
      // Forgetting may have taken it away already.
      if (queue.pending[0] === next) queue.pending.shift()
    }
  }

  async function tryUntilDone(outgoing: Outgoing, queue: { readonly pending: Outgoing[] }): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const tried = await post(outgoing, attempt)
      if (closing.signal.aborted) return
      sent.push(tried)
      if (sent.length > keptTries) sent.shift()
      const isDone = tried.status >= 200 && tried.status < 300
      const waitMs = isDone ? null : options.retryAfterMs(attempt, tried.status)
      options.onTried?.(tried, waitMs === null ? null : new Date(clock().getTime() + waitMs))
      if (waitMs === null || queue.pending[0] !== outgoing) return
      await sleep(waitMs * retryScale)
      if (queue.pending[0] !== outgoing) return
    }
  }

  async function post(outgoing: Outgoing, attempt: number): Promise<Sent> {
    const skew = faults.takeForWebhook('skew')
    const sentAt = new Date(clock().getTime() + (skew?.ms ?? 0))
    const body = outgoing.bodyOf?.(attempt) ?? outgoing.body
    const headers = { 'content-type': 'application/json', ...outgoing.headers(sentAt, attempt) }
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(options.timeoutMs)])
    const status = await fetch(outgoing.url, { method: 'POST', headers, body, redirect: 'manual', signal })
      .then(async response => {
        await response.arrayBuffer()
        return response.status
      })
      .catch(() => 0)
    return { queue: outgoing.queue, url: outgoing.url, body, headers, attempt, status, sentAt }
  }

  function sleep(ms: number): Promise<void> {
    if (closing.signal.aborted) return Promise.resolve()
    return new Promise(resolve => {
      const timer = setTimeout(() => {
        sleeping.delete(timer)
        resolve()
      }, ms)
      timer.unref()
      sleeping.set(timer, resolve)
    })
  }

  function isIdle(): boolean {
    return [...queues.values()].every(queue => queue.pending.length === 0 && !queue.isRunning)
  }

  function settle(): void {
    if (!isIdle()) return
    const settled = waiting
    waiting = []
    for (const resolve of settled) resolve()
  }
}
