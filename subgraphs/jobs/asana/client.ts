import Asana from 'asana'
import type { z } from 'zod'
import type { CallContext, LimitPool, VendorCalls, VendorOperation } from '../../contract.ts'
import { understoodIn, type NotUnderstood } from '../../lenient.ts'
import { VendorError } from '../../vendor-error.ts'
import { isGid, type AsanaConfig } from './config.ts'
import { refusalError, toVendorError } from './faults.ts'
import {
  anything,
  batch,
  createdWebhook,
  customFieldSettings,
  eventPage,
  listOf,
  namedRecord,
  namedRecords,
  observedTaskFields,
  one,
  oneCustomField,
  project,
  readAs,
  readTask,
  staleToken,
  taskFields,
  webhooks,
} from './records.ts'
import type { CustomField, Named, Task, Webhook } from './records.ts'

/** Fields of a task to send, in Asana's words. */
export type TaskData = Readonly<Record<string, unknown>>

export interface WebhookFilter {
  readonly resource_type: string
  readonly resource_subtype?: string
  readonly action: string
}

/** One function an endpoint. All throw VendorError. */
export interface AsanaClient {
  /** At most ten tasks. One that is missing from the answer does not exist; one that failed alone is an Error. */
  readTasks(gids: readonly string[], call: CallContext): Promise<ReadonlyMap<string, Task | Error>>
  /** A page of a project's tasks, each as it came: to be read one by one. @param limit at most `pageSize` */
  listTasks(project: string, offset: string | null, limit: number, call: CallContext): Promise<TaskPage>
  /** What happened in a project since a token was made. @param sync null for a first token */
  events(project: string, sync: string | null, call: CallContext): Promise<EventPage>
  /** The project's tasks that have changed since, a request for each hundred that are taken. */
  tasksSince(project: string, since: Date, call: CallContext): AsyncIterable<Task>
  createTask(data: TaskData, call: CallContext): Promise<Task>
  updateTask(gid: string, data: TaskData, call: CallContext): Promise<Task>
  /** Into Asana's bin, for 30 days. */
  deleteTask(gid: string, call: CallContext): Promise<void>
  moveTask(gid: string, section: string, call: CallContext): Promise<void>
  /** In the order of the board. */
  sections(project: string, call: CallContext): Promise<readonly Named[]>
  customFields(project: string, call: CallContext): Promise<readonly CustomField[]>
  /** Null when it does not exist (any more), or is not shown to our user. */
  section(gid: string, call: CallContext): Promise<Named | null>
  project(gid: string, call: CallContext): Promise<Named | null>
  user(gid: string, call: CallContext): Promise<Named | null>
  customField(gid: string, call: CallContext): Promise<CustomField | null>
  /** Everyone of a workspace, guests aside. */
  users(workspace: string, call: CallContext): Promise<readonly Named[]>
  /** @returns the gid of the workspace the project is in */
  workspaceOf(project: string, call: CallContext): Promise<string>
  webhooks(workspace: string, project: string, call: CallContext): Promise<readonly Webhook[]>
  /** Resolves after the handshake. @returns its gid, and the handshake's secret where the answer repeats it */
  createWebhook(
    project: string,
    target: string,
    filters: readonly WebhookFilter[],
    call: CallContext,
  ): Promise<{ readonly gid: string; readonly secret: string | null }>
  /** Replaces what a webhook is asked to tell. */
  filterWebhook(gid: string, filters: readonly WebhookFilter[], call: CallContext): Promise<void>
  deleteWebhook(gid: string, call: CallContext): Promise<void>
}

export interface TaskPage {
  readonly tasks: readonly unknown[]
  readonly next: string | null
}

export interface EventPage {
  /** Each as it came: to be read one by one. */
  readonly events: readonly unknown[]
  /** The token to go on with. */
  readonly sync: string
  readonly hasMore: boolean
  /** There was no token, or it is older than 24 hours: nobody can say what happened before `sync`. */
  readonly isTooOld: boolean
}

/** Source: Asana API reference, batch: at most ten actions, each counted like a request of its own. */
export const batchSize = 10

/** A page of a hundred tasks is far below a megabyte. */
const mostUnpackedBytes = 16 * 1024 * 1024

/** The most tasks of a page. Source: Asana API reference, pagination. */
export const pageSize = 100

