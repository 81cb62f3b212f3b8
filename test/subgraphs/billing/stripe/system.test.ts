import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ConnectPorts, ImportPage, LinkedRecord, ObservedRecord } from '../../../../subgraphs/contract.ts'
import { understood } from '../../../../subgraphs/lenient.ts'
import { VendorError } from '../../../../subgraphs/vendor-error.ts'
import { seedBusiness } from '../../../simulators/core/business.ts'
import { startStripe } from '../../../simulators/stripe/simulator.ts'
import type { StripeSimulator } from '../../../simulators/stripe/simulator.ts'
import { openStripe } from './open.ts'
import { stepsInMemory } from '../../steps.ts'
import type { Opened } from './open.ts'

const now = new Date('2026-06-01T09:00:00.000Z')
const business = seedBusiness({ customers: 40, orders: 150, jobs: 0, now })

const anyText: unknown = expect.any(String)

let simulator: StripeSimulator
let opened: Opened

beforeEach(async () => {
  simulator = await startStripe({ business, limits: { perSecond: 1000 } })
  opened = openStripe(simulator.url, { secretKey: simulator.secretKey })
})

afterEach(async () => {
  opened.close()
  await simulator.close()
})

async function importAll(kind: string, between: (page: number) => void = () => undefined): Promise<ObservedRecord[]> {
  const importer = opened.system.importers.find(one => one.kind === kind)
  if (importer === undefined) throw new Error(`expected an importer of ${kind}`)
  const found: ObservedRecord[] = []
  for (let cursor: string | null = null, page = 1; ; page += 1) {
    const read: ImportPage = await importer.list(cursor, opened.context.call)
    found.push(...read.observed)
    if (read.next === null) return found
    cursor = read.next
    between(page)
  }
}

function linkedTo(id: string): readonly LinkedRecord[] {
  return [{ record: { system: 'stripe', kind: 'customer', id }, evidence: 'explicit', isContradicted: false }]
}

const nearOf = ({ parents }: ObservedRecord): string | undefined => {
  const parent = parents?.[0]
  return parent !== undefined && 'record' in parent ? parent.record.id : undefined
}

describe('the import', () => {
  test('lists every record once, customers before their invoices', async () => {
    expect(opened.system.importers.map(importer => importer.kind)).toEqual(['customer', 'product', 'invoice'])
    const invoices = await importAll('invoice')
    expect(new Set(invoices.map(({ record }) => record.id)).size).toBe(business.invoices.length)
    expect(invoices.every(one => nearOf(one) !== undefined && one.status !== null)).toBe(true)
    expect(await importAll('customer')).toHaveLength(business.accounts.length)
    expect(await importAll('product')).toHaveLength(business.products.length)
  })

  test('goes on when the record it stopped at was deleted', async () => {
    const draft = simulator.createInvoice({ customer: business.accounts[0]?.id ?? '' })
    const importer = opened.system.importers.find(one => one.kind === 'invoice')
    const cursor = `${draft.created.toString()} ${draft.id}`
    simulator.deleteInvoice(draft.id)
    const page = await importer?.list(cursor, opened.context.call)
    expect(page?.observed).toHaveLength(100)
  })
})

