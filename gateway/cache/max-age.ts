import type { Eviction } from './evictions.ts'

/** No value is served for longer, even when no Change ever comes. */
export const longestAgeMs = 5 * 60_000
/** That a record does not exist is believed for less long: it may be on its way. */
const absentMs = 30_000
/** A vendor that answers older than it announced is asked again after this. */
const laggingMs = 1_000
/** An announced version that has not come for this long will not come: the record was set back, or merged. */
const expectedForMs = 5 * 60_000
/** After a Change whose version is not known the record is read again at these times: its vendor may lag behind itself. */
const rereadAfterMs = [1_000, 3_000, 10_000] as const

/**
 * How long an answer may be served.
 * @param atMs when the answer was asked for
 * @param eviction what is known of the record's last Change
 */
export function maxAgeMs(
  answer: { readonly value: unknown; readonly versionMs: number | null },
  atMs: number,
  eviction: Eviction | undefined,
): number {
  const usualMs = answer.value === null ? absentMs : longestAgeMs
  if (eviction === undefined) return usualMs
  const { expectedMs, expectedAtMs } = eviction
  if (expectedMs !== null && atMs - expectedAtMs <= expectedForMs) {
    const isOlder = answer.value === null || (answer.versionMs !== null && answer.versionMs < expectedMs)
    if (isOlder) return laggingMs
    // What the last Change announced is there. A later Change may have announced nothing.
    if (answer.versionMs !== null && expectedAtMs >= eviction.atMs) return usualMs
  }
  const sinceMs = atMs - eviction.atMs
  const next = rereadAfterMs.find(afterMs => sinceMs < afterMs)
  return next === undefined ? usualMs : Math.min(usualMs, next - sinceMs)
}
