import { VendorError } from '../../vendor-error.ts'
import { understood, type Field } from '../../lenient.ts'
import type { JobPatch, SchedulePatch } from '../source.ts'
import type { TaskData } from './client.ts'
import { isGid } from './config.ts'
import { scheduleOf } from './mapping.ts'
import type { JobShape } from './mapping.ts'
import type { Task } from './records.ts'

/**
 * A patch in Asana's words, its status aside.
 * @param before the task as it is; null for one that is being created
 * @throws VendorError `rejected` with what is wrong in the input
 */
export function taskDataOf(patch: JobPatch, before: Task | null, shape: JobShape): TaskData {
  const customFields = {
    ...(patch.customerId === undefined ? {} : { [shape.customerField]: patch.customerId }),
    ...(patch.orderId === undefined ? {} : { [orderFieldOf(shape)]: patch.orderId }),
  }
  return {
    ...(patch.title === undefined ? {} : { name: patch.title ?? '' }),
    ...(patch.description === undefined ? {} : { notes: patch.description ?? '' }),
    ...(patch.assigneeId === undefined ? {} : { assignee: assigneeOf(patch.assigneeId) }),
    ...(patch.schedule === undefined ? {} : scheduleData(patch.schedule, before)),
    ...(Object.keys(customFields).length === 0 ? {} : { custom_fields: customFields }),
  }
}

/** Names of the Job's fields a patch writes. */
export function fieldsOf(patch: JobPatch): readonly string[] {
  return Object.entries(patch)
    .filter(([, value]) => value !== undefined)
    .map(([name]) => name.replace(/Id$/, ''))
}

function orderFieldOf(shape: JobShape): string {
  if (shape.orderField !== null) return shape.orderField
  throw fault('orderId: jobs have no field for orders here; the operator of the gateway sets ASANA_ORDER_FIELD')
}

/** Asana takes addresses and "me" too; the graph speaks of ids alone. */
function assigneeOf(id: string | null): string | null {
  if (id === null || isGid(id)) return id
  throw fault('assigneeId: expected the id of a user in Asana (digits)')
}

/** One end of a schedule: a day, an instant, or open. */
type Moment = { readonly on: string } | { readonly at: Date } | null

/**
 * Asana takes a day or an instant for each end; a start only beside an end, and a start with a time of day only beside
 * an end with one. What the patch leaves alone is sent as it is.
 * Source: Asana API reference, tasks, `start_on` and `start_at`.
 */
function scheduleData(schedule: SchedulePatch | null, before: Task | null): TaskData {
  const current = before === null ? null : scheduleOf(before)
  const startGiven = schedule === null ? null : momentGiven(schedule.startsOn, schedule.startsAt)
  const endGiven = schedule === null ? null : momentGiven(schedule.endsOn, schedule.endsAt)
  if (startGiven === undefined && endGiven === undefined) return {}
  const start = startGiven === undefined ? momentNow(current?.startsOn, current?.startsAt) : startGiven
  const end = endGiven === undefined ? momentNow(current?.endsOn, current?.endsAt) : endGiven

  if (start !== null && end === null) throw fault('schedule: a job that has a start needs an end')
  if (start !== null && 'at' in start && !(end !== null && 'at' in end)) {
    throw fault('schedule: a start with a time of day needs an end with a time of day (endsAt)')
  }
  if (start !== null && end !== null && isAfter(start, end)) {
    throw fault(
      'schedule: expected an end at or after the start, got one before it; where only one of them was given, the other is the present one of the job',
    )
  }
  const due = data('due', end)
  const hasStart = current !== null && (current.startsOn !== null || current.startsAt !== null)
  if (start === null && !hasStart) return due
  return { ...due, ...data('start', start) }
}

/**
 * A day and an instant are compared only where that is sure: an instant falls on three days, by where one is, and no one says in which zone
 * the day is.
 */
function isAfter(start: NonNullable<Moment>, end: NonNullable<Moment>): boolean {
  if ('at' in start && 'at' in end) return start.at.getTime() > end.at.getTime()
  return daysOf(start).first > daysOf(end).last
}

function daysOf(moment: NonNullable<Moment>): { readonly first: string; readonly last: string } {
  if ('on' in moment) return { first: moment.on, last: moment.on }
  const dayAfter = (days: number): string => new Date(moment.at.getTime() + days * dayMs).toISOString().slice(0, 10)
  return { first: dayAfter(-1), last: dayAfter(1) }
}

const dayMs = 86_400_000

function data(name: 'due' | 'start', moment: Moment): TaskData {
  if (moment !== null && 'at' in moment) return { [`${name}_at`]: moment.at.toISOString() }
  return { [`${name}_on`]: moment === null ? null : moment.on }
}

/** @returns undefined when the patch does not speak of this end, null when it empties it */
function momentGiven(on: string | null | undefined, at: Date | null | undefined): Moment | undefined {
  return on === undefined && at === undefined ? undefined : momentOf(on, at)
}

/** What the job has. @throws NotUnderstood where that cannot be told */
function momentNow(on: Field<string> | undefined, at: Field<Date> | undefined): Moment {
  return momentOf(understood(on ?? null), understood(at ?? null))
}

function momentOf(on: string | null | undefined, at: Date | null | undefined): Moment {
  if (at instanceof Date) return { at }
  return typeof on === 'string' ? { on } : null
}

function fault(inputFault: string): VendorError {
  return new VendorError('asana', 'rejected', 'the input cannot be put into its words', { inputFault })
}
