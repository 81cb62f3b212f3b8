import { createDeliverer } from '../core/deliver.ts'
import { thinOf } from './events.ts'
import { signatureOf } from './sign.ts'
import type { Sent } from '../core/deliver.ts'
import type { Faults } from '../core/faults.ts'
import type { StripeEvent } from './events.ts'
import type { Endpoint } from './records.ts'

export interface Deliveries {
  /** Every try, with its number. */
  readonly sent: readonly Sent[]
  send(endpoint: Endpoint, event: StripeEvent): void
  /** Drops what is pending for an endpoint, retries too. */
  forget(endpointId: string): void
  /** Resolves when nothing is pending or scheduled any more; not before `resume` when paused with something pending. */
  idle(): Promise<void>
  pause(): void
  resume(): void
  close(): void
}

interface DeliveryOptions {
  readonly clock: () => Date
  readonly faults: Faults
  readonly retryScale?: number
  readonly onDelivered: (event: StripeEvent) => void
}

/** One event for one endpoint. */
interface Delivery {
  readonly endpoint: Endpoint
  readonly event: StripeEvent
  readonly body: string
  attempt: number
  isDone: boolean
}

/** In test mode Stripe tries three times more over a few hours; it names no figures. */
const retryAfterMs = [300_000, 1_800_000, 7_200_000] as const

/** The vendor names no figure. */
const answerWithinMs = 20_000

const keptTries = 10_000

/**
 * Sends one signed event a request. One that fails is tried again later, while the next ones go out: no order is
 * promised. Source: Stripe documentation, webhooks, event delivery behaviors.
 */
export function createDeliveries({ clock, faults, retryScale = 1, onDelivered }: DeliveryOptions): Deliveries {
  const underWay = new Map<string, Delivery>()
  const retries = new Map<NodeJS.Timeout, Delivery>()
  const sent: Sent[] = []
  let waiting: (() => void)[] = []

  const deliverer = createDeliverer({
    clock,
    faults,
    timeoutMs: answerWithinMs,
    // Tried again further down, so that nothing waits behind it.
    retryAfterMs: () => null,
    onTried(tried) {
      const delivery = underWay.get(keyOf(tried.queue, tried.body))
      sent.push({ ...tried, attempt: delivery?.attempt ?? 1 })
      if (sent.length > keptTries) sent.shift()
      // Of a duplicate only the first one counts.
      if (delivery === undefined || delivery.isDone) return
      if (tried.status >= 200 && tried.status < 300) {
        delivery.isDone = true
        underWay.delete(keyOf(tried.queue, tried.body))
        onDelivered(delivery.event)
      } else retry(delivery)
    },
  })

  return {
    sent,
    send(endpoint, event) {
      const body = JSON.stringify(endpoint.payload === 'thin' ? thinOf(event) : event, null, 2)
      const delivery = { endpoint, event, body, attempt: 1, isDone: false }
      underWay.set(keyOf(endpoint.record.id, delivery.body), delivery)
      post(delivery)
    },
    forget(endpointId) {
      deliverer.forget(endpointId)
      for (const [key, { endpoint }] of underWay) if (endpoint.record.id === endpointId) underWay.delete(key)
      for (const [timer, { endpoint }] of retries) if (endpoint.record.id === endpointId) drop(timer)
      settle()
    },
    async idle() {
      await deliverer.idle()
      while (retries.size > 0) {
        await new Promise<void>(resolve => waiting.push(resolve))
        await deliverer.idle()
      }
    },
    pause: deliverer.pause,
    resume: deliverer.resume,
    close() {
      for (const timer of retries.keys()) drop(timer)
      deliverer.close()
      settle()
    },
  }

  function post({ endpoint, body }: Delivery): void {
    deliverer.send({
      queue: endpoint.record.id,
      url: endpoint.record.url,
      body,
      headers: sentAt => webhookHeaders(endpoint.secret, body, sentAt),
    })
  }

  function retry(delivery: Delivery): void {
    const waitMs = retryAfterMs[delivery.attempt - 1]
    if (waitMs === undefined) {
      underWay.delete(keyOf(delivery.endpoint.record.id, delivery.body))
      return
    }
    if ([...retries.values()].includes(delivery)) return
    const timer = setTimeout(() => {
      retries.delete(timer)
      delivery.attempt += 1
      post(delivery)
      settle()
    }, waitMs * retryScale)
    timer.unref()
    retries.set(timer, delivery)
  }

  function drop(timer: NodeJS.Timeout): void {
    clearTimeout(timer)
    retries.delete(timer)
  }

  function settle(): void {
    if (retries.size > 0) return
    const settled = waiting
    waiting = []
    for (const resolve of settled) resolve()
  }
}

export function webhookHeaders(secret: string, body: string, at: Date): Readonly<Record<string, string>> {
  return {
    'content-type': 'application/json; charset=utf-8',
    'stripe-signature': signatureOf(secret, body, at),
    'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
  }
}

function keyOf(endpointId: string, body: string): string {
  return `${endpointId} ${body}`
}
