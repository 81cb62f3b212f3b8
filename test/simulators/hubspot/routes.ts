import { z } from 'zod'
import { parseJson } from '../core/server.ts'
import {
  batchArchiveBody,
  batchCreate,
  batchCreateBody,
  batchRead,
  batchReadBody,
  batchUpdate,
  batchUpdateBody,
  batchUpsert,
  contactBy,
  givenProperties,
  written,
} from './batch.ts'
import { invalid, notFound } from './errors.ts'
import { batchReadCompanies, companyView, searchCompanies, stageProperty } from './names.ts'
import { searchBody, searchContacts } from './search.ts'
import { contactView } from './views.ts'
import type { SimulatorAnswer, SimulatorRequest, SimulatorRoute } from '../core/server.ts'
import type { Contact, HubspotState } from './state.ts'

export const contactsPath = '/crm/v3/objects/contacts'
export const companiesPath = '/crm/v3/objects/companies'

const largestPage = 100

const writeBody = z.object({ properties: givenProperties.default({}) })
const mergeBody = z.object({ primaryObjectId: z.coerce.string(), objectIdToMerge: z.coerce.string() })
const eraseBody = z.object({ objectId: z.coerce.string(), idProperty: z.string().nullish() })

export interface RouteOptions {
  readonly clock: () => Date
  /** How young a contact is not found by searches yet. */
  readonly searchLagMs: number
}

/** The endpoints. Handlers throw HubspotError. */
export function hubspotRoutes(state: HubspotState, { clock, searchLagMs }: RouteOptions): readonly SimulatorRoute[] {
  const contacts = contactsPath
  return [
    { method: 'GET', path: contacts, handle: list },
    { method: 'POST', path: contacts, handle: create },
    { method: 'GET', path: `${contacts}/:id`, handle: get },
    { method: 'PATCH', path: `${contacts}/:id`, handle: update },
    { method: 'DELETE', path: `${contacts}/:id`, handle: remove },
    { method: 'POST', path: `${contacts}/search`, handle: search },
    { method: 'POST', path: `${contacts}/merge`, handle: merge },
    { method: 'POST', path: `${contacts}/gdpr-delete`, handle: erase },
    {
      method: 'POST',
      path: `${contacts}/batch/read`,
      handle: request =>
        batchRead(state, read(batchReadBody, request), { isArchived: isArchived(request), now: clock() }),
    },
    {
      method: 'POST',
      path: `${contacts}/batch/create`,
      handle: request => batchCreate(state, read(batchCreateBody, request), clock()),
    },
    {
      method: 'POST',
      path: `${contacts}/batch/update`,
      handle: request => batchUpdate(state, read(batchUpdateBody, request), clock()),
    },
    {
      method: 'POST',
      path: `${contacts}/batch/upsert`,
      handle: request => batchUpsert(state, read(batchUpdateBody, request), clock()),
    },
    { method: 'POST', path: `${contacts}/batch/archive`, handle: archiveAll },
    {
      method: 'GET',
      path: companiesPath,
      handle: () => ok({ results: [...state.companies.values()].map(companyView) }),
    },
    {
      method: 'POST',
      path: `${companiesPath}/batch/read`,
      handle: request => batchReadCompanies(state, read(batchReadBody, request), clock()),
    },
    {
      method: 'POST',
      path: `${companiesPath}/search`,
      handle: request => ok(searchCompanies(state, read(searchBody, request))),
    },
    { method: 'GET', path: '/crm/v3/properties/contacts/lifecyclestage', handle: () => ok(stageProperty(state)) },
  ]

  function list(request: SimulatorRequest): SimulatorAnswer {
    const limit = Number(request.query.get('limit') ?? '10')
    const after = Number(request.query.get('after') ?? '0')
    if (!Number.isInteger(limit) || limit < 1 || limit > largestPage) {
      throw invalid(`limit must be between 1 and ${largestPage}, got ${String(request.query.get('limit'))}`)
    }
    if (!Number.isInteger(after)) throw invalid('after is not a cursor of this list')
    // The cursor is the last id, so that nothing is missed when contacts go while somebody pages.
    const rest = state.all(isArchived(request) ? 'archived' : 'alive').filter(({ id }) => Number(id) > after)
    if (isArchived(request)) rest.sort((one, other) => Number(one.id) - Number(other.id))
    const page = rest.slice(0, limit)
    const last = page.at(-1)?.id ?? ''
    const next = { after: last, link: `${contacts}?after=${last}` }
    const results = page.map(contact => contactView(contact, propertiesOf(request)))
    return ok({ results, ...(rest.length > limit ? { paging: { next } } : {}) })
  }

  function create(request: SimulatorRequest): SimulatorAnswer {
    const { properties } = read(writeBody, request)
    return ok(written(state.create(properties, 'INTEGRATION'), properties), 201)
  }

  function get(request: SimulatorRequest): SimulatorAnswer {
    return ok(contactView(contactOf(request), propertiesOf(request)))
  }

  function update(request: SimulatorRequest): SimulatorAnswer {
    const { properties } = read(writeBody, request)
    return ok(written(state.update(contactOf(request).id, properties, 'INTEGRATION'), properties))
  }

  function remove(request: SimulatorRequest): SimulatorAnswer {
    state.archive(idOf(request), 'INTEGRATION')
    return { status: 204 }
  }

  function archiveAll(request: SimulatorRequest): SimulatorAnswer {
    for (const { id } of read(batchArchiveBody, request).inputs) state.archive(id, 'INTEGRATION')
    return { status: 204 }
  }

  function search(request: SimulatorRequest): SimulatorAnswer {
    return ok(searchContacts(state, read(searchBody, request), { now: clock(), lagMs: searchLagMs }))
  }

  function merge(request: SimulatorRequest): SimulatorAnswer {
    const { primaryObjectId, objectIdToMerge } = read(mergeBody, request)
    return ok(contactView(state.merge(primaryObjectId, objectIdToMerge, 'INTEGRATION')))
  }

  function erase(request: SimulatorRequest): SimulatorAnswer {
    const { objectId, idProperty } = read(eraseBody, request)
    state.erase(contactBy(state, objectId, idProperty)?.id ?? objectId, 'INTEGRATION')
    return { status: 204 }
  }

  function contactOf(request: SimulatorRequest): Contact {
    const id = idOf(request)
    const found = isArchived(request)
      ? state.findArchived(id)
      : contactBy(state, id, request.query.get('idProperty') ?? undefined)
    if (found === undefined) throw notFound(id)
    return found
  }
}

/** @throws HubspotError 400 naming the fields that do not fit, and none of their values */
function read<Schema extends z.ZodType>(schema: Schema, { body }: SimulatorRequest): z.infer<Schema> {
  const parsed = schema.safeParse(parseJson(body))
  if (parsed.success) return parsed.data
  const where = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`)
  throw invalid(`Invalid input JSON: ${where.join('; ')}`)
}

/** Repeated, or one list with commas. */
function propertiesOf({ query }: SimulatorRequest): readonly string[] {
  return query.getAll('properties').flatMap(names => names.split(',').filter(name => name !== ''))
}

function isArchived({ query }: SimulatorRequest): boolean {
  return query.get('archived') === 'true'
}

function idOf({ params }: SimulatorRequest): string {
  return params['id'] ?? ''
}

function ok(body: unknown, status = 200): SimulatorAnswer {
  return { status, body }
}
