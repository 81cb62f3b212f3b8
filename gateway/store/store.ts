import type { Kysely, Transaction } from 'kysely'
import type { Clock } from '../../subgraphs/contract.ts'
import type { Tables } from './tables.ts'

/** Reads through it see what is committed, one statement at a time. */
export type StoreReader = Kysely<Tables>

/** One transaction: all of it is durable once `write` resolves, or none of it happened. */
export type StoreTransaction = Transaction<Tables>

export interface WriteOptions {
  /**
   * False for what appends no Changes and decides by nothing that other writes may be changing: deliveries, claims, leases. On
   * Postgres it then waits for no other write; on SQLite it goes before those that wait. True when absent.
   */
  readonly isSerial?: boolean
}

/** Where everything is kept that must survive: one port, on SQLite or Postgres. */
export interface Store {
  /** @throws StoreError */
  read<T>(query: (db: StoreReader) => Promise<T>): Promise<T>
  /**
   * Writes are serialised, among all processes of the store: order of commit is the order of the Changes they append.
   * @param work must do nothing but with its transaction: it is done again when the database asks for that
   * @throws StoreError; whatever `work` throws, after rolling back
   */
  write<T>(work: (tx: StoreTransaction) => Promise<T>, options?: WriteOptions): Promise<T>
  close(): Promise<void>
}

/** A store with what its processes need of each other. */
export interface OpenStore extends Store {
  /** The time that leases go by: the same for every process of the store. */
  readonly clock: Clock
  /** Null where this process is the only one the store lets in. */
  readonly signals: Signals | null
}

export const topics = ['changes', 'deliveries'] as const

/** What a signal says is worth looking at: the log of Changes; entries that are due. */
export type Topic = (typeof topics)[number]

/** How the processes of a store wake each other. A signal may be lost: whoever waits for one looks now and then as well. */
export interface Signals {
  /** Wakes the other processes, soon. Never throws. */
  send(topic: Topic): void
  /** @returns what ends it */
  on(topic: Topic, heard: () => void): () => void
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
