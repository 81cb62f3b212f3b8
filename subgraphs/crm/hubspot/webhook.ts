import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { DeliveryEntry, Hint, Received, WebhookAdapter } from '../../contract.ts'
import { isInstant } from '../../instant.ts'
import { vendorText } from '../../lenient.ts'
import { readShape } from '../../shape-fault.ts'
import { verifySignature, type SignatureScheme } from '../../signature.ts'
import { contactRef, fieldsOfProperty, mentionedRef } from './mapping.ts'

/** HubSpot sends ids as numbers of up to 2^53; text is taken too. One that is too long to be a contact's is no contact's. */
const id = z
  .union([z.number().int(), z.string()])
  .transform(String)
  .refine(text => /^[1-9]\d{0,19}$/.test(text), 'expected an id (digits)')

/** Part of a key only: whatever tells one from another. */
const mark = z.union([z.number(), vendorText.max(200)]).transform(String)

/** Milliseconds since 1970, or an ISO time. */
const time = z
  .union([z.number(), vendorText.max(40)])
  .transform(value => new Date(typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value))
  .refine(date => date.getTime() >= 0 && isInstant(date), 'expected milliseconds since 1970')

/** What every notification has. The vendor says that `eventId` alone may come twice for different happenings. */
const notification = z.object({
  portalId: mark,
  subscriptionId: mark,
  eventId: mark,
  occurredAt: time,
  subscriptionType: vendorText,
  /** The type of the object, on the subscriptions named `object.…`: 0-1 is a contact, 0-2 a company. */
  objectTypeId: vendorText.nullish(),
})

const withObject = z.object({ objectId: id })
const withProperty = z.object({ objectId: id, propertyName: vendorText })
const withMerge = z.object({
  primaryObjectId: id,
  mergedObjectIds: z.array(id).min(1).max(1000),
  /** Merging makes a new record in some cases; then the primary one is retired too. */
  newObjectId: id.nullish(),
})

/** What a contact is associated with; the ends are named by their types, by the kind of association, or by neither. */
const withAssociation = z.object({
  associationType: vendorText.nullish(),
  fromObjectId: id,
  toObjectId: id,
  fromObjectTypeId: vendorText.nullish(),
  toObjectTypeId: vendorText.nullish(),
})

/**
 * What a notification is about: part of its key, for the rest of it may be the same for two happenings of one moment. An association has
 * two ends and no `objectId`. What cannot be read here makes no difference.
 */
