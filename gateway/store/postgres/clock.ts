import type { Clock } from '../../../subgraphs/contract.ts'

/** Tells the database's time, in milliseconds since 1970. */
type AskTime = () => Promise<number>

const lookEveryMs = 30_000

/**
 * The database's clock, as far as this machine can tell without asking each time: its own clock may be wrong, or set anew, and
 * that must not end or lengthen a lease.
 */
export class StoreClock implements Clock {
  readonly #ask: AskTime
  #at = { storeMs: 0, hereMs: 0 }
  readonly #looking: NodeJS.Timeout

  private constructor(ask: AskTime) {
    this.#ask = ask
    this.#looking = setInterval(() => void this.#lookQuietly(), lookEveryMs).unref()
  }

  /** @throws StoreError */
  static async open(ask: AskTime): Promise<StoreClock> {
    const clock = new StoreClock(ask)
    try {
      await clock.#look()
    } catch (error) {
      clock.close()
      throw error
    }
    return clock
  }

  now(): Date {
    return new Date(this.#at.storeMs + performance.now() - this.#at.hereMs)
  }

  close(): void {
    clearInterval(this.#looking)
  }

  async #look(): Promise<void> {
    const before = performance.now()
    const storeMs = await this.#ask()
    // The time was told between question and answer.
    this.#at = { storeMs, hereMs: (before + performance.now()) / 2 }
  }

  async #lookQuietly(): Promise<void> {
    try {
      await this.#look()
    } catch {
      // The reading before goes on.
    }
  }
}
