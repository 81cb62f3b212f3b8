import { setTimeout as wait } from 'node:timers/promises'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { freePort } from '../../bench/stage.ts'
import { seedBusiness } from '../../simulators/core/business.ts'
import { seededRandom } from '../../simulators/core/random.ts'
import { startSimulators, type Simulators } from '../../simulators/start.ts'
import { toolsEnvironment } from '../environment.ts'
import { GatewayProcess } from '../gateway-process.ts'
import { differencesOf } from '../storm/differences.ts'
import { keptIn, tally } from '../storm/kept.ts'
import { NewsDesk, signed, type News } from '../storm/news.ts'
import { until } from '../until.ts'
import { Balancer } from './balancer.ts'
import { faultsOfFeed, watch, type Watcher } from './watchers.ts'

export interface RollingOptions {
  /** An empty database of a Postgres. */
  readonly databaseUrl: string
  /** How often each of the three processes is ended with SIGTERM and started again, one after the other. */
  readonly rounds: number
  readonly seed: number
  readonly tell?: (line: string) => void
}

export interface RollingReport {
  readonly restarts: number
  /** Queries and mutations over HTTP, operations over websockets, and webhooks. */
  readonly requests: number
  /** Those that were not answered as they are when nobody restarts, in words. */
  readonly failed: readonly string[]
  readonly acknowledged: number
  /** Entries of webhooks that were acknowledged and are not in the store, or not done. */
  readonly lost: number
  readonly frames: number
  readonly reconnects: number
  /** Watchers without the present value, Changes that a feed did not tell or told again, and subscriptions that ended. */
  readonly missed: readonly string[]
  /** What the graph answers and the tools hold otherwise. */
  readonly differences: readonly string[]
  /** Processes that ended otherwise than in order. */
  readonly badEnds: readonly string[]
  /** Of the end of a process, from SIGTERM. */
  readonly longestEndMs: number
  readonly seconds: number
}

const processes = 3
const people = { queries: 6, mutations: 2, sockets: 2, feeds: 3 }
const changeEveryMs = 400

/** Who watches what, and what of it changes. */
const watched = [
  { root: 'customerChanged', field: 'customer', value: 'phone' },
  { root: 'orderChanged', field: 'order', value: 'memo' },
  { root: 'jobChanged', field: 'job', value: 'title' },
] as const

const queries = [
  (id: string) =>
    `{ customer(id: "${id}") { id name phone orders(first: 3) { nodes { id memo } } jobs(first: 3) { nodes { id title } } } }`,
  () =>
    '{ customers(first: 10) { nodes { id email orders(first: 2) { nodes { number } } } pageInfo { hasNextPage } } }',
  () => '{ jobs(first: 10) { nodes { id title status } } }',
]

const answer = z.object({ data: z.record(z.string(), z.unknown()), errors: z.never().optional() })

/**
 * Three processes behind a balancer that are replaced one after the other, as an update does, while people ask, write and watch
 * and the tools send webhooks; and what any of them noticed of it.
 */
