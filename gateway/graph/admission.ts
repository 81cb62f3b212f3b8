import { GraphQLError } from 'graphql'
import { openLoopMeter } from './event-loop.ts'
import { FairQueue } from './fair-queue.ts'

/** Operations of at most so many entries wait for no large one: they take a few milliseconds. */
const smallest = 200

/**
 * Small operations that run at a time while the event loop is busy: what else comes, a webhook or a health check, waits for some of their
 * steps and not for all that one client has sent. While the loop is idle, they wait for tools, and more of them are begun.
 */
const mostSmall = 16

/** How often it is looked whether the loop is idle, and how many more are begun then. */
const lookEveryMs = 10
const begunAtOnce = 64

/**
 * Entries of larger operations under way together. An operation's steps each run to their end before anything else is
 * heard: several large ones in step would keep webhooks and health checks waiting for the sum of theirs.
 */
const mostEntries = 2_000

/** Operations that wait in all, each in memory with its document and context. A connection has 500 at most, by its own limit. */
const mostWaiting = 2_000

/** The client that waits. Connections take turns, so that the burst of one delays another by one operation at a time. */
export interface Waiter {
  /** Equal for all that comes over one connection. */
  readonly connection: object
  /** Aborted when the client leaves: its operations wait no longer. */
  readonly signal: AbortSignal
  /** Whether it is a frame of a subscription: those have turns of their own. */
  readonly isFrame?: boolean
}

interface Waiting {
  admit(): void
  refuse(error: GraphQLError): void
}

interface LargeOperation extends Waiting {
  readonly entries: number
}

interface NewOperation extends Waiting {
  readonly name: string
}

/**
 * Lets small operations run at once unless the process is busy, and large ones a few at a time. Connections take turns; each is served in
 * order of arrival.
 */
export class Admission {
  readonly #small: SmallOperations
  #running = 0
  #entries = 0
  readonly #waiting = new FairQueue<LargeOperation>()

  /** @param isLoopBusy whether the event loop has hardly waited of late */
  constructor(isLoopBusy: () => boolean = openLoopMeter()) {
    this.#small = new SmallOperations(isLoopBusy)
  }

  /**
   * @param entries what the operation asks for at most
   * @throws GraphQLError `OVERLOADED` when too many wait in all and its connection has most of them; `ABORTED` when its client leaves
   */
  async run<T>(entries: number, waiter: Waiter, work: () => Promise<T>): Promise<T> {
    if (entries <= smallest) return waiter.isFrame === true ? work() : this.#small.run(waiter, work)
    await this.#turn(entries, waiter)
    try {
      return await work()
    } finally {
      this.#running -= 1
      this.#entries -= entries
      this.#next()
    }
  }

