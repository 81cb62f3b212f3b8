import { expect, test, vi } from 'vitest'
import { at, silentWorld } from './reading.ts'
import { ask, imported, setting, start } from './setting.ts'

const lines = Array.from({ length: 150 }, (_, at) => ({ description: `Visit ${at}`, unitAmount: 100 + at }))

const total = lines.reduce((sum, { unitAmount }) => sum + unitAmount, 0)

test('an order of 150 lines is two requests for its lines, which stand in their order', async () => {
  const world = await silentWorld()
  world.tools.stripe.requests.clear()
  const input = { customerId: '101', currency: 'USD', finalize: true, lines }
  const data = await world.data(
    'mutation($input: CreateOrderInput!) { createOrder(input: $input) { order { total { amount } lines { description } } } }',
    { input },
  )
  expect(at(data, 'createOrder')).toEqual({
    order: { total: { amount: total }, lines: lines.map(({ description }) => ({ description })) },
  })
  const requests = world.tools.stripe.requests.all()
  expect([requests['POST /v1/invoices/:id/add_lines'], requests['POST /v1/invoiceitems']]).toEqual([2, undefined])
})

test(
  'each line is there once though the process is killed while the answers to its lines are lost',
  { timeout: 60_000 },
  async () => {
    const here = await setting()
    const process = await start(here)
    await imported(here)
    here.tools.stripe.faults.add({ kind: 'lose', match: { method: 'POST', path: /add_lines$/ } })
    const text = lines.map(one => `{ description: "${one.description}", unitAmount: ${one.unitAmount} }`).join(' ')
    const many = `createOrder(input: { customerId: "102", currency: "USD", memo: "Many", finalize: true, lines: [${text}] }) { order { id } }`
    ask(here, `mutation { ${many} }`).catch(() => undefined)
    const made = () => here.tools.stripe.snapshot().invoices.filter(({ head }) => head.description === 'Many')
    await vi.waitFor(() => expect(made().map(one => one.lines.length)).toEqual([100]), { timeout: 10_000 })
    process.kill('SIGKILL')
    await process.ended
    here.tools.stripe.faults.clear()
    await start(here)
    await vi.waitFor(() => expect(made().map(({ head }) => head.status)).toEqual(['open']), { timeout: 20_000 })
    expect(made()[0]?.lines.map(({ description }) => description)).toEqual(lines.map(({ description }) => description))
  },
)
