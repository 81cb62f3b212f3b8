import { expect, test } from 'vitest'
import { asanaAccount, contact, hubspotAccount, stripeAccount, task } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'

const unreadable = (...path: readonly (string | number)[]): unknown =>
  expect.objectContaining({ path, extensions: expect.objectContaining({ code: 'SYSTEM_UNREADABLE' }) })

test.each([
  ['the year 10000', '+010000-01-01T00:00:00.000Z', 253_402_300_800, '10000-01-01T00:00:00.000Z'],
  ['the year 0', '0000-06-01T00:00:00.000Z', -62_150_000_000, '0000-06-01T00:00:00.000Z'],
  ['the year 10000 in UTC', '9999-12-31T23:59:59-12:00', 253_402_300_800, '9999-12-31T23:59:59-12:00'],
])('%s costs its field, of whichever tool, and no other', async (_, hubspotTime, stripeSeconds, asanaTime) => {
  const customer = {
    id: 'cus_1',
    object: 'customer',
    email: 'ada@example.com',
    created: 1,
    livemode: false,
    metadata: {},
  }
  const product = { id: 'prod_1', object: 'product', name: 'Boiler', active: true, created: stripeSeconds, updated: 1 }
  const world = await startFieldWorld({
    hubspot: [
      hubspotAccount({
        contacts: { 1: { ...contact('1', { email: 'ada@example.com', firstname: 'Ada' }), createdAt: hubspotTime } },
      }),
    ],
    stripe: [stripeAccount({ customers: { cus_1: customer }, products: { prod_1: product } })],
    asana: [
      asanaAccount({
        project: '99',
        tasks: {
          55: task(
            '55',
            { gid: '1', name: 'New' },
            { created_at: asanaTime, completed: true, completed_at: '2026-01-02T00:00:00.000Z' },
          ),
        },
      }),
    ],
  })
  expect(await world.ask('{ customer(id: "1") { name createdAt } }')).toMatchObject({
    data: { customer: { name: 'Ada', createdAt: null } },
    errors: [unreadable('customer', 'createdAt')],
  })
  expect(await world.ask('{ product(id: "prod_1") { name createdAt } }')).toMatchObject({
    data: { product: { name: 'Boiler', createdAt: null } },
    errors: [unreadable('product', 'createdAt')],
  })
  expect(await world.ask('{ job(id: "55") { title createdAt completedAt } }')).toMatchObject({
    data: { job: { title: 'Task 55', createdAt: null, completedAt: '2026-01-02T00:00:00.000Z' } },
    errors: [unreadable('job', 'createdAt')],
  })
})
