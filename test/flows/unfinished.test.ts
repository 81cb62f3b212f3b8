import { describe, expect, test, vi } from 'vitest'
import type { StripeSimulator } from '../simulators/stripe/simulator.ts'
import type { Child } from './child.ts'
import { at, codes, silentWorld } from './reading.ts'
import { ask, imported, setting, start, type Setting } from './setting.ts'

test('a write repeated with its clientMutationId gives the same answer, and with another input none', async () => {
  const world = await silentWorld()
  const create = (input: object) =>
    world.ask(
      `mutation($input: CreateOrderInput!) { createOrder(input: $input) { clientMutationId order { id memo } } }`,
      { input },
    )
  const input = {
    clientMutationId: 'a-1',
    customerId: '101',
    currency: 'USD',
    memo: 'Once',
    lines: [{ description: 'Call-out', unitAmount: 100 }],
  }
  const [first, ...others] = await Promise.all([create(input), create(input), create(input)])
  expect(first.errors).toEqual([])
  expect(at(first.data, 'createOrder')).toMatchObject({ clientMutationId: 'a-1', order: { memo: 'Once' } })
  for (const other of [...others, await create(input)]) expect(other.data).toEqual(first.data)
  const refused = await create({ ...input, memo: 'Twice' })
  expect(codes(refused)).toEqual(['BAD_USER_INPUT'])
  expect(refused.errors[0]?.message).toMatch(/what differs: memo/)
  const { invoices } = world.tools.stripe.snapshot()
  expect(invoices.filter(({ head }) => ['Once', 'Twice'].includes(head.description ?? ''))).toHaveLength(1)
})

const hanging = `createOrder(input: { customerId: "102", currency: "USD", memo: "Hanging", finalize: true, lines: [{ description: "Call-out", unitAmount: 100 }] }) { order { id } }`

function hangingOrders({ tools }: Setting): readonly (string | null)[] {
  const { invoices } = tools.stripe.snapshot()
  return invoices.flatMap(({ head }) => (head.description === 'Hanging' ? [head.status] : []))
}

/** A process that has begun an order whose line is never answered. */
async function startHanging(): Promise<{ readonly here: Setting; readonly process: Child }> {
  const here = await setting()
  const process = await start(here)
  await imported(here)
  here.tools.stripe.faults.add({ kind: 'endless', match: { path: /invoiceitems$/ } })
  ask(here, `mutation { ${hanging} }`).catch(() => undefined)
  await vi.waitFor(() => expect(hangingOrders(here)).toEqual(['draft']), { timeout: 10_000 })
  return { here, process }
}

async function restart(here: Setting, process: Child): Promise<void> {
  process.kill('SIGKILL')
  await process.ended
  here.tools.stripe.faults.clear()
  await start(here)
}

test('an order under way when the process is killed is finished at the next start', { timeout: 60_000 }, async () => {
  const { here, process } = await startHanging()
  await restart(here, process)
  await vi.waitFor(() => expect(hangingOrders(here)).not.toContain('draft'), { timeout: 15_000, interval: 100 })
  expect(hangingOrders(here)).toHaveLength(1)
  await vi.waitFor(
    async () => expect(JSON.stringify(await ask(here, '{ orders(first: 1) { nodes { memo } } }'))).toContain('Hanging'),
    { timeout: 15_000, interval: 100 },
  )
})

describe.each([/\/invoices$/, /invoiceitems$/])('an order that is unfinished, the answer of %s being lost', path => {
  test.each([
    [
      'the webhook secret',
      ({ webhookSecret }: StripeSimulator) => ({ STRIPE_WEBHOOK_SECRET: `whsec_rolled,${webhookSecret}` }),
    ],
    [
      'the key of the API',
      (stripe: StripeSimulator) => {
        stripe.rollSecretKey('sk_test_rolled')
        return { STRIPE_SECRET_KEY: 'sk_test_rolled' }
      },
    ],
  ])('is made once though %s is rolled', { timeout: 60_000 }, async (_, roll) => {
    const here = await setting()
    const process = await start(here)
    await imported(here)
    here.tools.stripe.faults.add({ kind: 'lose', match: { method: 'POST', path } })
    ask(here, `mutation { ${hanging} }`).catch(() => undefined)
    await vi.waitFor(() => expect(hangingOrders(here)).toEqual(['draft']), { timeout: 10_000 })
    process.kill('SIGKILL')
    await process.ended
    here.tools.stripe.faults.clear()
    await start({ ...here, environment: { ...here.environment, ...roll(here.tools.stripe) } })
    await vi.waitFor(() => expect(hangingOrders(here)).toEqual(['open']), { timeout: 20_000, interval: 100 })
    const { invoices } = here.tools.stripe.snapshot()
    const [made] = invoices.filter(({ head }) => head.description === 'Hanging')
    expect(made?.lines).toHaveLength(1)
  })
})

test('one that cannot be finished is taken back: its draft is deleted', { timeout: 60_000 }, async () => {
  const { here, process } = await startHanging()
  here.tools.hubspot.deleteContact('102')
  // The list comes from the index: the webhook has been worked on.
  await vi.waitFor(
    async () =>
      expect(JSON.stringify(await ask(here, '{ customers(first: 100) { nodes { id } } }'))).not.toContain('"102"'),
    { timeout: 5000, interval: 50 },
  )
  await restart(here, process)
  await vi.waitFor(() => expect(hangingOrders(here)).toEqual([]), { timeout: 15_000, interval: 100 })
  expect(JSON.stringify(await ask(here, '{ orders(first: 100) { nodes { memo } } }'))).not.toContain('Hanging')
})
