import { workspace } from './records.ts'
import type { CustomField, Happening, Project, Reference, Section, Task, User } from './records.ts'
import type { AsanaState } from './state.ts'

/** A record as it goes over the wire. */
export type View = Readonly<Record<string, unknown>>

/**
 * What of a record is answered.
 * - `compact`: gid, resource_type, name (and a few more); lists without `opt_fields`.
 * - `full`: single records without `opt_fields`.
 * - paths: the fields asked for, and gid and resource_type always.
 */
export type Selection = 'compact' | 'full' | readonly string[]

/** @param whole what is answered when the request names no fields */
export function selectionOf(optFields: string | null, whole: 'compact' | 'full'): Selection {
  const paths = (optFields ?? '')
    .split(',')
    .map(path => path.trim().replace(/^this\./, ''))
    .filter(path => path !== '')
  return paths.length === 0 ? whole : paths
}

export function taskView(task: Task, state: AsanaState, selection: Selection): View {
  const compact = { gid: task.gid, resource_type: 'task', name: task.name, resource_subtype: 'default_task' }
  if (selection === 'compact') return compact
  const isCompleted = task.completedAt !== null
  const assignee = task.assigneeGid === null ? undefined : state.users.get(task.assigneeGid)
  const memberships = task.memberships.map(membership => state.section(membership.sectionGid))
  return select(selection, {
    ...compact,
    assignee: assignee === undefined ? null : compactUser(assignee),
    completed: isCompleted,
    completed_at: time(task.completedAt),
    created_at: time(task.createdAt),
    custom_fields: memberships.flatMap(({ project }) => project.fields.map(field => customFieldView(field, task))),
    due_at: time(task.dueAt),
    due_on: task.dueOn,
    followers: [],
    hearted: false,
    liked: false,
    memberships: memberships.map(({ project, section }) => ({
      project: compactProject(project),
      section: compactSection(section),
    })),
    modified_at: time(task.modifiedAt),
    notes: task.notes,
    num_likes: 0,
    parent: null,
    permalink_url: `https://app.asana.com/0/${task.memberships[0]?.projectGid ?? 0}/${task.gid}`,
    projects: memberships.map(({ project }) => compactProject(project)),
    start_at: time(task.startAt),
    start_on: task.startOn,
    tags: [],
    workspace: workspaceView('full'),
  })
}

export function projectView(project: Project, selection: Selection): View {
  if (selection === 'compact') return compactProject(project)
  return select(selection, {
    ...compactProject(project),
    archived: false,
    color: null,
    created_at: time(project.createdAt),
    custom_field_settings: project.fields.map(field => fieldSettingView(project, field, 'full')),
    default_view: 'board',
    modified_at: time(project.createdAt),
    notes: '',
    permalink_url: `https://app.asana.com/0/${project.gid}`,
    workspace: workspaceView('full'),
  })
}

export function sectionView(project: Project, section: Section, selection: Selection): View {
  if (selection === 'compact') return compactSection(section)
  const created = { created_at: time(project.createdAt), project: compactProject(project) }
  return select(selection, { ...compactSection(section), ...created })
}

export function fieldSettingView(project: Project, field: CustomField, selection: Selection): View {
  return select(selection, {
    gid: `${project.gid}${field.gid}`,
    resource_type: 'custom_field_setting',
    project: compactProject(project),
    parent: compactProject(project),
    is_important: true,
    custom_field: { ...customFieldHead(field), description: '' },
  })
}

export function userView(user: User, selection: Selection): View {
  if (selection === 'compact') return compactUser(user)
  return select(selection, {
    ...compactUser(user),
    email: user.email,
    photo: null,
    workspaces: [workspaceView('full')],
  })
}

export function workspaceView(selection: Selection): View {
  return select(selection, { gid: workspace.gid, resource_type: 'workspace', name: workspace.name })
}

/** As the feed has it: references with names. */
export function eventView(happening: Happening, selection: Selection): View {
  return select(selection, { ...eventWith(happening, namedReference), type: happening.resource.type })
}

/** As a webhook has it: ids only. */
export function hookEventView(happening: Happening): View {
  return eventWith(happening, bareReference)
}

export function time(at: Date | null): string | null {
  return at === null ? null : at.toISOString()
}

function eventWith(happening: Happening, reference: (reference: Reference) => View): View {
  const { change } = happening
  const newValue = change?.newValue === undefined ? {} : { new_value: bareReference(change.newValue) }
  return {
    user: bareReference({ gid: happening.userGid, type: 'user' }),
    created_at: time(happening.at),
    action: happening.action,
    resource: reference(happening.resource),
    parent: happening.parent === null ? null : reference(happening.parent),
    ...(change === null ? {} : { change: { field: change.field, action: 'changed', ...newValue } }),
  }
}

function bareReference(reference: Reference): View {
  const bare = { gid: reference.gid, resource_type: reference.type }
  return reference.subtype === undefined ? bare : { ...bare, resource_subtype: reference.subtype }
}

function namedReference(reference: Reference): View {
  return reference.name === undefined ? bareReference(reference) : { ...bareReference(reference), name: reference.name }
}

function compactProject(project: Project): View {
  return { gid: project.gid, resource_type: 'project', name: project.name }
}

function compactSection(section: Section): View {
  return { gid: section.gid, resource_type: 'section', name: section.name }
}

function compactUser(user: User): View {
  return { gid: user.gid, resource_type: 'user', name: user.name }
}

function customFieldView(field: CustomField, task: Task): View {
  const value = task.texts.get(field.gid) ?? null
  return { ...customFieldHead(field), enabled: true, text_value: value, display_value: value }
}

function customFieldHead(field: CustomField): View {
  const kind = { resource_subtype: 'text', type: 'text' }
  return { gid: field.gid, resource_type: 'custom_field', name: field.name, ...kind }
}

/** Picks `a.b` paths out of a view; a path that ends at a record takes that record as it stands. */
function select(selection: Selection, view: View): View {
  if (typeof selection === 'string') return view
  const picked: Record<string, unknown> = {}
  const wanted = new Map<string, string[]>(['gid', 'resource_type'].map(field => [field, []]))
  for (const path of selection) {
    const [head = '', ...rest] = path.split('.')
    const below = wanted.get(head) ?? []
    wanted.set(head, rest.length === 0 ? below : [...below, rest.join('.')])
  }
  for (const [head, below] of wanted) {
    if (!Object.hasOwn(view, head)) continue
    const value = view[head]
    picked[head] = below.length === 0 ? value : selectWithin(below, value)
  }
  return picked
}

function selectWithin(paths: readonly string[], value: unknown): unknown {
  if (Array.isArray(value)) return value.map(entry => selectWithin(paths, entry))
  return isView(value) ? select(paths, value) : value
}

function isView(value: unknown): value is View {
  return typeof value === 'object' && value !== null
}