describe('reading many', () => {
  test('50 orders that follow one another in the list of all take two calls', async () => {
    const invoices = (await importAll('invoice')).slice(20, 70)
    simulator.requests.clear()
    const read = await opened.readMany(
      'invoice',
      invoices.map(one => ({ id: one.record.id, near: nearOf(one) })),
    )
    expect(read.size).toBe(50)
    expect(simulator.requests.total).toBe(2)
  })

  test('the orders of one customer take one call', async () => {
    const all = await importAll('invoice')
    const near = all.map(nearOf).find((one, at, owners) => owners.indexOf(one) < at)
    const wanted = all.filter(one => nearOf(one) === near).map(one => ({ id: one.record.id, near }))
    simulator.requests.clear()
    const read = await opened.readMany('invoice', wanted)
    expect([...read.keys()].toSorted()).toEqual(wanted.map(({ id }) => id).toSorted())
    expect(simulator.requests.total).toBe(1)
  })

  test('what does not exist is missing from the answer, and ids that lead elsewhere are not asked for', async () => {
    const [first] = await importAll('invoice')
    const wanted = ['in_gone', '', '.', '..', first?.record.id ?? ''].map(id => ({ id }))
    const read = await opened.readMany('invoice', wanted)
    expect([...read.keys()]).toEqual([first?.record.id])
  })

  test('products are read by their ids in one call, customers one by one and deleted ones not', async () => {
    const ids = business.products.slice(0, 3).map(({ id }) => id)
    simulator.requests.clear()
    expect(
      (
        await opened.readMany(
          'product',
          [...ids, 'prod_gone'].map(id => ({ id })),
        )
      ).size,
    ).toBe(3)
    expect(simulator.requests.total).toBe(1)
    const account = simulator.createCustomer({})
    simulator.deleteCustomer(account.id)
    expect((await opened.readMany('customer', [{ id: account.id }])).size).toBe(0)
  })

  test('one that fails stands in the answer as an error, the others are read', async () => {
    const [a, b] = business.accounts
    simulator.faults.add({ kind: 'error', status: 400, match: { path: new RegExp(`customers/${a?.id ?? ''}$`) } })
    const read = await opened.readMany('customer', [{ id: a?.id ?? '' }, { id: b?.id ?? '' }])
    expect(read.get(a?.id ?? '')).toBeInstanceOf(VendorError)
    expect(read.get(b?.id ?? '')).toMatchObject({ id: b?.id })
  })
})

describe('writes', () => {
  test('an order for a customer unknown to billing names them, and is finalised with its lines in order', async () => {
    const price = business.products[0]?.prices[0]
    const written = await opened.system.source.create(
      {
        customerId: '4711',
        currency: (price?.currency ?? 'usd').toUpperCase(),
        lines: [
          { priceId: price?.id ?? '', quantity: '2' },
          { description: 'Travel', unitAmount: 150, quantity: '3' },
        ],
        daysUntilDue: 14,
        memo: 'Thank you',
        finalize: true,
      },
      opened.context,
      stepsInMemory(),
    )
    const [{ record, observed }, customer] = written
    expect(simulator.invoice(record.id)).toMatchObject({
      status: 'open',
      auto_advance: false,
      description: 'Thank you',
    })
    expect(observed).toMatchObject({ status: 'OPEN', parents: [{ record: customer?.record }] })
    expect(simulator.customer(customer?.record.id ?? '')).toMatchObject({ metadata: { crm_id: '4711' } })
    const order = await opened.system.source.order({ id: record.id }, opened.context)
    expect(order).toMatchObject({ status: 'OPEN', total: { amount: 2 * (price?.amount ?? 0) + 450 } })
    const lines = await opened.system.source.lines(record.id, opened.context)
    expect(lines).toMatchObject([
      { quantity: '2' },
      { quantity: '3', description: 'Travel', unitPrice: { amount: 150 }, amount: { amount: 450 } },
    ])
  })

  test('an order that cannot be filled leaves no draft behind, and says what was wrong', async () => {
    opened.close()
    opened = openStripe(simulator.url, { linked: linkedTo(business.accounts[0]?.id ?? '') })
    const before = await importAll('invoice')
    const order = {
      customerId: '101',
      currency: 'USD',
      lines: [{ priceId: 'price_gone', quantity: '1' }],
      daysUntilDue: 1,
      memo: null,
      finalize: true,
    }
    const steps = stepsInMemory()
    const fault = await faultOf(opened.system.source.create(order, opened.context, steps))
    expect(fault.kind === 'rejected' || fault.kind === 'not-found').toBe(true)
    expect(await opened.system.takeBack(steps, opened.context.call)).toMatchObject({
      isGone: true,
      written: [{ kind: 'UPDATED', record: { kind: 'customer' }, fields: ['links'] }],
    })
    expect(await importAll('invoice')).toHaveLength(before.length)
    expect(opened.warned).toEqual([])
  })

  test('finalising, paying outside and voiding change the status', async () => {
    const { source } = opened.system
    const customer = business.accounts[0]?.id ?? ''
    const draft = (): string =>
      simulator.createInvoice({ customer, collection_method: 'send_invoice', days_until_due: 3, currency: 'usd' }, [
        { amount: 5000, currency: 'usd' },
      ]).id
    const [paid, voided] = [draft(), draft()]
    expect((await source.finalize(paid, opened.context, stepsInMemory()))[0]).toMatchObject({
      kind: 'UPDATED',
      observed: { status: 'OPEN' },
    })
    expect((await source.markPaid(paid, opened.context, stepsInMemory()))[0]).toMatchObject({
      observed: { status: 'PAID' },
    })
    await source.finalize(voided, opened.context, stepsInMemory())
    expect((await source.void(voided, opened.context, stepsInMemory()))[0]).toMatchObject({
      observed: { status: 'VOID' },
    })
    const fault = await faultOf(source.void(voided, opened.context, stepsInMemory()))
    expect(fault).toMatchObject({ kind: 'rejected', inputFault: anyText })
  })

  test('a write whose answer got lost is sent again and done once', async () => {
    opened.close()
    opened = openStripe(simulator.url, { linked: linkedTo(business.accounts[0]?.id ?? '') })
    const before = (await importAll('invoice')).length
    simulator.faults.add({ kind: 'error', status: 500, times: 1, match: { method: 'POST', path: /\/v1\/invoices$/ } })
    simulator.faults.add({ kind: 'drop', times: 1, match: { method: 'POST', path: /invoiceitems$/ } })
    const lines = [{ description: 'One', unitAmount: 1, quantity: '1' }]
    await opened.system.source.create(
      { customerId: '101', currency: 'USD', lines, daysUntilDue: 1, memo: null, finalize: false },
      opened.context,
      stepsInMemory(),
    )
    expect(await importAll('invoice')).toHaveLength(before + 1)
  })
})

