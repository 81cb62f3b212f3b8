import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Received } from '../../subgraphs/contract.ts'
import { verifySignature } from '../../subgraphs/signature.ts'
import type { SignatureScheme } from '../../subgraphs/signature.ts'

const hubspot: SignatureScheme = {
  signature: { header: 'x-hubspot-signature-v3', encoding: 'base64' },
  time: { header: 'x-hubspot-request-timestamp', unitMs: 1, toleranceMs: 300_000 },
  signed: [{ part: 'method' }, { part: 'url', unescaped: ":/?@!$'()*,;" }, { part: 'body' }, { part: 'time' }],
}
const stripe: SignatureScheme = {
  signature: { header: 'stripe-signature', item: 'v1', encoding: 'hex' },
  time: { header: 'stripe-signature', item: 't', unitMs: 1000, toleranceMs: 300_000 },
  signed: [{ part: 'time' }, { part: 'text', text: '.' }, { part: 'body' }],
}
const asana: SignatureScheme = {
  signature: { header: 'x-hook-signature', encoding: 'hex' },
  time: null,
  signed: [{ part: 'body' }],
}

const genuine = { genuine: true }
const refused = (reason: string): object => ({ genuine: false, reason })

function received(
  headers: Record<string, string>,
  body: string,
  url = 'https://graph.example.com/webhooks/x',
): Received {
  return { method: 'POST', endpoint: '', url, headers, body: Buffer.from(body) }
}

describe('HubSpot, version 3', () => {
  // From the vendor's documentation, "Webhooks error handling".
  const secret = 'cfc68c0b-4b4e-4ef8-b764-95350e4ea479'
  const sentAt = 1752613922216
  const body =
    '[{"eventId":531833541,"subscriptionId":3923621,"portalId":48807704,"appId":16111050,"occurredAt":1752613920733,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":138017612137,"changeFlag":"CREATED","changeSource":"CRM_UI","sourceId":"userId:76023669"}]'
  const url = 'https://webhook.site/335453f5-94b3-49d9-b684-a55354d4b8df'
  const headers = {
    'x-hubspot-signature-v3': 'gbj1XPRvUt0noT7i7fXfTzOD4sLzQmf0VT28ZYq0EYg=',
    'x-hubspot-request-timestamp': String(sentAt),
  }

  it("verifies the vendor's own example", () => {
    expect(verifySignature(received(headers, body, url), hubspot, [secret], new Date(sentAt))).toEqual(genuine)
  })

  it.each([
    [300_000, genuine],
    [300_001, refused('time-out-of-window')],
    [-300_000, genuine],
    [-300_001, refused('time-out-of-window')],
  ])('at %d ms after it was sent the verdict is %o', (ms, verdict) => {
    expect(verifySignature(received(headers, body, url), hubspot, [secret], new Date(sentAt + ms))).toEqual(verdict)
  })

  it.each(['', 'soon', '1e12', '-5', '0x10', ' 1752613922216', '1752613922216.0', 'NaN', '99999999999999999'])(
    'does not take "%s" for a time',
    time => {
      const verdict = verifySignature(
        received({ ...headers, 'x-hubspot-request-timestamp': time }, body, url),
        hubspot,
        [secret],
        new Date(sentAt),
      )
      expect(verdict).toEqual(refused(time === '' ? 'signature-missing' : 'signature-malformed'))
    },
  )

  it('signs the address with the escapes decoded that the vendor decodes, and no others', () => {
    const called = 'https://graph.example.com/webhooks/hubspot?a=%3Ab%2fc%20d%25'
    const signed = 'https://graph.example.com/webhooks/hubspot?a=:b/c%20d%25'
    const signature = createHmac('sha256', 's').update(`POST${signed}{}${sentAt}`).digest('base64')
    const request = received({ ...headers, 'x-hubspot-signature-v3': signature }, '{}', called)
    expect(verifySignature(request, hubspot, ['s'], new Date(sentAt))).toEqual(genuine)
  })
})

