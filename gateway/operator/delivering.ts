import { setTimeout as later } from 'node:timers/promises'
import type { Change } from '../../schema/change.ts'
import type { EntityRef } from '../../schema/entities.ts'
import { recordKey, type System } from '../../schema/systems.ts'
import type { Hint, Log } from '../../subgraphs/contract.ts'
import { VendorError } from '../../subgraphs/vendor-error.ts'
import { applyObservations } from '../changes/apply.ts'
import type { Observation } from '../changes/observe.ts'
import { recordsAbout } from '../links/about.ts'
import type { Runtime } from '../runtime.ts'
import {
  countDeliveries,
  findDeliveries,
  idsOfDeliveries,
  readRaw,
  type DeliveryFilter,
  type FoundDelivery,
  type RawRequest,
  type DeliveryWindow,
} from '../store/find-deliveries.ts'
import { dismissDead } from '../store/dismissals.ts'
import { countQuarantined, forgetQuarantined, listQuarantined, type QuarantineCount } from '../store/quarantine.ts'
import { storeReceived } from '../store/received.ts'
import { readForReplay, writeReplays } from '../store/replays.ts'
import { merge, outcomeOf, type Outcome } from '../webhooks/observation.ts'
import type { WebhookSource } from '../webhooks/receive.ts'
import { recover, type Recovered } from '../webhooks/recover.ts'
import { hintsOfPlan, planReplay, writeOf, type UntouchedReason } from '../webhooks/replay.ts'
import type { Secrets } from '../webhooks/secrets.ts'

/** Which deliveries an operator means. */
export interface AskedDeliveries extends Omit<DeliveryFilter, 'recordKeys'> {
  /** Everything about this: its own record, linked ones, its orders and jobs. */
  readonly entity?: EntityRef | null
}

export interface ReplayRequest {
  readonly filter: AskedDeliveries
  /** At most this many, the oldest first. */
  readonly limit: number
  /** Says what would change, and writes nothing. */
  readonly dryRun: boolean
  /** Whether the end of the work is waited for, page by page, so that a long replay delays nobody else's deliveries. */
  readonly waits: boolean
}

export interface ReplayReport {
  /** How many are meant. */
  readonly matched: number
  readonly looked: number
  /** Ids of what is due again; in a rehearsal, of what would be. */
  readonly due: readonly number[]
  /** How many are left as they are, by the reason. */
  readonly untouched: Readonly<Partial<Record<UntouchedReason, number>>>
  /** In a rehearsal: the Changes that would follow, in their order. */
  readonly changes: readonly Change[]
  /** In a rehearsal: what could not be said, and why. */
  readonly unsure: readonly { readonly id: number; readonly reason: string }[]
  /** Of those waited for: how they ended; `waiting` failed once more and are tried again later. */
  readonly ended: { readonly done: number; readonly dead: number; readonly waiting: number }
}

/** What an operator does with deliveries, however asked: by command or in the graph. */
export interface Delivering {
  find(asked: AskedDeliveries, window: DeliveryWindow): Promise<readonly FoundDelivery[]>
  count(asked: AskedDeliveries): Promise<number>
  /** Personal data. */
  raw(requestId: number): Promise<RawRequest | null>
  replay(request: ReplayRequest, onPage: (sofar: ReplayReport) => void, signal: AbortSignal): Promise<ReplayReport>
  /** Settles the dead ones of those meant that nothing is to be done about. @returns how many are meant, and the ids of those */
  dismiss(
    asked: AskedDeliveries,
    limit: number,
  ): Promise<{ readonly matched: number; readonly dismissed: readonly number[] }>
  quarantined(): Promise<readonly QuarantineCount[]>
  recover(system: System | null, onPage: (sofar: Recovered) => void, signal: AbortSignal): Promise<Recovered>
}

/** Entries of one page of a replay. */
const replayedAtOnce = 100

/** Kept requests of one page of a recovery. */
const recoveredAtOnce = 50

/** How often it is looked whether a page was worked on. */
const lookEveryMs = 100

export interface DeliveringPorts {
  readonly log: Log
  readonly secrets: Secrets
}

