import { z } from 'zod'
import type {
  CallContext,
  Importer,
  ImportPage,
  Log,
  ObservedRecord,
  RecordReader,
  Records,
  WriteSteps,
  Written,
} from '../../contract.ts'
import { NotUnderstood, valueOrNull } from '../../lenient.ts'
import { oncePerRecord } from '../../once-per-record.ts'
import { VendorError, type VendorErrorKind } from '../../vendor-error.ts'
import type { JobPatch, JobsSource } from '../source.ts'
import { openPageSize } from '../../page-size.ts'
import { batchSize, pageSize } from './client.ts'
import type { AsanaClient, TaskData } from './client.ts'
import { isGid } from './config.ts'
import type { AsanaConfig } from './config.ts'
import { notKept, refuseNotKept, type Sent } from './kept.ts'
import { jobOf, notSaid, observedOf, projectOf, stageOf, taskRef, type MentionedKind } from './mapping.ts'
import { fieldsOf, taskDataOf } from './patch.ts'
import { readObservedTask } from './records.ts'
import type { Task } from './records.ts'
import type { Stage, Stages } from './stages.ts'
import { taskStep, traceOfData, type openUnfinished } from './unfinished.ts'

/** Failures after which the vendor may have done it all the same. */
const mayBeDone: ReadonlySet<VendorErrorKind> = new Set(['timeout', 'unavailable', 'unreadable'])

/** Failures that say that nothing was done. */
const refusals: ReadonlySet<VendorErrorKind> = new Set(['rejected', 'not-found', 'unauthorized', 'rate-limited'])

/** What is read through the cache, by kind; of what tasks mention, the name they show. */
export interface AsanaKinds extends Record<MentionedKind, string> {
  task: Task
}

/** Reads tasks, ten a request. A task outside the configured projects is no job and so does not exist. */
export function taskReader(client: AsanaClient, config: AsanaConfig): RecordReader<Task> {
  return async (wanted, call) => {
    // Anything else cannot be a task, and would be part of a path.
    const gids = wanted.map(({ id }) => id).filter(isGid)
    const batches: string[][] = []
    for (let at = 0; at < gids.length; at += batchSize) batches.push(gids.slice(at, at + batchSize))
    const answers = await Promise.all(batches.map(batch => readBatch(batch, call)))
    return new Map(answers.flatMap(answer => [...answer]))
  }

  async function readBatch(gids: readonly string[], call: CallContext): Promise<ReadonlyMap<string, Task | Error>> {
    try {
      const found = await client.readTasks(gids, call)
      return new Map([...found].filter(([, one]) => one instanceof Error || projectOf(one, config) !== null))
    } catch (error) {
      // The other batches' tasks are still good.
      if (!(error instanceof VendorError)) throw error
      return new Map(gids.map(gid => [gid, error]))
    }
  }
}

/** Lists the tasks of each configured project, a hundred a request. */
export function taskImporter(client: AsanaClient, config: AsanaConfig, log: Log): Importer {
  const { projects, customerField, orderField, statusField } = config
  const size = openPageSize(pageSize)
  return {
    kind: 'task',
    // With `keeps`, what an earlier version did not keep is listed anew.
    settings: JSON.stringify({ projects, customerField, orderField, statusField, keeps: ['names'] }),
    async list(cursor, call): Promise<ImportPage> {
      const { project, offset } = readCursor(cursor, config)
      const page = await pageFrom(project, offset, call)
      const following = config.projects[config.projects.indexOf(project) + 1]
      const next = page.next !== null ? { project, offset: page.next } : following ? { project: following } : null
      return {
        observed: page.tasks.flatMap(observe),
        next: next === null ? null : JSON.stringify(next),
        total: null,
      }
    },
  }

  /** Offsets expire; the project is then listed from its start. Source: Asana API reference, pagination. */
  async function pageFrom(project: string, offset: string | null, call: CallContext) {
    try {
      return await size.ask(limit => client.listTasks(project, offset, limit, call))
    } catch (error) {
      if (offset === null || !(error instanceof VendorError) || error.kind !== 'rejected') throw error
      log.info({ system: 'asana', project }, 'the place in the list is no longer known; the project is listed again')
      return size.ask(limit => client.listTasks(project, null, limit, call))
    }
  }

  /** One that cannot be read must not keep the others out. */
  function observe(value: unknown): readonly ObservedRecord[] {
    try {
      const observed = observedOf(readObservedTask(value), config)
      return observed === null ? [] : [observed]
    } catch (error) {
      if (!(error instanceof VendorError)) throw error
      log.warn({ system: 'asana', reason: error.message }, 'a task was left out of the import')
      return []
    }
  }
}

