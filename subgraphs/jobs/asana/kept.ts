import { valueOrNull } from '../../lenient.ts'
import { VendorError } from '../../vendor-error.ts'
import type { TaskData } from './client.ts'
import { fieldIn, stageOf, type JobShape } from './mapping.ts'
import type { Task } from './records.ts'

/** What was sent for a task: its fields in Asana's words, and the stage it was moved to. */
export interface Sent {
  readonly data: TaskData
  /** Gid of a section. */
  readonly section: string | null
}

/** Asana keeps times of day to the minute. */
const instantToleranceMs = 60_000

/**
 * The job's fields that Asana has not as they were sent: it answers success to some writes that it ignores. A value that it brought into a
 * form of its own counts as kept.
 */
export function notKept(task: Task, { data, section }: Sent, shape: JobShape): readonly string[] {
  const fields = Object.entries(data).flatMap(([name, value]) => {
    switch (name) {
      case 'name':
        return sameText(value, task.name) ? [] : ['title']
      case 'notes':
        return sameText(value, task.notes) ? [] : ['description']
      case 'assignee':
        return value === (valueOrNull(task.assignee)?.gid ?? null) ? [] : ['assignee']
      case 'completed':
        return value === valueOrNull(task.completed) ? [] : ['isCompleted']
      case 'due_on':
      case 'start_on':
        return value === valueOrNull(task[name]) ? [] : ['schedule']
      case 'due_at':
      case 'start_at':
        return sameInstant(value, valueOrNull(task[name])) ? [] : ['schedule']
      case 'custom_fields':
        return entriesOf(value).flatMap(([gid, sent]) => customFieldNotKept(task, gid, sent, shape))
      default:
        return []
    }
  })
  const stage = section === null ? [] : valueOrNull(stageOf(task, shape))?.gid === section ? [] : ['status']
  return [...new Set([...fields, ...stage])]
}

/** @throws VendorError `incomplete`, naming the fields */
export function refuseNotKept(fields: readonly string[]): void {
  if (fields.length === 0) return
  const names = fields.join(', ')
  throw new VendorError('asana', 'incomplete', `answered success, but did not keep ${names} as sent`, {
    inputFault: `The jobs tool answered success, but did not keep what was given for ${names}. Read the job to see what it has now.`,
  })
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : []
}

function customFieldNotKept(task: Task, gid: string, sent: unknown, shape: JobShape): readonly string[] {
  const field = valueOrNull(fieldIn(task, gid))
  const isStage = gid === shape.statusField
  const has = isStage
    ? (valueOrNull(field?.enum_value ?? null)?.gid ?? null)
    : (field?.text_value ?? field?.display_value ?? null)
  if (field !== null && sameText(sent, has)) return []
  return [isStage ? 'status' : gid === shape.customerField ? 'customer' : 'order']
}

/** White space at the ends and the form of line ends get lost on the way. */
function sameText(sent: unknown, has: unknown): boolean {
  return plain(sent) === plain(has)
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value.replace(/\r\n?/g, '\n').trim().normalize() : ''
}

function sameInstant(sent: unknown, has: Date | null): boolean {
  if (typeof sent !== 'string' || has === null) return sent === null && has === null
  return Math.abs(new Date(sent).getTime() - has.getTime()) < instantToleranceMs
}
