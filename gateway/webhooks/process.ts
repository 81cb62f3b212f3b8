import { recordKey, type RecordRef, type System } from '../../schema/systems.ts'
import type { Clock, Hint, Log, ObservedRecord, Priority } from '../../subgraphs/contract.ts'
import { VendorError } from '../../subgraphs/vendor-error.ts'
import type { Observation } from '../changes/observe.ts'
import { Overtaken } from '../changes/overtaken.ts'
import { SparingLog } from '../sparing-log.ts'
import type { StoredEntry } from '../store/deliveries.ts'
import { StoreError } from '../store/store.ts'
import { noTraces, type Traces, type Try, type TryOutcome } from '../traces/traces.ts'
import { Gather } from './gather.ts'
import { merge, outcomeOf, type Outcome } from './observation.ts'
import { mayGiveUp, retryAfterMs } from './retry-times.ts'
import { Suspects } from './suspects.ts'
import { Turns, type Turn } from './turns.ts'

export type Failure =
  | { readonly state: 'due'; readonly dueAt: Date; readonly error: string }
  | { readonly state: 'dead'; readonly error: string }

/** An entry whose records were read. */
export type WorkedEntry = EndedEntry | BegunEntry

/** One that is worked on further: those that show a record's name follow the record's own Change. */
export interface BegunEntry {
  readonly entry: StoredEntry
  /** Its records whose own Changes are written. */
  readonly applied: readonly RecordRef[]
}

export interface EndedEntry {
  readonly entry: StoredEntry
  /** When its records are read once more, because their vendor does not show yet what it has told; null when it is done. */
  readonly againAt: Date | null
  /** Why it is dead: its vendor, read until there is no more to wait for, speaks against what it told. */
  readonly dead?: string
}

/** What sweeps find is read in the background: it is late already. */
export type WorkPriority = Exclude<Priority, 'query'>

const priorities: readonly WorkPriority[] = ['webhook', 'background']

export interface ProcessPorts {
  /**
   * Entries that are due and nobody works on; claimed, so that nobody else does.
   * @param except systems of which as much is held as may be
   */
  claim(limit: number, except: readonly System[]): Promise<readonly StoredEntry[]>
  /**
   * Entries that were under way when a process ended, and are due: few at a time.
   * @param isLong whether this process has run for a while: one that was ended from outside soon after it began would put
   *   the blame on an entry that is tried alone
   */
  claimSuspects(isLong: boolean): Promise<readonly StoredEntry[]>
  /** Holds claimed entries longer. */
  renew(entries: readonly StoredEntry[]): Promise<void>
  /**
   * Drops what is cached, unless it is as new as the vendor says the Change is. Of a record said to be deleted nothing is
   * served from then on, not even while the vendor cannot be asked about it.
   */
  evict(hint: Pick<Hint, 'record' | 'kind' | 'at'>): void
  /** The newest Change that was followed here. */
  position?(): number
  /** The same hint about the records that its own record leads to: itself, unless it is of a kind that is none of the graph's. */
  locate?(hint: Hint, priority: WorkPriority): Promise<readonly Hint[]>
  /** Reads the record past every eviction so far. */
  observe(record: RecordRef, priority: WorkPriority): Promise<ObservedRecord | null>
  /** Whether others show the record's name, and the hint may be about that. */
  isMentioned?(hint: Hint): boolean
  /** Whether the record is an entity or a copy, and not only a name that others show. */
  isIndexed?(record: RecordRef): boolean
  /**
   * Has the new name of a mentioned record shown by all who mention it: index, caches, pushes. Begun again after a crash, it goes on
   * where it was. Long for a record that thousands mention.
   * @param isEnding asked between its steps
   * @throws Ending when it is so, before all is done
   * @returns whether any of them showed another name
   */
  rename?(hint: Hint, priority: WorkPriority, isEnding: () => boolean): Promise<boolean>
  /**
   * Applies what was observed and marks the entries done, due again, dead or begun, in one transaction, and has the Changes followed.
   * @returns false when the entries were taken by somebody else meanwhile; nothing was written then
   * @throws Overtaken when the records must be read anew; nothing was written then either
   */
  apply(observations: readonly Observation[], entries: readonly WorkedEntry[]): Promise<boolean>
  fail(entry: StoredEntry, failure: Failure): Promise<void>
  /** Whether the system as a whole answers nobody at the moment, so that a failure is not the entry's. */
  isOut(system: System): boolean
  /** How long a reading, and how long an applying, may take; longer than every deadline within them. */
  readonly deadlineMs: number
  readonly traces?: Traces
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
}

