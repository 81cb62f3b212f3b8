import type { Kysely, Transaction } from 'kysely'
import type { Tables } from './tables.ts'

/** Reads through it see what is committed, one statement at a time. */
export type StoreReader = Kysely<Tables>

/** One transaction: all of it is durable once `write` resolves, or none of it happened. */
export type StoreTransaction = Transaction<Tables>

/** Where everything is kept that must survive: one port, on SQLite or Postgres. */
export interface Store {
  /** @throws StoreError */
  read<T>(query: (db: StoreReader) => Promise<T>): Promise<T>
  /**
   * Writes are serialised: order of commit is the order of the Changes they append.
   * @throws StoreError; whatever `work` throws, after rolling back
   */
  write<T>(work: (tx: StoreTransaction) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** - `unavailable`: cannot be reached, try later. `full`: no space. `closed`: we are shutting down. */
export type StoreErrorKind = 'unavailable' | 'full' | 'closed'

export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly kind: StoreErrorKind

  constructor(kind: StoreErrorKind, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.kind = kind
  }
}