export function openDelivering(runtime: Runtime, { log, secrets }: DeliveringPorts): Delivering {
  const { store, catalogue, traces } = runtime
  const { clock } = store
  const sources = webhookSources(runtime)
  const adapterOf = (system: System) => sources.find(source => source.system === system)?.adapter ?? null

  return {
    find: async (asked, window) => findDeliveries(store, await filterOf(asked), window),
    count: async asked => countDeliveries(store, await filterOf(asked)),
    raw: requestId => readRaw(store, requestId),
    async dismiss(asked, limit) {
      const ids = await idsOfDeliveries(store, await filterOf(asked), limit)
      const dismissed = await dismissDead(store, ids, clock.now())
      log.info({ entries: dismissed.length }, 'dead deliveries are dismissed')
      return { matched: ids.length, dismissed }
    },
    quarantined: () => countQuarantined(store),
    recover: (system, onPage, signal) =>
      recover(
        {
          sources,
          secrets,
          list: (of, after) => listQuarantined(store, of, { after, limit: recoveredAtOnce }),
          async store(of, kept, entries, receivedAt) {
            const { endpoint, url, headers, body } = kept
            const request = { system: of, endpoint, url, headers, body, receivedAt, entries }
            // Held by nobody: whoever has room takes it within a second.
            const { id: receivedId, duplicates } = await storeReceived(store, request, 0, null)
            const receipt = { received: kept, receivedAt, entries: entries.length, duplicates }
            traces.received({ system: of, receivedId, receivedAt }, receipt)
            store.signals?.send('deliveries')
            return { fresh: entries.length - duplicates }
          },
          forget: ids => forgetQuarantined(store, ids),
          log,
        },
        system,
        onPage,
        signal,
      ),
    async replay({ filter, limit, dryRun, waits }, onPage, signal) {
      const ids = await idsOfDeliveries(store, await filterOf(filter), limit)
      let sofar: ReplayReport = {
        matched: ids.length,
        looked: 0,
        due: [],
        untouched: {},
        changes: [],
        unsure: [],
        ended: { done: 0, dead: 0, waiting: 0 },
      }
      for (let at = 0; at < ids.length && !signal.aborted; at += replayedAtOnce) {
        const page = ids.slice(at, at + replayedAtOnce)
        const one = dryRun ? await rehearsePage(page) : await replayPage(page, waits, signal)
        sofar = sum(sofar, { ...one, looked: page.length })
        onPage(sofar)
      }
      return sofar
    },
  }

  async function filterOf({ entity = null, ...filter }: AskedDeliveries): Promise<DeliveryFilter> {
    return entity === null ? filter : { ...filter, recordKeys: await recordsAbout(store, catalogue, entity) }
  }

  async function plansOf(ids: readonly number[]) {
    const entries = await readForReplay(store, ids)
    return entries.map(entry => ({ entry, plan: planReplay(entry, adapterOf(entry.system)) }))
  }

  async function replayPage(ids: readonly number[], waits: boolean, signal: AbortSignal): Promise<PageReport> {
    const plans = await plansOf(ids)
    const writes = plans.flatMap(({ entry, plan }) => writeOf(entry, plan) ?? [])
    const due = writes.length === 0 ? [] : await writeReplays(store, writes, clock.now())
    if (due.length > 0) store.signals?.send('deliveries')
    log.info({ entries: due.length }, 'deliveries are replayed')
    const ended = waits ? await settled(due, signal) : nothingEnded
    return { due, untouched: untouchedOf(plans.map(({ plan }) => plan)), changes: [], unsure: [], ended }
  }

  async function settled(ids: readonly number[], signal: AbortSignal): Promise<ReplayReport['ended']> {
    for (;;) {
      const rows =
        ids.length === 0
          ? []
          : await store.read(db =>
              db
                .selectFrom('delivery_entries')
                .select(['state', 'due_at', 'lease_by'])
                .where('id', 'in', ids)
                .execute(),
            )
      const now = clock.now().getTime()
      const isOver = rows.every(row => row.state !== 'due' || (row.lease_by === null && row.due_at > now))
      if (isOver || signal.aborted) {
        const count = (state: string): number => rows.filter(row => row.state === state).length
        return { done: count('done'), dead: count('dead'), waiting: count('due') }
      }
      await later(lookEveryMs)
    }
  }

  /** Reads what the entries are about, applies it in a transaction, and takes it back. */
  async function rehearsePage(ids: readonly number[]): Promise<PageReport> {
    const plans = await plansOf(ids)
    const due: number[] = []
    const unsure: { id: number; reason: string }[] = []
    const observations: Observation[] = []
    await Promise.all(
      plans.map(async ({ entry: { id }, plan }) => {
        if (plan.do === 'nothing') return
        due.push(id)
        try {
          const located = await Promise.all(
            hintsOfPlan(plan).map(hint => runtime.locate(hint, runtime.context('background'))),
          )
          const hints = merge([{ hints: located.flat() }])
          for (const { refuted, observations: found } of await Promise.all(hints.map(look))) {
            if (refuted === undefined) observations.push(...found)
            else unsure.push({ id, reason: refuted })
          }
        } catch (error) {
          unsure.push({ id, reason: error instanceof VendorError ? error.message : 'its records cannot be read' })
        }
      }),
    )
    const changes = await rehearse(observations).catch((error: unknown) => {
      log.warn({ err: error }, 'a replay could not be rehearsed')
      unsure.push(...due.map(id => ({ id, reason: 'applying it fails' })))
      return []
    })
    return { due, untouched: untouchedOf(plans.map(({ plan }) => plan)), changes, unsure, ended: nothingEnded }
  }

  function look(hint: Hint): Promise<Outcome> {
    runtime.cache.evict(hint.record)
    return outcomeOf(hint, record => runtime.observe(record, runtime.context('background')))
  }

  async function rehearse(observations: readonly Observation[]): Promise<readonly Change[]> {
    if (observations.length === 0) return []
    // Each record once, as it is applied when several entries are about it.
    const last = new Map(observations.map(one => [recordKey(one.record), one]))
    try {
      await store.write(async tx => {
        throw new Rehearsed(await applyObservations(tx, catalogue, [...last.values()], clock.now()))
      })
    } catch (error) {
      if (error instanceof Rehearsed) return error.changes
      throw error
    }
    return []
  }
}

