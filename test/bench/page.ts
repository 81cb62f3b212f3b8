/**
 * A page of 50 customers with their latest three orders and their open jobs: vendor requests and time when nothing is
 * cached and when everything is, beside the time in which the tools themselves answered. Run: npx tsx test/bench/page.ts
 */
import { z } from 'zod'
import { isQuick, machineMs, median, short, sized, tell } from './figures.ts'
import { servedRequest, type ServedRequest } from './processes/messages.ts'
import { openStage } from './stage.ts'

const rounds = sized(10, 3)
const query = `query Page { customers(first: 50) { nodes { id name email
  orders(first: 3) { nodes { id number status total { amount currency } } }
  jobs(first: 10, filter: { isCompleted: false }) { nodes { id title status } } } pageInfo { hasNextPage endCursor } } }`

const page = z.object({
  data: z.object({
    customers: z.object({
      nodes: z.array(
        z.object({
          orders: z.object({ nodes: z.array(z.unknown()) }).nullable(),
          jobs: z.object({ nodes: z.array(z.unknown()) }).nullable(),
        }),
      ),
    }),
  }),
  errors: z.array(z.unknown()).default([]),
})

interface Reading {
  readonly ms: number
  readonly requests: readonly ServedRequest[]
  readonly orders: number
  readonly jobs: number
}

for (const limits of isQuick ? (['none'] as const) : (['none', 'vendor'] as const)) await run(limits)

async function run(limits: 'none' | 'vendor'): Promise<void> {
  const stage = await openStage({ limits })
  try {
    const read = async (): Promise<Reading> => {
      await stage.tools.ask({ ask: 'served' }, z.array(servedRequest))
      const began = machineMs()
      const answer = await fetch(`${stage.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      })
      const body: unknown = await answer.json()
      const ms = machineMs() - began
      const parsed = page.safeParse(body)
      if (!parsed.success || parsed.data.errors.length > 0) {
        const faults = parsed.success ? parsed.data.errors.slice(0, 2) : parsed.error.issues.slice(0, 2)
        throw new Error(`the page is not whole: ${JSON.stringify(faults)}`)
      }
      const { nodes } = parsed.data.data.customers
      return {
        ms,
        requests: await stage.tools.ask({ ask: 'served' }, z.array(servedRequest)),
        orders: nodes.reduce((sum, { orders }) => sum + (orders?.nodes.length ?? 0), 0),
        jobs: nodes.reduce((sum, { jobs }) => sum + (jobs?.nodes.length ?? 0), 0),
      }
    }
    // Vendors' budgets are spent by one cold reading; and the first one plans the query too.
    const colds: Reading[] = []
    const warms: Reading[] = []
    const isPaced = limits === 'vendor'
    for (let round = 0; round < (isPaced ? 2 : rounds); round += 1) {
      if (isPaced) await new Promise(resolve => setTimeout(resolve, 11_000))
      await stage.gateway.ask({ ask: 'evict' }, z.literal(true))
      colds.push(await read())
      for (let again = 0; again < 3; again += 1) warms.push(await read())
    }
    tellReadings(limits, colds.slice(1), warms)
  } finally {
    await stage.close()
  }
}

function tellReadings(limits: string, colds: readonly Reading[], warms: readonly Reading[]): void {
  const [cold] = colds
  if (cold === undefined) throw new Error('expected a cold reading')
  const coldMs = median(colds.map(({ ms }) => ms))
  const warmMs = median(warms.map(({ ms }) => ms))
  const toolsMs = median(colds.map(({ requests }) => requests.reduce((sum, one) => sum + one.toMs - one.fromMs, 0)))
  const spanMs = median(colds.map(({ requests }) => spanOf(requests)))
  const warmRequests = Math.max(...warms.map(({ requests }) => requests.length))
  const routes = new Map<string, number>()
  for (const { tool, route } of cold.requests) {
    const name = `${tool} ${route.replace(/(?<=\/)(in_|cus_|ii_|pm_|price_|prod_)?[\w]*\d[\w]*(?=\/|$)/g, ':id')}`
    routes.set(name, (routes.get(name) ?? 0) + 1)
  }
  tell(
    'page',
    [
      `limits ${limits}: 50 customers, ${cold.orders} orders, ${cold.jobs} open jobs: cold ${cold.requests.length} requests,`,
      `${short(coldMs)} ms (the tools' own answering ${short(toolsMs)} ms in sum, ${short(spanMs)} ms from first to last;`,
      `ratio to the sum ${short(coldMs / toolsMs)}); warm ${warmRequests} requests, ${short(warmMs)} ms`,
    ].join(' '),
  )
  for (const [route, count] of [...routes].toSorted((a, b) => b[1] - a[1])) console.log(`  ${count} x ${route}`)
}

function spanOf(requests: readonly ServedRequest[]): number {
  return Math.max(...requests.map(({ toMs }) => toMs)) - Math.min(...requests.map(({ fromMs }) => fromMs))
}
