import { setTimeout as wait } from 'node:timers/promises'
import { seededRandom } from '../../simulators/core/random.ts'
import type { Simulators } from '../../simulators/start.ts'
import { ask, differencesOf } from './differences.ts'
import type { News } from './news.ts'
import { openStormStage, untilEach } from './stage.ts'

export interface AnyOrderOptions {
  /** Contacts, invoices and tasks, as 8 : 1 : 1. */
  readonly objects: number
  readonly seed: number
  /** A Postgres database, where two processes take what comes; the embedded store with one process when absent. */
  readonly databaseUrl?: string
  readonly tell?: (line: string) => void
}

export interface AnyOrderReport {
  readonly objects: number
  /** Of the objects, those that are no more. */
  readonly deleted: number
  /** Those that are part of another one. */
  readonly merged: number
  readonly deliveries: number
  /** What the graph answers and the tools hold otherwise. */
  readonly differences: readonly string[]
  /** Entries that nobody will work on any more. */
  readonly dead: number
  readonly seconds: number
}

/** What happens to one object, from its creation on. */
type Life = () => Promise<{
  readonly root: 'customer' | 'order' | 'job'
  readonly id: string
  /** The id it answers with in the end; null for none. */
  readonly becomes: string | null
}>

const senders = 16
/** The contact into which others are merged. */
const winner = '102'
const livesAtATime = 24

/** A webhook is sent after so many later ones at most: each object's come in any order, its end before its beginning too. */
const farthest = 400

/**
 * Objects are made, changed, several times within one moment, and deleted or merged, while their webhooks come in any order; no sweep
 * mends what they leave. What came of it.
 */
export async function runInAnyOrder(options: AnyOrderOptions): Promise<AnyOrderReport> {
  const { objects, seed, databaseUrl, tell = () => undefined } = options
  const startedAt = performance.now()
  const random = seededRandom(seed)
  const stage = await openStormStage({ databaseUrl, sweepEverySeconds: 0 })
  const { tools, desk, gateways, first } = stage
  try {
    const waiting: { readonly at: number; readonly news: News }[] = []
    let told = 0
    let sent = 0
    let isOver = false
    desk.onNews = news => {
      told += 1
      waiting.push({ at: told + random() * farthest, news })
    }
    const next = (): News | undefined => {
      waiting.sort((a, b) => a.at - b.at)
      const [one] = waiting
      return one !== undefined && (isOver || one.at <= told) ? waiting.shift()?.news : undefined
    }
    const send = async (): Promise<void> => {
      while (!isOver || waiting.length > 0) {
        const news = next()
        if (news === undefined) {
          await wait(5)
          continue
        }
        await stage.send(news, false, () => gateways[Math.floor(random() * gateways.length)] ?? first)
        sent += 1
        if (sent % 1000 === 0) tell(`${sent} webhooks sent`)
      }
    }
    const lives = Array.from({ length: objects }, (_, at) => lifeOf(tools, at, random))
    const ends: Awaited<ReturnType<Life>>[] = []
    const live = async (): Promise<void> => {
      for (let life = lives.shift(); life !== undefined; life = lives.shift()) ends.push(await life())
    }
    const sending = Array.from({ length: senders }, send)
    await Promise.all(Array.from({ length: livesAtATime }, live))
    await Promise.all([tools.hubspot.webhooks.idle(), tools.stripe.webhooks.idle(), tools.asana.webhooks.idle()])
    isOver = true
    await Promise.all(sending)
    tell(`all ${sent} webhooks are answered; waiting for what is due`)
    const systems = await untilEach(first, one => one.dueEntries === 0)
    const differences = [...(await differencesOf(first.url, tools))]
    for (const { root, id, becomes } of ends) {
      const answer = JSON.stringify(await ask(first.url, `{ found: ${root}(id: "${id}") { id } }`))
      const expected = JSON.stringify({ data: { found: becomes === null ? null : { id: becomes } } })
      if (answer !== expected) differences.push(`${root} ${id}: expected ${expected}, the graph says ${answer}`)
    }
    return {
      objects,
      deleted: ends.filter(({ becomes }) => becomes === null).length,
      merged: ends.filter(({ id, becomes }) => becomes !== null && becomes !== id).length,
      deliveries: sent,
      differences,
      dead: systems.reduce((sum, { deadEntries }) => sum + deadEntries, 0),
      seconds: (performance.now() - startedAt) / 1000,
    }
  } finally {
    await stage.close()
  }
}

function lifeOf({ hubspot, stripe, asana }: Simulators, number: number, random: () => number): Life {
  const share = number % 10
  const phone = (): string => `+1555${String(Math.floor(random() * 1e7)).padStart(7, '0')}`
  if (share < 8) {
    return async () => {
      const { id } = hubspot.createContact({ email: `any-order-${number}@example.org`, phone: phone() })
      const isMerged = random() < 0.4
      const isOver = await changes(
        () => hubspot.updateContact(id, { phone: phone() }),
        () => (isMerged ? hubspot.mergeContacts(winner, id) : hubspot.deleteContact(id)),
        random,
      )
      return { root: 'customer', id, becomes: !isOver ? id : isMerged ? winner : null }
    }
  }
  if (share === 8) {
    return async () => {
      const { id } = stripe.createInvoice({ customer: 'cus_9', description: 'made' })
      const isOver = await changes(
        () => stripe.updateInvoice(id, { description: `changed ${phone()}` }),
        () => stripe.deleteInvoice(id),
        random,
      )
      return { root: 'order', id, becomes: isOver ? null : id }
    }
  }
  return async () => {
    const { gid: id } = asana.createTask({ name: 'made' })
    const isOver = await changes(
      () => asana.updateTask(id, { name: `changed ${phone()}` }),
      () => asana.deleteTask(id),
      random,
    )
    return { root: 'job', id, becomes: isOver ? null : id }
  }
}

/** @returns whether it was deleted, or merged, in the end */
async function changes(change: () => unknown, end: () => unknown, random: () => number): Promise<boolean> {
  for (let left = Math.floor(random() * 4); left > 0; left -= 1) {
    // Every other one at the same moment as the one before.
    if (random() < 0.5) await wait(random() * 300)
    change()
  }
  if (random() < 0.6) return false
  if (random() < 0.5) await wait(random() * 300)
  end()
  return true
}
