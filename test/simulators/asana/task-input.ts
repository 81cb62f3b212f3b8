import { badRequest } from './errors.ts'
import { day, flag, instant, isInput, list, object, text, textOrNull } from './input.ts'
import type { Input } from './input.ts'
import type { Membership } from './records.ts'
import type { AsanaState, TaskPatch } from './state.ts'

/**
 * A task's fields as a request gives them. Fields Asana does not let one write are passed over.
 * Source: Asana API reference, tasks, create and update; the rules on dates stand with the fields there.
 */
export function readTaskPatch(data: Input, state: AsanaState, projectGids: readonly string[], me: string): TaskPatch {
  refuseConflictingDates(data)
  return {
    name: text(data, 'name'),
    notes: text(data, 'notes'),
    completed: flag(data, 'completed'),
    dueOn: day(data, 'due_on'),
    dueAt: instant(data, 'due_at'),
    startOn: day(data, 'start_on'),
    startAt: instant(data, 'start_at'),
    assigneeGid: readAssignee(textOrNull(data, 'assignee'), state, me),
    texts: readTexts(object(data, 'custom_fields'), state, projectGids),
  }
}

/** Where a new task stands: `memberships`, `projects`, or both. */
export function readMemberships(data: Input, state: AsanaState): readonly Membership[] {
  const found = new Map<string, Membership>()
  for (const gid of list(data, 'projects') ?? []) {
    if (typeof gid !== 'string') throw badRequest('projects: Value is not a list of gids')
    found.set(gid, { projectGid: gid, sectionGid: firstSection(state, gid) })
  }
  for (const membership of list(data, 'memberships') ?? []) {
    if (!isInput(membership)) throw badRequest('memberships: Value is not a list of memberships')
    const projectGid = text(membership, 'project')
    if (projectGid === undefined) throw badRequest('memberships: Missing project')
    const sectionGid = text(membership, 'section') ?? firstSection(state, projectGid)
    if (state.section(sectionGid).project.gid !== projectGid) {
      throw badRequest(`section: Not in the project ${projectGid}: ${sectionGid}`)
    }
    found.set(projectGid, { projectGid, sectionGid })
  }
  return [...found.values()]
}

export function firstSection(state: AsanaState, projectGid: string): string {
  const first = state.project(projectGid).sections[0]
  if (first === undefined) throw badRequest(`project: Has no section: ${projectGid}`)
  return first.gid
}

function readAssignee(given: string | null | undefined, state: AsanaState, me: string): string | null | undefined {
  if (given === undefined || given === null) return given
  if (given === 'me') return me
  for (const user of state.users.values()) if (user.email === given) return user.gid
  return state.user(given).gid
}

function readTexts(
  given: Input | undefined,
  state: AsanaState,
  projectGids: readonly string[],
): ReadonlyMap<string, string | null> | undefined {
  if (given === undefined) return undefined
  const known = new Set(projectGids.flatMap(gid => state.project(gid).fields.map(field => field.gid)))
  const texts = new Map<string, string | null>()
  for (const gid of Object.keys(given)) {
    if (!known.has(gid)) throw badRequest(`Custom field with ID ${gid} is not on given object`)
    texts.set(gid, textOrNull(given, gid) ?? null)
  }
  return texts
}

function refuseConflictingDates(data: Input): void {
  const has = (field: string) => Object.hasOwn(data, field)
  for (const end of ['due', 'start']) {
    if (has(`${end}_on`) && has(`${end}_at`) && data[`${end}_on`] !== null && data[`${end}_at`] !== null) {
      throw badRequest(`You may only provide one of ${end}_on or ${end}_at!`)
    }
  }
  if (has('start_on') && !has('due_on') && !has('due_at')) {
    throw badRequest('due_on or due_at must be present in the request when setting or unsetting the start_on parameter')
  }
  if (has('start_at') && !has('due_at')) {
    throw badRequest('due_at must be present in the request when setting or unsetting the start_at parameter')
  }
}
