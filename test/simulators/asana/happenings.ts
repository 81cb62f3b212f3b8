import type { Happening } from './records.ts'

/** What happened in the account, in order, for the event feed and the webhooks. */
export interface Happenings {
  append(happening: Omit<Happening, 'sequence' | 'at'>): void
  /** At most `limit` that bubble up to `scope`, after `sequence`. */
  since(scope: string, sequence: number, limit: number): readonly Happening[]
  lastSequence(): number
  /** Called at each append. @returns stops it */
  follow(listener: (happening: Happening) => void): () => void
}

/** Source: Asana API reference, events: retrievable for 24 hours. */
export const feedLifeMs = 24 * 3_600_000

export function createHappenings(clock: () => Date): Happenings {
  let kept: Happening[] = []
  let sequence = 0
  const listeners = new Set<(happening: Happening) => void>()

  return {
    append(happening) {
      sequence += 1
      const complete = { ...happening, sequence, at: clock() }
      forgetOld(complete.at)
      kept.push(complete)
      for (const listener of listeners) listener(complete)
    },
    since(scope, after, limit) {
      const found: Happening[] = []
      // Sequences have no holes, so the place of the next one is known.
      for (let at = Math.max(0, after + 1 - (kept[0]?.sequence ?? 0)); at < kept.length; at += 1) {
        const happening = kept[at]
        if (happening?.scopes.includes(scope)) found.push(happening)
        if (found.length === limit) break
      }
      return found
    },
    lastSequence: () => sequence,
    follow(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }

  function forgetOld(now: Date): void {
    const oldest = kept[0]
    // Seldom, so that it costs nothing; tokens are refused by their own age.
    if (oldest === undefined || kept.length % 1000 !== 0) return
    if (now.getTime() - oldest.at.getTime() < feedLifeMs) return
    kept = kept.filter(happening => now.getTime() - happening.at.getTime() < feedLifeMs)
  }
}