/** Takes back what was written to see what it does. */
class Rehearsed extends Error {
  override readonly name = 'Rehearsed'
  readonly changes: readonly Change[]

  constructor(changes: readonly Change[]) {
    super('rehearsed')
    this.changes = changes
  }
}

type PageReport = Omit<ReplayReport, 'matched' | 'looked'>

const nothingEnded = { done: 0, dead: 0, waiting: 0 }

function untouchedOf(plans: readonly ReturnType<typeof planReplay>[]): Partial<Record<UntouchedReason, number>> {
  const counts: Partial<Record<UntouchedReason, number>> = {}
  for (const plan of plans) {
    if (plan.do === 'nothing') counts[plan.because] = (counts[plan.because] ?? 0) + 1
  }
  return counts
}

function sum(a: ReplayReport, b: PageReport & { readonly looked: number }): ReplayReport {
  const reasons: readonly UntouchedReason[] = ['processed', 'held', 'unreadable', 'forgotten']
  const untouched: Partial<Record<UntouchedReason, number>> = {}
  for (const reason of reasons) {
    const count = (a.untouched[reason] ?? 0) + (b.untouched[reason] ?? 0)
    if (count > 0) untouched[reason] = count
  }
  return {
    matched: a.matched,
    looked: a.looked + b.looked,
    due: [...a.due, ...b.due],
    untouched,
    changes: [...a.changes, ...b.changes],
    unsure: [...a.unsure, ...b.unsure],
    ended: {
      done: a.ended.done + b.ended.done,
      dead: a.ended.dead + b.ended.dead,
      waiting: a.ended.waiting + b.ended.waiting,
    },
  }
}

/** The systems as far as their webhooks go. */
export function webhookSources(runtime: Runtime): readonly WebhookSource[] {
  return runtime.systems.map(({ system, adapter }) => ({
    system,
    adapter: adapter.webhook,
    endpoints: adapter.webhookEndpoints,
    secrets: adapter.webhookSecrets,
  }))
}