/** The process ends before a long work is done: what is left stays with its entry, for the next process. */
export class Ending extends Error {
  override readonly name = 'Ending'
}

/** Entries that are worked on together, after whatever came before them for the same records. */
interface Group extends Turn {
  readonly entries: readonly StoredEntry[]
  readonly priority: WorkPriority
  /** Told once they were worked on, well or not. */
  onWorked?: () => void
}

/** A record that is read for a try. */
interface Reading {
  readonly record: RecordRef
  readonly tried: Try | null
}

/** What entries tell of some records. */
interface Told {
  readonly hints: readonly Hint[]
  readonly entries: readonly StoredEntry[]
  /** Given when the entries are worked on further: the records whose own Changes were written before. */
  readonly begun?: readonly RecordRef[]
  /** Whether the vendor does not show all of it yet. */
  readonly isUnseen?: boolean
}

/** What came of a try. */
interface Worked {
  readonly outcome: TryOutcome
  readonly reason?: string
  /** Whether the vendor does not show all of it yet. */
  readonly isLagging: boolean
}

/** Entries with what was read for them. */
interface Work {
  readonly observations: readonly Observation[]
  readonly entries: readonly WorkedEntry[]
}

/** Works of one system under way at a time. */
const maxRunning = 200

/** Works of one system held in memory; the rest waits in the store. One that floods or hangs takes no room of another. */
const maxHeld = 2000

/** The same of a system that answers nobody: enough to see that it does again, too few to fail what waits over and over. */
const maxHeldOfOut = 20

/** Works of one transaction: more would make the first of them wait for the last. */
const maxTogether = 100

/** Readings of one system under way at a time; a vendor that is slow, or whose budget is short, is asked for more at once. */
const maxReadings = 4

/**
 * A quiet system is read at once, a busy one 16 times a second: its records gather, and a vendor that answers many at once
 * is asked for many. HubSpot's 190 requests in 10 s are the least that any of them allows.
 */
const readingRhythm = { burst: 10, everyMs: 1000 / 16 }

/** How long a reading waits for those under way. */
const readingPatienceMs = 250

/** When a record is read again whose vendor lags behind its own news: 1, 3 and 10 s after it came. */
const lagAfterMs: readonly number[] = [1000, 2000, 7000]

/** A merge moves orders and jobs, and is told once: its vendor has longer to show it. */
const mergeLagAfterMs: readonly number[] = [...lagAfterMs, 20_000]

/** The same where the vendor lists it as changed: it has the change, and nobody tells of that again. Half an hour in all. */
const listedLagAfterMs: readonly number[] = [...lagAfterMs, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 600_000]

/** Readings in a row that others overtake, until the entry waits its turn like one that failed. */
const maxOvertaken = 20

/** How often the store is asked for entries that came due. */
const pollMs = 1000

/** How often leases are renewed of what is under way or waits in memory; well before they run out, which is after 15 s. */
const renewMs = 4_000

/** How long the end waits for what is under way: a tool whose budget is short may answer later. */
const stopWithinMs = 5_000

/**
 * Works on stored entries: evict, read anew, apply, all of one delivery about one record together, and one after the
 * other for a record, so that the last thing applied was read after the last thing heard.
 */
export class DeliveryProcessor {
  readonly #ports: ProcessPorts
  readonly #sparing: SparingLog
  readonly #traces: Traces
  readonly #turns: Turns<Group>
  readonly #held = new Set<Group>()
  /** By system and priority: what is read in the background holds up no webhook. */
  readonly #readings = new Map<string, Gather<Reading, ObservedRecord | null>>()
  readonly #applying: Gather<Work, boolean>
  /** Those that anything was taken of. */
  readonly #systems = new Set<System>()
  readonly #suspects: Suspects<Group>
  #polling: NodeJS.Timeout | undefined
  #asking: Promise<void> | null = null
  /** How often somebody said that entries may be due. */
  #wakings = 0
  #renewing: NodeJS.Timeout | undefined
  #isStopping = false

