import type { RecordRef } from '../../../schema/systems.ts'
import type { Mention, ObservedRecord, ParentReference } from '../../contract.ts'
import {
  firstField,
  isUnderstood,
  mapField,
  NotUnderstood,
  understoodIn,
  valueOrNull,
  type Field,
} from '../../lenient.ts'
import type { JobFields, ScheduleFields } from '../source.ts'
import type { AsanaConfig } from './config.ts'
import type { Named, ObservedTask, Task } from './records.ts'

/** What of the settings says how a task is read. */
export type JobShape = Pick<AsanaConfig, 'projects' | 'customerField' | 'orderField' | 'statusField'>

export function taskRef(gid: string): RecordRef {
  return { system: 'asana', kind: 'task', id: gid }
}

/** Asana does not say where the task stands. */
export const notSaid = Symbol('not said')

/** Kinds of records whose names tasks show, and the projects they stand in. */
export const mentionedKinds = ['section', 'enum_option', 'user', 'project'] as const

export type MentionedKind = (typeof mentionedKinds)[number]

export function mentionedRef(kind: MentionedKind, gid: string): RecordRef {
  return { system: 'asana', kind, id: gid }
}

/**
 * The first of the configured projects the task stands in; null when it stands in none and so is no job. Where it is not said, or not
 * understood, where the task stands, it stays the job it was.
 */
export function projectOf(task: ObservedTask, shape: JobShape): Field<string> | typeof notSaid {
  const { memberships } = task
  if (memberships === null) return notSaid
  if (!isUnderstood(memberships)) return memberships
  const found = shape.projects.find(gid => membershipIn(task, gid) !== undefined)
  return found ?? damagedIn(memberships, ({ project }) => project) ?? null
}

/** What the index keeps. Null when the task is no job. */
export function observedOf(task: ObservedTask, shape: JobShape): ObservedRecord | null {
  if (projectOf(task, shape) === null) return null
  return {
    record: taskRef(task.gid),
    parents: parentsOf(task, shape),
    status: valueOrNull(statusOf(task, shape)),
    isClosed: valueOrNull(task.completed),
    createdAt: valueOrNull(task.created_at),
    updatedAt: valueOrNull(task.modified_at),
    email: null,
    names: null,
    values: valuesOf(task),
    mentions: mentionsOf(task, shape),
  }
}

export function jobOf(task: Task, shape: JobShape): JobFields {
  return {
    id: task.gid,
    record: taskRef(task.gid),
    title: mapField(task.name, textOf),
    status: statusOf(task, shape),
    isCompleted: task.completed,
    description: mapField(task.notes, textOf),
    schedule: scheduleOf(task),
    assignee: mapField(task.assignee, ({ gid, name }) => ({ id: gid, name: mapField(name, textOf) })),
    url: mapField(task.permalink_url, webAddress),
    createdAt: task.created_at,
    updatedAt: task.modified_at,
    completedAt: task.completed_at,
  }
}

/**
 * Null when nothing is planned. A day is only what Asana says is one: beside an instant it is the day in a zone of Asana's choice, which
 * no one can tell from the instant. Source: Asana developer documentation, dates and times.
 */
export function scheduleOf(task: ObservedTask): ScheduleFields | null {
  const schedule = {
    startsOn: task.start_on,
    startsAt: task.start_at,
    endsOn: task.due_on,
    endsAt: task.due_at,
  }
  return Object.values(schedule).every(part => part === null) ? null : schedule
}

/** A record as it is shown: names may be missing or empty, and then its gid says which one it is. */
export function shownName({ gid, name }: Named): Field<string> {
  return isUnderstood(name) ? (textOf((name ?? '').trim()) ?? gid) : name
}

export function statusOf(task: ObservedTask, shape: JobShape): Field<string> {
  return mapField(stageOf(task, shape), shownName)
}

