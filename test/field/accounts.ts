import { z } from 'zod'
import type { Answer, VendorRequest } from './vendor-server.ts'

/** A record as the vendor sends it. */
export type Raw = Readonly<Record<string, unknown>>

/** Records by id, as the vendor sends them; a test changes them as it goes. */
export type RawRecords = Record<string, Raw>

const time = '2026-01-02T00:00:00.000Z'

/** As Asana's specification prints one. */
export const hookSecret = 'b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81'

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
      const data = Object.values(records)
        .filter(({ id: one }) => asked.length === 0 || asked.includes(String(one)))
        .filter(record => [...query].every(([name, value]) => isIn(record, name, value)))
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

/** Whether a list filtered by a reference holds the record; other parameters filter nothing here. */
function isIn(record: Raw, name: string, value: string): boolean {
  if (['customer', 'invoice', 'product', 'payment_intent', 'charge'].includes(name)) return record[name] === value
  if (name !== 'payment[payment_intent]') return true
  const { payment } = record
  return (
    typeof payment === 'object' && payment !== null && 'payment_intent' in payment && payment.payment_intent === value
  )
}

/** What an account of Asana holds; a test changes it as it goes. */
export interface AsanaAccount {
  /** Gid of the project of jobs. */
  project: string
  tasks: RawRecords
  sections?: readonly Raw[]
  fields?: readonly Raw[]
  users?: readonly Raw[]
  /** Whether the project was deleted. */
  isGone?: boolean
  /** What the webhook of the project was registered with. */
  hook?: { readonly target: string; readonly secret: string; readonly filters: readonly Raw[] }
}

/**
 * Source: Asana API reference: projects, sections, users, custom fields, tasks of a project, batch, webhooks with their handshake; of the
 * event feed nothing is learnt.
 */
export function asanaAccount(account: AsanaAccount): Answer {
  const { project } = account
  return async request => {
    const path = request.path.replace(/^\/api\/1\.0/, '')
    const list = (data: readonly unknown[]) => ({ body: { data, next_page: null } })
    const one = (data: unknown) => (data === undefined ? unknownObject : { body: { data } })
    const by = (records: readonly Raw[] | undefined, kind: string) =>
      records?.find(({ gid }) => path === `/${kind}/${String(gid)}`)
    const isOfProject = path.startsWith(`/projects/${project}`) || request.query.get('project') === project
    if (account.isGone === true && (isOfProject || path === '/events')) return unknownObject
    if (path === `/projects/${project}`) return one({ gid: project, name: 'Jobs', workspace: { gid: '77' } })
    if (path === `/projects/${project}/sections`) return list(account.sections ?? [])
    if (path.startsWith('/sections/') && request.method === 'GET') return one(by(account.sections, 'sections'))
    if (path === '/users') return list(account.users ?? [])
    if (path.startsWith('/users/')) return one(by(account.users, 'users'))
    if (path.startsWith('/custom_fields/')) return one(by(account.fields, 'custom_fields'))
    if (path === `/projects/${project}/custom_field_settings`) {
      return list((account.fields ?? []).map(field => ({ custom_field: field })))
    }
    if (path === '/tasks' && request.method === 'GET') return list(Object.values(account.tasks))
    if (path === '/webhooks' && request.method === 'GET') return list([])
    if (path === '/webhooks' && request.method === 'POST') return registered(account, request)
    if (path === '/events') {
      // A token that was made is good, and nothing happens after it.
      return request.query.has('sync')
        ? { body: { data: [], sync: 'sync-1', has_more: false } }
        : { status: 412, body: { errors: [{ message: 'Sync token invalid or too old' }], sync: 'sync-1' } }
    }
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

const unknownObject = { status: 404, body: { errors: [{ message: 'Not found: Unknown object' }] } }

/** The handshake comes while the call is still open. */
async function registered(account: AsanaAccount, { body }: VendorRequest) {
  const { data } = asked.parse(JSON.parse(body))
  const secret = hookSecret
  await fetch(data.target, { method: 'POST', headers: { 'x-hook-secret': secret } })
  account.hook = { target: data.target, secret, filters: data.filters }
  return { status: 201, body: { data: { gid: '9', active: false, target: data.target }, 'X-Hook-Secret': secret } }
}

const asked = z.object({ data: z.object({ target: z.string(), filters: z.array(z.record(z.string(), z.unknown())) }) })

/** A task of the project 99 with what every task has. */
export function task(gid: string, section: Raw, more: Raw = {}): Raw {
  return {
    gid,
    resource_type: 'task',
    resource_subtype: 'default_task',
    name: `Task ${gid}`,
    notes: '',
    completed: false,
    completed_at: null,
    due_on: null,
    due_at: null,
    start_on: null,
    start_at: null,
    created_at: time,
    modified_at: time,
    assignee: null,
    projects: [{ gid: '99', resource_type: 'project', name: 'Jobs' }],
    memberships: [{ project: { gid: '99', resource_type: 'project', name: 'Jobs' }, section }],
    custom_fields: [],
    workspace: { gid: '77', resource_type: 'workspace' },
    permalink_url: `https://app.asana.com/0/0/${gid}`,
    ...more,
  }
}

function idsIn({ body }: VendorRequest): readonly string[] {
  return [...body.matchAll(/"id":"([^"]+)"/g)].flatMap(([, id]) => id ?? [])
}

function pathsIn({ body }: VendorRequest): readonly string[] {
  return [...body.matchAll(/"relative_path":"([^"]+)"/g)].flatMap(([, path]) => path ?? [])
}
