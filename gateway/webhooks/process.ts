import type { ChangeKind } from '../../schema/change.ts'
import { recordKey, sameRecord, type RecordRef } from '../../schema/systems.ts'
import type { Clock, Hint, Log, ObservedRecord, Priority } from '../../subgraphs/contract.ts'
import { VendorError } from '../../subgraphs/vendor-error.ts'
import type { Observation } from '../changes/observe.ts'
import { Overtaken } from '../changes/overtaken.ts'
import type { StoredEntry } from '../store/deliveries.ts'
import { StoreError } from '../store/store.ts'
import { Gather } from './gather.ts'
import { maxAttempts, retryAfterMs } from './retry-times.ts'
import { Turns, type Turn } from './turns.ts'

export type Failure =
  | { readonly state: 'due'; readonly dueAt: Date; readonly error: string }
  | { readonly state: 'dead'; readonly error: string }

/** An entry whose records were read. */
export interface WorkedEntry {
  readonly entry: StoredEntry
  /** When its records are read once more, because their vendor does not show yet what it has told; null when it is done. */
  readonly againAt: Date | null
}

/** What sweeps find is read in the background: it is late already. */
export type WorkPriority = Exclude<Priority, 'query'>

export interface ProcessPorts {
  /** Entries that are due and nobody works on; claimed, so that nobody else does. */
  claim(limit: number): Promise<readonly StoredEntry[]>
  /** Holds claimed entries longer. */
  renew(entries: readonly StoredEntry[]): Promise<void>
  /**
   * Drops what is cached, unless it is as new as the vendor says the Change is. Of a record said to be deleted nothing is
   * served from then on, not even while the vendor cannot be asked about it.
   */
  evict(hint: Pick<Hint, 'record' | 'kind' | 'at'>): void
  /** The newest Change that was followed here. */
  position?(): number
  /** Reads the record past every eviction so far. */
  observe(record: RecordRef, priority: WorkPriority): Promise<ObservedRecord | null>
  /**
   * Applies what was observed and marks the entries done, or due again, in one transaction, and has the Changes followed.
   * @returns false when the entries were taken by somebody else meanwhile; nothing was written then
   * @throws Overtaken when the records must be read anew; nothing was written then either
   */
  apply(observations: readonly Observation[], entries: readonly WorkedEntry[]): Promise<boolean>
  fail(entry: StoredEntry, failure: Failure): Promise<void>
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
}

/** Entries that are worked on together, after whatever came before them for the same records. */
interface Group extends Turn {
  readonly entries: readonly StoredEntry[]
  readonly priority: WorkPriority
  /** Told once they were worked on, well or not. */
  onWorked?: () => void
}

/** Entries with what was read for them. */
interface Work {
  readonly observations: readonly Observation[]
  readonly entries: readonly WorkedEntry[]
}

/** Works of one system under way at a time. */
const maxRunning = 200

/** Works held in memory; the rest waits in the store. */
const maxHeld = 2000

/** Works of one transaction: more would make the first of them wait for the last. */
const maxTogether = 100

/** Readings of one system under way at a time; a vendor that is slow, or whose budget is short, is asked for more at once. */
const maxReadings = 4

/**
 * A quiet system is read at once, a busy one 15 times a second: its records gather, and a vendor that answers many at once
 * is asked for many. HubSpot's 190 requests in 10 s are the least that any of them allows.
 */
const readingRhythm = { burst: 20, everyMs: 1000 / 15 }

/** How long a reading waits for those under way. */
const readingPatienceMs = 250

/** When a record is read again whose vendor lags behind its own news: 1, 3 and 10 s after it came. */
const lagAfterMs: readonly number[] = [1000, 2000, 7000]

/** A vendor may date its news a little later than the record they are about. */
const clockGapMs = 100

/** Readings in a row that others overtake, until the entry waits its turn like one that failed. */
const maxOvertaken = 20

/** How often the store is asked for entries that came due. */
const pollMs = 1000

/** How often leases are renewed of what is under way or waits in memory; well before they run out, which is after 15 s. */
const renewMs = 4_000

/**
 * Works on stored entries: evict, read anew, apply, all of one delivery about one record together, and one after the
 * other for a record, so that the last thing applied was read after the last thing heard.
 */
export class DeliveryProcessor {
  readonly #ports: ProcessPorts
  readonly #turns: Turns<Group>
  readonly #held = new Set<Group>()
  /** By system and priority: what is read in the background holds up no webhook. */
  readonly #readings = new Map<string, Gather<RecordRef, ObservedRecord | null>>()
  readonly #applying: Gather<Work, boolean>
  #polling: NodeJS.Timeout | undefined
  #asking: Promise<void> | null = null
  /** How often somebody said that entries may be due. */
  #wakings = 0
  #renewing: NodeJS.Timeout | undefined
  #isStopping = false

  constructor(ports: ProcessPorts) {
    this.#ports = ports
    this.#turns = new Turns({ most: maxRunning, run: group => this.#work(group) })
    this.#applying = new Gather({ most: 1, largest: maxTogether, work: works => this.#applyTogether(works) })
  }

