import type { CallContext, ConnectPorts, ConnectReport } from '../../contract.ts'
import { VendorError } from '../../vendor-error.ts'
import type { StripeClient } from './client.ts'
import { permissionsText, refusedPermissions, type Refused } from './permissions.ts'
import { readWebhookEndpoint } from './records.ts'
import { eventTypes } from './happenings.ts'

/** Source: docs.stripe.com/invoicing/integration/workflow-transitions. */
const invoiceCreatedNote =
  'The endpoint hears of invoice.created: Stripe finalises an automatic invoice about an hour after an answer to it, and waits up to 72 hours while none comes. So a gateway that is out of reach holds up the invoices of subscriptions; disable the endpoint in the Dashboard when it is to stay away.'

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
  const notes = eventTypes.includes('invoice.created') ? [invoiceCreatedNote] : []
  const tried = await triedKey(client, call)
  done.push(...tried.done)
  missing.push(...tried.missing)
  manual.push(...tried.manual)
  if (!tried.mayRegister) return { done, missing, manual }

  const url = `${publicUrl}/webhooks/stripe`
  const endpoint = await asked('Reading the webhook endpoints', async () => {
    const { items } = await client.webhookEndpoints(call)
    return items.map(readWebhookEndpoint).find(one => one.url === url) ?? null
  })
  if (endpoint === undefined) return { done, missing, manual, notes }
  if (endpoint === null) {
    const made = await asked(`Making the webhook endpoint for ${url}`, () =>
      client.createWebhookEndpoint(url, eventTypes, `${newKey()}-webhook`, call),
    )
    if (made === undefined) return { done, missing, manual, notes }
    if (made.secret == null) {
      missing.push(`The signing secret of the new webhook endpoint ${made.id}: Stripe's answer did not hold it.`)
      manual.push(`Copy the signing secret of ${made.id} from the Dashboard to STRIPE_WEBHOOK_SECRET.`)
    } else {
      await secrets.store('', made.secret)
      done.push(`Made the webhook endpoint ${made.id} for ${url} and stored its signing secret.`)
    }
    return { done, missing, manual, notes }
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
  return { done, missing, manual, notes }

  /** @returns undefined when Stripe did not give it, and then the report says why and what to do */
  async function asked<T>(what: string, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof VendorError)) throw error
      missing.push(`${what} failed: ${error.reason}${hintFor(error)}.`)
      return undefined
    }
  }
}

/** What keeps the key from being of use, permission by permission. */
async function triedKey(
  client: StripeClient,
  call: CallContext,
): Promise<{
  readonly done: readonly string[]
  readonly missing: readonly string[]
  readonly manual: readonly string[]
  /** False when asking for webhook endpoints would be refused again. */
  readonly mayRegister: boolean
}> {
  const refused = await refusedPermissions(client, call)
  const wrongKey = refused.find(({ error }) => isUnauthorized(error) && error.lacks === null)
  if (wrongKey !== undefined) {
    return {
      done: [],
      missing: [`Stripe does not accept the API key in STRIPE_SECRET_KEY at all (${wrongKey.error.reason}).`],
      manual: [
        'In the Dashboard under Developers, API keys, look whether that key is still there, of this account, and live or test as you mean it.',
        `Copy it whole, or make a restricted one with these permissions: ${permissionsText}.`,
        'Set it as STRIPE_SECRET_KEY, restart the gateway, and run npm run connect -- stripe again.',
      ],
      mayRegister: false,
    }
  }
  const lacking = refused.filter(({ error }) => error.lacks !== null)
  return {
    done: refused.length === 0 ? ['The API key has each permission that is needed.'] : [],
    missing: [
      ...lacking.map(
        ({ permission, error: { lacks } }) =>
          `The API key in STRIPE_SECRET_KEY lacks ${permission}${lacks === null || lacks.length === 0 ? '' : ` (Stripe calls it ${lacks.join(', ')})`}.`,
      ),
      ...untriedText(refused.filter(({ error }) => error.lacks === null)),
    ],
    manual:
      lacking.length === 0
        ? []
        : [
            `Give the key these permissions in the Dashboard under Developers, API keys: ${lacking.map(({ permission }) => permission).join(', ')}. Or make a new restricted key with all of: ${permissionsText}.`,
          ],
    mayRegister: refused.every(({ permission }) => !permission.startsWith('Webhook Endpoints')),
  }
}

/** Where Stripe cannot be asked, all fail alike: one sentence a kind of fault, and not one a permission. */
function untriedText(untried: readonly Refused[]): readonly string[] {
  const kinds = new Set(untried.map(({ error }) => error.kind))
  return [...kinds].flatMap(kind => {
    const alike = untried.filter(({ error }) => error.kind === kind)
    const [first] = alike
    if (first === undefined) return []
    const permissions = alike.map(({ permission }) => permission).join(', ')
    return [`Could not try ${permissions}: ${faultOf(first.error)}${hintFor(first.error)}.`]
  })
}

/** Without what is of one request, and without the breaker's milliseconds. */
function faultOf({ reason }: VendorError): string {
  return reason.replace(/, request \S+$|; the next try is in \d+ ms$/, '')
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
