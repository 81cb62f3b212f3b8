import { setTimeout as wait } from 'node:timers/promises'
import { seededRandom } from '../../simulators/core/random.ts'
import type { Simulators } from '../../simulators/start.ts'
import type { GatewayProcess } from '../gateway-process.ts'
import { differencesOf } from './differences.ts'
import { keptIn, tally } from './kept.ts'
import { forged, type News } from './news.ts'
import { orderOwners, ownerDifferences } from './order-owners.ts'
import { openStormStage, untilEach } from './stage.ts'

export interface StormOptions {
  /** Requests in all: 75 % genuine ones, 20 % of them again, 5 % forged; one in ten of the genuine comes late. */
  readonly deliveries: number
  /** How often a process is killed with SIGKILL, at random moments. */
  readonly kills: number
  readonly seed: number
  /** A Postgres database, where two processes take what comes; the embedded store with one process when absent. */
  readonly databaseUrl?: string
  readonly tell?: (line: string) => void
}

export interface StormReport {
  readonly acknowledged: number
  readonly kills: number
  /** Entries of genuine requests that were acknowledged and are not in the store, or not done. */
  readonly lost: number
  /** Entries, or Changes of a record beyond what its tool told of, or Changes that tell of the same. */
  readonly doubled: number
  /** Forged requests that were not refused, or left something behind. */
  readonly forged: number
  /** What the graph answers and the tools hold otherwise. */
  readonly differences: readonly string[]
  /** Entries that are not done, and Changes that are there twice, in words. */
  readonly oddities: readonly string[]
  readonly seconds: number
}

/** One request. */
interface Delivery {
  readonly news: News
  readonly kind: 'genuine' | 'again' | 'forged'
}

const senders = 32
/** Changes are made while so many requests wait at most: what is told of happens while others are worked on. */
const mostWaiting = 200

/**
 * A storm of webhooks on a gateway that is killed again and again while it sweeps every two seconds, and what came of it. The
 * tools make the webhooks; each is sent until it is answered, as vendors do.
 */
export async function runStorm(options: StormOptions): Promise<StormReport> {
  const { deliveries, kills, seed, databaseUrl, tell = () => undefined } = options
  const startedAt = performance.now()
  const random = seededRandom(seed)
  const stage = await openStormStage({ databaseUrl, sweepEverySeconds: 2 })
  const { tools, desk, gateways, first, storeUrl } = stage
  const any = (): GatewayProcess => gateways[Math.floor(random() * gateways.length)] ?? first
  try {
    const before = await atRest(gateways, () => keptIn(storeUrl))
    const owners = await orderOwners(first.url)

    const queue = new StormQueue(Math.round(deliveries * 0.75), random)
    desk.onNews = news => queue.add(news)
    const outcome = { acknowledged: 0, forgedTaken: 0, answered: 0, killed: 0 }
    const send = async (): Promise<void> => {
      for (;;) {
        const delivery = queue.next()
        if (delivery === 'none left') return
        if (delivery === 'none yet') {
          await wait(2)
          continue
        }
        const isForged = delivery.kind === 'forged'
        const status = await stage.send(delivery.news, isForged, any)
        outcome.answered += 1
        if (isForged) outcome.forgedTaken += status === 401 ? 0 : 1
        else outcome.acknowledged += 1
      }
    }
    const killAt = Array.from({ length: kills }, () => Math.floor(random() * deliveries)).sort((a, b) => a - b)
    const kill = async (): Promise<void> => {
      for (const at of killAt) {
        while (outcome.answered < at && !queue.isOver) await wait(5)
        await wait(Math.floor(random() * 200))
        const gateway = any()
        await gateway.kill()
        await gateway.start()
        outcome.killed += 1
        tell(`${outcome.answered} of ${deliveries} answered, killed ${outcome.killed} times`)
      }
    }
    await Promise.all([kill(), makeChanges(tools, queue, random), ...Array.from({ length: senders }, send)])
    tell('everything is answered; waiting for what is due')
    await untilEach(first, one => one.dueEntries === 0)
    const differences = [
      ...(await differencesOf(first.url, tools)),
      ...(await ownerDifferences(first.url, tools, owners)),
    ]
    const kept = await atRest(gateways, () => keptIn(storeUrl, before.newest))
    const told = tally(queue.genuine.flatMap(({ tool, records }) => records.map(record => `${tool}:${record}`)))
    const entries = queue.genuine.reduce((sum, news) => sum + news.entries, 0)
    const beyond = [...kept.changes].flatMap(([record, count]) => {
      const more = count - (told.get(record) ?? 0)
      return more > 0 ? [`${record}: ${count} Changes, told of ${told.get(record) ?? 0}`] : []
    })
    return {
      acknowledged: outcome.acknowledged,
      kills: outcome.killed,
      lost: Math.max(0, entries - kept.done),
      doubled: Math.max(0, kept.entries - entries) + beyond.length + kept.twins.length,
      forged: outcome.forgedTaken,
      differences,
      oddities: [...kept.unfinished, ...beyond, ...kept.twins],
      seconds: (performance.now() - startedAt) / 1000,
    }
  } finally {
    await stage.close()
  }
}

