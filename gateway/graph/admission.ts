import { GraphQLError } from 'graphql'

/** Operations of at most so many entries run at once, whatever else runs: they take a few milliseconds. */
const smallest = 200

/**
 * Entries of larger operations under way together. An operation's steps each run to their end before anything else is
 * heard: several large ones in step would keep webhooks and health checks waiting for the sum of theirs.
 */
const mostEntries = 2_000

/** Large operations that wait; beyond that they are refused, for nobody would be there to hear the last one's answer. */
const mostWaiting = 100

/** How long a large operation waits: as long as a vendor call may take. */
const patienceMs = 10_000

interface Waiting {
  readonly entries: number
  admit(): void
}

/** Lets small operations run at once, and large ones a few at a time, in order of arrival. */
export class Admission {
  #running = 0
  #entries = 0
  readonly #waiting = new Set<Waiting>()

  /**
   * @param entries what the operation asks for at most
   * @throws GraphQLError `OVERLOADED` when its turn does not come; `ABORTED` when its client leaves before
   */
  async run<T>(entries: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (entries <= smallest) return work()
    await this.#turn(entries, signal)
    try {
      return await work()
    } finally {
      this.#running -= 1
      this.#entries -= entries
      this.#next()
    }
  }

  #turn(entries: number, signal: AbortSignal): Promise<void> {
    if (this.#waiting.size === 0 && this.#hasRoom(entries)) {
      this.#take(entries)
      return Promise.resolve()
    }
    if (this.#waiting.size >= mostWaiting) return Promise.reject(overloaded())
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
        this.#waiting.delete(waiting)
      }
      const waiting: Waiting = {
        entries,
        admit: () => {
          leave()
          this.#take(entries)
          resolve()
        },
      }
      const giveUp = (error: GraphQLError): void => {
        leave()
        reject(error)
        this.#next()
      }
      const onAbort = (): void => giveUp(aborted())
      const timer = setTimeout(() => giveUp(overloaded()), patienceMs)
      this.#waiting.add(waiting)
      signal.addEventListener('abort', onAbort)
      if (signal.aborted) onAbort()
    })
  }

  #next(): void {
    for (const waiting of this.#waiting) {
      if (!this.#hasRoom(waiting.entries)) return
      waiting.admit()
    }
  }

  /** One is always let in, however large. */
  #hasRoom(entries: number): boolean {
    return this.#running === 0 || this.#entries + entries <= mostEntries
  }

  #take(entries: number): void {
    this.#running += 1
    this.#entries += entries
  }
}

/**
 * Lets work that cannot be interrupted be done piece by piece, each behind whatever else has come meanwhile: a plan takes up
 * to some tenths of a second, and several at once would keep webhooks waiting for the sum.
 */
export class Turns {
  #last: Promise<void> = Promise.resolve()
  #waiting = 0

  /**
   * Resolves when it is the caller's turn, who does the piece at once.
   * @throws GraphQLError `OVERLOADED` when too many wait already: whoever came last would wait for the sum
   */
  async turn(): Promise<void> {
    if (this.#waiting >= mostWaitingTurns) throw overloaded('Too many new operations')
    this.#waiting += 1
    const turn = this.#last.then(() => new Promise<void>(resolve => setTimeout(resolve, 0)))
    this.#last = turn
    await turn
    this.#waiting -= 1
  }
}

/** Plans that wait for their turn; each takes some 50 ms, the largest some tenths of a second. */
const mostWaitingTurns = 50

function overloaded(what = 'Too many large operations'): GraphQLError {
  return new GraphQLError(`${what} at the moment. Ask again in a moment, or for smaller pages.`, {
    extensions: { code: 'OVERLOADED', isRetryable: true, http: { status: 503 } },
  })
}

function aborted(): GraphQLError {
  return new GraphQLError('The request was given up before it was answered.', { extensions: { code: 'ABORTED' } })
}
