import { badRequest, notFound } from './errors.ts'
import { createHappenings } from './happenings.ts'
import { workspace } from './records.ts'
import type { Happenings } from './happenings.ts'
import type { Membership, Project, Reference, Section, Task, User } from './records.ts'

/** Fields to write: absent stays as it is, null empties. */
export interface TaskPatch {
  readonly name?: string
  readonly notes?: string
  readonly completed?: boolean
  readonly dueOn?: string | null
  readonly dueAt?: Date | null
  readonly startOn?: string | null
  readonly startAt?: Date | null
  readonly assigneeGid?: string | null
  /** By custom field gid. */
  readonly texts?: ReadonlyMap<string, string | null>
}

/** The account: what it holds, and the verbs that change it. Each change is recorded as what happened. */
export interface AsanaState {
  readonly happenings: Happenings
  readonly projects: ReadonlyMap<string, Project>
  readonly users: ReadonlyMap<string, User>
  task(gid: string): Task
  findTask(gid: string): Task | undefined
  /** From a place in the list on, in the list's order. */
  tasks(fromOrdinal: number): Iterable<Task>
  project(gid: string): Project
  section(gid: string): { readonly project: Project; readonly section: Section }
  user(gid: string): User
  createTask(patch: TaskPatch & { readonly name: string }, memberships: readonly Membership[], by: string): Task
  updateTask(gid: string, patch: TaskPatch, by: string): Task
  /** Into the section, and into its project when the task is not there yet. */
  moveTask(gid: string, sectionGid: string, by: string): Task
  leaveProject(gid: string, projectGid: string, by: string): Task
  deleteTask(gid: string, by: string): void
  /** Told of the section alone: its tasks stay as they were, their `modifiedAt` too. */
  renameSection(gid: string, name: string, by: string): void
  /** Told to no project. */
  renameUser(gid: string, name: string): void
  /** Its tasks stand in it no more, of which nothing is told. */
  deleteProject(gid: string, by: string): void
  /** A gid nobody has yet. */
  nextGid(): string
}

export interface Seed {
  readonly projects: readonly Project[]
  readonly users: readonly User[]
  readonly tasks: readonly Omit<Task, 'ordinal'>[]
}

