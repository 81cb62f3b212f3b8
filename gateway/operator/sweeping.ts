import type { System } from '../../schema/systems.ts'
import type { Clock, Log } from '../../subgraphs/contract.ts'
import { openContext } from '../graph/context.ts'
import type { Runtime } from '../runtime.ts'
import { listProgress, type ImportProgress } from '../store/progress.ts'
import { holdLease } from '../store/leases.ts'
import { beginSweep, endSweep } from '../store/sweeps.ts'
import type { RunningSystem } from '../systems.ts'
import type { DeliveryProcessor } from '../webhooks/process.ts'
import { runSweep } from '../webhooks/sweep.ts'
import type { Tell } from './control.ts'
import type { Importing } from './importing.ts'
import type { SettingsCheck } from './settings-check.ts'
import { SystemWork } from './system-work.ts'
import type { WebhooksCheck } from './webhooks-check.ts'

/** The sweeps of this process: one a system at a time. */
export interface Sweeping {
  /** Sweeps on the schedule, the first time soon: webhooks may have been missed while nobody was here. */
  start(): void
  /** Sweeps one system or all, and says how far it is. A sweep that is running already is waited for. */
  run(asked: SweepRequest): Promise<'done' | 'failed'>
  /** Ends what is running; the next sweep goes on from there. */
  stop(): Promise<void>
}

export interface SweepRequest {
  /** Null for all. */
  readonly system: System | null
  readonly tell: Tell
  readonly signal: AbortSignal
}

export interface SweepingPorts {
  readonly importing: Importing
  readonly settings: SettingsCheck
  readonly processor: Pick<DeliveryProcessor, 'work'>
  /** How long this process may hold what it found. */
  readonly leaseMs: number
  /** Null for never. */
  readonly everyMs: number | null
  readonly webhooks: WebhooksCheck
  readonly log: Log
  readonly clock: Clock
}

/** After a start, once webhooks that waited for us have come. */
const firstAfterMs = 10_000

/** How often progress is told. */
const tellEveryMs = 2000

/** The first sweep begins a little before the import did: clocks differ. */
const beforeImportMs = 2 * 60_000

export function openSweeping(runtime: Runtime, ports: SweepingPorts): Sweeping {
  const { importing, everyMs, log, clock } = ports
  const sweeps = new SystemWork(runtime.systems, 'a sweep', runtime.unplayed)
  const timers = new Set<NodeJS.Timeout>()
  let isStopped = false

  return {
    start() {
      if (everyMs === null) return
      for (const one of runtime.systems) schedule(one, Math.min(everyMs, firstAfterMs), everyMs)
    },
    run: ({ system, tell, signal }) => sweeps.run(system, tell, signal, sweepInTurn),
    async stop() {
      isStopped = true
      for (const timer of timers) clearTimeout(timer)
      await sweeps.stop()
    },
  }

  function schedule(one: RunningSystem, afterMs: number, nextMs: number): void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      void sweeps
        .begin(one, () => undefined, null, sweepInTurn)
        .then(() => {
          if (!isStopped) schedule(one, nextMs, nextMs)
        })
    }, afterMs).unref()
    timers.add(timer)
  }

  /** One process at a time sweeps a system: what others find is found for all. */
  async function sweepInTurn(one: RunningSystem, tell: Tell, signal: AbortSignal): Promise<boolean> {
    try {
      const lease = await holdLease(runtime.store, `sweep ${one.system}`, runtime.worker)
      if (lease === null) {
        tell(`${one.system}: another process is sweeping it.`)
        return true
      }
      try {
        return await sweepSystem(one, tell, AbortSignal.any([signal, lease.lost]))
      } finally {
        await lease.end()
      }
    } catch (error) {
      log.warn({ system: one.system, err: error }, 'a sweep cannot begin; the next one is tried in its time')
      return false
    }
  }

  async function sweepSystem(one: RunningSystem, tell: Tell, signal: AbortSignal): Promise<boolean> {
    const { store, traces } = runtime
    const { system, adapter } = one
    try {
      const since = await importBegan(one)
      if (since === null) {
        tell(`${system}: it is not imported yet, and the import reads everything; sweep it afterwards.`)
        return false
      }
      await beginSweep(store, system, clock.now())
      tell(`${system}: asking what changed`)
      let toldAt = clock.now().getTime()
      const swept = await runSweep({
        store,
        system,
        sweepers: adapter.sweepers,
        since: new Date(since.getTime() - beforeImportMs),
        call: ending => callOf(ending),
        worker: runtime.worker,
        leaseMs: ports.leaseMs,
        work(entries) {
          traces.found(entries)
          return ports.processor.work(entries)
        },
        listAnew: begunAt => listAnew(one, begunAt, tell, signal),
        clock,
        log,
        signal,
        onStep({ feed, seen, missed }) {
          const now = clock.now().getTime()
          if (now - toldAt < tellEveryMs) return
          toldAt = now
          tell(`${system}: in ${feed}, ${seen} looked at, ${missed} missed by webhooks`)
        },
      })
      await ports.webhooks.look(one, callOf(signal), tell)
      for (const fault of await ports.settings.look(one, callOf(signal)))
        tell(`${system}: a setting is wrong. ${fault}`)
      await endSweep(store, system, clock.now(), null)
      tell(`${system}: swept, ${swept.seen} looked at, ${swept.missed} missed by webhooks`)
      log.info({ system, seen: swept.seen, missed: swept.missed }, 'a sweep is done')
      return true
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown fault'
      if (signal.aborted) {
        tell(`${system}: interrupted; the next sweep goes on from there.`)
      } else {
        tell(`${system}: given up (${reason}); the next sweep goes on from there.`)
        log.error({ system, err: error }, 'a sweep was given up; the next one goes on from there')
      }
      await endSweep(store, system, clock.now(), signal.aborted ? 'It was interrupted.' : reason).catch(
        (fault: unknown) => log.warn({ system, err: fault }, 'how the sweep ended could not be written down'),
      )
      return false
    }
  }

  function callOf(signal: AbortSignal) {
    return { ...openContext(runtime.contexts, { priority: 'background' }).call, signal }
  }

  /** When the last import of all its records began; null while one is not at its end. */
  async function importBegan(one: RunningSystem): Promise<Date | null> {
    const progress = await progressOf(one)
    if (progress.length < one.adapter.importers.length || progress.some(({ completedAt }) => completedAt === null))
      return null
    return new Date(Math.min(...progress.map(({ startedAt }) => startedAt.getTime())))
  }

  async function progressOf({ system, adapter }: RunningSystem): Promise<readonly ImportProgress[]> {
    const kinds = new Set(adapter.importers.map(({ kind }) => kind))
    const progress = await runtime.store.read(db => listProgress(db))
    return progress.filter(one => one.system === system && kinds.has(one.kind))
  }

  async function listAnew(one: RunningSystem, begunAt: Date, tell: Tell, signal: AbortSignal): Promise<boolean> {
    // Twice: a listing that is under way may have begun too early.
    for (let tries = 0; tries < 2; tries++) {
      const progress = await progressOf(one)
      const isFresh = progress.every(({ startedAt }) => startedAt >= begunAt)
      if (isFresh && progress.every(({ state }) => state === 'done')) return true
      const ended = await importing.run({ system: one.system, restart: !isFresh, tell, signal })
      if (ended === 'failed') return false
    }
    const progress = await progressOf(one)
    return progress.every(({ startedAt, state }) => startedAt >= begunAt && state === 'done')
  }
}
