import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Received, RefusalReason, Verdict } from './contract.ts'

/** Where a value stands in the headers: all of a header, or the items of one name in `t=1,v1=ab,v1=cd`. */
export interface HeaderPlace {
  /** In lower case. */
  readonly header: string
  readonly item?: string
}

/** One piece of what a vendor signs. */
export type SignedPart =
  | { readonly part: 'method' }
  /** `unescaped`: the characters whose percent escapes the vendor decodes before it signs. */
  | { readonly part: 'url'; readonly unescaped?: string }
  /** The time as it stands in the header. */
  | { readonly part: 'time' }
  | { readonly part: 'body' }
  | { readonly part: 'text'; readonly text: string }

/** How a vendor signs its webhooks with HMAC-SHA256: a new vendor is a new row of data. */
export interface SignatureScheme {
  /** Several items of one name are several signatures; one that is right is enough. */
  readonly signature: HeaderPlace & { readonly encoding: 'hex' | 'base64' }
  /** `unitMs` is 1 for milliseconds and 1000 for seconds; null for vendors that sign no time. */
  readonly time: (HeaderPlace & { readonly unitMs: 1 | 1000; readonly toleranceMs: number }) | null
  /** In the order in which they are signed, with nothing between them. */
  readonly signed: readonly SignedPart[]
}

const digestForms = { hex: /^[0-9a-fA-F]{64}$/, base64: /^[A-Za-z0-9+/]{43}=$/ } as const
const plainNumber = /^(?:0|[1-9]\d{0,15})$/
/** Each signature costs one comparison a secret; a vendor that rolls a secret sends two. */
const mostSignatures = 16

/**
 * Whether a webhook request was signed with one of the secrets, over its raw bytes.
 * Every signature is compared with every secret's in constant time, so the time taken tells nothing.
 * The time has to be within the tolerance on both sides of `now`; it is judged after the signature, so
 * `time-out-of-window` means a genuine request that came late, or clocks that differ.
 * No secrets, and empty ones, verify nothing.
 */
export function verifySignature(
  received: Received,
  scheme: SignatureScheme,
  secrets: readonly string[],
  now: Date,
): Verdict {
  const signatures = valuesAt(received, scheme.signature)
  if (signatures === null) return refused('signature-missing')
  const digests = signatures
    .filter(text => digestForms[scheme.signature.encoding].test(text))
    .map(text => Buffer.from(text, scheme.signature.encoding))
  if (digests.length === 0 || signatures.length > mostSignatures) return refused('signature-malformed')

  const times = scheme.time === null ? [] : valuesAt(received, scheme.time)
  if (times === null) return refused('signature-missing')
  const time = times[0] ?? ''
  if (scheme.time !== null && (times.length !== 1 || !plainNumber.test(time))) return refused('signature-malformed')

  let isRight = false
  for (const secret of secrets) {
    if (secret === '') continue
    const expected = sign(received, scheme, secret, time)
    for (const digest of digests) isRight = timingSafeEqual(digest, expected) || isRight
  }
  if (!isRight) return refused('signature-wrong')

  if (scheme.time !== null) {
    const distanceMs = Math.abs(now.getTime() - Number(time) * scheme.time.unitMs)
    if (!(distanceMs <= scheme.time.toleranceMs)) return refused('time-out-of-window')
  }
  return { genuine: true }
}

function refused(reason: RefusalReason): Verdict {
  return { genuine: false, reason }
}

/** @returns null when the header is missing or empty */
function valuesAt(received: Received, place: HeaderPlace): string[] | null {
  const text = received.headers[place.header]
  if (text === undefined || text === '') return null
  if (place.item === undefined) return [text]
  const prefix = `${place.item}=`
  return text
    .split(',')
    .map(item => item.trim())
    .filter(item => item.startsWith(prefix))
    .map(item => item.slice(prefix.length))
}

function sign(received: Received, scheme: SignatureScheme, secret: string, time: string): Buffer {
  const hmac = createHmac('sha256', secret)
  for (const signed of scheme.signed) {
    switch (signed.part) {
      case 'method':
        hmac.update(received.method)
        break
      case 'url':
        hmac.update(unescape(received.url, signed.unescaped ?? ''))
        break
      case 'time':
        hmac.update(time)
        break
      case 'body':
        hmac.update(received.body)
        break
      case 'text':
        hmac.update(signed.text)
        break
    }
  }
  return hmac.digest()
}

/** Decodes the percent escapes of the given ASCII characters, once, and leaves all others as they are. */
function unescape(url: string, characters: string): string {
  return url.replace(/%([0-9a-fA-F]{2})/g, (escape, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16))
    return characters.includes(character) ? character : escape
  })
}