export async function runRolling({
  databaseUrl,
  rounds,
  seed,
  tell = () => undefined,
}: RollingOptions): Promise<RollingReport> {
  const startedAt = performance.now()
  const random = seededRandom(seed)
  const desk = new NewsDesk()
  const publicUrl = await desk.listen()
  const business = seedBusiness({ customers: 12, orders: 12, jobs: 12, now: new Date() })
  const tools = await startSimulators({ business, webhookBase: publicUrl, openDoor: true })
  const ports = await Promise.all(Array.from({ length: processes }, freePort))
  const gateways = ports.map(
    port =>
      new GatewayProcess(port, {
        ...toolsEnvironment(tools),
        STORE_URL: databaseUrl,
        PUBLIC_URL: publicUrl,
        LOG_LEVEL: 'error',
        // What webhooks miss must not be mended before it is counted.
        SWEEP_EVERY_SECONDS: '0',
        // It is counted what restarts do, not what a busy machine does.
        VENDOR_TRY_TIMEOUT_MS: '8000',
      }),
  )
  const balancer = new Balancer(ports)
  const url = await balancer.listen()
  const watchers: Watcher[] = []
  const [first] = gateways
  if (first === undefined) throw new Error('expected a process')
  try {
    await Promise.all(gateways.map(gateway => gateway.start()))
    await until(
      'everything is imported',
      async () => !(await told(url, '{ systems { isImported } }')).includes('false'),
    )
    desk.gatewayUrl = url
    await first.command('gateway/commands/connect.ts', 'asana')
    await Promise.all(ports.map(port => balancer.ready(port)))

    const ids = idsOf(tools)
    for (const [at, { root, field, value }] of watched.entries()) {
      for (const id of ids[at] ?? []) {
        const query = `subscription($after: String) { ${root}(id: "${id}", after: $after) { change { kind cursor } ${field} { id value: ${value} } } }`
        watchers.push(watch(url, `${root} ${id}`, query))
      }
    }
    const feeds = Array.from({ length: people.feeds }, (_, number) =>
      watch(
        url,
        `feed ${number + 1}`,
        'subscription($after: String) { changes(after: $after) { change { kind cursor } entityType entityId } }',
      ),
    )
    const all = [...watchers, ...feeds]
    await until('everyone watches', () => all.every(({ seen }) => seen.length > 0))

    const load = new Load(url, publicUrl, tools, random)
    desk.onNews = news => load.send(news)
    const running = load.run()
    const ends = await restart({ gateways, ports, balancer, rounds, tell })
    await load.stop()
    await running

    const settled = { timeoutMs: 30_000, everyMs: 200 }
    await until(
      'everything is worked on',
      async () => /^(?!.*"dueEntries":[1-9])/.test(await told(url, '{ systems { dueEntries } }')),
      settled,
    )
    const present = valuesOf(tools)
    const behind = (): readonly Watcher[] => watchers.filter(one => lastValue(one) !== present.get(one.what))
    const feedFaults = async (): Promise<readonly string[]> => {
      const { sequences } = await keptIn(databaseUrl)
      return feeds.flatMap(feed => faultsOfFeed(feed, sequences))
    }
    await until(
      'everyone has seen everything',
      async () => behind().length === 0 && (await feedFaults()).length === 0,
      settled,
    ).catch(() => undefined)
    const kept = await keptIn(databaseUrl)
    return {
      restarts: ends.length,
      requests: load.requests,
      failed: load.failed,
      acknowledged: load.acknowledged,
      lost: Math.max(0, load.acknowledgedEntries - kept.done) + kept.unfinished.length,
      frames: all.reduce((sum, { seen }) => sum + seen.length, 0),
      reconnects: all.reduce((sum, { closings }) => sum + closings.length, 0),
      missed: [
        ...behind().map(one => `${one.what}: the tool has ${present.get(one.what)}, the last frame ${lastValue(one)}`),
        ...(await feedFaults()),
        ...all.flatMap(({ what, ended }) => (ended === null ? [] : [`${what}: ${ended}`])),
      ],
      differences: await differencesOf(url, tools),
      badEnds: ends.flatMap(({ code }) => (code === 0 ? [] : [`ended with ${code}`])),
      longestEndMs: Math.max(...ends.map(({ ms }) => ms)),
      seconds: (performance.now() - startedAt) / 1000,
    }
  } finally {
    await Promise.all(watchers.map(one => one.end()))
    await balancer.close()
    await Promise.all(gateways.map(gateway => gateway.kill()))
    await tools.close()
    await desk.close()
  }
}

/** One after the other, each once the one before is ready again. */
async function restart({
  gateways,
  ports,
  balancer,
  rounds,
  tell,
}: {
  readonly gateways: readonly GatewayProcess[]
  readonly ports: readonly number[]
  readonly balancer: Balancer
  readonly rounds: number
  readonly tell: (line: string) => void
}): Promise<readonly { readonly code: number | null; readonly ms: number }[]> {
  const ends: { readonly code: number | null; readonly ms: number }[] = []
  for (let round = 1; round <= rounds; round++) {
    for (const [at, gateway] of gateways.entries()) {
      const askedAt = performance.now()
      const code = await gateway.kill('SIGTERM')
      const ms = performance.now() - askedAt
      ends.push({ code, ms })
      await gateway.start()
      await balancer.ready(ports[at] ?? 0)
      tell(`round ${round} of ${rounds}: process ${at + 1} ended in ${Math.round(ms)} ms and is back`)
    }
  }
  return ends
}

/** People who ask and write, and tools in which things happen, steadily; and how often that was not answered as it should. */
class Load {
  readonly failed: string[] = []
  requests = 0
  acknowledged = 0
  acknowledgedEntries = 0
  readonly #url: string
  readonly #publicUrl: string
  readonly #tools: Simulators
  readonly #random: () => number
  readonly #posts = new Set<Promise<void>>()
  #isOver = false

  constructor(url: string, publicUrl: string, tools: Simulators, random: () => number) {
    this.#url = url
    this.#publicUrl = publicUrl
    this.#tools = tools
    this.#random = random
  }

