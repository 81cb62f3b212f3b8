import { AsanaError, badRequest } from './errors.ts'
import { feedLifeMs } from './happenings.ts'
import { eventView, selectionOf } from './views.ts'
import type { AsanaState } from './state.ts'

/** Source: Asana API reference, events: at most 100 events for one sync token. */
const pageSize = 100

/**
 * `GET /events?resource=&sync=`: what bubbled up to the resource since the token was made.
 * @throws AsanaError 412 with a fresh token when there is no token, or it is unknown or older than 24 hours
 */
export function readFeed(state: AsanaState, query: URLSearchParams, now: Date): Record<string, unknown> {
  const resource = query.get('resource')
  if (resource === null || resource === '') throw badRequest('resource: Missing input')
  if (state.findTask(resource) === undefined) state.project(resource)

  const after = readToken(query.get('sync'), resource, now)
  if (after === null || after > state.happenings.lastSequence()) {
    throw new AsanaError(
      412,
      'Sync token invalid or too old. If you are attempting to keep resources in sync, you must fetch the full dataset for this query now and use the new sync token for the next sync.',
      { beside: { sync: writeToken(resource, state.happenings.lastSequence(), now) } },
    )
  }
  const found = state.happenings.since(resource, after, pageSize + 1)
  const page = found.slice(0, pageSize)
  const hasMore = found.length > pageSize
  const reached = hasMore ? (page.at(-1)?.sequence ?? after) : state.happenings.lastSequence()
  const selection = selectionOf(query.get('opt_fields'), 'full')
  const data = page.map(happening => eventView(happening, selection))
  return { data, sync: writeToken(resource, reached, now), has_more: hasMore }
}

function writeToken(resource: string, sequence: number, now: Date): string {
  return Buffer.from(`${resource}:${sequence}:${now.getTime()}`).toString('hex')
}

function readToken(token: string | null, resource: string, now: Date): number | null {
  const parts = /^(\w+):(\d+):(\d+)$/.exec(Buffer.from(token ?? '', 'hex').toString('utf8'))
  if (parts === null || parts[1] !== resource) return null
  return now.getTime() - Number(parts[3]) > feedLifeMs ? null : Number(parts[2])
}
