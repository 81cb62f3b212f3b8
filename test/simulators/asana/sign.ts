import { createHmac } from 'node:crypto'

/**
 * `X-Hook-Signature`: hex HMAC-SHA256 of the raw body under the hook's secret, the secret taken as text.
 * No time is signed. Source: Asana developer documentation, webhooks guide, security.
 */
export function signBody(secret: string, body: string | Buffer): string {
  return createHmac('sha256', secret).update(body).digest('hex')
}