describe('what hangs on a record', () => {
  test('more than ten lines are all read, once as long as the order is kept', async () => {
    const customer = business.accounts[0]?.id ?? ''
    const amounts = Array.from({ length: 130 }, (_, at) => ({ amount: at, currency: 'usd' }))
    const { id } = simulator.createInvoice({ customer, currency: 'usd' }, amounts)
    const lines = understood(await opened.system.source.lines(id, opened.context)) ?? []
    expect(new Set(lines.map(line => ('id' in line ? line.id : null))).size).toBe(130)
    simulator.requests.clear()
    await opened.system.source.lines(id, opened.context)
    expect(simulator.requests.total).toBe(0)
    opened.evictAll()
    await opened.system.source.lines(id, opened.context)
    expect(simulator.requests.total).toBe(3)
  })

  test('prices, credit and the means of payment are as Stripe has them', async () => {
    const { source } = opened.system
    const product = business.products.find(one => one.prices.length > 0)
    const prices = await source.prices(product?.id ?? '', opened.context)
    expect(prices.map(price => ('id' in price ? price.id : null)).toSorted()).toEqual(
      product?.prices.map(({ id }) => id).toSorted(),
    )

    const credited = business.accounts.find(one => one.balance < 0)
    const records = credited === undefined ? [] : linkedTo(credited.id).map(({ record }) => record)
    const expected =
      credited === undefined ? [] : [{ amount: -credited.balance, currency: credited.currency.toUpperCase() }]
    expect(await source.standing(records, opened.context)).toMatchObject({ credits: expected, debits: [] })

    const carded = business.accounts.find(one => one.card !== null)
    const record = { system: 'stripe', kind: 'customer', id: carded?.id ?? '' }
    expect(await source.paymentMethod(record, opened.context)).toMatchObject({
      type: 'card',
      last4: carded?.card?.last4,
    })
  })

  test('an observed record is what the import said of it, and null once it is gone', async () => {
    const [first] = await importAll('invoice')
    const record = first?.record ?? { system: 'stripe', kind: 'invoice', id: '' }
    expect(await opened.system.observe(record, opened.context)).toEqual(first)
    expect(await opened.system.observe({ ...record, id: 'in_gone' }, opened.context)).toBeNull()
  })
})

