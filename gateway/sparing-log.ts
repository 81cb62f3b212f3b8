import type { Log } from '../subgraphs/contract.ts'

/** How often the same thing is said while it goes on. */
const everyMs = 10_000

/** Says what may happen thousands of times a second: the first at once, then every ten seconds how often it happened again. */
export class SparingLog {
  readonly #log: Log
  /** Times it happened since it was last said, by its fields and words. */
  readonly #unsaid = new Map<string, number>()

  constructor(log: Log) {
    this.#log = log
  }

  /** @param fields of few different values: each combination is said by itself */
  warn(fields: Readonly<Record<string, string | number>>, message: string): void {
    const key = JSON.stringify([message, fields])
    const unsaid = this.#unsaid.get(key)
    if (unsaid !== undefined) {
      this.#unsaid.set(key, unsaid + 1)
      return
    }
    this.#log.warn(fields, message)
    this.#unsaid.set(key, 0)
    const timer = setInterval(() => {
      const times = this.#unsaid.get(key) ?? 0
      if (times === 0) {
        this.#unsaid.delete(key)
        clearInterval(timer)
        return
      }
      this.#unsaid.set(key, 0)
      this.#log.warn({ ...fields, times }, message)
    }, everyMs).unref()
  }
}
