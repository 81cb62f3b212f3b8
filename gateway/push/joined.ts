import { entityKey } from '../../schema/entities.ts'
import { sameRecord, type RecordRef } from '../../schema/systems.ts'
import type { ChangeFrame } from '../graph/subscription.ts'

/** Two updates of one entity, the second one told with the fields of both; null for what must be told apart. */
export function joined(earlier: ChangeFrame, later: ChangeFrame): ChangeFrame | null {
  if (earlier.entity === null || later.entity === null || entityKey(earlier.entity) !== entityKey(later.entity))
    return null
  if (earlier.change.kind !== 'UPDATED' || later.change.kind !== 'UPDATED' || later.field === 'changes') return null
  const fields = [earlier.change.fields, later.change.fields]
  // Where one does not say which, nobody knows.
  const isKnown = fields.every(names => names.length > 0)
  const isOneSystem = earlier.change.system === later.change.system
  const isOneRecord = isOneSystem && sameOrNull(earlier.change.record, later.change.record)
  return {
    ...later,
    change: {
      ...later.change,
      fields: isKnown ? [...new Set(fields.flat())] : [],
      system: isOneSystem ? later.change.system : null,
      record: isOneRecord ? later.change.record : null,
    },
  }
}

function sameOrNull(one: RecordRef | null, other: RecordRef | null): boolean {
  return one === null || other === null ? one === other : sameRecord(one, other)
}