const subject = z.object({
  objectId: id.nullish().catch(null),
  propertyName: z.string().nullish().catch(null),
  primaryObjectId: id.nullish().catch(null),
  newObjectId: id.nullish().catch(null),
  mergedObjectIds: z.array(id).nullish().catch(null),
  associationType: z.string().nullish().catch(null),
  fromObjectId: id.nullish().catch(null),
  fromObjectTypeId: z.string().nullish().catch(null),
  toObjectId: id.nullish().catch(null),
  toObjectTypeId: z.string().nullish().catch(null),
  associationRemoved: z.boolean().nullish().catch(null),
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

type Noun = 'contact' | 'company'

const nounsByType: ReadonlyMap<string, Noun> = new Map([
  ['0-1', 'contact'],
  ['0-2', 'company'],
])

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
  const head = readShape(notification, value)
  if (!head.ok) return { key: keyOfUnreadable(value, place), unreadable: head.fault }
  const { portalId, subscriptionId, eventId, occurredAt, subscriptionType, objectTypeId } = head.value
  const { objectId, ...more } = subject.safeParse(value).data ?? {}
  const about = Object.values(more).some(part => (part ?? null) !== null) ? [digest(JSON.stringify(more))] : []
  const key = [portalId, subscriptionId, eventId, objectId ?? '', occurredAt.getTime(), ...about].join(':')
  const [word = '', ...rest] = subscriptionType.split('.')
  if (word === 'object' && typeof objectTypeId !== 'string')
    return { key, unreadable: 'objectTypeId: expected a string, got nothing' }
  const noun =
    word === 'object'
      ? nounsByType.get(objectTypeId ?? '')
      : (['contact', 'company'] as const).find(one => one === word)
  // Deals, tickets and whatever else an app is subscribed to is not ours.
  if (noun === undefined) return { key, hints: [] }
  const happening = rest.join('.')
  const hints =
    noun === 'contact' ? hintsOf(happening, value, occurredAt) : hintsOfCompany(happening, value, occurredAt)
  // What it is about is part of the key only where it can be read.
  return typeof hints === 'string' ? { key: keyOfUnreadable(value, place), unreadable: hints } : { key, hints }
}

function hintsOf(happening: string, value: unknown, at: Date): readonly Hint[] | string {
  switch (happening) {
    case 'associationChange': {
      const read = readShape(withAssociation, value)
      return read.ok ? hintsOfAssociation(read.value, at) : read.fault
    }
    case 'propertyChange': {
      const read = readShape(withProperty, value)
      if (!read.ok) return read.fault
      const fields = fieldsOfProperty(read.value.propertyName)
      return [{ kind: 'UPDATED', record: contactRef(read.value.objectId), at, fields }]
    }
    case 'merge': {
      const read = readShape(withMerge, value)
      return read.ok ? hintsOfMerge(read.value, at) : read.fault
    }
    default: {
      const read = readShape(withObject, value)
      if (!read.ok) return read.fault
      return [{ kind: kinds.get(happening) ?? 'UPDATED', record: contactRef(read.value.objectId), at, fields: [] }]
    }
  }
}

/** Of what a contact is associated with, its companies show; of the two ends one is the contact. */
function hintsOfAssociation(change: z.infer<typeof withAssociation>, at: Date): readonly Hint[] {
  const { associationType, fromObjectId, toObjectId, fromObjectTypeId, toObjectTypeId } = change
  const ofContact = (id: string): readonly Hint[] => [
    { kind: 'UPDATED', record: contactRef(id), at, fields: ['company'] },
  ]
  if (typeof fromObjectTypeId === 'string' && typeof toObjectTypeId === 'string') {
    const [from, to] = [fromObjectTypeId, toObjectTypeId].map(type => nounsByType.get(type))
    if (from === 'contact' && to === 'company') return ofContact(fromObjectId)
    if (from === 'company' && to === 'contact') return ofContact(toObjectId)
    return []
  }
  const [from, to] = (associationType ?? 'CONTACT_TO_COMPANY').split('_TO_')
  if (from === 'CONTACT' && to?.startsWith('COMPANY') === true) return ofContact(fromObjectId)
  if (from === 'COMPANY' && to?.startsWith('CONTACT') === true) return ofContact(toObjectId)
  return []
}

/** Of a company contacts show the name. What it is called now, and whether it is there, is read. */
function hintsOfCompany(happening: string, value: unknown, at: Date): readonly Hint[] | string {
  const of = (id: string, kind: Hint['kind']): Hint => ({ kind, record: mentionedRef('company', id), at, fields: [] })
  switch (happening) {
    // The contact's own notification tells of it.
    case 'associationChange':
      return []
    case 'propertyChange': {
      const read = readShape(withProperty, value)
      if (!read.ok) return read.fault
      return read.value.propertyName === 'name' ? [of(read.value.objectId, 'UPDATED')] : []
    }
    case 'merge': {
      const read = readShape(withMerge, value)
      if (!read.ok) return read.fault
      const { winner, losers } = endsOf(read.value)
      return [...losers.map(id => of(id, 'DELETED')), of(winner, 'UPDATED')]
    }
    default: {
      const read = readShape(withObject, value)
      return read.ok ? [of(read.value.objectId, happening === 'deletion' ? 'DELETED' : 'UPDATED')] : read.fault
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
  const { winner, losers } = endsOf(merge)
  const into = contactRef(winner)
  const retired = losers.map((loser): Hint => {
    return { kind: 'DELETED', record: contactRef(loser), at, fields: [], mergedInto: into }
  })
  return [...retired, { kind: 'UPDATED', record: into, at, fields: [] }]
}

function endsOf({ primaryObjectId, mergedObjectIds, newObjectId }: z.infer<typeof withMerge>) {
  const winner = newObjectId ?? primaryObjectId
  const losers = new Set([...mergedObjectIds, primaryObjectId])
  losers.delete(winner)
  return { winner, losers: [...losers] }
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
