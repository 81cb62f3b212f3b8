import { createHash } from 'node:crypto'
import type { DeliveryEntry, Handshake, Hint, Received, RefusedHandshake, WebhookAdapter } from '../../contract.ts'
import { readShape } from '../../shape-fault.ts'
import { verifySignature } from '../../signature.ts'
import type { SignatureScheme } from '../../signature.ts'
import { isUnderstood, valueOrNull, type Field } from '../../lenient.ts'
import type { WebhookFilter } from './client.ts'
import { isGid } from './config.ts'
import { mentionedRef, taskRef } from './mapping.ts'
import type { JobShape, MentionedKind } from './mapping.ts'
import { delivery, event } from './records.ts'
import type { Event, Webhook } from './records.ts'

/**
 * Hex HMAC-SHA256 of the raw body under the secret of the handshake, taken as text. No time is signed.
 * Source: Asana developer documentation, webhooks guide, security.
 */
const scheme: SignatureScheme = {
  signature: { header: 'x-hook-signature', encoding: 'hex' },
  time: null,
  signed: [{ part: 'body' }],
}

/**
 * What a webhook is asked to tell: everything about tasks, nothing about comments; a move between sections, of which sometimes only the
 * story tells; and what becomes of the sections and the project that tasks stand in.
 * Source: Asana developer documentation, webhooks guide, filters and the table of actions.
 */
export const webhookFilters: readonly WebhookFilter[] = [
  ...['added', 'changed', 'removed', 'deleted', 'undeleted'].map(action => ({ resource_type: 'task', action })),
  { resource_type: 'story', resource_subtype: 'section_changed', action: 'added' },
  ...['added', 'changed', 'deleted', 'undeleted'].map(action => ({ resource_type: 'section', action })),
  ...['deleted', 'removed', 'undeleted'].map(action => ({ resource_type: 'project', action })),
]

/** Whether a webhook was registered to tell less; false where Asana does not say what it tells. */
export function lacksFilters({ filters }: Pick<Webhook, 'filters'>): boolean {
  const known = valueOrNull(filters)
  if (known === null || known.length === 0) return false
  return webhookFilters.some(
    wanted =>
      !known.some(
        has =>
          valueOrNull(has.resource_type) === wanted.resource_type &&
          valueOrNull(has.action) === wanted.action &&
          (valueOrNull(has.resource_subtype) ?? wanted.resource_subtype) === wanted.resource_subtype &&
          (valueOrNull(has.fields) ?? []).length === 0,
      ),
  )
}

/** Job fields by `change.field`. A field that stands in no row leaves the job as it is (likes, followers, tags). */
const jobFields: ReadonlyMap<string, readonly string[]> = new Map([
  ['name', ['title']],
  ['notes', ['description']],
  ['html_notes', ['description']],
  ['completed', ['isCompleted', 'completedAt']],
  ['completed_at', ['completedAt']],
  ['due_on', ['schedule']],
  ['due_at', ['schedule']],
  ['start_on', ['schedule']],
  ['start_at', ['schedule']],
  ['assignee', ['assignee']],
])

export function webhookAdapter(shape: JobShape): WebhookAdapter {
  return {
    verify: (received, secrets, now) => verifySignature(received, scheme, secrets, now),
    read(received) {
      const read = readShape(delivery, parseJson(received.body))
      if (!read.ok) return { unreadable: `a body such as {"events":[...]} was expected: ${read.fault}` }
      return { entries: readEvents(read.value.events ?? [], shape) }
    },
    handshake,
  }
}

/** What events say, whether Asana sent them or was asked for them: under the same keys. */
export function readEvents(events: readonly unknown[], shape: JobShape): readonly DeliveryEntry[] {
  const seen = new Map<string, number>()
  return events.map(value => entryOf(value, shape, seen))
}

