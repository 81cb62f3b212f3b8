import type { System } from '../../schema/systems.ts'
import type { CallContext, Clock, Log, OpenSystem, WebhookSubscription } from '../../subgraphs/contract.ts'
import { VendorError } from '../../subgraphs/vendor-error.ts'
import type { Store } from '../store/store.ts'
import { wasHeardSince } from '../store/delivery-history.ts'
import { newestQuarantined } from '../store/quarantine.ts'
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
      const found = await Promise.all(
        alive.map(async one => {
          const isReadable = (await secrets.of(system, one.endpoint, adapter.webhookSecrets)).length > 0
          return isReadable || one.state === 'GONE' || one.state === 'POLLED' ? one : withoutSecret(system, one)
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
      log.warn({ system, err: error }, 'whether its webhooks are alive could not be asked')
    }
  }
}

/** How long a refused webhook tells of an address to which nothing genuine came after it: no vendor sends one again for longer. */
const refusalTellsMs = 3 * 24 * 60 * 60_000

/**
 * How the webhooks are: by the vendor's word when it was last asked, and by what came since. No vendor's word tells of a secret
 * that is wrong here: where the last webhook that came was refused for its signature, it is `FAILING`.
 * @throws StoreError
 */
export async function readWebhooks(store: Store, now: Date): Promise<readonly StoredSubscription[]> {
  const [known, newest] = await Promise.all([
    store.read(db => listSubscriptions(db)),
    newestQuarantined(store, new Date(now.getTime() - refusalTellsMs)),
  ])
  const webhooks = [...known]
  for (const { system, endpoint, at } of newest) {
    if (await wasHeardSince(store, system, endpoint, at)) continue
    const place = webhooks.findIndex(one => one.system === system && one.endpoint === endpoint)
    const told = webhooks[place]
    // What is not sent at all has to be mended before.
    if (told?.state === 'GONE' || told?.state === 'DISABLED') continue
    const refused = {
      system,
      endpoint,
      state: 'FAILING',
      lastFailureAt: at,
      note: refusedNote(system),
      checkedAt: now,
    } as const
    webhooks.splice(place < 0 ? webhooks.length : place, place < 0 ? 0 : 1, refused)
  }
  return webhooks
}

function refusedNote(system: System): string {
  return [
    'The last that came was refused: its signature fits no secret that is known here. When the secret is wrong, mend it, and take in',
    `what was refused with npm run deliveries -- quarantine recover ${system}; when it is right, somebody forges webhooks.`,
  ].join(' ')
}

/** What it sends is refused here: nobody can tell it from a forgery. */
function withoutSecret(system: System, one: WebhookSubscription): WebhookSubscription {
  const note = `Its signing secret is not known here, so all that it sends is refused: npm run connect -- ${system}`
  return { ...one, state: one.state === 'DISABLED' ? one.state : 'FAILING', note }
}

/** `its webhook of 99 is gone`. */
export function webhookText({ endpoint, state }: Pick<StoredSubscription, 'endpoint' | 'state'>): string {
  return `its webhook ${endpoint === '' ? '' : `of ${endpoint} `}is ${state.toLowerCase()}`
}
