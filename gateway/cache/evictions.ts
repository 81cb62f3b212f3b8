/** What is remembered of a record's evictions. */
export interface Eviction {
  /** The moment of the last one, in the order of all moments. */
  readonly moment: number
  /** When that was, in the cache's milliseconds; -Infinity when only a version was expected. */
  readonly atMs: number
  /** The version the vendor announced, ms since 1970; null when it did not say. */
  readonly expectedMs: number | null
  /** When it was announced. */
  readonly expectedAtMs: number
}

/**
 * When each record was last evicted, whether or not it was cached. Moments count evictions and the beginnings of
 * fetches in one order; a fetch may be kept, joined or served only while its record was not evicted since it began.
 * Bounded: of a record that was forgotten all that is known is that its last eviction was before `floor`.
 */
export interface Evictions {
  /** A new moment, later than all before. */
  next(): number
  /** The moment of the record's last eviction, or a later one. */
  lastOf(key: string): number
  of(key: string): Eviction | undefined
  mark(key: string, atMs: number): void
  /** Keeps the latest of the versions announced. */
  expect(key: string, versionMs: number, atMs: number): void
  markAll(): void
  /** The moment at which everything was evicted. */
  lastOfAll(): number
}

export function openEvictions(mostKeys: number): Evictions {
  const evictions = new Map<string, Eviction>()
  let moment = 0
  let floor = 0
  let all = 0

  function set(key: string, eviction: Eviction): void {
    evictions.delete(key)
    evictions.set(key, eviction)
    if (evictions.size <= mostKeys) return
    for (const [oldest, { moment: dropped }] of evictions) {
      evictions.delete(oldest)
      floor = Math.max(floor, dropped)
      break
    }
  }

  const lastOf = (key: string): number => evictions.get(key)?.moment ?? floor

  return {
    next: () => (moment += 1),
    lastOf,
    of: key => evictions.get(key),
    mark(key, atMs) {
      moment += 1
      const before = evictions.get(key)
      set(key, {
        moment,
        atMs,
        expectedMs: before?.expectedMs ?? null,
        expectedAtMs: before?.expectedAtMs ?? -Infinity,
      })
    },
    expect(key, versionMs, atMs) {
      const before = evictions.get(key)
      set(key, {
        moment: lastOf(key),
        atMs: before?.atMs ?? -Infinity,
        expectedMs: Math.max(before?.expectedMs ?? versionMs, versionMs),
        expectedAtMs: atMs,
      })
    },
    markAll() {
      moment += 1
      evictions.clear()
      floor = moment
      all = moment
    },
    lastOfAll: () => all,
  }
}
