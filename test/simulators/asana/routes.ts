import { badRequest } from './errors.ts'
import { readFeed } from './feed.ts'
import { isInput, text } from './input.ts'
import { listTasks, pageOfAll } from './list.ts'
import { isWorkspace, unknown } from './state.ts'
import { firstSection, readMemberships, readTaskPatch } from './task-input.ts'
import {
  fieldSettingView,
  projectView,
  sectionView,
  selectionOf,
  taskView,
  userView,
  workspaceView,
  type View,
} from './views.ts'
import type { Hooks } from './hooks.ts'
import type { Input } from './input.ts'
import type { AsanaState } from './state.ts'

/** One request, alone or out of a batch. */
export interface AsanaRequest {
  readonly method: string
  /** Below `/api/1.0`. */
  readonly path: string
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** What stood under `data`. */
  readonly data: Input
  /** Whose token it came with. */
  readonly me: string
}

export interface AsanaAnswer {
  readonly status: number
  readonly body: unknown
}

export interface AsanaRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** `/tasks/:gid` */
  readonly path: string
  /** @throws AsanaError */
  readonly handle: (request: AsanaRequest) => AsanaAnswer | Promise<AsanaAnswer>
}

/** The endpoints, except `/batch`. */
export function asanaRoutes(state: AsanaState, hooks: Hooks, clock: () => Date): readonly AsanaRoute[] {
  return [
    { method: 'GET', path: '/tasks', handle: ({ path, query }) => ok(listTasks(state, path, query, clock())) },
    { method: 'POST', path: '/tasks', handle: createTask },
    { method: 'GET', path: '/tasks/:gid', handle: request => one(task(request.params['gid']), request) },
    { method: 'PUT', path: '/tasks/:gid', handle: updateTask },
    { method: 'DELETE', path: '/tasks/:gid', handle: deleteTask },
    { method: 'POST', path: '/tasks/:gid/addProject', handle: addProject },
    { method: 'POST', path: '/tasks/:gid/removeProject', handle: removeProject },
    { method: 'GET', path: '/projects/:gid', handle: getProject },
    { method: 'GET', path: '/projects/:gid/tasks', handle: request => listWithin('project', request) },
    { method: 'GET', path: '/projects/:gid/sections', handle: listSections },
    { method: 'GET', path: '/projects/:gid/custom_field_settings', handle: listFieldSettings },
    { method: 'GET', path: '/sections/:gid', handle: getSection },
    { method: 'GET', path: '/sections/:gid/tasks', handle: request => listWithin('section', request) },
    { method: 'POST', path: '/sections/:gid/addTask', handle: addTask },
    { method: 'GET', path: '/users', handle: listUsers },
    { method: 'GET', path: '/users/:gid', handle: getUser },
    { method: 'GET', path: '/workspaces', handle: listWorkspaces },
    { method: 'GET', path: '/workspaces/:gid', handle: getWorkspace },
    { method: 'GET', path: '/workspaces/:gid/users', handle: listUsers },
    { method: 'GET', path: '/workspaces/:gid/projects', handle: listProjects },
    { method: 'GET', path: '/events', handle: ({ query }) => ok(readFeed(state, query, clock())) },
    { method: 'GET', path: '/webhooks', handle: listHooks },
    { method: 'POST', path: '/webhooks', handle: createHook },
    { method: 'GET', path: '/webhooks/:gid', handle: ({ params }) => data(hooks.get(gid(params['gid']))) },
    { method: 'DELETE', path: '/webhooks/:gid', handle: deleteHook },
  ]

  function createTask(request: AsanaRequest): AsanaAnswer {
    const memberships = readMemberships(request.data, state)
    const workspaceGid = text(request.data, 'workspace')
    if (memberships.length === 0 && !isWorkspace(workspaceGid ?? '')) {
      throw badRequest('You should specify one of workspace, parent, projects')
    }
    const projectGids = memberships.map(membership => membership.projectGid)
    const patch = readTaskPatch(request.data, state, projectGids, request.me)
    return one(state.createTask({ ...patch, name: patch.name ?? '' }, memberships, request.me), request, 201)
  }

  function updateTask(request: AsanaRequest): AsanaAnswer {
    const before = task(request.params['gid'])
    const projectGids = before.memberships.map(membership => membership.projectGid)
    const patch = readTaskPatch(request.data, state, projectGids, request.me)
    return one(state.updateTask(before.gid, patch, request.me), request)
  }

  function deleteTask({ params, me }: AsanaRequest): AsanaAnswer {
    state.deleteTask(gid(params['gid']), me)
    return data({})
  }

  function addProject({ params, data: input, me }: AsanaRequest): AsanaAnswer {
    const project = text(input, 'project')
    if (project === undefined) throw badRequest('project: Missing input')
    state.moveTask(gid(params['gid']), text(input, 'section') ?? firstSection(state, project), me)
    return data({})
  }

  function removeProject({ params, data: input, me }: AsanaRequest): AsanaAnswer {
    const project = text(input, 'project')
    if (project === undefined) throw badRequest('project: Missing input')
    state.leaveProject(gid(params['gid']), state.project(project).gid, me)
    return data({})
  }

  function addTask({ params, data: input, me }: AsanaRequest): AsanaAnswer {
    const moved = text(input, 'task')
    if (moved === undefined) throw badRequest('task: Missing input')
    state.moveTask(moved, gid(params['gid']), me)
    return data({})
  }

  function listWithin(scope: 'project' | 'section', { path, params, query }: AsanaRequest): AsanaAnswer {
    const scoped = new URLSearchParams(query)
    scoped.set(scope, gid(params['gid']))
    return ok(listTasks(state, path, scoped, clock()))
  }

  function getProject({ params, query }: AsanaRequest): AsanaAnswer {
    return data(projectView(state.project(gid(params['gid'])), selectionOf(query.get('opt_fields'), 'full')))
  }

  function listProjects({ path, params, query }: AsanaRequest): AsanaAnswer {
    inWorkspace(gid(params['gid']))
    const selection = selectionOf(query.get('opt_fields'), 'compact')
    const projects = [...state.projects.values()].map(project => projectView(project, selection))
    return ok(pageOfAll(projects, path, query))
  }

  function listSections({ path, params, query }: AsanaRequest): AsanaAnswer {
    const project = state.project(gid(params['gid']))
    const selection = selectionOf(query.get('opt_fields'), 'compact')
    const sections = project.sections.map(section => sectionView(project, section, selection))
    return ok(pageOfAll(sections, path, query))
  }

  function listFieldSettings({ path, params, query }: AsanaRequest): AsanaAnswer {
    const project = state.project(gid(params['gid']))
    const selection = selectionOf(query.get('opt_fields'), 'full')
    const settings = project.fields.map(field => fieldSettingView(project, field, selection))
    return ok(pageOfAll(settings, path, query))
  }

  function getSection({ params, query }: AsanaRequest): AsanaAnswer {
    const { project, section } = state.section(gid(params['gid']))
    return data(sectionView(project, section, selectionOf(query.get('opt_fields'), 'full')))
  }

  function listUsers({ path, params, query }: AsanaRequest): AsanaAnswer {
    const workspaceGid = params['gid'] ?? query.get('workspace')
    if (workspaceGid !== null) inWorkspace(workspaceGid)
    const selection = selectionOf(query.get('opt_fields'), 'compact')
    return ok(
      pageOfAll(
        [...state.users.values()].map(user => userView(user, selection)),
        path,
        query,
      ),
    )
  }

  function getUser({ params, query, me }: AsanaRequest): AsanaAnswer {
    const user = state.user(params['gid'] === 'me' ? me : gid(params['gid']))
    return data(userView(user, selectionOf(query.get('opt_fields'), 'full')))
  }

  function listWorkspaces({ path, query }: AsanaRequest): AsanaAnswer {
    return ok(pageOfAll([workspaceView(selectionOf(query.get('opt_fields'), 'compact'))], path, query))
  }

  function getWorkspace({ params, query }: AsanaRequest): AsanaAnswer {
    inWorkspace(gid(params['gid']))
    return data(workspaceView(selectionOf(query.get('opt_fields'), 'full')))
  }

  function listHooks({ path, query }: AsanaRequest): AsanaAnswer {
    const workspaceGid = query.get('workspace')
    if (workspaceGid === null) throw badRequest('workspace: Missing input')
    inWorkspace(workspaceGid)
    return ok(pageOfAll(hooks.list(query.get('resource')), path, query))
  }

  async function createHook({ data: input }: AsanaRequest): Promise<AsanaAnswer> {
    const { view, secret } = await hooks.create(input)
    return { status: 201, body: { data: view, 'X-Hook-Secret': secret } }
  }

  function deleteHook({ params }: AsanaRequest): AsanaAnswer {
    hooks.remove(gid(params['gid']))
    return data({})
  }

  function task(taskGid: string | undefined) {
    return state.task(gid(taskGid))
  }

  function one(found: Parameters<typeof taskView>[0], { query }: AsanaRequest, status = 200): AsanaAnswer {
    return data(taskView(found, state, selectionOf(query.get('opt_fields'), 'full')), status)
  }
}

/** The body's `data`, whether it came as JSON or as a form. @throws AsanaError when it is neither */
export function readData(contentType: string, body: Buffer): Input {
  if (body.length === 0) return {}
  if (contentType.startsWith('application/x-www-form-urlencoded')) {
    return Object.fromEntries(new URLSearchParams(body.toString('utf8')))
  }
  const parsed = parse(body)
  const found = isInput(parsed) ? parsed['data'] : undefined
  if (!isInput(found)) throw badRequest('Could not parse request data, invalid JSON or no "data" object')
  return found
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

function gid(param: string | undefined): string {
  return param ?? ''
}

function inWorkspace(workspaceGid: string): void {
  if (!isWorkspace(workspaceGid)) throw unknown('workspace', workspaceGid)
}

function ok(body: unknown): AsanaAnswer {
  return { status: 200, body }
}

function data(view: View, status = 200): AsanaAnswer {
  return { status, body: { data: view } }
}
