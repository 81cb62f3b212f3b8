/**
 * Imports 50,000 customers with as many billing records, 200,000 orders and 100,000 jobs into a store on disk, and reads
 * pages of them. Run with `npx tsx test/bench/index.ts`; fails when a limit is passed.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { openCatalogue } from '../../gateway/links/catalogue.ts'
import { runImport, type ImportSystem } from '../../gateway/links/import.ts'
import { openIndex } from '../../gateway/links/index.ts'
import { openLinks } from '../../gateway/links/links.ts'
import { openStore } from '../../gateway/store/open.ts'
import type { EntityRef } from '../../schema/entities.ts'
import type { RecordRef } from '../../schema/systems.ts'
import type { Importer, Log, ObservedRecord, PageArguments } from '../../subgraphs/contract.ts'
import { isQuick, short, sized, tell } from './figures.ts'

const customers = sized(50_000)
const orders = sized(200_000)
const jobs = sized(100_000)
const pageSize = 100
const limits = { recordsPerSecond: 3_000, rssMiB: 300, pageMs: 50 }

const start = Date.UTC(2020, 0, 1)
const contact = (n: number): RecordRef => ({ system: 'hubspot', kind: 'contact', id: String(n) })
const payer = (n: number): RecordRef => ({ system: 'stripe', kind: 'customer', id: `cus_${n}` })

function importer(
  kind: string,
  total: number,
  record: (n: number) => Omit<ObservedRecord, 'createdAt' | 'updatedAt'>,
): Importer {
  return {
    kind,
    list(cursor) {
      const from = Number(cursor ?? 0)
      const to = Math.min(total, from + pageSize)
      const observed = Array.from({ length: to - from }, (_, at): ObservedRecord => {
        const n = from + at
        return { ...record(n), createdAt: new Date(start + n * 60_000), updatedAt: new Date(start + n * 90_000) }
      })
      return Promise.resolve({ observed, next: to < total ? String(to) : null, total })
    },
  }
}

const none = { parents: [], status: null, isClosed: null, email: null, names: null }
const systems: readonly ImportSystem[] = [
  {
    system: 'hubspot',
    role: 'crm',
    kinds: [{ kind: 'contact', entity: 'Customer', as: 'owner' }],
    importers: [importer('contact', customers, n => ({ ...none, record: contact(n), email: `c${n}@x.example` }))],
  },
  {
    system: 'stripe',
    role: 'billing',
    kinds: [
      { kind: 'customer', entity: 'Customer', as: 'copy' },
      { kind: 'invoice', entity: 'Order', as: 'owner' },
    ],
    importers: [
      importer('customer', customers, n => ({
        ...none,
        record: payer(n),
        email: `C${n}@x.example`,
        names: n % 2 === 0 ? { type: 'Customer', id: String(n) } : null,
      })),
      importer('invoice', orders, n => ({
        ...none,
        record: { system: 'stripe', kind: 'invoice', id: `in_${n}` },
        status: n % 3 === 0 ? 'OPEN' : 'PAID',
        parents: [{ entity: 'Customer', record: payer((n * 7) % customers) }],
      })),
    ],
  },
  {
    system: 'asana',
    role: 'jobs',
    kinds: [{ kind: 'task', entity: 'Job', as: 'owner' }],
    importers: [
      importer('task', jobs, n => ({
        ...none,
        record: { system: 'asana', kind: 'task', id: `t_${n}` },
        status: 'Scheduled',
        isClosed: n % 4 === 0,
        parents: [
          { entity: 'Customer', reference: n % 2 === 0 ? `c${n % customers}@x.example` : `cus_${n % customers}` },
          { entity: 'Order', reference: `in_${n}` },
        ],
      })),
    ],
  },
]

const log: Log = { debug() {}, info() {}, warn: console.warn, error: console.error }
const clock = { now: () => new Date() }
const directory = mkdtempSync(join(tmpdir(), 'livegraph-bench-'))
const store = await openStore(`sqlite:${join(directory, 'graph.db')}`, { log, clock })
const catalogue = openCatalogue(systems)
const faults: string[] = []
const pages: { readonly what: string; readonly ms: number }[] = []
const check = (what: string, value: number, limit: number, isEnough: boolean): void => {
  console.log(`${what}: ${Math.round(value * 10) / 10} (limit ${limit})`)
  if (!isEnough) faults.push(what)
}

try {
  let mostRss = 0
  let changes = 0
  const before = performance.now()
  const outcome = await runImport({
    store,
    catalogue,
    systems,
    call: signal => ({ priority: 'background', signal, spend() {} }),
    log,
    clock,
    signal: new AbortController().signal,
    onApplied: appended => (changes += appended.length),
    onProgress: () => (mostRss = Math.max(mostRss, process.memoryUsage().rss)),
  })
  const seconds = (performance.now() - before) / 1000
  console.log(
    `imported in ${seconds.toFixed(1)} s with ${changes} Changes:`,
    outcome.map(({ isDone }) => isDone).join(),
  )
  const rate = (2 * customers + orders + jobs) / seconds
  check('records a second', rate, limits.recordsPerSecond, rate >= limits.recordsPerSecond)
  check('most memory, MiB', mostRss / 2 ** 20, limits.rssMiB, mostRss / 2 ** 20 <= limits.rssMiB)

  // What the same rows take when nothing is matched, linked or resolved.
  const bareRate = await bareInserts()
  const unresolved = await store.read(db =>
    db
      .selectFrom('parents')
      .select(eb => eb.fn.countAll<number>().as('n'))
      .where('entity_id', 'is', null)
      .executeTakeFirst(),
  )
  check('unresolved parents', unresolved?.n ?? 0, 0, unresolved?.n === 0)

  const customer = (n: number): EntityRef => ({ type: 'Customer', id: String(n) })
  const timed = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    const times: number[] = []
    for (let run = 0; run < 20; run++) {
      const began = performance.now()
      await work()
      times.push(performance.now() - began)
    }
    const median = times.sort((a, b) => a - b)[10] ?? Infinity
    pages.push({ what, ms: median })
    check(`${what}, ms`, median, limits.pageMs, median <= limits.pageMs)
  }
  const index = () => openIndex(store, catalogue)
  const deep = async (): Promise<string | null> => {
    const { rows } = await store.read(async db => ({
      rows: await db
        .selectFrom('records')
        .select(['id', 'sort_at'])
        .where('record_id', '=', `in_${orders / 2}`)
        .where('system', '=', 'stripe')
        .where('kind', '=', 'invoice')
        .execute(),
    }))
    const [row] = rows
    return row === undefined ? null : Buffer.from(`i1:Order:${row.sort_at}:${row.id}`).toString('base64url')
  }
  const middle: PageArguments = { first: 100, after: await deep() }
  await timed('first page of orders', () => index().page('Order', null, {}, { first: 100 }))
  await timed('page amid all orders', () => index().page('Order', null, {}, middle))
  await timed('page of open orders', () => index().page('Order', null, { status: ['OPEN'] }, middle))
  await timed('page of two statuses', () => index().page('Order', null, { status: ['OPEN', 'DRAFT'] }, middle))
  await timed('orders changed lately', () =>
    index().page('Order', null, { changedSince: new Date(start + (orders - 100) * 90_000) }, {}),
  )
  await timed('customer by e-mail', () => index().page('Customer', null, { email: 'c77@x.example' }, {}))
  await timed('orders of 100 customers', async () => {
    const one = index()
    await Promise.all(Array.from({ length: 100 }, (_, n) => one.page('Order', customer(n * 31), {}, { first: 10 })))
  })
  await timed('jobs of 100 customers, open, counted', async () => {
    const one = index()
    const pages = await Promise.all(
      Array.from({ length: 100 }, (_, n) => one.page('Job', customer(n * 31), { isClosed: false }, { first: 10 })),
    )
    await Promise.all(pages.map(page => page.totalCount()))
  })
  await timed('records of 100 customers', async () => {
    const links = openLinks(store, catalogue)
    await Promise.all(Array.from({ length: 100 }, (_, n) => links.recordsOf(customer(n * 31), 'stripe')))
  })
  const countBegan = performance.now()
  await (await index().page('Order', null, {}, { first: 1 })).totalCount()
  const slowest = pages.toSorted((a, b) => b.ms - a.ms)[0]
  tell(
    'index',
    `${short(2 * customers + orders + jobs)} records: ${short(rate)} a second, bare inserts ${short(bareRate)} a second, ratio ` +
      `${short(bareRate / rate)}; most memory ${short(mostRss / 2 ** 20)} MiB (limit ${limits.rssMiB}); slowest page ` +
      `${short(slowest?.ms ?? NaN)} ms (${slowest?.what ?? 'none'}; limit ${limits.pageMs})${isQuick ? '; a tenth of the size' : ''}`,
  )
  console.log(`count of all orders, ms: ${(performance.now() - countBegan).toFixed(1)}`)
} finally {
  await store.close()
  rmSync(directory, { recursive: true, force: true })
}
if (faults.length > 0) {
  console.error(`past the limit: ${faults.join(', ')}`)
  process.exitCode = 1
}

/** Rows a second, in transactions of a page each, into a store of its own. */
async function bareInserts(): Promise<number> {
  const bare = await openStore(`sqlite:${join(directory, 'bare.db')}`, { log, clock })
  try {
    const rows = sized(50_000)
    const began = performance.now()
    for (let from = 0; from < rows; from += pageSize) {
      const page = Array.from({ length: pageSize }, (_, at) => ({
        system: 'hubspot',
        kind: 'contact',
        record_id: String(from + at),
        status: null,
        is_closed: null,
        created_at: start,
        updated_at: start,
        email: `c${from + at}@x.example`,
        names_type: null,
        names_id: null,
        sort_at: start + from + at,
        is_deleted: 0,
        deleted_at: null,
        told: null,
        seen_run: null,
      }))
      await bare.write(tx => tx.insertInto('records').values(page).execute())
    }
    return (rows * 1000) / (performance.now() - began)
  } finally {
    await bare.close()
  }
}
