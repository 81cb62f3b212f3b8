/**
 * A refusal in Asana's words: `{"errors":[{"message","help"}]}`.
 * Source: Asana API reference, error responses; message texts as its API gives them where known.
 */
export class AsanaError extends Error {
  readonly status: number
  /** Stands beside `errors` in the body (`sync` of a 412). */
  readonly beside: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    message: string,
    options: { beside?: Readonly<Record<string, unknown>>; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message)
    this.status = status
    this.beside = options.beside ?? {}
    this.headers = options.headers ?? {}
  }
}

const help =
  'For more information on API status codes and how to handle them, read the docs on errors: https://developers.asana.com/docs/errors'

export function errorBody(message: string, beside: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { errors: [{ message, help }], ...beside }
}

export function badRequest(message: string): AsanaError {
  return new AsanaError(400, message)
}

export function notFound(kind: string, gid: string): AsanaError {
  return new AsanaError(404, `${kind}: Unknown object: ${gid}`)
}

export function notAuthorized(): AsanaError {
  return new AsanaError(401, 'Not Authorized')
}

export function rateLimited(retryAfterSeconds: number): AsanaError {
  return new AsanaError(429, `You have made too many requests recently. Please, be chill.`, {
    headers: { 'retry-after': String(retryAfterSeconds) },
  })
}
