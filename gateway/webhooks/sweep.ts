import { setTimeout } from 'node:timers/promises'
import { recordKey, type System } from '../../schema/systems.ts'
import type { CallContext, Clock, DeliveryEntry, Hint, Log, Sweeper, SweepPage } from '../../subgraphs/contract.ts'
import { VendorError } from '../../subgraphs/vendor-error.ts'
import { mentionedBeside, shownOtherwise } from '../links/mentions.ts'
import { readRecords, type RecordRow } from '../links/records.ts'
import type { StoredEntry } from '../store/deliveries.ts'
import { storeFound } from '../store/found.ts'
import { StoreError, type Store } from '../store/store.ts'
import { countMissed, readPlace, writePlace, type SweepPlace } from '../store/sweeps.ts'

export interface SweepOptions {
  readonly store: Store
  readonly system: System
  readonly sweepers: readonly Sweeper[]
  /** Where a feed begins that was never swept. */
  readonly since: Date
  /** Opens the context of one vendor call; it must end with the signal. */
  readonly call: (signal: AbortSignal) => CallContext
  /** Names this process in leases, and how long it holds what was found. */
  readonly worker: string
  readonly leaseMs: number
  /** Works on what was found; resolves when all of it was worked on once. */
  readonly work: (entries: readonly StoredEntry[]) => Promise<void>
  /** Lists every record anew, in a listing that began then or later. @returns whether it came to its end */
  readonly listAnew: (begunAt: Date) => Promise<boolean>
  readonly clock: Clock
  readonly log: Log
  /** Aborting ends the sweep after the step in hand; the next one goes on from there. */
  readonly signal: AbortSignal
  readonly onStep: (step: SweepStep) => void
  /** Waits; rejects or resolves when the signal ends it. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** So far in this sweep. */
export interface SweepStep {
  readonly feed: string
  /** Happenings and records looked at. */
  readonly seen: number
  /** Those of them that no webhook had told. */
  readonly missed: number
}

/** How often a passing fault is waited out before the sweep is left to the next one. */
const mostTries = 5
const firstPauseMs = 1000
const longestPauseMs = 60_000

/**
 * Looks for what webhooks missed, feed by feed. What was found is stored as entries like those of a webhook, in one
 * transaction with the place it brings us to: ended anyhow, nothing is passed over and nothing is found twice. A step's
 * entries are worked on before the next step, so that no more of them wait than one page holds.
 * @throws VendorError, StoreError; the signal's reason when it is aborted
 */
export async function runSweep(options: SweepOptions): Promise<Omit<SweepStep, 'feed'>> {
  const total = { seen: 0, missed: 0 }
  const ending = aborted(options.signal)
  const work: SweepOptions['work'] = entries => Promise.race([options.work(entries), ending])
  for (const sweeper of options.sweepers) {
    // A walk that goes on where another one ended has not seen what came to its beginning since.
    const isResumed = await walk({ ...options, work }, sweeper, total)
    if (isResumed) await walk({ ...options, work }, sweeper, total)
  }
  return total
}

/** @returns whether it only brought an earlier walk to its end */
async function walk(
  options: SweepOptions,
  sweeper: Sweeper,
  total: { seen: number; missed: number },
): Promise<boolean> {
  const { store, system, since, clock, signal, onStep } = options
  const { feed } = sweeper
  const stored = await store.read(db => readPlace(db, system, feed))
  const isResumed = stored !== null && stored.begunAt !== null
  const begunAt = stored?.begunAt ?? clock.now()
  let place = stored
  let gaps = 0
  for (;;) {
    signal.throwIfAborted()
    if (place !== null && place.gapAt !== null) place = await closeGap(options, place, place.gapAt)
    const cursor = place?.cursor ?? null
    // Before it is asked for: the listing that closes a gap must begin after the place it closes it up to.
    const page = await untilGiven(options, feed, () => sweeper.sweep(cursor, since, options.call(signal)))
    signal.throwIfAborted()
    const isEnd = page.isDone && !page.isGap
    const reached: SweepPlace = {
      system,
      feed,
      cursor: page.next,
      begunAt: isEnd ? null : begunAt,
      gapAt: page.isGap ? clock.now() : null,
      completeUpTo: isEnd ? new Date(begunAt.getTime() - sweeper.lagMs) : (place?.completeUpTo ?? null),
    }
    const { seen, entries } = await takeIn(options, page, reached)
    total.seen += seen
    total.missed += entries.length
    place = reached
    await options.work(entries)
    onStep({ feed, ...total })
    if (isEnd) return isResumed
    if (page.isGap && ++gaps > 1) {
      throw new Error(`${system}: the place in ${feed} is too old again, right after every record was listed`)
    }
  }
}

/**
 * Takes the places from which the first sweep goes on, before every record is listed for the first time. A place that is kept is the
 * earlier one, and good. One that cannot be had costs the first sweep a listing, and the import nothing.
 */
export async function takePlaces(
  { store, system, sweepers, log }: Pick<SweepOptions, 'store' | 'system' | 'sweepers' | 'log'>,
  call: CallContext,
): Promise<void> {
  await Promise.all(
    sweepers.map(async sweeper => {
      const { feed } = sweeper
      if (sweeper.begin === undefined) return
      try {
        if ((await store.read(db => readPlace(db, system, feed))) !== null) return
        const place = {
          system,
          feed,
          cursor: await sweeper.begin(call),
          begunAt: null,
          gapAt: null,
          completeUpTo: null,
        }
        await store.write(async tx => {
          if ((await readPlace(tx, system, feed)) === null) await writePlace(tx, place)
        })
      } catch (error) {
        const reason = error instanceof Error ? error.message : ''
        log.warn({ system, feed, reason }, 'its place could not be taken: the first sweep lists every record again')
      }
    }),
  )
}

/** Stores what is not known yet, and the place after it. */
async function takeIn(
  { store, system, worker, leaseMs, clock }: SweepOptions,
  page: SweepPage,
  reached: SweepPlace,
): Promise<{ readonly seen: number; readonly entries: readonly StoredEntry[] }> {
  const rows = await store.read(db =>
    readRecords(
      db,
      page.shown.map(({ record }) => record),
    ),
  )
  const news = page.news.filter(entry => 'unreadable' in entry || entry.hints.length > 0)
  const now = clock.now()
  const found = [
    ...news.map(entry => marked(entry, 'news')),
    ...(await newNames(store, system, page, now)).map(entry => marked(entry, 'listing')),
    ...page.shown
      .filter(hint => !isKnown(hint, rows.get(recordKey(hint.record))))
      .map(hint => marked({ key: keyOf(hint), hints: [hint] }, 'listing')),
  ]
  const entries = await store.write(async tx => {
    const stored = await storeFound(tx, { system, feed: reached.feed, entries: found }, worker, leaseMs, now)
    await countMissed(tx, system, stored.length)
    await writePlace(tx, reached)
    return stored
  })
  return { seen: page.news.length + page.shown.length, entries }
}

/** Records whose names are shown otherwise than they are, and records that are mentioned and gone. */
async function newNames(
  store: Store,
  system: System,
  { names }: SweepPage,
  now: Date,
): Promise<readonly DeliveryEntry[]> {
  if (names === undefined) return []
  const { records, whole } = names
  const hints = await store.read(async db => {
    const renamed = (await shownOtherwise(db, names)).map(({ record }) => ({ kind: 'UPDATED' as const, record }))
    const gone: Pick<Hint, 'kind' | 'record'>[] = []
    for (const kind of whole) {
      const listed = new Set(records.flatMap(({ record }) => (record.kind === kind ? [record.id] : [])))
      for (const record of await mentionedBeside(db, system, kind, listed)) gone.push({ kind: 'DELETED', record })
    }
    return [...renamed, ...gone]
  })
  // A record may get a name it had before: its name alone would be known already.
  return hints.map(({ kind, record }) => ({
    key: `sweep name ${recordKey(record)} ${now.getTime()}`,
    hints: [{ kind, record, at: null, fields: [] }],
  }))
}

function marked(entry: DeliveryEntry, foundIn: NonNullable<Hint['foundIn']>): DeliveryEntry {
  return 'unreadable' in entry ? entry : { ...entry, hints: entry.hints.map(hint => ({ ...hint, foundIn })) }
}

/** Whether the index has what a listing shows: that version or a later one, or that the record is gone. */
function isKnown({ kind, at }: Hint, row: RecordRow | undefined): boolean {
  // What was gone before we heard of it concerns nobody.
  if (kind === 'DELETED') return row === undefined || row.is_deleted === 1
  if (row === undefined || at === null) return false
  const knownAt = row.is_deleted === 1 ? row.deleted_at : row.updated_at
  return knownAt !== null && at.getTime() <= knownAt
}

/** A listing gives no key: what makes it the same happening again is the record and its version. */
function keyOf({ kind, record, at }: Hint): string {
  return `sweep ${kind} ${recordKey(record)} ${at === null ? '' : at.getTime()}`
}

async function closeGap(options: SweepOptions, place: SweepPlace, gapAt: Date): Promise<SweepPlace> {
  const { store, system, log, signal } = options
  log.info({ system, feed: place.feed }, 'the place is too old to go on from: every record is listed anew')
  const isListed = await options.listAnew(gapAt)
  signal.throwIfAborted()
  if (!isListed) throw new Error(`${system}: every record had to be listed anew, and could not be`)
  const closed = { ...place, gapAt: null }
  await store.write(tx => writePlace(tx, closed))
  return closed
}

/** Does it again while the fault may pass, a few times: the next sweep goes on from the same place. */
async function untilGiven<T>(options: SweepOptions, feed: string, work: () => Promise<T>): Promise<T> {
  const { system, log, signal, wait = waitUnlessAborted } = options
  for (let failures = 0; ; failures++) {
    try {
      return await work()
    } catch (error) {
      if (signal.aborted || !isPassing(error) || failures + 1 >= mostTries) throw error
      const hint = error instanceof VendorError ? error.retryAfterMs : undefined
      const pauseMs = Math.min(longestPauseMs, hint ?? firstPauseMs * 2 ** failures)
      log.warn({ system, feed, pauseMs, reason: error instanceof Error ? error.message : '' }, 'the sweep waits')
      await wait(pauseMs, signal)
      signal.throwIfAborted()
    }
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof VendorError ? error.isPassing : error instanceof StoreError && error.kind !== 'closed'
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

function waitUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  return setTimeout(ms, undefined, { signal, ref: false })
}
