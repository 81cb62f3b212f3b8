/** A refusal in Stripe's words: `{"error":{"type","code","param","message","doc_url"}}`. Source: Stripe API reference, errors. */
export class StripeError extends Error {
  readonly status: number
  readonly type: StripeErrorType
  readonly code: string | null
  readonly param: string | null
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    message: string,
    more: {
      readonly type?: StripeErrorType
      readonly code?: string
      readonly param?: string
      readonly headers?: Readonly<Record<string, string>>
    } = {},
  ) {
    super(message)
    this.status = status
    this.type = more.type ?? 'invalid_request_error'
    this.code = more.code ?? null
    this.param = more.param ?? null
    this.headers = more.headers ?? {}
  }
}

export type StripeErrorType = 'invalid_request_error' | 'api_error' | 'card_error' | 'idempotency_error'

export function errorBody(error: StripeError, requestId: string): { readonly error: Readonly<Record<string, string>> } {
  const { type, code, param, message } = error
  return {
    error: {
      ...(code === null ? {} : { code, doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}` }),
      message,
      ...(param === null ? {} : { param }),
      request_log_url: `https://dashboard.stripe.com/test/logs/${requestId}`,
      type,
    },
  }
}

/** @param param `id` for the one in the path, which makes it a 404; a field's name makes it a 400 */
export function missing(kind: string, id: string, param = 'id'): StripeError {
  const status = param === 'id' ? 404 : 400
  return new StripeError(status, `No such ${kind}: '${id}'`, { code: 'resource_missing', param })
}

export function badRequest(message: string, code?: string, param?: string): StripeError {
  return new StripeError(400, message, { code, param })
}

export function unauthorized(isWithoutKey: boolean): StripeError {
  const message = isWithoutKey
    ? "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
    : 'Invalid API Key provided: sk_test_***'
  return new StripeError(401, message)
}

export function cardDeclined({ code, message }: { readonly code?: string; readonly message?: string }): StripeError {
  return new StripeError(402, message ?? 'Your card was declined.', { type: 'card_error', code })
}

export type RateLimitedReason = 'global-rate' | 'global-concurrency'

export function rateLimited(reason: RateLimitedReason): StripeError {
  const message =
    'Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits.'
  return new StripeError(429, message, { code: 'rate_limit', headers: { 'stripe-rate-limited-reason': reason } })
}

export function broken(status: number): StripeError {
  const message = 'Sorry! There was an error while talking to one of our backends.'
  return new StripeError(status, message, { type: 'api_error' })
}
