import { expect, test } from 'vitest'
import { contact, hubspotAccount, stripeAccount } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'
import type { Answer } from './vendor-server.ts'

const customer = {
  id: 'cus_1',
  object: 'customer',
  created: 1_767_225_600,
  name: 'Jane',
  email: 'jane@example.com',
  phone: null,
  address: null,
  metadata: { crm_id: '101' },
}

const order = `mutation { createOrder(input: { customerId: "101", currency: "USD", lines: [{ description: "Visit", unitAmount: 100 }] }) { order { id } } }`

test('no order is made for a billing record that ignores what it is given, and the error names the fields', async () => {
  const ignoring: Answer = ({ method, path }) =>
    method === 'POST' && path === '/v1/customers/cus_1' ? { body: customer } : undefined
  const contacts = { 101: contact('101', { email: 'jane@example.com', firstname: 'Jane', phone: '+15550100' }) }
  const world = await startFieldWorld({
    hubspot: [hubspotAccount({ contacts })],
    stripe: [ignoring, stripeAccount({ customers: { cus_1: customer } })],
  })
  const { errors } = await world.ask(order)
  expect(errors).toMatchObject([{ extensions: { code: 'SYSTEM_INCOMPLETE', role: 'billing' } }])
  expect(errors[0]?.message).toContain('for phone')
  expect(world.stripe.requests.filter(({ method, path }) => method === 'POST' && path === '/v1/invoices')).toEqual([])
})
