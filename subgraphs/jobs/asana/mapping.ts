import type { RecordRef } from '../../../schema/systems.ts'
import type { ObservedRecord, ParentReference } from '../../contract.ts'
import type { JobFields, ScheduleFields } from '../source.ts'
import type { AsanaConfig } from './config.ts'
import type { ObservedTask, Task } from './records.ts'

/** What of the settings says how a task is read. */
export type JobShape = Pick<AsanaConfig, 'projects' | 'customerField' | 'orderField' | 'statusField'>

export function taskRef(gid: string): RecordRef {
  return { system: 'asana', kind: 'task', id: gid }
}

/** The first of the configured projects the task stands in; null when it stands in none and so is no job. */
export function projectOf(task: ObservedTask, shape: JobShape): string | null {
  return shape.projects.find(gid => membershipIn(task, gid) !== undefined) ?? null
}

/** What the index keeps. Null when the task is no job. */
export function observedOf(task: ObservedTask, shape: JobShape): ObservedRecord | null {
  if (projectOf(task, shape) === null) return null
  return {
    record: taskRef(task.gid),
    parents: parentsOf(task, shape),
    status: statusOf(task, shape),
    isClosed: task.completed,
    createdAt: new Date(task.created_at),
    updatedAt: new Date(task.modified_at),
    email: null,
    names: null,
    values: {
      schedule: scheduleOf(task),
      assigneeId: task.assignee === undefined ? undefined : (task.assignee?.gid ?? null),
    },
  }
}

export function jobOf(task: Task, shape: JobShape): JobFields {
  return {
    id: task.gid,
    record: taskRef(task.gid),
    title: textOf(task.name),
    status: statusOf(task, shape),
    isCompleted: task.completed,
    description: textOf(task.notes),
    schedule: scheduleOf(task),
    assignee: task.assignee ? { id: task.assignee.gid, name: textOf(task.assignee.name) } : null,
    url: webAddress(task.permalink_url),
    createdAt: new Date(task.created_at),
    updatedAt: new Date(task.modified_at),
    completedAt: instantOf(task.completed_at),
  }
}

/** Null when nothing is planned. */
export function scheduleOf(task: ObservedTask): ScheduleFields | null {
  const startsAt = instantOf(task.start_at)
  const endsAt = instantOf(task.due_at)
  const startsOn = task.start_on ?? dayOf(startsAt)
  const endsOn = task.due_on ?? dayOf(endsAt)
  return startsOn === null && endsOn === null ? null : { startsOn, startsAt, endsOn, endsAt }
}

function statusOf(task: ObservedTask, shape: JobShape): string | null {
  if (shape.statusField !== null) return textOf(fieldOf(task, shape.statusField)?.enum_value?.name)
  const project = projectOf(task, shape)
  return project === null ? null : textOf(membershipIn(task, project)?.section?.name)
}

function parentsOf(task: ObservedTask, shape: JobShape): readonly ParentReference[] {
  const customer = referenceIn(task, shape.customerField)
  const order = shape.orderField === null ? null : referenceIn(task, shape.orderField)
  return [
    ...(customer === null ? [] : [{ entity: 'Customer', reference: customer } as const]),
    ...(order === null ? [] : [{ entity: 'Order', reference: order } as const]),
  ]
}

/** People type these: white space around them means nothing. */
function referenceIn(task: ObservedTask, gid: string): string | null {
  const field = fieldOf(task, gid)
  return textOf((field?.text_value ?? field?.display_value)?.trim())
}

function fieldOf(task: ObservedTask, gid: string) {
  return task.custom_fields?.find(field => field.gid === gid)
}

function membershipIn(task: ObservedTask, project: string) {
  return task.memberships.find(membership => membership.project?.gid === project)
}

/** Asana has empty text where nothing was written. */
function textOf(text: string | null | undefined): string | null {
  return text === undefined || text === '' ? null : text
}

function instantOf(text: string | null | undefined): Date | null {
  return text === undefined || text === null ? null : new Date(text)
}

function dayOf(at: Date | null): string | null {
  return at === null ? null : at.toISOString().slice(0, 10)
}

function webAddress(text: string | null | undefined): string | null {
  return typeof text === 'string' && /^https?:\/\//.test(text) && URL.canParse(text) ? text : null
}
