import type { Answer, VendorRequest } from './vendor-server.ts'

/** A record as the vendor sends it. */
export type Raw = Readonly<Record<string, unknown>>

/** Records by id, as the vendor sends them; a test changes them as it goes. */
export type RawRecords = Record<string, Raw>

const time = '2026-01-02T00:00:00.000Z'

/** Source: HubSpot's OpenAPI for contacts and companies: list, read, batch read, search. */
export function hubspotAccount(objects: { contacts?: RawRecords; companies?: RawRecords }): Answer {
  const recordsOf = (type: string): RawRecords => (type === 'companies' ? objects.companies : objects.contacts) ?? {}
  return request => {
    const { method, path, query } = request
    const [, type = '', rest = ''] = /^\/crm\/v3\/objects\/(contacts|companies)(?:\/(.+))?$/.exec(path) ?? []
    if (type === '') return undefined
    const records = recordsOf(type)
    if (method === 'GET' && rest === '') {
      return { body: { results: query.get('archived') === 'true' ? [] : Object.values(records) } }
    }
    if (method === 'POST' && rest === 'search') {
      const results = Object.values(records)
      return { body: { total: results.length, results } }
    }
    if (method === 'POST' && rest === 'batch/read') {
      const ids = idsIn(request)
      const results = ids.flatMap(id => records[id] ?? [])
      const missing = ids.filter(id => records[id] === undefined)
      const whole = { status: 'COMPLETE', results, startedAt: time, completedAt: time }
      if (missing.length === 0) return { body: whole }
      const message = 'Could not get some objects, they may be deleted or not exist.'
      const errors = [{ status: 'error', category: 'OBJECT_NOT_FOUND', message, context: { ids: missing } }]
      return { status: 207, body: { ...whole, numErrors: 1, errors } }
    }
    if (method === 'GET' && !rest.includes('/')) {
      const found = records[decodeURIComponent(rest)]
      return found === undefined
        ? { status: 404, body: { status: 'error', message: 'resource not found', category: 'OBJECT_NOT_FOUND' } }
        : { body: found }
    }
    return undefined
  }
}

/** A contact with what every contact has. */
export function contact(id: string, properties: Raw): Raw {
  return {
    id,
    properties: { createdate: time, lastmodifieddate: time, hs_object_id: id, ...properties },
    createdAt: time,
    updatedAt: time,
    archived: false,
  }
}

/** Source: Stripe API reference: retrieve and list, newest first. Keys are the words of the addresses: `customers`, `invoices`. */
export function stripeAccount(resources: Record<string, RawRecords>): Answer {
  return ({ method, path, query }) => {
    if (method !== 'GET') return undefined
    const [, resource = '', id] = /^\/v1\/([a-z_]+)(?:\/([^/]+))?$/.exec(path) ?? []
    if (resource === '') return undefined
    const records = resources[resource] ?? {}
    if (id === undefined) {
      const asked = [...query].filter(([name]) => /^ids(\[\d*\])?$/.test(name)).map(([, value]) => value)
      const data = Object.values(records).filter(({ id: one }) => asked.length === 0 || asked.includes(String(one)))
      return { body: { object: 'list', url: path, has_more: false, data } }
    }
    const found = records[decodeURIComponent(id)]
    return found === undefined
      ? {
          status: 404,
          body: { error: { type: 'invalid_request_error', code: 'resource_missing', message: 'No such object' } },
        }
      : { body: found }
  }
}

/** Source: Asana API reference: projects, sections, tasks of a project, batch; the event feed has no token that holds. */
export function asanaAccount(account: {
  project: string
  tasks: RawRecords
  sections?: readonly Raw[]
  fields?: readonly Raw[]
}): Answer {
  const { project } = account
  return request => {
    const path = request.path.replace(/^\/api\/1\.0/, '')
    const list = (data: readonly unknown[]) => ({ body: { data, next_page: null } })
    if (path === `/projects/${project}`)
      return { body: { data: { gid: project, name: 'Jobs', workspace: { gid: '77' } } } }
    if (path === `/projects/${project}/sections`) return list(account.sections ?? [])
    if (path === `/projects/${project}/custom_field_settings`) {
      return list((account.fields ?? []).map(field => ({ custom_field: field })))
    }
    if (path === '/tasks' && request.method === 'GET') return list(Object.values(account.tasks))
    if (path === '/webhooks' && request.method === 'GET') return list([])
    if (path === '/events')
      return { status: 412, body: { errors: [{ message: 'Sync token invalid or too old' }], sync: 'sync-1' } }
    if (path === '/batch') {
      const data = pathsIn(request).map(one => {
        const task = account.tasks[one.replace('/tasks/', '')]
        return task === undefined
          ? { status_code: 404, headers: {}, body: { errors: [{ message: 'Not a recognized ID' }] } }
          : { status_code: 200, headers: {}, body: { data: task } }
      })
      return { body: { data } }
    }
    const task = account.tasks[path.replace('/tasks/', '')]
    return path.startsWith('/tasks/') && request.method === 'GET' && task !== undefined
      ? { body: { data: task } }
      : undefined
  }
}

function idsIn({ body }: VendorRequest): readonly string[] {
  return [...body.matchAll(/"id":"([^"]+)"/g)].flatMap(([, id]) => id ?? [])
}

function pathsIn({ body }: VendorRequest): readonly string[] {
  return [...body.matchAll(/"relative_path":"([^"]+)"/g)].flatMap(([, path]) => path ?? [])
}
