import type { NewChange } from '../../schema/change.ts'
import type { EntityRef } from '../../schema/entities.ts'
import type { LinkChange } from '../links/settle.ts'

/** Fields of an entity that depend on which records it is linked to. */
const linkedFields = ['links', 'orders', 'balances', 'paymentMethod'] as const

/** The Change that tells of a link. */
export function linkedChange({ record, entity: type, before, after }: LinkChange, now: Date): NewChange {
  const parentsBefore = refs(type, before)
  const parentsAfter = refs(type, after)
  return {
    kind: 'LINKED',
    record,
    entity: parentsAfter[0] ?? parentsBefore[0] ?? null,
    fields: linkedFields,
    parentsBefore,
    parentsAfter,
    statusBefore: null,
    statusAfter: null,
    at: now,
  }
}

/** The entity as a list of one, or none. */
export function refs(type: EntityRef['type'], id: string | null): readonly EntityRef[] {
  return id === null ? [] : [{ type, id }]
}
