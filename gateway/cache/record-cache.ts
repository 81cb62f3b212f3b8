import { LRUCache } from 'lru-cache'
import { recordKey } from '../../schema/systems.ts'
import type { RecordRef } from '../../schema/systems.ts'
import type { CallContext, GraphContext, RecordKindReader } from '../../subgraphs/contract.ts'
import type { StaleValue } from '../graph/context.ts'
import { openEvictions } from './evictions.ts'
import { maxAgeMs, longestAgeMs } from './max-age.ts'
import type { ReadAt, Reads } from './reads.ts'

/** A value with the reader it came through, which is what tells its type. */
export interface Sourced<T> {
  readonly source: object
  readonly value: T | null
  readonly beginning: Beginning
  readonly versionMs: number | null
}

/** Whether a value came through this reader, and so is of its type. */
export function isFrom<T>(held: Sourced<unknown>, reader: RecordKindReader<T>): held is Sourced<T> {
  return held.source === reader
}

/** The vendor's version of a value; null when it gives none. */
export function versionMsOf<T>(reader: RecordKindReader<T>, value: T | null): number | null {
  return value === null ? null : (reader.versionOf?.(value)?.getTime() ?? null)
}

/** When a fetch began: in the order of evictions, and by the clock. */
export interface Beginning {
  readonly moment: number
  readonly atMs: number
}

export interface RecordCacheOptions {
  /** Milliseconds of a clock that never goes back, as `performance.now`. */
  readonly nowMs: () => number
  /** Estimated by the length of the values' JSON. */
  readonly maxBytes?: number
  /** How many records' evictions are remembered one by one. */
  readonly mostEvictions?: number
}

export interface RecordCacheStatus {
  readonly entries: number
  readonly bytes: number
  readonly hits: number
  /** Records asked of a vendor. */
  readonly misses: number
  readonly staleServed: number
  readonly isBypassed: boolean
}

/**
 * The records read from vendors, by `recordKey`.
 * No read returns a value whose fetch began before the last eviction of its record that this process had seen when the
 * read began. The one exception is a value served because the vendor fails: it is at most 5 min old, never that of a
 * record known to be deleted, and written down for `staleServed`.
 */
export interface RecordCache {
  /** @param options.unlessVersionAtLeast keeps a value whose vendor version is that or later; fetches under way are not kept */
  evict(record: RecordRef, options?: { unlessVersionAtLeast?: Date }): void
  evictAll(): void
  /** Evicts a record that was deleted: its last value is not served any more even when the vendor fails. */
  forget(record: RecordRef): void
  /** A Change told the record's version: an older answer is kept 1 s at most, for vendors that lag behind themselves. */
  expect(record: RecordRef, updatedAt: Date): void
  /** While on, nothing is served from here: for the time a process is cut off from the Changes. */
  bypass(on: boolean): void
  /** What an operation was served although it could not be read anew. */
  staleServed(context: GraphContext): readonly StaleValue[]
  status(): RecordCacheStatus
  /** From now on the records that the operation reads are written down. */
  watch(call: CallContext): Reads

  /** An operation read it: written down when it is watched. */
  noteRead(call: CallContext, key: string, held: Sourced<unknown>): void
  readonly isBypassed: boolean
  /** The value that may be served now. */
  get(key: string): Sourced<unknown> | undefined
  /** Taken before a fetch of so many records is sent. */
  begin(records: number): Beginning
  /** Whether nothing was evicted since that could make the fetch's answer old. */
  holds(key: string, beginning: Beginning): boolean
  /**
   * Keeps the answer of a fetch while `holds`; null when the vendor has no such record. Of two answers the vendor's version
   * says which one is newer, however late it was asked for: the newer one is kept.
   * @returns what those who waited for the fetch are to see: the answer, or what is kept where that is newer
   */
  fill<T>(key: string, reader: RecordKindReader<T>, beginning: Beginning, value: T | null): T | null
  /** The last good value, for when the vendor fails; it is written down that this operation was served it. */
  serveStale(record: RecordRef, context: GraphContext): Sourced<unknown> | undefined
}

interface Entry extends Sourced<unknown> {
  expiresAtMs: number
  isEvicted: boolean
}

const defaultMaxBytes = 64 * 1024 * 1024
const defaultMostEvictions = 50_000
/** What an entry takes beside its value's JSON. */
const entryBytes = 300