/**
 * So many requests a minute by the plan, 50 reads and 15 writes at a time. A batch is ten reads at a time, so a few places
 * are given to batches and the rest to single reads. Source: Asana developer documentation, rate limits.
 */
export function limitPools(limit: number): readonly LimitPool[] {
  return [
    { name: 'requests', limit, windowMs: 60_000 },
    { name: 'batches', limit, windowMs: 60_000, concurrency: 4 },
    { name: 'reads', limit, windowMs: 60_000, concurrency: 10 },
    { name: 'writes', limit, windowMs: 60_000, concurrency: 15 },
  ]
}

export function openClient(config: AsanaConfig, calls: VendorCalls): AsanaClient {
  const api = new PlainApiClient()
  api.basePath = `${config.baseUrl}/api/1.0`
  api.authentications = {
    ...api.authentications,
    token: { type: 'personalAccessToken', accessToken: config.accessToken },
  }
  api.RETURN_COLLECTION = false
  api.requestAgent = calls.agent
  // A request is ended with its attempt; a timer of superagent's own besides makes it answer twice.
  api.timeout = 0
  const tasks = new Asana.TasksApi(api)
  const batches = new Asana.BatchAPIApi(api)
  const sectionsApi = new Asana.SectionsApi(api)
  const usersApi = new Asana.UsersApi(api)
  const fieldsApi = new Asana.CustomFieldsApi(api)
  const projects = new Asana.ProjectsApi(api)
  const fieldSettings = new Asana.CustomFieldSettingsApi(api)
  const eventsApi = new Asana.EventsApi(api)
  const webhooksApi = new Asana.WebhooksApi(api)
  const wholeTask = { opt_fields: taskFields.join(',') }

  return {
    readTasks(gids, call) {
      const data = {
        actions: gids.map(gid => ({
          method: 'get',
          relative_path: `/tasks/${inAddress(gid)}`,
          options: { fields: taskFields },
        })),
      }
      const operation = {
        name: 'tasks.batchRead',
        cost: { requests: gids.length, batches: 1 },
        repeatable: true,
        kind: 'look-up' as const,
      }
      return ask(
        operation,
        call,
        () => batches.createBatchRequest({ data }),
        answer => readBatch(gids, answer),
      )
    },
    async listTasks(project, offset, limit, call) {
      const options = {
        project,
        limit,
        opt_fields: observedTaskFields.join(','),
        ...(offset === null ? {} : { offset }),
      }
      const operation = listing('tasks.list')
      const page = await ask(operation, call, () => tasks.getTasks(options), as(operation, listOf(anything)))
      return { tasks: page.data, next: page.next_page?.offset ?? null }
    },
    events(project, sync, call) {
      const operation = listing('events.list')
      return ask(
        operation,
        call,
        () => eventsApi.getEvents(project, sync === null ? {} : { sync }).catch(orFreshToken),
        answer => {
          if (answer instanceof FreshToken) return { events: [], sync: answer.sync, hasMore: false, isTooOld: true }
          const { data, sync: next, has_more: hasMore } = readAs(eventPage, operation.name, answer)
          return { events: data, sync: next, hasMore: hasMore === true, isTooOld: false }
        },
      )
    },
    async *tasksSince(project, since, call) {
      const asked = { project, limit: pageSize, modified_since: since.toISOString(), opt_fields: taskFields.join(',') }
      const operation = listing('tasks.listSince')
      for (let offset: string | undefined; ;) {
        const from = offset === undefined ? {} : { offset }
        const send = (): Promise<unknown> => tasks.getTasks({ ...asked, ...from })
        const page = await ask(operation, call, send, as(operation, listOf(anything)))
        yield* page.data.map(readTask)
        offset = page.next_page?.offset
        if (offset === undefined) return
      }
    },
    createTask(data, call) {
      const operation = writing('tasks.create')
      return ask(operation, call, () => tasks.createTask({ data }, wholeTask), wrote(operation))
    },
    updateTask(gid, data, call) {
      const operation = writing('tasks.update')
      return ask(operation, call, () => tasks.updateTask({ data }, inAddress(gid), wholeTask), wrote(operation))
    },
    async deleteTask(gid, call) {
      const operation = writing('tasks.delete')
      await ask(operation, call, () => tasks.deleteTask(inAddress(gid)), as(operation, anything))
    },
    async moveTask(gid, section, call) {
      const operation = writing('sections.addTask')
      const body = { data: { task: gid } }
      await ask(
        operation,
        call,
        () => sectionsApi.addTaskForSection(inAddress(section), { body }),
        as(operation, anything),
      )
    },
    sections(project, call) {
      return whole(listing('sections.list'), call, namedRecords, page =>
        sectionsApi.getSectionsForProject(project, page),
      )
    },
    async customFields(project, call) {
      const opt_fields =
        'custom_field.resource_subtype,custom_field.enum_options.name,custom_field.enum_options.enabled'
      const settings = await whole(listing('customFieldSettings.list'), call, customFieldSettings, page =>
        fieldSettings.getCustomFieldSettingsForProject(project, { ...page, opt_fields }),
      )
      return settings.map(setting => setting.custom_field)
    },
    section: (gid, call) =>
      orNull(readOne('sections.read', namedRecord, () => sectionsApi.getSection(inAddress(gid), onlyName), call)),
    project: (gid, call) =>
      orNull(readOne('projects.read', namedRecord, () => projects.getProject(inAddress(gid), onlyName), call)),
    user: (gid, call) =>
      orNull(readOne('users.read', namedRecord, () => usersApi.getUser(inAddress(gid), onlyName), call)),
    customField(gid, call) {
      const opt_fields = 'resource_subtype,enum_options.name,enum_options.enabled'
      return orNull(
        readOne(
          'customFields.read',
          oneCustomField,
          () => fieldsApi.getCustomField(inAddress(gid), { opt_fields }),
          call,
        ),
      )
    },
    users(workspace, call) {
      return whole(listing('users.list'), call, namedRecords, page =>
        usersApi.getUsers({ ...page, workspace, ...onlyName }),
      )
    },
    async workspaceOf(gid, call) {
      const operation = reading('projects.read')
      const options = { opt_fields: 'workspace.gid' }
      return (await ask(operation, call, () => projects.getProject(gid, options), as(operation, project))).data
        .workspace.gid
    },
    webhooks(workspace, project, call) {
      return whole(listing('webhooks.list'), call, webhooks, page =>
        webhooksApi.getWebhooks(workspace, {
          ...page,
          resource: project,
          opt_fields: webhookFields,
        }),
      )
    },
    async createWebhook(project, target, filters, call) {
      const operation = writing('webhooks.create')
      const body = { data: { resource: project, target, filters } }
      const made = await ask(operation, call, () => webhooksApi.createWebhook(body), as(operation, createdWebhook))
      return { gid: made.data.gid, secret: made['X-Hook-Secret'] ?? null }
    },
    async filterWebhook(gid, filters, call) {
      const operation = writing('webhooks.update')
      await ask(
        operation,
        call,
        () => webhooksApi.updateWebhook({ data: { filters } }, inAddress(gid)),
        as(operation, anything),
      )
    },
    async deleteWebhook(gid, call) {
      const operation = writing('webhooks.delete')
      await ask(operation, call, () => webhooksApi.deleteWebhook(inAddress(gid)), as(operation, anything))
    },
  }

  function ask<T>(
    operation: VendorOperation,
    call: CallContext,
    send: () => Promise<unknown>,
    read: (answer: unknown) => T,
  ): Promise<T> {
    return calls.call(operation, call, async attempt => {
      // Read while the SDK makes the request, which is in this tick.
      api.attempt = attempt.signal
      return read(await send())
    })
  }

  /** Reads one record. */
  async function readOne<Row>(
    name: string,
    schema: z.ZodType<{ data: Row }>,
    send: () => Promise<unknown>,
    call: CallContext,
  ): Promise<Row> {
    const operation = reading(name)
    return (await ask(operation, call, send, as(operation, schema))).data
  }

  /** A list whose pages are few; what is not understood of it is left out. */
  async function whole<Row>(
    operation: VendorOperation,
    call: CallContext,
    schema: ReturnType<typeof listOf<z.ZodType<Row | NotUnderstood>>>,
    send: (page: { limit: number; offset?: string }) => Promise<unknown>,
  ): Promise<readonly Row[]> {
    const rows: Row[] = []
    let offset: string | undefined
    do {
      const from = offset === undefined ? {} : { offset }
      const page = await ask(operation, call, () => send({ limit: pageSize, ...from }), as(operation, schema))
      rows.push(...understoodIn<Row>(page.data))
      offset = page.next_page?.offset
    } while (offset !== undefined)
    return rows
  }
}

