import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { DeliveryEntry, Hint, Received, WebhookAdapter } from '../../contract.ts'
import { verifySignature, type SignatureScheme } from '../../signature.ts'
import { contactRef, fieldOfProperty } from './mapping.ts'

/** HubSpot sends ids as numbers of up to 2^53; text is taken too. */
const id = z.union([z.number().int().nonnegative(), z.string().regex(/^\d{1,20}$/)]).transform(String)

/** What every notification has. The vendor says that `eventId` alone may come twice for different happenings. */
const notification = z.object({
  portalId: id,
  subscriptionId: id,
  eventId: id,
  occurredAt: z.number().int().nonnegative().max(8.64e15),
  subscriptionType: z.string(),
  /** The type of the object, on the subscriptions named `object.…`; contacts are 0-1. */
  objectTypeId: z.string().optional(),
})

const withObject = z.object({ objectId: id })
const withProperty = z.object({ objectId: id, propertyName: z.string() })
const withMerge = z.object({
  primaryObjectId: id,
  mergedObjectIds: z.array(id).min(1).max(1000),
  /** Merging makes a new contact in some cases; then the primary one is retired too. */
  newObjectId: id.nullish(),
})

/**
 * Signature v3. Source: HubSpot developer documentation, "Validating requests". The older ones that are still sent beside
 * it sign no time, so a request could be sent again for ever; they are not looked at.
 */
const signature: SignatureScheme = {
  signature: { header: 'x-hubspot-signature-v3', encoding: 'base64' },
  time: { header: 'x-hubspot-request-timestamp', unitMs: 1, toleranceMs: 300_000 },
  signed: [{ part: 'method' }, { part: 'url', unescaped: ":/?@!$'()*,;" }, { part: 'body' }, { part: 'time' }],
}

const contactTypeId = '0-1'

const maxNotifications = 1000

export const webhook: WebhookAdapter = {
  verify(received, secrets, now) {
    return verifySignature(received, signature, secrets, now)
  },

  read(received: Received) {
    const body = parseJson(received.body)
    if (!Array.isArray(body)) return { unreadable: 'expected a JSON array of notifications' }
    if (body.length > maxNotifications) {
      return { unreadable: `expected at most ${maxNotifications} notifications, got ${body.length}` }
    }
    // Of a body that may be long: once.
    let whole: string | undefined
    const place = (position: number): string => `${position} of ${(whole ??= digest(received.body))}`
    return { entries: body.map((value: unknown, position) => readEntry(value, () => place(position))) }
  },
}

/** @returns undefined for what is no JSON in UTF-8 */
function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined
  }
}

/** @param place names the entry by where it stood */
function readEntry(value: unknown, place: () => string): DeliveryEntry {
  const head = notification.safeParse(value)
  if (!head.success) return { key: keyOfUnreadable(value, place), unreadable: faultOf(head.error) }
  const { portalId, subscriptionId, eventId, occurredAt, subscriptionType, objectTypeId } = head.data
  // The object is part of the key too, read apart because a merge may lack it.
  const object = withObject.safeParse(value).data?.objectId ?? ''
  const key = [portalId, subscriptionId, eventId, object, occurredAt].join(':')
  const [noun, ...rest] = subscriptionType.split('.')
  if (noun !== 'contact' && !(noun === 'object' && objectTypeId === contactTypeId)) return { key, hints: [] }
  const hints = hintsOf(rest.join('.'), value, new Date(occurredAt))
  return hints instanceof z.ZodError ? { key, unreadable: faultOf(hints) } : { key, hints }
}

function hintsOf(happening: string, value: unknown, at: Date): readonly Hint[] | z.ZodError {
  switch (happening) {
    // What a contact is associated with shows in no field of a customer.
    case 'associationChange':
      return []
    case 'propertyChange': {
      const { data, error } = withProperty.safeParse(value)
      if (data === undefined) return error
      const field = fieldOfProperty(data.propertyName)
      return [{ kind: 'UPDATED', record: contactRef(data.objectId), at, fields: field === undefined ? [] : [field] }]
    }
    case 'merge': {
      const { data, error } = withMerge.safeParse(value)
      return data === undefined ? error : hintsOfMerge(data, at)
    }
    default: {
      const { data, error } = withObject.safeParse(value)
      if (data === undefined) return error
      return [{ kind: kinds.get(happening) ?? 'UPDATED', record: contactRef(data.objectId), at, fields: [] }]
    }
  }
}

/** A happening HubSpot may add some day counts as an update: reading the contact again is never wrong. */
const kinds: ReadonlyMap<string, Hint['kind']> = new Map([
  ['creation', 'CREATED'],
  ['restore', 'CREATED'],
  ['deletion', 'DELETED'],
  ['privacyDeletion', 'DELETED'],
])

function hintsOfMerge(merge: z.infer<typeof withMerge>, at: Date): readonly Hint[] {
  const winner = contactRef(merge.newObjectId ?? merge.primaryObjectId)
  const losers = new Set([...merge.mergedObjectIds, merge.primaryObjectId])
  losers.delete(winner.id)
  const retired = [...losers].map((loser): Hint => {
    return { kind: 'DELETED', record: contactRef(loser), at, fields: [], mergedInto: winner }
  })
  return [...retired, { kind: 'UPDATED', record: winner, at, fields: [] }]
}

/** The key of what cannot be read: its content, but for the number of the attempt; its place when it nests too deeply. */
function keyOfUnreadable(value: unknown, place: () => string): string {
  const lasting = typeof value === 'object' && value !== null ? { ...value, attemptNumber: undefined } : value
  try {
    return `unreadable:${digest(JSON.stringify(lasting))}`
  } catch {
    return `unreadable:${place()}`
  }
}

function digest(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('base64url')
}

function faultOf(error: z.ZodError): string {
  const issue = error.issues.at(0)
  return `expected a notification as documented: ${issue?.path.map(String).join('.') || 'it'}: ${issue?.code ?? 'unreadable'}`
}
