import type { VendorError } from './vendor-error.ts'

/** Tries of one call, the first included. */
const mostTries = 3
const firstBackoffMs = 100

/** What was tried before: the kinds of fault, oldest first. */
export interface Tried {
  readonly faults: readonly VendorError[]
  readonly repeatable: boolean
}

/**
 * How long to wait before the same request is sent again.
 * The vendor's hint where it gave one, else full jitter over 100 ms, 200 ms. An unreadable answer is asked for again
 * once: two in a row are what the vendor has to say.
 * @param random in [0, 1)
 * @returns null when it is not to be sent again
 */
export function retryDelayMs(tried: Tried, random: () => number): number | null {
  const last = tried.faults.at(-1)
  if (last === undefined || !tried.repeatable || !last.isPassing) return null
  if (tried.faults.length >= mostTries) return null
  if (last.kind === 'unreadable' && tried.faults.filter(fault => fault.kind === 'unreadable').length > 1) return null
  return last.retryAfterMs ?? random() * firstBackoffMs * 2 ** (tried.faults.length - 1)
}
