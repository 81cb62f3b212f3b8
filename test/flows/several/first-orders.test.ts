import { expect, test } from 'vitest'
import { at, textAt } from '../reading.ts'
import { sharedWorld } from './shared-world.ts'

const createCustomer =
  'mutation($email: String!) { createCustomer(input: { name: "Ida Twice", email: $email }) { customer { id } } }'

const createOrder = `mutation($id: ID!) {
  createOrder(input: { customerId: $id, currency: "USD", lines: [{ description: "Visit", unitAmount: 100 }] }) { order { id } } }`

test('first orders of a customer at two processes at once are of one billing record', async () => {
  const { world } = await sharedWorld()
  const other = await world.join()
  for (let round = 0; round < 3; round++) {
    const id = textAt(
      await world.data(createCustomer, { email: `twice-${round}@example.com` }),
      'createCustomer.customer.id',
    )
    const made = await Promise.all([world, other, world, other].map(one => one.data(createOrder, { id })))
    const records = made.map(one => at(world.tools.stripe.invoice(textAt(one, 'createOrder.order.id')), 'customer'))
    expect(new Set(records).size).toBe(1)
  }
})
