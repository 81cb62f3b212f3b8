import { z } from 'zod'
import type { Clock, ConnectPorts, DeliveryEntry, Log, Sweeper, WebhookSubscription } from '../../contract.ts'
import { VendorError } from '../../vendor-error.ts'
import { openPageSize } from '../../page-size.ts'
import { pageSize, type StripeClient } from './client.ts'
import { system } from './mapping.ts'
import { idOf, isDeleted, readWebhookEndpoint, type Page } from './records.ts'
import { readEvent } from './webhook.ts'

/** Stripe lists an event at once; the rest is for clocks that differ. */
const lagMs = 30_000

/** How far a sweep reaches back behind the newest event it has seen: an event may come to stand before others. */
const overlapSeconds = 60

/** Source: Stripe API reference, list all events: up to 30 days. */
const keptSeconds = 30 * 86_400

const pause = z.object({
  /** Unix seconds, as all here. */
  since: z.number(),
  /** The last event of the page before, within a sweep. */
  after: z.string().optional(),
  /** The newest event seen. */
  newest: z.number(),
})

type Pause = z.infer<typeof pause>

const dated = z.object({ created: z.number() })

/**
 * Events since the last one, newest first as Stripe lists them. They are those that webhooks carry, so their ids tell which
 * were delivered. All types are asked for: the filter takes 20 of them, and the graph needs more.
 * Source: Stripe API reference, list all events.
 */
export function events(client: StripeClient, writeMark: string, { clock, log }: { clock: Clock; log: Log }): Sweeper {
  const size = openPageSize(pageSize)
  return {
    feed: 'events',
    lagMs,
    async sweep(cursor, since, call) {
      const now = Math.floor(clock.now().getTime() / 1000)
      const begin = Math.floor(since.getTime() / 1000) - overlapSeconds
      const from = pauseOf(cursor) ?? { since: begin, newest: begin }
      if (now - from.since > keptSeconds) {
        const next = JSON.stringify({ since: now - overlapSeconds, newest: now - overlapSeconds })
        return { news: [], shown: [], next, isDone: false, isGap: true }
      }
      const page = await pageFrom(from)
      // A date that is still to come is no place to go on from: what happens until then would be passed over.
      const created = page.items.map(item => Math.min(dated.safeParse(item).data?.created ?? 0, now))
      const newest = Math.max(from.newest, ...created)
      const last = idOf(page.items.at(-1))
      const isDone = !page.hasMore || last === null
      const next: Pause = isDone
        ? { since: newest - overlapSeconds, newest }
        : { since: from.since, after: last, newest }
      // What came first is worked on first.
      const news = page.items.toReversed().flatMap(item => entryOf(item) ?? [])
      return { news, shown: [], next: JSON.stringify(next), isDone, isGap: false }

      /** An event that is kept no more is no place; the walk begins anew, and known keys are passed over. */
      async function pageFrom(place: Pause): Promise<Page> {
        try {
          return await size.ask(limit => client.events({ ...place, limit }, call))
        } catch (error) {
          const isGone = error instanceof VendorError && (error.kind === 'rejected' || error.kind === 'not-found')
          if (!isGone || place.after === undefined) throw error
          return size.ask(limit => client.events({ since: place.since, limit }, call))
        }
      }
    },
  }

  function entryOf(item: unknown): DeliveryEntry | null {
    const read = readEvent(item, writeMark)
    if ('key' in read) return read
    const id = idOf(item)
    if (id !== null) return { key: id, unreadable: read.unreadable }
    log.warn({ system, reason: read.unreadable }, 'an event without an id was left out of the sweep')
    return null
  }
}

/** Source: Stripe API reference, the webhook endpoint object: `status` is enabled or disabled; it tells of no failures. */
export async function subscription(
  client: StripeClient,
  { publicUrl, call }: Pick<ConnectPorts, 'publicUrl' | 'call'>,
): Promise<WebhookSubscription> {
  const url = `${publicUrl}/webhooks/stripe`
  const { items } = await client.webhookEndpoints(call)
  const ours = items
    .filter(item => !isDeleted(item))
    .map(readWebhookEndpoint)
    .filter(endpoint => endpoint.url === url)
  const isEnabled = ours.some(({ status }) => status === 'enabled')
  const common = { endpoint: '', lastFailureAt: null }
  if (isEnabled) return { ...common, state: 'ACTIVE', note: null }
  return ours.length > 0
    ? { ...common, state: 'DISABLED', note: 'Enable the endpoint in the Dashboard under Developers, Webhooks.' }
    : { ...common, state: 'GONE', note: `Nothing is sent to ${url}: npm run connect -- stripe` }
}

/** @returns null for none, and for one that nobody can read any more */
function pauseOf(cursor: string | null): Pause | null {
  if (cursor === null) return null
  try {
    return pause.safeParse(JSON.parse(cursor)).data ?? null
  } catch {
    return null
  }
}
