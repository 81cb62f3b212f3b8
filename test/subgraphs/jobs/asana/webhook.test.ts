import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DeliveryEntry, Received } from '../../../../subgraphs/contract.ts'
import { webhookAdapter } from '../../../../subgraphs/jobs/asana/webhook.ts'
import { textWith } from './matchers.ts'

const shape = { projects: ['99'], customerField: '123', orderField: '124', statusField: null } as const
const adapter = webhookAdapter(shape)
const now = new Date('2026-01-02T00:00:01Z')

function received(body: string | Uint8Array, headers: Record<string, string> = {}): Received {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body
  return { method: 'POST', endpoint: '99', url: 'https://graph.example.com/webhooks/asana/99', headers, body: bytes }
}

function read(events: readonly unknown[], by = adapter): readonly DeliveryEntry[] {
  const found = by.read(received(JSON.stringify({ events })))
  if ('unreadable' in found) throw new Error(found.unreadable)
  return found.entries
}

function hints(event: object, by = adapter) {
  const [entry] = read([{ ...taskEvent, ...event }], by)
  return entry !== undefined && 'hints' in entry ? entry.hints.map(({ kind, fields }) => [kind, ...fields]) : entry
}

const taskEvent = {
  user: { gid: '7', resource_type: 'user' },
  created_at: '2026-01-02T00:00:00.123Z',
  action: 'changed',
  resource: { gid: '1201', resource_type: 'task', resource_subtype: 'default_task' },
  parent: null,
  change: { field: 'completed', action: 'changed' },
}

describe('the signature', () => {
  const secret = 'b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81'
  const signature = '10468027b67df18c739cc4794c6fc2d2806dcaaf2259fc3e1ed9d26433659853'

  test('is the HMAC of the raw body under the secret of the handshake, as text', () => {
    const genuine = received('{"events":[]}', { 'x-hook-signature': signature })
    expect(adapter.verify(genuine, [secret], now)).toEqual({ genuine: true })
    expect(adapter.verify(genuine, ['another', secret], now)).toEqual({ genuine: true })
  })

  test('missing, malformed, wrong, or under another secret is refused', () => {
    const verdict = (headers: Record<string, string>, secrets = [secret], body = '{"events":[]}') =>
      adapter.verify(received(body, headers), secrets, now)
    expect(verdict({})).toEqual({ genuine: false, reason: 'signature-missing' })
    expect(verdict({ 'x-hook-signature': 'abc' })).toEqual({ genuine: false, reason: 'signature-malformed' })
    const wrong = { genuine: false, reason: 'signature-wrong' }
    expect(verdict({ 'x-hook-signature': signature }, [secret], '{"events": []}')).toEqual(wrong)
    expect(verdict({ 'x-hook-signature': signature }, ['another'])).toEqual(wrong)
    expect(verdict({ 'x-hook-signature': signature }, [])).toEqual(wrong)
    const keyed = createHmac('sha256', '').update('{"events":[]}').digest('hex')
    expect(verdict({ 'x-hook-signature': keyed }, [''])).toEqual(wrong)
  })
})

describe('the handshake', () => {
  test('carries the secret and is answered with it', () => {
    const secret = 'a'.repeat(64)
    expect(adapter.handshake?.(received('{}', { 'x-hook-secret': secret }))).toEqual({
      secret,
      answerHeaders: { 'X-Hook-Secret': secret },
    })
  })

  test.each(['', 'short', 'a'.repeat(300), `${'a'.repeat(32)}\r\nSet-Cookie: x`])(
    'is refused with the secret %j, and the secret is not repeated',
    secret => {
      const refused = adapter.handshake?.(received('{}', { 'x-hook-secret': secret }))
      expect(refused).toEqual({ refused: textWith('X-Hook-Secret: expected a secret of 16 to 256') })
      if (secret !== '') expect(JSON.stringify(refused)).not.toContain(secret)
    },
  )

  test('is none without the header', () => {
    expect(adapter.handshake?.(received('{"events":[]}'))).toBeNull()
  })
})

