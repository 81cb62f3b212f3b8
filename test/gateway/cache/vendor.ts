import type { GraphContext, Priority, RecordKindReader, Records, Wanted } from '../../../subgraphs/contract.ts'
import { openRecordCache } from '../../../gateway/cache/record-cache.ts'
import type { RecordCache, RecordCacheOptions } from '../../../gateway/cache/record-cache.ts'
import { openRecords } from '../../../gateway/cache/records.ts'

export interface Row {
  readonly id: string
  readonly change: number
}

export interface Kinds {
  readonly contact: Row
}

/** A call of the reader that waits to be answered by hand. */
export interface HandCall {
  readonly ids: readonly string[]
  readonly priority: Priority
  readonly signal: AbortSignal
  spend(): void
  answer(rows: readonly (Row | [string, Error])[]): void
  fail(error: Error): void
}

export interface HandDriven {
  readonly cache: RecordCache
  readonly records: Records<Kinds>
  /** All calls so far, oldest first. */
  readonly calls: readonly HandCall[]
  last(): HandCall
  pass(ms: number): void
}

/** A cache over a vendor that answers only when told to, on a clock that moves only when told to. */
export function handDriven(
  options: Omit<RecordCacheOptions, 'nowMs'> & { versionOf?: (row: Row) => Date | null } = {},
): HandDriven {
  let now = 1_000_000
  const calls: HandCall[] = []
  const contact: RecordKindReader<Row> = {
    versionOf: options.versionOf,
    read: (wanted: readonly Wanted[], { priority, signal, spend }) =>
      new Promise((resolve, reject) => {
        calls.push({
          ids: wanted.map(({ id }) => id),
          priority,
          signal,
          spend: () => spend('hubspot', 'all', 1),
          answer: rows => {
            const answers = new Map<string, Row | Error>()
            for (const row of rows) {
              if ('id' in row) answers.set(row.id, row)
              else answers.set(...row)
            }
            resolve(answers)
          },
          fail: reject,
        })
      }),
  }
  const cache = openRecordCache({ ...options, nowMs: () => now })
  return {
    cache,
    records: openRecords<Kinds>(cache, 'hubspot', { contact }),
    calls,
    last() {
      const call = calls.at(-1)
      if (call === undefined) throw new Error('expected the reader to have been called')
      return call
    },
    pass: ms => (now += ms),
  }
}

const unused = (): never => {
  throw new Error('reading records needs the call of its context only')
}

export function contextOf(
  priority: Priority = 'query',
  signal = new AbortController().signal,
): GraphContext & { spent: number } {
  const context = {
    spent: 0,
    call: { priority, signal, spend: () => void (context.spent += 1) },
    index: { page: unused, sums: unused },
    links: { resolve: unused, entityOf: unused, parentOf: unused, recordsOf: unused, isKnown: unused },
    writes: { write: unused },
    customers: { contactOf: unused, answering: unused },
  }
  return context
}

export const contact = (id: string): { system: string; kind: string; id: string } => ({
  system: 'hubspot',
  kind: 'contact',
  id,
})

/** Lets everything happen that waits for nothing but its turn. */
export function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
