import { expect, test } from 'vitest'
import { stripeAccount } from './accounts.ts'
import { startFieldWorld, type FieldWorld } from './field-world.ts'
import type { Answer } from './vendor-server.ts'

const environment = {
  HUBSPOT_ACCESS_TOKEN: '',
  HUBSPOT_CLIENT_SECRET: '',
  HUBSPOT_BASE_URL: '',
  ASANA_ACCESS_TOKEN: '',
  ASANA_PROJECTS: '',
  ASANA_CUSTOMER_FIELD: '',
  ASANA_ORDER_FIELD: '',
  ASANA_BASE_URL: '',
}

const asBefore = (permission: string): string =>
  `Having the '${permission}' permission would allow this request to continue.`

/** Source: stripe/stripe-cli, pull request 2017 (September 2026). */
const asNow = (permission: string): string =>
  `Enabling Webhook Endpoints, Event Destinations Read ('${permission.replace('rak_', '')}') permissions on this key would allow this request to continue. You can edit permissions at https://dashboard.stripe.com/b/acct_1?destination=%2Fapikeys%2Fmk_1%2Fedit`

/**
 * A restricted key as Stripe answers it. Permissions have other names than the resources: prices are plans.
 * Source: Stripe API reference, errors; messages as reported in public.
 */
function restrictedTo(granted: readonly string[], wording = asBefore): Answer {
  const slugs: Readonly<Record<string, string>> = {
    customers: 'rak_customer',
    invoices: 'rak_invoice',
    invoiceitems: 'rak_invoice_item',
    products: 'rak_product',
    prices: 'rak_plan',
    payment_methods: 'rak_payment_method',
    payment_intents: 'rak_payment_intent',
    charges: 'rak_charge',
    refunds: 'rak_refund',
    credit_notes: 'rak_credit_note',
    disputes: 'rak_dispute',
    events: 'rak_event',
    webhook_endpoints: 'rak_webhook',
  }
  return ({ method, path }) => {
    const [, resource = ''] = /^\/v1\/([a-z_]+)/.exec(path) ?? []
    const slug = slugs[resource] ?? 'rak_other'
    const needed = method === 'GET' ? [`${slug}_read`, `${slug}_write`] : [`${slug}_write`]
    if (needed.some(one => granted.includes(one))) return undefined
    const message = `The provided key 'rk_test_*********field' does not have the required permissions for this endpoint on account 'acct_1'. ${wording(needed[0] ?? '')}`
    return { status: 403, body: { error: { type: 'invalid_request_error', message } } }
  }
}

const registers: Answer = ({ method, path }) =>
  method === 'POST' && path === '/v1/webhook_endpoints'
    ? {
        body: {
          id: 'we_1',
          object: 'webhook_endpoint',
          url: 'x',
          status: 'enabled',
          enabled_events: [],
          secret: 'whsec_new',
        },
      }
    : undefined

const noSuchRecord: Answer = ({ method, path }) =>
  method === 'POST' && path.includes('livegraph_permission_check')
    ? {
        status: 404,
        body: { error: { type: 'invalid_request_error', code: 'resource_missing', message: 'No such record' } },
      }
    : undefined

const all = [
  'rak_customer_write',
  'rak_invoice_write',
  'rak_invoice_item_write',
  'rak_product_read',
  'rak_plan_read',
  'rak_payment_method_read',
  'rak_payment_intent_read',
  'rak_charge_read',
  'rak_refund_read',
  'rak_credit_note_read',
  'rak_dispute_read',
  'rak_event_read',
  'rak_webhook_write',
]

async function connectWith(
  granted: readonly string[],
  wording = asBefore,
): Promise<{ end: string; text: string; world: FieldWorld }> {
  const world = await startFieldWorld({
    stripe: [restrictedTo(granted, wording), noSuchRecord, registers, stripeAccount({})],
    environment,
    waitsForImport: false,
  })
  const lines: string[] = []
  const end = await world.gateway.connect('stripe', line => void lines.push(line))
  return { end, text: lines.join('\n'), world }
}

test('a key with every permission connects, and what a failing endpoint does to invoices is said', async () => {
  const { end, text, world } = await connectWith(all)
  expect([end, text]).toEqual(['done', expect.stringContaining('each permission that is needed')])
  expect(text).toMatch(/Made the webhook endpoint we_1/)
  expect(text).toMatch(/note +.*invoice\.created[^]*up to 72 hours/)
  // Nothing but the endpoint was written.
  const written = world.stripe.requests.filter(
    ({ method, path }) => method !== 'GET' && !path.includes('livegraph_permission_check'),
  )
  expect(written.map(({ path }) => path)).toEqual(['/v1/webhook_endpoints'])
})

test.each(all)(
  'a key without %s: it is named, in the words of the Dashboard and of Stripe, and only it',
  async missing => {
    const asRead = missing.replace('_write', '_read')
    const granted = [...all.filter(one => one !== missing), ...(asRead === missing ? [] : [asRead])]
    const { end, text } = await connectWith(granted)
    expect(end).toBe('failed')
    const lines = text.split('\n').filter(line => line.includes('missing '))
    expect(lines).toEqual([
      expect.stringMatching(new RegExp(`lacks [A-Z][A-Za-z ]+ (read|write) \\(Stripe calls it ${missing}\\)`)),
    ])
  },
)

test('a key that may only read names each of the four writes', async () => {
  const { text } = await connectWith(all.map(one => one.replace('_write', '_read')))
  expect(text).toMatch(
    /Give the key these permissions .*: Customers write, Invoices write, Invoice Items write, Webhook Endpoints write\./,
  )
})

test('a Stripe that cannot be reached is one sentence, without a class name, and an error', async () => {
  const world = await startFieldWorld({
    environment: { ...environment, STRIPE_BASE_URL: 'http://127.0.0.1:9' },
    waitsForImport: false,
  })
  const lines: string[] = []
  expect(await world.gateway.connect('stripe', line => void lines.push(line))).toBe('failed')
  expect(lines.filter(line => line.includes('missing '))).toEqual([
    expect.stringMatching(
      /Could not try Customers write, .*, Webhook Endpoints write: (no connection|it has stopped answering)[^:]*; try again later\.$/,
    ),
  ])
  expect(lines.join('\n')).not.toMatch(/Stripe[A-Z]\w*Error/)
  expect(lines.at(-1)).toContain('failed   correct what is named above')
})

test("Stripe's newer words name a permission without the old prefix", async () => {
  const { text } = await connectWith(
    all.filter(one => one !== 'rak_plan_read'),
    asNow,
  )
  expect(text).toContain('lacks Prices read (Stripe calls it plan_read)')
})