export function openSource(
  client: AsanaClient,
  records: Records<AsanaKinds>,
  stages: Stages,
  config: AsanaConfig,
  unfinished: ReturnType<typeof openUnfinished>,
): JobsSource {
  const jobFields = oncePerRecord((task: Task) => jobOf(task, config))
  return {
    system: 'asana',
    async job(wanted, context) {
      const task = await records.load('task', wanted, context)
      return task === null ? null : jobFields(task)
    },
    async create(fields, { call }, steps) {
      const [project] = config.projects
      const stage = typeof fields.status === 'string' ? await stages.named(fields.status, project, null, call) : null
      const values = taskDataOf(withoutNulls(fields), null, config)
      const data = stage === null ? values : withStage(values, stage)
      const section = stage !== null && config.statusField === null ? stage.gid : null
      const place =
        section === null ? { projects: [project] } : { projects: [project], memberships: [{ project, section }] }
      const trace = traceOfData(data, config)
      const made = new Map<string, Task>()
      const gid = await steps.step(taskStep, trace, {
        async send() {
          const task = await createdOrFound({ ...data, ...place }, trace, steps, call)
          made.set(task.gid, task)
          return task.gid
        },
        async find(sentAt) {
          const task = await unfinished.findSettled(steps, trace, sentAt, call)
          if (task !== null) made.set(task.gid, task)
          return task?.gid ?? null
        },
      })
      const answered = made.get(gid) ?? (await current(gid, call)).task
      const task = await kept(answered, { data, section }, call)
      return [written('CREATED', task, fieldsOf(withoutNulls(fields)))]
    },
    async update(id, patch, { call }) {
      const { task, project } = await current(id, call)
      // Whatever may be wrong with the input is found before anything is sent.
      const stage = await stageGiven(patch, task, project, call)
      const data = taskDataOf(patch, task, config)
      const answer = await send(task, stage === undefined ? { data, section: null } : sentWith(data, stage), call)
      return [written('UPDATED', answer, fieldsOf(patch))]
    },
    async complete(id, { call }) {
      const { task, project } = await current(id, call)
      const stage = await stages.done(project, valueOrNull(stageOf(task, config))?.gid ?? null, call)
      const data = { completed: true }
      const answer = await send(task, stage === null ? { data, section: null } : sentWith(data, stage), call)
      return [written('UPDATED', answer, ['isCompleted', 'completedAt', ...(stage === null ? [] : ['status'])])]
    },
  }

  /**
   * Sends what is to change: the section first, then the fields, a request each. The second answer shows both, and the time in
   * which a webhook of the first could come before our own Change is one request.
   * @returns the task, which has what was sent
   * @throws VendorError `incomplete` when it has not
   */
  async function send(before: Task, sent: Sent, call: CallContext): Promise<Task> {
    const { data, section } = sent
    const hasData = Object.keys(data).length > 0
    const isMoved = section !== null && valueOrNull(stageOf(before, config))?.gid !== section
    if (isMoved) await client.moveTask(before.gid, section, call)
    if (!hasData) return kept(isMoved ? await again(before.gid, call) : before, sent, call)
    try {
      return await kept(await client.updateTask(before.gid, data, call), sent, call)
    } catch (error) {
      throw isMoved ? partly(error) : error
    }
  }

  /** The task as it is after a write; read once more where the answer does not show what was sent. */
  async function kept(answer: Task, sent: Sent, call: CallContext): Promise<Task> {
    if (notKept(answer, sent, config).length === 0) return answer
    const task = await again(answer.gid, call)
    refuseNotKept(notKept(task, sent, config))
    return task
  }

  /** @throws VendorError `incomplete` for a read that fails in a way that would say that nothing was written */
  async function again(gid: string, call: CallContext): Promise<Task> {
    try {
      return (await current(gid, call)).task
    } catch (error) {
      throw partly(error)
    }
  }

  /** A task whose making was not answered is looked for at once: most often it was made. */
  async function createdOrFound(data: TaskData, trace: string, steps: WriteSteps, call: CallContext): Promise<Task> {
    try {
      return await client.createTask(data, call)
    } catch (error) {
      if (!(error instanceof VendorError) || !mayBeDone.has(error.kind)) throw error
      const found = await unfinished.find(steps, trace, call).catch(() => null)
      if (found === null) throw error
      return found
    }
  }

  /** As it is now, not as the cache has it: what is written depends on it. @throws VendorError when it is no job */
  async function current(id: string, call: CallContext): Promise<{ readonly task: Task; readonly project: string }> {
    const task = isGid(id) ? (await client.readTasks([id], call)).get(id) : undefined
    if (task instanceof Error) throw task
    const project = task === undefined ? null : projectOf(task, config)
    if (project instanceof NotUnderstood) throw project
    if (project === notSaid)
      throw new VendorError('asana', 'unreadable', `task ${id}: expected memberships, got none; see records.ts`)
    if (task !== undefined && project !== null) return { task, project }
    throw new VendorError('asana', 'not-found', 'expected a task of one of the projects in ASANA_PROJECTS')
  }

  /** @returns undefined when the patch leaves the stage alone */
  async function stageGiven(
    { status }: JobPatch,
    task: Task,
    project: string,
    call: CallContext,
  ): Promise<Stage | null | undefined> {
    if (typeof status === 'string')
      return stages.named(status, project, valueOrNull(stageOf(task, config))?.gid ?? null, call)
    if (status === undefined || config.statusField !== null) return status
    throw new VendorError('asana', 'rejected', 'a section cannot be emptied', {
      inputFault: 'status: a job is always in one of the stages; give its name',
    })
  }

  /** A stage that is a custom field goes with the other fields; a section is moved to. */
  function sentWith(data: TaskData, stage: Stage | null): Sent {
    return { data: withStage(data, stage), section: config.statusField === null ? (stage?.gid ?? null) : null }
  }

  function withStage(data: TaskData, stage: Stage | null): TaskData {
    if (config.statusField === null) return data
    const given = data['custom_fields']
    const customFields = typeof given === 'object' && given !== null ? given : {}
    return { ...data, custom_fields: { ...customFields, [config.statusField]: stage?.gid ?? null } }
  }

  function written(kind: Written['kind'], task: Task, fields: readonly string[]): Written {
    const observed = observedOf(task, config)
    const base = { kind, record: taskRef(task.gid), fields }
    return observed === null ? base : { ...base, observed }
  }
}

