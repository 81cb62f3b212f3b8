import { Worker } from 'node:worker_threads'
import { StoreError } from './store.ts'

/** What SQLite takes as a value. */
type Parameter = string | number | bigint | null | Uint8Array

type Request =
  | { readonly id: number; readonly do: 'query'; readonly sql: string; readonly parameters: readonly Parameter[] }
  | { readonly id: number; readonly do: 'rollback' | 'close' }

/** Without the number by which a reply finds its request. */
type Asked =
  | { readonly do: 'query'; readonly sql: string; readonly parameters: readonly Parameter[] }
  | { readonly do: 'rollback' | 'close' }

/** `rows` are what the statement says they are: of every type at once, as far as the compiler can know. */
interface Answer {
  readonly rows: never[]
  /** Rows inserted, updated or deleted. */
  readonly changes: number
}

interface Fault {
  readonly message: string
  /** SQLite's extended result code; null when the fault is not SQLite's. */
  readonly code: number | null
}

type Reply = { readonly id: number } & (Answer | { readonly fault: Fault })

interface Waiting {
  resolve(answer: Answer): void
  reject(error: Error): void
}

export interface ConnectionOptions {
  /** A file, or `:memory:`. */
  readonly path: string
  /** The file whose lock says that this process is alone on the database; null for no lock. */
  readonly lockPath: string | null
  readonly isReader: boolean
  /** The thread is gone though nobody closed it. */
  readonly onLost: (error: Error) => void
}

/** The request the thread answers by itself once it has opened the database. */
const openingId = 0

/** One SQLite connection in a thread of its own. Requests are done in the order in which they are sent. */
export class SqliteConnection {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  readonly #options: ConnectionOptions
  #outgoing: Request[] = []
  #lastId = openingId
  /** Why no request can be sent any more. */
  #over: StoreError | null = null

  private constructor(options: ConnectionOptions) {
    this.#options = options
    const { path, lockPath, isReader } = options
    // Without the program's own flags: a loader for TypeScript has nothing to load there.
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: { path, lockPath, isReader },
      execArgv: [],
    })
    this.#worker.on('message', (replies: readonly Reply[]) => replies.forEach(reply => this.#settle(reply)))
    this.#worker.on('error', error => this.#lose(error))
    this.#worker.on('exit', code => this.#lose(new Error(`the store's thread ended with code ${code}`)))
  }

  /** @throws StoreError `unavailable` when the file cannot be opened, or is held by another process */
  static async open(options: ConnectionOptions): Promise<SqliteConnection> {
    const connection = new SqliteConnection(options)
    try {
      await new Promise<Answer>((resolve, reject) => connection.#waiting.set(openingId, { resolve, reject }))
    } catch (error) {
      connection.#over ??= new StoreError('unavailable', 'the store could not be opened')
      await connection.#worker.terminate()
      throw error
    }
    return connection
  }

  /** @throws StoreError; Error for a statement that SQLite does not accept or a constraint that it breaks */
  query(sql: string, parameters: readonly unknown[]): Promise<Answer> {
    return this.#send({ do: 'query', sql, parameters: parameters.map(toParameter) })
  }

  /** Ends the transaction, if SQLite has not done so by itself. */
  async rollback(): Promise<void> {
    await this.#send({ do: 'rollback' })
  }

  /** What was sent before is still done. */
  async close(): Promise<void> {
    if (this.#over !== null) return
    const closed = this.#send({ do: 'close' })
    this.#over = new StoreError('closed', 'the store is closed: the process is shutting down')
    try {
      await closed
    } finally {
      await this.#worker.terminate()
    }
  }

  #send(asked: Asked): Promise<Answer> {
    if (this.#over !== null) return Promise.reject(this.#over)
    const id = ++this.#lastId
    return new Promise<Answer>((resolve, reject) => {
      if (this.#waiting.size === 0) this.#worker.ref()
      this.#waiting.set(id, { resolve, reject })
      // What is asked in one tick travels in one message.
      if (this.#outgoing.length === 0) queueMicrotask(() => this.#flush())
      this.#outgoing.push({ id, ...asked })
    })
  }

  #flush(): void {
    const requests = this.#outgoing
    this.#outgoing = []
    this.#worker.postMessage(requests)
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    // An idle store keeps no process alive.
    if (this.#waiting.size === 0) this.#worker.unref()
    if ('fault' in reply) waiting?.reject(toError(reply.fault, this.#options))
    else waiting?.resolve(reply)
  }

  #lose(cause: Error): void {
    if (this.#over === null) {
      this.#over = new StoreError('unavailable', "the store's thread has ended: restart the process", { cause })
      this.#options.onLost(cause)
    }
    const over = this.#over
    for (const waiting of this.#waiting.values()) waiting.reject(over)
    this.#waiting.clear()
  }
}

/**
 * Whole numbers travel as integers: libsql binds every JavaScript number as a real, and ends the process at a boolean.
 * @throws TypeError for what has no place in SQL
 */
function toParameter(value: unknown): Parameter {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (value === null || typeof value === 'string' || typeof value === 'bigint' || value instanceof Uint8Array)
    return value
  throw new TypeError(
    `expected text, a number, a boolean, bytes or null as a value in SQL, got ${typeof value}: convert it before`,
  )
}

/** Primary result codes; https://www.sqlite.org/rescode.html */
const sqliteFull = 13
const sqliteBusy = 5
/** BUSY, LOCKED, NOMEM, READONLY, IOERR, CORRUPT, CANTOPEN, PROTOCOL, NOTADB. */
const unavailableCodes: readonly number[] = [sqliteBusy, 6, 7, 8, 10, 11, 14, 15, 26]

function toError(fault: Fault, { path, lockPath }: ConnectionOptions): Error {
  const code = fault.code === null ? null : fault.code & 0xff
  if (code === sqliteFull)
    return new StoreError('full', `no space is left for the store ${path}: make room on its disk (${fault.message})`)
  if (code === sqliteBusy && lockPath !== null)
    return new StoreError(
      'unavailable',
      `the store ${path} is in use: another process holds ${lockPath}; end that one, or give this one another store`,
    )
  // The native library reports a file that it cannot open without a code.
  if ((code !== null && unavailableCodes.includes(code)) || fault.message.includes('Unable to open'))
    return new StoreError(
      'unavailable',
      `the store ${path} cannot be used: ${fault.message}; check the file and its disk, and that this user may write there`,
    )
  return new Error(`SQLite: ${fault.message}`)
}
