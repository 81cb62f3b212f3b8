import type { Clock, SubscriptionState } from '../subgraphs/contract.ts'
import type { Health } from './leaving.ts'
import { seenByAll } from './outages.ts'
import type { Importing } from './operator/importing.ts'
import type { SettingsCheck } from './operator/settings-check.ts'
import { readWebhooks, refusedText, webhookText, type ReadWebhook } from './operator/webhooks-check.ts'
import type { Runtime } from './runtime.ts'
import { listOutages, type Outage } from './store/outages.ts'
import { StoreError, type Store } from './store/store.ts'

/** Of a webhook that will not call us, or soon not. */
const unwellStates: ReadonlySet<SubscriptionState> = new Set(['FAILING', 'DISABLED', 'GONE', 'MISSING'])

/** Ready once the store takes writes and the log of Changes is followed; a vendor that is down makes nobody unready. */
export async function healthOf(
  runtime: Runtime,
  {
    importing,
    settings,
    refusals,
    clock,
  }: { importing: Importing; settings: SettingsCheck; refusals: Refusals; clock: Clock },
): Promise<Health> {
  const parts: Record<string, string> = {}
  let isReady = true
  let webhooks: readonly ReadWebhook[] = []
  let outages: readonly Outage[] = []
  let fault = await storeFault(runtime.store, refusals)
  try {
    webhooks = await readWebhooks(runtime.store, clock.now())
    outages = await runtime.store.read(db => listOutages(db, clock.now()))
  } catch {
    fault ??= 'cannot be read'
  }
  parts['store'] = fault ?? 'ok'
  if (fault !== null) isReady = false
  parts['changes'] = runtime.follower.isCutOff ? 'the log of Changes cannot be followed' : 'ok'
  if (runtime.follower.isCutOff) isReady = false
  for (const { system, status } of runtime.systems) {
    const { isReachable, isAuthorized } = seenByAll(system, status(), outages)
    const state = !isReachable ? 'cannot be reached' : isAuthorized ? 'ok' : 'refuses our credentials'
    const given = importing.isGivenUp(system) ? `${state}, its import was given up: the log says why` : state
    const now = importing.isRunning(system) ? `${state}, import is running` : given
    const own = webhooks.filter(one => one.system === system)
    const faults = [...own.filter(one => unwellStates.has(one.state)).map(webhookText), ...settings.faultsOf(system)]
    // No fault by itself: a stranger can have a request refused.
    const refused = own.flatMap(one => (one.refused === null ? [] : [refusedAt(one.endpoint, one.refused)]))
    parts[system] = [...(now === 'ok' && faults.length > 0 ? [] : [now]), ...faults, ...refused].join('; ')
  }
  return { isReady, parts }
}

function refusedAt(endpoint: string, refused: NonNullable<ReadWebhook['refused']>): string {
  return `${endpoint === '' ? '' : `at ${endpoint} `}${refusedText(refused)}`
}

/** Webhooks that the store did not take: on a full disk small writes may still have room where they have none. */
export class Refusals {
  #last: { readonly atMs: number; readonly error: StoreError } | null = null

  /** Whether what was stored went well, each time. */
  async watch<T>(storing: Promise<T>): Promise<T> {
    try {
      const stored = await storing
      this.#last = null
      return stored
    } catch (error) {
      if (error instanceof StoreError) this.#last = { atMs: performance.now(), error }
      throw error
    }
  }

  /** What the last webhook met; null when it was stored, or when none came for a while. */
  get fault(): StoreError | null {
    return this.#last !== null && performance.now() - this.#last.atMs < refusalCountsMs ? this.#last.error : null
  }
}

/** Vendors come again within that, and a probe tells the rest. */
const refusalCountsMs = 5_000

/** Why the store takes no webhook, in words; null when it does. */
export async function storeFault(store: Store, refusals: Refusals): Promise<string | null> {
  const fault: unknown =
    refusals.fault ??
    (await probe(store).then(
      () => null,
      (error: unknown) => error,
    ))
  if (fault === null) return null
  return fault instanceof StoreError && fault.kind === 'full' ? 'has no space left' : 'takes no writes'
}

/** Answers of one second are one write, however often they are asked for. */
const probeEveryMs = 1000
const probes = new WeakMap<Store, { readonly atMs: number; readonly written: Promise<unknown> }>()

/** A store that can only be read takes no webhook. */
function probe(store: Store): Promise<unknown> {
  const now = performance.now()
  const last = probes.get(store)
  if (last !== undefined && now - last.atMs < probeEveryMs) return last.written
  const value = new Date().toISOString()
  const written = store.write(
    tx =>
      tx
        .insertInto('meta')
        .values({ name: 'probed_at', value })
        .onConflict(on => on.column('name').doUpdateSet({ value }))
        .execute(),
    { isSerial: false },
  )
  probes.set(store, { atMs: now, written })
  return written
}
