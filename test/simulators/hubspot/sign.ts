import { createHash, createHmac } from 'node:crypto'

/** What HubSpot decodes of an address before it signs it. Source: HubSpot developer documentation, request validation. */
const decoded = /%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)/gi

/**
 * `X-HubSpot-Signature-v3`: base64 HMAC-SHA256 under the app's client secret of method, address, raw body and
 * timestamp, with nothing in between.
 */
export function signV3(
  secret: string,
  request: { readonly method: string; readonly url: string; readonly body: string; readonly timestamp: string },
): string {
  const url = request.url.replace(decoded, decodeURIComponent)
  const content = `${request.method}${url}${request.body}${request.timestamp}`
  return createHmac('sha256', secret).update(content).digest('base64')
}

/** `X-HubSpot-Signature`, the old one that is still sent: hex SHA-256 of secret and body. */
export function signV1(secret: string, body: string): string {
  return createHash('sha256').update(`${secret}${body}`).digest('hex')
}
