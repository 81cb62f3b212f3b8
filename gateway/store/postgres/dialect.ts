import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely'
import { restoreTexts, storable } from '../any-text.ts'
import type { Tables } from '../tables.ts'
import type { PostgresConnection, PostgresPool } from './pool.ts'

/** Kysely on a pool. Closing it closes the pool. */
export function openKysely(pool: PostgresPool): Kysely<Tables> {
  const dialect: Dialect = {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new PostgresDriver(pool),
    createIntrospector: db => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  }
  return new Kysely<Tables>({ dialect })
}

class PostgresDriver implements Driver {
  readonly #pool: PostgresPool

  constructor(pool: PostgresPool) {
    this.#pool = pool
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<HeldConnection> {
    return new HeldConnection(await this.#pool.acquire())
  }

  async beginTransaction({ connection }: HeldConnection): Promise<void> {
    await connection.query('begin')
  }

  async commitTransaction({ connection }: HeldConnection): Promise<void> {
    await connection.query('commit')
  }

  async rollbackTransaction({ connection }: HeldConnection): Promise<void> {
    await connection.rollback()
  }

  async releaseConnection({ connection }: HeldConnection): Promise<void> {
    connection.release()
  }

  async destroy(): Promise<void> {
    await this.#pool.close()
  }
}

class HeldConnection implements DatabaseConnection {
  readonly connection: PostgresConnection

  constructor(connection: PostgresConnection) {
    this.connection = connection
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, rowCount } = await this.connection.query(sql, parameters.map(storable))
    restoreTexts(rows)
    return { rows, numAffectedRows: BigInt(rowCount ?? 0) }
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('the store does not stream rows: read them in pages')
  }
}
