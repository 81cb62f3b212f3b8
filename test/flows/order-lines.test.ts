import { expect, test, vi } from 'vitest'
import { at, silentWorld } from './reading.ts'
import { ask, imported, setting, start } from './setting.ts'
import { startWorld } from './world.ts'

/** Of one, of several, of parts of one; some of a price of the catalogue. */
const lines = Array.from({ length: 150 }, (_, at) => ({
  description: `Visit ${at}`,
  unitAmount: 100 + at,
  quantity: at % 3 === 0 ? 1 : at % 3 === 1 ? at : at + 0.5,
}))

const total = lines.reduce((sum, { unitAmount, quantity }) => sum + Math.round(unitAmount * quantity), 0)

test('an order of 150 lines of mixed quantities is two requests for its lines, which answer what was written', async () => {
  const world = await silentWorld()
  world.tools.stripe.requests.clear()
  const data = await world.data(
    `mutation($input: CreateOrderInput!) { createOrder(input: $input) { order {
      total { amount } lines { description quantity unitPrice { amount } product { id } }
    } } }`,
    { input: { customerId: '101', currency: 'USD', finalize: true, lines } },
  )
  expect(at(data, 'createOrder')).toEqual({
    order: {
      total: { amount: total },
      lines: lines.map(({ description, quantity, unitAmount }) => ({
        description,
        quantity,
        unitPrice: { amount: unitAmount },
        product: null,
      })),
    },
  })
  const requests = world.tools.stripe.requests.all()
  expect([requests['POST /v1/invoices/:id/add_lines'], requests['POST /v1/invoiceitems']]).toEqual([2, undefined])
})

test('what Stripe makes for written lines is no product of the catalogue, and its events cost no request', async () => {
  const world = await startWorld()
  const products = '{ products { totalCount } }'
  const before = await world.data(products)
  const input = { customerId: '101', currency: 'USD', lines: lines.slice(0, 10) }
  await world.data('mutation($input: CreateOrderInput!) { createOrder(input: $input) { order { id } } }', { input })
  world.tools.stripe.requests.clear()
  await world.settled()
  const made = world.tools.stripe.snapshot().products.filter(({ name }) => name.startsWith('Visit'))
  expect(made).toHaveLength(5)
  expect(world.tools.stripe.requests.all()).not.toHaveProperty('GET /v1/products/:id')
  expect(await world.data(products)).toEqual(before)
  expect(await world.data(`{ product(id: "${made[0]?.id ?? ''}") { name } }`)).toEqual({ product: null })
})

test(
  'each line is there once though the process is killed while the answers to its lines are lost',
  { timeout: 60_000 },
  async () => {
    const here = await setting()
    const process = await start(here)
    await imported(here)
    here.tools.stripe.faults.add({ kind: 'lose', match: { method: 'POST', path: /add_lines$/ } })
    const text = lines
      .map(one => `{ description: "${one.description}", unitAmount: ${one.unitAmount}, quantity: ${one.quantity} }`)
      .join(' ')
    const many = `createOrder(input: { customerId: "102", currency: "USD", memo: "Many", finalize: true, lines: [${text}] }) { order { id } }`
    ask(here, `mutation { ${many} }`).catch(() => undefined)
    const made = () => here.tools.stripe.snapshot().invoices.filter(({ head }) => head.description === 'Many')
    await vi.waitFor(() => expect(made().map(one => one.lines.length)).toEqual([100]), { timeout: 10_000 })
    process.kill('SIGKILL')
    await process.ended
    here.tools.stripe.faults.clear()
    await start(here)
    await vi.waitFor(() => expect(made().map(({ head }) => head.status)).toEqual(['open']), { timeout: 20_000 })
    expect(
      made()[0]?.lines.map(({ description, quantity_decimal: quantity }) => [description, Number(quantity)]),
    ).toEqual(lines.map(({ description, quantity }) => [description, quantity]))
    expect(made()[0]?.head.total).toBe(total)
  },
)
