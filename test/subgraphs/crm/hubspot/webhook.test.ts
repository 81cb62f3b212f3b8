import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Received } from '../../../../subgraphs/contract.ts'
import { webhook } from '../../../../subgraphs/crm/hubspot/webhook.ts'

const secret = 'cfc68c0b-4b4e-4ef8-b764-95350e4ea479'
/** The example of HubSpot's documentation, page "error handling" of the webhooks. */
const documented =
  '[{"eventId":531833541,"subscriptionId":3923621,"portalId":48807704,"appId":16111050,"occurredAt":1752613920733,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":138017612137,"changeFlag":"CREATED","changeSource":"CRM_UI","sourceId":"userId:76023669"}]'
const sentAt = 1_752_613_922_216

function received(body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}): Received {
  return {
    method: 'POST',
    endpoint: '',
    url: 'https://webhook.site/335453f5-94b3-49d9-b684-a55354d4b8df',
    headers: {
      'x-hubspot-signature-v3': 'gbj1XPRvUt0noT7i7fXfTzOD4sLzQmf0VT28ZYq0EYg=',
      'x-hubspot-request-timestamp': String(sentAt),
      ...headers,
    },
    body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
  }
}

const head = { eventId: 1, subscriptionId: 2, portalId: 3, occurredAt: 1_752_613_920_733, attemptNumber: 0 }
const at = new Date(head.occurredAt)

function entriesOf(...events: readonly unknown[]) {
  const read = webhook.read(received(JSON.stringify(events)))
  if ('unreadable' in read) throw new Error(read.unreadable)
  return read.entries
}

function hintsOf(event: object) {
  const [entry] = entriesOf({ ...head, ...event })
  return entry !== undefined && 'hints' in entry ? entry.hints : entry?.unreadable
}

const contact = (id: string) => ({ system: 'hubspot', kind: 'contact', id })

test("the documentation's own example is genuine, with the new secret or the old", () => {
  expect(webhook.verify(received(documented), [secret], new Date(sentAt))).toEqual({ genuine: true })
  expect(webhook.verify(received(documented), ['new', secret], new Date(sentAt + 300_000))).toEqual({ genuine: true })
})

test.each([
  ['another secret', received(documented), ['other'], 0, 'signature-wrong'],
  ['another body', received(`${documented} `), [secret], 0, 'signature-wrong'],
  ['too late', received(documented), [secret], 300_001, 'time-out-of-window'],
  ['from the future', received(documented), [secret], -300_001, 'time-out-of-window'],
  ['no signature', received(documented, { 'x-hubspot-signature-v3': '' }), [secret], 0, 'signature-missing'],
])('%s is refused', (_, request, secrets, laterMs, reason) => {
  expect(webhook.verify(request, secrets, new Date(sentAt + laterMs))).toEqual({ genuine: false, reason })
})

test('the old signatures without a time are not accepted', () => {
  const old = { ...received(documented), headers: { 'x-hubspot-signature': 'aa' } }
  expect(webhook.verify(old, [secret], new Date(sentAt))).toMatchObject({ genuine: false })
})

test('the documented example is the birth of a contact', () => {
  expect(webhook.read(received(documented))).toEqual({
    entries: [
      {
        key: '48807704:3923621:531833541:138017612137:1752613920733',
        hints: [{ kind: 'CREATED', record: contact('138017612137'), at: new Date(1_752_613_920_733), fields: [] }],
      },
    ],
  })
})

test.each([
  ['email', ['email']],
  ['lastname', ['name']],
  ['zip', ['address']],
  ['lifecyclestage', ['lifecycleStage', 'lifecycleStageName']],
  ['hubspot_score', []],
  ['__proto__', []],
])('a change of the property %s is a change of %j', (propertyName, fields) => {
  expect(hintsOf({ subscriptionType: 'contact.propertyChange', objectId: 5, propertyName })).toEqual([
    { kind: 'UPDATED', record: contact('5'), at, fields },
  ])
})

test.each([
  ['contact.deletion', 'DELETED'],
  ['contact.privacyDeletion', 'DELETED'],
  ['contact.restore', 'CREATED'],
  ['contact.somethingNew', 'UPDATED'],
])('%s is %s', (subscriptionType, kind) => {
  expect(hintsOf({ subscriptionType, objectId: '5' })).toEqual([{ kind, record: contact('5'), at, fields: [] }])
})

test('a merge retires its losers and updates its winner', () => {
  const merge = { subscriptionType: 'contact.merge', primaryObjectId: 5, mergedObjectIds: [6, 7] }
  expect(hintsOf(merge)).toEqual([
    { kind: 'DELETED', record: contact('6'), at, fields: [], mergedInto: contact('5') },
    { kind: 'DELETED', record: contact('7'), at, fields: [], mergedInto: contact('5') },
    { kind: 'UPDATED', record: contact('5'), at, fields: [] },
  ])
})

