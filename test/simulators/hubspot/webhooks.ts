import { createDeliverer } from '../core/deliver.ts'
import { writableProperties } from './properties.ts'
import { signV1, signV3 } from './sign.ts'
import type { Sent } from '../core/deliver.ts'
import type { Faults } from '../core/faults.ts'
import type { Happening } from './state.ts'

/** One notification, as it stands in the list a request carries. */
export type HubspotNotification = Readonly<Record<string, unknown>>

export interface HubspotWebhooks {
  /** The last 10,000 tries. */
  readonly sent: readonly Sent[]
  /** Sends what is collected. Resolves when nothing is pending or scheduled any more. */
  idle(): Promise<void>
  pause(): void
  resume(): void
  /** What a request looks like, for whoever posts it himself; signed as of now, for `url` or the app's own address. */
  signed(
    events: string | readonly HubspotNotification[],
    url?: string,
  ): { readonly headers: Readonly<Record<string, string>>; readonly body: string; readonly url: string }
}

export interface WebhookOptions {
  readonly clock: () => Date
  readonly faults: Faults
  readonly clientSecret: string
  readonly appId: number
  readonly portalId: number
  /** Nothing is sent without one. */
  readonly webhookUrl?: string
  readonly retryScale?: number
  /** How long events are collected into one request. */
  readonly collectMs: number
}

export interface Webhooks extends HubspotWebhooks {
  tell(happening: Happening): void
  close(): void
}

/** Source: HubSpot developer documentation, webhooks: up to 100 in a request, 5 s to answer, ten retries in 24 hours. */
const mostEvents = 100
const answerWithinMs = 5000
const mostRetries = 10

/** The app's subscriptions: everything about contacts, and each property that can be written. */
const subscriptions = [
  'contact.creation',
  'contact.deletion',
  'contact.privacyDeletion',
  'contact.merge',
  ...[...writableProperties, 'hs_additional_emails'].map(property => `contact.propertyChange ${property}`),
]

const firstSubscriptionId = 3_923_600
const firstEventId = 531_833_000

/** Collects what happens and sends it to the app's one address. */
export function createWebhooks(options: WebhookOptions): Webhooks {
  const { clock, clientSecret, webhookUrl, collectMs } = options
  let collected: HubspotNotification[] = []
  let timer: NodeJS.Timeout | null = null
  let lastEventId = firstEventId

  const deliverer = createDeliverer({
    clock,
    faults: options.faults,
    retryScale: options.retryScale,
    timeoutMs: answerWithinMs,
    // A minute, doubled from try to try: 17 hours in all. The vendor names no figures but the number and the end.
    retryAfterMs: attempt => (attempt > mostRetries ? null : 60_000 * 2 ** (attempt - 1)),
  })

  return {
    sent: deliverer.sent,
    tell(happening) {
      if (webhookUrl === undefined) return
      lastEventId += 1
      collected.push(notificationOf(happening, lastEventId, options))
      if (collected.length >= mostEvents) flush(webhookUrl)
      else timer ??= setTimeout(() => flush(webhookUrl), collectMs).unref()
    },
    async idle() {
      do {
        if (webhookUrl !== undefined) flush(webhookUrl)
        await deliverer.idle()
      } while (collected.length > 0)
    },
    pause: deliverer.pause,
    resume: deliverer.resume,
    signed(events, url = webhookUrl) {
      if (url === undefined) throw new Error('there is no address to sign for: give url, or start with webhookUrl')
      const body = typeof events === 'string' ? events : JSON.stringify(events)
      return { headers: { 'content-type': 'application/json', ...headersOf(url, body, clock()) }, body, url }
    },
    close() {
      if (timer !== null) clearTimeout(timer)
      timer = null
      collected = []
      deliverer.close()
    },
  }

  function flush(url: string): void {
    if (timer !== null) clearTimeout(timer)
    timer = null
    if (collected.length === 0) return
    const events = collected
    collected = []
    const bodyOf = (attempt: number) => JSON.stringify(events.map(event => ({ ...event, attemptNumber: attempt - 1 })))
    deliverer.send({
      queue: 'app',
      url,
      body: bodyOf(1),
      bodyOf,
      headers: (sentAt, attempt) => headersOf(url, bodyOf(attempt), sentAt),
    })
  }

  function headersOf(url: string, body: string, sentAt: Date): Readonly<Record<string, string>> {
    const timestamp = String(sentAt.getTime())
    return {
      'x-hubspot-signature-version': 'v1',
      'x-hubspot-signature': signV1(clientSecret, body),
      'x-hubspot-request-timestamp': timestamp,
      'x-hubspot-signature-v3': signV3(clientSecret, { method: 'POST', url, body, timestamp }),
    }
  }
}

function notificationOf(
  happening: Happening,
  eventId: number,
  { appId, portalId }: { readonly appId: number; readonly portalId: number },
): HubspotNotification {
  const { type } = happening
  const subscription = type === 'contact.propertyChange' ? `${type} ${happening.property}` : type
  return {
    eventId,
    subscriptionId: firstSubscriptionId + subscriptions.indexOf(subscription),
    portalId,
    appId,
    occurredAt: happening.at.getTime(),
    subscriptionType: type,
    attemptNumber: 0,
    objectId: Number(happening.id),
    changeSource: happening.source,
    sourceId: happening.source === 'CRM_UI' ? 'userId:76023669' : String(appId),
    ...particularsOf(happening),
  }
}

function particularsOf(happening: Happening): HubspotNotification {
  switch (happening.type) {
    case 'contact.creation':
      return { changeFlag: 'CREATED' }
    case 'contact.deletion':
      return { changeFlag: 'DELETED' }
    case 'contact.privacyDeletion':
      return {}
    case 'contact.propertyChange':
      return { propertyName: happening.property, propertyValue: happening.value }
    case 'contact.merge':
      return {
        primaryObjectId: Number(happening.id),
        mergedObjectIds: happening.mergedIds.map(Number),
        newObjectId: Number(happening.id),
        numberOfPropertiesMoved: happening.propertiesMoved,
      }
  }
}