  constructor(ports: ProcessPorts) {
    this.#ports = ports
    this.#sparing = new SparingLog(ports.log)
    this.#traces = ports.traces ?? noTraces
    this.#turns = new Turns({ most: maxRunning, run: group => this.#work(group) })
    this.#suspects = new Suspects({
      claim: async isLong => {
        const entries = await ports.claimSuspects(isLong)
        if (this.#isStopping) return { suspects: [], isAlone: false }
        return { suspects: byDeliveryAndRecord(entries), isAlone: entries.length === 1 }
      },
      try: group => this.#take(group),
    })
    this.#applying = new Gather({ most: 1, largest: maxTogether, work: works => this.#applyTogether(works) })
  }

  start(): void {
    this.#suspects.start()
    this.#poll()
    this.#renewing = setInterval(() => void this.#renew(), renewMs).unref()
  }

  /** Entries may be due: the store is asked now rather than with the next poll. Calls meanwhile are one. */
  wake(): void {
    this.#wakings += 1
    // Before the start, or while the store is being asked.
    if (this.#polling === undefined) return
    clearTimeout(this.#polling)
    this.#poll()
  }

  /** False while so much of a system is held that its new entries had better wait in the store. */
  hasRoomFor(system: System): boolean {
    const held = priorities.reduce((sum, priority) => sum + this.#turns.heldIn(laneOf(system, priority)), 0)
    return held < (this.#ports.isOut(system) ? maxHeldOfOut : maxHeld)
  }

  /** Takes entries that this process has claimed. Returns at once. */
  accept(entries: readonly StoredEntry[]): void {
    // Claimed while we were told to stop: they stay in the store.
    if (this.#isStopping) return
    for (const group of byDeliveryAndRecord(entries)) this.#take(group)
  }

  /** Takes entries that this process has claimed. Resolves once each was worked on, well or not; never rejects. */
  async work(entries: readonly StoredEntry[]): Promise<void> {
    if (this.#isStopping) return
    await Promise.all(
      byDeliveryAndRecord(entries).map(
        group =>
          new Promise<void>(resolve => {
            group.onWorked = resolve
            this.#take(group)
          }),
      ),
    )
  }

  /** Resolves when nothing is under way or waiting in memory. */
  idle(): Promise<void> {
    return this.#turns.idle()
  }

  /**
   * Finishes what is under way, for five seconds at most; what waits stays in the store. What is under way still has no effect once its
   * lease is let go of.
   */
  async stop(): Promise<void> {
    this.#isStopping = true
    clearTimeout(this.#polling)
    // What is being claimed is let go of with the rest, by whoever stopped us: it must not be claimed after that.
    await Promise.allSettled([this.#asking, this.#suspects.settled()])
    // A slow vendor's queue must not keep us from ending.
    this.#turns.clear()
    for (const group of this.#held) group.onWorked?.()
    // Held until whoever stopped us lets go of it: a lease that runs out before counts as a death.
    let timer: NodeJS.Timeout | undefined
    const overdue = new Promise<void>(resolve => (timer = setTimeout(resolve, stopWithinMs)))
    await Promise.race([this.idle(), overdue])
    clearTimeout(timer)
    clearInterval(this.#renewing)
    this.#held.clear()
  }

  #poll(): void {
    this.#polling = undefined
    this.#asking = this.#ask().then(() => {
      this.#asking = null
      if (!this.#isStopping) this.#polling = setTimeout(() => this.#poll(), pollMs).unref()
    })
  }

  /**
   * Claims until nothing more is due that there is room for: behind what one system has piled up stands another's. Never
   * rejects.
   */
  async #ask(): Promise<void> {
    try {
      let isMore = true
      while (isMore) {
        const wakings = this.#wakings
        await this.#suspects.next()
        if (this.#isStopping) return
        const full = [...this.#systems].filter(system => !this.hasRoomFor(system))
        const claimed = await this.#ports.claim(maxRunning, full)
        this.accept(claimed)
        isMore = this.#wakings !== wakings || claimed.length === maxRunning
      }
    } catch (error) {
      // A store that is away is so with each poll.
      if (error instanceof StoreError)
        this.#sparing.warn({ reason: error.message }, 'the store cannot be asked for deliveries that are due')
      else this.#ports.log.error({ err: error }, 'asking for deliveries that are due failed')
    }
  }

  #take(group: Group): void {
    for (const { system } of group.entries) this.#systems.add(system)
    this.#held.add(group)
    this.#turns.add(group)
  }

  /** Never rejects. */
  async #work(group: Group): Promise<void> {
    const { log } = this.#ports
    const { entries } = group
    const tried = this.#traces.begin(entries)
    try {
      const { outcome, reason } = await this.#readAndApply(group, tried)
      if (outcome === 'lost')
        log.warn({ entries: entries.map(entry => entry.id) }, 'entries were taken over by another worker')
      tried?.end(outcome, reason)
    } catch (error) {
      // Held until the end, and let go of there, it is no try that failed.
      if (!(error instanceof Ending)) for (const entry of entries) await this.#fail(entry, error)
      tried?.end('failed', reasonOf(error))
    } finally {
      this.#held.delete(group)
      group.onWorked?.()
      // When it is too early, the next poll after that finds the next one.
      if (this.#suspects.ended(group) && !this.#isStopping) {
        this.#suspects
          .next()
          .catch((error: unknown) => log.warn({ err: error }, 'the next suspects wait for the next poll'))
      }
    }
  }

  async #readAndApply({ entries: told, priority }: Group, tried: Try | null): Promise<Worked> {
    const entries = await this.#located(told, priority)
    const all = merge(entries)
    const isMentioned = (hint: Hint): boolean => this.#ports.isMentioned?.(hint) === true
    const isIndexed = ({ record }: Hint): boolean => this.#ports.isIndexed?.(record) ?? true
    let isUnseen = false
    let begun: readonly RecordRef[] = []
    for (const hint of all.filter(isMentioned)) {
      // Its own Change comes before those of the records that show its name: whoever hears of those reads it.
      if (isIndexed(hint) && hint.isApplied !== true) {
        const own = await this.#bringUpToDate({ hints: [hint], entries, begun }, tried, priority)
        if (own.outcome === 'lost') return own
        if (own.isLagging) isUnseen = true
        else begun = [...begun, hint.record]
      } else this.#ports.evict(hint)
      const isNews = await this.#ports.rename?.(hint, priority, () => this.#isStopping)
      // The vendor may not show yet what it has told.
      if (isNews === false && !isIndexed(hint) && hint.foundIn !== 'listing') isUnseen = true
    }
    const hints = all.filter(hint => !isMentioned(hint))
    return this.#bringUpToDate({ hints, entries, isUnseen }, tried, priority)
  }

  /** Reads again what was overtaken: another one got through each time, so it ends. */
  async #bringUpToDate(
    { hints, entries, begun, isUnseen = false }: Told,
    tried: Try | null,
    priority: WorkPriority,
  ): Promise<Worked> {
    for (let readings = 1; ; readings++) {
      const readAfter = this.#ports.position?.()
      const outcomes = await Promise.all(hints.map(hint => this.#observe(hint, priority, tried, readAfter)))
      const refuted = outcomes.find(outcome => outcome.refuted !== undefined)?.refuted
      const isLagging = isUnseen || outcomes.some(({ isBehind }) => isBehind)
      const lags = refuted === undefined ? lagAfterMs : mergeLagAfterMs
      const worked = (begun === undefined ? entries : []).map((entry): EndedEntry => {
        const againAt = isLagging ? this.#againAt(entry, lags) : null
        return { entry, againAt, ...(againAt === null && refuted !== undefined && { dead: refuted }) }
      })
      const isAgain = worked.some(({ againAt }) => againAt !== null)
      // What may still be borne out has no effect until there is no more to wait for.
      const settled = outcomes.filter(outcome => !isAgain || outcome.refuted === undefined)
      const observations = settled.flatMap(outcome => outcome.observations)
      const applied = begun === undefined ? [] : [...begun, ...(isLagging ? [] : hints.map(({ record }) => record))]
      const further = begun === undefined ? [] : entries.map((entry): BegunEntry => ({ entry, applied }))
      try {
        const isOurs = await this.#applying.submit({ observations, entries: [...worked, ...further] })
        if (isOurs) this.#reportDead(worked)
        if (!isOurs) return { outcome: 'lost', isLagging }
        return refuted !== undefined && !isAgain
          ? { outcome: 'failed', reason: refuted, isLagging }
          : { outcome: isAgain ? 'again' : 'done', isLagging }
      } catch (error) {
        if (!(error instanceof Overtaken) || readings === maxOvertaken) throw error
      }
    }
  }

  async #located(entries: readonly StoredEntry[], priority: WorkPriority): Promise<readonly StoredEntry[]> {
    const { locate } = this.#ports
    if (locate === undefined) return entries
    return Promise.all(
      entries.map(async entry => ({
        ...entry,
        hints: (
          await Promise.all(
            entry.hints.map(async hint => {
              const located = await this.#within('locating', () => locate(hint, priority))
              return hint.isApplied === true ? located.map(one => ({ ...one, isApplied: true })) : located
            }),
          )
        ).flat(),
      })),
    )
  }

  #reportDead(worked: readonly EndedEntry[]): void {
    for (const { entry, dead } of worked) {
      if (dead === undefined) continue
      const { system, attempts } = entry
      this.#ports.log.error({ system, entry: entry.id, attempts, reason: dead }, 'a delivery is given up')
    }
  }

  #againAt({ tries, hints }: StoredEntry, lags: readonly number[]): Date | null {
    const isListed = hints.some(({ foundIn }) => foundIn === 'listing')
    const waitMs = (isListed ? listedLagAfterMs : lags)[tries - 1]
    return waitMs === undefined ? null : new Date(this.#ports.clock.now().getTime() + waitMs)
  }

  async #renew(): Promise<void> {
    const entries = [...this.#held].flatMap(group => group.entries)
    if (entries.length === 0) return
    try {
      await this.#ports.renew(entries)
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown fault'
      this.#ports.log.warn({ reason, entries: entries.length }, 'leases of deliveries could not be renewed')
    }
  }

  async #observe(hint: Hint, priority: WorkPriority, tried: Try | null, readAfter?: number): Promise<Outcome> {
    this.#ports.evict(hint)
    tried?.evicted(hint.record)
    const outcome = await outcomeOf(hint, record => this.#read({ record, tried }, priority), readAfter)
    if (tried === null) return outcome
    const { traceparent } = tried
    return { ...outcome, observations: outcome.observations.map(one => ({ ...one, traceparent })) }
  }

  #read(reading: Reading, priority: WorkPriority): Promise<ObservedRecord | null> {
    const name = `${reading.record.system} ${priority}`
    let readings = this.#readings.get(name)
    if (readings === undefined) {
      readings = new Gather({
        most: maxReadings,
        largest: maxRunning,
        patienceMs: readingPatienceMs,
        rhythm: readingRhythm,
        work: some =>
          this.#traces.reading(
            some.map(one => one.tried),
            () => some.map(one => this.#within('reading', async () => this.#ports.observe(one.record, priority))),
          ),
      })
      this.#readings.set(name, readings)
    }
    return readings.submit(reading)
  }

  /** In one transaction; each in one of its own when that fails, so that one work's fault is not the others'. */
  #applyTogether(works: readonly Work[]): readonly Promise<boolean>[] {
    const together = this.#areApplied(works)
    return works.map(async work => (await together) || this.#apply(work))
  }

  #apply({ observations, entries }: Work): Promise<boolean> {
    return this.#within('applying', () => this.#ports.apply(observations, entries))
  }

  /**
   * What never settles must not hold its place for ever. What it does later has no effect: its attempt is over by then.
   * @throws Overdue
   */
  async #within<T>(step: string, done: () => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const { deadlineMs } = this.#ports
    const overdue = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Overdue(step, deadlineMs)), deadlineMs)
    })
    try {
      return await Promise.race([done(), overdue])
    } finally {
      clearTimeout(timer)
    }
  }

  /** @throws StoreError, Overdue: the store's fault is everyone's */
  async #areApplied(works: readonly Work[]): Promise<boolean> {
    // A merge changes records that others here may have read before it.
    if (works.length < 2 || works.some(isMerge)) return false
    try {
      return await this.#apply({
        observations: works.flatMap(work => work.observations),
        entries: works.flatMap(work => work.entries),
      })
    } catch (error) {
      if (error instanceof StoreError || error instanceof Overdue) throw error
      return false
    }
  }

  async #fail(entry: StoredEntry, error: unknown): Promise<void> {
    const { log, clock, random } = this.#ports
    // It was let go of with all that this process held, at its end.
    if (this.#isStopping && error instanceof StoreError && error.kind === 'closed') return
    const reason = reasonOf(error)
    const { system, attempts } = entry
    const isLast =
      (error instanceof VendorError && error.kind === 'rejected') ||
      mayGiveUp({
        tries: entry.tries,
        waitedMs: clock.now().getTime() - entry.receivedAt.getTime(),
        isOut: (error instanceof VendorError && error.kind === 'rate-limited') || this.#ports.isOut(system),
      })
    if (error instanceof StoreError) this.#sparing.warn({ system, reason }, 'deliveries cannot be applied')
    else if (!(error instanceof VendorError))
      log.error({ err: error, system, entry: entry.id }, 'a delivery failed here')
    try {
      if (isLast) {
        log.error({ system, entry: entry.id, attempts, reason }, 'a delivery is given up')
        await this.#ports.fail(entry, { state: 'dead', error: reason })
        return
      }
      const hinted = error instanceof VendorError ? (error.retryAfterMs ?? 0) : 0
      const waitMs = Math.max(hinted, retryAfterMs(entry.tries, random()))
      // What waits for a tool that does not answer, or for its budget, is a matter of the tool.
      if (this.#ports.isOut(system))
        this.#sparing.warn({ system }, 'deliveries are tried again later: their tool does not answer')
      else if (error instanceof VendorError && error.kind === 'rate-limited')
        this.#sparing.warn({ system }, "deliveries are tried again later: their tool's limit is reached")
      else if (error instanceof StoreError)
        this.#sparing.warn({ system }, 'deliveries are tried again later: the store could not be asked')
      else log.warn({ system, entry: entry.id, attempts, reason, waitMs }, 'a delivery is tried again later')
      await this.#ports.fail(entry, { state: 'due', dueAt: new Date(clock.now().getTime() + waitMs), error: reason })
    } catch (failed) {
      // Its lease runs out, and it is claimed again.
      if (failed instanceof StoreError)
        this.#sparing.warn({ system }, 'failed deliveries cannot be put back; they are due when their leases run out')
      else log.error({ err: failed, system, entry: entry.id }, 'a failed delivery could not be put back')
    }
  }
}