describe('faults', () => {
  test.each([
    ['a refused key', 401, 'unauthorized'],
    ["Stripe's own fault", 500, 'unavailable'],
    ['a refusal', 400, 'rejected'],
  ] as const)('%s is told by its kind, without personal data', async (_, status, kind) => {
    simulator.faults.add({ kind: 'error', status })
    const fault = await faultOf(opened.system.source.order({ id: 'in_1' }, opened.context))
    expect(fault.kind).toBe(kind)
    expect(fault.message).not.toContain('sk_test')
  })

  test('a rate limit is waited out', async () => {
    simulator.faults.add({ kind: 'rate-limit', times: 1 })
    expect(await opened.readMany('customer', [{ id: business.accounts[0]?.id ?? '' }])).toHaveProperty('size', 1)
  })
})

describe('connecting', () => {
  function ports(known: string[]): ConnectPorts {
    return {
      publicUrl: 'https://graph.example.com',
      call: opened.context.call,
      secrets: {
        of: () => Promise.resolve(known),
        store: (_, secret) => Promise.resolve(void known.unshift(secret)),
        whileHandshakePending: (_, done) => done(),
      },
    }
  }

  test('makes the endpoint, stores its secret, and does nothing more the second time', async () => {
    const known: string[] = []
    const first = await opened.system.connect(ports(known))
    expect(first).toMatchObject({ missing: [], manual: [] })
    expect(known).toEqual([expect.stringMatching(/^whsec_/)])
    const second = await opened.system.connect(ports(known))
    expect(second).toMatchObject({
      done: [expect.stringContaining('each permission'), expect.stringContaining('already')],
      missing: [],
      manual: [],
    })
    expect(known).toHaveLength(1)
  })

  test('says so when nobody knows the secret of an endpoint that is there', async () => {
    await opened.system.connect(ports([]))
    const report = await opened.system.connect(ports([]))
    expect(report.missing).toHaveLength(1)
    expect(report.manual[0]).toContain('STRIPE_WEBHOOK_SECRET')
  })

  test('a wrong key is told once, with the setting and what to do', async () => {
    const wrong = openStripe(simulator.url, { secretKey: 'rk_test_other' })
    const report = await wrong.system.connect({ ...ports([]), call: wrong.context.call })
    wrong.close()
    expect(report.done).toEqual([])
    expect(report.missing).toEqual([
      expect.stringMatching(/^Stripe does not accept the API key in STRIPE_SECRET_KEY at all \(answered 401, .*\)\.$/),
    ])
    expect(report.manual.join('\n')).toMatch(/Developers, API keys.*[^]*Webhook Endpoints write[^]*connect -- stripe/)
    expect(JSON.stringify(report)).not.toContain('rk_test_other')
  })

  test.each([
    ['/v1/events', 'GET', 403, /^The API key in STRIPE_SECRET_KEY lacks Events read\.$/],
    ['/v1/prices', 'GET', 403, /STRIPE_SECRET_KEY lacks Prices read/],
    ['/v1/customers/[^/]+', 'POST', 403, /STRIPE_SECRET_KEY lacks Customers write/],
    ['/v1/webhook_endpoints', 'GET', 403, /STRIPE_SECRET_KEY lacks Webhook Endpoints write/],
    [
      '/v1/webhook_endpoints',
      'POST',
      403,
      /Making the webhook endpoint for https:.*STRIPE_SECRET_KEY.*Endpoints write/,
    ],
    ['/v1/webhook_endpoints', 'POST', 400, /Making the webhook endpoint for https:.*PUBLIC_URL/],
    ['/v1/invoices', 'GET', 500, /^Could not try Invoices write: answered 500, .*; try again later\.$/],
  ])('what is refused at %s (%s, %i) is named, with what to do', async (path, method, status, said) => {
    simulator.faults.add({ kind: 'error', status, match: { method, path: new RegExp(`^${path}$`) } })
    const report = await opened.system.connect(ports([]))
    expect(report.missing).toEqual([expect.stringMatching(said)])
  })
})

async function faultOf(outcome: Promise<unknown>): Promise<VendorError> {
  const fault: unknown = await outcome.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (fault instanceof VendorError) return fault
  throw new Error('expected a VendorError')
}
