import { z } from 'zod'
import { isInstant } from '../../instant.ts'
import { elementOf, fieldOf, readRecord, vendorText } from '../../lenient.ts'
import { readShape } from '../../shape-fault.ts'
import { VendorError } from '../../vendor-error.ts'
import { isGid } from './config.ts'

/**
 * Asana's words, as far as they are read. Fields not named here are dropped. What says which record it is must be there; every other field
 * fails alone. Source: Asana API reference, schemas.
 */

const field = fieldOf('asana')
const element = elementOf('asana')

const gid = z.string().refine(isGid, 'expected a gid (digits)')
const instant = z
  .string()
  .refine(isIsoInstant, 'expected an instant (ISO 8601) of a year of 1 to 9999')
  .transform(text => new Date(text))
const day = z.iso.date().refine(text => !text.startsWith('0000'), 'expected a day of a year of 1 to 9999')
const text = field(vendorText)

/** What is referred to, with the name it is shown by; Asana leaves names out for tokens that may not read them. */
const named = z.object({ gid, name: text })

const taskCustomField = z.object({
  gid,
  text_value: text,
  /** Any field's value as a person reads it. */
  display_value: text,
  enum_value: field(named),
})

const membership = z.object({ project: field(z.object({ gid })), section: field(named) })

/** What the record index keeps comes from these alone; lists ask for no more. */
export const observedTask = z.object({
  gid,
  completed: field(z.boolean()),
  created_at: field(instant),
  modified_at: field(instant),
  memberships: field(z.array(element(membership))),
  custom_fields: field(z.array(element(taskCustomField))),
  due_on: field(day),
  due_at: field(instant),
  start_on: field(day),
  start_at: field(instant),
  assignee: field(named),
})

export const task = observedTask.extend({
  name: text,
  notes: text,
  completed_at: field(instant),
  permalink_url: text,
})

export type ObservedTask = z.infer<typeof observedTask>
export type Task = z.infer<typeof task>
export type Named = z.infer<typeof named>

const observedPaths = [
  'completed',
  'created_at',
  'modified_at',
  'memberships.project.gid',
  'memberships.section.gid',
  'memberships.section.name',
  'custom_fields.gid',
  'custom_fields.text_value',
  'custom_fields.display_value',
  'custom_fields.enum_value.gid',
  'custom_fields.enum_value.name',
  'due_on',
  'due_at',
  'start_on',
  'start_at',
  'assignee.name',
]

/** `opt_fields` for `observedTask` and `task`. */
export const observedTaskFields: readonly string[] = observedPaths
export const taskFields: readonly string[] = [...observedPaths, 'name', 'notes', 'completed_at', 'permalink_url']

export const one = <Schema extends z.ZodType>(schema: Schema) => z.object({ data: schema })

export const listOf = <Schema extends z.ZodType>(schema: Schema) =>
  z.object({ data: z.array(schema), next_page: z.object({ offset: z.string() }).nullish() })

/** Each read alone: one that is not understood is left out. */
export const namedRecords = listOf(element(named))

export const namedRecord = one(named)

export const project = one(z.object({ gid, workspace: z.object({ gid }) }))

/** A custom field as the project has it. */
const customField = z.object({
  gid,
  resource_subtype: text,
  enum_options: field(z.array(element(z.object({ gid, name: text, enabled: field(z.boolean()) })))),
})

export type CustomField = z.infer<typeof customField>

export const oneCustomField = one(customField)
export const customFieldSettings = listOf(element(z.object({ custom_field: customField })))

const webhook = z.object({
  gid,
  active: z.boolean(),
  target: vendorText,
  last_failure_at: field(instant),
  /** Failed tries of what is being delivered. */
  delivery_retry_count: field(z.number()),
  filters: field(
    z.array(
      z.object({ resource_type: text, resource_subtype: text, action: text, fields: field(z.array(vendorText)) }),
    ),
  ),
})

export type Webhook = z.infer<typeof webhook>

export const webhooks = listOf(webhook)
export const createdWebhook = z.object({ data: z.object({ gid }), 'X-Hook-Secret': z.string().min(1).optional() })

/** `POST /batch`: one answer an action, in their order. */
export const batch = z.object({
  data: z.array(
    z.object({
      status_code: z.number(),
      headers: z.record(z.string(), z.unknown()).nullish(),
      body: z.unknown(),
    }),
  ),
})

/** An answer that is only looked at for having come. */
export const anything = z.unknown()

const reference = z.object({ gid: vendorText, resource_type: vendorText, resource_subtype: text })

/**
 * One event of a webhook's body. Ids only. Without what happened to which record and when, it cannot be told from others.
 * Source: Asana API reference, webhooks, EventResponse.
 */
export const event = z.object({
  action: vendorText,
  created_at: instant,
  resource: reference,
  parent: field(reference),
  change: field(z.object({ field: vendorText, action: text, new_value: field(reference) })),
})

export type Event = z.infer<typeof event>

/** What happened since a token. Source: Asana API reference, events. */
export const eventPage = z.object({
  data: z.array(z.unknown()),
  sync: z.string().min(1),
  has_more: z.boolean().nullish(),
})

/** The SDK's error for a token that does not hold. */
export const staleToken = z.object({
  status: z.literal(412),
  response: z.object({ body: z.object({ sync: z.string().min(1) }) }),
})

/** An empty object or list of events is a heartbeat. */
export const delivery = z.object({ events: z.array(z.unknown()).optional() })

/**
 * Reads what the vendor said.
 * @param what for the message: `tasks.list`
 * @throws VendorError `unreadable`, naming the record and the field, never a value
 */
export function readAs<T>(schema: z.ZodType<T>, what: string, value: unknown): T {
  const read = readShape(schema, value)
  if (read.ok) return read.value
  throw new VendorError('asana', 'unreadable', `${nameOf(what, value)}: ${read.fault}; see what changed in its API`)
}

/** @throws VendorError `unreadable` when it cannot be told which task it is */
export function readTask(value: unknown): Task {
  return readRecord('asana', nameOf('task', value), task, value)
}

/** @throws VendorError `unreadable` when it cannot be told which task it is */
export function readObservedTask(value: unknown): ObservedTask {
  return readRecord('asana', nameOf('task', value), observedTask, value)
}

function nameOf(what: string, value: unknown): string {
  const id = gidOf(value) ?? gidOf(propertyOf(value, 'data'))
  return id === undefined ? what : `${what} ${id}`
}

function gidOf(value: unknown): string | undefined {
  const id = propertyOf(value, 'gid')
  return typeof id === 'string' && isGid(id) ? id : undefined
}

function propertyOf(value: unknown, field: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.entries(value).find(([name]) => name === field)?.[1]
}

function isIsoInstant(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}T/.test(text) && isInstant(new Date(text))
}