test('a merge that makes a new contact retires the primary one too, and the winner never retires itself', () => {
  const merge = { subscriptionType: 'contact.merge', primaryObjectId: 5, mergedObjectIds: [6, 9], newObjectId: 9 }
  expect(hintsOf(merge)).toMatchObject([
    { kind: 'DELETED', record: { id: '6' } },
    { kind: 'DELETED', record: { id: '5' } },
    { kind: 'UPDATED', record: { id: '9' } },
  ])
})

const company = (id: string) => ({ system: 'hubspot', kind: 'company', id })
const ofCompany = [{ kind: 'UPDATED', record: contact('5'), at, fields: ['company'] }]

test.each([
  [
    'legacy',
    {
      subscriptionType: 'contact.associationChange',
      associationType: 'CONTACT_TO_COMPANY',
      fromObjectId: 5,
      toObjectId: 6,
    },
  ],
  [
    'legacy, from the other end',
    {
      subscriptionType: 'contact.associationChange',
      associationType: 'COMPANY_TO_CONTACT',
      fromObjectId: 6,
      toObjectId: 5,
    },
  ],
  [
    'generic',
    {
      subscriptionType: 'object.associationChange',
      objectTypeId: '0-1',
      fromObjectTypeId: '0-1',
      toObjectTypeId: '0-2',
      fromObjectId: 5,
      toObjectId: 6,
    },
  ],
  ['without a type', { subscriptionType: 'contact.associationChange', fromObjectId: 5, toObjectId: 6 }],
])('a company that is associated with a contact is one of its own: %s', (_, notification) => {
  expect(hintsOf(notification)).toEqual(ofCompany)
})

test('other associations and other objects touch no customer', () => {
  const deal = { associationType: 'CONTACT_TO_DEAL', fromObjectId: 5, toObjectId: 6 }
  expect(hintsOf({ subscriptionType: 'contact.associationChange', ...deal })).toEqual([])
  const ends = { fromObjectTypeId: '0-1', toObjectTypeId: '0-3', fromObjectId: 5, toObjectId: 6 }
  expect(hintsOf({ subscriptionType: 'object.associationChange', objectTypeId: '0-1', ...ends })).toEqual([])
  expect(hintsOf({ subscriptionType: 'deal.creation', objectId: 5 })).toEqual([])
  expect(hintsOf({ subscriptionType: 'object.creation', objectId: 5, objectTypeId: '0-3' })).toEqual([])
})

test('a company that is renamed, deleted, restored or merged has its name read again', () => {
  const named = { propertyName: 'name', objectId: 6 }
  const renamed = [{ kind: 'UPDATED', record: company('6'), at, fields: [] }]
  expect(hintsOf({ subscriptionType: 'company.propertyChange', ...named })).toEqual(renamed)
  expect(hintsOf({ subscriptionType: 'object.propertyChange', objectTypeId: '0-2', ...named })).toEqual(renamed)
  expect(hintsOf({ subscriptionType: 'company.propertyChange', propertyName: 'city', objectId: 6 })).toEqual([])
  expect(hintsOf({ subscriptionType: 'company.restore', objectId: 6 })).toEqual(renamed)
  expect(hintsOf({ subscriptionType: 'company.deletion', objectId: 6 })).toMatchObject([{ kind: 'DELETED' }])
  expect(hintsOf({ subscriptionType: 'company.merge', primaryObjectId: 6, mergedObjectIds: [7] })).toMatchObject([
    { kind: 'DELETED', record: company('7') },
    { kind: 'UPDATED', record: company('6') },
  ])
})

test('one of ours in a form that is not understood says why; ids and times in other forms are understood', () => {
  expect(hintsOf({ subscriptionType: 'object.propertyChange', propertyName: 'email', objectId: 5 })).toContain(
    'objectTypeId',
  )
  expect(hintsOf({ subscriptionType: 'contact.associationChange', fromObjectId: 5 })).toContain('toObjectId')
  expect(hintsOf({ subscriptionType: 'company.propertyChange', objectId: 6 })).toContain('propertyName')
  const restored = {
    subscriptionType: 'contact.restore',
    objectId: '5',
    eventId: '0f6e-uuid',
    occurredAt: at.toISOString(),
  }
  expect(hintsOf(restored)).toEqual([{ kind: 'CREATED', record: contact('5'), at, fields: [] }])
})

