export interface GatherOptions<Item, Result> {
  /** Does all of them together; a promise for each, in their order. */
  work(items: readonly Item[]): readonly Promise<Result>[]
  /** Works under way at a time; what comes meanwhile gathers. */
  readonly most: number
  /** Items in one work. */
  readonly largest: number
  /** What has gathered for so long goes all the same, so that a slow work holds up no others. Waits to the end when absent. */
  readonly patienceMs?: number
  /** So many works at once when it was quiet, then one in `everyMs`: what is busy gathers. No such rhythm when absent. */
  readonly rhythm?: { readonly burst: number; readonly everyMs: number }
}

interface Submitted<Item, Result> {
  readonly item: Item
  resolve(result: Promise<Result>): void
  reject(error: Error): void
}

/** Items that come while others are worked on are worked on together: at once when it is quiet, in few works when it is not. */
export class Gather<Item, Result> {
  readonly #options: GatherOptions<Item, Result>
  readonly #waiting: Submitted<Item, Result>[] = []
  #running = 0
  #timer: NodeJS.Timeout | null = null
  #isTurnEnding = false
  /** Works that the rhythm allows now, as of `#countedAtMs`. */
  #allowed: number
  #countedAtMs = performance.now()
  #resting: NodeJS.Timeout | null = null

  constructor(options: GatherOptions<Item, Result>) {
    this.#options = options
    this.#allowed = options.rhythm?.burst ?? 0
  }

  /** Settles as the item's own promise does, whatever becomes of the others. */
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
    while (this.#waiting.length > 0 && this.#running < this.#options.most && this.#mayRun()) void this.#run()
    const { patienceMs } = this.#options
    if (this.#waiting.length === 0 && this.#timer !== null) {
      clearTimeout(this.#timer)
      this.#timer = null
    }
    if (this.#waiting.length === 0 || patienceMs === undefined || this.#timer !== null) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      if (this.#mayRun()) void this.#run()
      this.#next()
    }, patienceMs)
  }

  /** Takes one of the works that the rhythm allows; when there is none, what waits is looked at again once there is. */
  #mayRun(): boolean {
    const { rhythm } = this.#options
    if (rhythm === undefined) return true
    const now = performance.now()
    this.#allowed = Math.min(rhythm.burst, this.#allowed + (now - this.#countedAtMs) / rhythm.everyMs)
    this.#countedAtMs = now
    if (this.#allowed >= 1) {
      this.#allowed -= 1
      return true
    }
    if (this.#resting === null) {
      this.#resting = setTimeout(
        () => {
          this.#resting = null
          this.#next()
        },
        (1 - this.#allowed) * rhythm.everyMs,
      )
    }
    return false
  }

  async #run(): Promise<void> {
    const group = this.#waiting.splice(0, this.#options.largest)
    this.#running += 1
    try {
      const results = this.#options.work(group.map(({ item }) => item))
      for (const [at, { resolve, reject }] of group.entries()) {
        const result = results[at]
        if (result === undefined) reject(new Error(`a work of ${group.length} items has ${results.length} results`))
        else resolve(result)
      }
      await Promise.allSettled(results)
    } catch (error) {
      for (const { reject } of group)
        reject(error instanceof Error ? error : new Error('unknown fault', { cause: error }))
    } finally {
      this.#running -= 1
      this.#next()
    }
  }
}