/** What is no gid must not stand in an address. @throws VendorError `not-found` */
function inAddress(gid: string): string {
  if (isGid(gid)) return gid
  throw new VendorError('asana', 'not-found', 'expected a gid (digits)')
}

const onlyName = { opt_fields: 'name' }

const webhookFields = [
  'active',
  'target',
  'last_failure_at',
  'delivery_retry_count',
  ...['resource_type', 'resource_subtype', 'action', 'fields'].map(key => `filters.${key}`),
].join(',')

/** What does not exist is an answer here. */
async function orNull<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof VendorError && error.kind === 'not-found') return null
    throw error
  }
}

/** The answer to a request without a token that holds. */
class FreshToken {
  readonly sync: string

  constructor(sync: string) {
    this.sync = sync
  }
}

/** Source: Asana API reference, events: 412 with a fresh token, which here is an answer and no fault. */
function orFreshToken(error: unknown): FreshToken {
  const read = staleToken.safeParse(error)
  if (!read.success) throw error
  return new FreshToken(read.data.response.body.sync)
}

/** Each action's answer is looked at alone; one that says "too many requests" makes the whole batch a later one. */
function readBatch(gids: readonly string[], answer: unknown): ReadonlyMap<string, Task | Error> {
  const { data } = readAs(batch, 'tasks.batchRead', answer)
  if (data.length !== gids.length) {
    throw new VendorError('asana', 'unreadable', `expected ${gids.length} answers to a batch, got ${data.length}`)
  }
  const found = new Map<string, Task | Error>()
  data.forEach(({ status_code: status, headers, body }, at) => {
    const gid = gids[at]
    if (gid === undefined) return
    if (status === 404) return
    if (status === 200) {
      found.set(gid, readOwnTask(gid, body))
      return
    }
    const error = refusalError({ status, body, headers: headers ?? {} })
    if (error.kind === 'rate-limited') throw error
    found.set(gid, error)
  })
  return found
}

