import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import type { Log } from '../../../subgraphs/contract.ts'
import { type Signals, type Topic, topics } from '../store.ts'
import { toStoreError } from './errors.ts'
import { placeOf, type PostgresPool } from './pool.ts'

export interface SignalsOptions {
  readonly url: string
  /** Sends. Listening has a connection of its own. */
  readonly pool: PostgresPool
  readonly log: Log
}

/** First and longest pause before a lost connection is made again; meanwhile whoever waits looks by himself every second. */
const firstPauseMs = 50
const longestPauseMs = 1_000

/** How often the connection is tried, and how long an answer may take: one that died silently is found that way. */
const tryEveryMs = 5_000
const answerTimeoutMs = 5_000

const channelOf: Readonly<Record<Topic, string>> = { changes: 'livegraph_changes', deliveries: 'livegraph_deliveries' }

/** LISTEN and NOTIFY. The connection that listens is made again whenever it ends, and then everybody is woken once. */
export class PostgresSignals implements Signals {
  readonly #options: SignalsOptions
  /** Tells our own signals from others'. */
  readonly #sender = randomUUID()
  readonly #listeners = new Map<Topic, Set<() => void>>(topics.map(topic => [topic, new Set()]))
  readonly #sending = new Map<Topic, { again: boolean }>()
  #client: Client | null = null
  #trying: NodeJS.Timeout | null = null
  #waiting: NodeJS.Timeout | null = null
  #failures = 0
  #isClosed = false

  constructor(options: SignalsOptions) {
    this.#options = options
  }

  /** Begins to listen; returns at once. */
  start(): void {
    void this.#connect()
  }

  /** Signals of one moment are one. */
  send(topic: Topic): void {
    const sending = this.#sending.get(topic)
    if (sending !== undefined) sending.again = true
    else if (!this.#isClosed) void this.#send(topic)
  }

  on(topic: Topic, heard: () => void): () => void {
    const listener = (): void => heard()
    this.#listeners.get(topic)?.add(listener)
    return () => void this.#listeners.get(topic)?.delete(listener)
  }

  close(): void {
    this.#isClosed = true
    if (this.#waiting !== null) clearTimeout(this.#waiting)
    this.#drop(this.#client)
  }

  async #send(topic: Topic): Promise<void> {
    const sending = { again: true }
    this.#sending.set(topic, sending)
    try {
      while (sending.again && !this.#isClosed) {
        sending.again = false
        const connection = await this.#options.pool.acquire()
        try {
          await connection.query('select pg_notify($1, $2)', [channelOf[topic], this.#sender])
        } finally {
          connection.release()
        }
      }
    } catch (error) {
      this.#options.log.debug({ err: error, topic }, 'other processes could not be woken; they look by themselves')
    } finally {
      this.#sending.delete(topic)
    }
  }

  async #connect(): Promise<void> {
    const { url, log } = this.#options
    const client = new Client({
      connectionString: url,
      application_name: 'livegraph listen',
      keepAlive: true,
      connectionTimeoutMillis: answerTimeoutMs,
      query_timeout: answerTimeoutMs,
    })
    this.#client = client
    client.on('error', error => this.#lose(client, error))
    client.on('end', () => this.#lose(client, new Error('the connection was ended')))
    client.on('notification', ({ channel, payload }) => {
      if (payload === this.#sender) return
      const topic = topics.find(one => channelOf[one] === channel)
      if (topic !== undefined) this.#wake(topic)
    })
    try {
      await client.connect()
      for (const topic of topics) await client.query(`listen ${channelOf[topic]}`)
      if (this.#failures > 0) log.info({ failures: this.#failures }, 'listening to the store again')
      this.#failures = 0
      this.#trying = setInterval(() => void this.#try(client), tryEveryMs).unref()
      // Whatever was signalled while nobody listened.
      for (const topic of topics) this.#wake(topic)
    } catch (error) {
      this.#lose(client, error)
    }
  }

  #wake(topic: Topic): void {
    for (const heard of this.#listeners.get(topic) ?? []) heard()
  }

  async #try(client: Client): Promise<void> {
    try {
      await client.query('select 1')
    } catch (error) {
      this.#lose(client, error)
    }
  }

  /** Once for each connection. */
  #lose(client: Client, error: unknown): void {
    if (this.#client !== client || this.#isClosed) return
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(this.#failures, 10))
    this.#failures += 1
    if (this.#failures === 1)
      this.#options.log.warn(
        { reason: toStoreError(error, placeOf(this.#options.url)).message },
        'the connection that listens to the store was lost; it is made again',
      )
    this.#waiting = setTimeout(() => void this.#connect(), pauseMs).unref()
    this.#drop(client)
  }

  #drop(client: Client | null): void {
    if (this.#trying !== null) clearInterval(this.#trying)
    this.#trying = null
    this.#client = null
    // It may be broken: its end is not waited for, and its faults are nobody's concern any more.
    client?.removeAllListeners('notification')
    client?.connection.stream.destroy()
  }
}
