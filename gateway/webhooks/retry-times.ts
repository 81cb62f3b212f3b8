/** Attempts after which an entry is given up. */
export const maxAttempts = 10

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
