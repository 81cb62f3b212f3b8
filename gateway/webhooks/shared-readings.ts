import { StoreError } from '../store/store.ts'

interface Readings<T> {
  readonly current: Promise<T>
  next: Promise<T> | null
  /** How many wait for the next one. */
  waiting: number
}

/** While the store is slow, whoever forges webhooks must not pile them up here. */
const mostWaiting = 100

/** Readings of the store that anybody can bring about: of each thing one is under way, and one for all who came since it began. */
export class SharedReadings<T> {
  readonly #readings = new Map<string, Readings<T>>()

  /**
   * What a reading finds that begins now or later: one under way may have begun before the newest was written.
   * @throws StoreError `unavailable` while too many wait
   */
  async read(key: string, begin: () => Promise<T>): Promise<T> {
    const readings = this.#readings.get(key)
    if (readings === undefined) return this.#begin(key, begin)
    if (readings.waiting >= mostWaiting)
      throw new StoreError('unavailable', 'too many webhooks wait for what the store has to say of their secrets')
    readings.waiting += 1
    const again = (): Promise<T> => this.#begin(key, begin)
    readings.next ??= readings.current.then(again, again)
    return readings.next
  }

  #begin(key: string, begin: () => Promise<T>): Promise<T> {
    const current = begin()
    const readings: Readings<T> = { current, next: null, waiting: 0 }
    this.#readings.set(key, readings)
    const end = (): void => {
      if (readings.next === null) this.#readings.delete(key)
    }
    current.then(end, end)
    return current
  }
}
