import type { EntityRef, EntityType } from './entities.ts'
import type { RecordRef } from './systems.ts'

/**
 * Why a record was linked to an entity, strongest first. A link stays until the record names another living entity, a person
 * decides, or the entity vanishes; it may outlive the reason it was made for.
 * - `person`: a person said so; nothing automatic changes it.
 * - `owner`: the record is the owner's own (its id is the entity's id).
 * - `merged`: the owner merged this record into the entity; its id is an alias.
 * - `explicit`: the record names the entity (Stripe metadata, an Asana custom field).
 * - `email`: the record has an e-mail address of the entity, and no other entity has it.
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
 * Why it is in question to which entity a record belongs.
 * - `BIRTH`: a copy's record that names no entity, and whose e-mail the owner does not know.
 * - `AMBIGUOUS_EMAIL`: several entities have its e-mail.
 * - `AMBIGUOUS_NUMBER`: several orders bear the number that it names.
 * - `UNKNOWN_REFERENCE`: it names an entity or a record that does not exist (yet, or any more).
 * - `CONTRADICTED`: it belongs to an entity, and its e-mail, or the number that it names, is another's now.
 */
export const unlinkedReasons = [
  'BIRTH',
  'AMBIGUOUS_EMAIL',
  'AMBIGUOUS_NUMBER',
  'UNKNOWN_REFERENCE',
  'CONTRADICTED',
] as const

export type UnlinkedReason = (typeof unlinkedReasons)[number]

/** A record whose entity of `entityType` is in question, with the reason and the entities it could belong to. */
export interface Unlinked {
  readonly record: RecordRef
  readonly entityType: EntityType
  /** The entity it belongs to at present; null for none. */
  readonly entity: EntityRef | null
  readonly reason: UnlinkedReason
  readonly candidates: readonly EntityRef[]
  readonly since: Date
}