  /** Resolves once everyone has left. */
  async run(): Promise<void> {
    const many = (count: number, work: (number: number) => Promise<void>) =>
      Array.from({ length: count }, (_, number) => work(number))
    await Promise.all([
      ...many(people.queries, () => this.#keepAsking()),
      ...many(people.sockets, () => this.#keepAskingOverSocket()),
      ...many(people.mutations, number => this.#keepWriting(number)),
      this.#keepChanging(),
    ])
  }

  /** Resolves once nobody asks any more and every webhook is answered. */
  async stop(): Promise<void> {
    this.#isOver = true
    for (const { webhooks } of [this.#tools.hubspot, this.#tools.stripe, this.#tools.asana]) await webhooks.idle()
    while (this.#posts.size > 0) await Promise.all(this.#posts)
  }

  /** Sends a webhook as its tool does: until it is answered 200. */
  send(news: News): void {
    const post = this.#post(news).finally(() => this.#posts.delete(post))
    this.#posts.add(post)
  }

  async #post(news: News): Promise<void> {
    for (;;) {
      const { path, headers } = signed(news, this.#tools, this.#publicUrl, false)
      const isOk = await this.#counted(`webhook of ${news.tool}`, async () => {
        const response = await fetch(`${this.#url}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body: news.body,
        })
        await response.arrayBuffer()
        if (response.status !== 200) throw new Error(`answered ${response.status}`)
      })
      if (isOk) break
      await wait(200)
    }
    this.acknowledged += 1
    this.acknowledgedEntries += news.records.length
  }

  async #keepAsking(): Promise<void> {
    const [customers = []] = idsOf(this.#tools)
    while (!this.#isOver) {
      const query = this.#pick(queries)(this.#pick(customers))
      await this.#counted('query', async () => checked(await told(this.#url, query)))
      await wait(50 + this.#random() * 50)
    }
  }

  async #keepAskingOverSocket(): Promise<void> {
    const [customers = []] = idsOf(this.#tools)
    const client = createClient({
      url: `${this.#url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      lazy: false,
    })
    while (!this.#isOver) {
      const query = this.#pick(queries)(this.#pick(customers))
      await this.#counted('query over a socket', async () => {
        const result = await new Promise((resolve, reject) => {
          client.subscribe({ query }, { next: resolve, error: reject, complete: () => reject(new Error('no answer')) })
        })
        checked(JSON.stringify(result))
      })
      await wait(100 + this.#random() * 100)
    }
    await client.dispose()
  }

  async #keepWriting(writer: number): Promise<void> {
    const [customers = [], , jobs = []] = idsOf(this.#tools)
    for (let number = 0; !this.#isOver; number++) {
      const [name, id, field, value] =
        this.#random() < 0.5
          ? (['Customer', this.#pick(customers), 'phone', `+1556${writer}${String(number).padStart(6, '0')}`] as const)
          : (['Job', this.#pick(jobs), 'title', `written ${writer} ${number}`] as const)
      const mutation = `mutation { update${name}(input: { id: "${id}", ${field}: "${value}" }) { ${name.toLowerCase()} { id } } }`
      await this.#counted('mutation', async () => checked(await told(this.#url, mutation)))
      await wait(1_000 + this.#random() * 1_000)
    }
  }

  async #keepChanging(): Promise<void> {
    const { hubspot, stripe, asana } = this.#tools
    const [customers = [], orders = [], jobs = []] = idsOf(this.#tools)
    for (let number = 0; !this.#isOver; number++) {
      const share = this.#random()
      if (share < 0.3)
        hubspot.updateContact(this.#pick(customers), { phone: `+1555${String(number).padStart(7, '0')}` })
      else if (share < 0.65) stripe.updateInvoice(this.#pick(orders), { description: `change ${number}` })
      else asana.updateTask(this.#pick(jobs), { name: `change ${number}` })
      await wait(changeEveryMs)
    }
  }

  async #counted(what: string, work: () => Promise<void>): Promise<boolean> {
    this.requests += 1
    try {
      await work()
      return true
    } catch (error) {
      this.failed.push(`${what}: ${reasonOf(error)}`)
      return false
    }
  }

  #pick<T>(all: readonly T[]): T {
    const one = all[Math.floor(this.#random() * all.length)]
    if (one === undefined) throw new Error('expected something to choose from')
    return one
  }
}

async function told(url: string, query: string): Promise<string> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  })
  return response.text()
}

/** @throws Error for an answer with errors */
function checked(text: string): void {
  if (!answer.safeParse(JSON.parse(text)).success) throw new Error(text.slice(0, 300))
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error)
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : ''
  return `${error.message}${cause}`
}

function idsOf({ hubspot, stripe, asana }: Simulators): readonly (readonly string[])[] {
  return [
    hubspot.snapshot().contacts.map(({ id }) => id),
    stripe.snapshot().invoices.map(({ head }) => head.id),
    asana.snapshot().tasks.map(({ gid }) => gid),
  ]
}

/** What everyone who watches should have seen last. */
function valuesOf({ hubspot, stripe, asana }: Simulators): ReadonlyMap<string, string | null> {
  return new Map<string, string | null>([
    ...hubspot
      .snapshot()
      .contacts.map(({ id, properties }) => [`customerChanged ${id}`, properties['phone'] ?? null] as const),
    ...stripe.snapshot().invoices.map(({ head }) => [`orderChanged ${head.id}`, head.description ?? null] as const),
    ...asana.snapshot().tasks.map(({ gid, name }) => [`jobChanged ${gid}`, name] as const),
  ])
}

const entity = z.object({ value: z.string().nullable() })

function lastValue({ what, seen }: Watcher): string | null | undefined {
  const last = seen.at(-1)
  const field = watched.find(({ root }) => what.startsWith(root))?.field
  return field === undefined ? undefined : entity.safeParse(last?.[field]).data?.value
}

/** How often each reason came, for a person. */
export function reasons(failed: readonly string[]): readonly string[] {
  return [...tally(failed)].map(([reason, count]) => `${count} × ${reason}`)
}
