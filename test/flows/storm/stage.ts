import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { freePort } from '../../bench/stage.ts'
import { seedBusiness } from '../../simulators/core/business.ts'
import { startSimulators, type Simulators } from '../../simulators/start.ts'
import { toolsEnvironment } from '../environment.ts'
import { GatewayProcess } from '../gateway-process.ts'
import { ask } from './differences.ts'
import { NewsDesk, signed, type News } from './news.ts'

const longestMs = 15 * 60_000

const systemsAnswer = z.object({
  data: z.object({
    systems: z.array(z.object({ isImported: z.boolean(), dueEntries: z.number(), deadEntries: z.number() })),
  }),
})
type SystemState = z.infer<typeof systemsAnswer>['data']['systems'][number]

export interface StormStageOptions {
  /** A Postgres database, where two processes take what comes; the embedded store with one process when absent. */
  readonly databaseUrl?: string
  readonly sweepEverySeconds: number
}

/** Gateways as `npm start` runs them, and tools whose webhooks come to a desk, from where they are sent as it is wanted. */
export interface StormStage {
  readonly tools: Simulators
  readonly desk: NewsDesk
  readonly gateways: readonly GatewayProcess[]
  readonly first: GatewayProcess
  readonly storeUrl: string
  /** Sends it as vendors do, to whichever of the gateways, until it is answered. @returns the status */
  send(news: News, isForged: boolean, any: () => GatewayProcess): Promise<number>
  close(): Promise<void>
}

/** Everything is imported and connected. */
export async function openStormStage({ databaseUrl, sweepEverySeconds }: StormStageOptions): Promise<StormStage> {
  const folder = mkdtempSync(join(tmpdir(), 'livegraph-storm-'))
  const desk = new NewsDesk()
  const publicUrl = await desk.listen()
  const business = seedBusiness({ customers: 100, orders: 200, jobs: 150, now: new Date() })
  const tools = await startSimulators({ business, webhookBase: publicUrl, openDoor: true })
  const storeUrl = databaseUrl ?? `sqlite:${join(folder, 'graph.db')}`
  const environment = {
    ...toolsEnvironment(tools),
    STORE_URL: storeUrl,
    PUBLIC_URL: publicUrl,
    LOG_LEVEL: 'error',
    SWEEP_EVERY_SECONDS: String(sweepEverySeconds),
  }
  const first = new GatewayProcess(await freePort(), environment)
  const others = databaseUrl === undefined ? [] : [new GatewayProcess(await freePort(), environment)]
  const gateways = [first, ...others]
  const close = async (): Promise<void> => {
    await Promise.all(gateways.map(gateway => gateway.kill()))
    await tools.close()
    await desk.close()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await Promise.all(gateways.map(gateway => gateway.start()))
    await untilEach(first, one => one.isImported)
    desk.gatewayUrl = first.url
    await first.command('gateway/commands/connect.ts', 'asana')
  } catch (error) {
    await close()
    throw error
  }
  return {
    tools,
    desk,
    gateways,
    first,
    storeUrl,
    send: (news, isForged, any) => sendUntilAnswered({ any, tools, publicUrl, news, isForged }),
    close,
  }
}

interface Sending {
  readonly any: () => GatewayProcess
  readonly tools: Simulators
  readonly publicUrl: string
  readonly news: News
  readonly isForged: boolean
}

async function sendUntilAnswered({ any, tools, publicUrl, news, isForged }: Sending): Promise<number> {
  const startedAt = performance.now()
  for (;;) {
    const { path, headers } = signed(news, tools, publicUrl, isForged)
    const answered = await fetch(`${any().url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: news.body,
      signal: AbortSignal.timeout(10_000),
    }).then(
      async response => {
        await response.arrayBuffer()
        return response.status
      },
      () => 'nobody there' as const,
    )
    if (answered !== 'nobody there' && answered < 500) {
      if (!isForged && answered >= 300) throw new Error(`a genuine webhook of ${news.tool} was answered ${answered}`)
      return answered
    }
    if (performance.now() - startedAt > longestMs) throw new Error(`a webhook of ${news.tool} is never answered`)
    await wait(50)
  }
}

/** Resolves once it is so of every system. */
export async function untilEach(
  { url }: GatewayProcess,
  isMet: (system: SystemState) => boolean,
): Promise<readonly SystemState[]> {
  const startedAt = performance.now()
  for (;;) {
    const read = systemsAnswer.safeParse(
      await ask(url, '{ systems { isImported dueEntries deadEntries } }').catch(() => null),
    )
    if (read.success && read.data.data.systems.every(isMet)) return read.data.data.systems
    if (performance.now() - startedAt > longestMs) throw new Error(`not so after ${longestMs} ms: ${isMet.toString()}`)
    await wait(200)
  }
}
