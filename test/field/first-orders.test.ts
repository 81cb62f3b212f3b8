import { expect, test } from 'vitest'
import { contact, hubspotAccount, stripeAccount, type RawRecords } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'
import { rawCustomer, rawInvoice } from './stripe-raw.ts'
import type { Answer } from './vendor-server.ts'

const order =
  'mutation { createOrder(input: { customerId: "101", currency: "USD", lines: [{ description: "Visit", unitAmount: 100 }] }) { order { id } } }'

/** Stripe's filter of customers by e-mail address minds upper and lower case; its search does not. */
function findingByEmail(customers: RawRecords, offersSearch: boolean): Answer {
  return ({ method, path, query }) => {
    if (method !== 'GET') return undefined
    const email = query.get('email')
    if (path === '/v1/customers' && email !== null) {
      const data = Object.values(customers).filter(one => one['email'] === email)
      return { body: { object: 'list', url: path, has_more: false, data } }
    }
    if (path !== '/v1/customers/search') return undefined
    if (!offersSearch) {
      const message = 'The search feature is temporarily unavailable in your region.'
      return { status: 400, body: { error: { type: 'invalid_request_error', message } } }
    }
    const [, asked = ''] = /^email:"(.*)"$/.exec(query.get('query') ?? '') ?? []
    const data = Object.values(customers).filter(one => String(one['email']).toLowerCase() === asked.toLowerCase())
    return { body: { object: 'search_result', url: path, has_more: false, next_page: null, data } }
  }
}

test.each([
  ['Anna@X.is', 'anna@x.is', false],
  ['anna@x.is', 'Anna@X.is', true],
  ['anna@müller.is', 'Anna@xn--mller-kva.is', true],
  ['ANNA@müller.is', 'anna@xn--mller-kva.is', false],
])(
  '%s at the CRM and %s at Stripe, of which no webhook told, are one customer',
  async (atCrm, atStripe, offersSearch) => {
    const customers: RawRecords = {}
    const invoices: RawRecords = {}
    const made: string[] = []
    const writes: Answer = ({ method, path, body }) => {
      if (method !== 'POST') return undefined
      made.push(path)
      if (path === '/v1/customers') return { body: rawCustomer('cus_second', { email: atCrm }) }
      if (path === '/v1/customers/cus_there') return { body: customers['cus_there'] }
      invoices['in_1'] = rawInvoice('in_1', new URLSearchParams(body).get('customer') ?? 'cus_there', {
        status: 'draft',
      })
      return { body: path === '/v1/invoiceitems' ? { id: 'ii_1', object: 'invoiceitem' } : invoices['in_1'] }
    }
    const world = await startFieldWorld({
      hubspot: [hubspotAccount({ contacts: { 101: contact('101', { email: atCrm }) } })],
      stripe: [writes, findingByEmail(customers, offersSearch), stripeAccount({ customers, invoices })],
    })
    customers['cus_there'] = rawCustomer('cus_there', { email: atStripe })
    await world.data(order)
    expect(made).not.toContain('/v1/customers')
    expect(await world.data('{ order(id: "in_1") { customer { id } } }')).toEqual({
      order: { customer: { id: '101' } },
    })
  },
)
