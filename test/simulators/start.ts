import { startAsana } from './asana/simulator.ts'
import { seedBusiness } from './core/business.ts'
import { seededRandom } from './core/random.ts'
import { startHubspot } from './hubspot/simulator.ts'
import { createLife } from './life.ts'
import { startStripe } from './stripe/simulator.ts'
import type { AsanaSimulator } from './asana/simulator.ts'
import type { Business } from './core/business.ts'
import type { HubspotSimulator } from './hubspot/simulator.ts'
import type { Life } from './life.ts'
import type { EventPayload } from './stripe/records.ts'
import type { StripeSimulator } from './stripe/simulator.ts'

/** What the three held; see `snapshot`. */
export type SimulatorSeeds = ReturnType<Simulators['snapshot']>

export interface SimulatorsOptions {
  /** Any free ones where absent. */
  readonly ports?: { readonly hubspot?: number; readonly stripe?: number; readonly asana?: number }
  /** One for all three. */
  readonly business?: Business
  /** What earlier ones held, instead of a business. */
  readonly seeds?: SimulatorSeeds
  readonly clock?: () => Date
  /** Webhooks go to `<webhookBase>/webhooks/<system>`, for Asana with `/<project>` behind. */
  readonly webhookBase?: string
  /** What webhooks are signed with. Without one for Asana, its webhooks have to be registered through its API. */
  readonly secrets?: { readonly hubspot?: string; readonly stripe?: string; readonly asana?: string }
  /** Adds one of everything that is rare in a business; not where seeds are given. */
  readonly hasExamples?: boolean
  /** The zone of the person whose Asana token it is; UTC when absent. */
  readonly zone?: string
  /** How Stripe sends its events; whole when absent. */
  readonly stripeEvents?: EventPayload
  /** Lets in whoever brings no token at all. */
  readonly openDoor?: boolean
  /** Times the waits between tries of a webhook. */
  readonly retryScale?: number
  /** Whether things happen by themselves, and how often on average. Told to step by step when not. */
  readonly life?: boolean | { readonly everyMs: number }
  /** Decides what happens in it; 1 when not given. */
  readonly lifeSeed?: number
  /** Told of each thing that happens by itself, in one line. */
  readonly tell?: (line: string) => void
}

export interface Simulators {
  readonly hubspot: HubspotSimulator
  readonly stripe: StripeSimulator
  readonly asana: AsanaSimulator
  /** What the three hold; give it to the next ones as their seeds. */
  snapshot(): {
    readonly hubspot: ReturnType<HubspotSimulator['snapshot']>
    readonly stripe: ReturnType<StripeSimulator['snapshot']>
    readonly asana: ReturnType<AsanaSimulator['snapshot']>
  }
  /** Running only when asked for; `step` lets one thing happen in either case. */
  readonly life: Life
  close(): Promise<void>
}

/** Starts the three vendors over one business. @throws when one of them cannot be started; then none is left running */
export async function startSimulators(options: SimulatorsOptions = {}): Promise<Simulators> {
  const { ports = {}, secrets = {}, openDoor, retryScale, webhookBase = 'http://127.0.0.1:4000' } = options
  const clock = options.clock ?? (() => new Date())
  const business = options.business ?? seedBusiness({ now: clock() })
  const shared = { business, clock, openDoor, retryScale }
  const webhookUrl = (system: string) => `${webhookBase}/webhooks/${system}`
  const started: { close(): Promise<void> }[] = []

  try {
    const hubspot = await startHubspot({
      ...shared,
      port: ports.hubspot,
      seed: options.seeds?.hubspot,
      hasExamples: options.hasExamples,
      webhookUrl: webhookUrl('hubspot'),
      clientSecret: secrets.hubspot,
    })
    started.push(hubspot)
    const stripe = await startStripe({
      ...shared,
      port: ports.stripe,
      seed: options.seeds?.stripe,
      hasExamples: options.hasExamples === true && options.seeds === undefined,
      eventPayload: options.stripeEvents,
      webhookUrl: webhookUrl('stripe'),
      webhookSecret: secrets.stripe,
    })
    started.push(stripe)
    const asana = await startAsana({
      ...shared,
      zone: options.zone,
      port: ports.asana,
      seed: options.seeds?.asana,
      ...(secrets.asana === undefined ? {} : { webhookUrl: webhookUrl('asana'), plantSecret: secrets.asana }),
    })
    started.push(asana)

    const life = createLife({
      hubspot: { url: hubspot.url, token: hubspot.accessToken },
      stripe: { url: stripe.url, token: stripe.secretKey },
      asana: { url: asana.url, token: asana.accessToken },
      random: seededRandom(options.lifeSeed ?? 1),
      everyMs: typeof options.life === 'object' ? options.life.everyMs : undefined,
      clock,
      tell: options.tell,
    })
    if (options.life !== undefined && options.life !== false) life.start()

    return {
      hubspot,
      stripe,
      asana,
      life,
      snapshot: () => ({ hubspot: hubspot.snapshot(), stripe: stripe.snapshot(), asana: asana.snapshot() }),
      async close() {
        await life.stop()
        await closeAll()
      },
    }
  } catch (error) {
    await closeAll()
    throw error
  }

  async function closeAll(): Promise<void> {
    await Promise.all(started.map(simulator => simulator.close()))
  }
}
