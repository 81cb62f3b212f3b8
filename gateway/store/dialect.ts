import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { restoreTexts, storable } from './any-text.ts'
import type { SqliteConnection } from './connection.ts'
import type { Tables } from './tables.ts'

/**
 * Hands one connection to one holder at a time. Who waits beside the others goes before them, every second time at most: a webhook
 * that waits to be durable is short, and a vendor waits for it; nobody waits for ever.
 */
export class Turns {
  readonly #waiting: Readonly<Record<'beside' | 'serial', (() => void)[]>> = { beside: [], serial: [] }
  #isTaken = false
  #last: 'beside' | 'serial' = 'serial'

  /** @returns what ends the turn */
  async take(lane: 'beside' | 'serial' = 'serial'): Promise<() => void> {
    if (this.#isTaken) await new Promise<void>(resolve => this.#waiting[lane].push(resolve))
    this.#isTaken = true
    this.#last = lane
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.#pass()
    }
  }

  /** The next one has it from this moment: whoever asks meanwhile waits. */
  #pass(): void {
    const { beside, serial } = this.#waiting
    const next = this.#last === 'beside' ? (serial.shift() ?? beside.shift()) : (beside.shift() ?? serial.shift())
    if (next === undefined) this.#isTaken = false
    else next()
  }
}

/**
 * Kysely on a connection.
 * @param turns null when statements of different callers may mix, which rules out transactions
 */
export function openKysely(
  connection: SqliteConnection,
  turns: Turns | null,
  lane: 'beside' | 'serial' = 'serial',
): Kysely<Tables> {
  const dialect: Dialect = {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new SqliteDriver(connection, turns, lane),
    createIntrospector: db => new SqliteIntrospector(db),
    createQueryCompiler: () => new LocklessQueryCompiler(),
  }
  return new Kysely<Tables>({ dialect })
}

/** There is one writer, so rows need no locks: `for update` and `skip locked` are left out, which SQLite does not know. */
class LocklessQueryCompiler extends SqliteQueryCompiler {
  protected override visitSelectModifier(): void {}
}

class SqliteDriver implements Driver {
  readonly #connection: SqliteConnection
  readonly #turns: Turns | null

  readonly #lane: 'beside' | 'serial'

  constructor(connection: SqliteConnection, turns: Turns | null, lane: 'beside' | 'serial') {
    this.#connection = connection
    this.#turns = turns
    this.#lane = lane
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<HeldConnection> {
    return new HeldConnection(this.#connection, this.#turns === null ? () => {} : await this.#turns.take(this.#lane))
  }

  async beginTransaction(): Promise<void> {
    if (this.#turns === null) throw new Error('a transaction was begun on a reader: use `write` of the store')
    // At once, so that no other writer comes in between a transaction's first read and its first write.
    await this.#connection.query('begin immediate', [])
  }

  async commitTransaction(): Promise<void> {
    await this.#connection.query('commit', [])
  }

  async rollbackTransaction(): Promise<void> {
    await this.#connection.rollback()
  }

  async releaseConnection(held: HeldConnection): Promise<void> {
    held.release()
  }

  async destroy(): Promise<void> {
    await this.#connection.close()
  }
}

class HeldConnection implements DatabaseConnection {
  readonly #connection: SqliteConnection
  readonly release: () => void

  constructor(connection: SqliteConnection, release: () => void) {
    this.#connection = connection
    this.release = release
  }

  async executeQuery<R>(compiled: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, changes } = await this.#connection.query(compiled.sql, compiled.parameters.map(storable))
    restoreTexts(rows)
    return { rows, numAffectedRows: BigInt(changes) }
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('the store does not stream rows: read them in pages')
  }
}
