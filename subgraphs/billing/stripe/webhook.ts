import { z } from 'zod'
import type { DeliveryEntry, Received, WebhookAdapter } from '../../contract.ts'
import type { RecordRef } from '../../../schema/systems.ts'
import { isInstant } from '../../instant.ts'
import {
  fieldOf,
  isUnderstood,
  mapField,
  type NotUnderstood,
  valueOrNull,
  vendorText,
  type Field,
} from '../../lenient.ts'
import { readShape } from '../../shape-fault.ts'
import { verifySignature } from '../../signature.ts'
import type { SignatureScheme } from '../../signature.ts'
import { changedFields, happeningOf, type Happening } from './happenings.ts'
import { isLinesKey } from './new-lines.ts'
import { isPointer, pointerRef } from './pointers.ts'
import { recordRef, stripeKinds, type StripeKind } from './mapping.ts'
import { id, reference, seconds } from './records.ts'
import { isBillToKey } from './unfinished.ts'

/**
 * `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>]` over `t.body`; several v1 while a secret is rolled; five minutes.
 * Source: docs.stripe.com/webhooks/signature, stripe-node `Webhooks`.
 */
export const scheme: SignatureScheme = {
  signature: { header: 'stripe-signature', item: 'v1', encoding: 'hex' },
  time: { header: 'stripe-signature', item: 't', unitMs: 1000, toleranceMs: 300_000 },
  signed: [{ part: 'time' }, { part: 'text', text: '.' }, { part: 'body' }],
}

const field = fieldOf('stripe')

const fields = z.record(z.string(), z.unknown())

const request = field(z.object({ idempotency_key: field(vendorText) }))

const eventId = vendorText.min(1).max(255)

/** An event with the record as it was then. */
const snapshotEvent = z.object({
  id: eventId,
  object: z.literal('event'),
  type: vendorText,
  created: field(seconds),
  /** Set for what happened in an account connected to ours: none of our records. */
  account: field(vendorText),
  /** The API request it came of. */
  request,
  data: field(z.object({ object: field(fields), previous_attributes: field(fields) })),
})

const thinObject = 'v2.core.event'

/**
 * An event that only names its record. Those of v1 records have the old type behind `v1.`, and finer ones. Source: the SDK's
 * `V2.Core.Events`; docs.stripe.com/event-destinations, thin events.
 */
const thinEvent = z.object({
  id: eventId,
  object: z.literal(thinObject),
  type: vendorText,
  created: field(
    z.iso
      .datetime({ offset: true })
      .refine(text => isInstant(new Date(text)), 'expected a time of a year of 1 to 9999'),
  ),
  /** Set for what happened in another account. */
  context: field(vendorText),
  reason: field(z.object({ request })),
  related_object: field(z.object({ id, type: field(vendorText) })),
  /** The same happening as the other kind of event, where that is sent too. */
  snapshot_event: field(eventId),
})

/** What happens to a customer that is an Account of API v2. */
const accountTypes: ReadonlySet<string> = new Set([
  'v2.core.account.created',
  'v2.core.account.updated',
  'v2.core.account.closed',
  'v2.core.account[configuration.customer].updated',
  'v2.core.account[identity].updated',
])

type SnapshotEvent = z.infer<typeof snapshotEvent>

type ThinEvent = z.infer<typeof thinEvent>

/** The record an event leads to; null for none of ours; else why it cannot be told. */
type Target = RecordRef | { readonly unreadable: string } | null

/**
 * @param writeMark what stands before the idempotency keys of our own writes
 * One request is one event. It only says what to read again: Stripe promises no order of events, so the record an event
 * carries may be older than what is known. Source: docs.stripe.com/webhooks, "Event ordering".
 */
export function openWebhook(writeMark: string): WebhookAdapter {
  return {
    verify: (received, secrets, now) => verifySignature(received, scheme, secrets, now),
    read(received) {
      const body = jsonOf(received)
      if (body === undefined) return { unreadable: 'expected an event of Stripe, got a body that is no JSON' }
      const read = readEvent(body, writeMark)
      return 'key' in read ? { entries: [read] } : read
    },
  }
}

/** What an event says, whether Stripe sent it or was asked for it: under the same key. */
export function readEvent(value: unknown, writeMark: string): DeliveryEntry | { readonly unreadable: string } {
  const thin = readShape(thinEvent, value)
  if (thin.ok) return thinEntry(thin.value, writeMark)
  const snapshot = readShape(snapshotEvent, value)
  if (snapshot.ok) return snapshotEntry(snapshot.value, writeMark)
  const isThin = z.object({ object: z.literal(thinObject) }).safeParse(value).success
  return { unreadable: `an event of Stripe was expected: ${isThin ? thin.fault : snapshot.fault}` }
}

function snapshotEntry(event: SnapshotEvent, writeMark: string): DeliveryEntry {
  const { id: key, type, created, account } = event
  const happening = happeningOf(type)
  if (happening === undefined || account !== null) return { key, hints: [] }
  const before = valueOrNull(mapField(event.data, ({ previous_attributes }) => previous_attributes)) ?? {}
  const about = mapField(event.data, ({ object }) => object)
  const target = about === null || !isUnderstood(about) ? missing(type) : targetOf(happening, type, about, before)
  return entryOf(key, target, happening, writeMark, {
    type,
    at: valueOrNull(mapField(created, value => new Date(value * 1000))),
    fields: happening.names === 'itself' ? changedFields(happening, Object.keys(before)) : happening.fields,
    request: event.request,
  })
}

