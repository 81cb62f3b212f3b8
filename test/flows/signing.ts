import { createHmac, randomInt } from 'node:crypto'
import type { World } from './world.ts'

/** A webhook request as a vendor would send it. */
export interface Signed {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export interface SignOptions {
  /** When the vendor signs it; now when absent. */
  readonly at?: Date
  /** The vendor's own when absent. */
  readonly secret?: string
}

/** One vendor's webhooks, made by hand, of whatever bytes, time and secret. */
export interface Vendor {
  readonly system: string
  /** In lower case. */
  readonly signatureHeader: string
  readonly signsTime: boolean
  sign(world: World, body: string | Buffer, options?: SignOptions): Signed
  /** A body that says that one record changed just now. Each is a happening of its own. */
  body(world: World): string
  /** Changes that record in the tool; pass the new value. No webhook goes out when they are dropped. */
  change(world: World, value: string): void
  /** Reads the value that `change` sets. */
  query(world: World): string
}

/** Nothing the tools send by themselves gets through: what comes is what a test posts. */
export function dropWebhooks({ tools }: World): void {
  for (const tool of [tools.hubspot, tools.stripe, tools.asana]) tool.faults.add({ webhook: 'drop' })
}

export function notification(more: object = {}): Record<string, unknown> {
  return {
    portalId: 48_807_704,
    subscriptionId: 3_923_601,
    eventId: randomInt(2 ** 40),
    occurredAt: Date.now(),
    subscriptionType: 'contact.propertyChange',
    objectId: 101,
    propertyName: 'phone',
    attemptNumber: 0,
    ...more,
  }
}

export function stripeEvent(more: object = {}, object: object = { id: 'in_9' }): Record<string, unknown> {
  return {
    id: `evt_${randomInt(2 ** 40)}`,
    object: 'event',
    type: 'invoice.updated',
    created: Math.floor(Date.now() / 1000),
    data: { object, previous_attributes: { description: 'before' } },
    ...more,
  }
}

export function asanaEvent(more: object = {}): Record<string, unknown> {
  return {
    action: 'changed',
    created_at: new Date(Date.now() + randomInt(1000)).toISOString(),
    resource: { gid: '55', resource_type: 'task' },
    parent: null,
    user: { gid: '301', resource_type: 'user' },
    change: { field: 'name', action: 'changed' },
    ...more,
  }
}

function bytes(body: string | Buffer): Buffer {
  return typeof body === 'string' ? Buffer.from(body) : body
}

function digest(secret: string, encoding: 'hex' | 'base64', ...parts: readonly (string | Buffer)[]): string {
  const hmac = createHmac('sha256', secret)
  for (const part of parts) hmac.update(part)
  return hmac.digest(encoding)
}

export const hubspot: Vendor = {
  system: 'hubspot',
  signatureHeader: 'x-hubspot-signature-v3',
  signsTime: true,
  sign(world, given, { at = new Date(), secret = world.tools.hubspot.clientSecret } = {}) {
    const path = '/webhooks/hubspot'
    const body = bytes(given)
    const time = String(at.getTime())
    return {
      path,
      body,
      headers: {
        'x-hubspot-request-timestamp': time,
        'x-hubspot-signature-v3': digest(secret, 'base64', 'POST', `${world.gateway.url}${path}`, body, time),
      },
    }
  },
  body: () => JSON.stringify([notification()]),
  change: ({ tools }, value) => void tools.hubspot.updateContact('101', { phone: value }),
  query: () => '{ customer(id: "101") { phone } }',
}

function invoiceOf({ tools }: World): string {
  const [invoice] = tools.stripe.snapshot().invoices
  if (invoice === undefined) throw new Error('expected an invoice among the seeds')
  return invoice.head.id
}

export const stripe: Vendor = {
  system: 'stripe',
  signatureHeader: 'stripe-signature',
  signsTime: true,
  sign(world, given, { at = new Date(), secret = world.tools.stripe.webhookSecret } = {}) {
    const body = bytes(given)
    const time = String(Math.floor(at.getTime() / 1000))
    return {
      path: '/webhooks/stripe',
      body,
      headers: { 'stripe-signature': `t=${time},v1=${digest(secret, 'hex', time, '.', body)}` },
    }
  },
  body: world => JSON.stringify(stripeEvent({}, { id: invoiceOf(world) })),
  change: (world, value) => void world.tools.stripe.updateInvoice(invoiceOf(world), { description: value }),
  query: world => `{ order(id: "${invoiceOf(world)}") { memo } }`,
}

export const asana: Vendor = {
  system: 'asana',
  signatureHeader: 'x-hook-signature',
  signsTime: false,
  sign(world, given, { secret = world.tools.asana.webhooks.all[0]?.secret ?? '' } = {}) {
    const body = bytes(given)
    return { path: '/webhooks/asana/99', body, headers: { 'x-hook-signature': digest(secret, 'hex', body) } }
  },
  body: () => JSON.stringify({ events: [asanaEvent()] }),
  change: ({ tools }, value) => void tools.asana.updateTask('55', { name: value }),
  query: () => '{ job(id: "55") { title } }',
}

export const vendors: readonly Vendor[] = [hubspot, stripe, asana]
