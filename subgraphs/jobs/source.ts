import type { RecordRef } from '../../schema/systems.ts'
import type { GraphContext, Wanted, WriteSteps, Written } from '../contract.ts'

export interface JobFields {
  readonly id: string
  /** The record itself, to ask the links for its customer and order. */
  readonly record: RecordRef
  readonly title: string | null
  readonly status: string | null
  readonly isCompleted: boolean | null
  readonly description: string | null
  readonly schedule: ScheduleFields | null
  readonly assignee: { readonly id: string; readonly name: string | null } | null
  readonly url: string | null
  readonly createdAt: Date | null
  readonly updatedAt: Date | null
  readonly completedAt: Date | null
}

/** Days as `YYYY-MM-DD`; where an instant is given its day is too. */
export interface ScheduleFields {
  readonly startsOn: string | null
  readonly startsAt: Date | null
  readonly endsOn: string | null
  readonly endsAt: Date | null
}

/** Fields to write: absent stays as it is, null empties. */
export interface JobPatch {
  readonly title?: string | null
  readonly description?: string | null
  readonly status?: string | null
  readonly schedule?: Partial<ScheduleFields> | null
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