function readOwnTask(gid: string, body: unknown): Task | Error {
  try {
    const read = readTask(readAs(one(anything), 'task', body).data)
    if (read.gid === gid) return read
    return new VendorError('asana', 'unreadable', `task ${gid}: expected its own gid, got ${read.gid}`)
  } catch (error) {
    return toVendorError(error)
  }
}

/**
 * The SDK's client without what superagent does of itself: a redirect would be followed with the token to wherever it
 * points, and an answer may unpack to any size. The SDK retries nothing; the header in which it names its version and
 * platform cannot be left out.
 */
class PlainApiClient extends Asana.ApiClient {
  /** Of the attempt for which the next request is made. */
  attempt: AbortSignal | null = null

  override applyAuthToRequest(request: SuperagentRequest, authNames: string[]): void {
    super.applyAuthToRequest(request, authNames)
    request.redirects(0)
    request.maxResponseSize(mostUnpackedBytes)
    // Nothing is handed back: a request is a promise too, and would be sent again.
    const abort = (): void => {
      request.abort()
    }
    this.attempt?.addEventListener('abort', abort, { once: true })
  }
}

interface SuperagentRequest {
  redirects(count: number): unknown
  maxResponseSize(bytes: number): unknown
  abort(): unknown
}

function reading(name: string): VendorOperation {
  return { name, cost: { requests: 1, reads: 1 }, repeatable: true, kind: 'look-up' }
}

function listing(name: string): VendorOperation {
  return { ...reading(name), kind: 'list' }
}

/** There are no idempotency keys. Source: Asana API reference. */
function writing(name: string): VendorOperation {
  return { name, cost: { requests: 1, writes: 1 }, repeatable: false, kind: 'write' }
}

/** The task in the answer to a write. */
function wrote({ name }: VendorOperation): (answer: unknown) => Task {
  return answer => readTask(readAs(one(anything), name, answer).data)
}

function as<T>(operation: VendorOperation, schema: z.ZodType<T>): (answer: unknown) => T {
  return answer => readAs(schema, operation.name, answer)
}
