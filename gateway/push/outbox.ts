/** A frame on its way to one subscriber. */
export interface OutgoingFrame<T> {
  readonly payload: T
  /** Frames of the same key replace each other when the subscriber is slow; null never replaces. */
  readonly key: string | null
}

/** Frames kept one by one before the latest value of each key wins. */
const maxQueued = 32

/** Distinct frames kept for a slow subscriber before it is given up. */
const maxPending = 1000

/** How long a frame may wait for a slow subscriber before it is given up. */
export const maxWaitMs = 10_000

/**
 * Frames waiting for one subscriber, as the async iterator that the socket pulls from.
 *
 * Bounded: a subscriber that reads too slowly gets the latest frame of each key; one that reads nothing for
 * `maxWaitMs`, or has `maxPending` frames waiting, is given up through `onSlow` and resumes by its cursor.
 */
export class Outbox<T> implements AsyncIterableIterator<T> {
  #frames: { frame: OutgoingFrame<T>; since: number }[] = []
  #waiting: ((result: IteratorResult<T, undefined>) => void) | undefined
  #room: (() => void)[] = []
  #isClosed = false
  readonly #now: () => number
  readonly #onSlow: () => void
  readonly #onClose: () => void

  constructor(options: { now(): number; onSlow(): void; onClose(): void }) {
    this.#now = options.now
    this.#onSlow = options.onSlow
    this.#onClose = options.onClose
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  push(frame: OutgoingFrame<T>): void {
    if (this.#isClosed) return
    const waiting = this.#waiting
    if (waiting !== undefined) {
      this.#waiting = undefined
      waiting({ value: frame.payload, done: false })
      return
    }
    const now = this.#now()
    const oldest = this.#frames[0]
    if (oldest !== undefined && (now - oldest.since > maxWaitMs || this.#frames.length >= maxPending)) {
      this.close()
      this.#onSlow()
      return
    }
    let since = now
    if (this.#frames.length >= maxQueued && frame.key !== null) {
      const older = this.#frames.findIndex(queued => queued.frame.key === frame.key)
      const replaced = older === -1 ? undefined : this.#frames.splice(older, 1)[0]
      // The wait of what it replaces counts: else a busy entity would keep a dead subscriber for ever.
      since = replaced?.since ?? now
    }
    this.#frames.push({ frame, since })
  }

  /** Resolves once fewer than `maxQueued` frames wait. @returns false when the outbox is closed */
  async room(): Promise<boolean> {
    while (!this.#isClosed && this.#frames.length >= maxQueued) {
      await new Promise<void>(resolve => this.#room.push(resolve))
    }
    return !this.#isClosed
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const queued = this.#frames.shift()
    if (queued !== undefined) {
      for (const resolve of this.#room.splice(0)) resolve()
      return Promise.resolve({ value: queued.frame.payload, done: false })
    }
    if (this.#isClosed) return Promise.resolve({ value: undefined, done: true })
    return new Promise(resolve => {
      this.#waiting = resolve
    })
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.close()
    return Promise.resolve({ value: undefined, done: true })
  }

  throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    this.close()
    return Promise.reject(error instanceof Error ? error : new Error('the subscription was ended', { cause: error }))
  }

  /** Ends the iteration; frames still waiting are dropped. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#frames = []
    for (const resolve of this.#room.splice(0)) resolve()
    this.#waiting?.({ value: undefined, done: true })
    this.#waiting = undefined
    this.#onClose()
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return this
  }
}
