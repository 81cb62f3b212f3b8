import { DatabaseError } from 'pg'
import { StoreError, type StoreErrorKind } from '../store.ts'

/** Postgres has ended a transaction so that others could go on: it is to be done again. */
export class Contention extends Error {
  override readonly name = 'Contention'
}

/** deadlock_detected, serialization_failure; https://www.postgresql.org/docs/current/errcodes-appendix.html */
const contentionCodes: readonly string[] = ['40P01', '40001']

/** By the whole code, else by its class. What stands nowhere is a fault of the statement, not of the server. */
const kinds: Readonly<Record<string, StoreErrorKind>> = {
  /** disk_full */
  '53100': 'full',
  /** read_only_sql_transaction: a standby, or a server that was made read-only */
  '25006': 'unavailable',
  /** idle_in_transaction_session_timeout */
  '25P03': 'unavailable',
  /** lock_not_available */
  '55P03': 'unavailable',
  /** insufficient_privilege */
  '42501': 'unavailable',
  /** Connection exceptions, */
  '08': 'unavailable',
  /** authorisation refused, */
  '28': 'unavailable',
  /** no such database, */
  '3D': 'unavailable',
  /** too many connections and other resources, */
  '53': 'unavailable',
  /** shutdown and cancelled statements, */
  '57': 'unavailable',
  /** the operating system's errors, */
  '58': 'unavailable',
  /** configuration file faults, */
  F0: 'unavailable',
  /** internal errors and corrupted data. */
  XX: 'unavailable',
}

/** A value that does not fit stands in the message, and may be somebody's. */
const dataException = '22'

/** @param where names the database without its password */
export function toStoreError(error: unknown, where: string): Error {
  const code = error instanceof DatabaseError ? error.code : undefined
  const message = messageOf(error)
  // Without a code it is not the server that speaks: the connection could not be made, or is gone.
  if (code === undefined) {
    return new StoreError('unavailable', `the store ${where} cannot be reached: ${message}; see that Postgres runs`)
  }
  if (contentionCodes.includes(code)) return new Contention(`Postgres: ${message}`)
  const kind = kinds[code] ?? kinds[code.slice(0, 2)]
  if (kind === 'full')
    return new StoreError(kind, `no space is left for the store ${where}: make room on its disk (${message})`)
  if (kind !== undefined)
    return new StoreError(kind, `the store ${where} cannot be used: ${message} (${code}); see Postgres's own log`)
  if (code.startsWith(dataException)) return new Error(`Postgres: a value does not fit its column (${code})`)
  return new Error(`Postgres: ${message} (${code})`)
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown fault'
  // Node joins the faults of several addresses in one error without a message.
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name
  return error.message === '' ? code : error.message
}
