import type { System } from '../schema/systems.ts'

/**
 * Why a vendor did not give what was asked.
 * - `timeout`: no whole answer within the deadline.
 * - `unavailable`: no connection, or the vendor's own fault (5xx), or its breaker is open.
 * - `rate-limited`: the vendor's or our own pacing says not now.
 * - `unreadable`: an answer came that is not what the vendor documents (HTML, wrong types, too large).
 * - `unauthorized`: our credentials are not accepted or lack a scope.
 * - `not-found`: it has no such record.
 * - `rejected`: it refuses what we asked (4xx): asking again will not help.
 * - `incomplete`: it answered success and did not keep a value, or did only a part of what was asked.
 * - `aborted`: nobody waits any more.
 */
export const vendorErrorKinds = [
  'timeout',
  'unavailable',
  'rate-limited',
  'unreadable',
  'unauthorized',
  'not-found',
  'rejected',
  'incomplete',
  'aborted',
] as const

export type VendorErrorKind = (typeof vendorErrorKinds)[number]

/** Kinds after which the same request may succeed later. */
const passing: ReadonlySet<VendorErrorKind> = new Set(['timeout', 'unavailable', 'rate-limited', 'unreadable'])

/** What waits is tried again a few times an hour: a hint that says more may be mistaken, and would hold up a delivery for days. */
const longestRetryAfterMs = 900_000

/** A vendor's failure. The message is for operators and holds no personal data and no secret. */
export class VendorError extends Error {
  override readonly name = 'VendorError'
  readonly system: System
  readonly kind: VendorErrorKind
  /** The vendor's or breaker's hint when to try again; a quarter of an hour at most. */
  readonly retryAfterMs: number | undefined
  /** What the vendor says was wrong with the input, safe to show to the client that gave it. */
  readonly inputFault: string | undefined
  /** The vendor keeps this answer for this request: the same one sent again gets it again. */
  readonly isKept: boolean
  /**
   * Of `unauthorized`: the permissions that the vendor says are missing, in its words, none when it does not name them; null when the
   * credentials as such are refused.
   */
  readonly lacks: readonly string[] | null
  /** The answer took too long or was too large: a request for less may succeed. */
  readonly isTooMuch: boolean

  constructor(
    system: System,
    kind: VendorErrorKind,
    message: string,
    options: {
      cause?: unknown
      retryAfterMs?: number
      inputFault?: string
      isKept?: boolean
      isTooMuch?: boolean
      lacks?: readonly string[]
    } = {},
  ) {
    super(`${system}: ${message}`.toWellFormed(), { cause: options.cause })
    this.system = system
    this.kind = kind
    const hint = options.retryAfterMs
    this.retryAfterMs = hint === undefined || Number.isNaN(hint) ? undefined : clamp(hint, 0, longestRetryAfterMs)
    this.inputFault = options.inputFault?.toWellFormed()
    this.isKept = options.isKept ?? false
    this.lacks = options.lacks ?? null
    this.isTooMuch = kind === 'timeout' || options.isTooMuch === true
  }

  /** The same, with a hint where the vendor gave none. */
  hinted(retryAfterMs: number): VendorError {
    if (this.retryAfterMs !== undefined) return this
    const { cause, inputFault, isKept, isTooMuch } = this
    return new VendorError(this.system, this.kind, this.reason, { cause, retryAfterMs, inputFault, isKept, isTooMuch })
  }

  /** The message without the system, for where that was named already. */
  get reason(): string {
    return this.message.slice(`${this.system}: `.length)
  }

  /** Whether trying again later may help. */
  get isPassing(): boolean {
    return passing.has(this.kind) && !this.isKept
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most)
}
