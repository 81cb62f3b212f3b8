import type { DeliveryEntry, Hint, WebhookAdapter } from '../../subgraphs/contract.ts'
import type { System } from '../../schema/systems.ts'
import type { ReplayedEntry, ReplayWrite } from '../store/replays.ts'
import { writeHints } from '../store/hints.ts'

/** Why a replay leaves an entry as it is. */
export const untouchedReasons = {
  processed: 'it is done, and says now what it said then',
  held: 'it is being worked on',
  unreadable: 'it still cannot be read',
  forgotten: 'its request is no longer kept',
} as const

export type UntouchedReason = keyof typeof untouchedReasons

/** What a replay does with an entry. */
export type ReplayPlan =
  | { readonly do: 'nothing'; readonly because: UntouchedReason }
  /** It is due again, with what its request says as it is read today. */
  | { readonly do: 'again'; readonly hints: readonly Hint[] }
  /** It had no key of its own while it could not be read: these take its place. */
  | { readonly do: 'instead'; readonly entries: readonly DeliveryEntry[] }

/**
 * What a replay does. Pure. What is done and is read today as it was read then has no effect; whoever fears that a record was missed
 * lists it anew.
 * @param adapter null for a system that is not connected any more
 */
export function planReplay(entry: ReplayedEntry, adapter: WebhookAdapter | null): ReplayPlan {
  if (entry.isHeld) return { do: 'nothing', because: 'held' }
  const read = readAgain(entry, adapter)
  const same = read?.find(({ key }) => key === entry.key)
  if (entry.state === 'done') {
    if (same === undefined || !('hints' in same) || entry.hints === null) return { do: 'nothing', because: 'processed' }
    if (writeHints(same.hints) === writeHints(entry.hints)) return { do: 'nothing', because: 'processed' }
    return { do: 'again', hints: same.hints }
  }
  if (same !== undefined && 'hints' in same) return { do: 'again', hints: same.hints }
  const known = entry.hints !== null && entry.hints.length > 0 ? entry.hints : null
  if (read === null) {
    return known === null ? { do: 'nothing', because: 'forgotten' } : { do: 'again', hints: known }
  }
  if (same === undefined) {
    // The key of what cannot be read is made of its bytes; readable it has its own.
    const instead = entry.isWhole ? read : read.slice(entry.position, entry.position + 1)
    if (instead.some(one => 'hints' in one)) return { do: 'instead', entries: instead }
  }
  return known === null ? { do: 'nothing', because: 'unreadable' } : { do: 'again', hints: known }
}

/** @returns null when the request is no longer kept; empty when it cannot be read */
function readAgain({ raw }: ReplayedEntry, adapter: WebhookAdapter | null): readonly DeliveryEntry[] | null {
  if (raw === null) return null
  try {
    const read = adapter?.read(raw)
    return read !== undefined && 'entries' in read ? read.entries : []
  } catch {
    return []
  }
}

export interface Planned {
  readonly id: number
  readonly system: System
  readonly plan: ReplayPlan
}

/** What is written for a plan; null for nothing. */
export function writeOf(entry: ReplayedEntry, plan: ReplayPlan): ReplayWrite | null {
  return plan.do === 'nothing' ? null : { entry, ...plan }
}

/** The hints that would be worked on. */
export function hintsOfPlan(plan: ReplayPlan): readonly Hint[] {
  if (plan.do === 'nothing') return []
  return plan.do === 'again' ? plan.hints : plan.entries.flatMap(entry => ('hints' in entry ? entry.hints : []))
}