/** What is to be sent, in its order: as told of, but for what comes late, again, or from a forger. */
class StormQueue {
  readonly genuine: News[] = []
  readonly #wanted: number
  readonly #random: () => number
  /** By the number of genuine ones after which they are sent. */
  #held: { readonly at: number; readonly delivery: Delivery }[] = []
  #ready: Delivery[] = []
  #forged = 0

  constructor(wanted: number, random: () => number) {
    this.#wanted = wanted
    this.#random = random
  }

  get isComplete(): boolean {
    return this.genuine.length >= this.#wanted
  }

  get isOver(): boolean {
    return this.isComplete && this.waiting === 0
  }

  get waiting(): number {
    return this.#ready.length + this.#held.length
  }

  add(news: News): void {
    const random = this.#random
    this.genuine.push(news)
    const told = this.genuine.length
    const at = told + (random() < 0.1 ? random() * 100 : 0)
    this.#held.push({ at, delivery: { news, kind: 'genuine' } })
    // Shares of all requests: four genuine ones of fifteen come again, one of fifteen is forged.
    if (random() < 4 / 15) this.#held.push({ at: at + random() * 500, delivery: { news, kind: 'again' } })
    if (random() < 1 / 15) {
      this.#forged += 1
      this.#held.push({ at: told, delivery: { news: forged(news, this.#forged), kind: 'forged' } })
    }
    this.#release()
  }

  next(): Delivery | 'none yet' | 'none left' {
    const next = this.#ready.shift()
    if (next !== undefined) return next
    if (!this.isComplete) return 'none yet'
    this.#release()
    return this.#ready.shift() ?? 'none left'
  }

  #release(): void {
    const isDue = ({ at }: { readonly at: number }): boolean => this.isComplete || at <= this.genuine.length
    const due = this.#held.filter(isDue).sort((a, b) => a.at - b.at)
    this.#held = this.#held.filter(one => !isDue(one))
    this.#ready.push(...due.map(({ delivery }) => delivery))
  }
}

/** Until as many webhooks were made as are wanted. Their budgets are unlike: HubSpot reads a hundred records at once. */
async function makeChanges(
  { hubspot, stripe, asana }: Simulators,
  queue: StormQueue,
  random: () => number,
): Promise<void> {
  const pick = <T>(all: readonly T[]): T => {
    const one = all[Math.floor(random() * all.length)]
    if (one === undefined) throw new Error('expected records among the seeds')
    return one
  }
  const contacts = hubspot.snapshot().contacts.map(({ id }) => id)
  // Of one contact one field is edited: a late word of one field, with another one's in between, is told once more.
  const written = contacts.filter((_, index) => index % 8 === 0)
  const called = contacts.filter((_, index) => index % 8 !== 0)
  const payers = stripe.snapshot().customers.map(({ id }) => id)
  const invoices = stripe.snapshot().invoices.map(({ head }) => head.id)
  const tasks = asana.snapshot().tasks.map(({ gid }) => gid)
  const twice: string[] = []
  for (let at = 0; !queue.isComplete; at += 1) {
    const share = random()
    if (share < 0.02) twice.push(hubspot.createContact({ email: `twice-${at}@example.org` }).id)
    else if (share < 0.04 && twice.length > 1)
      hubspot.mergeContacts(pick([...contacts, ...twice.slice(1)]), twice.shift() ?? '')
    else if (share < 0.84) hubspot.updateContact(pick(called), { phone: `+1555${String(at).padStart(7, '0')}` })
    else if (share < 0.87) hubspot.updateContact(pick(written), { email: `storm-${at}@example.org` })
    // To an address of its own, or one that is a contact's.
    else if (share < 0.9)
      stripe.updateCustomer(pick(payers), {
        email: at % 2 === 0 ? `payer-${at}@example.org` : (hubspot.contact(pick(contacts))?.properties['email'] ?? ''),
      })
    else if (share < 0.95) stripe.updateInvoice(pick(invoices), { description: `storm ${at}` })
    else asana.updateTask(pick(tasks), { name: `storm ${at}` })
    // A moment of its own for each: HubSpot and Asana tell two changes of one record apart by it, and timers are early.
    for (const moment = Date.now(); Date.now() === moment;) await wait(1)
    while (queue.waiting > mostWaiting) await wait(2)
  }
}

/** The embedded store lets in one process at a time, and what is counted must not change meanwhile. */
async function atRest<T>(gateways: readonly GatewayProcess[], work: () => Promise<T>): Promise<T> {
  await Promise.all(gateways.map(gateway => gateway.kill('SIGTERM')))
  const result = await work()
  await Promise.all(gateways.map(gateway => gateway.start()))
  return result
}
