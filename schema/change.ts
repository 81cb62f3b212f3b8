import type { EntityRef } from './entities.ts'
import type { RecordRef } from './systems.ts'

export const changeKinds = ['CREATED', 'UPDATED', 'DELETED', 'LINKED'] as const

/** What happened to a record. */
export type ChangeKind = (typeof changeKinds)[number]

/**
 * "This record was created, updated, deleted or linked; these fields; these parents before and after; at that time."
 * Never values. Changes are kept in one log; `sequence` is their order and equals the order of commit.
 */
export interface Change {
  readonly sequence: number
  readonly kind: ChangeKind
  readonly record: RecordRef
  /** The entity the record is or belongs to; null for a record that has none (a birth). */
  readonly entity: EntityRef | null
  /** Names of the entity's fields that changed; empty when the system did not say which. */
  readonly fields: readonly string[]
  /** The entities whose lists held the record before, and those that hold it now. */
  readonly parentsBefore: readonly EntityRef[]
  readonly parentsAfter: readonly EntityRef[]
  /** The record's status in the words of the graph, before and after; null where it has none. */
  readonly statusBefore: string | null
  readonly statusAfter: string | null
  /** When it happened, by the system's clock where it says. */
  readonly at: Date
  /** When it was appended, by the store's clock. */
  readonly recordedAt: Date
  /** What led to it, in the form of a W3C traceparent; absent unless that is traced. */
  readonly traceparent?: string
  /** When the webhook came that told of its record, by the store's clock; absent where something else did. */
  readonly heardAt?: Date
  /** The record whose name this one shows otherwise now; absent where something else changed. */
  readonly renamed?: RecordRef
}

export type NewChange = Omit<Change, 'sequence' | 'recordedAt'>

/**
 * What a subscriber is told: a Change's kind, or
 * - `CURRENT`: the first frame, the value as it is now;
 * - `GAP`: the cursor is older than the log keeps; what lies between is unknown, a `CURRENT` follows.
 */
export type PushKind = ChangeKind | 'CURRENT' | 'GAP'
