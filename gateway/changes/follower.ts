import type { Change } from '../../schema/change.ts'
import type { Clock, Log } from '../../subgraphs/contract.ts'
import { SparingLog } from '../sparing-log.ts'
import { type Store, StoreError } from '../store/store.ts'
import { changesAfter, newestSequence } from './log.ts'

/** The longest a Change of another process waits to be seen. */
const pollMs = 1_000
/** After so long without a reading of the log that was applied, what is cached here may be old and nobody would know. */
const cutOffAfterMs = 5_000
const pageSize = 500

export interface FollowerOptions {
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  /**
   * Evicts, then pushes. Given each Change once and in order, never two pages at a time. When it throws, the same page is
   * given again with the next poll: a Change that evicted nothing would leave old data behind.
   */
  apply(changes: readonly Change[]): void | Promise<void>
  /** The log can be followed no more, or again. */
  onCutOff?(isCutOff: boolean): void
}

interface Waiter {
  readonly sequence: number
  resolve(): void
  reject(error: Error): void
}

/** Follows the log of Changes from where it stood at the start. */
export class ChangeFollower {
  readonly #options: FollowerOptions
  readonly #sparing: SparingLog
  /** Changes committed here, handed over before they were read from the log. */
  #delivered: (readonly Change[])[] = []
  /** The newest Change that was handed over; it needs no reading. */
  #deliveredThrough = 0
  #waiters: Waiter[] = []
  #position = 0
  #isCutOff = false
  #isReadWanted = false
  /** When the last reading of the log began whose Changes are applied. */
  #followedAt = new Date(0)
  #poll: NodeJS.Timeout | null = null
  #running: Promise<void> | null = null

  constructor(options: FollowerOptions) {
    this.#options = options
    this.#sparing = new SparingLog(options.log)
  }

  /** The sequence of the last Change that was applied, or skipped because it is older than the start. */
  get position(): number {
    return this.#position
  }

  /** Whether the log could not be read and applied for five seconds. */
  get isCutOff(): boolean {
    return this.#isCutOff
  }

  /** @throws StoreError */
  async start(): Promise<void> {
    this.#position = await newestSequence(this.#options.store)
    this.#followedAt = this.#options.clock.now()
    this.#poll = setInterval(() => {
      this.#judge()
      this.appended()
    }, pollMs)
    this.#poll.unref()
  }

  /** Something may have been appended: the log is read soon. Calls meanwhile are one. */
  appended(): void {
    this.#isReadWanted = true
    this.#wake()
  }

  /** Hands over Changes that were committed here, so that they need not be read. In any order, any number of times. */
  deliver(changes: readonly Change[]): void {
    // Before the start and after the end they are read from the log, or are no concern.
    if (this.#poll === null || changes.length === 0) return
    this.#delivered.push(changes)
    this.#deliveredThrough = Math.max(this.#deliveredThrough, changes.at(-1)?.sequence ?? 0)
    this.#wake()
  }

  /**
   * Resolves once this Change was applied here; at once when it was.
   * @throws StoreError `closed` when the follower stops before
   */
  appliedThrough(sequence: number): Promise<void> {
    if (sequence <= this.#position) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#waiters.push({ sequence, resolve, reject })
      if (this.#poll === null) this.#dismissWaiters()
      else if (sequence > this.#deliveredThrough) this.appended()
    })
  }

  /** What is being applied is finished first. */
  async stop(): Promise<void> {
    if (this.#poll !== null) clearInterval(this.#poll)
    this.#poll = null
    await this.#running
    this.#delivered = []
    this.#dismissWaiters()
  }

  #wake(): void {
    if (this.#poll === null || this.#running !== null) return
    // Not on the caller's stack: `apply` may itself deliver.
    this.#running = Promise.resolve()
      .then(() => this.#run())
      .finally(() => {
        this.#running = null
        // Woken between the last look and now.
        if (this.#isReadWanted || this.#delivered.length > 0) this.#wake()
      })
  }

  async #run(): Promise<void> {
    try {
      while (this.#poll !== null) {
        const isRead = this.#isReadWanted
        // An answer that was long under way tells how the log was, not how it is.
        const askedAt = this.#options.clock.now()
        const page = isRead ? await this.#read() : this.#takeDelivered()
        if (page === null) return
        if (page.length > 0) await this.#apply(page)
        if (isRead) this.#followedAt = askedAt
        this.#judge()
      }
    } catch (error) {
      // The next poll tries again.
      this.#isReadWanted = false
      this.#delivered = []
      // A store that is away is so with each poll.
      if (error instanceof StoreError)
        this.#sparing.warn({ reason: error.message }, 'the log of Changes cannot be read')
      else this.#options.log.error({ err: error, position: this.#position }, 'Changes could not be read or applied')
    }
  }

  async #read(): Promise<readonly Change[]> {
    this.#isReadWanted = false
    // All of these are committed, so this reading sees them.
    this.#delivered = []
    const page = await changesAfter(this.#options.store, this.#position, pageSize)
    if (page.length === pageSize) this.#isReadWanted = true
    return page
  }

  /** @returns null when there are none; an empty page when they do not directly follow and the log must be read */
  #takeDelivered(): readonly Change[] | null {
    const changes = this.#delivered.shift()
    if (changes === undefined) return null
    const page = changes.filter(change => change.sequence > this.#position)
    if (page.every((change, index) => change.sequence === this.#position + 1 + index)) return page
    this.#isReadWanted = true
    return []
  }

  async #apply(page: readonly Change[]): Promise<void> {
    await this.#options.apply(page)
    this.#position = page.at(-1)?.sequence ?? this.#position
    const reached = this.#waiters.filter(waiter => waiter.sequence <= this.#position)
    this.#waiters = this.#waiters.filter(waiter => waiter.sequence > this.#position)
    for (const waiter of reached) waiter.resolve()
  }

  #judge(): void {
    const sinceMs = this.#options.clock.now().getTime() - this.#followedAt.getTime()
    const isCutOff = sinceMs > cutOffAfterMs
    if (isCutOff === this.#isCutOff) return
    this.#isCutOff = isCutOff
    this.#options.log[isCutOff ? 'error' : 'info'](
      { position: this.#position },
      isCutOff ? 'cut off from the log of Changes' : 'following the log of Changes again',
    )
    this.#options.onCutOff?.(isCutOff)
  }

  #dismissWaiters(): void {
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters)
      waiter.reject(new StoreError('closed', 'the follower of the log of Changes has stopped'))
  }
}
