import { expect, test } from 'vitest'
import { at, listAt } from './reading.ts'
import { startWorld } from './world.ts'

test('a declined card, a balance owed, tax, discount, currencies and prices of every kind are in the demo', async () => {
  const world = await startWorld({ hasExamples: true })
  const data = await world.data(`{
    orders(first: 20) { nodes {
      memo status subtotal { amount } discount { amount } tax { amount } includedTax { amount }
      total { amount currency } amountRemaining { amount } amountReturned { amount }
      collection { isFailing attempts nextAttemptAt }
      customer { balances { debit { amount } } }
    } }
    products(first: 1) { nodes { name prices {
      nickname scheme unitAmountDecimal packageSize tiersMode recurrence { interval intervalCount }
    } } }
  }`)
  const order = (memo: string): unknown =>
    listAt(data, 'orders.nodes').find(one => at(one, 'memo') === `Example: ${memo}`)
  const money = (amount: number) => ({ amount })
  expect(order('a refund, and one that came back')).toMatchObject({ status: 'PAID', amountReturned: money(3000) })
  expect(order('a credit note that made a refund')).toMatchObject({ amountReturned: money(5000) })
  expect(order('a dispute that was lost')).toMatchObject({ amountReturned: money(10_000) })
  expect(order('a dispute that was won')).toMatchObject({ amountReturned: money(0) })
  expect(order('a declined card')).toMatchObject({
    status: 'OPEN',
    collection: { isFailing: true, attempts: 2, nextAttemptAt: expect.any(String) },
    customer: { balances: [{ debit: money(1500) }] },
  })
  expect(order('credited before it is paid')).toMatchObject({ amountRemaining: money(16_000) })
  expect(order('a discount, and tax on top')).toMatchObject({
    subtotal: money(25_000),
    discount: money(2500),
    tax: money(4500),
    includedTax: money(0),
    total: money(27_000),
  })
  expect(order('a discount, and tax in the price')).toMatchObject({
    discount: money(2500),
    tax: money(3750),
    includedTax: money(3750),
    total: money(22_500),
  })
  for (const [currency, amount] of Object.entries({
    ISK: 15_000,
    UGX: 15_000,
    HUF: 1_500_050,
    TWD: 150_050,
    JPY: 15_000,
  }))
    expect(order(`in ${currency}`)).toMatchObject({ total: { amount, currency } })
  expect(at(data, 'products.nodes.0')).toMatchObject({
    name: 'Example: remote monitoring',
    prices: expect.arrayContaining([
      expect.objectContaining({ scheme: 'TIERED', tiersMode: 'GRADUATED' }),
      expect.objectContaining({ scheme: 'PER_UNIT', unitAmountDecimal: 0.89 }),
      expect.objectContaining({ scheme: 'PACKAGE', packageSize: 100 }),
      expect.objectContaining({ scheme: 'CUSTOM' }),
      expect.objectContaining({ recurrence: { interval: 'MONTH', intervalCount: 3 } }),
    ]),
  })
})

test('a company by association, a mobile number alone, a stage of its own and further addresses are in the demo', async () => {
  const world = await startWorld({ hasExamples: true })
  const [first, second, third] = world.tools.hubspot
    .snapshot()
    .contacts.toReversed()
    .filter(({ mergedIds }) => mergedIds.length === 0)
    .map(({ id }) => id)
  const data = await world.data(`{
    first: customer(id: "${first ?? ''}") { company }
    second: customer(id: "${second ?? ''}") { phone }
    third: customer(id: "${third ?? ''}") { lifecycleStage lifecycleStageName }
    customers(filter: { email: "second.address.${third ?? ''}@example.net" }) { nodes { id } }
  }`)
  expect(data).toEqual({
    first: { company: 'Example Property Management' },
    second: { phone: '+15550177' },
    third: { lifecycleStage: 'OTHER', lifecycleStageName: 'Trial visit' },
    customers: { nodes: [{ id: third }] },
  })
})
