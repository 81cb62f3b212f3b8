import { setTimeout } from 'node:timers/promises'
import type { Change } from '../../schema/change.ts'
import type { System } from '../../schema/systems.ts'
import type { CallContext, Clock, Importer, ImportPage, Log } from '../../subgraphs/contract.ts'
import { VendorError } from '../../subgraphs/vendor-error.ts'
import { applyObservations } from '../changes/apply.ts'
import { applyName } from '../changes/rename.ts'
import {
  isOfTheseSettings,
  listingSettings,
  readProgress,
  writeProgress,
  type ImportProgress,
} from '../store/progress.ts'
import { StoreError, type Store, type StoreReader } from '../store/store.ts'
import type { Catalogue, CatalogueEntry } from './catalogue.ts'
import { shownOtherwise } from './mentions.ts'
import { deleteUnseen } from './unseen.ts'

export interface ImportSystem extends CatalogueEntry {
  /** In their order: parents first. */
  readonly importers: readonly Importer[]
}

export interface ImportOptions {
  readonly store: Store
  readonly catalogue: Catalogue
  readonly systems: readonly ImportSystem[]
  /** Opens the context of one vendor call; it must end with the signal. */
  readonly call: (signal: AbortSignal) => CallContext
  readonly log: Log
  readonly clock: Clock
  /** Aborting ends the import after the page in hand; the next import goes on from there. */
  readonly signal: AbortSignal
  /** Begins every kind anew, also those that are done. */
  readonly restart?: boolean
  /** Asked in each transaction that writes how far it is; rejects when the import is another process's by now. */
  readonly confirm?: (tx: StoreReader) => Promise<void>
  /** Told after each commit that appended Changes. */
  readonly onApplied: (changes: readonly Change[]) => void
  /** Told after each page. */
  readonly onProgress: (step: ImportStep) => void
  /** Waits; rejects or resolves when the signal ends it. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

export interface ImportStep {
  readonly system: System
  readonly kind: string
  /** Records of the kind read so far. */
  readonly imported: number
  readonly total: number | null
  readonly isDone: boolean
}

export interface ImportOutcome {
  readonly system: System
  /** False when it was aborted, or the system refused; the log says why. */
  readonly isDone: boolean
}

/** First and longest pause after a fault that says nothing of how long to wait. */
const firstPauseMs = 1_000
const longestPauseMs = 60_000

/**
 * Reads every record of the given systems once: systems side by side, the kinds of one in order, page by page. A page and
 * how far it brings us are one transaction, so an import that was ended anyhow goes on where it was. Kinds that are done
 * are left alone, unless they were imported with other settings. What a finished listing has not shown is deleted.
 * A passing fault is waited out. A system that refuses us is left, with a line in the log; the others go on.
 */
export function runImport(options: ImportOptions): Promise<readonly ImportOutcome[]> {
  return Promise.all(
    options.systems.map(async system => ({ system: system.system, isDone: await importSystem(options, system) })),
  )
}

async function importSystem(options: ImportOptions, { system, importers }: ImportSystem): Promise<boolean> {
  const { log, signal } = options
  try {
    // All kinds at once: an import begun anew that is ended in its first kind must not forget the others.
    await untilGiven(options, system, 'store', () => begin(options, system, importers))
    for (const importer of importers) await importKind(options, system, importer)
    return true
  } catch (error) {
    if (signal.aborted) return false
    if (error instanceof VendorError) {
      const reason = { system, kind: error.kind, reason: error.message }
      log.error(reason, 'the import was given up: the system refuses it. Mend the cause and start the import again')
    } else {
      log.error({ system, err: error }, 'the import was given up')
    }
    return false
  }
}

async function begin(
  { store, clock, restart, confirm }: ImportOptions,
  system: System,
  importers: readonly Importer[],
) {
  await store.write(async tx => {
    await confirm?.(tx)
    for (const importer of importers) {
      const { kind } = importer
      const settings = listingSettings(importer)
      const known = await readProgress(tx, system, kind)
      if (known !== null && restart !== true && isOfTheseSettings(known, importer)) continue
      const now = clock.now()
      await writeProgress(tx, {
        system,
        kind,
        run: (known?.run ?? 0) + 1,
        settings,
        state: 'running',
        cursor: null,
        imported: 0,
        total: null,
        startedAt: now,
        updatedAt: now,
        completedAt: known?.completedAt ?? null,
      })
    }
  })
}

