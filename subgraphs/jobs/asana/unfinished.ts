import { createHash } from 'node:crypto'
import type { CallContext, Clock, TakenBack, UnfinishedWrite, WriteProgress } from '../../contract.ts'
import { valueOrNull } from '../../lenient.ts'
import { VendorError } from '../../vendor-error.ts'
import type { AsanaClient, TaskData } from './client.ts'
import type { AsanaConfig } from './config.ts'
import { fieldIn, taskRef } from './mapping.ts'
import type { Task } from './records.ts'

/**
 * Asana knows no idempotency keys; a personal token may not write `external`, searches cost a premium plan and lag, and
 * a custom field of ours would have to be made by hand. So a task whose making was not answered is found by its content,
 * among the few that have changed since: lists show what was written at once. Two writes of the same content do not take
 * the same task, since one is claimed; which of the two gets which makes no difference.
 */
export const taskStep = 'task'

/** A request that was not answered may still be worked on. Asana names no time. */
export const settledMs = 10_000

/** Our clock and Asana's. */
const skewMs = 120_000

export interface UnfinishedPorts {
  readonly client: AsanaClient
  readonly config: AsanaConfig
  readonly clock: Clock
}

/** What tells a task from others, of what is to be sent. */
export function traceOfData(data: TaskData, config: AsanaConfig): string {
  const texts = new Map(Object.entries(objectOf(data['custom_fields'])))
  return traceOf(config, data['name'], data['notes'], gid => texts.get(gid))
}

function traceOfTask(task: Task, config: AsanaConfig): string {
  return traceOf(config, task.name, task.notes, gid => valueOrNull(fieldIn(task, gid))?.text_value)
}

function traceOf(config: AsanaConfig, name: unknown, notes: unknown, text: (gid: string) => unknown): string {
  const fields = [config.customerField, config.orderField].map(gid => (gid === null ? '' : plain(text(gid))))
  return createHash('sha256')
    .update(JSON.stringify([plain(name), plain(notes), ...fields]))
    .digest('hex')
}

/** White space at the ends may get lost on the way. */
function plain(value: unknown): string {
  return typeof value === 'string' ? value.trim() : ''
}

function objectOf(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}

export function openUnfinished({ client, config, clock }: UnfinishedPorts) {
  return { find, findSettled, takeBack }

  /** The task that was made for this write, and is its from now on. */
  async function find(write: WriteProgress, trace: string, call: CallContext): Promise<Task | null> {
    const since = new Date(write.begunAt.getTime() - skewMs)
    for await (const task of client.tasksSince(config.projects[0], since, call)) {
      const createdAt = valueOrNull(task.created_at)
      const isOlder = createdAt === null || createdAt < since
      if (!isOlder && traceOfTask(task, config) === trace && (await write.claim(taskStep, task.gid))) return task
    }
    return null
  }

  /** @throws VendorError while it may still be on its way */
  async function findSettled(write: WriteProgress, trace: string, sentAt: Date, call: CallContext) {
    const found = await find(write, trace, call)
    const waitMs = sentAt.getTime() + settledMs - clock.now().getTime()
    if (found !== null || waitMs <= 0) return found
    throw new VendorError('asana', 'unavailable', 'a task may still be on its way', { retryAfterMs: waitMs })
  }

  async function takeBack(write: UnfinishedWrite, call: CallContext): Promise<TakenBack> {
    const { entityId } = write
    if (entityId !== null)
      return { isGone: true, written: [{ kind: 'UPDATED', record: taskRef(entityId), fields: [] }] }
    const sentAt = write.sentAt(taskStep)
    const trace = write.traceOf(taskStep)
    const known = write.result(taskStep)
    const found = sentAt === null || trace === null ? null : await findSettled(write, trace, sentAt, call)
    const gid = known ?? found?.gid ?? null
    if (gid === null) return { isGone: true, written: [] }
    await client.deleteTask(gid, call)
    return { isGone: true, written: [{ kind: 'DELETED', record: taskRef(gid), fields: [] }] }
  }
}
