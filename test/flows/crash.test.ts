import { join } from 'node:path'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { applyObservations } from '../../gateway/changes/apply.ts'
import { openCatalogue } from '../../gateway/links/catalogue.ts'
import {
  claimDue,
  claimSuspects,
  failEntry,
  finishEntries,
  releaseDead,
  renewLeases,
  type StoredEntry,
} from '../../gateway/store/deliveries.ts'
import { openStore } from '../../gateway/store/open.ts'
import { storeReceived } from '../../gateway/store/received.ts'
import type { Store } from '../../gateway/store/store.ts'
import { DeliveryProcessor, type ProcessPorts } from '../../gateway/webhooks/process.ts'
import type { Hint, ObservedRecord } from '../../subgraphs/contract.ts'
import { temporaryDirectory } from '../gateway/store/open-for-test.ts'
import { quiet } from '../gateway/store/ports.ts'

/** Crashes at each point of the path. */
const crashesAtEach = 100

const points = ['after claim', 'before commit', 'after commit'] as const
type Point = (typeof points)[number]

const leaseMs = 60_000
const never = new Promise<never>(() => undefined)
const catalogue = openCatalogue([
  { system: 'hubspot', role: 'crm', kinds: [{ kind: 'contact', entity: 'Customer', as: 'owner' }] },
])

const running: DeliveryProcessor[] = []
afterEach(async () => {
  // Those that crashed hold work that never ends.
  await Promise.all(running.splice(0).map(one => Promise.race([one.stop(), Promise.resolve()])))
})

async function openFile(): Promise<Store> {
  const clock = { now: () => new Date() }
  const store = await openStore(`sqlite:${join(temporaryDirectory(), 'graph.db')}`, { log: quiet, clock })
  onTestFinished(() => store.close())
  return store
}

interface ProcessOptions {
  readonly worker: string
  /** Where it is killed: from then on nothing it has begun goes on. */
  readonly crash: Point | null
  readonly now?: () => Date
  onCrash?(): void
  observe?(record: ObservedRecord): Promise<ObservedRecord>
}

/** A process as far as deliveries go, on a real store. */
function openProcess(store: Store, options: ProcessOptions): DeliveryProcessor {
  const { worker, crash, now = () => new Date(), onCrash, observe } = options
  let isDead = false
  const die = (): Promise<never> => {
    isDead = true
    onCrash?.()
    return never
  }
  const claimed = async (claim: () => Promise<readonly StoredEntry[]>): Promise<readonly StoredEntry[]> => {
    if (isDead) return never
    const entries = await claim()
    return crash === 'after claim' && entries.length > 0 ? die() : entries
  }
  const ports: ProcessPorts = {
    claim: limit => claimed(() => claimDue(store, worker, limit, leaseMs, now())),
    claimSuspects: () => claimed(() => claimSuspects(store, worker, { deaths: 1, limit: 20 }, leaseMs, now())),
    renew: entries => (isDead ? never : renewLeases(store, entries, leaseMs, now())),
    evict: () => undefined,
    observe(record) {
      const observed = observedOf(record.id)
      return observe?.(observed) ?? Promise.resolve(observed)
    },
    async apply(observations, entries) {
      if (isDead) return never
      const isOurs = await store
        .write(async tx => {
          await applyObservations(tx, catalogue, observations, now())
          const held = entries.map(({ entry }) => entry)
          if (!(await finishEntries(tx, held, now()))) throw new Error('lost')
          if (crash === 'before commit') throw new Error('killed')
        })
        .then(
          () => true,
          () => false,
        )
      return crash === null ? isOurs : die()
    },
    fail: async (entry, failure) => {
      if (isDead) return never
      await store.write(tx => failEntry(tx, entry, failure.state === 'dead' ? { dead: failure.error } : failure, now()))
    },
    isOut: () => false,
    deadlineMs: 300_000,
    clock: { now },
    random: Math.random,
    log: quiet,
  }
  const processor = new DeliveryProcessor(ports)
  running.push(processor)
  return processor
}