export function openRecordCache(options: RecordCacheOptions): RecordCache {
  const { nowMs } = options
  const entries = new LRUCache<string, Entry>({
    maxSize: options.maxBytes ?? defaultMaxBytes,
    sizeCalculation: (entry, key) => entryBytes + key.length + JSON.stringify(entry.value).length,
  })
  const evictions = openEvictions(options.mostEvictions ?? defaultMostEvictions)
  const served = new WeakMap<GraphContext, Map<string, StaleValue>>()
  const watched = new WeakMap<CallContext, Map<string, ReadAt>>()
  let isBypassed = false
  let hits = 0
  let misses = 0
  let staleCount = 0

  const isCurrent = (entry: Entry): boolean => !entry.isEvicted && entry.beginning.moment > evictions.lastOfAll()

  function evict(record: RecordRef, unlessVersionAtLeast?: Date): void {
    const key = recordKey(record)
    evictions.mark(key, nowMs())
    const entry = entries.peek(key)
    if (entry === undefined) return
    const isKept =
      unlessVersionAtLeast !== undefined &&
      entry.versionMs !== null &&
      entry.versionMs >= unlessVersionAtLeast.getTime()
    if (!isKept) entry.isEvicted = true
  }

  const cache: RecordCache = {
    evict: (record, { unlessVersionAtLeast } = {}) => evict(record, unlessVersionAtLeast),
    evictAll: () => evictions.markAll(),
    forget(record) {
      evict(record)
      entries.delete(recordKey(record))
    },
    expect(record, updatedAt) {
      const key = recordKey(record)
      const now = nowMs()
      evictions.expect(key, updatedAt.getTime(), now)
      const entry = entries.peek(key)
      if (entry === undefined) return
      const ageMs = maxAgeMs(entry, now, evictions.of(key))
      entry.expiresAtMs = Math.min(entry.expiresAtMs, now + ageMs)
    },
    bypass(on) {
      if (on === isBypassed) return
      isBypassed = on
      // Evictions may have been missed from the last Change seen to this moment.
      evictions.markAll()
    },
    staleServed: context => [...(served.get(context)?.values() ?? [])],
    status: () => ({
      entries: entries.size,
      bytes: entries.calculatedSize,
      hits,
      misses,
      staleServed: staleCount,
      isBypassed,
    }),

    watch(call) {
      const reads = new Map<string, ReadAt>()
      watched.set(call, reads)
      return reads
    },
    noteRead(call, key, { beginning, versionMs }) {
      watched.get(call)?.set(key, { moment: beginning.moment, versionMs })
    },

    get isBypassed() {
      return isBypassed
    },
    get(key) {
      const entry = isBypassed ? undefined : entries.get(key)
      if (entry === undefined || !isCurrent(entry) || nowMs() >= entry.expiresAtMs) return undefined
      hits += 1
      return entry
    },
    begin(records) {
      misses += records
      return { moment: evictions.next(), atMs: nowMs() }
    },
    holds: (key, beginning) => beginning.moment > evictions.lastOf(key),
    fill(key, reader, beginning, value) {
      if (isBypassed) return value
      const before = entries.peek(key)
      const versionMs = versionMsOf(reader, value)
      const isVersioned = versionMs !== null && before !== undefined && before.versionMs !== null
      if (isVersioned && before.versionMs > versionMs && isCurrent(before) && isFrom(before, reader))
        return before.value
      const isOvertaken = beginning.moment <= evictions.lastOf(key)
      // Fetches do not end in the order in which they began.
      if (isOvertaken || (before !== undefined && before.beginning.moment > beginning.moment)) {
        // Too old to be kept, but no longer to be doubted: the record is gone.
        if (isOvertaken && value === null) entries.delete(key)
        // Or it is what the vendor had later than what is kept: that would go back.
        if (isVersioned && versionMs > before.versionMs)
          entries.set(key, { ...before, source: reader, value, versionMs })
        return value
      }
      const ageMs = maxAgeMs({ value, versionMs }, beginning.atMs, evictions.of(key))
      const expiresAtMs = beginning.atMs + ageMs
      entries.set(key, { source: reader, value, beginning, versionMs, expiresAtMs, isEvicted: false })
      return value
    },
    serveStale(record, context) {
      const key = recordKey(record)
      const entry = isBypassed ? undefined : entries.peek(key)
      if (entry === undefined || entry.value === null) return undefined
      const ageMs = nowMs() - entry.beginning.atMs
      if (ageMs > longestAgeMs) return undefined
      const values = served.get(context) ?? new Map<string, StaleValue>()
      served.set(context, values.set(key, { record, ageMs }))
      staleCount += 1
      return entry
    },
  }
  return cache
}
