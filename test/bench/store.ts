/**
 * How many webhook requests a second the store makes durable: `storeReceived` with 64 concurrent senders, and one commit for
 * each request, in the same run on the same disk; on the embedded store and on Postgres.
 * Run: npx tsx test/bench/store.ts [--quick] [--store=sqlite|postgres]
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openStore } from '../../gateway/store/open.ts'
import { type NewReceived, storeReceived } from '../../gateway/store/received.ts'
import type { Store } from '../../gateway/store/store.ts'
import type { Log } from '../../subgraphs/contract.ts'
import { isQuick, short, tell } from './figures.ts'
import { onEachStore } from './stores.ts'

const senders = 64
const leaseMs = 60_000
const bodyBytes = 2_000
const seconds = isQuick ? 0.3 : 2

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} }

function request(number: number): NewReceived {
  const record = { system: 'stripe', kind: 'invoice', id: `in_${number}` }
  return {
    system: 'stripe',
    endpoint: '',
    url: 'https://graph.example.com/webhooks/stripe',
    headers: { 'content-type': 'application/json', 'stripe-signature': 't=1,v1=' + 'a'.repeat(64) },
    body: Buffer.alloc(bodyBytes, 'x'),
    receivedAt: new Date(),
    entries: [{ key: `evt_${number}`, hints: [{ kind: 'UPDATED', record, at: new Date(), fields: ['status'] }] }],
  }
}

interface Measured {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Makes one request durable, in one way or another. */
type Send = (store: Store, request: NewReceived) => Promise<unknown>

/** Keeps `senders` requests going for the time; each waits for its own to be durable. */
async function measure(store: Store, send: Send): Promise<Measured> {
  const waitsMs: number[] = []
  let number = 0
  const startMs = performance.now()
  const endMs = startMs + seconds * 1_000
  await Promise.all(
    Array.from({ length: senders }, async () => {
      while (performance.now() < endMs) {
        const sentMs = performance.now()
        await send(store, request(number++))
        waitsMs.push(performance.now() - sentMs)
      }
    }),
  )
  const tookMs = performance.now() - startMs
  waitsMs.sort((a, b) => a - b)
  const at = (share: number): number => Math.round((waitsMs[Math.floor(waitsMs.length * share)] ?? 0) * 10) / 10
  return { perSecond: Math.round((waitsMs.length / tookMs) * 1_000), p50Ms: at(0.5), p99Ms: at(0.99) }
}

/** The same rows, each request in a transaction of its own. */
function storeAlone(store: Store, { entries, ...received }: NewReceived): Promise<unknown> {
  return store.write(async tx => {
    const receivedAt = received.receivedAt.getTime()
    const { id } = await tx
      .insertInto('received')
      .values({
        system: received.system,
        endpoint: received.endpoint,
        url: received.url,
        headers: JSON.stringify(received.headers),
        body: received.body,
        received_at: receivedAt,
      })
      .returning('id')
      .executeTakeFirstOrThrow()
    await tx
      .insertInto('delivery_entries')
      .values(
        entries.map((entry, position) => ({
          received_id: id,
          position,
          system: received.system,
          key: entry.key,
          hints: JSON.stringify('hints' in entry ? entry.hints : []),
          state: 'due' as const,
          attempts: 1,
          due_at: receivedAt + leaseMs,
          lease_until: receivedAt + leaseMs,
          lease_by: 'bench',
          received_at: receivedAt,
        })),
      )
      .onConflict(on => on.columns(['system', 'key']).doNothing())
      .execute()
  })
}

async function measureOn(databaseUrl: string, send: Send): Promise<Measured> {
  const store = await openStore(databaseUrl, { log: quiet, clock: { now: () => new Date() } })
  try {
    return await measure(store, send)
  } finally {
    await store.close()
  }
}

async function measureEmbedded(send: Send): Promise<Measured> {
  // Not the system's temporary directory: that may be memory, where nothing is durable.
  await mkdir('.data', { recursive: true })
  const directory = await mkdtemp(join('.data', 'bench-'))
  try {
    return await measureOn(`sqlite:${join(directory, 'graph.db')}`, send)
  } finally {
    await rm(directory, { recursive: true })
  }
}

await onEachStore(async (name, newDatabase) => {
  const run = async (send: Send): Promise<Measured> =>
    newDatabase === null ? measureEmbedded(send) : measureOn(await newDatabase(), send)
  // In turns, because the disk is not equally fast at all times; the round with the middle ratio stands for all.
  const rounds: { readonly alone: Measured; readonly grouped: Measured; readonly ratio: number }[] = []
  for (let round = 0; round < 3; round++) {
    const alone = await run(storeAlone)
    const grouped = await run((store, received) => storeReceived(store, received, leaseMs, 'bench'))
    rounds.push({ alone, grouped, ratio: Math.round((grouped.perSecond / alone.perSecond) * 10) / 10 })
  }
  const middle = rounds.toSorted((a, b) => a.ratio - b.ratio)[1]
  console.log(JSON.stringify({ name, senders, bodyBytes, ...middle, ratios: rounds.map(({ ratio }) => ratio) }))
  if (middle === undefined) return
  tell(
    'store',
    `${name}: ${short(middle.grouped.perSecond)} webhook requests a second are durable with ${senders} senders, ` +
      `p99 ${short(middle.grouped.p99Ms)} ms; one commit each: ${short(middle.alone.perSecond)} a second; ratio ${middle.ratio}`,
  )
})
