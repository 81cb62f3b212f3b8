import { expect, test } from 'vitest'
import { contact, hubspotAccount, stripeAccount, type Raw, type RawRecords } from './accounts.ts'
import { startFieldWorld, type FieldWorld } from './field-world.ts'
import { rawCustomer, rawEvent, rawInvoice, rawLine, rawProduct, thinEvent } from './stripe-raw.ts'
import type { Answer } from './vendor-server.ts'

const shows = 'change { kind fields } order { id lines { product { name } } }'

interface Account {
  readonly products: RawRecords
  readonly invoices: RawRecords
  readonly events: RawRecords
}

function worldOf(account: Account, ...answers: readonly Answer[]): Promise<FieldWorld> {
  return startFieldWorld({
    hubspot: [hubspotAccount({ contacts: { 101: contact('101', { email: 'jane@example.com' }) } })],
    stripe: [
      ...answers,
      stripeAccount({ ...account, customers: { cus_1: rawCustomer('cus_1', { email: 'jane@example.com' }) } }),
    ],
  })
}

const lineOf = (product: string, id = 'il_1'): Raw =>
  rawLine(id, { amount: 100, pricing: { price_details: { product } } })
const invoiceOf = (id: string, ...products: readonly string[]): Raw =>
  rawInvoice(id, 'cus_1', { lines: products.map((product, at) => lineOf(product, `${id}_${at}`)) })

function accountOf(): Account {
  return {
    products: { prod_1: rawProduct('prod_1', { name: 'Hosting' }), prod_2: rawProduct('prod_2', { name: 'Support' }) },
    invoices: { in_1: invoiceOf('in_1', 'prod_1', 'prod_2'), in_2: invoiceOf('in_2', 'prod_2') },
    events: {},
  }
}

function renamed(account: Account, name: string): Raw {
  const { name: former } = account.products['prod_1'] ?? {}
  return rawEvent('product.updated', (account.products['prod_1'] = rawProduct('prod_1', { name })), { name: former })
}

const frameOf = (...names: readonly (string | null)[]) => ({
  change: { kind: 'UPDATED', fields: ['lines'] },
  order: { id: 'in_1', lines: names.map(name => ({ product: { name } })) },
})

/** The Changes of orders after a number. */
async function changedOrders(world: FieldWorld, after: number): Promise<readonly string[]> {
  const rows = await world.gateway.runtime.store.read(db =>
    db
      .selectFrom('changes')
      .select('record_id')
      .where('record_kind', '=', 'invoice')
      .where('sequence', '>', after)
      .execute(),
  )
  return rows.map(({ record_id: id }) => id).toSorted()
}

test('a renamed product is pushed to those who watch an order that shows it, and to no others', async () => {
  const account = accountOf()
  const world = await worldOf(account)
  const one = world.subscribe(`subscription { orderChanged(id: "in_1") { ${shows} } }`)
  const all = world.subscribe(`subscription { orderChanged(customer: "101") { ${shows} } }`)
  expect(await one.next()).toMatchObject({ data: { orderChanged: { change: { kind: 'CURRENT' } } } })
  await all.next().catch(() => undefined)
  const { position } = world.gateway.runtime.follower
  expect(await world.tellStripe(renamed(account, 'Cloud hosting'))).toBe(200)
  expect(await one.next()).toEqual({ data: { orderChanged: frameOf('Cloud hosting', 'Support') } })
  expect(await changedOrders(world, position)).toEqual(['in_1'])
  one.end()
  all.end()
})

test('news of a product that do not name its name, or that name the same one, change no order', async () => {
  const account = accountOf()
  const world = await worldOf(account)
  const { position } = world.gateway.runtime.follower
  const product = account.products['prod_1'] ?? {}
  await world.tellStripe(rawEvent('product.updated', product, { description: 'Before' }))
  await world.tellStripe(thinEvent('v1.product.updated', { id: 'prod_1', type: 'product', url: '/v1/products/prod_1' }))
  await world.tellStripe(rawEvent('product.updated', product, { name: 'Hosting' }))
  expect(await changedOrders(world, position)).toEqual([])
})

