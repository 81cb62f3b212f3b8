/** Prints what a hit of the record cache costs beside a bare `Map` and a bare `lru-cache`, in one run. */
import { LRUCache } from 'lru-cache'
import { openRecordCache } from '../../gateway/cache/record-cache.ts'
import { recordKey } from '../../schema/systems.ts'
import { short, sized, tell } from './figures.ts'

interface Contact {
  readonly id: string
  readonly firstname: string
  readonly properties: Readonly<Record<string, string>>
}

const records = 10_000
const rounds = sized(100)

const values = Array.from({ length: records }, (_, id): Contact => ({
  id: `${id}`,
  firstname: `first ${id}`,
  properties: { lifecyclestage: 'lead', createdate: '2026-01-01T00:00:00Z' },
}))
const keys = values.map(({ id }) => recordKey({ system: 'hubspot', kind: 'contact', id }))

const cache = openRecordCache({ nowMs: () => performance.now() })
const map = new Map<string, Contact>()
const lru = new LRUCache<string, Contact>({ max: records })
const reader = { read: async () => new Map<string, Contact>() }
const beginning = cache.begin(records)
for (const [at, value] of values.entries()) {
  const key = keys[at] ?? ''
  cache.fill(key, reader, beginning, value)
  map.set(key, value)
  lru.set(key, value)
}

/** The median of several runs, in nanoseconds a look-up. */
function nsPerHit(get: (key: string) => unknown): number {
  const runs: number[] = []
  for (let run = 0; run < 7; run += 1) {
    let found = 0
    const began = performance.now()
    for (let round = 0; round < rounds; round += 1) {
      for (const key of keys) if (get(key) !== undefined) found += 1
    }
    runs.push(((performance.now() - began) * 1e6) / (rounds * records))
    if (found !== rounds * records) throw new Error(`expected only hits, ${found} of ${rounds * records} came`)
  }
  return runs.toSorted((a, b) => a - b)[3] ?? NaN
}

const bare = nsPerHit(key => map.get(key))
const results = [
  { name: 'Map.get', ns: bare },
  { name: 'lru-cache get', ns: nsPerHit(key => lru.get(key)) },
  { name: 'record cache get', ns: nsPerHit(key => cache.get(key)) },
  { name: 'performance.now', ns: nsPerHit(() => performance.now()) },
]
for (const { name, ns } of results) {
  console.log(`${name.padEnd(18)} ${ns.toFixed(1).padStart(8)} ns   ${(ns / bare).toFixed(1).padStart(6)} x Map.get`)
}
const of = (name: string): number => results.find(result => result.name === name)?.ns ?? NaN
tell(
  'cache',
  `a hit takes ${short(of('record cache get'))} ns, ${short(of('record cache get') / bare)} x Map.get, ` +
    `${short(of('record cache get') / of('lru-cache get'))} x lru-cache (${rounds} rounds over ${records} records)`,
)