describe('events', () => {
  test('say what happened to which task, when', () => {
    expect(read([taskEvent])).toEqual([
      {
        key: textWith(/^[0-9a-f]{64}$/),
        hints: [
          {
            kind: 'UPDATED',
            record: { system: 'asana', kind: 'task', id: '1201' },
            at: new Date('2026-01-02T00:00:00.123Z'),
            fields: ['isCompleted', 'completedAt', 'updatedAt'],
          },
        ],
      },
    ])
  })

  test.each([
    ['name', ['title']],
    ['notes', ['description']],
    ['due_at', ['schedule']],
    ['assignee', ['assignee']],
    ['memberships', ['status']],
    ['custom_fields', ['customer', 'order']],
  ])('of the field %s are changes of %j', (field, fields) => {
    expect(hints({ change: { field, action: 'changed' } })).toEqual([['UPDATED', ...fields, 'updatedAt']])
  })

  test('of one custom field are changes of what it is for', () => {
    const changed = (gid: string) => ({
      change: { field: 'custom_fields', action: 'changed', new_value: { gid, resource_type: 'custom_field' } },
    })
    expect(hints(changed('124'))).toEqual([['UPDATED', 'order', 'updatedAt']])
    expect(hints(changed('777'))).toEqual([])
    const byField = webhookAdapter({ ...shape, statusField: '777' })
    expect(hints(changed('777'), byField)).toEqual([['UPDATED', 'status', 'updatedAt']])
  })

  test('that leave the job as it is name no record', () => {
    expect(hints({ change: { field: 'likes', action: 'added' } })).toEqual([])
    expect(hints({ action: 'added', parent: { gid: '5', resource_type: 'tag' } })).toEqual([])
    expect(hints({ action: 'added', resource: { gid: '8', resource_type: 'story' } })).toEqual([])
    expect(hints({ action: 'added', parent: { gid: '12', resource_type: 'project' } })).toEqual([])
  })

  test('of moves, of coming and of going say so', () => {
    const parent = (resource_type: string) => ({ parent: { gid: '99', resource_type }, change: undefined })
    expect(hints({ action: 'added', ...parent('project') })).toEqual([['CREATED']])
    expect(hints({ action: 'removed', ...parent('project') })).toEqual([['UPDATED']])
    expect(hints({ action: 'added', ...parent('section') })).toEqual([['UPDATED', 'status']])
    expect(hints({ action: 'removed', ...parent('section') })).toEqual([['UPDATED', 'status']])
    expect(hints({ action: 'deleted', change: undefined })).toEqual([['DELETED']])
    expect(hints({ action: 'undeleted', change: undefined })).toEqual([['CREATED']])
    expect(hints({ action: 'teleported', change: undefined })).toEqual([['UPDATED']])
  })

  test.each(['{}', '{"events":[]}'])('there are none in the heartbeat %s', body => {
    expect(adapter.read(received(body))).toEqual({ entries: [] })
  })

  test('that cannot be read stand beside those that can', () => {
    const [broken, whole] = read([{ action: 'changed', resource: 5 }, taskEvent])
    expect(broken).toMatchObject({ unreadable: textWith('created_at') })
    expect(whole).toMatchObject({ hints: [{ kind: 'UPDATED' }] })
  })

  test.each(['', '[]', 'null', '<html>', '{"events":{}}'])('are not to be had from the body %j', body => {
    expect(adapter.read(received(body))).toHaveProperty('unreadable')
  })
})

describe('keys', () => {
  const gid = fc.constantFrom('1', '2', '3')
  const event = fc.record({
    action: fc.constantFrom('added', 'changed', 'deleted'),
    created_at: fc.constantFrom('2026-01-02T00:00:00.123Z', '2026-01-02T00:00:00.124Z'),
    resource: fc.record({ gid, resource_type: fc.constantFrom('task', 'story') }),
    parent: fc.option(fc.record({ gid, resource_type: fc.constantFrom('section', 'project') })),
    change: fc.option(fc.record({ field: fc.constantFrom('name', 'notes'), action: fc.constant('changed') })),
  })

  test('are the same when a body comes again, and differ within a body', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), events => {
        const keys = read(events).map(entry => entry.key)
        expect(read(events).map(entry => entry.key)).toEqual(keys)
        expect(new Set(keys).size).toBe(events.length)
      }),
    )
  })

  test('are the same whatever the order of different events', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 12 }), events => {
        const sorted = (list: readonly unknown[]) =>
          read(list)
            .map(entry => entry.key)
            .sort()
        expect(sorted([...events].reverse())).toEqual(sorted(events))
      }),
    )
  })

  test('no body makes reading throw', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), fc.uint8Array({ maxLength: 40 }), (text, bytes) => {
        for (const body of [text, `{"events":[${text}]}`, bytes])
          expect(adapter.read(received(body))).toBeTypeOf('object')
      }),
    )
  })
})