test('a second try has the keys of the first, readable or not; other happenings have others', () => {
  const event = { ...head, subscriptionType: 'contact.creation', objectId: 5 }
  const broken = { subscriptionType: 'contact.creation', attemptNumber: 0 }
  const keys = (...events: object[]) => entriesOf(...events).map(({ key }) => key)
  expect(keys({ ...event, attemptNumber: 3 }, { ...broken, attemptNumber: 3 })).toEqual(keys(event, broken))
  expect(new Set(keys(event, { ...event, objectId: 6 }, { ...event, occurredAt: 7 }, broken)).size).toBe(4)
})

test.each<[string, readonly object[]]>([
  [
    'associations that differ in an end, its type, or whether they were made or ended',
    [
      { subscriptionType: 'contact.associationChange', fromObjectId: 5, toObjectId: 7 },
      { subscriptionType: 'contact.associationChange', fromObjectId: 6, toObjectId: 7 },
      { subscriptionType: 'contact.associationChange', fromObjectId: 5, toObjectId: 8 },
      { subscriptionType: 'contact.associationChange', fromObjectId: 5, toObjectId: 8, associationRemoved: true },
      {
        subscriptionType: 'contact.associationChange',
        fromObjectId: 7,
        toObjectId: 5,
        associationType: 'COMPANY_TO_CONTACT',
      },
    ],
  ],
  [
    'generic associations',
    [
      { fromObjectTypeId: '0-1', toObjectTypeId: '0-2', fromObjectId: 5, toObjectId: 7 },
      { fromObjectTypeId: '0-2', toObjectTypeId: '0-1', fromObjectId: 5, toObjectId: 7 },
      { fromObjectTypeId: '0-1', toObjectTypeId: '0-2', fromObjectId: 6, toObjectId: 7 },
    ].map(ends => ({ subscriptionType: 'object.associationChange', objectTypeId: '0-1', ...ends })),
  ],
  [
    'changed properties',
    ['email', 'phone'].flatMap(propertyName =>
      ['contact', 'company'].map(noun => ({
        subscriptionType: `${noun}.propertyChange`,
        propertyName,
        objectId: noun === 'contact' ? 5 : 6,
      })),
    ),
  ],
  [
    'merges that differ in a loser, the winner or the new record',
    [
      { primaryObjectId: 5, mergedObjectIds: [6] },
      { primaryObjectId: 5, mergedObjectIds: [7] },
      { primaryObjectId: 5, mergedObjectIds: [6, 7] },
      { primaryObjectId: 8, mergedObjectIds: [6] },
      { primaryObjectId: 5, mergedObjectIds: [6], newObjectId: 9 },
    ].map(ends => ({ subscriptionType: 'contact.merge', objectId: 5, ...ends })),
  ],
])('%s have keys of their own though all else is the same, and keep them in a second try', (_, events) => {
  const keys = entriesOf(...events.map(event => ({ ...head, ...event }))).map(({ key }) => key)
  expect(new Set(keys).size).toBe(events.length)
  const again = entriesOf(...events.map(event => ({ ...head, ...event, attemptNumber: 4 }))).map(({ key }) => key)
  expect(again).toEqual(keys)
})

test('one entry that cannot be read does not take the others with it', () => {
  const entries = entriesOf({ ...head, subscriptionType: 'contact.merge' }, null, {
    ...head,
    subscriptionType: 'contact.deletion',
    objectId: 5,
  })
  expect(entries.map(entry => 'unreadable' in entry)).toEqual([true, true, false])
})

test.each([
  ['no JSON', '<html>'],
  ['an object', '{}'],
  ['no UTF-8', new Uint8Array([0x5b, 0x22, 0xff, 0x22, 0x5d])],
  ['too long a list', JSON.stringify(Array.from({ length: 1001 }, () => ({})))],
])('%s is no body of HubSpot', (_, body) => {
  expect(webhook.read(received(body))).toHaveProperty('unreadable')
})

test('whatever the body, reading does not throw and repeats no personal data', () => {
  const value = fc.oneof(fc.jsonValue(), fc.constant('me@example.com'))
  const event = fc.record(
    {
      eventId: value,
      subscriptionId: value,
      portalId: value,
      occurredAt: fc.oneof(value, fc.integer()),
      subscriptionType: fc.oneof(value, fc.constantFrom('contact.merge', 'contact.propertyChange', 'contact.creation')),
      objectId: value,
      mergedObjectIds: fc.oneof(value, fc.array(value)),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(event, value)), events => {
      for (const entry of entriesOf(...events)) {
        expect(entry.key).not.toBe('')
        if ('unreadable' in entry) expect(entry.unreadable).not.toContain('@')
      }
    }),
  )
})
