import { badRequest } from './errors.ts'
import { instantOf } from './input.ts'
import { isWorkspace } from './state.ts'
import { selectionOf, taskView } from './views.ts'
import type { Task } from './records.ts'
import type { AsanaState } from './state.ts'

/** Where a list goes on, and how much of it is wanted. */
export interface Page {
  /** 1 to 100; null for an unpaged request. */
  readonly limit: number | null
  readonly from: number
}

/** Source: Asana developer documentation, pagination: `limit` between 1 and 100, `offset` only from an earlier answer. */
export function readPage(query: URLSearchParams): Page {
  const limit = query.get('limit')
  const offset = query.get('offset')
  if (limit !== null && !(/^\d{1,3}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= 100)) {
    throw badRequest(`limit: Must be between 1 and 100, got ${limit}`)
  }
  if (offset !== null && limit === null) throw badRequest('offset: May only be used together with limit')
  return { limit: limit === null ? null : Number(limit), from: offset === null ? 0 : readOffset(offset) }
}

/** One page of rows, with `next_page` as Asana writes it. */
export function pageOf(
  rows: Iterable<{ readonly at: number; readonly row: unknown }>,
  page: Page,
  path: string,
  query: URLSearchParams,
): Record<string, unknown> {
  const data: unknown[] = []
  for (const { at, row } of rows) {
    if (page.limit !== null && data.length === page.limit) return { data, next_page: nextPage(at, path, query) }
    // What it answers to an unpaged request for a long list.
    if (page.limit === null && data.length === 1000) {
      throw badRequest('The result is too large. You should use pagination (may require specifying a workspace)!')
    }
    data.push(row)
  }
  return page.limit === null ? { data } : { data, next_page: null }
}

/** A short list, held as a whole. */
export function pageOfAll(rows: readonly unknown[], path: string, query: URLSearchParams): Record<string, unknown> {
  const page = readPage(query)
  return pageOf(
    rows.slice(page.from).map((row, at) => ({ at: page.from + at, row })),
    page,
    path,
    query,
  )
}

/**
 * `GET /tasks` and its cousins: by project, section, or assignee and workspace.
 * Source: Asana API reference, tasks, get multiple tasks.
 */
export function listTasks(state: AsanaState, path: string, query: URLSearchParams, now: Date): Record<string, unknown> {
  const page = readPage(query)
  const belongs = readScope(state, query)
  const modifiedSince = readInstant(query, 'modified_since', now)
  const completedSince = readInstant(query, 'completed_since', now)
  const selection = selectionOf(query.get('opt_fields'), 'compact')
  return pageOf(rows(), page, path, query)

  function* rows() {
    for (const task of state.tasks(page.from)) {
      if (!belongs(task)) continue
      if (modifiedSince !== null && task.modifiedAt < modifiedSince) continue
      if (completedSince !== null && task.completedAt !== null && task.completedAt < completedSince) continue
      yield { at: task.ordinal, row: taskView(task, state, selection) }
    }
  }
}

function readScope(state: AsanaState, query: URLSearchParams): (task: Task) => boolean {
  const project = query.get('project')
  const section = query.get('section')
  const assignee = query.get('assignee')
  const given = [project, section, assignee].filter(value => value !== null)
  if (given.length !== 1 || (assignee !== null && !isWorkspace(query.get('workspace') ?? ''))) {
    throw badRequest('Must specify exactly one of project, tag, section, user task list, or assignee + workspace')
  }
  if (project !== null) {
    const { gid } = state.project(project)
    return task => task.memberships.some(membership => membership.projectGid === gid)
  }
  if (section !== null) {
    state.section(section)
    return task => task.memberships.some(membership => membership.sectionGid === section)
  }
  return task => task.assigneeGid === assignee
}

function readInstant(query: URLSearchParams, field: string, now: Date): Date | null {
  const value = query.get(field)
  if (value === null) return null
  return value === 'now' ? now : instantOf(value, field)
}

function nextPage(at: number, path: string, query: URLSearchParams): Record<string, string> {
  const offset = Buffer.from(`at:${at}`).toString('base64url')
  const next = new URLSearchParams(query)
  next.set('offset', offset)
  const to = `${path}?${next.toString()}`
  return { offset, path: to, uri: `https://app.asana.com/api/1.0${to}` }
}

function readOffset(offset: string): number {
  const parts = /^at:(\d+)$/.exec(Buffer.from(offset, 'base64url').toString('utf8'))
  if (parts === null) throw badRequest(`offset: Your pagination token is invalid: ${offset}`)
  return Number(parts[1])
}