async function importKind(options: ImportOptions, system: System, importer: Importer): Promise<void> {
  const { store, catalogue, clock, signal, onApplied, onProgress } = options
  const { kind } = importer
  const known = await untilGiven(options, system, kind, () => store.read(db => readProgress(db, system, kind)))
  if (known === null || known.state === 'done') return
  let progress = known
  for (;;) {
    signal.throwIfAborted()
    const page = await untilGiven(options, system, kind, () => importer.list(progress.cursor, options.call(signal)))
    signal.throwIfAborted()
    const imported = progress.imported + page.observed.length
    const step = { system, kind, imported, total: page.total ?? progress.total }
    // The last page moves nothing: ended before the end is written, it is read again and costs a page.
    const reached: ImportProgress =
      page.next === null ? progress : { ...progress, cursor: page.next, imported, total: step.total }
    // Before the place behind them is written: ended here, they are listed again.
    await renameShown(options, system, kind, page)
    const changes = await untilGiven(options, system, kind, () => applyPage(options, page, reached))
    if (changes.length > 0) onApplied(changes)
    progress = reached
    if (page.next === null) {
      await untilGiven(options, system, kind, () => deleteUnseen(store, catalogue, reached, clock, signal, onApplied))
      const now = clock.now()
      await untilGiven(options, system, kind, () =>
        store.write(async tx => {
          await options.confirm?.(tx)
          await writeProgress(tx, {
            ...progress,
            state: 'done',
            cursor: null,
            imported,
            total: step.total,
            updatedAt: now,
            completedAt: now,
          })
        }),
      )
      onProgress({ ...step, isDone: true })
      return
    }
    onProgress({ ...step, isDone: false })
  }
}

/** Brings the names of what is listed to the records that show them; see `shownBy`. */
async function renameShown(options: ImportOptions, system: System, kind: string, page: ImportPage): Promise<void> {
  const { store, catalogue, clock, signal, confirm, onApplied } = options
  const records = page.observed.flatMap(({ record, shownAs: name }) => (name === undefined ? [] : [{ record, name }]))
  if (records.length === 0) return
  const renamed = await untilGiven(options, system, kind, () =>
    store.read(db => shownOtherwise(db, { records, isChanges: false })),
  )
  for (const named of renamed) {
    for (;;) {
      signal.throwIfAborted()
      const now = clock.now()
      const changes = await untilGiven(options, system, kind, () =>
        store.write(async tx => {
          await confirm?.(tx)
          return applyName(tx, catalogue, named, now, now)
        }),
      )
      if (changes.length === 0) break
      onApplied(changes)
    }
  }
}

function applyPage(
  { store, catalogue, clock, confirm }: ImportOptions,
  page: ImportPage,
  reached: ImportProgress,
): Promise<Change[]> {
  const now = clock.now()
  return store.write(async tx => {
    await confirm?.(tx)
    const observations = page.observed.map(observed => ({
      record: observed.record,
      observed,
      kind: 'UPDATED' as const,
      fields: [],
      // Whatever the listing shows existed after it began.
      at: reached.startedAt,
      origin: 'import' as const,
    }))
    const changes = await applyObservations(tx, catalogue, observations, now)
    await writeProgress(tx, { ...reached, updatedAt: now })
    return changes
  })
}

/**
 * Does it again until it succeeds or the signal ends it.
 * @throws VendorError that no waiting mends; StoreError `closed`; what is no fault of vendor or store
 */
async function untilGiven<T>(options: ImportOptions, system: System, kind: string, work: () => Promise<T>): Promise<T> {
  const { log, signal, wait = waitUnlessAborted } = options
  for (let failures = 0; ; failures++) {
    try {
      return await work()
    } catch (error) {
      if (signal.aborted || !isPassing(error)) throw error
      const hint = error instanceof VendorError ? error.retryAfterMs : undefined
      const pauseMs = hint ?? Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(failures, 10))
      log.warn({ system, kind, pauseMs, reason: reasonOf(error) }, 'the import waits')
      await wait(pauseMs, signal)
      signal.throwIfAborted()
    }
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof VendorError ? error.isPassing : error instanceof StoreError && error.kind !== 'closed'
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function waitUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  return setTimeout(ms, undefined, { signal, ref: false })
}
