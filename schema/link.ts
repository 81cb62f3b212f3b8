import type { EntityRef, EntityType } from './entities.ts'
import type { RecordRef } from './systems.ts'

/**
 * Why we hold that a record is an entity, strongest first.
 * - `person`: somebody said so; nothing automatic changes it.
 * - `owner`: the record is the owner's own (its id is the entity's id).
 * - `merged`: the owner merged this record into the entity; its id is an alias.
 * - `explicit`: the record names the entity (Stripe metadata, an Asana custom field).
 * - `email`: the normalised e-mail is the same, and unique in the CRM.
 */
export const evidences = ['person', 'owner', 'merged', 'explicit', 'email'] as const

export type Evidence = (typeof evidences)[number]

/** "This entity is also that record." A record belongs to at most one entity; an entity has any number of records. */
export interface Link {
  readonly entity: EntityRef
  readonly record: RecordRef
  readonly evidence: Evidence
  readonly linkedAt: Date
}

/** "This record names that entity in a field": it belongs to the entity, and is not it. Its time is that of the record's last change. */
export interface Reference extends Link {
  /** In the words of the graph: `Job.customer`. */
  readonly field: string
}

/**
 * Why a record stands alone.
 * - `BIRTH`: a copy's record that names nobody, and whose e-mail the owner does not know.
 * - `AMBIGUOUS_EMAIL`: several entities have its e-mail.
 * - `UNKNOWN_REFERENCE`: it names an entity that does not exist (yet).
 */
export const unlinkedReasons = ['BIRTH', 'AMBIGUOUS_EMAIL', 'UNKNOWN_REFERENCE'] as const

export type UnlinkedReason = (typeof unlinkedReasons)[number]

/** A record that should belong to an entity of `entityType` and does not, with the reason and whoever it could be. */
export interface Unlinked {
  readonly record: RecordRef
  readonly entityType: EntityType
  readonly reason: UnlinkedReason
  readonly candidates: readonly EntityRef[]
  readonly since: Date
}
