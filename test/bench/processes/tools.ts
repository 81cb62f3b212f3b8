import diagnostics from 'node:diagnostics_channel'
import { Agent, request as send, IncomingMessage } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { z } from 'zod'
import { startAsana } from '../../simulators/asana/simulator.ts'
import { seedBusiness } from '../../simulators/core/business.ts'
import { startHubspot } from '../../simulators/hubspot/simulator.ts'
import { startStripe } from '../../simulators/stripe/simulator.ts'
import { machineMs } from '../figures.ts'
import { answerParent, drive, optionsOf, phoneOf, type SentWebhook, type ServedRequest } from './messages.ts'

/** The three stand-ins, and a driver that changes contacts and posts the webhook of each change, signed by HubSpot. */
const options = optionsOf(
  z.object({
    gateway: z.string(),
    limits: z.enum(['vendor', 'none']),
    business: z.object({ customers: z.number(), orders: z.number(), jobs: z.number() }).optional(),
  }),
)

const plenty = 1_000_000
const isOpen = options.limits === 'none'
const clock = (): Date => new Date()
const business = seedBusiness({ now: clock(), ...options.business })
// None gets a webhook address: what is sent is what the driver sends.
const hubspot = await startHubspot({
  business,
  limits: isOpen ? { perTenSeconds: plenty, searchPerSecond: plenty } : {},
})
const stripe = await startStripe({ business, limits: isOpen ? { perSecond: plenty, concurrent: plenty } : {} })
const asana = await startAsana({
  business,
  limits: isOpen ? { perMinute: plenty, concurrentReads: plenty, concurrentWrites: plenty } : {},
})
const tools = [
  { tool: 'hubspot', port: hubspot.port },
  { tool: 'stripe', port: stripe.port },
  { tool: 'asana', port: asana.port },
]

/** When each request came and was answered, as node's own server tells it. */
const begun = new WeakMap<IncomingMessage, number>()
let served: ServedRequest[] = []
const exchange = z.object({ request: z.instanceof(IncomingMessage) })
diagnostics.subscribe('http.server.request.start', message => {
  begun.set(exchange.parse(message).request, machineMs())
})
diagnostics.subscribe('http.server.response.finish', message => {
  const { request } = exchange.parse(message)
  const tool = tools.find(({ port }) => port === request.socket.localPort)?.tool
  const fromMs = begun.get(request)
  if (tool === undefined || fromMs === undefined) return
  const route = `${request.method ?? ''} ${(request.url ?? '').replace(/\?.*$/, '')}`
  served.push({ tool, route, fromMs, toMs: machineMs() })
})

// Given up before the gateway does, after 5 seconds: what is sent in that very moment is answered by nobody.
const agent = new Agent({ keepAlive: true, maxSockets: 64, timeout: 3_000 })

const ask = z.discriminatedUnion('ask', [
  z.object({ ask: z.literal('urls') }),
  z.object({ ask: z.literal('served') }),
  z.object({ ask: z.literal('contacts') }),
  /** Answers nobody any more; all when none is named. */
  z.object({ ask: z.literal('hang'), tools: z.array(z.enum(['hubspot', 'stripe', 'asana'])).optional() }),
  z.object({ ask: z.literal('flood'), secret: z.string(), perSecond: z.number(), seconds: z.number() }),
  drive,
])

answerParent(
  async what => {
    const asked = ask.parse(what)
    switch (asked.ask) {
      case 'urls':
        return { hubspot: hubspot.url, stripe: stripe.url, asana: asana.url }
      case 'contacts':
        return business.contacts.map(({ id }) => id)
      case 'hang':
        for (const [name, tool] of [
          ['hubspot', hubspot],
          ['stripe', stripe],
          ['asana', asana],
        ] as const) {
          if (asked.tools?.includes(name) ?? true) tool.faults.add({ kind: 'slow', delayMs: 600_000 })
        }
        return true
      case 'flood':
        return flood(asked)
      case 'served': {
        const list = served
        served = []
        return list
      }
      case 'drive':
        return driveWebhooks(asked)
    }
  },
  async () => {
    await Promise.all([hubspot.close(), stripe.close(), asana.close()])
  },
)

async function driveWebhooks({ url, customers, perSecond, seconds, from }: z.infer<typeof drive>) {
  const done = await atRate(perSecond, seconds, number =>
    change(url, customers[number % customers.length] ?? '', from + number),
  )
  return { sent: done.map(({ sent }) => sent), refused: done.filter(({ status }) => status !== 200).length }
}

/** Stripe tells of its invoices, each time of another change. @returns how many were refused */
async function flood({ secret, perSecond, seconds }: { secret: string; perSecond: number; seconds: number }) {
  const statuses = await atRate(perSecond, seconds, number => {
    const { id } = business.invoices[number % business.invoices.length] ?? { id: '' }
    const event = {
      id: `evt_flood_${number}`,
      object: 'event',
      type: 'invoice.updated',
      created: Math.floor(Date.now() / 1000),
      data: { object: { id, object: 'invoice' }, previous_attributes: { description: null } },
    }
    const { headers, body } = stripe.webhooks.signed(event, { secret })
    return post(`${options.gateway}/webhooks/stripe`, headers, body)
  })
  return statuses.filter(status => status !== 200).length
}

/** At a steady rate, whether earlier ones have ended or not. */
async function atRate<T>(perSecond: number, seconds: number, once: (number: number) => Promise<T>): Promise<T[]> {
  const begun: Promise<T>[] = []
  const beganMs = machineMs()
  for (let number = 0; number < perSecond * seconds; number += 1) {
    const dueMs = beganMs + (number * 1000) / perSecond
    while (machineMs() < dueMs) await wait(Math.max(1, Math.floor(dueMs - machineMs())))
    begun.push(once(number))
  }
  return Promise.all(begun)
}

async function change(
  url: string,
  customer: string,
  number: number,
): Promise<{ readonly sent: SentWebhook; readonly status: number }> {
  const phone = phoneOf(number)
  if (url === options.gateway) hubspot.updateContact(customer, { phone })
  const { headers, body } = hubspot.webhooks.signed(
    [
      {
        eventId: 900_000_000 + number,
        subscriptionId: 3_923_610,
        portalId: 48_807_704,
        appId: 16_111_050,
        occurredAt: Date.now(),
        subscriptionType: 'contact.propertyChange',
        attemptNumber: 0,
        objectId: Number(customer),
        changeSource: 'CRM_UI',
        sourceId: 'userId:76023669',
        propertyName: 'phone',
        propertyValue: phone,
      },
    ],
    `${options.gateway}/webhooks/hubspot`,
  )
  const atMs = machineMs()
  const status = await post(`${url}/webhooks/hubspot`, headers, body)
  return { sent: { change: number, customer, atMs, ms: machineMs() - atMs }, status }
}

function post(url: string, headers: Readonly<Record<string, string>>, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = send(url, {
      method: 'POST',
      agent,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    })
    outgoing.once('error', reject)
    outgoing.once('response', answer => {
      answer.resume()
      answer.once('end', () => resolve(answer.statusCode ?? 0))
    })
    outgoing.end(body)
  })
}