function observedOf(id: string): ObservedRecord {
  const record = { system: 'hubspot', kind: 'contact', id }
  // As a vendor without versions: applied twice it would be told twice.
  const nothing = { status: null, isClosed: null, createdAt: null, updatedAt: null, email: null, names: null }
  return { record, parents: [], ...nothing }
}

async function receive(store: Store, ids: readonly number[], receivedAt = new Date()): Promise<void> {
  const entries = ids.map(id => {
    const record = { system: 'hubspot', kind: 'contact', id: String(id) }
    const hint: Hint = { kind: 'UPDATED', record, at: null, fields: [] }
    return { key: String(id), hints: [hint] }
  })
  const request = { system: 'hubspot', endpoint: '', url: '', headers: {}, body: Buffer.from('x'), receivedAt, entries }
  await storeReceived(store, request, 0, null)
}

async function stateOf(store: Store) {
  return store.read(async db => ({
    entries: await db.selectFrom('delivery_entries').select(['id', 'state', 'deaths', 'attempts']).execute(),
    changes: await db.selectFrom('changes').select('record_id').execute(),
  }))
}

test.each(points)(
  `killed %s, ${crashesAtEach} times, nothing is lost and nothing is told twice`,
  async crash => {
    const store = await openFile()
    for (let round = 1; round <= crashesAtEach; round += 1) {
      await receive(store, [round * 10, round * 10 + 1])
      await new Promise<void>(resolve => {
        openProcess(store, { worker: `killed ${round}`, crash, onCrash: resolve }).start()
      })
      await releaseDead(store, new Date())
      const next = openProcess(store, { worker: `next ${round}`, crash: null })
      next.start()
      await vi.waitFor(
        async () => {
          const due = await store.read(db =>
            db.selectFrom('delivery_entries').select('id').where('state', '=', 'due').execute(),
          )
          expect(due).toEqual([])
        },
        { timeout: 5000, interval: 2 },
      )
      await next.stop()
    }
    const { entries, changes } = await stateOf(store)
    expect(entries.filter(({ state }) => state !== 'done')).toEqual([])
    const told = changes.map(({ record_id }) => record_id).sort()
    const expected = Array.from({ length: crashesAtEach }, (_, at) => [`${(at + 1) * 10}`, `${(at + 1) * 10 + 1}`])
    expect(told).toEqual(expected.flat().sort())
    // What had not committed was under way at one death, and is the only thing that is held against it.
    expect(new Set(entries.map(({ deaths }) => deaths))).toEqual(new Set([crash === 'after commit' ? 0 : 1]))
  },
  120_000,
)

test('a process that is stopped past its lease and goes on writes nothing', async () => {
  const store = await openFile()
  const start = new Date('2026-03-01T12:00:00Z')
  let nowMs = start.getTime()
  const now = (): Date => new Date(nowMs)
  await receive(store, [1, 2], start)
  let goOn = (): void => undefined
  const paused = new Promise<void>(resolve => (goOn = resolve))
  let isReading = 0
  const stopped = openProcess(store, {
    worker: 'stopped',
    crash: null,
    now,
    async observe(observed) {
      isReading += 1
      await paused
      return observed
    },
  })
  stopped.accept(await claimDue(store, 'stopped', 10, leaseMs, now()))
  await vi.waitFor(() => expect(isReading).toBe(2), 20_000)
  nowMs += leaseMs
  const other = openProcess(store, { worker: 'other', crash: null, now })
  other.start()
  await vi.waitFor(async () => expect((await stateOf(store)).changes).toHaveLength(2), { timeout: 5000 })
  await other.stop()
  const before = await stateOf(store)
  goOn()
  await stopped.idle()
  expect(await stateOf(store)).toEqual(before)
  expect(before.entries.map(({ state }) => state)).toEqual(['done', 'done'])
})
