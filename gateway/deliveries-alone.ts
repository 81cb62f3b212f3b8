import { registry } from '../subgraphs/registry.ts'
import { faultsText, readConfig, type GatewayConfig } from './config.ts'
import { openSecrets } from './connect.ts'
import type { Tell } from './control.ts'
import { answerDeliveries } from './deliveries-command.ts'
import type { DeliveriesRequest } from './deliveries-request.ts'
import { openDelivering } from './delivering.ts'
import { openProcessor } from './gateway.ts'
import { openLog } from './log.ts'
import { openRuntime } from './runtime.ts'
import { releaseDead, releaseLeases } from './store/deliveries.ts'

/**
 * Answers `npm run deliveries` when no gateway is running: what is to be worked on is worked on here. On a store that several
 * processes share it is left to them.
 */
export async function answerAlone(request: DeliveriesRequest, tell: Tell): Promise<'done' | 'failed'> {
  const read = readConfig(process.env, registry, { isExplorable: false, isTerminal: process.stdout.isTTY })
  if (!read.ok) {
    process.stderr.write(`${faultsText(read.faults)}\n`)
    return 'failed'
  }
  return answerWith(read.config, request, tell)
}

async function answerWith(config: GatewayConfig, request: DeliveriesRequest, tell: Tell): Promise<'done' | 'failed'> {
  const log = openLog(config.logLevel === 'info' ? 'warn' : config.logLevel, config.logFormat)
  const clock = { now: () => new Date() }
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort())
  process.once('SIGTERM', () => interrupted.abort())
  // Connections and timers of the road to a vendor keep no process alive.
  const alive = setInterval(() => undefined, 60_000)
  try {
    const runtime = await openRuntime(config, { log, clock, random: Math.random, child: fields => log.child(fields) })
    const { store } = runtime
    const processor = openProcessor(runtime, { random: Math.random, log })
    try {
      const isShared = store.signals !== null
      if (request.do === 'replay' && !request.dryRun && !isShared) {
        await releaseDead(store, store.clock.now())
        processor.start()
      }
      const delivering = openDelivering(runtime, { log, secrets: openSecrets(runtime, clock) })
      return await answerDeliveries(delivering, request, tell, interrupted.signal, { waits: !isShared })
    } finally {
      await processor.stop()
      await releaseLeases(store, runtime.worker, store.clock.now())
      await runtime.close()
    }
  } catch (error) {
    log.error({ err: error }, 'the deliveries cannot be looked at')
    return 'failed'
  } finally {
    clearInterval(alive)
  }
}
