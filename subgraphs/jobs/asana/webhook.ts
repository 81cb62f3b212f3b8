import { createHash } from 'node:crypto'
import type { DeliveryEntry, Handshake, Hint, Received, WebhookAdapter } from '../../contract.ts'
import { verifySignature } from '../../signature.ts'
import type { SignatureScheme } from '../../signature.ts'
import { isGid } from './config.ts'
import { taskRef } from './mapping.ts'
import type { JobShape } from './mapping.ts'
import { delivery, event, faultOf } from './records.ts'
import type { Event } from './records.ts'

/**
 * Hex HMAC-SHA256 of the raw body under the secret of the handshake, taken as text. No time is signed.
 * Source: Asana developer documentation, webhooks guide, security.
 */
const scheme: SignatureScheme = {
  signature: { header: 'x-hook-signature', encoding: 'hex' },
  time: null,
  signed: [{ part: 'body' }],
}

/** What a webhook is asked to tell: everything about tasks, nothing about comments. */
export const webhookFilters = ['added', 'changed', 'removed', 'deleted', 'undeleted'].map(action => ({
  resource_type: 'task',
  action,
}))

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
      const read = delivery.safeParse(parseJson(received.body))
      if (!read.success) return { unreadable: `expected {"events":[...]}: ${faultOf(read.error)}` }
      return { entries: readEvents(read.data.events ?? [], shape) }
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
function handshake({ method, headers }: Received): Handshake | null {
  const secret = headers['x-hook-secret']
  if (method !== 'POST' || secret === undefined || !/^[\x21-\x7e]{16,256}$/.test(secret)) return null
  return { secret, answerHeaders: { 'X-Hook-Secret': secret } }
}

function entryOf(value: unknown, shape: JobShape, seen: Map<string, number>): DeliveryEntry {
  const read = event.safeParse(value)
  if (!read.success) return { key: keyOf([textOf(value)], seen), unreadable: faultOf(read.error) }
  const { action, created_at, resource, parent, change } = read.data
  const key = keyOf(
    [
      created_at,
      action,
      resource.resource_type,
      resource.gid,
      parent?.gid ?? '',
      change?.field ?? '',
      change?.action ?? '',
      change?.new_value?.gid ?? '',
    ],
    seen,
  )
  return { key, hints: hintsOf(read.data, shape) }
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

function hintsOf(event: Event, shape: JobShape): readonly Hint[] {
  const { resource } = event
  if (resource.resource_type !== 'task' || !isGid(resource.gid)) return []
  const about = { record: taskRef(resource.gid), at: new Date(event.created_at) }
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

/** Into or out of a project or section. One that left a project may still stand in another: reading it again tells. */
function moved({ action, parent }: Event, shape: JobShape, about: Pick<Hint, 'record' | 'at'>): readonly Hint[] {
  switch (parent?.resource_type) {
    case 'project':
      if (!shape.projects.includes(parent.gid)) return []
      return [{ ...about, kind: action === 'added' ? 'CREATED' : 'UPDATED', fields: [] }]
    case 'section':
      return shape.statusField === null ? [{ ...about, kind: 'UPDATED', fields: ['status'] }] : []
    case undefined:
      return [{ ...about, kind: action === 'added' ? 'CREATED' : 'UPDATED', fields: [] }]
    default:
      return []
  }
}

/** @returns null when the job stays as it is; empty when it is not said what changed */
function changedFields(change: Event['change'], shape: JobShape): readonly string[] | null {
  if (change === undefined || change === null) return []
  const fields = namedFields(change, shape)
  // Its version moves with whatever changes.
  return fields === null || fields.length === 0 ? fields : [...fields, 'updatedAt']
}

function namedFields(change: NonNullable<Event['change']>, shape: JobShape): readonly string[] | null {
  if (change.field === 'custom_fields') return customFields(change.new_value?.gid, shape)
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
