import { closeSync, mkdirSync, openSync, realpathSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Kysely } from 'kysely'
import type { Clock, Log } from '../../subgraphs/contract.ts'
import { SqliteConnection } from './connection.ts'
import { Turns, openKysely } from './dialect.ts'
import { migrate, migrations } from './migrations.ts'
import { type OpenStore, StoreError, type StoreReader, type StoreTransaction, type WriteOptions } from './store.ts'
import type { Tables } from './tables.ts'

export interface StorePorts {
  readonly log: Log
  readonly clock: Clock
  /** Connections to Postgres at most; 10 when absent. */
  readonly connections?: number
}

const defaultConnections = 10

const sqliteScheme = 'sqlite:'
const inMemory = ':memory:'

/**
 * Opens the store and brings its tables up to date. One process at a time may have a file open; a Postgres database is shared by
 * any number.
 *
 * In memory there is one connection, so a `read` waits for the `write` that is running: never call it from inside one.
 * @param url `sqlite:.data/graph.db`; `sqlite::memory:` for what need not survive; `postgres://user:password@host/database`
 * @throws Error for a URL of another kind; StoreError `unavailable` when it cannot be opened, is in use, or newer
 */
export async function openStore(url: string, ports: StorePorts): Promise<OpenStore> {
  if (isShared(url)) {
    // Loaded by those that need it: a start on the embedded store is a tenth sooner without it.
    const { openPostgres } = await import('./postgres/open.ts')
    return openPostgres(url, { connections: defaultConnections, ...ports })
  }
  if (!url.startsWith(sqliteScheme) || url.length === sqliteScheme.length) {
    // Not the URL itself: those of other databases hold passwords.
    const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0] ?? 'no scheme'
    throw new Error(
      `the store's URL must be sqlite:<file>, for example sqlite:.data/graph.db, or postgres://…; it has ${scheme}`,
    )
  }
  const name = url.slice(sqliteScheme.length)
  const isInMemory = name === inMemory
  const path = isInMemory ? inMemory : settlePath(name)
  const onLost = (error: Error): void => ports.log.error({ err: error, path }, "the store's thread has ended")

  const lockPath = isInMemory ? null : lockOf(path)
  const writer = await SqliteConnection.open({ path, lockPath, isReader: false, onLost })
  try {
    const turns = new Turns()
    const writerDb = openKysely(writer, turns)
    await migrate(writerDb, migrations, ports)
    const besideDb = openKysely(writer, turns, 'beside')
    if (isInMemory) return new SqliteStore({ serial: writerDb, beside: besideDb }, writerDb, turns, ports.clock)
    const reader = await SqliteConnection.open({ path, lockPath: null, isReader: true, onLost })
    return new SqliteStore({ serial: writerDb, beside: besideDb }, openKysely(reader, null), turns, ports.clock)
  } catch (error) {
    await writer.close()
    throw error
  }
}

/** Whether several processes may have this store open. */
export function isShared(url: string): boolean {
  return /^postgres(ql)?:/i.test(url)
}

/** The file of an embedded store; null for one that is shared, or held in memory. */
export function fileOf(url: string): string | null {
  const name = url.startsWith(sqliteScheme) ? url.slice(sqliteScheme.length) : inMemory
  return name === inMemory ? null : resolve(name)
}

/** Makes the directory and the file. One file has one path, whatever links lead to it, so that it has one lock. */
function settlePath(name: string): string {
  const path = resolve(name)
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    // It holds secrets: nobody else on this machine may read it, in whichever directory. What SQLite lays beside it is made like it.
    closeSync(openSync(path, 'a', 0o600))
    const real = realpathSync(path)
    closeSync(openSync(lockOf(real), 'a', 0o600))
    return real
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'for a reason it does not say'
    throw new StoreError(
      'unavailable',
      `the store ${path} cannot be made or opened (${reason}): may this user write there?`,
      { cause },
    )
  }
}

function lockOf(path: string): string {
  return `${path}.lock`
}

interface Writers {
  readonly serial: Kysely<Tables>
  readonly beside: Kysely<Tables>
}

class SqliteStore implements OpenStore {
  readonly clock: Clock
  readonly signals = null
  /** On one connection. */
  readonly #writers: Writers
  readonly #reader: Kysely<Tables>
  readonly #turns: Turns
  #closing: Promise<void> | null = null

  constructor(writers: Writers, reader: Kysely<Tables>, turns: Turns, clock: Clock) {
    this.clock = clock
    this.#writers = writers
    this.#reader = reader
    this.#turns = turns
  }

  async read<T>(query: (db: StoreReader) => Promise<T>): Promise<T> {
    this.#refuseWhenClosing()
    return query(this.#reader)
  }

  async write<T>(work: (tx: StoreTransaction) => Promise<T>, { isSerial = true }: WriteOptions = {}): Promise<T> {
    this.#refuseWhenClosing()
    return (isSerial ? this.#writers.serial : this.#writers.beside).transaction().execute(work)
  }

  /** Writes that were asked for before are still done. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (const lane of ['beside', 'serial'] as const) {
      const end = await this.#turns.take(lane)
      end()
    }
    await this.#reader.destroy()
    await this.#writers.serial.destroy()
  }

  #refuseWhenClosing(): void {
    if (this.#closing !== null) throw new StoreError('closed', 'the store is closed: the process is shutting down')
  }
}
