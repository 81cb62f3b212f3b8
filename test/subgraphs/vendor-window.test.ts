import { request, createServer } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { allocate, goodForMs, type BudgetState } from '../../gateway/store/budgets.ts'
import { openVendorCalls } from '../../subgraphs/call.ts'
import type { CallContext, LimitPool, VendorCalls } from '../../subgraphs/contract.ts'
import type { SharedBudget } from '../../subgraphs/pace.ts'
import { VendorError } from '../../subgraphs/vendor-error.ts'

const limit = 25
const windowMs = 1000
const pools: readonly LimitPool[] = [{ name: 'account', limit, windowMs }]

const context: CallContext = { priority: 'query', signal: new AbortController().signal, spend: () => undefined }
const read = { name: 'read', cost: { account: 1 }, repeatable: true, kind: 'look-up' as const }

interface Vendor {
  readonly url: string
  refused(): number
  /** The most that arrived in any window. */
  most(): number
}

/** Counts in an exact sliding window, as requests arrive: each by another road, up to so much later than it was sent. */
async function startVendor({ lateMs, slowMs }: { lateMs: number; slowMs: number }): Promise<Vendor> {
  const arrivals: number[] = []
  let refused = 0
  const server = createServer((_, response) => {
    void (async () => {
      await setTimeout(Math.random() * lateMs)
      const now = performance.now()
      const isOver = arrivals.filter(at => at > now - windowMs).length >= limit
      if (isOver) refused += 1
      else arrivals.push(now)
      await setTimeout(Math.random() * slowMs)
      response.writeHead(isOver ? 429 : 200).end()
    })()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('expected a port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    refused: () => refused,
    most: () => Math.max(...arrivals.map(from => arrivals.filter(at => at >= from && at <= from + windowMs).length)),
  }
}

function openRoad(shared: SharedBudget | null): VendorCalls {
  const road = openVendorCalls({
    system: 'stripe',
    pools,
    toVendorError: error => (error instanceof Error ? error : new Error('no error')),
    isTls: false,
    shared,
    clock: { now: () => new Date() },
    random: Math.random,
    settings: { tryTimeoutMs: 10_000, totalTimeoutMs: 60_000, listTimeoutMs: 10_000, writeTimeoutMs: 10_000 },
  })
  onTestFinished(() => road.close())
  return road
}

function ask(road: VendorCalls, url: string): Promise<number> {
  return road.call(
    read,
    context,
    () =>
      new Promise((resolve, reject) => {
        request(url, { agent: road.agent }, response => {
          response.resume()
          response.once('end', () => {
            if (response.statusCode === 429) reject(new VendorError('stripe', 'rate-limited', 'refused'))
            else resolve(response.statusCode ?? 0)
          })
        })
          .once('error', reject)
          .end()
      }),
  )
}

test.each([
  { lateMs: 0, slowMs: 20 },
  { lateMs: 200, slowMs: 20 },
  { lateMs: 200, slowMs: 800 },
])('a vendor that counts what arrives up to $lateMs ms late, and takes $slowMs ms, refuses nothing', async how => {
  const vendor = await startVendor(how)
  const road = openRoad(null)
  const answers = await Promise.all(Array.from({ length: 120 }, () => ask(road, vendor.url)))
  expect(answers.every(status => status === 200)).toBe(true)
  expect([vendor.refused(), vendor.most() <= limit]).toEqual([0, true])
  // It is a limit and not a standstill.
  expect(vendor.most()).toBeGreaterThan(limit * 0.6)
})

test('three processes that share the account are refused nothing either', async () => {
  const vendor = await startVendor({ lateMs: 200, slowMs: 50 })
  let states: ReadonlyMap<string, BudgetState> = new Map()
  const sharedOf = (worker: string): SharedBudget => ({
    goodForMs: () => goodForMs(pools),
    async take(asks) {
      await setTimeout(Math.random() * 20)
      const done = allocate(pools, states, asks, { worker, now: Date.now() })
      states = done.states
      await setTimeout(Math.random() * 20)
      return done.answer
    },
    block: () => Promise.resolve(),
  })
  const roads = ['one', 'two', 'three'].map(worker => openRoad(sharedOf(worker)))
  await Promise.all(roads.flatMap(road => Array.from({ length: 30 }, () => ask(road, vendor.url))))
  expect([vendor.refused(), vendor.most() <= limit]).toEqual([0, true])
})
