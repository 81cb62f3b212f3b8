import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import type { DeliveryEntry } from '../../../../subgraphs/contract.ts'
import { startStripe } from '../../../simulators/stripe/simulator.ts'
import { openStripe } from './open.ts'

const dayMs = 86_400_000

async function account(clock: () => Date = () => new Date()) {
  const stripe = await startStripe({ clock, limits: { perSecond: 1000 } })
  const opened = openStripe(stripe.url)
  onTestFinished(async () => {
    opened.close()
    await stripe.close()
  })
  const [events] = opened.system.sweepers
  if (events === undefined) throw new Error('expected a sweeper')
  const since = new Date(clock().getTime() - 1000)
  const sweep = (cursor: string | null) => events.sweep(cursor, since, opened.context.call)
  return { stripe, opened, sweep }
}

function keys(entries: readonly DeliveryEntry[]): readonly string[] {
  return entries.map(({ key }) => key)
}

test('events are told as webhooks tell them: under the same keys, with the same hints, the longest ago first', async () => {
  const { stripe, opened, sweep } = await account()
  const customer = stripe.createCustomer({ email: 'a@example.org' })
  stripe.updateCustomer(customer.id, { email: 'b@example.org' })
  const page = await sweep(null)
  expect(page).toMatchObject({ shown: [], isDone: true, isGap: false })
  expect(page.news).toMatchObject([
    { hints: [{ kind: 'CREATED', record: { system: 'stripe', kind: 'customer', id: customer.id } }] },
    { hints: [{ kind: 'UPDATED', fields: ['links'] }] },
  ])
  const events: unknown = await (
    await fetch(`${stripe.url}/v1/events?limit=1`, { headers: { authorization: `Bearer ${stripe.secretKey}` } })
  ).json()
  const [newest] = typeof events === 'object' && events !== null && 'data' in events ? [events.data].flat() : []
  const body = new TextEncoder().encode(JSON.stringify(newest))
  const received = { method: 'POST', endpoint: '', url: '', headers: {}, body }
  expect(opened.system.webhook.read(received)).toEqual({ entries: page.news.slice(-1) })
  // What follows is told again with the last minute before it.
  stripe.deleteCustomer(customer.id)
  const next = await sweep(page.next)
  expect(keys(next.news).slice(0, 2)).toEqual(keys(page.news))
  expect(next.news.at(-1)).toMatchObject({ hints: [{ kind: 'DELETED' }] })
})

test('more events than a page are walked to the place of the last sweep, and what comes meanwhile is found by the next', async () => {
  const { stripe, sweep } = await account()
  const made = Array.from({ length: 230 }, () => stripe.createCustomer().id)
  const found: string[] = []
  let page = await sweep(null)
  made.push(stripe.createCustomer().id)
  for (;;) {
    found.push(...page.news.flatMap(entry => ('hints' in entry ? entry.hints.map(({ record }) => record.id) : [])))
    if (page.isDone) break
    page = await sweep(page.next)
  }
  expect(found.toSorted()).toEqual(made.slice(0, 230).toSorted())
  const later = await sweep(page.next)
  expect(JSON.stringify(later.news)).toContain(made.at(-1))
})

test('a place older than the 30 days that Stripe keeps events is a gap, and the next step goes on from now', async () => {
  const { stripe, sweep } = await account()
  stripe.createCustomer()
  const seconds = Math.floor(Date.now() / 1000)
  const old = JSON.stringify({ since: seconds - 31 * 86_400, newest: seconds - 31 * 86_400 })
  const page = await sweep(old)
  expect(page).toMatchObject({ news: [], isGap: true })
  expect(await sweep(page.next)).toMatchObject({ isGap: false, isDone: true })
})

test('an event that is kept no more is no place to go on from: the walk begins anew', async () => {
  let at = Date.now()
  const { stripe, sweep } = await account(() => new Date(at))
  for (let number = 0; number < 120; number++) stripe.createCustomer()
  const first = await sweep(null)
  expect(first.isDone).toBe(false)
  // The walk stands at an event that is forgotten now; a new one is there.
  at += 31 * dayMs
  const { id } = stripe.createCustomer()
  const second = await sweep(first.next)
  expect(JSON.stringify(second.news)).toContain(id)
  expect(second.isDone).toBe(true)
})

test('the webhook endpoint is active, disabled or gone, as Stripe has it', async () => {
  const { stripe, opened } = await account()
  const publicUrl = 'https://graph.example.com'
  const { call } = opened.context
  const state = async () => (await opened.system.subscriptions({ publicUrl, call }))[0]?.state
  expect(await state()).toBe('GONE')
  const secrets = {
    of: () => Promise.resolve([]),
    store: () => Promise.resolve(),
    whileHandshakePending: <T>(_: string, done: () => Promise<T>) => done(),
  }
  await opened.system.connect({ publicUrl, secrets, call })
  expect(await state()).toBe('ACTIVE')
  const headers = {
    authorization: `Bearer ${stripe.secretKey}`,
    'content-type': 'application/x-www-form-urlencoded',
  }
  const list = await (await fetch(`${stripe.url}/v1/webhook_endpoints`, { headers })).text()
  const id = /"we_[^"]+"/.exec(list)?.[0].slice(1, -1) ?? ''
  await fetch(`${stripe.url}/v1/webhook_endpoints/${id}`, { method: 'POST', headers, body: 'disabled=true' })
  expect(await state()).toBe('DISABLED')
})

test('an event dated a day ahead is no place to go on from: what happens until then is found', async () => {
  let ahead = 0
  const { stripe, sweep } = await account(() => new Date(Date.now() + ahead))
  ahead = dayMs
  const first = stripe.createInvoice({ customer: stripe.createCustomer({ email: 'a@example.org' }).id })
  ahead = 0
  const { next } = await sweep(null)
  stripe.updateInvoice(first.id, { description: 'now' })
  expect((await sweep(next)).news.length).toBeGreaterThan(0)
  const { newest } = z.object({ newest: z.number() }).parse(JSON.parse(next))
  expect(newest * 1000).toBeLessThanOrEqual(Date.now())
})