describe('Stripe', () => {
  const secret = 'whsec_test_secret'
  const body = JSON.stringify({ id: 'evt_test_webhook', object: 'event' }, null, 2)
  const at = 1_600_000_000
  const now = new Date(at * 1000)
  const sign = (key: string, time: number | string = at): string =>
    createHmac('sha256', key).update(`${time}.${body}`).digest('hex')

  it('verifies when any of several signatures is right, with any of several secrets', () => {
    const header = `t=${at},v1=${sign('whsec_old')},v1=${sign(secret)},v0=${'0'.repeat(64)}`
    const request = received({ 'stripe-signature': header }, body)
    expect(verifySignature(request, stripe, [secret], now)).toEqual(genuine)
    expect(verifySignature(request, stripe, ['whsec_new', 'whsec_old'], now)).toEqual(genuine)
    expect(verifySignature(request, stripe, ['whsec_new'], now)).toEqual(refused('signature-wrong'))
  })

  it('refuses times of the past and of the future beyond 300 s', () => {
    for (const [seconds, verdict] of [
      [-301, refused('time-out-of-window')],
      [-300, genuine],
      [300, genuine],
      [301, refused('time-out-of-window')],
    ] as const) {
      const time = at + seconds
      const request = received({ 'stripe-signature': `t=${time},v1=${sign(secret, time)}` }, body)
      expect(verifySignature(request, stripe, [secret], now), `${seconds} s`).toEqual(verdict)
    }
  })

  it.each([
    ['', 'signature-missing'],
    [`t=${at}`, 'signature-malformed'],
    [`t=${at},v0=${sign(secret)}`, 'signature-malformed'],
    [`v1=${sign(secret)}`, 'signature-malformed'],
    [`t=${at},t=${at},v1=${sign(secret)}`, 'signature-malformed'],
    [`t=${at},v1=${sign(secret).slice(1)}`, 'signature-malformed'],
    [`t=${at},${`v1=${sign(secret)},`.repeat(17)}`, 'signature-malformed'],
  ])('refuses the header "%s"', (header, reason) => {
    expect(verifySignature(received({ 'stripe-signature': header }, body), stripe, [secret], now)).toEqual(
      refused(reason),
    )
  })
})

describe('Asana', () => {
  // The secret is printed in the vendor's specification; it signs no time.
  const secret = 'b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81'
  const signature = '10468027b67df18c739cc4794c6fc2d2806dcaaf2259fc3e1ed9d26433659853'

  it('verifies over the body alone, at any time', () => {
    const request = received({ 'x-hook-signature': signature }, '{"events":[]}')
    expect(verifySignature(request, asana, [secret], new Date(0))).toEqual(genuine)
    expect(verifySignature(request, asana, [secret], new Date(8e15))).toEqual(genuine)
  })

  it('verifies nothing without secrets, nor with empty ones', () => {
    const signedWithNothing = createHmac('sha256', '').update('{}').digest('hex')
    const request = received({ 'x-hook-signature': signedWithNothing }, '{}')
    expect(verifySignature(request, asana, [], new Date(0))).toEqual(refused('signature-wrong'))
    expect(verifySignature(request, asana, [''], new Date(0))).toEqual(refused('signature-wrong'))
  })
})

describe('any scheme', () => {
  it('refuses every request of which one byte was changed', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (body, place, flip) => {
          const signature = createHmac('sha256', 'secret').update(body).digest('hex')
          const request = { ...received({ 'x-hook-signature': signature }, ''), body }
          const verify = (): unknown => verifySignature(request, asana, ['secret'], new Date(0))
          expect(verify()).toEqual(genuine)
          const at = place % body.length
          body[at] = (body[at] ?? 0) ^ flip
          expect(verify()).toEqual(refused('signature-wrong'))
        },
      ),
    )
  })

  it('gives a verdict on any headers and never throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.constantFrom(hubspot, stripe, asana), (first, second, scheme) => {
        const headers = {
          'x-hubspot-signature-v3': first,
          'x-hubspot-request-timestamp': second,
          'stripe-signature': `${first},${second}`,
          'x-hook-signature': first,
        }
        expect(verifySignature(received(headers, '{}'), scheme, ['secret'], new Date(0)).genuine).toBe(false)
      }),
    )
  })
})
