import DataLoader from 'dataloader'
import { recordKey } from '../../schema/systems.ts'
import type { RecordRef, System } from '../../schema/systems.ts'
import type { CallContext, Priority, Readers, RecordKindReader, Records } from '../../subgraphs/contract.ts'
import { VendorError } from '../../subgraphs/vendor-error.ts'
import { openFlights } from './flights.ts'
import type { Asked, Boarded } from './flights.ts'
import { isFrom } from './record-cache.ts'
import type { RecordCache, Sourced } from './record-cache.ts'

/**
 * A system's records, through the cache.
 * What is wanted in one turn of the event loop is one call of the reader, whichever operations want it: a thousand clients that
 * come back at once are a few calls. What several want at the same time is fetched once.
 * When the vendor fails in passing, a query is served the last good value where there is one; webhooks and background
 * work are not, for what they read is stored.
 */
export function openRecords<Kinds>(cache: RecordCache, system: System, readers: Readers<Kinds>): Records<Kinds> {
  const flights = openFlights(cache, system)
  const loaders = new Map<string, DataLoader<Asked, Boarded>>()

  function loaderOf<T>(kind: string, reader: RecordKindReader<T>, priority: Priority): DataLoader<Asked, Boarded> {
    const name = `${priority} ${kind}`
    const known = loaders.get(name)
    if (known !== undefined) return known
    // It gathers and remembers nothing: a write in the same operation evicts from the one cache.
    const loader = new DataLoader<Asked, Boarded>(async asked => Promise.resolve(flights.board(kind, reader, asked)), {
      cache: false,
      batchScheduleFn: callback => setImmediate(callback),
    })
    loaders.set(name, loader)
    return loader
  }

  function valueOf<T>(
    held: Sourced<unknown>,
    reader: RecordKindReader<T>,
    record: RecordRef,
    call: CallContext,
  ): T | null {
    cache.noteRead(call, recordKey(record), held)
    if (isFrom(held, reader)) return held.value
    throw new Error(
      `expected a ${record.system} ${record.kind} from its own reader: one cache serves one set of readers`,
    )
  }

  return {
    async load(kind, wanted, context) {
      const reader = readers[kind]
      const record: RecordRef = { system, kind, id: wanted.id }
      const hit = cache.get(recordKey(record))
      if (hit !== undefined) return valueOf(hit, reader, record, context.call)
      if (context.call.signal.aborted)
        throw new VendorError(system, 'aborted', 'no request waits for the record any more')
      try {
        const { call } = context
        const { answer } = await loaderOf(kind, reader, call.priority).load({ wanted, call })
        return valueOf(await answer, reader, record, call)
      } catch (error) {
        const mayBeStale = error instanceof VendorError && error.isPassing && context.call.priority === 'query'
        const stale = mayBeStale ? cache.serveStale(record, context) : undefined
        if (stale === undefined) throw error
        return valueOf(stale, reader, record, context.call)
      }
    },
  }
}
