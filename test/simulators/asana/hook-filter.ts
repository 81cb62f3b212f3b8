import { badRequest } from './errors.ts'
import { isInput, list, text } from './input.ts'
import type { Input } from './input.ts'
import type { Action, Happening } from './records.ts'

/** What a webhook wants to hear of. Source: Asana API reference, webhooks, WebhookFilter. */
export interface HookFilter {
  readonly resourceType: string | null
  readonly resourceSubtype: string | null
  readonly action: Action | null
  /** Only with `changed`. */
  readonly fields: readonly string[] | null
}

const actions: readonly Action[] = ['added', 'removed', 'changed', 'deleted', 'undeleted']

export function readFilters(input: Input): readonly HookFilter[] {
  return (list(input, 'filters') ?? []).map(filter => {
    if (!isInput(filter)) throw badRequest('filters: Value is not a list of filters')
    const given = text(filter, 'action')
    const action = actions.find(action => action === given) ?? null
    if (given !== undefined && action === null) throw badRequest(`filters: Not a known action: ${given}`)
    const fields = list(filter, 'fields')?.filter(field => typeof field === 'string') ?? null
    if (fields !== null && action !== 'changed') throw badRequest('filters: fields are only valid for action changed')
    return {
      resourceType: text(filter, 'resource_type') ?? null,
      resourceSubtype: text(filter, 'resource_subtype') ?? null,
      action,
      fields,
    }
  })
}

/** Without filters everything passes; with some, whatever passes one of them. */
export function passes(filters: readonly HookFilter[], happening: Happening): boolean {
  return filters.length === 0 || filters.some(filter => passesOne(filter, happening))
}

export function filterView(filter: HookFilter): Record<string, unknown> {
  return {
    resource_type: filter.resourceType,
    resource_subtype: filter.resourceSubtype,
    action: filter.action,
    fields: filter.fields,
  }
}

function passesOne(filter: HookFilter, { action, resource, change }: Happening): boolean {
  if (filter.resourceType !== null && filter.resourceType !== resource.type) return false
  if (filter.resourceSubtype !== null && filter.resourceSubtype !== resource.subtype) return false
  if (filter.action !== null && filter.action !== action) return false
  return filter.fields === null || (change !== null && filter.fields.includes(change.field))
}
