import { randomUUID } from 'node:crypto'

/**
 * A refusal in HubSpot's words: `{"status":"error","message","correlationId","category"}`.
 * Source: HubSpot's OpenAPI description, `Error`; message texts as its API gives them where known.
 */
export class HubspotError extends Error {
  readonly status: number
  readonly category: string
  /** Stands beside the rest in the body: `context`, `errors`. */
  readonly beside: Readonly<Record<string, unknown>>

  constructor(status: number, category: string, message: string, beside: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.status = status
    this.category = category
    this.beside = beside
  }
}

export function errorBody({ message, category, beside }: HubspotError): Record<string, unknown> {
  return { status: 'error', message, correlationId: randomUUID(), category, ...beside }
}

/** Source: the official SDK's retry rules, which read `message` and `policyName`. */
export function rateLimitBody(policy: 'SECONDLY' | 'TEN_SECONDLY_ROLLING'): Record<string, unknown> {
  return {
    status: 'error',
    message: `You have reached your ${policy.toLowerCase()} limit.`,
    errorType: 'RATE_LIMIT',
    correlationId: randomUUID(),
    policyName: policy,
  }
}

export function invalid(message: string, beside: Readonly<Record<string, unknown>> = {}): HubspotError {
  return new HubspotError(400, 'VALIDATION_ERROR', message, beside)
}

export function notFound(id: string): HubspotError {
  return new HubspotError(404, 'OBJECT_NOT_FOUND', 'Object not found.  objectId are usually numeric.', {
    context: { id: [id] },
  })
}

/** What a write of a property is refused with. */
export interface PropertyFault {
  readonly name: string
  readonly error: 'PROPERTY_DOESNT_EXIST' | 'READ_ONLY_VALUE' | 'INVALID_EMAIL' | 'INVALID_OPTION'
  readonly message: string
}

export function invalidProperties(faults: readonly PropertyFault[]): HubspotError {
  const listed = faults.map(fault => ({ isValid: false, ...fault }))
  return invalid(`Property values were not valid: ${JSON.stringify(listed)}`, {
    errors: faults.map(({ name, error, message }) => ({ message, code: error, context: { propertyName: [name] } })),
  })
}

export function emailTaken(existingId: string): HubspotError {
  return new HubspotError(409, 'CONFLICT', `Contact already exists. Existing ID: ${existingId}`)
}

export function notAuthorized(): HubspotError {
  const message =
    'Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview'
  return new HubspotError(401, 'INVALID_AUTHENTICATION', message)
}
