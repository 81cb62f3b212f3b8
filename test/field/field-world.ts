import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Client } from 'graphql-ws'
import { onTestFinished } from 'vitest'
import { newestSequence } from '../../gateway/changes/log.ts'
import { readConfig } from '../../gateway/config.ts'
import { startGateway } from '../../gateway/gateway.ts'
import type { Clock } from '../../subgraphs/contract.ts'
import { registry } from '../../subgraphs/registry.ts'
import { freePort, recorder, serve, type LogLine, type Served } from '../flows/world.ts'
import { asanaAccount, hookSecret, hubspotAccount, stripeAccount } from './accounts.ts'
import { startVendorServer, type Answer, type VendorServer } from './vendor-server.ts'

export interface FieldOptions {
  /** What each vendor answers; an empty account when absent. */
  readonly hubspot?: readonly Answer[]
  readonly stripe?: readonly Answer[]
  readonly asana?: readonly Answer[]
  readonly environment?: Readonly<Record<string, string>>
  /** Whether the first import is waited for; it is, unless false. */
  readonly waitsForImport?: boolean
  /** The gateway's; the machine's when absent. */
  readonly clock?: Clock
}

export interface FieldWorld extends Served {
  readonly hubspot: VendorServer
  readonly stripe: VendorServer
  readonly asana: VendorServer
  readonly log: readonly LogLine[]
  /** Posts notifications as HubSpot signs them, and waits until they were worked on. @returns the HTTP status */
  tellHubspot(notifications: readonly object[]): Promise<number>
  /** Posts an event as Stripe signs it, and waits until it was worked on. @returns the HTTP status */
  tellStripe(event: object): Promise<number>
  /**
   * Posts events as Asana signs them, and waits until they were worked on; `gateway.connect('asana', …)` comes before.
   * @returns the HTTP status
   */
  tellAsana(events: readonly object[]): Promise<number>
  /** Asks every tool for what webhooks missed. */
  sweep(): Promise<void>
}

const clientSecret = 'c0ffee00-0000-4000-8000-000000000000'
const signingSecret = 'whsec_field'

/** A gateway over hand-made vendors; ends itself with the test. */
export async function startFieldWorld(options: FieldOptions = {}): Promise<FieldWorld> {
  const hubspot = await startVendorServer(...(options.hubspot ?? [hubspotAccount({})]))
  const stripe = await startVendorServer(...(options.stripe ?? [stripeAccount({})]))
  const asana = await startVendorServer(...(options.asana ?? [asanaAccount({ project: '99', tasks: {} })]))
  const folder = mkdtempSync(join(tmpdir(), 'livegraph-field-'))
  const log: LogLine[] = []
  const read = readConfig(
    {
      PORT: String(await freePort()),
      STORE_URL: `sqlite:${join(folder, 'graph.db')}`,
      SWEEP_EVERY_SECONDS: '0',
      HUBSPOT_ACCESS_TOKEN: 'pat-na1-field',
      HUBSPOT_CLIENT_SECRET: clientSecret,
      HUBSPOT_BASE_URL: hubspot.url,
      STRIPE_SECRET_KEY: 'rk_test_field',
      STRIPE_WEBHOOK_SECRET: signingSecret,
      STRIPE_BASE_URL: stripe.url,
      ASANA_ACCESS_TOKEN: 'asana-field',
      ASANA_PROJECTS: '99',
      ASANA_CUSTOMER_FIELD: '123',
      ASANA_ORDER_FIELD: '124',
      ASANA_BASE_URL: asana.url,
      ...options.environment,
    },
    registry,
    { isExplorable: true, isTerminal: false },
  )
  if (!read.ok) throw new Error(`settings: ${JSON.stringify(read.faults)}`)
  const gateway = await startGateway(read.config, { log: recorder(log), clock: options.clock })
  const clients: Client[] = []
  onTestFinished(async () => {
    for (const client of clients) await client.dispose()
    await gateway.close()
    rmSync(folder, { recursive: true, force: true })
  })
  if (options.waitsForImport !== false) {
    await gateway.importing.ended()
    // What the import tells of is pushed before anything of the test's is.
    const { follower, store } = gateway.runtime
    await follower.appliedThrough(await newestSequence(store))
  }
  const served = serve(gateway, clients)

  return {
    ...served,
    hubspot,
    stripe,
    asana,
    log,
    tellHubspot(notifications) {
      const body = JSON.stringify(notifications)
      const at = String(Date.now())
      const signed = `POST${gateway.url}/webhooks/hubspot${body}${at}`
      const signature = createHmac('sha256', clientSecret).update(signed).digest('base64')
      return tell('hubspot', body, { 'x-hubspot-request-timestamp': at, 'x-hubspot-signature-v3': signature })
    },
    tellStripe(event) {
      const body = JSON.stringify(event)
      const at = String(Math.floor(Date.now() / 1000))
      const signature = createHmac('sha256', signingSecret).update(`${at}.${body}`).digest('hex')
      return tell('stripe', body, { 'stripe-signature': `t=${at},v1=${signature}` })
    },
    tellAsana(events) {
      const body = JSON.stringify({ events })
      const signature = createHmac('sha256', hookSecret).update(body).digest('hex')
      return tell('asana/99', body, { 'x-hook-signature': signature })
    },
    async sweep() {
      const signal = new AbortController().signal
      const outcome = await gateway.sweeping.run({ system: null, tell: () => undefined, signal })
      if (outcome !== 'done') throw new Error('the sweep failed')
    },
  }

  async function tell(system: string, body: string, headers: Readonly<Record<string, string>>): Promise<number> {
    const response = await served.post(`/webhooks/${system}`, { headers, body })
    await response.arrayBuffer()
    await gateway.processor.idle()
    return response.status
  }
}
