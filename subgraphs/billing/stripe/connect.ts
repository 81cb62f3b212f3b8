import type { CallContext, ConnectPorts, ConnectReport } from '../../contract.ts'
import { VendorError } from '../../vendor-error.ts'
import type { StripeClient } from './client.ts'
import { readWebhookEndpoint } from './records.ts'
import { eventTypes } from './webhook.ts'

/**
 * Registers the webhook endpoint and says what keeps the account from being whole. Doing it again changes nothing.
 * @throws VendorError when Stripe cannot be asked at all
 */
export async function connectStripe(
  client: StripeClient,
  newKey: () => string,
  { publicUrl, secrets, call }: ConnectPorts,
): Promise<ConnectReport> {
  const done: string[] = []
  const missing: string[] = []
  const manual: string[] = []
  missing.push(...(await missingPermissions(client, call)))

  const url = `${publicUrl}/webhooks/stripe`
  const { items } = await client.webhookEndpoints(call)
  const endpoint = items.map(readWebhookEndpoint).find(one => one.url === url)
  if (endpoint === undefined) {
    const made = await client.createWebhookEndpoint(url, eventTypes, `${newKey()}-webhook`, call)
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
}

/** A restricted key may read one thing and not another. */
async function missingPermissions(client: StripeClient, call: CallContext): Promise<readonly string[]> {
  const reads: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['Customers', () => client.customers({}, call)],
    ['Invoices', () => client.invoices({}, call)],
    ['Products', () => client.products({}, call)],
    ['Events', () => client.events({ limit: 1 }, call)],
  ]
  const found = await Promise.all(
    reads.map(async ([name, read]) => {
      try {
        await read()
        return []
      } catch (error) {
        if (!(error instanceof VendorError) || error.kind !== 'unauthorized') throw error
        return [`The API key may not read ${name}: add the permission to it in the Dashboard, or make a new key.`]
      }
    }),
  )
  return found.flat()
}
