import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from '@opentelemetry/api'
import { parseTraceParent } from '@opentelemetry/core'
import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_URL_PATH,
  ATTR_URL_SCHEME,
} from '@opentelemetry/semantic-conventions'
import type { Change } from '../../schema/change.ts'
import { entityKey } from '../../schema/entities.ts'
import { recordKey } from '../../schema/systems.ts'
import type { Export } from './export.ts'
import { type DeliveryRef, idsOfDelivery, spanIdOfChange } from './ids.ts'
import type { Traces } from './traces.ts'

/** Links of one span: the SDK keeps 128. */
const mostLinks = 100

/** Spans by OpenTelemetry's conventions for HTTP and messaging where they have words for it; the rest are ours, `livegraph.*`. */
export function openSpans({ tracer, ids, close }: Export): Traces {
  /** The span whose vendor calls are made at the moment. */
  const current = new AsyncLocalStorage<Context | undefined>()
  /** Where this process evicted for a Change: pushes follow from it. */
  const evictions = new WeakMap<Change, SpanContext>()

  /**
   * The receipt's span as a parent. It is begun once more, and never ended, for its sampling: that follows from the trace's id
   * alone, so that each process decides alike.
   */
  function receiptOf(delivery: DeliveryRef): Context {
    const again = ids.use(idsOfDelivery(delivery), () => tracer.startSpan('receive delivery', {}, ROOT_CONTEXT))
    return under({ ...again.spanContext(), isRemote: true })
  }

  /** A span of something that is over. */
  function past(
    name: string,
    parent: Context,
    more: { readonly kind?: SpanKind; readonly startTime?: Date; readonly attributes: Attributes },
  ): Span {
    const span = tracer.startSpan(name, more, parent)
    span.end()
    return span
  }

  return {
    received(delivery, { received, receivedAt, entries, duplicates }) {
      const { system } = delivery
      const caller = parseTraceParent(received.headers['traceparent'] ?? '')
      const span = ids.use(idsOfDelivery(delivery), () =>
        tracer.startSpan(
          'receive delivery',
          {
            kind: SpanKind.SERVER,
            startTime: receivedAt,
            // Whoever calls may name any trace: it is linked, and decides nothing.
            links: caller === null ? [] : [{ context: caller }],
            attributes: {
              [ATTR_HTTP_REQUEST_METHOD]: received.method,
              [ATTR_HTTP_ROUTE]: `/webhooks/${system}`,
              [ATTR_HTTP_RESPONSE_STATUS_CODE]: 200,
              [ATTR_URL_PATH]: `/webhooks/${[system, received.endpoint].filter(part => part !== '').join('/')}`,
              [ATTR_URL_SCHEME]: received.url.startsWith('https:') ? 'https' : 'http',
              ...messaging('receive', 'receive', system),
              'livegraph.delivery.id': delivery.receivedId,
              'livegraph.delivery.entries': entries,
              'livegraph.delivery.duplicates': duplicates,
            },
          },
          ROOT_CONTEXT,
        ),
      )
      span.end()
    },

    found(entries) {
      const [first] = entries
      if (first === undefined) return
      ids.use(idsOfDelivery(first), () =>
        past('find delivery', ROOT_CONTEXT, {
          attributes: {
            'livegraph.system': first.system,
            'livegraph.delivery.id': first.receivedId,
            'livegraph.delivery.entries': entries.length,
          },
        }),
      )
    },

    begin(entries) {
      const [first] = entries
      if (first === undefined) return null
      const span = tracer.startSpan(
        'work on entries',
        {
          kind: SpanKind.CONSUMER,
          attributes: {
            ...messaging('work', 'process', first.system),
            'messaging.batch.message_count': entries.length,
            'livegraph.delivery.id': first.receivedId,
            'livegraph.entry.ids': entries.map(({ id }) => id),
            'livegraph.entry.attempt': first.attempts,
          },
        },
        receiptOf(first),
      )
      if (!isSampled(span.spanContext())) return null
      const { traceId, spanId } = span.spanContext()
      return {
        span,
        traceparent: `00-${traceId}-${spanId}-01`,
        evicted: record => span.addEvent('evict record', { 'livegraph.record': recordKey(record) }),
        end(outcome, reason) {
          span.setAttribute('livegraph.outcome', outcome)
          if (outcome === 'failed') span.setStatus({ code: SpanStatusCode.ERROR, message: reason })
          span.end()
        },
      }
    },

    reading(some, read) {
      const [first, ...others] = new Set(some.flatMap(one => one?.span ?? []))
      if (first === undefined) return current.run(undefined, read)
      const span = tracer.startSpan(
        'read records',
        {
          links: others.slice(0, mostLinks).map(other => ({ context: other.spanContext() })),
          attributes: { 'livegraph.records': some.length },
        },
        trace.setSpan(ROOT_CONTEXT, first),
      )
      for (const other of others) other.addLink({ context: span.spanContext() })
      const results = current.run(trace.setSpan(ROOT_CONTEXT, span), read)
      void Promise.allSettled(results).then(settled => {
        const failed = settled.filter(({ status }) => status === 'rejected').length
        if (failed > 0) span.setAttribute('livegraph.records.failed', failed).setStatus({ code: SpanStatusCode.ERROR })
        span.end()
      })
      return results
    },

    called(system, operation, outcome, seconds) {
      const parent = current.getStore()
      if (parent === undefined) return
      const span = tracer.startSpan(
        `${system} ${operation}`,
        {
          kind: SpanKind.CLIENT,
          startTime: new Date(Date.now() - seconds * 1000),
          attributes: { 'livegraph.system': system, 'livegraph.operation': operation },
        },
        parent,
      )
      if (outcome !== 'ok') span.setAttribute(ATTR_ERROR_TYPE, outcome).setStatus({ code: SpanStatusCode.ERROR })
      span.end()
    },

    appended(changes, begunAt) {
      for (const change of changes) {
        const tried = contextOf(change)
        if (tried === null) continue
        ids.use({ traceId: tried.traceId, spanId: spanIdOfChange(tried.traceId, change.sequence) }, () =>
          past('append Change', under(tried), { startTime: begunAt, attributes: attributesOf(change) }),
        )
      }
    },

    followed(change, eviction) {
      const tried = contextOf(change)
      if (tried === null) return
      const appended = { ...tried, spanId: spanIdOfChange(tried.traceId, change.sequence) }
      const span = past('evict record', under(appended), {
        attributes: {
          'livegraph.record': recordKey(change.record),
          'livegraph.change.sequence': change.sequence,
          'livegraph.eviction': eviction,
        },
      })
      evictions.set(change, span.spanContext())
    },

    async pushing(change, field, subscribers, push) {
      const evicted = change === null ? undefined : evictions.get(change)
      if (change === null || evicted === undefined) return current.run(undefined, push)
      const span = tracer.startSpan(
        'push',
        {
          kind: SpanKind.PRODUCER,
          attributes: {
            ...messaging('push', 'send', field),
            'livegraph.change.sequence': change.sequence,
            'livegraph.subscribers': subscribers,
          },
        },
        under(evicted),
      )
      try {
        return await current.run(trace.setSpan(ROOT_CONTEXT, span), push)
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.name : 'unknown fault' })
        throw error
      } finally {
        span.end()
      }
    },

    close,
  }
}

/** The conventions for messaging are not stable yet, so that their names are written out. */
function messaging(name: string, type: 'receive' | 'process' | 'send', destination: string): Attributes {
  return {
    'messaging.system': 'livegraph',
    'messaging.operation.name': name,
    'messaging.operation.type': type,
    'messaging.destination.name': destination,
  }
}

function attributesOf({ sequence, kind, record, entity, fields }: Change): Attributes {
  return {
    'livegraph.change.sequence': sequence,
    'livegraph.change.kind': kind,
    'livegraph.change.fields': [...fields],
    'livegraph.record': recordKey(record),
    ...(entity === null ? {} : { 'livegraph.entity': entityKey(entity) }),
  }
}

/** The try whose Change it is; null when that is not traced. */
function contextOf({ traceparent }: Change): SpanContext | null {
  const context = traceparent === undefined ? null : parseTraceParent(traceparent)
  return context !== null && isSampled(context) ? context : null
}

function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & TraceFlags.SAMPLED) !== 0
}

function under(parent: SpanContext): Context {
  return trace.setSpanContext(ROOT_CONTEXT, parent)
}
