import type { ChangeKind } from '../../schema/change.ts'
import { recordKey, sameRecord, type RecordRef } from '../../schema/systems.ts'
import type { Hint, ObservedRecord } from '../../subgraphs/contract.ts'
import type { Observation } from '../changes/observe.ts'
import type { StoredHint } from '../store/hints.ts'

/** A vendor may date its news a little later than the record they are about. */
const clockGapMs = 100

/** One hint a record: the union of the fields, the latest time, and the kind that says most. */
export function merge(entries: readonly { readonly hints: readonly StoredHint[] }[]): readonly StoredHint[] {
  const merged = new Map<string, StoredHint>()
  for (const hint of entries.flatMap(entry => entry.hints)) {
    const key = recordKey(hint.record)
    const known = merged.get(key)
    if (known === undefined) {
      merged.set(key, hint)
      continue
    }
    const isSilent = known.fields.length === 0 || hint.fields.length === 0
    const saysNothing = (one: Hint): boolean => one.kind === 'UPDATED' && one.fields.length === 0
    merged.set(key, {
      ...known,
      kind: strongest(known.kind, hint.kind),
      // "Something changed" beside named fields leaves the named ones unsure.
      fields:
        isSilent && (saysNothing(known) || saysNothing(hint)) ? [] : [...new Set([...known.fields, ...hint.fields])],
      at: latest(known.at, hint.at),
      isEcho: known.isEcho === true && hint.isEcho === true,
      isApplied: known.isApplied === true && hint.isApplied === true,
      mergedInto: hint.mergedInto ?? known.mergedInto,
    })
  }
  return [...merged.values()]
}

const strength: readonly ChangeKind[] = ['LINKED', 'UPDATED', 'CREATED', 'DELETED']

function strongest(a: ChangeKind, b: ChangeKind): ChangeKind {
  return strength.indexOf(a) >= strength.indexOf(b) ? a : b
}

function latest(a: Date | null, b: Date | null): Date | null {
  if (a === null) return b
  return b === null || a.getTime() >= b.getTime() ? a : b
}

/** What a hint comes to, once the record it names is read. */
export interface Outcome {
  readonly observations: readonly Observation[]
  /** Whether the vendor does not show yet what it has told: some answer from copies that lag behind their own news. */
  readonly isBehind: boolean
  /** Why the hint has no effect, where the vendor's own answer speaks against it. It may be behind: then it is read again. */
  readonly refuted?: string
}

type Read = (record: RecordRef) => Promise<ObservedRecord | null>

export async function outcomeOf(hint: Hint, read: Read, readAfter?: number): Promise<Outcome> {
  const { record, kind, fields, at, isEcho, mergedInto, foundIn } = hint
  if (mergedInto !== undefined) return outcomeOfMerge(hint, mergedInto, read, readAfter)
  const origin = foundIn === 'listing' ? ('sweep' as const) : undefined
  const observed = await read(record)
  if (observed !== null && !sameRecord(observed.record, record)) {
    // It was merged, and that news comes later or never: the winner names its former ids, and so tells of the merge.
    const winner = {
      record: observed.record,
      observed,
      kind: 'UPDATED' as const,
      fields: [],
      at: null,
      origin,
      readAfter,
    }
    return { observations: [winner], isBehind: false }
  }
  const observation = { record, observed, kind, fields, at, isEcho, origin, readAfter }
  return { observations: [observation], isBehind: isBehind(hint, observed) }
}

/**
 * A merge cannot be undone here, so the vendor has to show it: the retired id answers with another record, or the winner names it among
 * its former ids. The record that answers is the winner, whatever the notification says: it may have been merged itself since.
 */
async function outcomeOfMerge(
  { record, kind, fields, at }: Hint,
  told: RecordRef,
  read: Read,
  readAfter: number | undefined,
): Promise<Outcome> {
  const [observed, winner] = await Promise.all([read(record), read(told)])
  const shown =
    observed !== null && !sameRecord(observed.record, record)
      ? observed
      : winner !== null && !sameRecord(winner.record, record) && winner.formerIds?.includes(record.id) === true
        ? winner
        : null
  if (shown !== null) {
    const merge = { record, observed: null, kind, fields, at, mergedInto: shown.record, readAfter }
    // The hint about the winner that was told is not about this one.
    const other = { record: shown.record, observed: shown, kind: 'UPDATED' as const, fields: [], at: null, readAfter }
    return { observations: sameRecord(shown.record, told) ? [merge] : [merge, other], isBehind: false }
  }
  const [loserName, winnerName] = [`${record.kind} ${record.id}`, `${told.kind} ${told.id}`]
  if (observed !== null) {
    // As a listing shows it: what is known already is no news.
    const itself = {
      record,
      observed,
      kind: 'UPDATED' as const,
      fields: [],
      at: null,
      origin: 'sweep' as const,
      readAfter,
    }
    return {
      observations: [itself],
      isBehind: true,
      refuted: `${record.system}: told that ${loserName} was merged into ${winnerName}, but ${loserName} still answers as itself: nothing was merged; replay this delivery once ${record.system} shows the merge`,
    }
  }
  const gone = { record, observed, kind, fields, at, readAfter }
  if (winner === null) return { observations: [gone], isBehind: false }
  return {
    observations: [gone],
    isBehind: true,
    refuted: `${record.system}: told that ${loserName} was merged into ${winnerName}, but ${loserName} is gone and ${winnerName} does not name it: it counts as deleted; replay this delivery once ${record.system} shows the merge`,
  }
}

function isBehind({ kind, at, isEcho }: Hint, observed: ObservedRecord | null): boolean {
  if (isEcho === true) return false
  if (observed === null) return kind === 'CREATED'
  const { updatedAt } = observed
  if (kind === 'DELETED') return at === null || updatedAt === null || updatedAt.getTime() <= at.getTime()
  return at !== null && updatedAt !== null && at.getTime() - updatedAt.getTime() > clockGapMs
}