/** What failed after a part was written: a refusal of the rest does not say that nothing was done. */
function partly(error: unknown): Error {
  if (!(error instanceof VendorError))
    return error instanceof Error ? error : new Error('expected an Error, but something else was thrown')
  if (!refusals.has(error.kind)) return error
  const { inputFault, retryAfterMs } = error
  const why = inputFault === undefined ? '' : `: ${inputFault}`
  // What may pass is tried again where the client still wants it.
  if (error.isPassing) return new VendorError('asana', 'unavailable', error.message, { retryAfterMs })
  return new VendorError('asana', 'incomplete', error.message, {
    inputFault: `The jobs tool did only a part of what was asked${why}. Read the job to see what it has now.`,
  })
}

/** What is to be empty in a new job need not be sent. */
function withoutNulls(patch: JobPatch): JobPatch {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== null && value !== undefined))
}

const storedCursor = z.object({ project: z.string(), offset: z.string().optional() })

/** A cursor of a project that was taken out of the settings starts over. */
function readCursor(cursor: string | null, config: AsanaConfig): { project: string; offset: string | null } {
  const start = { project: config.projects[0], offset: null }
  if (cursor === null) return start
  const read = storedCursor.safeParse(parseJson(cursor))
  if (!read.success || !config.projects.includes(read.data.project)) return start
  return { project: read.data.project, offset: read.data.offset ?? null }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
