import type { ChangeKind } from '../../schema/change.ts'
import { recordKey, sameRecord, type RecordRef } from '../../schema/systems.ts'
import type { Hint, ObservedRecord } from '../../subgraphs/contract.ts'
import type { Observation } from '../changes/observe.ts'

/** A vendor may date its news a little later than the record they are about. */
const clockGapMs = 100

/** One hint a record: the union of the fields, the latest time, and the kind that says most. */
export function merge(entries: readonly { readonly hints: readonly Hint[] }[]): readonly Hint[] {
  const merged = new Map<string, Hint>()
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
export async function observationOf(
  { record, kind, fields, at, isEcho, mergedInto, foundIn }: Hint,
  read: (record: RecordRef) => Promise<ObservedRecord | null>,
  readAfter?: number,
): Promise<Observation> {
  const origin = foundIn === 'listing' ? 'sweep' : undefined
  // A merged record's id answers with the winner: it must not be read as itself.
  const observed = mergedInto === undefined ? await read(record) : null
  if (observed !== null && !sameRecord(observed.record, record)) {
    // It was merged, and that news comes later or never: the winner names its former ids, and so tells of the merge.
    return { record: observed.record, observed, kind: 'UPDATED', fields: [], at: null, origin, readAfter }
  }
  return { record, observed, kind, fields, at, isEcho, mergedInto, origin, readAfter }
}

/** Whether the vendor does not show yet what it has told: some answer from copies that lag behind their own news. */
export function isBehind(
  { kind, at, mergedInto, isEcho, record }: Hint,
  observation: Observation | undefined,
): boolean {
  if (observation === undefined || mergedInto !== undefined || isEcho === true) return false
  const { observed } = observation
  if (observed === null) return kind === 'CREATED'
  if (!sameRecord(observed.record, record)) return false
  const { updatedAt } = observed
  if (kind === 'DELETED') return at === null || updatedAt === null || updatedAt.getTime() <= at.getTime()
  return at !== null && updatedAt !== null && at.getTime() - updatedAt.getTime() > clockGapMs
}
