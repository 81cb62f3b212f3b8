/** A piece of work that has to wait for others. */
export interface Turn {
  /** Works of one lane share a number of places: a lane that is slow holds up no other. */
  readonly lane: string
  /** Works that share a key are done one after the other, in the order they came. */
  readonly keys: readonly string[]
}

export interface TurnsOptions<Work extends Turn> {
  /** Never rejects. */
  run(work: Work): Promise<void>
  /** Works under way at a time in one lane. Those that wait for a key take no place. */
  readonly most: number
}

interface Lane<Work> {
  readonly ready: Work[]
  running: number
  /** Works under way or waiting. */
  held: number
}

/** Lets each work run when it is its turn. */
export class Turns<Work extends Turn> {
  readonly #options: TurnsOptions<Work>
  readonly #lanes = new Map<string, Lane<Work>>()
  /** Works that share a key; the first one is ready or under way. */
  readonly #queues = new Map<string, Work[]>()
  /** Keys at whose head a work is not yet. */
  readonly #blocked = new Map<Work, number>()
  readonly #running = new Set<Work>()
  #held = 0
  #idle: (() => void)[] = []

  constructor(options: TurnsOptions<Work>) {
    this.#options = options
  }

  /** Works under way or waiting. */
  get held(): number {
    return this.#held
  }

  /** Works of one lane under way or waiting. */
  heldIn(lane: string): number {
    return this.#lanes.get(lane)?.held ?? 0
  }

  add(work: Work): void {
    this.#held += 1
    this.#laneOf(work).held += 1
    let blocked = 0
    for (const key of work.keys) {
      const queue = this.#queues.get(key)
      if (queue === undefined) this.#queues.set(key, [work])
      else {
        queue.push(work)
        blocked += 1
      }
    }
    if (blocked > 0) this.#blocked.set(work, blocked)
    else this.#makeReady(work)
  }

  /** Drops what is not under way. */
  clear(): void {
    for (const lane of this.#lanes.values()) {
      lane.ready.length = 0
      lane.held = lane.running
    }
    this.#blocked.clear()
    this.#held = this.#running.size
    this.#queues.clear()
    for (const work of this.#running) for (const key of work.keys) this.#queues.set(key, [work])
    this.#tellIdle()
  }

  /** Resolves when nothing is under way or waiting. */
  idle(): Promise<void> {
    if (this.#held === 0) return Promise.resolve()
    return new Promise(resolve => this.#idle.push(resolve))
  }

  #makeReady(work: Work): void {
    const lane = this.#laneOf(work)
    lane.ready.push(work)
    this.#next(lane)
  }

  #laneOf({ lane: name }: Work): Lane<Work> {
    const lane = this.#lanes.get(name) ?? { ready: [], running: 0, held: 0 }
    this.#lanes.set(name, lane)
    return lane
  }

  #next(lane: Lane<Work>): void {
    while (lane.running < this.#options.most) {
      const work = lane.ready.shift()
      if (work === undefined) return
      lane.running += 1
      this.#running.add(work)
      void this.#options.run(work).then(() => {
        lane.running -= 1
        lane.held -= 1
        this.#running.delete(work)
        this.#held -= 1
        this.#leave(work)
        this.#next(lane)
        this.#tellIdle()
      })
    }
  }

  #leave(work: Work): void {
    for (const key of work.keys) {
      const queue = this.#queues.get(key)
      queue?.shift()
      const [head] = queue ?? []
      if (head === undefined) {
        this.#queues.delete(key)
        continue
      }
      const blocked = (this.#blocked.get(head) ?? 1) - 1
      if (blocked > 0) this.#blocked.set(head, blocked)
      else {
        this.#blocked.delete(head)
        this.#makeReady(head)
      }
    }
  }

  #tellIdle(): void {
    if (this.#held === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }
}