/** Source: Asana developer documentation, webhooks guide, the webhook handshake: the header is sent back. */
function handshake({ method, headers }: Received): Handshake | RefusedHandshake | null {
  const secret = headers['x-hook-secret']
  if (method !== 'POST' || secret === undefined) return null
  const fault = secretFault(secret)
  if (fault !== null) return { refused: `X-Hook-Secret: ${fault}` }
  return { secret, answerHeaders: { 'X-Hook-Secret': secret } }
}

/**
 * What is wrong with a secret of a handshake; null for nothing. A short one could be guessed, and so could the signatures made with it.
 */
export function secretFault(secret: string): string | null {
  if (/^[\x21-\x7e]{16,256}$/.test(secret)) return null
  const came = /^[\x21-\x7e]*$/.test(secret) ? `${secret.length}` : 'other characters among them'
  return `expected a secret of 16 to 256 printable ASCII characters without blanks, got ${came}`
}

function entryOf(value: unknown, shape: JobShape, seen: Map<string, number>): DeliveryEntry {
  const read = readShape(event, value)
  if (!read.ok) return { key: keyOf([textOf(value)], seen), unreadable: read.fault }
  const { action, created_at, resource, parent, change } = read.value
  const key = keyOf(
    [
      created_at.toISOString(),
      action,
      resource.resource_type,
      resource.gid,
      valueOrNull(parent)?.gid ?? '',
      valueOrNull(change)?.field ?? '',
      valueOrNull(valueOrNull(change)?.action ?? null) ?? '',
      valueOrNull(valueOrNull(change)?.new_value ?? null)?.gid ?? '',
    ],
    seen,
  )
  const hints = hintsOf(read.value, shape)
  return typeof hints === 'string' ? { key, unreadable: hints } : { key, hints }
}

/** What cannot be read, as text; what nests too deeply for that all looks the same. */
function textOf(value: unknown): string {
  try {
    return JSON.stringify(value)
  } catch {
    return 'nested too deeply'
  }
}

/**
 * Events have no id. What is told of one makes its key; equals of one body are told apart by counting them, so that a
 * body that comes again has the same keys.
 */
function keyOf(parts: readonly string[], seen: Map<string, number>): string {
  const told = JSON.stringify(parts)
  const before = seen.get(told) ?? 0
  seen.set(told, before + 1)
  return createHash('sha256').update(`${told}${before}`).digest('hex')
}

/** @returns why the event cannot be understood, as text, where it is about something of ours */
function hintsOf(event: Event, shape: JobShape): readonly Hint[] | string {
  const { resource, created_at: at } = event
  const ofGid = (hint: (gid: string) => readonly Hint[]): readonly Hint[] | string =>
    isGid(resource.gid) ? hint(resource.gid) : `resource.gid: expected the gid of a ${resource.resource_type} (digits)`
  switch (resource.resource_type) {
    case 'task':
      return ofGid(gid => hintsOfTask(event, shape, { record: taskRef(gid), at }))
    case 'section':
      return shape.statusField === null ? ofGid(gid => hintsOfName(event, 'section', gid)) : []
    case 'enum_option':
      return shape.statusField === null ? [] : ofGid(gid => hintsOfName(event, 'enum_option', gid))
    case 'project':
      return shape.projects.includes(resource.gid) ? hintsOfName(event, 'project', resource.gid) : []
    case 'user':
      return ofGid(gid => hintsOfName(event, 'user', gid))
    case 'story':
      return hintsOfStory(event, shape)
    default:
      return []
  }
}

function hintsOfTask(event: Event, shape: JobShape, about: Pick<Hint, 'record' | 'at'>): readonly Hint[] {
  switch (event.action) {
    case 'deleted':
      return [{ ...about, kind: 'DELETED', fields: [] }]
    case 'undeleted':
      return [{ ...about, kind: 'CREATED', fields: [] }]
    case 'added':
    case 'removed':
      return moved(event, shape, about)
    case 'changed': {
      const fields = changedFields(event.change, shape)
      return fields === null ? [] : [{ ...about, kind: 'UPDATED', fields }]
    }
    default:
      // An action of tomorrow: the task is read again.
      return [{ ...about, kind: 'UPDATED', fields: [] }]
  }
}

