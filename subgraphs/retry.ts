import type { VendorError } from './vendor-error.ts'

/** Tries of one call, the first included. */
const mostTries = 3
const firstBackoffMs = 100
/** Longer than that a call does not wait for a limit that its vendor gave no time for. */
const longestRoundMs = 1_000

/** What was tried before: the kinds of fault, oldest first. */
export interface Tried {
  readonly faults: readonly VendorError[]
  readonly repeatable: boolean
  /** After how long the limits of the request have come round. */
  readonly roundMs: number
}

/**
 * How long to wait before the same request is sent again.
 * The vendor's hint where it gave one, else full jitter over 100 ms, 200 ms; after a refusal for its rate until the limit has come
 * round, 1 s at most, for within it another try only adds to what was too much. An unreadable answer is asked for again
 * once: two in a row are what the vendor has to say.
 * @param random in [0, 1)
 * @returns null when it is not to be sent again
 */
export function retryDelayMs(tried: Tried, random: () => number): number | null {
  const last = tried.faults.at(-1)
  if (last === undefined || !tried.repeatable || !last.isPassing) return null
  if (tried.faults.length >= mostTries) return null
  if (last.kind === 'unreadable' && tried.faults.filter(fault => fault.kind === 'unreadable').length > 1) return null
  if (last.retryAfterMs !== undefined) return last.retryAfterMs
  if (last.kind === 'rate-limited') return Math.min(tried.roundMs, longestRoundMs) * (1 + random() / 4)
  return random() * firstBackoffMs * 2 ** (tried.faults.length - 1)
}
