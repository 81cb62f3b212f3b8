import { randomUUID } from 'node:crypto'
import type { SystemDefinition } from '../../contract.ts'
import type { BillingSource } from '../source.ts'
import { limitPools, openClient } from './client.ts'
import { openLines } from './lines.ts'
import { locate } from './locate.ts'
import { parseConfig, settings } from './config.ts'
import { connectStripe } from './connect.ts'
import { toVendorError } from './faults.ts'
import { system } from './mapping.ts'
import { stripeReaders } from './readers.ts'
import type { StripeRecords } from './readers.ts'
import { nameOf, observe, openStripeSource, stripeImporters } from './source.ts'
import { events, subscription } from './sweep.ts'
import { openTakeBack } from './unfinished.ts'
import { openWebhook } from './webhook.ts'

export const stripe: SystemDefinition<BillingSource> = {
  system,
  role: 'billing',
  kinds: [
    {
      kind: 'customer',
      entity: 'Customer',
      as: 'copy',
      // A draft is addressed as its customer is, until it is finalised.
      shownBy: { entity: 'Order', fields: ['billTo'], nameFields: ['links'], isHeld: true },
    },
    {
      kind: 'product',
      entity: 'Product',
      as: 'owner',
      shownBy: { entity: 'Order', fields: ['lines'], nameFields: ['name'] },
    },
    { kind: 'invoice', entity: 'Order', as: 'owner' },
  ],
  settings,
  configure(environment) {
    const parsed = parseConfig(environment)
    if ('faults' in parsed) return { ok: false, faults: parsed.faults }
    const { config } = parsed
    return {
      ok: true,
      open(ports) {
        const calls = ports.calls({
          pools: limitPools(config),
          toVendorError,
          isTls: config.baseUrl.protocol === 'https:',
        })
        const client = openClient(config, calls)
        // Stands before every idempotency key: events carry the key of the request they came of, and so tell our own writes from
        // others'. It outlives the secrets, or a write begun before they were rolled would be made a second time.
        const writeMark = ports.deployment
        const newKey = (): string => `${writeMark}-${randomUUID()}`
        const records = ports.records<StripeRecords>(stripeReaders(client))
        const lines = openLines(client)
        return {
          source: openStripeSource({ client, records, lines, writeMark }),
          importers: stripeImporters({ client, lines }, ports.log),
          observe: (record, context) => observe({ records, lines }, record, context),
          nameOf: (record, context) => nameOf(records, record, context),
          locate: (record, { call }) => locate(client, record, call),
          takeBack: openTakeBack({ client, writeMark, clock: ports.clock }),
          webhook: openWebhook(writeMark),
          webhookSecrets: config.webhookSecrets,
          webhookEndpoints: [''],
          sweepers: [events(client, writeMark, ports)],
          subscriptions: async asked => [await subscription(client, asked)],
          connect: connectPorts => connectStripe(client, newKey, connectPorts),
          close: () => Promise.resolve(),
        }
      },
    }
  },
}
