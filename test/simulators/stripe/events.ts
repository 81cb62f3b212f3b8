import { isDeepStrictEqual } from 'node:util'

export const apiVersion = '2026-10-28.endive'

export type EventType =
  | `customer.${'created' | 'updated' | 'deleted'}`
  | `invoice.${'created' | 'updated' | 'finalized' | 'paid' | 'payment_failed' | 'payment_succeeded' | 'voided' | 'marked_uncollectible' | 'deleted'}`
  | 'invoice_payment.paid'
  | 'invoiceitem.created'
  | `product.${'created' | 'updated' | 'deleted'}`
  | `price.${'created' | 'updated'}`
  | `refund.${'created' | 'updated' | 'failed'}`
  | 'charge.refunded'
  | `charge.dispute.${'created' | 'closed' | 'funds_withdrawn' | 'funds_reinstated'}`
  | `credit_note.${'created' | 'voided'}`

export interface StripeEvent {
  readonly id: string
  readonly object: 'event'
  readonly api_version: string
  /** Seconds. */
  readonly created: number
  readonly data: { readonly object: object; readonly previous_attributes?: Readonly<Record<string, unknown>> }
  readonly livemode: false
  readonly pending_webhooks: number
  readonly request: { readonly id: string | null; readonly idempotency_key: string | null }
  readonly type: EventType
}

/** Who did it: a request of the API, or somebody else (both null). */
export interface Act {
  readonly requestId: string | null
  readonly idempotencyKey: string | null
}

export interface EventLog {
  /** In the order they happened. */
  readonly all: readonly StripeEvent[]
  emit(type: EventType, object: object, act: Act): void
  /** `updated` with what was there before; nothing when nothing changed. @returns whether something did */
  emitUpdate(type: EventType, before: object, after: object, act: Act): boolean
  /** One endpoint has it. */
  delivered(id: string): void
}

/**
 * The same happening as a thin event: it names its record and holds none of it. Source: the SDK's types, `V2.Core.Events`;
 * docs.stripe.com/event-destinations.
 */
export function thinOf({ id, type, created, data, request }: StripeEvent): object {
  const about = new Map<string, unknown>(Object.entries(data.object))
  const related = { id: String(about.get('id')), type: String(about.get('object')) }
  return {
    id: id.replace('evt_', 'evt_thin_'),
    object: 'v2.core.event',
    type: `v1.${type}`,
    created: new Date(created * 1000).toISOString(),
    livemode: false,
    context: null,
    related_object: { ...related, url: `/v1/${related.type}s/${related.id}` },
    snapshot_event: id,
    ...(request.id === null ? {} : { reason: { type: 'request', request } }),
  }
}

interface EventLogOptions {
  readonly now: () => number
  readonly newId: (prefix: string) => string
  /** How many endpoints want it. */
  readonly countEndpoints: (type: EventType) => number
  readonly onEvent: (event: StripeEvent) => void
}

export function createEventLog({ now, newId, countEndpoints, onEvent }: EventLogOptions): EventLog {
  const events = new Map<string, StripeEvent>()
  return {
    get all() {
      return [...events.values()]
    },
    emit: (type, object, act) => add(type, { object }, act),
    emitUpdate(type, before, after, act) {
      const previous = previousAttributes(before, after)
      if (Object.keys(previous).length === 0) return false
      add(type, { object: after, previous_attributes: previous }, act)
      return true
    },
    delivered(id) {
      const event = events.get(id)
      if (event === undefined) return
      events.set(id, { ...event, pending_webhooks: Math.max(0, event.pending_webhooks - 1) })
    },
  }

  function add(type: EventType, data: StripeEvent['data'], { requestId, idempotencyKey }: Act): void {
    const event: StripeEvent = {
      id: newId('evt'),
      object: 'event',
      api_version: apiVersion,
      created: now(),
      data,
      livemode: false,
      pending_webhooks: countEndpoints(type),
      request: { id: requestId, idempotency_key: idempotencyKey },
      type,
    }
    events.set(event.id, event)
    onEvent(event)
  }
}

/**
 * The former values of what changed: of hashes only the keys that did, lists as a whole, null for what is new.
 * Source: Stripe API reference, the event object, `data.previous_attributes`.
 */
export function previousAttributes(before: object, after: object): Record<string, unknown> {
  const was = new Map<string, unknown>(Object.entries(before))
  const is = new Map<string, unknown>(Object.entries(after))
  const previous = new Map<string, unknown>()
  for (const field of new Set([...was.keys(), ...is.keys()])) {
    const old = was.get(field) ?? null
    const fresh = is.get(field) ?? null
    if (isDeepStrictEqual(old, fresh)) continue
    previous.set(field, isHash(old) && isHash(fresh) ? previousAttributes(old, fresh) : old)
  }
  return Object.fromEntries(previous)
}

function isHash(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