/** What belongs to a record says so under its name; what was taken off it did so before. */
function targetOf(
  happening: Happening,
  type: string,
  about: Readonly<Record<string, unknown>>,
  before: Readonly<Record<string, unknown>>,
): Target {
  const named = (name: string): Field<string> =>
    field(reference).parse(about[name] ?? (Object.hasOwn(before, name) ? before[name] : null))
  if (happening.names === 'itself') return ours(happening.kind, named('id')) ?? missing(type)
  if (happening.names !== 'payment') {
    const account = happening.names === 'customer' ? named('customer_account') : null
    const found = ours(happening.kind, named(happening.names)) ?? pointerTo('account', account)
    return found ?? (happening.isOptional ? null : missing(type))
  }
  return (
    ours('invoice', named('invoice')) ??
    pointerTo('payment_intent', named('payment_intent')) ??
    pointerTo('charge', about['object'] === 'charge' ? named('id') : named('charge'))
  )
}

function ours(kind: StripeKind, named: Field<string>): Target {
  if (!isUnderstood(named)) return { unreadable: `the id of its ${kind}: ${named.reason}` }
  return named === null ? null : recordRef(kind, named)
}

function pointerTo(kind: 'account' | 'payment_intent' | 'charge', named: Field<string>): Target {
  if (!isUnderstood(named)) return { unreadable: `the id of its ${kind}: ${named.reason}` }
  return named === null ? null : pointerRef(kind, named)
}

function missing(type: string): Target {
  return { unreadable: `${type}: expected it to name its record, got none` }
}

function thinEntry(event: ThinEvent, writeMark: string): DeliveryEntry {
  const key = valueOrNull(event.snapshot_event) ?? event.id
  const type = /^v1\.(.+)$/.exec(event.type)?.[1]
  const isAccount = accountTypes.has(event.type)
  if (event.context !== null || (type === undefined && !isAccount)) return { key, hints: [] }
  const happening = type === undefined ? undefined : happeningOf(type)
  const related = event.related_object
  const target = isAccount
    ? mapTarget(related, event.type, ({ id: account }) => pointerRef('account', account))
    : happening === undefined
      ? finerTarget(related)
      : thinTarget(event, happening)
  return entryOf(key, target, happening, writeMark, {
    type: type ?? event.type,
    at: valueOrNull(mapField(event.created, value => new Date(value))),
    fields: happening?.fields ?? [],
    request: mapField(event.reason, reason => reason.request),
  })
}

type Related = NonNullable<Exclude<ThinEvent['related_object'], NotUnderstood>>

function thinTarget(event: ThinEvent, happening: Happening): Target {
  const { type, related_object: related } = event
  if (happening.names === 'itself') return mapTarget(related, type, one => recordRef(happening.kind, one.id))
  const { of } = happening
  if (of !== null) return mapTarget(related, type, one => pointerRef(of, one.id))
  // The record itself says no more whose it was; the other kind of event does, and Stripe keeps it.
  const snapshot = valueOrNull(event.snapshot_event)
  return snapshot === null
    ? { unreadable: `${type}: expected snapshot_event, which alone says whose it was, got none` }
    : pointerRef('event', snapshot)
}

/** Types finer than the old ones: whatever they say of a record that we know has it read again. */
function finerTarget(related: ThinEvent['related_object']): Target {
  if (related === null || !isUnderstood(related)) return null
  const type = valueOrNull(related.type)
  const kind = stripeKinds.find(one => one === type)
  if (kind !== undefined) return recordRef(kind, related.id)
  return type !== null && isPointer(type) ? pointerRef(type, related.id) : null
}

function mapTarget(related: ThinEvent['related_object'], type: string, map: (one: Related) => RecordRef): Target {
  if (related === null) return { unreadable: `${type}: expected related_object to name its record, got none` }
  return isUnderstood(related) ? map(related) : { unreadable: `${type}: related_object: ${related.reason}` }
}

interface Told {
  /** The old type. */
  readonly type: string
  readonly at: Date | null
  readonly fields: readonly string[]
  readonly request: SnapshotEvent['request']
}

function entryOf(
  key: string,
  target: Target,
  happening: Happening | undefined,
  writeMark: string,
  { type, at, fields: changed, request: of }: Told,
): DeliveryEntry {
  if (target === null) return { key, hints: [] }
  if ('unreadable' in target) return { key, unreadable: target.unreadable }
  const usedKey = valueOrNull(mapField(of, ({ idempotency_key }) => idempotency_key))
  const ownKey = usedKey?.startsWith(`${writeMark}-`) === true ? usedKey : null
  // The product and the price that Stripe made for a written line are none of the catalogue's.
  if (happening?.kind === 'product' && ownKey !== null && isLinesKey(ownKey)) return { key, hints: [] }
  const isEcho = ownKey !== null && isWritten(type, happening, ownKey)
  const hint = { kind: happening?.change ?? 'UPDATED', record: target, at, fields: changed }
  return { key, hints: [isEcho ? { ...hint, isEcho } : hint] }
}

/** Whether a write of ours tells of it itself. What a write does beside, such as giving credit back, only the event tells. */
function isWritten(type: string, happening: Happening | undefined, key: string): boolean {
  if (type === 'customer.updated') return isBillToKey(key)
  return happening?.kind === 'invoice' || type === 'customer.created'
}

function jsonOf({ body }: Received): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined
  }
}
