import type { System } from '../../schema/systems.ts'
import type {
  CallContext,
  Clock,
  Log,
  OpenSystem,
  SubscriptionState,
  WebhookSubscription,
} from '../../subgraphs/contract.ts'
import { VendorError } from '../../subgraphs/vendor-error.ts'
import type { Store } from '../store/store.ts'
import { wasHeardSince } from '../store/delivery-history.ts'
import { lastQuarantined, newestQuarantined } from '../store/quarantine.ts'
import { listSubscriptions, replaceSubscriptions, type StoredSubscription } from '../store/subscriptions.ts'
import type { Secrets } from '../webhooks/secrets.ts'
import type { Tell } from './control.ts'

export interface WebhooksCheckPorts {
  readonly store: Store
  readonly publicUrl: string
  readonly secrets: Pick<Secrets, 'of'>
  readonly log: Log
  readonly clock: Clock
}

/** A system as far as its webhooks go. */
interface Checked {
  readonly system: System
  readonly adapter: Pick<OpenSystem<unknown>, 'subscriptions' | 'webhookSecrets'>
}

/** Of a webhook that is there, or was. */
const thereStates: ReadonlySet<SubscriptionState> = new Set(['ACTIVE', 'FAILING', 'DISABLED', 'GONE'])

/** The vendor's own word on whether it still calls us, kept in the store for whoever asks. */
export class WebhooksCheck {
  readonly #ports: WebhooksCheckPorts

  constructor(ports: WebhooksCheckPorts) {
    this.#ports = ports
  }

  /**
   * Asks the tool. While it cannot be asked, what was known stays.
   * @param tell told of each webhook that is not as it should be
   * @throws VendorError only when the call was ended
   */
  async look({ system, adapter }: Checked, call: CallContext, tell: Tell): Promise<void> {
    const { store, publicUrl, secrets, log, clock } = this.#ports
    try {
      const alive = await adapter.subscriptions({ publicUrl, call })
      const before = (await store.read(db => listSubscriptions(db))).filter(one => one.system === system)
      const wasThere = (endpoint: string): boolean =>
        before.some(one => one.endpoint === endpoint && thereStates.has(one.state))
      const found = await Promise.all(
        alive.map(async one => {
          if (one.state === 'GONE') return wasThere(one.endpoint) ? one : { ...one, state: 'MISSING' as const }
          const isReadable = (await secrets.of(system, one.endpoint, adapter.webhookSecrets)).length > 0
          return isReadable || one.state === 'POLLED' ? one : withoutSecret(system, one)
        }),
      )
      await replaceSubscriptions(store, system, found, clock.now())
      for (const { endpoint, state, note } of found) {
        if (note === null || state === 'UNKNOWN' || state === 'POLLED') continue
        tell(`${system}: ${webhookText({ endpoint, state })}. ${note}`)
        log.warn({ system, endpoint, state, note }, 'a webhook is not as it should be')
      }
    } catch (error) {
      if (error instanceof VendorError && error.kind === 'aborted') throw error
      const fields = error instanceof VendorError ? { system, reason: error.message } : { system, err: error }
      log.warn(fields, 'whether its webhooks are alive could not be asked')
    }
  }
}

/** How long a refused webhook tells of an address to which nothing genuine came after it: no vendor sends one again for longer. */
const refusalTellsMs = 3 * 24 * 60 * 60_000

/**
 * Refused requests in a row that make a webhook `FAILING`. A wrong secret has every request refused, and vendors send each again several
 * times; one or two may as well be a stranger's.
 */
const refusedAreFailing = 3

/** How a webhook is, with what was refused at its address since the last genuine request. */
export interface ReadWebhook extends StoredSubscription {
  readonly refused: Refused | null
}

interface Refused {
  /** 3 stands for 3 and more. */
  readonly requests: number
  readonly lastAt: Date
}