/** Something became of a record whose name tasks show, or of a project. What it is called now, and whether it is there, is read. */
function hintsOfName({ action, change, created_at: at }: Event, kind: MentionedKind, gid: string): readonly Hint[] {
  const isGone = action === 'deleted' || action === 'removed'
  // Of a project no more is shown than that it is there; of the others only the name.
  const field = valueOrNull(change)?.field
  if (action === 'changed' && (kind === 'project' || (field !== undefined && field !== 'name'))) return []
  return [{ record: mentionedRef(kind, gid), at, kind: isGone ? 'DELETED' : 'UPDATED', fields: [] }]
}

/**
 * Of the lines below a task, which are all told of, the one that says that it stands in another section: sometimes there is no other news
 * of that. Source: notes of public integrations on section moves.
 */
function hintsOfStory({ resource, parent, created_at: at }: Event, shape: JobShape): readonly Hint[] | string {
  if (valueOrNull(resource.resource_subtype) !== 'section_changed' || shape.statusField !== null) return []
  const task = valueOrNull(parent)
  if (task?.resource_type !== 'task' || !isGid(task.gid))
    return 'parent: expected the task that has changed its section'
  return [{ record: taskRef(task.gid), at, kind: 'UPDATED', fields: ['status'] }]
}

/** What a task stands in beside a project or section; that it does shows in no field of a job. */
const otherParents: ReadonlySet<string> = new Set(['task', 'tag', 'user', 'user_task_list', 'story', 'workspace'])

/** Into or out of a project or section. One that left a project may still stand in another: reading it again tells. */
function moved({ action, parent }: Event, shape: JobShape, about: Pick<Hint, 'record' | 'at'>): readonly Hint[] {
  const into = valueOrNull(parent)
  if (into !== null && otherParents.has(into.resource_type)) return []
  switch (into?.resource_type) {
    case 'project':
      if (!shape.projects.includes(into.gid)) return []
      return [{ ...about, kind: action === 'added' ? 'CREATED' : 'UPDATED', fields: [] }]
    case 'section':
      return shape.statusField === null ? [{ ...about, kind: 'UPDATED', fields: ['status'] }] : []
    default:
      return [{ ...about, kind: action === 'added' && parent === null ? 'CREATED' : 'UPDATED', fields: [] }]
  }
}

/** @returns null when the job stays as it is; empty when it is not said what changed */
function changedFields(change: Event['change'], shape: JobShape): readonly string[] | null {
  if (change === null || !isUnderstood(change)) return []
  const fields = namedFields(change, shape)
  // Its version moves with whatever changes.
  return fields === null || fields.length === 0 ? fields : [...fields, 'updatedAt']
}

function namedFields(
  change: { field: string; new_value: Field<{ gid: string }> },
  shape: JobShape,
): readonly string[] | null {
  if (change.field === 'custom_fields') return customFields(valueOrNull(change.new_value)?.gid, shape)
  // Section moves and projects left or entered.
  if (change.field === 'memberships') return shape.statusField === null ? ['status'] : []
  return jobFields.get(change.field) ?? null
}

/** @param gid of the custom field; absent when it is not said which one changed */
function customFields(gid: string | undefined, shape: JobShape): readonly string[] | null {
  const known = [
    { gid: shape.customerField, field: 'customer' },
    { gid: shape.orderField, field: 'order' },
    { gid: shape.statusField, field: 'status' },
  ].filter(({ gid }) => gid !== null)
  if (gid === undefined) return known.map(({ field }) => field)
  const found = known.filter(field => field.gid === gid).map(({ field }) => field)
  return found.length === 0 ? null : found
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined
  }
}
