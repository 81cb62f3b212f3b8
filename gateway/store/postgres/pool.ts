import { Pool, TypeOverrides, type PoolClient } from 'pg'
import { StoreError } from '../store.ts'
import { Contention, toStoreError } from './errors.ts'

export interface PoolOptions {
  readonly url: string
  /** Connections at most. */
  readonly size: number
  readonly isReader: boolean
  /** How long the server may work on one statement; null for no limit. */
  readonly statementTimeoutMs: number | null
}

/** How long is waited for a connection: for a new one, or a free one of the pool. */
const connectTimeoutMs = 3_000

/** The server's answer may take so much longer than the statement: then the connection is taken for dead. */
const answerTimeoutMs = 2_000

/** A process that was stopped within a transaction must not hold its locks for longer. */
const idleInTransactionMs = 5_000

const idleTimeoutMs = 30_000

/** Where a store is, for logs: without user and password. */
export function placeOf(url: string): string {
  if (!URL.canParse(url)) return 'postgres:'
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname}`
}

/** A bounded number of connections to one database. Faults come out as StoreErrors; a broken connection is not used again. */
export class PostgresPool {
  readonly #pool: Pool
  readonly #where: string

  constructor({ url, size, isReader, statementTimeoutMs }: PoolOptions) {
    this.#where = placeOf(url)
    this.#pool = new Pool({
      connectionString: url,
      application_name: 'livegraph',
      max: size,
      types: columnTypes(),
      connectionTimeoutMillis: connectTimeoutMs,
      idleTimeoutMillis: idleTimeoutMs,
      // An idle store keeps no process alive.
      allowExitOnIdle: true,
      keepAlive: true,
      idle_in_transaction_session_timeout: idleInTransactionMs,
      ...(statementTimeoutMs === null
        ? {}
        : { statement_timeout: statementTimeoutMs, query_timeout: statementTimeoutMs + answerTimeoutMs }),
      ...(isReader ? { options: '-c default_transaction_read_only=on' } : {}),
    })
    // A connection that breaks while nobody uses it is replaced by the pool; without a listener it would end the process.
    this.#pool.on('error', () => undefined)
  }

  /** @throws StoreError `unavailable` when none can be made or none is free in time */
  async acquire(): Promise<PostgresConnection> {
    try {
      return new PostgresConnection(await this.#pool.connect(), this.#where)
    } catch (error) {
      throw toStoreError(error, this.#where)
    }
  }

  /** Every connection must have been released. */
  async close(): Promise<void> {
    await this.#pool.end()
  }
}

/** One connection while somebody has it. */
export class PostgresConnection {
  readonly #client: PoolClient
  readonly #where: string
  #isBroken = false
  readonly #onError = (): void => {
    this.#isBroken = true
  }

  constructor(client: PoolClient, where: string) {
    this.#client = client
    this.#where = where
    // The statement under way is told as well; one between two statements would end the process.
    client.on('error', this.#onError)
  }

  /**
   * `rows` are what the statement says they are, as far as the compiler can know.
   * @throws StoreError; Contention; Error for a statement that Postgres does not accept or a constraint that it breaks
   */
  async query(text: string, parameters: readonly unknown[] = []): Promise<{ rows: never[]; rowCount: number | null }> {
    const values = parameters.map(toParameter)
    try {
      return await this.#client.query<never>(text, values)
    } catch (error) {
      const told = toStoreError(error, this.#where)
      if (told instanceof StoreError) this.#isBroken = true
      throw told
    }
  }

  /** Ends the transaction. Never rejects: what has led to it says more. */
  async rollback(): Promise<void> {
    if (this.#isBroken) return
    try {
      await this.query('rollback')
    } catch (error) {
      if (!(error instanceof Contention)) this.#isBroken = true
    }
  }

  /** A broken connection ends; the server then rolls back by itself. */
  release(): void {
    this.#client.removeListener('error', this.#onError)
    this.#client.release(this.#isBroken)
  }
}

/** The same types as SQLite gives: numbers for whole numbers, plain bytes. */
function columnTypes(): TypeOverrides {
  const overrides = new TypeOverrides()
  const { int8, numeric, bytea } = { int8: 20, numeric: 1700, bytea: 17 }
  overrides.setTypeParser(int8, Number)
  overrides.setTypeParser(numeric, Number)
  overrides.setTypeParser(bytea, text => new Uint8Array(Buffer.from(text.slice('\\x'.length), 'hex')))
  return overrides
}

/**
 * As SQLite takes values, so that a mistake is found on either. Postgres's text cannot hold the character zero.
 * @throws TypeError for what has no place in SQL
 */
function toParameter(value: unknown): string | Buffer | null {
  if (value === null) return null
  if (typeof value === 'string') return value.includes('\0') ? value.replaceAll('\0', '\u{fffd}') : value
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (typeof value === 'boolean') return value ? '1' : '0'
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  throw new TypeError(
    `expected text, a number, a boolean, bytes or null as a value in SQL, got ${typeof value}: convert it before`,
  )
}
