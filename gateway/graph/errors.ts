import { type GraphQLError, type GraphQLFormattedError } from 'graphql'
import type { Owner } from '../../schema/systems.ts'
import { VendorError, type VendorErrorKind } from '../../subgraphs/vendor-error.ts'
import type { Log } from '../../subgraphs/contract.ts'
import { StoreError } from '../store/store.ts'

interface Answer {
  readonly code: string
  /** What the client reads; the operator reads the log. */
  readonly message: (system: string) => string
}

/** What clients are told of a vendor's failure, by its kind. */
export const vendorAnswers: Readonly<Record<VendorErrorKind, Answer>> = {
  timeout: { code: 'SYSTEM_TIMEOUT', message: system => `${system} did not answer in time.` },
  unavailable: { code: 'SYSTEM_UNAVAILABLE', message: system => `${system} cannot be reached at the moment.` },
  'rate-limited': { code: 'SYSTEM_RATE_LIMITED', message: system => `${system} takes no more requests at the moment.` },
  unreadable: { code: 'SYSTEM_UNREADABLE', message: system => `${system} gave an answer that is not as it documents.` },
  unauthorized: {
    code: 'SYSTEM_UNAUTHORIZED',
    message: system => `${system} does not accept our credentials for this.`,
  },
  'not-found': { code: 'NOT_FOUND', message: system => `${system} has no such record.` },
  rejected: { code: 'SYSTEM_REJECTED', message: system => `${system} refused the request.` },
  incomplete: {
    code: 'SYSTEM_INCOMPLETE',
    message: system => `${system} did not do all that was asked.`,
  },
  aborted: { code: 'ABORTED', message: () => 'The request was given up before it was answered.' },
}

/** Every code that a client may see; docs/freshness.md says what each means. */
export const clientCodes: ReadonlySet<string> = new Set([
  ...Object.values(vendorAnswers).map(({ code }) => code),
  'NOT_OWNER',
  'ROLE_NOT_CONFIGURED',
  'BAD_USER_INPUT',
  'BAD_REQUEST',
  'OPERATION_TOO_LARGE',
  'OPERATION_RESOLUTION_FAILURE',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'PERSISTED_QUERY_NOT_FOUND',
  'OVERLOADED',
  'TOO_MANY_OPERATIONS',
  'NOT_SENT',
  'STORE_UNAVAILABLE',
  'NOT_READY',
  'AMOUNT_TOO_LARGE',
  'WRITE_UNDER_WAY',
  'WRITTEN_NOT_RECORDED',
  'INTERNAL_SERVER_ERROR',
])

/** Whether the error was put in words for clients: graphql-js and the libraries give none of these codes, or none at all. */
export function isForClients({ extensions }: { readonly extensions?: Readonly<Record<string, unknown>> }): boolean {
  const code = extensions?.['code']
  return typeof code === 'string' && clientCodes.has(code)
}

/**
 * The error a client sees for what a resolver threw. Nothing of ours that was not meant for clients gets through: what is
 * unknown is logged with its cause and answered as INTERNAL_SERVER_ERROR.
 */
export function clientError(error: GraphQLError, role: Owner, log: Log): GraphQLFormattedError {
  const cause = error.originalError
  const place = { path: error.path, locations: error.locations }
  if (cause instanceof VendorError) {
    const answer = vendorAnswers[cause.kind]
    // A client that left causes no fault worth a line.
    if (cause.inputFault !== undefined) {
      log.info({ role, system: cause.system }, 'an input was refused')
    } else if (cause.kind !== 'aborted') {
      log.warn(
        { role, system: cause.system, kind: cause.kind, reason: cause.message },
        'a vendor did not give what was asked',
      )
    }
    return {
      ...place,
      message: cause.inputFault ?? `${answer.message(cause.system)}${lackOf(cause)}`,
      extensions: {
        code: cause.inputFault === undefined || cause.kind === 'incomplete' ? answer.code : 'BAD_USER_INPUT',
        role,
        system: cause.system,
        isRetryable: cause.isPassing,
        ...(cause.retryAfterMs === undefined ? {} : { retryAfterMs: Math.ceil(cause.retryAfterMs) }),
      },
    }
  }
  if (isForClients(error)) {
    return { ...place, message: error.message, extensions: { role, ...error.extensions } }
  }
  if (cause instanceof StoreError) {
    log.warn({ role, reason: cause.message }, 'the store could not be asked')
    // A write under this clientMutationId may be unfinished: to say no more would be to say that nothing stays of it.
    const extensions = { code: 'STORE_UNAVAILABLE', role, isRetryable: true }
    return { ...place, message: 'Our store cannot be asked at the moment.', extensions }
  }
  log.error({ role, err: cause ?? error, path: error.path }, 'a resolver failed')
  return { ...place, message: 'Something went wrong here.', extensions: { code: 'INTERNAL_SERVER_ERROR', role } }
}

/** The permissions that are missing, where the vendor names them. */
function lackOf({ lacks }: VendorError): string {
  return lacks === null || lacks.length === 0 ? '' : ` Missing: ${lacks.join(', ')}.`
}
