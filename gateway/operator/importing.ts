import { setTimeout } from 'node:timers/promises'
import type { System } from '../../schema/systems.ts'
import type { CallContext, Clock, Importer, Log } from '../../subgraphs/contract.ts'
import { openContext } from '../graph/context.ts'
import { runImport } from '../links/import.ts'
import type { Runtime } from '../runtime.ts'
import { holdLease, type HeldLease } from '../store/leases.ts'
import { isOfTheseSettings, listProgress, type ImportProgress } from '../store/progress.ts'
import type { RunningSystem } from '../systems.ts'
import { takePlaces } from '../webhooks/sweep.ts'
import type { Tell } from './control.ts'
import type { SettingsCheck } from './settings-check.ts'
import { SystemWork, type WorkOnSystem } from './system-work.ts'

/** The imports of this process: one a system at a time, among all processes of the store. */
export interface Importing {
  /** Goes on with whatever was never finished. */
  start(): void
  isRunning(system: System): boolean
  /** Whether its last import here ended before its end, and was not interrupted. */
  isGivenUp(system: System): boolean
  /** Imports one system or all, and says how far it is. An import that is running already is waited for. */
  run(asked: ImportRequest): Promise<'done' | 'failed'>
  /** Resolves once every first import has ended, well or not. */
  ended(): Promise<void>
  /** Ends what is running; the next start goes on from there. */
  stop(): Promise<void>
}

export interface ImportRequest {
  /** Null for all. */
  readonly system: System | null
  /** Lists everything anew rather than going on. */
  readonly restart: boolean
  readonly tell: Tell
  readonly signal: AbortSignal
}

/** An import that is ours alone. */
interface OwnImport extends ImportRequest {
  readonly system: System
  readonly lease: HeldLease
}

/** How often is looked whether another process has ended its import. */
const lookAgainMs = 1000

/** How often progress is logged. */
const tellEveryMs = 2000

