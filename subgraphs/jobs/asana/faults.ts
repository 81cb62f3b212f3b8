import { z } from 'zod'
import { VendorError } from '../../vendor-error.ts'
import type { VendorErrorKind } from '../../vendor-error.ts'

const errorBody = z.object({ errors: z.array(z.object({ message: z.string() })) })

/** The SDK rejects with the error of its HTTP library (superagent). */
const failure = z.object({
  status: z.number().optional().catch(undefined),
  statusCode: z.number().optional().catch(undefined),
  code: z.string().optional().catch(undefined),
  timeout: z.number().optional().catch(undefined),
  response: z
    .object({ body: z.unknown(), headers: z.record(z.string(), z.unknown()).optional().catch(undefined) })
    .optional()
    .catch(undefined),
})

/** What an endpoint's refusal says, whether it came alone or out of a batch. */
export interface Refusal {
  readonly status: number
  readonly body: unknown
  readonly headers: Readonly<Record<string, unknown>>
}

/**
 * Reads an error of the SDK. What caused it is left behind: the SDK's error carries the request with the token and the
 * answer with people's data.
 */
export function toVendorError(error: unknown): VendorError {
  if (error instanceof VendorError) return error
  const read = failure.safeParse(error)
  const { status, statusCode, code, timeout, response } = read.success ? read.data : {}
  const answered = status ?? statusCode
  if (answered !== undefined) {
    // A page instead of JSON: the address is not Asana's API, which is not to say that a record does not exist.
    if (kindOf(answered) === 'not-found' && !errorBody.safeParse(response?.body).success) {
      return new VendorError('asana', 'unreadable', `answered ${answered}, and not in JSON as documented`)
    }
    return refusalError({ status: answered, body: response?.body, headers: response?.headers ?? {} })
  }
  if (timeout !== undefined || code === 'ETIMEDOUT' || code === 'ECONNABORTED') {
    return new VendorError('asana', 'timeout', 'no answer within the deadline')
  }
  if (code !== undefined) return new VendorError('asana', 'unavailable', `no connection (${code})`)
  return new VendorError('asana', 'unreadable', 'expected an answer as documented, got one that the SDK cannot read')
}

/** Source: Asana developer documentation, errors and rate limits. */
export function refusalError({ status, body, headers }: Refusal): VendorError {
  const kind = kindOf(status)
  const options = { retryAfterMs: readRetryAfter(headers['retry-after'] ?? headers['Retry-After']) }
  if (kind !== 'rejected' && kind !== 'not-found') return new VendorError('asana', kind, `answered ${status}`, options)
  const read = errorBody.safeParse(body)
  // It speaks of the input that was sent, and goes to whoever sent it; not into logs.
  const inputFault = read.success ? read.data.errors[0]?.message.slice(0, 300) : undefined
  return new VendorError('asana', kind, `answered ${status}`, { inputFault })
}

function kindOf(status: number): VendorErrorKind {
  switch (status) {
    case 401:
    case 403:
      return 'unauthorized'
    case 404:
    case 410:
      return 'not-found'
    case 408:
      return 'timeout'
    case 429:
      return 'rate-limited'
    default:
      if (status >= 500) return 'unavailable'
      // A 2xx ends here when its body could not be read, a 3xx because nothing is followed.
      return status < 400 ? 'unreadable' : 'rejected'
  }
}

/** Seconds. Source: Asana developer documentation, rate limits. */
function readRetryAfter(value: unknown): number | undefined {
  const text = typeof value === 'number' ? String(value) : value
  return typeof text === 'string' && /^\d{1,6}(\.\d+)?$/.test(text) ? Number(text) * 1000 : undefined
}
