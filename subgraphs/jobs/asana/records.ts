import { z } from 'zod'
import { VendorError } from '../../vendor-error.ts'
import { isGid } from './config.ts'

/** Asana's words, as far as they are read. Fields not named here are dropped. Source: Asana API reference, schemas. */

const gid = z.string().refine(isGid, 'expected a gid (digits)')
const instant = z.string().refine(isInstant, 'expected an instant (ISO 8601)')
const day = z.iso.date()

const section = z.object({ gid, name: z.string() })

const taskCustomField = z.object({
  gid,
  text_value: z.string().nullish(),
  /** Any field's value as a person reads it. */
  display_value: z.string().nullish(),
  enum_value: z.object({ gid, name: z.string() }).nullish(),
})

/** What the record index keeps comes from these alone; lists ask for no more. */
export const observedTask = z.object({
  gid,
  completed: z.boolean(),
  created_at: instant,
  modified_at: instant,
  memberships: z.array(z.object({ project: z.object({ gid }).nullish(), section: section.nullish() })),
  custom_fields: z.array(taskCustomField).nullish(),
  due_on: day.nullish(),
  due_at: instant.nullish(),
  start_on: day.nullish(),
  start_at: instant.nullish(),
  assignee: z.object({ gid, name: z.string().nullish() }).nullish(),
})

export const task = observedTask.extend({
  name: z.string().nullish(),
  notes: z.string().nullish(),
  completed_at: instant.nullish(),
  permalink_url: z.string().nullish(),
})

export type ObservedTask = z.infer<typeof observedTask>
export type Task = z.infer<typeof task>
export type Section = z.infer<typeof section>

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
  'assignee.gid',
]

/** `opt_fields` for `observedTask` and `task`. */
export const observedTaskFields: readonly string[] = observedPaths
export const taskFields: readonly string[] = [
  ...observedPaths,
  'name',
  'notes',
  'completed_at',
  'assignee.name',
  'permalink_url',
]

export const one = <Schema extends z.ZodType>(schema: Schema) => z.object({ data: schema })

export const listOf = <Schema extends z.ZodType>(schema: Schema) =>
  z.object({ data: z.array(schema), next_page: z.object({ offset: z.string() }).nullish() })

export const sections = listOf(section)

export const project = one(z.object({ gid, workspace: z.object({ gid }) }))

/** A custom field as the project has it. */
const customField = z.object({
  gid,
  resource_subtype: z.string().nullish(),
  enum_options: z.array(z.object({ gid, name: z.string(), enabled: z.boolean().nullish() })).nullish(),
})

export type CustomField = z.infer<typeof customField>

export const customFieldSettings = listOf(z.object({ custom_field: customField }))

const webhook = z.object({
  gid,
  active: z.boolean(),
  target: z.string(),
  last_failure_at: instant.nullish(),
  /** Failed tries of what is being delivered. */
  delivery_retry_count: z.number().nullish(),
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

const reference = z.object({ gid: z.string(), resource_type: z.string() })

/** One event of a webhook's body. Ids only. Source: Asana API reference, webhooks, EventResponse. */
export const event = z.object({
  action: z.string(),
  created_at: instant,
  resource: reference,
  parent: reference.nullish(),
  change: z
    .object({ field: z.string(), action: z.string().nullish(), new_value: reference.nullish().catch(null) })
    .nullish(),
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
export function readAs<Schema extends z.ZodType>(schema: Schema, what: string, value: unknown): z.infer<Schema> {
  const read = schema.safeParse(value)
  if (read.success) return read.data
  throw new VendorError(
    'asana',
    'unreadable',
    `${nameOf(what, value)}: ${faultOf(read.error)}; see what changed in its API`,
  )
}

/** The first thing wrong, as `memberships.0.section.name: expected string`; never a value. */
export function faultOf(error: z.ZodError): string {
  const issue = error.issues[0]
  return issue === undefined ? 'unreadable' : `${issue.path.join('.') || 'answer'}: ${issue.message}`
}

function nameOf(what: string, value: unknown): string {
  const id = gidOf(value) ?? gidOf(fieldOf(value, 'data'))
  return id === undefined ? what : `${what} ${id}`
}

function gidOf(value: unknown): string | undefined {
  const id = fieldOf(value, 'gid')
  return typeof id === 'string' && isGid(id) ? id : undefined
}

function fieldOf(value: unknown, field: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.entries(value).find(([name]) => name === field)?.[1]
}

function isInstant(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}T/.test(text) && !Number.isNaN(Date.parse(text))
}
