import { createHmac } from 'node:crypto'

/** `Stripe-Signature` of a body sent at that time. Source: Stripe documentation, verify webhook signatures manually. */
export function signatureOf(secret: string, body: string, at: Date): string {
  const seconds = Math.floor(at.getTime() / 1000)
  const digest = createHmac('sha256', secret).update(`${seconds}.${body}`, 'utf8').digest('hex')
  return `t=${seconds},v1=${digest}`
}
