import { createHmac } from 'node:crypto'
import type { SignatureScheme } from '../../subgraphs/signature.ts'

/** The header in which a gateway signs: `t=<seconds since 1970>,v1=<hex>`. */
export const signatureHeader = 'livegraph-signature'

/** How far the clocks of gateway and subgraph may be apart, the request's way included. */
const toleranceMs = 60_000

/** HMAC-SHA256 of the time, a dot and the raw body. */
export const subgraphSignature: SignatureScheme = {
  signature: { header: signatureHeader, item: 'v1', encoding: 'hex' },
  time: { header: signatureHeader, item: 't', unitMs: 1000, toleranceMs },
  signed: [{ part: 'time' }, { part: 'text', text: '.' }, { part: 'body' }],
}

/** The value of the header for a body that is sent now. */
export function signRequest(secret: string, body: string, now: Date): string {
  const time = Math.floor(now.getTime() / 1000)
  return `t=${time},v1=${createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')}`
}