  start(): void {
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

  /** False while so much is held that new entries had better wait in the store. */
  get hasRoom(): boolean {
    return this.#turns.held < maxHeld
  }

  /** Takes entries that this process has claimed. Returns at once. */
  accept(entries: readonly StoredEntry[]): void {
    // Claimed while we were told to stop: they stay in the store.
    if (this.#isStopping) return
    for (const group of byDeliveryAndRecord(entries)) {
      this.#held.add(group)
      this.#turns.add(group)
    }
  }

  /** Takes entries that this process has claimed. Resolves once each was worked on, well or not; never rejects. */
  async work(entries: readonly StoredEntry[]): Promise<void> {
    if (this.#isStopping) return
    await Promise.all(
      byDeliveryAndRecord(entries).map(
        group =>
          new Promise<void>(resolve => {
            group.onWorked = resolve
            this.#held.add(group)
            this.#turns.add(group)
          }),
      ),
    )
  }

  /** Resolves when nothing is under way or waiting in memory. */
  idle(): Promise<void> {
    return this.#turns.idle()
  }

  /** Finishes what is under way; what waits stays in the store. */
  async stop(): Promise<void> {
    this.#isStopping = true
    clearTimeout(this.#polling)
    clearInterval(this.#renewing)
    await this.#asking
    // A slow vendor's queue must not keep us from ending.
    this.#turns.clear()
    for (const group of this.#held) group.onWorked?.()
    this.#held.clear()
    await this.idle()
  }

  #poll(): void {
    this.#polling = undefined
    this.#asking = this.#ask().then(() => {
      this.#asking = null
      if (!this.#isStopping) this.#polling = setTimeout(() => this.#poll(), pollMs).unref()
    })
  }

  /** Claims until nothing more is due or there is no room. Never rejects. */
  async #ask(): Promise<void> {
    try {
      let isMore = true
      while (isMore && !this.#isStopping) {
        const wakings = this.#wakings
        const limit = Math.min(maxHeld - this.#turns.held, maxRunning)
        const claimed = limit > 0 ? await this.#ports.claim(limit) : []
        this.accept(claimed)
        isMore = this.#wakings !== wakings || (limit > 0 && claimed.length === limit)
      }
    } catch (error) {
      this.#ports.log.warn({ err: error }, 'the store cannot be asked for deliveries that are due')
    }
  }

  /** Never rejects. */
  async #work(group: Group): Promise<void> {
    const { log } = this.#ports
    const { entries, priority } = group
    try {
      const isOurs = await this.#readAndApply(entries, priority)
      if (!isOurs) log.warn({ entries: entries.map(entry => entry.id) }, 'entries were taken over by another worker')
    } catch (error) {
      for (const entry of entries) await this.#fail(entry, error)
    } finally {
      this.#held.delete(group)
      group.onWorked?.()
    }
  }

  /** Reads again what was overtaken: somebody else got through each time, so it ends. */
  async #readAndApply(entries: readonly StoredEntry[], priority: WorkPriority): Promise<boolean> {
    const hints = merge(entries)
    for (let readings = 1; ; readings++) {
      const readAfter = this.#ports.position?.()
      const observations = await Promise.all(hints.map(hint => this.#observe(hint, priority, readAfter)))
      const isLagging = hints.some((hint, at) => isBehind(hint, observations[at]))
      const worked = entries.map(entry => ({ entry, againAt: isLagging ? this.#againAt(entry) : null }))
      try {
        return await this.#applying.submit({ observations, entries: worked })
      } catch (error) {
        if (!(error instanceof Overtaken) || readings === maxOvertaken) throw error
      }
    }
  }

  #againAt({ attempts }: StoredEntry): Date | null {
    const waitMs = lagAfterMs[attempts - 1]
    return waitMs === undefined ? null : new Date(this.#ports.clock.now().getTime() + waitMs)
  }

  async #renew(): Promise<void> {
    const entries = [...this.#held].flatMap(group => group.entries)
    if (entries.length === 0) return
    try {
      await this.#ports.renew(entries)
    } catch (error) {
      this.#ports.log.warn({ err: error, entries: entries.length }, 'leases of deliveries could not be renewed')
    }
  }

  async #observe(hint: Hint, priority: WorkPriority, readAfter?: number): Promise<Observation> {
    const { record, kind, fields, at, isEcho, mergedInto } = hint
    const origin = hint.foundIn === 'listing' ? 'sweep' : undefined
    this.#ports.evict(hint)
    // A merged record's id answers with the winner: it must not be read as itself.
    const observed = mergedInto === undefined ? await this.#read(record, priority) : null
    if (observed !== null && !sameRecord(observed.record, record)) {
      // It was merged, and that news comes later or never: the winner names its former ids, and so tells of the merge.
      return { record: observed.record, observed, kind: 'UPDATED', fields: [], at: null, origin, readAfter }
    }
    return { record, observed, kind, fields, at, isEcho, mergedInto, origin, readAfter }
  }

  #read(record: RecordRef, priority: WorkPriority): Promise<ObservedRecord | null> {
    const name = `${record.system} ${priority}`
    let readings = this.#readings.get(name)
    if (readings === undefined) {
      readings = new Gather({
        most: maxReadings,
        largest: maxRunning,
        patienceMs: readingPatienceMs,
        rhythm: readingRhythm,
        work: records => records.map(async one => this.#ports.observe(one, priority)),
      })
      this.#readings.set(name, readings)
    }
    return readings.submit(record)
  }

  /** In one transaction; each in one of its own when that fails, so that one work's fault is not the others'. */
  #applyTogether(works: readonly Work[]): readonly Promise<boolean>[] {
    const together = this.#areApplied(works)
    return works.map(async ({ observations, entries }) => (await together) || this.#ports.apply(observations, entries))
  }

  /** @throws StoreError: the store's fault is everyone's */
  async #areApplied(works: readonly Work[]): Promise<boolean> {
    // A merge changes records that others here may have read before it.
    if (works.length < 2 || works.some(isMerge)) return false
    try {
      return await this.#ports.apply(
        works.flatMap(work => work.observations),
        works.flatMap(work => work.entries),
      )
    } catch (error) {
      if (error instanceof StoreError) throw error
      return false
    }
  }

  async #fail(entry: StoredEntry, error: unknown): Promise<void> {
    const { log, clock, random } = this.#ports
    const reason = error instanceof VendorError ? error.message : error instanceof Error ? error.name : 'unknown fault'
    const { system, attempts } = entry
    const isLast = attempts >= maxAttempts || (error instanceof VendorError && error.kind === 'rejected')
    if (!(error instanceof VendorError)) log.error({ err: error, system, entry: entry.id }, 'a delivery failed here')
    try {
      if (isLast) {
        log.error({ system, entry: entry.id, attempts, reason }, 'a delivery is given up')
        await this.#ports.fail(entry, { state: 'dead', error: reason })
        return
      }
      const hinted = error instanceof VendorError ? (error.retryAfterMs ?? 0) : 0
      const waitMs = Math.max(hinted, retryAfterMs(attempts, random()))
      log.warn({ system, entry: entry.id, attempts, reason, waitMs }, 'a delivery is tried again later')
      await this.#ports.fail(entry, { state: 'due', dueAt: new Date(clock.now().getTime() + waitMs), error: reason })
    } catch (failed) {
      // Its lease runs out, and it is claimed again.
      log.error({ err: failed, system, entry: entry.id }, 'a failed delivery could not be put back')
    }
  }
}

function isMerge({ observations }: Work): boolean {
  return observations.some(({ mergedInto }) => mergedInto !== undefined)
}

/** Whether the vendor does not show yet what it has told: some answer from copies that lag behind their own news. */
function isBehind({ kind, at, mergedInto, isEcho, record }: Hint, observation: Observation | undefined): boolean {
  if (observation === undefined || mergedInto !== undefined || isEcho === true) return false
  const { observed } = observation
  if (observed === null) return kind === 'CREATED'
  if (!sameRecord(observed.record, record)) return false
  const { updatedAt } = observed
  if (kind === 'DELETED') return at === null || updatedAt === null || updatedAt.getTime() <= at.getTime()
  return at !== null && updatedAt !== null && at.getTime() - updatedAt.getTime() > clockGapMs
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
      lane: `${group[0]?.system ?? ''} ${priority}`,
      keys: [...new Set(hints.map(hint => recordKey(hint.record)))],
    }
  })
}

