import { z } from 'zod'
import { faultsText, readConfig } from '../../../gateway/config.ts'
import { startGateway } from '../../../gateway/gateway.ts'
import { openLog } from '../../../gateway/log.ts'
import { storeReceived } from '../../../gateway/store/received.ts'
import { registry, type RegisteredRole } from '../../../subgraphs/registry.ts'
import { answerParent, optionsOf, toolUrls } from './messages.ts'

/** The gateway as `npm start` runs it. */
const options = optionsOf(
  z.object({
    port: z.number(),
    publicUrl: z.string(),
    storeUrl: z.string(),
    limits: z.enum(['vendor', 'none']),
    tools: toolUrls,
    logLevel: z.enum(['warn', 'error']),
  }),
)

const plenty = 1_000_000

/** The same system, with budgets that nobody reaches. */
function unlimited(role: RegisteredRole): RegisteredRole {
  return {
    ...role,
    configure(environment) {
      const configured = role.configure(environment)
      if (!configured.ok) return configured
      return {
        ok: true,
        open: ports =>
          configured.open({
            ...ports,
            calls: asked =>
              ports.calls({
                ...asked,
                pools: asked.pools.map(({ name, windowMs }) => ({ name, windowMs, limit: plenty })),
              }),
          }),
      }
    },
  }
}

const read = readConfig(
  {
    PORT: String(options.port),
    PUBLIC_URL: options.publicUrl,
    STORE_URL: options.storeUrl,
    HUBSPOT_ACCESS_TOKEN: 'hubspot-test-token',
    HUBSPOT_CLIENT_SECRET: 'hubspot-test-secret',
    HUBSPOT_BASE_URL: options.tools.hubspot,
    STRIPE_SECRET_KEY: 'sk_test_sim',
    STRIPE_WEBHOOK_SECRET: 'whsec_bench',
    STRIPE_BASE_URL: options.tools.stripe,
    ASANA_ACCESS_TOKEN: 'asana-test-token',
    ASANA_PROJECTS: '99',
    ASANA_CUSTOMER_FIELD: '123',
    ASANA_ORDER_FIELD: '124',
    ASANA_BASE_URL: options.tools.asana,
  },
  options.limits === 'none' ? registry.map(unlimited) : registry,
  { isExplorable: false, isTerminal: false },
)
if (!read.ok) throw new Error(faultsText(read.faults))
const gateway = await startGateway(read.config, { log: openLog(options.logLevel, 'json') })

const ask = z.discriminatedUnion('ask', [
  z.object({ ask: z.enum(['imported', 'usage', 'evict', 'idle', 'states']) }),
  z.object({ ask: z.literal('fill'), deliveries: z.number() }),
])

/** Deliveries that are due, about as many contacts. */
async function fill(deliveries: number): Promise<void> {
  const { store } = gateway.runtime
  const together = 2_000
  for (let from = 0; from < deliveries; from += together) {
    const numbers = Array.from({ length: Math.min(together, deliveries - from) }, (_, at) => from + at)
    await Promise.all(
      numbers.map(number =>
        storeReceived(
          store,
          {
            system: 'hubspot',
            endpoint: '',
            url: 'https://graph.example.com/webhooks/hubspot',
            headers: { 'content-type': 'application/json' },
            body: Buffer.from('[]'),
            receivedAt: new Date(),
            entries: [
              {
                key: `waiting ${number}`,
                hints: [
                  {
                    kind: 'UPDATED',
                    record: { system: 'hubspot', kind: 'contact', id: String(10_000_000 + number) },
                    at: new Date(),
                    fields: ['phone'],
                  },
                ],
              },
            ],
          },
          0,
          null,
        ),
      ),
    )
  }
}

answerParent(
  async what => {
    const asked = ask.parse(what)
    switch (asked.ask) {
      case 'imported':
        await gateway.importing.ended()
        return true
      case 'usage': {
        const { user, system } = process.cpuUsage()
        return { cpuMs: (user + system) / 1000, rssMiB: process.memoryUsage().rss / 2 ** 20 }
      }
      case 'evict':
        gateway.runtime.cache.evictAll()
        return true
      case 'idle':
        await gateway.processor.idle()
        return true
      case 'fill':
        await fill(asked.deliveries)
        return true
      case 'states':
        return gateway.runtime.store.read(db =>
          db
            .selectFrom('delivery_entries')
            .select(eb => ['state', eb.fn.countAll<number>().as('entries')])
            .groupBy('state')
            .execute(),
        )
    }
  },
  () => gateway.close(),
)
