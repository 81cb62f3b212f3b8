import { type Kysely, sql } from 'kysely'
import type { Clock, Log } from '../../../subgraphs/contract.ts'
import { Turns } from '../dialect.ts'
import { migrate, migrations } from '../migrations.ts'
import {
  type OpenStore,
  StoreError,
  type Signals,
  type StoreReader,
  type StoreTransaction,
  type WriteOptions,
} from '../store.ts'
import type { Tables } from '../tables.ts'
import { StoreClock } from './clock.ts'
import { openKysely } from './dialect.ts'
import { Contention } from './errors.ts'
import { placeOf, PostgresPool } from './pool.ts'
import { forPostgres } from './schema.ts'
import { PostgresSignals } from './signals.ts'

export interface PostgresOptions {
  readonly log: Log
  readonly clock: Clock
  /** Connections at most, beside the one that listens. */
  readonly connections: number
}

/** How long the server may work on one statement, waiting for others' locks included. */
const statementTimeoutMs = 10_000

/** How often a transaction is tried that Postgres has ended for the sake of others. */
const maxTries = 5

/** Names of our advisory locks: the numbers have no meaning, but must be the same in every process. */
const serialLock = 4_711_001
const migrationLock = 4_711_002

/**
 * Opens a store that several processes share, and brings its tables up to date: one process does, the others wait for it.
 * @throws StoreError `unavailable` when the database cannot be reached, refuses us, or was written by a newer program
 */
export async function openPostgres(url: string, { log, clock, connections }: PostgresOptions): Promise<OpenStore> {
  if (!URL.canParse(url))
    throw new StoreError('unavailable', 'the store must be postgres://user:password@host:port/database; it is no URL')
  await migrateTogether(url, { log, clock })
  const writers = Math.ceil(connections / 2)
  const writer = new PostgresPool({ url, size: writers, isReader: false, statementTimeoutMs })
  const reader = new PostgresPool({ url, size: Math.max(1, connections - writers), isReader: true, statementTimeoutMs })
  const readerDb = openKysely(reader)
  try {
    const storeClock = await StoreClock.open(() => readTime(readerDb))
    const signals = new PostgresSignals({ url, pool: writer, log })
    signals.start()
    return new PostgresStore({ writer: openKysely(writer), reader: readerDb, clock: storeClock, signals })
  } catch (error) {
    await Promise.all([writer.close(), readerDb.destroy()])
    throw error
  }
}

async function readTime(db: Kysely<Tables>): Promise<number> {
  const { rows } = await sql<{ at: number }>`select extract(epoch from clock_timestamp()) * 1000 as at`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error(`expected the time of the database, got ${rows.length} rows`)
  return row.at
}

/** Building an index over many rows takes its time: no limit to a statement here. */
async function migrateTogether(url: string, ports: { readonly log: Log; readonly clock: Clock }): Promise<void> {
  const db = openKysely(new PostgresPool({ url, size: 1, isReader: false, statementTimeoutMs: null }))
  try {
    await db.connection().execute(async alone => {
      // Given back when the connection ends, whatever happens.
      await sql`select pg_advisory_lock(${sql.lit(migrationLock)})`.execute(alone)
      await migrate(alone, migrations.map(forPostgres), ports)
      await sql`select pg_advisory_unlock(${sql.lit(migrationLock)})`.execute(alone)
    })
    ports.log.debug({ store: placeOf(url) }, 'the store is open')
  } finally {
    await db.destroy()
  }
}

interface StoreParts {
  readonly writer: Kysely<Tables>
  readonly reader: Kysely<Tables>
  readonly clock: StoreClock
  readonly signals: PostgresSignals
}

class PostgresStore implements OpenStore {
  readonly clock: Clock
  readonly signals: Signals
  readonly #parts: StoreParts
  /** One of this process waits for the others' serial writes; more would take the pool's connections only to wait. */
  readonly #turns = new Turns()
  readonly #underWay = new Set<Promise<unknown>>()
  #closing: Promise<void> | null = null

  constructor(parts: StoreParts) {
    this.#parts = parts
    this.clock = parts.clock
    this.signals = parts.signals
  }

  read<T>(query: (db: StoreReader) => Promise<T>): Promise<T> {
    return this.#track(async () => {
      try {
        return await query(this.#parts.reader)
      } catch (error) {
        throw outOf(error)
      }
    })
  }

  write<T>(work: (tx: StoreTransaction) => Promise<T>, { isSerial = true }: WriteOptions = {}): Promise<T> {
    return this.#track(() => (isSerial ? this.#writeInTurn(work) : this.#transact(work)))
  }

  /** Reads and writes that were asked for before are still done. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #writeInTurn<T>(work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    const end = await this.#turns.take()
    try {
      return await this.#transact(async tx => {
        // Held until the transaction has become visible to all; the statements after it see whatever the holder before wrote.
        await sql`select pg_advisory_xact_lock(${sql.lit(serialLock)})`.execute(tx)
        return work(tx)
      })
    } finally {
      end()
    }
  }

  async #transact<T>(work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#parts.writer.transaction().execute(work)
      } catch (error) {
        if (!(error instanceof Contention) || tries === maxTries) throw outOf(error)
      }
    }
  }

  async #track<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== null) throw new StoreError('closed', 'the store is closed: the process is shutting down')
    const underWay = work()
    const settled = underWay.catch(() => undefined)
    this.#underWay.add(settled)
    try {
      return await underWay
    } finally {
      this.#underWay.delete(settled)
    }
  }

  async #close(): Promise<void> {
    const { clock, signals, reader, writer } = this.#parts
    clock.close()
    signals.close()
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
    await Promise.all([reader.destroy(), writer.destroy()])
  }
}

function outOf(error: unknown): unknown {
  if (!(error instanceof Contention)) return error
  return new StoreError('unavailable', `the store is contended: ${error.message}`, { cause: error })
}