/**
 * How the webhooks are: by the vendor's word when it was last asked, and by what came since. No vendor's word tells of a secret
 * that is wrong here: where the last three that came were refused for their signature, it is `FAILING`.
 * @throws StoreError
 */
export async function readWebhooks(store: Store, now: Date): Promise<readonly ReadWebhook[]> {
  const since = new Date(now.getTime() - refusalTellsMs)
  const [known, newest] = await Promise.all([store.read(db => listSubscriptions(db)), newestQuarantined(store, since)])
  const webhooks: ReadWebhook[] = known.map(one => ({ ...one, refused: null }))
  for (const { system, endpoint } of newest) {
    const refused = await refusedOf(store, { system, endpoint, since })
    if (refused === null) continue
    const place = webhooks.findIndex(one => one.system === system && one.endpoint === endpoint)
    const told = webhooks[place] ?? unknownWebhook(system, endpoint, now)
    webhooks.splice(place < 0 ? webhooks.length : place, place < 0 ? 0 : 1, withRefused(told, refused, now))
  }
  return webhooks
}

function unknownWebhook(system: System, endpoint: string, now: Date): ReadWebhook {
  return { system, endpoint, state: 'UNKNOWN', lastFailureAt: null, note: null, checkedAt: now, refused: null }
}

/** @returns null where the last that came was genuine */
async function refusedOf(
  store: Store,
  { system, endpoint, since }: { readonly system: System; readonly endpoint: string; readonly since: Date },
): Promise<Refused | null> {
  const times = await lastQuarantined(store, { system, endpoint, since }, refusedAreFailing)
  const [lastAt] = times
  let requests = 0
  for (const at of times) {
    if (await wasHeardSince(store, system, endpoint, at)) break
    requests += 1
  }
  return lastAt === undefined || requests === 0 ? null : { requests, lastAt }
}

function withRefused(told: ReadWebhook, refused: Refused, now: Date): ReadWebhook {
  const { system, state, note } = told
  const notes = { ...told, refused, note: [note, refusedNote(system, refused)].filter(one => one !== null).join(' ') }
  // What is not sent at all has to be mended before.
  const isSent = state !== 'GONE' && state !== 'MISSING' && state !== 'DISABLED'
  if (refused.requests < refusedAreFailing || !isSent) return notes
  return { ...notes, state: 'FAILING', lastFailureAt: refused.lastAt, checkedAt: now }
}

function refusedNote(system: System, refused: Refused): string {
  const text = refusedText(refused)
  return [
    `${text.charAt(0).toUpperCase()}${text.slice(1)}: no secret that the gateway has fits their signature. If the secret is wrong, correct it, then apply`,
    `the refused webhooks with npm run deliveries -- quarantine recover ${system}. If the secret is right, the webhooks are forged.`,
  ].join(' ')
}

/** `1 request was refused since the last genuine one, at 2026-03-02T08:00:00Z`. */
export function refusedText({ requests, lastAt }: Refused): string {
  const at = `${lastAt.toISOString().slice(0, 19)}Z`
  if (requests === 1) return `1 request was refused since the last genuine one, at ${at}`
  const count = requests < refusedAreFailing ? String(requests) : `${requests} or more`
  return `${count} requests were refused since the last genuine one, the last at ${at}`
}

/** What it sends is refused here: nobody can tell it from a forgery. */
function withoutSecret(system: System, one: WebhookSubscription): WebhookSubscription {
  const note = `Its signing secret is not known here, so all that it sends is refused: npm run connect -- ${system}`
  return { ...one, state: one.state === 'DISABLED' ? one.state : 'FAILING', note }
}

/** `its webhook of 99 is gone`. */
export function webhookText({ endpoint, state }: Pick<StoredSubscription, 'endpoint' | 'state'>): string {
  const what = state === 'MISSING' ? 'not registered' : state.toLowerCase()
  return `its webhook ${endpoint === '' ? '' : `of ${endpoint} `}is ${what}`
}