/** The section or enum option that is the job's stage. */
export function stageOf(task: ObservedTask, shape: JobShape): Field<Named> {
  if (shape.statusField !== null) return mapField(fieldIn(task, shape.statusField), field => field.enum_value)
  return mapField(knownProject(task, shape), project => membershipIn(task, project)?.section ?? null)
}

/** What the index filters by; absent where it is not understood. */
function valuesOf(task: ObservedTask): NonNullable<ObservedRecord['values']> {
  const schedule = scheduleOf(task)
  const startsOn = task.start_on
  const endsOn = task.due_on
  const areDays = isUnderstood(startsOn) && isUnderstood(endsOn)
  const { assignee } = task
  return {
    ...(areDays && { schedule: schedule === null ? null : { startsOn, endsOn } }),
    ...(isUnderstood(assignee) && { assigneeId: assignee?.gid ?? null }),
  }
}

/** What the task shows names of, and the projects it is a job in. */
function mentionsOf(task: ObservedTask, shape: JobShape): readonly Mention[] {
  const stage = valueOrNull(stageOf(task, shape))
  const assignee = valueOrNull(task.assignee)
  const kind = shape.statusField === null ? 'section' : 'enum_option'
  const mention = (of: MentionedKind, gid: string, name: string | null): Mention => ({
    record: mentionedRef(of, gid),
    ...(name !== null && { name }),
  })
  return [
    ...shape.projects.filter(gid => membershipIn(task, gid) !== undefined).map(gid => mention('project', gid, null)),
    ...(stage === null ? [] : [mention(kind, stage.gid, valueOrNull(shownName(stage)))]),
    ...(assignee === null ? [] : [mention('user', assignee.gid, valueOrNull(userName(assignee)))]),
  ]
}

/** People without a name are shown as such, so that theirs is the empty one. */
export function userName({ name }: Named): Field<string> {
  return isUnderstood(name) ? (name ?? '') : name
}

/** Null where it cannot be told whom the work is for: what was known stays. */
function parentsOf(task: ObservedTask, shape: JobShape): readonly ParentReference[] | null {
  const customer = referenceIn(task, shape.customerField)
  const order = shape.orderField === null ? null : referenceIn(task, shape.orderField)
  if (!isUnderstood(customer) || !isUnderstood(order)) return null
  return [
    ...(customer === null ? [] : [{ entity: 'Customer', reference: customer } as const]),
    ...(order === null ? [] : [{ entity: 'Order', reference: order } as const]),
  ]
}

/** People type these: white space around them means nothing. */
function referenceIn(task: ObservedTask, gid: string): Field<string> {
  const value = mapField(fieldIn(task, gid), field => firstField(field.text_value, field.display_value))
  return mapField(value, text => textOf(text.trim()))
}

/** A custom field of the task; null when it has no such field. */
export function fieldIn(task: ObservedTask, gid: string) {
  return mapField(task.custom_fields, fields => {
    const found = understoodIn(fields).find(field => field.gid === gid)
    return found ?? damagedIn(fields, () => null) ?? null
  })
}

function knownProject(task: ObservedTask, shape: JobShape): Field<string> {
  const project = projectOf(task, shape)
  return project === notSaid ? null : project
}

function membershipIn(task: ObservedTask, project: string) {
  const memberships = isUnderstood(task.memberships) ? (task.memberships ?? []) : []
  return understoodIn(memberships).find(membership => valueOrNull(membership.project)?.gid === project)
}

/** The first element of a list that is not understood, or has a part that is not. */
function damagedIn<T>(list: readonly (T | NotUnderstood)[], partOf: (element: T) => Field<unknown>) {
  for (const one of list) {
    if (one instanceof NotUnderstood) return one
    const part = partOf(one)
    if (!isUnderstood(part)) return part
  }
  return null
}

/** Asana has empty text where nothing was written. */
function textOf(text: string): string | null {
  return text === '' ? null : text
}

function webAddress(text: string): string | null {
  return /^https?:\/\//.test(text) && URL.canParse(text) ? text : null
}
