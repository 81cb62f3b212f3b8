import { setMaxListeners } from 'node:events'
import type { CallContext, RecordKindReader, Wanted } from '../../subgraphs/contract.ts'
import { VendorError } from '../../subgraphs/vendor-error.ts'
import { recordKey } from '../../schema/systems.ts'
import type { System } from '../../schema/systems.ts'
import { versionMsOf, type Beginning, type RecordCache, type Sourced } from './record-cache.ts'

/** A place in a fetch that is under way, or a value that was there. */
export interface Boarded {
  /** Rejects with the vendor's error, and with `aborted` as soon as the one who waits has gone. */
  readonly answer: Promise<Sourced<unknown>>
}

/**
 * Fetches under way, shared by all who want the same record.
 * A fetch goes on while anybody waits for one of its records, whoever began it, and its cost is the beginner's.
 * Nobody joins a fetch that began before the record's last eviction, nor one that is not its own while the cache is
 * bypassed; and nobody else joins a fetch of background work, whose turn at the vendor comes last.
 */
export interface Flights {
  /** Starts one fetch for all records that are neither cached nor under way. All are asked for with one priority. */
  board<T>(kind: string, reader: RecordKindReader<T>, asked: readonly Asked[]): Boarded[]
}

/** A record somebody wants, and who. */
export interface Asked {
  readonly wanted: Wanted
  readonly call: CallContext
}

interface Fetch {
  readonly beginning: Beginning
  readonly abort: AbortController
  readonly flightKeys: Set<string>
  waiters: number
}

interface Flight extends Boarded {
  readonly fetch: Fetch
}

export function openFlights(cache: RecordCache, system: System): Flights {
  const flights = new Map<string, Flight>()

  function remove(flightKey: string, fetch: Fetch): void {
    if (flights.get(flightKey)?.fetch === fetch) flights.delete(flightKey)
  }

  function join(flight: Flight, signal: AbortSignal): Promise<Sourced<unknown>> {
    const { fetch } = flight
    fetch.waiters += 1
    return new Promise((resolve, reject) => {
      let isWaiting = true
      const leave = (): void => {
        if (isWaiting) fetch.waiters -= 1
        isWaiting = false
        signal.removeEventListener('abort', onAbort)
      }
      const onAbort = (): void => {
        leave()
        reject(new VendorError(system, 'aborted', 'no request waits for the record any more'))
        if (fetch.waiters > 0) return
        for (const flightKey of fetch.flightKeys) remove(flightKey, fetch)
        fetch.abort.abort()
      }
      signal.addEventListener('abort', onAbort)
      if (signal.aborted) onAbort()
      flight.answer.then(
        value => {
          leave()
          resolve(value)
        },
        (error: unknown) => {
          leave()
          reject(error instanceof Error ? error : new Error('a reader threw what is no Error', { cause: error }))
        },
      )
    })
  }

  return {
    board(kind, reader, asked) {
      const fetched = new Map<string, Wanted>()
      let beginner: CallContext | null = null
      const places = asked.map(({ wanted, call }) => {
        // An operation may wait for any number of records; more than ten are no leak.
        setMaxListeners(0, call.signal)
        const key = recordKey({ system, kind, id: wanted.id })
        const flightKey = prefixOf(call) + key
        return { wanted, call, key, flightKey, hit: cache.get(key) }
      })
      const isJoinable = (key: string, flight: Flight | undefined): flight is Flight =>
        flight !== undefined && !cache.isBypassed && cache.holds(key, flight.fetch.beginning)
      for (const { wanted, call, key, flightKey, hit } of places) {
        if (hit !== undefined || isJoinable(key, flights.get(flightKey))) continue
        beginner ??= call
        fetched.set(wanted.id, wanted)
      }
      if (beginner !== null) start(kind, reader, fetched, beginner)
      return places.map(({ call, key, flightKey, hit }) => {
        const flight = flights.get(flightKey)
        if (hit !== undefined) return { answer: Promise.resolve(hit) }
        if (flight === undefined)
          throw new Error(`no fetch was begun for a record of ${system}:${kind}, ${key.length} characters long`)
        return { answer: join(flight, call.signal) }
      })
    },
  }

  function start<T>(
    kind: string,
    reader: RecordKindReader<T>,
    wanted: ReadonlyMap<string, Wanted>,
    call: CallContext,
  ): void {
    const fetch: Fetch = {
      beginning: cache.begin(wanted.size),
      abort: new AbortController(),
      flightKeys: new Set(),
      waiters: 0,
    }
    const { priority } = call
    const answers = Promise.resolve().then(() =>
      reader.read([...wanted.values()], { priority, signal: fetch.abort.signal, spend: call.spend.bind(call) }),
    )
    for (const id of wanted.keys()) {
      const key = recordKey({ system, kind, id })
      const flightKey = prefixOf(call) + key
      const land = async (): Promise<Sourced<T>> => {
        try {
          const answer = (await answers).get(id) ?? null
          if (answer instanceof Error) throw answer
          const value = cache.fill(key, reader, fetch.beginning, answer)
          return { source: reader, value, beginning: fetch.beginning, versionMs: versionMsOf(reader, value) }
        } finally {
          remove(flightKey, fetch)
        }
      }
      const answer = land()
      // All who waited may have gone.
      answer.catch(() => undefined)
      fetch.flightKeys.add(flightKey)
      flights.set(flightKey, { fetch, answer })
    }
  }
}

function prefixOf({ priority }: CallContext): string {
  return priority === 'background' ? 'background ' : ''
}
