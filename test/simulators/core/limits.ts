/** Limits as vendors enforce them. */

export interface WindowLimit {
  readonly limit: number
  readonly windowMs: number
  /** Whether requests over the limit count too, and so keep the door shut. */
  readonly countsRefused?: boolean
}

export interface SlidingWindow {
  /** Takes `cost` units. @returns 0 when there was room, else the milliseconds until there will be */
  take(key: string, cost?: number): number
  /** Units left. */
  remaining(key: string): number
}

/** At most `limit` units within any `windowMs`, by key (a token, an account). */
export function slidingWindow(
  { limit, windowMs, countsRefused = false }: WindowLimit,
  clock: () => Date,
): SlidingWindow {
  const taken = new Map<string, { at: number; cost: number }[]>()

  return {
    take(key, cost = 1) {
      const now = clock().getTime()
      const entries = current(key, now)
      const used = entries.reduce((sum, entry) => sum + entry.cost, 0)
      if (used + cost <= limit) {
        entries.push({ at: now, cost })
        return 0
      }
      if (countsRefused) {
        entries.push({ at: now, cost })
        // What is beyond twice the limit changes nothing for whoever waits.
        while (entries.length > limit * 2) entries.shift()
      }
      return Math.max(1, waitMs(entries, cost, now))
    },
    remaining(key) {
      const used = current(key, clock().getTime()).reduce((sum, entry) => sum + entry.cost, 0)
      return Math.max(0, limit - used)
    },
  }

  function current(key: string, now: number): { at: number; cost: number }[] {
    const entries = (taken.get(key) ?? []).filter(entry => entry.at > now - windowMs)
    taken.set(key, entries)
    return entries
  }

  function waitMs(entries: readonly { at: number; cost: number }[], cost: number, now: number): number {
    let over = entries.reduce((sum, entry) => sum + entry.cost, 0) + cost - limit
    for (const entry of entries) {
      over -= entry.cost
      if (over <= 0) return entry.at + windowMs - now
    }
    return windowMs
  }
}

export interface Gate {
  /** @returns lets go of the places again; null when there are not enough */
  enter(key: string, places?: number): (() => void) | null
}

/** At most `limit` at a time, by key. */
export function concurrencyGate(limit: number): Gate {
  const inside = new Map<string, number>()
  return {
    enter(key, places = 1) {
      const now = inside.get(key) ?? 0
      if (now + places > limit) return null
      inside.set(key, now + places)
      let hasLeft = false
      return () => {
        if (hasLeft) return
        hasLeft = true
        inside.set(key, (inside.get(key) ?? 0) - places)
      }
    },
  }
}