export function openImporting(
  runtime: Runtime,
  { settings, log, clock }: { readonly settings: SettingsCheck; readonly log: Log; readonly clock: Clock },
): Importing {
  const imports = new SystemWork(runtime.systems, 'an import', runtime.unplayed)
  const givenUp = new Set<System>()
  const stopping = new AbortController()
  let first: Promise<unknown> = Promise.resolve()

  return {
    start() {
      first = startUnfinished().catch((error: unknown) => log.error({ err: error }, 'the import cannot begin'))
    },
    isRunning: system => imports.isRunning(system),
    isGivenUp: system => givenUp.has(system),
    run: ({ system, restart, tell, signal }) => imports.run(system, tell, signal, inTurn(restart)),
    async ended() {
      await first
    },
    async stop() {
      stopping.abort()
      await Promise.allSettled([imports.stop(), first])
    },
  }

  async function startUnfinished(): Promise<void> {
    const progress = await runtime.store.read(db => listProgress(db))
    const unfinished = runtime.systems.filter(({ system, adapter }) =>
      adapter.importers.some(
        importer =>
          !ofKind(progress, system, importer).some(one => one.state === 'done' && isOfTheseSettings(one, importer)),
      ),
    )
    const finished = runtime.systems.filter(one => !unfinished.includes(one))
    await Promise.all([
      ...unfinished.map(one => imports.begin(one, () => undefined, null, inTurn(false))),
      // Settings may have changed since their import.
      ...finished.map(one => settings.look(one, callOf(stopping.signal))),
    ])
  }

  function callOf(signal: AbortSignal): CallContext {
    return { ...openContext(runtime.contexts, { priority: 'background' }).call, signal }
  }

  function inTurn(restart: boolean): WorkOnSystem<RunningSystem> {
    return ({ system }, tell, signal) => importInTurn(system, restart, tell, signal)
  }

  /** While another process imports the system, its end is waited for: then little or nothing is left to do. */
  async function importInTurn(system: System, restart: boolean, tell: Tell, signal: AbortSignal): Promise<boolean> {
    const { store, worker } = runtime
    let isOthers = false
    while (!signal.aborted) {
      const lease = await holdLease(store, `import ${system}`, worker)
      if (lease === null) {
        if (!isOthers) tell(`${system}: another process is importing it; this is how far it is.`)
        isOthers = true
        await setTimeout(lookAgainMs, undefined, { signal, ref: false }).catch(() => undefined)
        const { imported, isDone } = await progressOf(system)
        if (!isDone) tell(`${system}: ${imported} records`)
        continue
      }
      try {
        const isDone = await importSystem({ system, restart: restart && !isOthers, tell, signal, lease })
        if (!lease.lost.aborted) return isDone
        isOthers = true
      } finally {
        await lease.end()
      }
    }
    return false
  }

  async function progressOf(system: System): Promise<{ readonly imported: number; readonly isDone: boolean }> {
    const known = (await runtime.store.read(db => listProgress(db))).filter(one => one.system === system)
    return {
      imported: known.reduce((sum, one) => sum + one.imported, 0),
      isDone: known.every(({ state }) => state === 'done'),
    }
  }

  async function importSystem({ system, restart, tell, signal: asked, lease }: OwnImport): Promise<boolean> {
    const signal = AbortSignal.any([asked, lease.lost])
    const { store, catalogue, commits } = runtime
    const ofSystem = runtime.systems.filter(one => one.system === system)
    let toldAt = 0
    const startedAt = clock.now().getTime()
    log.info({ system }, 'the import begins')
    for (const one of ofSystem)
      for (const fault of await settings.look(one, callOf(signal))) tell(`${system}: a setting is wrong. ${fault}`)
    // What an interrupted listing has shown may have changed since: a place taken now would pass that over.
    const begun = (await store.read(db => listProgress(db))).filter(one => one.system === system)
    const isOther = ofSystem.some(({ adapter }) =>
      adapter.importers.some(importer =>
        ofKind(begun, system, importer).some(one => !isOfTheseSettings(one, importer)),
      ),
    )
    if (isOther) {
      tell(`${system}: it was imported with other settings or by an older version; everything is listed anew.`)
      log.info({ system }, 'it was imported with other settings or by an older version; everything is listed anew')
    }
    if (restart || isOther || begun.length === 0) {
      for (const { adapter } of ofSystem)
        await takePlaces({ store, system, sweepers: adapter.sweepers, log }, callOf(signal))
    }
    const outcomes = await runImport({
      store,
      catalogue,
      systems: ofSystem.map(({ role, kinds, adapter }) => ({ system, role, kinds, importers: adapter.importers })),
      call: callOf,
      log,
      clock,
      signal,
      restart,
      confirm: tx => lease.confirm(tx),
      onApplied: changes => commits.announce(changes),
      onProgress({ kind, imported, total, isDone }) {
        const now = clock.now().getTime()
        if (!isDone && now - toldAt < tellEveryMs) return
        toldAt = now
        const of = total === null ? '' : ` of ${total}`
        tell(`${system}: ${imported}${of} ${kind}s${isDone ? ', done' : ''}`)
        log.info(
          { system, kind, imported, ...(total === null ? {} : { total }) },
          isDone ? 'a kind of record is imported' : 'importing',
        )
      },
    })
    const isDone = outcomes.every(outcome => outcome.isDone)
    if (isDone || signal.aborted) givenUp.delete(system)
    else givenUp.add(system)
    const known = (await store.read(db => listProgress(db))).filter(one => one.system === system)
    const records = known.reduce((sum, one) => sum + one.imported, 0)
    if (isDone) tell(`${system}: everything is imported, ${records} records. --restart lists everything anew.`)
    else if (signal.aborted)
      tell(`${system}: interrupted after ${records} records; the next import goes on from there.`)
    else tell(`${system}: given up after ${records} records; the log says why.`)
    const ms = clock.now().getTime() - startedAt
    if (isDone) log.info({ system, ms }, 'the import is done')
    return isDone
  }
}

function ofKind(progress: readonly ImportProgress[], system: System, { kind }: Importer): readonly ImportProgress[] {
  return progress.filter(one => one.system === system && one.kind === kind)
}
