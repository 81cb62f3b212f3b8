import { setTimeout as wait } from 'node:timers/promises'
import { createClient, type Client } from 'graphql-ws'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { machineMs, percentile } from '../figures.ts'
import { answerParent, changeIn, poll, sentWebhook, watch, type Latencies, type SentWebhook } from './messages.ts'

/** Subscribers, each with a socket of its own, and people who ask again and again; they write down when they saw which change. */
const subscription = `subscription Watch($id: ID!) { customerChanged(id: $id) { change { kind fields system cursor }
  customer { id phone orders(first: 1) { nodes { id } } } } }`

const frame = z.object({
  customerChanged: z.object({
    change: z.object({ kind: z.string() }),
    customer: z.object({ phone: z.string().nullish() }),
  }),
})

const polled = z.object({ data: z.object({ customer: z.object({ phone: z.string().nullish() }) }) })

interface Watcher {
  readonly customer: string
  readonly seen: { readonly change: number; readonly atMs: number }[]
}

let clients: Client[] = []
let watchers: Watcher[] = []
let polling: Promise<void>[] = []
let isLeaving = false

const ask = z.discriminatedUnion('ask', [
  watch,
  poll,
  z.object({ ask: z.literal('seen'), sent: z.array(sentWebhook) }),
  z.object({ ask: z.literal('leave') }),
])

answerParent(async what => {
  const asked = ask.parse(what)
  switch (asked.ask) {
    case 'watch':
      return begin(asked.url, asked.customers)
    case 'poll':
      isLeaving = false
      polling = asked.customers.map(customer => askAgain(asked.url, customer, asked.pauseMs))
      return true
    case 'seen':
      return latenciesOf(asked.sent)
    case 'leave':
      return leave()
  }
}, leave)

/** Resolves once everyone has the first frame. */
async function begin(url: string, customers: readonly string[]): Promise<true> {
  const queue = [...customers]
  await Promise.all(
    Array.from({ length: 50 }, async () => {
      for (let customer = queue.shift(); customer !== undefined; customer = queue.shift()) await one(url, customer)
    }),
  )
  return true
}

function one(url: string, customer: string): Promise<void> {
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
  })
  const watcher: Watcher = { customer, seen: [] }
  clients.push(client)
  watchers.push(watcher)
  return new Promise((resolve, reject) => {
    const fail = (reason: unknown): void => {
      reject(new Error(`a subscription ended: ${reason instanceof Error ? reason.message : JSON.stringify(reason)}`))
    }
    client.subscribe(
      { query: subscription, variables: { id: customer } },
      {
        next({ data }) {
          const atMs = machineMs()
          const { customerChanged } = frame.parse(data)
          watcher.seen.push({ change: changeIn(customerChanged.customer.phone), atMs })
          resolve()
        },
        error: fail,
        complete: () => undefined,
      },
    )
  })
}

async function askAgain(url: string, customer: string, pauseMs: number): Promise<void> {
  const watcher: Watcher = { customer, seen: [] }
  watchers.push(watcher)
  const body = JSON.stringify({ query: `{ customer(id: "${customer}") { phone } }` })
  while (!isLeaving) {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    // An answer with an error instead is no fresh one; the next may be.
    const { data } = polled.safeParse(await response.json())
    const change = changeIn(data?.data.customer.phone)
    if (data !== undefined && change !== watcher.seen.at(-1)?.change) watcher.seen.push({ change, atMs: machineMs() })
    await wait(pauseMs)
  }
}

/** From the request to the first frame that shows this change, or a later one of the same customer. */
function latenciesOf(sent: readonly SentWebhook[]): Latencies {
  const waits: number[] = []
  let missing = 0
  let frames = 0
  const byCustomer = new Map<string, SentWebhook[]>()
  for (const one of sent) byCustomer.set(one.customer, [...(byCustomer.get(one.customer) ?? []), one])
  for (const { customer, seen } of watchers) {
    const changes = byCustomer.get(customer) ?? []
    const first = changes.at(0)?.change ?? Infinity
    const own = seen.filter(({ change }) => change >= first)
    frames += own.length
    let at = 0
    for (const { change, atMs } of changes) {
      while ((own[at]?.change ?? Infinity) < change) at += 1
      const found = own[at]
      if (found === undefined) missing += 1
      else waits.push(found.atMs - atMs)
    }
  }
  return {
    count: waits.length,
    missing,
    frames,
    p50: percentile(waits, 0.5),
    p99: percentile(waits, 0.99),
    most: percentile(waits, 1),
  }
}

async function leave(): Promise<void> {
  isLeaving = true
  await Promise.all(polling)
  polling = []
  for (const client of clients) await client.dispose()
  clients = []
  watchers = []
}
