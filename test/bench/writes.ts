/**
 * Creations by clients that repeat each with its clientMutationId until it is answered, while three answers in ten get
 * lost at the tools and gateways are killed with SIGKILL at random moments: each must be made once. One gateway on the embedded
 * store, two on Postgres. Run: npx tsx test/bench/writes.ts [--quick] [--seed=<number>] [--store=sqlite|postgres]
 */
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { openStore } from '../../gateway/store/open.ts'
import { askUntilAnswered, creations, loseAnswers, made } from '../flows/creations.ts'
import { toolsEnvironment } from '../flows/environment.ts'
import { GatewayProcess } from '../flows/gateway-process.ts'
import { seedBusiness } from '../simulators/core/business.ts'
import { seededRandom } from '../simulators/core/random.ts'
import { startSimulators } from '../simulators/start.ts'
import { optionOf, short, sized, tell } from './figures.ts'
import { freePort } from './stage.ts'
import { onEachStore } from './stores.ts'

const orders = sized(1000)
const jobs = sized(1000)
const clients = 32
/** Between a start and the next kill, in ms. */
const shortestLife = 1_000
const longestLife = 40_000

const given = optionOf('seed')
const seed = given === null ? randomInt(2 ** 31) : Number(given)
console.log(`seed ${seed}`)

await onEachStore(async (name, newDatabase) => run(name, await newDatabase?.()))

async function run(name: string, databaseUrl?: string): Promise<void> {
  const random = seededRandom(seed)
  const folder = mkdtempSync(join(tmpdir(), 'livegraph-bench-'))
  const storeUrl = databaseUrl ?? `sqlite:${join(folder, 'graph.db')}`
  const ports = [await freePort(), ...(databaseUrl === undefined ? [] : [await freePort()])]
  const [url = ''] = ports.map(port => `http://127.0.0.1:${port}`)
  const business = seedBusiness({ customers: 10, orders: 20, jobs: 10, now: new Date() })
  const tools = await startSimulators({ business, webhookBase: url, openDoor: true })
  // What is in the graph must have come there with the writes themselves.
  for (const tool of [tools.hubspot, tools.stripe, tools.asana]) tool.faults.add({ webhook: 'drop' })
  const environment = { ...toolsEnvironment(tools), STORE_URL: storeUrl, PUBLIC_URL: url, LOG_LEVEL: 'warn' }
  const gateways = ports.map(port => new GatewayProcess(port, environment))
  const any = (): GatewayProcess => {
    const one = gateways[Math.floor(random() * gateways.length)]
    if (one === undefined) throw new Error('expected a gateway')
    return one
  }
  try {
    await Promise.all(gateways.map(gateway => gateway.start()))
    await imported(url)
    const before = await counts(url)
    loseAnswers(tools, seed)
    const codes = new Map<string, number>()
    const began = performance.now()
    const over = new AbortController()
    const isOver = (): boolean => over.signal.aborted
    let kills = 0
    const killing = (async () => {
      while (!isOver()) {
        const until = performance.now() + shortestLife + random() * (longestLife - shortestLife)
        while (!isOver() && performance.now() < until) await pause(50)
        if (isOver()) return
        const gateway = any()
        await gateway.kill()
        kills += 1
        await gateway.start()
      }
    })()
    const wanted = creations(orders, jobs, `bench-${seed}`)
    const answered = await askUntilAnswered(() => any().url, wanted, {
      clients,
      told: code => codes.set(code, (codes.get(code) ?? 0) + 1),
    })
    const seconds = (performance.now() - began) / 1000
    over.abort()
    await killing
    tools.stripe.faults.clear()
    tools.asana.faults.clear()

    const after = await counts(url)
    await Promise.all(gateways.map(gateway => gateway.kill('SIGTERM')))
    const there = made(tools)
    const ids = new Set(answered.map(({ id }) => id))
    const drafts = there.orders.filter(id => tools.stripe.invoice(id)?.status === 'draft').length
    const states = await writeStates(storeUrl)
    const requests = answered.reduce((sum, one) => sum + one.requests, 0)
    const isRight =
      there.orders.length === orders &&
      there.jobs.length === jobs &&
      [...there.orders, ...there.jobs].every(id => ids.has(id)) &&
      ids.size === orders + jobs &&
      drafts === 0 &&
      after.orders - before.orders === orders &&
      after.jobs - before.jobs === jobs &&
      states === `done ${orders + jobs}`
    tell(
      'writes',
      [
        `${name}, ${gateways.length} processes: ${orders} orders and ${jobs} jobs wanted, seed ${seed}:`,
        `${there.orders.length} invoices (${drafts} drafts) and ${there.jobs.length} tasks in the tools,`,
        `${after.orders - before.orders} and ${after.jobs - before.jobs} in the graph, ${ids.size} ids answered; writes: ${states};`,
        `30 % of answers lost, ${kills} SIGKILLs, ${requests} client requests, ${short(seconds)} s`,
      ].join(' '),
    )
    console.log(`told to clients: ${[...codes].map(([code, times]) => `${code} ${times}`).join(', ') || 'no errors'}`)
    if (!isRight) {
      console.error('not each was made once')
      process.exitCode = 1
    }
  } finally {
    await Promise.all(gateways.map(gateway => gateway.kill()))
    await tools.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function imported(url: string): Promise<void> {
  while (/false/.test(await ask(url, '{ systems { isImported } }'))) await pause(100)
}

async function counts(url: string): Promise<{ readonly orders: number; readonly jobs: number }> {
  const text = await ask(url, '{ orders { totalCount } jobs { totalCount } }')
  const [, inOrders, inJobs] = /"orders":\{"totalCount":(\d+)\},"jobs":\{"totalCount":(\d+)\}/.exec(text) ?? []
  return { orders: Number(inOrders), jobs: Number(inJobs) }
}

async function ask(url: string, query: string): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) })
  return response.text()
}

async function writeStates(storeUrl: string): Promise<string> {
  const quiet = { debug() {}, info() {}, warn() {}, error() {} }
  const store = await openStore(storeUrl, { log: quiet, clock: { now: () => new Date() } })
  try {
    const rows = await store.read(db =>
      db
        .selectFrom('writes')
        .select(eb => ['state', eb.fn.countAll<number>().as('writes')])
        .groupBy('state')
        .execute(),
    )
    return rows.map(({ state, writes }) => `${state} ${writes}`).join(', ')
  } finally {
    await store.close()
  }
}
