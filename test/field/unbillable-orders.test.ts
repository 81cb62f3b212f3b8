import { expect, test } from 'vitest'
import { contact, hubspotAccount, stripeAccount, type RawRecords } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'
import { rawCustomer, rawInvoice } from './stripe-raw.ts'
import type { Answer, VendorRequest } from './vendor-server.ts'

/** @param total what Stripe makes of the draft's lines */
async function worldOf(currency: string, total = 100) {
  const invoices: RawRecords = {}
  const writes: Answer = ({ method, path }) => {
    if (method === 'DELETE') {
      delete invoices['in_1']
      return { body: { id: 'in_1', object: 'invoice', deleted: true } }
    }
    if (method !== 'POST') return undefined
    if (path === '/v1/invoiceitems') return { body: { id: 'ii_1', object: 'invoiceitem' } }
    invoices['in_1'] = rawInvoice('in_1', 'cus_1', { status: 'draft', currency, total })
    return { body: invoices['in_1'] }
  }
  const customers = { cus_1: rawCustomer('cus_1', { email: 'jane@example.com', metadata: { crm_id: '101' } }) }
  const world = await startFieldWorld({
    hubspot: [hubspotAccount({ contacts: { 101: contact('101', { email: 'jane@example.com' }) } })],
    stripe: [writes, stripeAccount({ customers, invoices })],
  })
  return {
    invoices,
    ask: (lines: string) =>
      world.ask(
        `mutation { createOrder(input: { customerId: "101", currency: "${currency}", lines: [${lines}], finalize: true }) { order { id } } }`,
      ),
    posted: (path: RegExp): readonly VendorRequest[] =>
      world.stripe.requests.filter(one => one.method === 'POST' && path.test(one.path)),
  }
}

const line = (unitAmount: number, quantity = '1'): string =>
  `{ description: "Visit", unitAmount: ${unitAmount}, quantity: ${quantity} }`

test.each([
  ['isk', line(1, '0.5'), 'billing takes no parts of ISK; got 1 times 0.5, which is 0.5'],
  [
    'UGX',
    `${line(500)}, ${line(3, '0.25')}`,
    'input.lines[1]: expected unitAmount times quantity to be a whole amount',
  ],
  ['EUR', line(-1), 'expected lines that come to 0 or more, got -1 in the minor unit of EUR'],
  ['EUR', `${line(100, '1.5')}, ${line(-151)}`, 'got -1'],
])('an order in %s of %s is refused, and nothing is sent', async (currency, lines, reason) => {
  const { ask, posted } = await worldOf(currency)
  const { errors } = await ask(lines)
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
  expect(errors[0]?.message).toContain(reason)
  expect(posted(/./)).toEqual([])
})

test.each([
  ['isk', line(2, '0.5'), 'unit_amount_decimal=200&', 'quantity_decimal=0.5'],
  ['EUR', line(1, '0.5'), 'unit_amount_decimal=1&', 'quantity_decimal=0.5'],
])('an order in %s of %s is made', async (currency, lines, ...sent) => {
  const { ask, posted } = await worldOf(currency)
  expect((await ask(lines)).errors).toEqual([])
  const [item] = posted(/invoiceitems/)
  for (const part of sent) expect(`${item?.body ?? ''}&`).toContain(part)
})

test('a line below zero takes off what the others bill', async () => {
  const { ask, posted } = await worldOf('eur')
  expect((await ask(`${line(200)}, ${line(-100)}`)).errors).toEqual([])
  expect(decodeURIComponent(posted(/add_lines/)[0]?.body ?? '')).toContain('lines[1][amount]=-100')
})

test.each([
  ['eur', -100, `{ priceId: "price_1" }, ${line(-200)}`, 'got -100 in the minor unit of EUR'],
  ['isk', 150, `{ priceId: "price_1", quantity: 0.5 }`, 'billing takes no parts of ISK; the order comes to 1.5'],
])('what only the draft shows is refused before it is finalised: %s, %d', async (currency, total, lines, reason) => {
  const { ask, posted, invoices } = await worldOf(currency, total)
  const { errors } = await ask(lines)
  expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
  expect(errors[0]?.message).toContain(reason)
  expect([posted(/finalize/), invoices]).toEqual([[], {}])
})