/** It did not settle in time. */
class Overdue extends Error {
  override readonly name = 'Overdue'

  constructor(step: string, deadlineMs: number) {
    super(`${step} it had not ended after ${Math.round(deadlineMs / 1000)} s`)
  }
}

/** For the history. An error of ours may hold values of a record: the log alone has it. */
function reasonOf(error: unknown): string {
  if (error instanceof VendorError || error instanceof Overdue) return error.message
  return error instanceof StoreError
    ? 'the store could not be asked'
    : 'our code failed on it: look at the error in the log'
}

function isMerge({ observations }: Work): boolean {
  return observations.some(({ mergedInto }) => mergedInto !== undefined)
}

/** What a system's sweeps found has places of its own beside what its webhooks told. */
function laneOf(system: System, priority: WorkPriority): string {
  return `${system} ${priority}`
}

/** Entries of one delivery that speak of the same records are worked on together. */
function byDeliveryAndRecord(entries: readonly StoredEntry[]): readonly Group[] {
  const groups = new Map<string, StoredEntry[]>()
  for (const entry of entries) {
    const [first] = entry.hints
    // Several records of one entry are one matter of its own.
    const about = entry.hints.length === 1 && first !== undefined ? recordKey(first.record) : `entry ${entry.id}`
    const key = `${entry.receivedId} ${about}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [entry])
    else group.push(entry)
  }
  return [...groups.values()].map(group => {
    const hints = group.flatMap(entry => entry.hints)
    const isFound = hints.length > 0 && hints.every(({ foundIn }) => foundIn !== undefined)
    const priority = isFound ? 'background' : 'webhook'
    return {
      entries: group,
      priority,
      lane: laneOf(group[0]?.system ?? '', priority),
      keys: [...new Set(hints.map(hint => recordKey(hint.record)))],
    }
  })
}
