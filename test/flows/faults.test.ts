import { expect, test } from 'vitest'
import type { RequestFaultKind } from '../simulators/core/faults.ts'
import type { Simulators } from '../simulators/start.ts'
import { at, idsAt, listAt, silentWorld } from './reading.ts'

const environment = { VENDOR_TRY_TIMEOUT_MS: '1000', VENDOR_TOTAL_TIMEOUT_MS: '1400' }

/** What one whole answer may take beside waiting for the vendor, on a busy machine. */
const ownMs = 1500

const page = `query($id: ID!) { customer(id: $id) { id name email
  orders(first: 3) { nodes { id number status total { amount } } } jobs(first: 3) { nodes { id title status } } } }`

interface Vendor {
  readonly system: 'hubspot' | 'stripe' | 'asana'
  readonly role: string
  /** Where in the customer the role's own values stand. */
  readonly own: (customer: unknown) => unknown
  readonly others: (customer: unknown) => unknown
}

const crm = (customer: unknown) => [at(customer, 'name'), at(customer, 'email')]
const orders = (customer: unknown) =>
  listAt(customer, 'orders.nodes').map(node => [at(node, 'number'), at(node, 'total')])
const jobs = (customer: unknown) => listAt(customer, 'jobs.nodes').map(node => [at(node, 'title'), at(node, 'status')])

const vendors: readonly Vendor[] = [
  { system: 'hubspot', role: 'crm', own: crm, others: customer => [orders(customer), jobs(customer)] },
  { system: 'stripe', role: 'billing', own: orders, others: customer => [crm(customer), jobs(customer)] },
  { system: 'asana', role: 'jobs', own: jobs, others: customer => [crm(customer), orders(customer)] },
]

/** After several tries in vain a tool counts as out: `SYSTEM_UNAVAILABLE`. */
const kinds: readonly (readonly [RequestFaultKind, ...codes: readonly string[]])[] = [
  ['rate-limit', 'SYSTEM_RATE_LIMITED'],
  ['error', 'SYSTEM_UNAVAILABLE'],
  ['slow', 'SYSTEM_TIMEOUT', 'SYSTEM_UNAVAILABLE'],
  ['drop', 'SYSTEM_UNAVAILABLE'],
  ['html', 'SYSTEM_UNREADABLE'],
  ['endless', 'SYSTEM_TIMEOUT', 'SYSTEM_UNAVAILABLE'],
  ['wrong-types', 'SYSTEM_UNREADABLE'],
  ['proto'],
]

test.each(vendors)('whatever goes wrong at $system, the other roles answer whole and in time', async vendor => {
  let aheadMs = 0
  const world = await silentWorld({ environment, clock: { now: () => new Date(Date.now() + aheadMs) } })
  const tool = world.tools[vendor.system]
  const ids = busyCustomers(world.tools)
  expect(ids.length).toBeGreaterThanOrEqual(kinds.length)
  for (const [kind, ...expected] of kinds) {
    const id = ids.shift() ?? ''
    tool.faults.add({ kind, delayMs: 3000 })
    const began = performance.now()
    const faulty = await world.ask(page, { id })
    const ms = performance.now() - began
    tool.faults.clear()
    // By then the vendor is asked again, whatever it said and however long it was let alone.
    aheadMs += 120_000
    const whole = await world.ask(page, { id })
    expect([kind, whole.errors]).toEqual([kind, []])
    expect(ms).toBeLessThan(Number(environment.VENDOR_TOTAL_TIMEOUT_MS) + ownMs)
    const [was, is] = [at(faulty.data, 'customer'), at(whole.data, 'customer')]
    expect([kind, vendor.others(was)]).toEqual([kind, vendor.others(is)])
    // Lists come from the index: who is on the page is known all the same.
    for (const list of ['orders', 'jobs']) expect(idsAt(was, `${list}.nodes`)).toEqual(idsAt(is, `${list}.nodes`))
    if (expected.length === 0) expect([vendor.own(was), faulty.errors]).toEqual([vendor.own(is), []])
    else {
      expect(JSON.stringify(vendor.own(was)).replaceAll(/[[\],]|null/g, '')).toBe('')
      expect(faulty.errors.length).toBeGreaterThan(0)
      for (const { extensions } of faulty.errors) {
        expect([kind, extensions]).toMatchObject([
          kind,
          { role: vendor.role, system: vendor.system, isRetryable: true },
        ])
        expect(expected).toContain(extensions?.['code'])
        if (kind === 'rate-limit') expect(extensions?.['retryAfterMs']).toBeGreaterThan(0)
      }
    }
    expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('polluted')
  }
})

/** Customers with orders and jobs. */
function busyCustomers({ hubspot, stripe, asana }: Simulators): string[] {
  const { customers, invoices } = stripe.snapshot()
  const billed = new Set(invoices.map(({ head }) => head.customer))
  const named = new Set(customers.filter(({ id }) => billed.has(id)).map(({ metadata }) => metadata['crm_id']))
  const working = new Set(asana.snapshot().tasks.map(({ texts }) => texts.get('123')))
  return hubspot
    .snapshot()
    .contacts.map(({ id }) => id)
    .filter(id => named.has(id) && working.has(id))
}
