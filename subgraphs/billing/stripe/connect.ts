import type { CallContext, ConnectPorts, ConnectReport } from '../../contract.ts'
import { VendorError } from '../../vendor-error.ts'
import type { StripeClient } from './client.ts'
import { permissions } from './config.ts'
import { readWebhookEndpoint } from './records.ts'
import { eventTypes } from './webhook.ts'

/**
 * Registers the webhook endpoint and says what keeps the account from being whole, what Stripe refused among it. Doing it again
 * changes nothing.
 */
export async function connectStripe(
  client: StripeClient,
  newKey: () => string,
  { publicUrl, secrets, call }: ConnectPorts,
): Promise<ConnectReport> {
  const done: string[] = []
  const missing: string[] = []
  const manual: string[] = []
  const refused = await refusedReads(client, call)
  missing.push(...refused.lines)
  manual.push(...refused.steps)
  if (refused.isKeyRefused) return { done, missing, manual }

  const url = `${publicUrl}/webhooks/stripe`
  const endpoint = await asked('Reading the webhook endpoints', async () => {
    const { items } = await client.webhookEndpoints(call)
    return items.map(readWebhookEndpoint).find(one => one.url === url) ?? null
  })
  if (endpoint === undefined) return { done, missing, manual }
  if (endpoint === null) {
    const made = await asked(`Making the webhook endpoint for ${url}`, () =>
      client.createWebhookEndpoint(url, eventTypes, `${newKey()}-webhook`, call),
    )
    if (made === undefined) return { done, missing, manual }
    if (made.secret == null) {
      missing.push(`The signing secret of the new webhook endpoint ${made.id}: Stripe's answer did not hold it.`)
      manual.push(`Copy the signing secret of ${made.id} from the Dashboard to STRIPE_WEBHOOK_SECRET.`)
    } else {
      await secrets.store('', made.secret)
      done.push(`Made the webhook endpoint ${made.id} for ${url} and stored its signing secret.`)
    }
    return { done, missing, manual }
  }

  done.push(`The webhook endpoint ${endpoint.id} for ${url} was there already.`)
  if (endpoint.status !== 'enabled') {
    missing.push(`The webhook endpoint ${endpoint.id} is ${endpoint.status}: nothing is sent to it.`)
    manual.push(`Enable ${endpoint.id} in the Dashboard under Developers, Webhooks.`)
  }
  const subscribed = new Set(endpoint.enabled_events)
  const unsubscribed = subscribed.has('*') ? [] : eventTypes.filter(type => !subscribed.has(type))
  if (unsubscribed.length > 0) {
    missing.push(`The webhook endpoint ${endpoint.id} is not subscribed to: ${unsubscribed.join(', ')}.`)
    manual.push(`Add these event types to ${endpoint.id} in the Dashboard under Developers, Webhooks.`)
  }
  if ((await secrets.of('')).length === 0) {
    missing.push(`The signing secret of ${endpoint.id}: without it every delivery is refused.`)
    manual.push(`Copy the signing secret of ${endpoint.id} from the Dashboard to STRIPE_WEBHOOK_SECRET.`)
  }
  return { done, missing, manual }

  /** @returns undefined when Stripe did not give it, and then the report says why and what to do */
  async function asked<T>(what: string, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof VendorError)) throw error
      missing.push(`${what} (${error.message})${hintFor(error)}`)
      return undefined
    }
  }
}

interface RefusedReads {
  readonly lines: readonly string[]
  readonly steps: readonly string[]
  /** Whether the key as such is refused, so that nothing else need be asked. */
  readonly isKeyRefused: boolean
}

/** A restricted key may read one thing and not another. */
async function refusedReads(client: StripeClient, call: CallContext): Promise<RefusedReads> {
  const reads: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['Customers', () => client.customers({}, call)],
    ['Invoices', () => client.invoices({}, call)],
    ['Products', () => client.products({}, call)],
    ['Events', () => client.events({ limit: 1 }, call)],
  ]
  const outcomes = await Promise.all(
    reads.map(async ([name, read]) => {
      try {
        await read()
        return []
      } catch (error) {
        if (!(error instanceof VendorError)) throw error
        return [{ name, error }]
      }
    }),
  )
  const refused = outcomes.flat()
  const [first] = refused
  if (first !== undefined && refused.length === reads.length && refused.every(({ error }) => isUnauthorized(error))) {
    return {
      lines: [
        `Stripe does not accept the API key in STRIPE_SECRET_KEY, for nothing that is read (${first.error.message}).`,
      ],
      steps: [
        'In the Dashboard under Developers, API keys, look whether that key is still there, of this account, and live or test as you mean it.',
        `Copy it whole, or make a restricted one with these permissions: ${permissions}.`,
        'Set it as STRIPE_SECRET_KEY, restart the gateway, and run npm run connect -- stripe again.',
      ],
      isKeyRefused: true,
    }
  }
  return {
    lines: refused.map(({ name, error }) =>
      isUnauthorized(error)
        ? `The API key in STRIPE_SECRET_KEY may not read ${name} (${error.message}): add the permission to it in the Dashboard under Developers, API keys, or make a new key.`
        : `Reading ${name} (${error.message})${hintFor(error)}`,
    ),
    steps: [],
    isKeyRefused: false,
  }
}

function isUnauthorized({ kind }: VendorError): boolean {
  return kind === 'unauthorized'
}

/** Stripe's own words are about what was just sent to it: the public address. */
function hintFor(error: VendorError): string {
  if (error.inputFault !== undefined) return `: ${error.inputFault}; check PUBLIC_URL, which it must reach over https`
  if (isUnauthorized(error)) {
    return '; give the key in STRIPE_SECRET_KEY the permission Webhook Endpoints write in the Dashboard under Developers, API keys'
  }
  return error.isPassing ? '; try again later' : ''
}
