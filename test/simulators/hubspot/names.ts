import type { z } from 'zod'
import type { SimulatorAnswer } from '../core/server.ts'
import type { batchReadBody } from './batch.ts'
import type { searchBody } from './search.ts'
import type { Company, HubspotState } from './state.ts'
import type { View } from './views.ts'

/** What contacts show names of: companies, and the lifecycle stages of the account. */

/** Source: HubSpot's OpenAPI description of companies, `SimplePublicObject`. */
export function companyView({ id, name, updatedAt }: Company): View {
  const at = updatedAt.toISOString()
  const properties = { name, hs_lastmodifieddate: at, createdate: at, hs_object_id: id }
  return { id, properties, createdAt: at, updatedAt: at, archived: false }
}

export function batchReadCompanies(
  { companies }: HubspotState,
  { inputs }: z.infer<typeof batchReadBody>,
  now: Date,
): SimulatorAnswer {
  const results = inputs.flatMap(({ id }) => companies.get(id) ?? []).map(companyView)
  const ids = inputs.flatMap(({ id }) => (companies.has(id) ? [] : [id]))
  const at = now.toISOString()
  const whole = { status: 'COMPLETE', results, startedAt: at, completedAt: at }
  if (ids.length === 0) return { status: 200, body: whole }
  const errors = [
    { status: 'error', category: 'OBJECT_NOT_FOUND', message: 'Could not get some objects', context: { ids } },
  ]
  return { status: 207, body: { ...whole, numErrors: 1, errors } }
}

/** By words of the name, and by the time of the last change: what is asked of it here. */
export function searchCompanies({ companies }: HubspotState, search: z.infer<typeof searchBody>): View {
  const words = (search.query ?? '').toLowerCase().split(/\s+/).filter(Boolean)
  const filters = search.filterGroups.flatMap(group => group.filters)
  const since = filters.find(
    ({ propertyName, operator }) => propertyName === 'hs_lastmodifieddate' && operator !== 'GT',
  )
  const behind = filters.find(({ propertyName }) => propertyName === 'hs_object_id')
  const found = [...companies.values()]
    .filter(({ name }) => words.every(word => name.toLowerCase().includes(word)))
    .filter(({ updatedAt }) => since === undefined || updatedAt.getTime() >= Number(since.value))
    .filter(({ id }) => behind === undefined || Number(id) > Number(behind.value))
    .sort((one, other) => one.updatedAt.getTime() - other.updatedAt.getTime())
  return { total: found.length, results: found.slice(0, search.limit).map(companyView) }
}

/** Source: HubSpot's OpenAPI description of properties, `Property`. */
export function stageProperty({ stages }: HubspotState): View {
  const options = [...stages].map(([value, label], displayOrder) => ({ value, label, displayOrder, hidden: false }))
  return {
    name: 'lifecyclestage',
    label: 'Lifecycle Stage',
    type: 'enumeration',
    fieldType: 'radio',
    groupName: 'contactinformation',
    description: '',
    options,
  }
}