/** @param zone in which an instant has its day: `America/Los_Angeles` */
export function createState(seed: Seed, clock: () => Date, zone: string): AsanaState {
  const projects = new Map(seed.projects.map(project => [project.gid, project]))
  const users = new Map(seed.users.map(user => [user.gid, user]))
  const gids = new Map<string, number>()
  const byOrdinal: (Task | undefined)[] = []
  const happenings = createHappenings(clock)
  let lastGid = 100_000

  for (const task of seed.tasks) {
    if (gids.has(task.gid)) throw new Error(`seed: task gid ${task.gid} stands twice`)
    add(task)
    if (/^\d{1,15}$/.test(task.gid)) lastGid = Math.max(lastGid, Number(task.gid))
  }

  return {
    happenings,
    projects,
    users,
    findTask,
    task,
    *tasks(fromOrdinal) {
      for (let at = Math.max(0, fromOrdinal); at < byOrdinal.length; at += 1) {
        const found = byOrdinal[at]
        if (found !== undefined) yield found
      }
    },
    project,
    section,
    user(gid) {
      const found = users.get(gid)
      if (found === undefined) throw unknown('user', gid)
      return found
    },
    createTask(patch, memberships, by) {
      const now = clock()
      const empty = { notes: '', completedAt: null, dueOn: null, dueAt: null, startOn: null, startAt: null }
      const bare = { ...empty, gid: nextGid(), name: '', assigneeGid: null, texts: new Map<string, string>() }
      const created = add(apply({ ...bare, ordinal: 0, createdAt: now, modifiedAt: now, memberships }, patch, now))
      for (const membership of memberships) {
        happened(created, by, 'added', projectReference(project(membership.projectGid)))
        happened(created, by, 'added', sectionReference(section(membership.sectionGid).section))
      }
      story(created, by, 'added_to_project')
      return created
    },
    updateTask(gid, patch, by) {
      const before = task(gid)
      const after = apply(before, patch, clock())
      const changes = differences(before, after)
      if (changes.length === 0) return before
      replace(after)
      for (const { field, newValue, subtype } of changes) {
        const change = newValue === undefined ? { field } : { field, newValue }
        happenings.append({ ...about(after, by), action: 'changed', parent: null, change })
        story(after, by, subtype)
      }
      return after
    },
    moveTask(gid, sectionGid, by) {
      const before = task(gid)
      const target = section(sectionGid)
      const held = before.memberships.find(membership => membership.projectGid === target.project.gid)
      if (held?.sectionGid === sectionGid) return before
      const kept = before.memberships.filter(membership => membership !== held)
      const memberships = [...kept, { projectGid: target.project.gid, sectionGid }]
      const after = replace({ ...before, memberships, modifiedAt: clock() })
      if (held === undefined) happened(after, by, 'added', projectReference(target.project))
      else happened(after, by, 'removed', sectionReference(section(held.sectionGid).section))
      happened(after, by, 'added', sectionReference(target.section))
      happenings.append({ ...about(after, by), action: 'changed', parent: null, change: { field: 'memberships' } })
      story(after, by, held === undefined ? 'added_to_project' : 'section_changed')
      return after
    },
    leaveProject(gid, projectGid, by) {
      const before = task(gid)
      const held = before.memberships.find(membership => membership.projectGid === projectGid)
      if (held === undefined) return before
      const memberships = before.memberships.filter(membership => membership !== held)
      const after = replace({ ...before, memberships, modifiedAt: clock() })
      // Said about the task as it was: the project it left is told too.
      happened(before, by, 'removed', sectionReference(section(held.sectionGid).section))
      happened(before, by, 'removed', projectReference(project(projectGid)))
      story(before, by, 'removed_from_project')
      return after
    },
    deleteTask(gid, by) {
      const gone = task(gid)
      byOrdinal[gone.ordinal] = undefined
      gids.delete(gid)
      for (const membership of gone.memberships) {
        happened(gone, by, 'removed', projectReference(project(membership.projectGid)))
      }
      happened(gone, by, 'deleted', null)
    },
    renameSection(gid, name, by) {
      const { project: held, section: before } = section(gid)
      const renamed = { ...before, name }
      const sections = held.sections.map(one => (one.gid === gid ? renamed : one))
      projects.set(held.gid, { ...held, sections })
      const scopes = [gid, held.gid]
      const resource = sectionReference(renamed)
      happenings.append({ userGid: by, action: 'changed', resource, parent: null, change: { field: 'name' }, scopes })
    },
    renameUser(gid, name) {
      const found = users.get(gid)
      if (found === undefined) throw unknown('user', gid)
      users.set(gid, { ...found, name })
    },
    deleteProject(gid, by) {
      const gone = project(gid)
      for (const task of byOrdinal) {
        if (task === undefined) continue
        const memberships = task.memberships.filter(({ projectGid }) => projectGid !== gid)
        if (memberships.length < task.memberships.length) replace({ ...task, memberships })
      }
      projects.delete(gid)
      const resource = projectReference(gone)
      happenings.append({ userGid: by, action: 'deleted', resource, parent: null, change: null, scopes: [gid] })
    },
    nextGid,
  }

  function add(task: Omit<Task, 'ordinal'>): Task {
    const added = { ...task, ordinal: byOrdinal.length }
    byOrdinal.push(added)
    gids.set(added.gid, added.ordinal)
    return added
  }

  function replace(task: Task): Task {
    byOrdinal[task.ordinal] = task
    return task
  }

  function findTask(gid: string): Task | undefined {
    const ordinal = gids.get(gid)
    return ordinal === undefined ? undefined : byOrdinal[ordinal]
  }

  function task(gid: string): Task {
    const found = findTask(gid)
    if (found === undefined) throw unknown('task', gid)
    return found
  }

  function project(gid: string): Project {
    const found = projects.get(gid)
    if (found === undefined) throw unknown('project', gid)
    return found
  }

  function section(gid: string): { project: Project; section: Section } {
    for (const project of projects.values()) {
      const section = project.sections.find(section => section.gid === gid)
      if (section !== undefined) return { project, section }
    }
    throw unknown('section', gid)
  }

  function nextGid(): string {
    lastGid += 1
    return String(lastGid)
  }

  function apply(before: Task, patch: TaskPatch, now: Date): Task {
    const texts = new Map(before.texts)
    for (const [gid, value] of patch.texts ?? []) {
      if (value === null || value === '') texts.delete(gid)
      else texts.set(gid, value)
    }
    const isCompleted = patch.completed ?? before.completedAt !== null
    const after = {
      ...before,
      ...dates(before, patch, zone),
      name: patch.name ?? before.name,
      notes: patch.notes ?? before.notes,
      assigneeGid: patch.assigneeGid === undefined ? before.assigneeGid : patch.assigneeGid,
      completedAt: isCompleted ? (before.completedAt ?? now) : null,
      texts,
    }
    return { ...after, modifiedAt: now }
  }

  /** The task as the resource of what happened, and where it bubbles up to. */
  function about(task: Task, by: string) {
    const scopes = [task.gid, ...task.memberships.map(membership => membership.projectGid)]
    return { userGid: by, resource: taskReference(task), scopes }
  }

  function happened(task: Task, by: string, action: 'added' | 'removed' | 'deleted', parent: Reference | null): void {
    happenings.append({ ...about(task, by), action, parent, change: null })
  }

  /** The line Asana writes below the task, which bubbles up like everything else. */
  function story(task: Task, by: string, subtype: string): void {
    const resource = { gid: nextGid(), type: 'story', subtype } as const
    happenings.append({ ...about(task, by), action: 'added', resource, parent: taskReference(task), change: null })
  }
}

