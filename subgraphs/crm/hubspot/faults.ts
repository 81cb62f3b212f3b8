import type { ApiException } from '@hubspot/api-client/lib/codegen/crm/contacts/index.js'
import { z } from 'zod'
import { VendorError } from '../../vendor-error.ts'
import { fieldsOfProperty } from './mapping.ts'

const scopeList = z.union([z.array(z.string()), z.string()]).optional()

/**
 * Sent as a list, or as text of a list; some APIs have the old names only. Source: HubSpot's OpenAPI description, `MISSING_SCOPES`;
 * HubSpot/hubspot-api-nodejs, issue 268.
 */
const missingScopes = z
  .object({
    errors: z.array(
      z
        .object({ context: z.object({ requiredGranularScopes: scopeList, requiredScopes: scopeList }) })
        .transform(({ context }) => [context.requiredGranularScopes ?? context.requiredScopes ?? []].flat())
        .catch([]),
    ),
  })
  .transform(({ errors }) => [
    ...new Set(
      errors
        .flat()
        .join(' ')
        .match(/[a-z][a-z0-9_.-]+/g) ?? [],
    ),
  ])
  .catch([])

const problem = z.object({ code: z.string(), context: z.object({ propertyName: z.array(z.string()) }) })

/** What HubSpot's error bodies hold of use; read leniently, they decide nothing that the status does not. */
const errorBody = z
  .object({
    message: z.string().catch(''),
    category: z.string().catch(''),
    correlationId: z.string().catch(''),
    policyName: z.string().catch(''),
    errors: z.array(problem).catch([]),
  })
  .catch({ message: '', category: '', correlationId: '', policyName: '', errors: [] })

/** The same problems as some answers have them: as JSON within the message. */
const problemsInMessage = z.array(
  z
    .object({ error: z.string(), name: z.string() })
    .transform(({ error, name }) => ({ code: error, context: { propertyName: [name] } })),
)

type ErrorBody = z.infer<typeof errorBody>

/**
 * How long each of HubSpot's limits shuts us out, in ms: `Retry-After` is not reliably sent. The daily one ends at
 * midnight of the account's time zone, which we do not know, so we look again now and then.
 */
const windowsMs: ReadonlyMap<string, number> = new Map([
  ['SECONDLY', 1000],
  ['TEN_SECONDLY_ROLLING', 10_000],
  ['DAILY', 15 * 60_000],
])

/** "Locked": a large import or the like works on the records; HubSpot asks for at least 2 s of patience. */
const lockedMs = 2000

/**
 * Says what a failure of the SDK means. HubSpot's own message may repeat personal data, so neither it nor the SDK's
 * exception, which holds the whole body, goes on; category and correlation id do.
 */
export function toVendorError(error: unknown): Error {
  if (error instanceof VendorError) return error
  if (isAnswer(error)) {
    // A page instead of JSON: the address is not HubSpot's API, which is not to say that a record does not exist.
    if (error.code === 404 && error.body === undefined) return unreadable()
    return ofStatus(error.code, error.body, error.headers)
  }
  if (isSystemError(error)) {
    return new VendorError('hubspot', 'unavailable', `no connection or a broken one (${error.code})`, { cause: error })
  }
  return unreadable(error)
}

function unreadable(cause?: unknown): VendorError {
  const message = 'expected an answer in JSON as documented, but could not read it'
  return new VendorError('hubspot', 'unreadable', message, { cause })
}

function ofStatus(status: number, content: unknown, headers: Readonly<Record<string, string>>): VendorError {
  const body = errorBody.parse(content)
  const facts = [body.category, body.policyName, body.correlationId && `correlation ${body.correlationId}`]
  const message = `answered ${[status, ...facts].filter(fact => fact !== '').join(', ')}`
  if (status === 429) {
    const retryAfterMs = retryAfterOf(headers) ?? windowsMs.get(policyOf(body)) ?? 10_000
    return new VendorError('hubspot', 'rate-limited', message, { retryAfterMs })
  }
  if (status === 423) {
    return new VendorError('hubspot', 'rate-limited', message, { retryAfterMs: retryAfterOf(headers) ?? lockedMs })
  }
  if (status >= 500) {
    return new VendorError('hubspot', 'unavailable', message, { retryAfterMs: retryAfterOf(headers) })
  }
  if (status === 401) return new VendorError('hubspot', 'unauthorized', `${message}: check the access token`)
  if (status === 403) {
    const lacks = missingScopes.parse(content)
    const scopes = lacks.length === 0 ? 'check the scopes of the access token' : `it lacks ${lacks.join(', ')}`
    return new VendorError('hubspot', 'unauthorized', `${message}: ${scopes}`, { lacks })
  }
  if (status === 404) return new VendorError('hubspot', 'not-found', message)
  if (status === 408) return new VendorError('hubspot', 'timeout', message)
  if (status >= 400) {
    return new VendorError('hubspot', 'rejected', message, { inputFault: inputFaultOf(status, body) })
  }
  return new VendorError('hubspot', 'unreadable', `${message}, which is no answer documented for this request`)
}

/** Old answers name the limit in words only. */
function policyOf(body: ErrorBody): string {
  return body.policyName || (body.message.includes('secondly limit') ? 'SECONDLY' : '')
}

function retryAfterOf(headers: Readonly<Record<string, string>>): number | undefined {
  const seconds = Number(headers['retry-after'] ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined
}

/**
 * What to tell the client that gave the input: which of its fields HubSpot refuses, and HubSpot's word for why. Never the
 * message itself, which may hold values of other records.
 */
function inputFaultOf(status: number, body: ErrorBody): string | undefined {
  if (status === 409) {
    const existing = /Existing ID: (\d+)/.exec(body.message)?.at(1)
    return existing === undefined
      ? 'Expected an e-mail address that no other customer has.'
      : `Expected an e-mail address that no other customer has; customer ${existing} has this one.`
  }
  if (body.category !== 'VALIDATION_ERROR') return undefined
  const problems = body.errors.length > 0 ? body.errors : problemsIn(body.message)
  const refused = problems.flatMap(({ code, context }) =>
    context.propertyName.map(property => `${fieldsOfProperty(property)[0] ?? 'a field'} (${code})`),
  )
  return refused.length === 0
    ? 'The CRM does not accept one of the values.'
    : `The CRM does not accept the value of ${[...new Set(refused)].join(', ')}.`
}

function problemsIn(message: string): readonly z.infer<typeof problem>[] {
  const start = message.indexOf('[')
  if (start < 0) return []
  try {
    return problemsInMessage.catch([]).parse(JSON.parse(message.slice(start)))
  } catch {
    return []
  }
}

/** By its shape: the SDK has a class of its own for each type of object. */
function isAnswer(error: unknown): error is ApiException<unknown> {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'number' &&
    'body' in error &&
    'headers' in error &&
    typeof error.headers === 'object'
  )
}

function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
}
