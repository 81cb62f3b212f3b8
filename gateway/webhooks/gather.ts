/** What came of one item. */
export type Outcome<Result> = PromiseSettledResult<Result>

export interface GatherOptions<Item, Result> {
  /** Does all of them together; one outcome for each, in their order. Never rejects. */
  work(items: readonly Item[]): Promise<readonly Outcome<Result>[]>
  /** Works under way at a time; what comes meanwhile gathers. */
  readonly most: number
  /** Items in one work. */
  readonly largest: number
  /** What has gathered for so long goes all the same, so that a slow work holds up no others. Waits to the end when absent. */
  readonly patienceMs?: number
}

interface Submitted<Item, Result> {
  readonly item: Item
  resolve(result: Result): void
  reject(error: Error): void
}

/** Items that come while others are worked on are worked on together: at once when it is quiet, in few works when it is not. */
export class Gather<Item, Result> {
  readonly #options: GatherOptions<Item, Result>
  #waiting: Submitted<Item, Result>[] = []
  #running = 0
  #timer: NodeJS.Timeout | null = null
  #isTurnEnding = false

  constructor(options: GatherOptions<Item, Result>) {
    this.#options = options
  }

  /** Rejects with the reason of the item's own outcome. */
  submit(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      if (this.#isTurnEnding) return
      this.#isTurnEnding = true
      // What comes in the same turn goes together.
      queueMicrotask(() => {
        this.#isTurnEnding = false
        this.#next()
      })
    })
  }

  #next(): void {
    while (this.#waiting.length > 0 && this.#running < this.#options.most) void this.#run()
    const { patienceMs } = this.#options
    if (this.#waiting.length === 0 || patienceMs === undefined || this.#timer !== null) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      if (this.#waiting.length > 0) void this.#run()
      this.#next()
    }, patienceMs)
  }

  async #run(): Promise<void> {
    const group = this.#waiting.splice(0, this.#options.largest)
    if (this.#waiting.length === 0 && this.#timer !== null) {
      clearTimeout(this.#timer)
      this.#timer = null
    }
    this.#running += 1
    try {
      const outcomes = await this.#options.work(group.map(({ item }) => item))
      for (const [at, { resolve, reject }] of group.entries()) {
        const outcome = outcomes[at]
        if (outcome?.status === 'fulfilled') resolve(outcome.value)
        else reject(errorOf(outcome?.reason))
      }
    } catch (error) {
      for (const { reject } of group) reject(errorOf(error))
    } finally {
      this.#running -= 1
      this.#next()
    }
  }
}

function errorOf(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('a gathered work gave no outcome for an item', { cause: reason })
}