export function taskReference(task: Task): Reference {
  return { gid: task.gid, type: 'task', subtype: 'default_task', name: task.name }
}

export function projectReference(project: Project): Reference {
  return { gid: project.gid, type: 'project', name: project.name }
}

export function sectionReference(section: Section): Reference {
  return { gid: section.gid, type: 'section', name: section.name }
}

/** A gid that is no number is refused as such; a number nobody has is not found. */
export function unknown(kind: string, gid: string): Error {
  return /^\d+$/.test(gid) ? notFound(kind, gid) : badRequest(`${kind}: Not a recognized ID: ${gid}`)
}

export function isWorkspace(gid: string): boolean {
  return gid === workspace.gid
}

/** The day an instant is in: `2026-06-01`. */
export function dayOf(at: Date, zone: string): string {
  return at.toLocaleDateString('sv', { timeZone: zone })
}

/** An instant carries its day with it; a day given alone takes the instant away. */
function dates(before: Task, patch: TaskPatch, zone: string): Pick<Task, 'dueOn' | 'dueAt' | 'startOn' | 'startAt'> {
  const due = moment(before.dueOn, before.dueAt, patch.dueOn, patch.dueAt, zone)
  const start = moment(before.startOn, before.startAt, patch.startOn, patch.startAt, zone)
  return { dueOn: due.on, dueAt: due.at, startOn: start.on, startAt: start.at }
}

function moment(
  on: string | null,
  at: Date | null,
  newOn: string | null | undefined,
  newAt: Date | null | undefined,
  zone: string,
): { on: string | null; at: Date | null } {
  if (newAt instanceof Date) return { on: dayOf(newAt, zone), at: newAt }
  if (newOn !== undefined) return { on: newOn, at: null }
  if (newAt === null) return { on: null, at: null }
  return { on, at }
}

interface Difference {
  readonly field: string
  readonly newValue?: Reference
  /** The kind of story the change leaves. */
  readonly subtype: string
}

/** In the words of `change.field`. */
function differences(before: Task, after: Task): readonly Difference[] {
  const found: Difference[] = []
  if (before.name !== after.name) found.push({ field: 'name', subtype: 'name_changed' })
  if (before.notes !== after.notes) found.push({ field: 'notes', subtype: 'notes_changed' })
  const wasCompleted = before.completedAt !== null
  const isCompleted = after.completedAt !== null
  if (wasCompleted !== isCompleted) {
    found.push({ field: 'completed', subtype: isCompleted ? 'marked_complete' : 'marked_incomplete' })
  }
  for (const field of ['due', 'start'] as const) {
    const hasMoved = before[`${field}At`]?.getTime() !== after[`${field}At`]?.getTime()
    if (hasMoved) found.push({ field: `${field}_at`, subtype: 'due_date_changed' })
    if (before[`${field}On`] !== after[`${field}On`]) found.push({ field: `${field}_on`, subtype: 'due_date_changed' })
  }
  if (before.assigneeGid !== after.assigneeGid) {
    const newValue = after.assigneeGid === null ? undefined : ({ gid: after.assigneeGid, type: 'user' } as const)
    found.push({ field: 'assignee', newValue, subtype: newValue === undefined ? 'unassigned' : 'assigned' })
  }
  for (const gid of new Set([...before.texts.keys(), ...after.texts.keys()])) {
    if (before.texts.get(gid) === after.texts.get(gid)) continue
    const newValue = { gid, type: 'custom_field', subtype: 'text' } as const
    found.push({ field: 'custom_fields', newValue, subtype: 'text_custom_field_changed' })
  }
  return found
}
