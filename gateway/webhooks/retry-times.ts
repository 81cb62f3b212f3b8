/** Attempts after which an entry is given up, unless its vendor is out. */
export const maxAttempts = 10

/**
 * How long an entry waits for a vendor that answers nobody. Ten attempts take less than nine minutes, and most outages more:
 * they are no fault of the entry.
 */
export const outageMs = 72 * 60 * 60_000

const firstMs = 1000
const longestMs = 5 * 60_000

/**
 * When to try again: exponential backoff with full jitter, so that what failed together does not come back together.
 * @param attempts how often it was tried, from 1
 * @param random in [0, 1)
 * @returns milliseconds from now
 * Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
 */
export function retryAfterMs(attempts: number, random: number): number {
  return Math.ceil(Math.max(100, random * Math.min(longestMs, firstMs * 2 ** (attempts - 1))))
}

/**
 * Whether an entry that failed once more is dead.
 * @param failed `tries`: attempts since it came or was replayed; `waitedMs`: since it came; `isOut`: whether its vendor answers
 *   nobody at the moment
 */
export function mayGiveUp(failed: {
  readonly tries: number
  readonly waitedMs: number
  readonly isOut: boolean
}): boolean {
  return failed.tries >= maxAttempts && !(failed.isOut && failed.waitedMs < outageMs)
}
