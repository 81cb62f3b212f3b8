import { existsSync } from 'node:fs'
import type { Clock, Log } from '../../subgraphs/contract.ts'
import type { GatewayConfig } from '../config.ts'
import { askControl, controlPath, type ControlRequest, type Tell } from '../operator/control.ts'
import type { Runtime } from '../runtime.ts'
import { fileOf } from '../store/open.ts'
import { storeName } from '../store/store-name.ts'

/** What a command that works by itself stands on. */
export interface Alone {
  readonly config: GatewayConfig
  readonly runtime: Runtime
  readonly log: Log
  readonly clock: Clock
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
}

// Whoever reads our lines may have had enough of them, like `head`.
process.stdout.on('error', (error: Error) => {
  if (!('code' in error) || error.code !== 'EPIPE') throw error
  process.exit()
})

/** Writes a line for whoever typed the command. */
export const tell: Tell = line => void process.stdout.write(`${line}\n`)

/**
 * Has the running process do what a command asks.
 * @returns `none` when none runs; `shared` when the store is one that others may open beside it, so that nobody needs to be asked
 */
export async function askRunning(asked: ControlRequest): Promise<'done' | 'failed' | 'none' | 'shared'> {
  if (existsSync('.env')) process.loadEnvFile('.env')
  const path = controlPath(storeUrl())
  return path === null ? 'shared' : ((await askControl(path, asked, tell)) ?? 'none')
}

const storeUrl = (): string => process.env['STORE_URL'] ?? 'sqlite:.data/graph.db'

/** What a command says that only a running gateway can do. */
export function noGateway(): string {
  return `No gateway is running on ${storeName(storeUrl())}: start it first (npm start), then try again.`
}

/** @returns why there is nothing to look at: a store that opening it would only make */
export function missingStore(): string | null {
  const file = fileOf(storeUrl())
  if (file === null || existsSync(file)) return null
  return `There is no store at ${storeName(storeUrl())}: check STORE_URL, or start the gateway once (npm start).`
}

/**
 * Does a command's work in this process. Ctrl-C interrupts it. What that stands on is loaded only now: whoever asks the running
 * process is answered sooner.
 * @param failed what could not be done, for the log: `the import cannot run`
 */
export async function workAlone(
  failed: string,
  work: (alone: Alone) => Promise<'done' | 'failed'>,
): Promise<'done' | 'failed'> {
  const [{ registry }, { faultsText, readConfig }, { openLog }, { openRuntime }] = await Promise.all([
    import('../../subgraphs/registry.ts'),
    import('../config.ts'),
    import('../log.ts'),
    import('../runtime.ts'),
  ])
  const read = readConfig(process.env, registry, { isExplorable: false, isTerminal: process.stdout.isTTY })
  if (!read.ok) {
    process.stderr.write(`${faultsText(read.faults)}\n`)
    return 'failed'
  }
  const { config } = read
  // Its progress is told; a log of the same on the same stream would say it twice.
  const log = openLog(config.logLevel === 'info' ? 'warn' : config.logLevel, config.logFormat, 'stderr')
  const clock = { now: () => new Date() }
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort())
  process.once('SIGTERM', () => interrupted.abort())
  // Connections and timers of the road to a vendor keep no process alive, not even while work waits for its turn.
  const alive = setInterval(() => undefined, 60_000)
  try {
    const runtime = await openRuntime(config, { log, clock, random: Math.random, child: fields => log.child(fields) })
    try {
      return await work({ config, runtime, log, clock: runtime.store.clock, signal: interrupted.signal })
    } finally {
      await runtime.close()
    }
  } catch (error) {
    log.error(`${failed}: ${error instanceof Error ? error.message : 'for a reason it does not say'}`)
    log.debug({ err: error }, 'where it failed')
    return 'failed'
  } finally {
    clearInterval(alive)
  }
}
