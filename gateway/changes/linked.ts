import type { NewChange } from '../../schema/change.ts'
import type { EntityRef, EntityType } from '../../schema/entities.ts'
import { ownership, ownershipOf } from '../../schema/ownership.ts'
import type { Role } from '../../schema/systems.ts'
import type { LinkChange } from '../links/settle.ts'

/** Fields of an entity that depend on which records it is linked to; a job may name its customer by such a record. */
const linkedFields = ['links', 'orders', 'balances', 'paymentMethod', 'jobs'] as const

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

/**
 * What news of a copy's record change of its entity: fields that the copy's role owns, and its links. A name that was edited in a
 * copy is no change of the entity's name, which its owner alone decides.
 * @param fields as the system tells them; empty when it does not say which
 */
export function fieldsOfCopy(type: EntityType, role: Role, fields: readonly string[]): readonly string[] {
  const owned = fields.filter(field => ownershipOf(type, field)?.owner === role)
  if (owned.length > 0) return owned
  if (fields.length > 0) return ['links']
  const ofRole = Object.entries(ownership).flatMap(([name, { owner }]) =>
    owner === role && name.startsWith(`${type}.`) ? [name.slice(type.length + 1)] : [],
  )
  return ['links', ...ofRole]
}

/** The entity as a list of one, or none. */
export function refs(type: EntityRef['type'], id: string | null): readonly EntityRef[] {
  return id === null ? [] : [{ type, id }]
}
