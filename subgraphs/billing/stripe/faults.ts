import type Stripe from 'stripe'
import { VendorError } from '../../vendor-error.ts'
import type { VendorErrorKind } from '../../vendor-error.ts'
import { system } from './mapping.ts'
import { loadedSdk } from './sdk.ts'

const timeoutCodes: ReadonlySet<string> = new Set(['ETIMEDOUT', 'ESOCKETTIMEDOUT', 'UND_ERR_HEADERS_TIMEOUT'])

/**
 * What an error of the SDK means. The message holds Stripe's words for what went wrong (type, code, parameter) and the
 * id of the request, but not its sentence, which may quote what a person entered.
 */
export function toVendorError(error: unknown): VendorError {
  if (error instanceof VendorError) return error
  const errors = loadedSdk()?.errors
  if (errors === undefined || !(error instanceof errors.StripeError)) {
    // What happens to a connection comes as an error of the SDK; what does not is its stumbling over an answer.
    return new VendorError(system, 'unreadable', 'expected an answer as documented, got one that the SDK cannot read', {
      cause: error,
    })
  }
  const kind = kindOf(error, errors)
  const inputFault = kind === 'rejected' && error.message !== '' ? shown(error.message) : undefined
  return new VendorError(system, kind, described(error, kind), {
    // 401 is about the key as such. Source: Stripe API reference, errors.
    lacks: kind === 'unauthorized' && error.statusCode === 403 ? missingPermissions(error.message) : undefined,
    cause: error,
    retryAfterMs: kind === 'rate-limited' || kind === 'unavailable' ? retryAfterMsOf(error) : undefined,
    inputFault,
    // Also what it failed at itself it answers again for as long as it keeps the key: only another key helps.
    isKept: kind === 'unavailable' && error.headers?.['idempotent-replayed'] === 'true',
  })
}

/** Whether Stripe itself gave the reason: what stands before it may refuse a request too, which says nothing of records. */
export function isOfStripe({ cause }: VendorError): boolean {
  return cause instanceof Error && 'rawType' in cause && cause.rawType !== undefined
}

function kindOf(error: Stripe.errors.StripeError, errors: typeof Stripe.errors): VendorErrorKind {
  if (error instanceof errors.StripeConnectionError) return hasTimedOut(error) ? 'timeout' : 'unavailable'
  const status = error.statusCode
  // The SDK drops the status of an answer that it cannot read: of a success that is no JSON, and of a 404; see client.ts.
  if (status === undefined) return error instanceof errors.StripeAPIError ? 'unreadable' : 'unavailable'
  // `lock_timeout`: another request holds the record. Source: Stripe API reference, error codes.
  if (status === 429 || error.code === 'rate_limit' || error.code === 'lock_timeout') return 'rate-limited'
  if (status === 401 || status === 403) return 'unauthorized'
  if (status === 404) return 'not-found'
  // 409: a request with the same idempotency key is still running.
  if (status === 409 || status >= 500) return 'unavailable'
  return status >= 400 ? 'rejected' : 'unreadable'
}

/**
 * A 403 of a restricted key names what would let it in: `Having the 'rak_customer_read' permission`, since September 2026
 * `Enabling Customers Read ('customer_read') permissions`. Source: messages in stripe/stripe-cli, pull request 2017.
 */
function missingPermissions(message: string): readonly string[] {
  return [...new Set([...message.matchAll(/'((?:rak_)?[a-z_]+_(?:read|write))'/g)].flatMap(([, name]) => name ?? []))]
}

function hasTimedOut(error: Stripe.errors.StripeConnectionError): boolean {
  const seen = new Set<unknown>()
  let cause: unknown = error.detail
  while (cause instanceof Error && !seen.has(cause)) {
    if ('code' in cause && typeof cause.code === 'string' && timeoutCodes.has(cause.code)) return true
    seen.add(cause)
    cause = cause.cause ?? ('exception' in cause ? cause.exception : undefined)
  }
  return error.message.includes('timeout')
}

/** Stripe documents no Retry-After; what stands before it may send one. */
function retryAfterMsOf(error: Stripe.errors.StripeError): number | undefined {
  const text = error.headers?.['retry-after']
  return text !== undefined && /^\d{1,6}(\.\d+)?$/.test(text) ? Number(text) * 1000 : undefined
}

function described(error: Stripe.errors.StripeError, kind: VendorErrorKind): string {
  const status = error.statusCode
  if (status === undefined) {
    if (kind === 'timeout') return 'no answer within the deadline'
    return kind === 'unreadable' ? 'expected an answer in JSON, got another form' : connectionFault(error)
  }
  const reason = error.headers?.['stripe-rate-limited-reason']
  const parts = [
    `answered ${status.toString()}`,
    error.rawType ?? null,
    error.code === undefined ? null : `code ${error.code}`,
    error.param === undefined ? null : `parameter ${error.param}`,
    reason === undefined ? null : `reason ${reason}`,
    error.requestId === undefined ? null : `request ${error.requestId}`,
  ]
  return parts.filter(part => part !== null).join(', ')
}

function connectionFault({ detail }: Stripe.errors.StripeError): string {
  const code = detail instanceof Error && 'code' in detail && typeof detail.code === 'string' ? ` (${detail.code})` : ''
  return `no connection or a broken one${code}`
}

/** Stripe's sentence for whoever gave the input, without e-mail addresses it quotes. */
function shown(message: string): string {
  return message.replaceAll(/[^\s'"<>:]+@[^\s'"<>]+/g, '(e-mail)').slice(0, 500)
}