test('a renamed product is found by the next sweep where no webhook told', async () => {
  const account = accountOf()
  const world = await worldOf(account)
  await world.sweep()
  const frames = world.subscribe(`subscription { orderChanged(id: "in_1") { ${shows} } }`)
  await frames.next()
  const event = renamed(account, 'Cloud hosting')
  account.events['evt'] = { ...event, created: Math.floor(Date.now() / 1000) }
  await world.sweep()
  expect(await frames.next()).toEqual({ data: { orderChanged: frameOf('Cloud hosting', 'Support') } })
  frames.end()
})

test('a renamed product is found when every record is listed anew', async () => {
  const account = accountOf()
  const world = await worldOf(account)
  const frames = world.subscribe(`subscription { orderChanged(id: "in_1") { ${shows} } }`)
  await frames.next()
  renamed(account, 'Cloud hosting')
  const { signal } = new AbortController()
  await world.gateway.importing.run({ system: 'stripe', restart: true, tell: () => undefined, signal })
  expect(await frames.next()).toEqual({ data: { orderChanged: frameOf('Cloud hosting', 'Support') } })
  frames.end()
})

test('an order that came after its product, and one of many lines, follow the name too', async () => {
  const account = accountOf()
  const further = Array.from({ length: 12 }, (_, at) => lineOf(at === 11 ? 'prod_1' : 'prod_2', `il_${at}`))
  const page: Answer = ({ path }) =>
    path === '/v1/invoices/in_long/lines'
      ? { body: { object: 'list', url: path, has_more: false, data: further } }
      : undefined
  account.invoices['in_long'] = {
    ...rawInvoice('in_long', 'cus_1'),
    lines: { object: 'list', data: further.slice(0, 10), has_more: true, url: '/v1/invoices/in_long/lines' },
  }
  const world = await worldOf(account, page)
  account.invoices['in_new'] = invoiceOf('in_new', 'prod_1')
  await world.tellStripe(rawEvent('invoice.created', account.invoices['in_new']))
  const { position } = world.gateway.runtime.follower
  await world.tellStripe(renamed(account, 'Cloud hosting'))
  expect(await changedOrders(world, position)).toEqual(['in_1', 'in_long', 'in_new'])
})

test('a deleted product is shown no more by those who watch its orders', async () => {
  const account = accountOf()
  const world = await worldOf(account)
  const frames = world.subscribe(`subscription { orderChanged(id: "in_1") { ${shows} } }`)
  await frames.next()
  const { prod_1: product = {} } = account.products
  delete account.products['prod_1']
  await world.tellStripe(rawEvent('product.deleted', product))
  expect(await frames.next()).toEqual({
    data: {
      orderChanged: {
        change: { kind: 'UPDATED', fields: ['lines'] },
        order: { id: 'in_1', lines: [{ product: null }, { product: { name: 'Support' } }] },
      },
    },
  })
  frames.end()
})

test('a product on thousands of orders costs no call for each, and its former name in no cache', async () => {
  const count = 3000
  const account = accountOf()
  for (let at = 0; at < count; at++) account.invoices[`in_m${at}`] = invoiceOf(`in_m${at}`, 'prod_1')
  const world = await worldOf(account)
  const ask = () => world.data('{ order(id: "in_m7") { lines { product { name } } } }')
  await ask()
  const { position } = world.gateway.runtime.follower
  const before = world.stripe.requests.length
  await world.tellStripe(renamed(account, 'Cloud hosting'))
  expect(await ask()).toEqual({ order: { lines: [{ product: { name: 'Cloud hosting' } }] } })
  expect(await changedOrders(world, position)).toHaveLength(count + 1)
  // The product, now and then once more; its orders hold no name, and stay in the cache.
  const asked = world.stripe.requests.slice(before).map(({ path }) => path)
  expect(new Set(asked)).toEqual(new Set(['/v1/products/prod_1']))
  expect(asked.length).toBeLessThan(5)
})