  #turn(entries: number, waiter: Waiter): Promise<void> {
    if (this.#waiting.size === 0 && this.#hasRoom(entries)) {
      this.#take(entries)
      return Promise.resolve()
    }
    const turn = waitIn(this.#waiting, waiter, {
      make: waiting => ({ ...waiting, entries }),
      // A smaller one behind it may have room.
      onRefused: () => this.#next(),
    })
    while (this.#waiting.size > mostWaiting) this.#waiting.surplus?.refuse(overloaded('large'))
    return turn
  }

  #next(): void {
    for (let next = this.#waiting.next; next !== null && this.#hasRoom(next.entries); next = this.#waiting.next) {
      this.#waiting.take()
      this.#take(next.entries)
      next.admit()
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

/** Small operations: a few at a time while the event loop is busy, any number while they wait for tools. */
class SmallOperations {
  readonly #isLoopBusy: () => boolean
  readonly #waiting = new FairQueue<Waiting>()
  #running = 0
  #looking: NodeJS.Timeout | null = null
  #isFilling = false

  constructor(isLoopBusy: () => boolean) {
    this.#isLoopBusy = isLoopBusy
  }

  async run<T>(waiter: Waiter, work: () => Promise<T>): Promise<T> {
    if (this.#waiting.size === 0 && this.#running < mostSmall) this.#running += 1
    else await this.#turn(waiter)
    try {
      return await work()
    } finally {
      this.#running -= 1
      this.#fill()
    }
  }

  /**
   * Begins others in the place of those that ended, once the event loop has been round: the store's answers are handed on a thousand in a
   * row, and with them operations would follow one another without a look at any socket.
   */
  #fill(): void {
    if (this.#isFilling || this.#waiting.size === 0) return
    this.#isFilling = true
    setImmediate(() => {
      this.#isFilling = false
      this.#begin(mostSmall - this.#running)
    })
  }

  /** Resolves once it counts as running. */
  #turn(waiter: Waiter): Promise<void> {
    const turn = waitIn(this.#waiting, waiter, { make: waiting => waiting, onRefused: () => undefined })
    while (this.#waiting.size > mostWaiting) this.#waiting.surplus?.refuse(overloaded('small'))
    if (this.#looking === null) {
      // From now on: before, the loop may have waited for hours.
      this.#isLoopBusy()
      this.#looking = setTimeout(() => this.#look(), lookEveryMs)
    }
    return turn
  }

  #look(): void {
    this.#looking = null
    if (!this.#isLoopBusy()) this.#begin(begunAtOnce)
    if (this.#waiting.size > 0) this.#looking = setTimeout(() => this.#look(), lookEveryMs)
  }

  #begin(count: number): void {
    for (let left = count; left > 0; left -= 1) {
      const next = this.#waiting.take()
      if (next === null) return
      this.#running += 1
      next.admit()
    }
  }
}

/**
 * Plans new operations one by one, each behind whatever else has come meanwhile: a plan cannot be interrupted and takes up to some tenths
 * of a second, and several at once would keep webhooks waiting for the sum. Connections take turns.
 */
export class Turns {
  readonly #waiting = new FairQueue<NewOperation>()
  readonly #byName = new Map<string, Set<NewOperation>>()
  #isRunning = false

  /**
   * Resolves when it is the caller's turn, who plans at once. Equal operations have the earliest turn of any of them together.
   * @param name equal for operations of one plan
   * @throws GraphQLError `OVERLOADED` when too many different ones wait in all and its connection has most of them; `ABORTED` when its
   *   client leaves
   */
  turn(name: string, waiter: Waiter): Promise<void> {
    const turn = waitIn(this.#waiting, waiter, {
      make: waiting => {
        const operation = { ...waiting, name }
        this.#byName.set(name, (this.#byName.get(name) ?? new Set()).add(operation))
        return operation
      },
      onRefused: operation => {
        const equal = this.#byName.get(name)
        equal?.delete(operation)
        if (equal?.size === 0) this.#byName.delete(name)
      },
    })
    while (this.#byName.size > mostWaiting) this.#waiting.surplus?.refuse(overloaded('new'))
    void this.#run()
    return turn
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return
    this.#isRunning = true
    while (this.#waiting.size > 0) {
      await new Promise<void>(resolve => setTimeout(resolve, 0))
      const next = this.#waiting.take()
      if (next === null) break
      const equal = this.#byName.get(next.name) ?? []
      this.#byName.delete(next.name)
      for (const operation of equal) operation.admit()
    }
    this.#isRunning = false
  }
}

interface WaitPorts<Item extends Waiting> {
  make(waiting: Waiting): Item
  onRefused(item: Item): void
}

/** Resolves once the item that it adds to the queue is admitted. */
function waitIn<Item extends Waiting>(
  queue: FairQueue<Item>,
  { connection, signal }: Waiter,
  { make, onRefused }: WaitPorts<Item>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      signal.removeEventListener('abort', onAbort)
      queue.delete(connection, item)
    }
    const item = make({
      admit() {
        end()
        resolve()
      },
      refuse(error) {
        end()
        reject(error)
        onRefused(item)
      },
    })
    const onAbort = (): void => item.refuse(aborted())
    queue.add(connection, item)
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
  })
}

const whatToAsk = {
  large: 'smaller pages',
  new: 'fewer at a time, or with variables in place of values',
  small: 'fewer at a time',
} as const

function overloaded(which: keyof typeof whatToAsk): GraphQLError {
  const message = [
    `More than ${mostWaiting} ${which} operations wait here for their turn, and this connection has most of them.`,
    `Ask again in a moment, for ${whatToAsk[which]}.`,
  ].join(' ')
  return new GraphQLError(message, { extensions: { code: 'OVERLOADED', isRetryable: true, http: { status: 503 } } })
}

function aborted(): GraphQLError {
  return new GraphQLError('The request was given up before it was answered.', { extensions: { code: 'ABORTED' } })
}
