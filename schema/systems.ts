import type { EntityType } from './entities.ts'

/** What a system is for. One role is one subgraph, and the role's name is the subgraph's name. */
export const roles = ['crm', 'billing', 'jobs'] as const

export type Role = (typeof roles)[number]

/** A field's owner: a role, or `live`, the subgraph this product answers itself (links, changes, ownership). */
export type Owner = Role | 'live'

export function isRole(text: string): text is Role {
  return roles.some(role => role === text)
}

/** The SaaS product that plays a role, by its lower-case name: `hubspot`, `stripe`, `asana`. */
export type System = string

/** A row in a system. `kind` is the system's own word (`contact`, `invoice`, `task`). */
export interface RecordRef {
  readonly system: System
  readonly kind: string
  readonly id: string
}

/** One string a record, for maps. Systems and kinds hold no colon, so it is unambiguous whatever the id holds. */
export function recordKey(ref: RecordRef): string {
  return `${ref.system}:${ref.kind}:${ref.id}`
}

export function sameRecord(a: RecordRef, b: RecordRef): boolean {
  return a.id === b.id && a.kind === b.kind && a.system === b.system
}

/**
 * What records of one kind are in the graph.
 * - `owner`: the record is the entity; its id is the entity's id.
 * - `copy`: the record is one of the records an entity is linked to.
 * - `mentioned`: the record is no entity; records of the same system show its name: a task that of its section.
 */
export type RecordKind = EntityKind | MentionedKind

export interface EntityKind {
  readonly kind: string
  readonly entity: EntityType
  readonly as: 'owner' | 'copy'
  /** Where records of another kind of the same system show its name too: an order that of its products. */
  readonly shownBy?: ShownBy
}

export interface ShownBy {
  /** What the records that show the name are. */
  readonly entity: EntityType
  /** Their fields that show it. */
  readonly fields: readonly string[]
  /** The named record's own fields that the name stands in: news of others rename nothing. */
  readonly nameFields: readonly string[]
  /** Whether they hold the name themselves; otherwise it is read from the named record when it is shown. */
  readonly isHeld?: boolean
}

export interface MentionedKind {
  readonly kind: string
  /** What the records that mention it are. */
  readonly entity: EntityType
  readonly as: 'mentioned'
  /** The entity's fields that show the name. */
  readonly fields: readonly string[]
  /** Whether those who mention it do not hold the name: it is read from the mentioned record when it is shown. */
  readonly isReadApart?: boolean
  /** Whether the name is the entity's status in the record index. */
  readonly isStatus?: boolean
  /** Whether an entity exists only within records of this kind: a job in its project. */
  readonly isContainer?: boolean
}
