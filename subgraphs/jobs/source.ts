import type { RecordRef } from '../../schema/systems.ts'
import type { GraphContext, Wanted, WriteSteps, Written } from '../contract.ts'
import type { Field } from '../lenient.ts'

/** What the jobs system says of a job; a field that it does not understand fails alone. */
export interface JobFields {
  readonly id: string
  /** The record itself, to ask the links for its customer and order. */
  readonly record: RecordRef
  readonly title: Field<string>
  readonly status: Field<string>
  readonly isCompleted: Field<boolean>
  readonly description: Field<string>
  readonly schedule: Field<ScheduleFields>
  readonly assignee: Field<AssigneeFields>
  readonly url: Field<string>
  readonly createdAt: Field<Date>
  readonly updatedAt: Field<Date>
  readonly completedAt: Field<Date>
}

/**
 * Days as `YYYY-MM-DD` and instants, as the jobs system has them. Where it has both for one end, the day is the instant's in a zone of the
 * system's choice.
 */
export interface ScheduleFields {
  readonly startsOn: Field<string>
  readonly startsAt: Field<Date>
  readonly endsOn: Field<string>
  readonly endsAt: Field<Date>
}

export interface AssigneeFields {
  readonly id: string
  readonly name: Field<string>
}

/** A start and an end to write: a day or an instant for each. */
export interface SchedulePatch {
  readonly startsOn?: string | null
  readonly startsAt?: Date | null
  readonly endsOn?: string | null
  readonly endsAt?: Date | null
}

/** Fields to write: absent stays as it is, null empties. */
export interface JobPatch {
  readonly title?: string | null
  readonly description?: string | null
  readonly status?: string | null
  readonly schedule?: SchedulePatch | null
  readonly assigneeId?: string | null
  readonly customerId?: string | null
  readonly orderId?: string | null
}

/** What any jobs system must answer. Throws VendorError. */
export interface JobsSource {
  readonly system: string
  /** @returns null when there is no such job */
  job(wanted: Wanted, context: GraphContext): Promise<JobFields | null>
  create(
    fields: JobPatch & { readonly title: string },
    context: GraphContext,
    steps: WriteSteps,
  ): Promise<readonly [Written, ...Written[]]>
  update(id: string, patch: JobPatch, context: GraphContext): Promise<readonly [Written, ...Written[]]>
  complete(id: string, context: GraphContext): Promise<readonly [Written, ...Written[]]>
}