/** One hint a record: the union of the fields, the latest time, and the kind that says most. */
function merge(entries: readonly StoredEntry[]): readonly Hint[] {
  const merged = new Map<string, Hint>()
  for (const hint of entries.flatMap(entry => entry.hints)) {
    const key = recordKey(hint.record)
    const known = merged.get(key)
    if (known === undefined) {
      merged.set(key, hint)
      continue
    }
    const isSilent = known.fields.length === 0 || hint.fields.length === 0
    const saysNothing = (one: Hint): boolean => one.kind === 'UPDATED' && one.fields.length === 0
    merged.set(key, {
      ...known,
      kind: strongest(known.kind, hint.kind),
      // "Something changed" beside named fields leaves the named ones unsure.
      fields:
        isSilent && (saysNothing(known) || saysNothing(hint)) ? [] : [...new Set([...known.fields, ...hint.fields])],
      at: latest(known.at, hint.at),
      isEcho: known.isEcho === true && hint.isEcho === true,
      mergedInto: hint.mergedInto ?? known.mergedInto,
    })
  }
  return [...merged.values()]
}

const strength: readonly ChangeKind[] = ['LINKED', 'UPDATED', 'CREATED', 'DELETED']

function strongest(a: ChangeKind, b: ChangeKind): ChangeKind {
  return strength.indexOf(a) >= strength.indexOf(b) ? a : b
}

function latest(a: Date | null, b: Date | null): Date | null {
  if (a === null) return b
  return b === null || a.getTime() >= b.getTime() ? a : b
}
