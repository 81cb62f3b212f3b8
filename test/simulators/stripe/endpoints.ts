import { createHash } from 'node:crypto'
import { badRequest, missing } from './errors.ts'
import { apiVersion } from './events.ts'
import { flag, mergeMetadata, required, text, texts } from './params.ts'
import type { Params } from './params.ts'
import type { Endpoint, EventPayload, WebhookEndpoint } from './records.ts'
import type { StripeState } from './state.ts'

export const endpointCreateFields = ['api_version', 'description', 'enabled_events', 'metadata', 'url'] as const
export const endpointUpdateFields = ['description', 'disabled', 'enabled_events', 'metadata', 'url'] as const

/** Source: Stripe documentation, webhooks: at most 16 endpoints an account. */
const mostEndpoints = 16

export interface Endpoints {
  /** One that is there without having been registered. */
  plant(url: string, secret: string, payload: EventPayload): Endpoint
  /** The answer holds the secret, and no later one does. */
  create(params: Params): WebhookEndpoint & { readonly secret: string }
  get(id: string): WebhookEndpoint
  update(id: string, params: Params): WebhookEndpoint
  delete(id: string): { readonly id: string; readonly object: 'webhook_endpoint'; readonly deleted: true }
}

/** @param onGone told of an endpoint that takes no more events */
export function createEndpoints(state: StripeState, onGone: (endpoint: Endpoint) => void): Endpoints {
  return {
    plant: (url, secret, payload) => add(blank(url, ['*']), secret, payload),
    create(params) {
      if (state.endpoints.size >= mostEndpoints) {
        throw badRequest(`You have reached the maximum of ${mostEndpoints} test webhook endpoints.`)
      }
      const events = texts(params, 'enabled_events')
      if (events === undefined || events.length === 0) {
        throw badRequest('Missing required param: enabled_events.', 'parameter_missing', 'enabled_events')
      }
      const record: WebhookEndpoint = {
        ...blank(readUrl(required(params, 'url')), events),
        api_version: text(params, 'api_version') ?? null,
        description: text(params, 'description') ?? null,
        metadata: mergeMetadata(params, {}),
      }
      const secret = `whsec_${createHash('sha256').update(`endpoint ${record.id}`).digest('hex').slice(0, 32)}`
      add(record, secret)
      return { ...record, secret }
    },
    get: id => got(id).record,
    update(id, params) {
      const { record } = got(id)
      const url = text(params, 'url')
      const description = text(params, 'description')
      const isDisabled = flag(params, 'disabled') ?? record.status === 'disabled'
      const next: WebhookEndpoint = {
        ...record,
        description: description === undefined ? record.description : description,
        enabled_events: [...(texts(params, 'enabled_events') ?? record.enabled_events)],
        metadata: mergeMetadata(params, record.metadata),
        status: isDisabled ? 'disabled' : 'enabled',
        url: typeof url === 'string' ? readUrl(url) : record.url,
      }
      const endpoint = { ...got(id), record: next }
      state.endpoints.set(id, endpoint)
      if (isDisabled) onGone(endpoint)
      return next
    },
    delete(id) {
      const endpoint = got(id)
      state.endpoints.delete(id)
      onGone(endpoint)
      return { id, object: 'webhook_endpoint', deleted: true }
    },
  }

  function got(id: string): Endpoint {
    const found = state.endpoints.get(id)
    if (found === undefined) throw missing('webhook endpoint', id)
    return found
  }

  function add(record: WebhookEndpoint, secret: string, payload: EventPayload = 'snapshot'): Endpoint {
    const endpoint = { record, secret, payload }
    state.endpoints.set(record.id, endpoint)
    return endpoint
  }

  function blank(url: string, events: readonly string[]): WebhookEndpoint {
    return {
      id: state.newId('we'),
      object: 'webhook_endpoint',
      api_version: apiVersion,
      application: null,
      created: state.now(),
      description: null,
      enabled_events: [...events],
      livemode: false,
      metadata: {},
      status: 'enabled',
      url,
    }
  }
}

function readUrl(url: string): string {
  if (URL.canParse(url) && /^https?:/.test(url)) return url
  throw badRequest('Invalid URL: An explicit scheme (such as https) must be provided.', 'url_invalid', 'url')
}
