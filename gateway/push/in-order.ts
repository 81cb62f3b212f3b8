import { isOlderThan, type Reads } from '../cache/reads.ts'
import type { ChangeFrame } from '../graph/subscription.ts'
import { joined } from './joined.ts'

/** Frames of one subscription that are executed at a time; those of one tool's records go together in its batches. */
const maxSideBySide = 100

/** Frames that are executed before the first of them is delivered. */
const maxAhead = 200

/** Something a frame is to be executed for. */
export interface Task<Frame extends Read> {
  /** Tasks of one lane are about the same entity and executed one after another. */
  readonly lane: string
  /** What the frame is to tell; null when it does not concern the subscription. */
  about(): Promise<ChangeFrame | null>
  /** @param about its own, or that of all it tells at once */
  execute(about: ChangeFrame): Promise<Frame>
}

/** An executed frame, as far as its order with others goes. */
export interface Read {
  readonly reads: Reads
}

export interface InOrderPorts<Frame extends Read> {
  /** Given the frames in the order of their tasks, one at a time. */
  deliver(frame: Frame): void
  /** Nothing is delivered after it. */
  onFailed(error: unknown): void
  nowMs(): number
}

export interface InOrderLimits {
  /** A task that waited so long for its lane tells the next one of its lane as well, with the fields of both. */
  readonly joinsAfterMs: number
  /** Beyond so many the next one of its lane need not be the next one of all: one frame a lane tells them all. */
  readonly crowded: number
}

interface Job<Frame extends Read> {
  readonly task: Task<Frame>
  readonly sinceMs: number
  state: 'waiting' | 'running' | 'done'
  about: ChangeFrame | null
  /** Null when nothing is to be told, or a later one tells it. */
  frame: Frame | null
  /** What frames have read that were delivered while this one was executed. */
  readonly shown: Reads[]
  isRepeated: boolean
}

interface Joinable<Frame extends Read> {
  readonly later: Job<Frame>
  /** Whether none stands between the two. */
  readonly isNext: boolean
}

/**
 * Executes the frames of one subscription side by side and delivers them in order, so that a slow tool delays each frame by
 * its own answer and not by those of all frames before it.
 *
 * Order of delivery is not order of reading: a frame that read a record older than one delivered before it is executed
 * again in its turn, so no record goes back.
 */
export class InOrder<Frame extends Read> {
  readonly #ports: InOrderPorts<Frame>
  readonly #limits: InOrderLimits
  /** In the order of delivery. */
  #jobs: Job<Frame>[] = []
  readonly #lanes = new Set<string>()
  #running = 0
  #hasFailed = false
  #waiters: { readonly atMost: number; readonly resolve: () => void }[] = []

  constructor(ports: InOrderPorts<Frame>, limits: InOrderLimits) {
    this.#ports = ports
    this.#limits = limits
  }

  /** Tasks that are not delivered yet. */
  get size(): number {
    return this.#jobs.length
  }

  add(...tasks: readonly Task<Frame>[]): void {
    if (this.#hasFailed) return
    const sinceMs = this.#ports.nowMs()
    for (const task of tasks) {
      this.#jobs.push({ task, sinceMs, state: 'waiting', about: null, frame: null, shown: [], isRepeated: false })
    }
    this.#start()
  }

  /** Forgets what is not delivered yet. */
  clear(): void {
    this.#jobs = []
    this.#wake()
  }

  /** Resolves once so many tasks at most are not delivered yet. */
  drained(atMost = 0): Promise<void> {
    if (this.#jobs.length <= atMost) return Promise.resolve()
    return new Promise(resolve => this.#waiters.push({ atMost, resolve }))
  }

  #start(): void {
    for (const job of this.#jobs.slice(0, maxAhead)) {
      if (this.#running >= maxSideBySide) return
      const { lane } = job.task
      if (job.state !== 'waiting' || this.#lanes.has(lane)) continue
      job.state = 'running'
      this.#running += 1
      this.#lanes.add(lane)
      void this.#run(job).finally(() => {
        this.#running -= 1
        this.#lanes.delete(lane)
        this.#start()
      })
    }
  }

  async #run(job: Job<Frame>): Promise<void> {
    try {
      job.about = await job.task.about()
      for (let later = this.#joinable(job); later !== null; later = this.#joinable(job)) {
        if (!(await this.#join(job, later))) break
      }
      if (job.about !== null) job.frame = await job.task.execute(job.about)
      job.state = 'done'
      this.#deliver()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Has the first one tell both. @returns false when each is to be told alone */
  async #join(job: Job<Frame>, { later, isNext }: Joinable<Frame>): Promise<boolean> {
    const next = await later.task.about()
    if (next !== null) {
      const both = job.about === null ? null : joined(job.about, next)
      if (job.about === null || both === null) return false
      // Whoever resumes after it must still be told of those between the two.
      const { sequence } = isNext ? next.change : job.about.change
      job.about = { ...both, change: { ...both.change, sequence } }
    }
    later.state = 'done'
    return true
  }

  /** The next task of the same lane, when both may be told at once. */
  #joinable(job: Job<Frame>): Joinable<Frame> | null {
    if (job.about === null || this.#ports.nowMs() - job.sinceMs < this.#limits.joinsAfterMs) return null
    const at = this.#jobs.indexOf(job)
    if (at === -1) return null
    const isCrowded = this.#jobs.length > this.#limits.crowded
    let isNext = true
    for (const later of this.#jobs.slice(at + 1, maxAhead)) {
      if (later.task.lane === job.task.lane) {
        // Joined before, or of no concern.
        if (later.state === 'done' && later.frame === null) continue
        return later.state === 'waiting' ? { later, isNext } : null
      }
      if (!isCrowded) return null
      isNext = false
    }
    return null
  }

  #deliver(): void {
    for (let job = this.#jobs[0]; job?.state === 'done'; job = this.#jobs[0]) {
      const { frame } = job
      if (frame !== null && !job.isRepeated && job.shown.some(shown => isOlderThan(frame.reads, shown))) {
        void this.#repeat(job)
        return
      }
      this.#jobs.shift()
      if (frame === null) continue
      this.#ports.deliver(frame)
      for (const other of this.#jobs.slice(0, maxAhead)) if (other.state !== 'waiting') other.shown.push(frame.reads)
    }
    this.#wake()
    this.#start()
  }

  /** Once more, now that all frames before it are delivered. */
  async #repeat(job: Job<Frame>): Promise<void> {
    job.state = 'running'
    job.isRepeated = true
    try {
      if (job.about !== null) job.frame = await job.task.execute(job.about)
      job.state = 'done'
      this.#deliver()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    this.clear()
    this.#ports.onFailed(error)
  }

  #wake(): void {
    const woken = this.#waiters.filter(({ atMost }) => this.#jobs.length <= atMost)
    this.#waiters = this.#waiters.filter(({ atMost }) => this.#jobs.length > atMost)
    for (const { resolve } of woken) resolve()
  }
}
