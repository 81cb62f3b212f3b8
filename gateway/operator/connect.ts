import type { System } from '../../schema/systems.ts'
import type { Tell } from './control.ts'
import { openContext } from '../graph/context.ts'
import type { Runtime } from '../runtime.ts'
import type { Clock } from '../../subgraphs/contract.ts'
import { holdLease, isHeld } from '../store/leases.ts'
import {
  addSecret,
  addUnconfirmedSecret,
  dropUnconfirmedSecrets,
  listSecrets,
  listUnconfirmedSecrets,
  replaceSecrets,
} from '../store/secrets.ts'
import { awaitWebhook } from './await-webhook.ts'
import { isThisMachine } from './public-address.ts'
import { Secrets } from '../webhooks/secrets.ts'
import { notConnectedText } from '../unplayed-roles.ts'
import type { WebhooksCheck } from './webhooks-check.ts'

export interface ConnectRequest {
  readonly system: System
  /** How long a webhook is waited for that a person is asked to cause; 0 for not at all. */
  readonly waitSeconds: number
  readonly publicUrl: string
  readonly secrets: Secrets
  readonly webhooks: WebhooksCheck
  readonly tell: Tell
  readonly signal: AbortSignal
}

/**
 * Registers with the vendor the webhooks that can be registered by API, and says what is left for a person to do.
 * The vendor's handshake is answered by this process or by another one of the store.
 */
export async function connectSystem(
  runtime: Runtime,
  { system, waitSeconds, publicUrl, secrets, webhooks, tell, signal }: ConnectRequest,
): Promise<'done' | 'failed'> {
  const running = runtime.systems.find(one => one.system === system)
  if (running === undefined) {
    tell(notConnectedText(system, runtime.systems, runtime.unplayed))
    return 'failed'
  }
  const { adapter } = running
  const call = { ...openContext(runtime.contexts).call, signal }
  tell(`${system}: webhooks are to go to ${publicUrl}/webhooks/${system}`)
  const isOnlyHere = isThisMachine(new URL(publicUrl).hostname)
  if (isOnlyHere) {
    tell('  note     only this machine reaches that address: set PUBLIC_URL to an address that the tool can call')
  }
  const report = await adapter.connect({ publicUrl, secrets: secrets.portOf(system, adapter.webhookSecrets), call })
  for (const line of report.done) tell(`  done     ${line}`)
  for (const line of report.missing) tell(`  missing  ${line}`)
  report.manual.forEach((line, at) => tell(`  step ${at + 1}   ${line}`))
  for (const line of report.notes ?? []) tell(`  note     ${line}`)
  const { awaited } = report
  const isWhole = report.missing.length === 0 && report.manual.length === 0
  if (awaited !== undefined && isWhole && waitSeconds === 0) {
    tell(`  note     no webhook was waited for: whether ${awaited.proves} shows with the first one`)
  }
  const isHeard =
    awaited === undefined ||
    !isWhole ||
    waitSeconds === 0 ||
    (await awaitWebhook(runtime.store, { system, awaited, waitSeconds, tell, signal }))
  if (isWhole && isHeard && (awaited === undefined || waitSeconds > 0)) {
    tell(
      isOnlyHere ? '  all is registered, for as long as the tool runs on this machine too' : '  nothing is left to do',
    )
  }
  if (report.missing.length > 0 && report.manual.length === 0) {
    tell(`  failed   correct what is named above, then run npm run connect -- ${system} again`)
  }
  // What was known of them is old now.
  await webhooks.look(running, call, () => undefined)
  return report.missing.length === 0 && isHeard ? 'done' : 'failed'
}

/** The webhook secrets of a store. A handshake may be answered by another process than the one that waits for it. */
export function openSecrets({ store, worker }: Runtime, clock: Clock): Secrets {
  const nameOf = (system: System, endpoint: string): string => `handshake ${system}/${endpoint}`
  return new Secrets({
    list: (system, endpoint) => listSecrets(store, system, endpoint),
    add: async (system, endpoint, secret) => {
      await addSecret(store, { system, endpoint, secret }, clock.now())
    },
    addAwaited: (system, endpoint, secret) =>
      addUnconfirmedSecret(store, { system, endpoint, secret, whileHeld: nameOf(system, endpoint) }, store.clock.now()),
    listUnconfirmed: (system, endpoint) => listUnconfirmedSecrets(store, system, endpoint),
    dropUnconfirmed: (system, endpoint) => dropUnconfirmedSecrets(store, system, endpoint),
    replace: (system, endpoint, secret) => replaceSecrets(store, system, endpoint, secret, clock.now()),
    async awaitHandshake(system, endpoint) {
      const lease = await holdLease(store, nameOf(system, endpoint), worker)
      if (lease === null)
        throw new Error(`another process is registering ${system}'s webhook ${endpoint}: try again in a minute`)
      return () => lease.end()
    },
    isHandshakeAwaited: (system, endpoint) => store.read(db => isHeld(db, nameOf(system, endpoint), store.clock.now())),
  })
}
