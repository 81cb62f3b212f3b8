import type { ExecutionResult } from 'graphql'
import { entityKey, type EntityRef } from '../../schema/entities.ts'
import type { Reads } from '../cache/reads.ts'
import type { ChangeFrame, SubscriptionRequest } from '../graph/subscription.ts'
import { fingerprintOf, valuesOf, type Values } from './told.ts'

export type FrameResult = ExecutionResult<Record<string, unknown>, Record<string, unknown>>

/** An accepted subscription: what it asks for, and how one frame of it is executed through the graph. */
export interface Subscription {
  readonly request: SubscriptionRequest
  /** Never rejects: faults are errors of the result. */
  execute(frame: ChangeFrame): Promise<Executed>
}

export interface Executed {
  readonly result: FrameResult
  readonly reads: Reads
}

/** A frame as it is sent to any number of equal subscribers, and what tells whether one of them has it already. */
export interface Frame {
  /** Whether it says once more what an earlier one could not say in full. */
  readonly isRepeat: boolean
  readonly sequence: number
  readonly key: string | null
  readonly fingerprint: string | null
  /** The entity's selected fields with their values, by the names that Changes have for them. */
  readonly values: Values
  /** The fields that the Change names; null when it names none, so that it tells of all. */
  readonly named: ReadonlySet<string> | null
  /** What it was executed for. */
  readonly about: ChangeFrame
  readonly reads: Reads
  readonly result: FrameResult
}

export function frameOf(
  { topic, shape }: SubscriptionRequest,
  about: ChangeFrame,
  { result, reads }: Executed,
  isRepeat: boolean,
): Frame {
  const { change, subject } = about
  const entity = topic.kind === 'entity' ? topic.entity : subject
  return {
    isRepeat,
    about,
    reads,
    sequence: change.sequence,
    key: topic.kind === 'feed' || entity === null ? null : entityKey(entity),
    fingerprint: shape.selectsEntity && change.kind !== 'GAP' ? fingerprintOf(result, shape) : null,
    values: valuesOf(result.data, shape),
    named: change.fields.length === 0 ? null : new Set([...change.fields, 'updatedAt']),
    result,
  }
}

/** The subject decides: it is known before anything is looked up. */
export function laneOf({ topic }: SubscriptionRequest, subject: EntityRef | null): string {
  if (topic.kind === 'entity') return entityKey(topic.entity)
  return subject === null ? '' : entityKey(subject)
}
