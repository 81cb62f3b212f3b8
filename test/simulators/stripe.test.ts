import Stripe from 'stripe'
import { describe, expect, test } from 'vitest'
import { now, small, world } from './stripe/world.ts'

const card = small.accounts.find(account => account.card !== null && account.balance === 0)
const cardless = small.accounts.find(account => account.card === null && account.balance === 0)
const credited = small.accounts.find(account => account.balance < 0)

describe('customers', () => {
  test('customer cus_9 belongs to contact 101, read with the SDK', async () => {
    const { sdk } = await world()
    const customer = live(await sdk.customers.retrieve('cus_9'))
    expect(customer).toMatchObject({ id: 'cus_9', object: 'customer', metadata: { crm_id: '101' }, livemode: false })
    const { address } = small.accounts.find(({ id }) => id === 'cus_9') ?? {}
    expect(customer.address).toMatchObject({ line1: address?.street, postal_code: address?.zip })
    expect(customer.lastResponse.requestId).toMatch(/^req_/)
    expect(customer.lastResponse.apiVersion).toBe('2026-10-28.endive')
  })

  test('a customer is created, changed and deleted, and answers as deleted from then on', async () => {
    const { sdk, simulator } = await world()
    const made = await sdk.customers.create({
      name: 'Test Person',
      email: 'test@example.com',
      address: { line1: '1 Mill Lane', city: 'Portland' },
      metadata: { crm_id: '7', note: 'x' },
    })
    expect(made).toMatchObject({ name: 'Test Person', balance: 0, metadata: { crm_id: '7', note: 'x' } })
    const changed = await sdk.customers.update(made.id, {
      phone: '+15550100',
      email: '',
      metadata: { note: '' },
      address: { city: 'Boulder' },
    })
    expect(changed).toMatchObject({
      phone: '+15550100',
      email: null,
      metadata: { crm_id: '7' },
      address: { line1: '1 Mill Lane', city: 'Boulder' },
    })
    expect(changed.metadata).toEqual({ crm_id: '7' })
    expect((await sdk.customers.update(made.id, { address: '' })).address).toBeNull()
    expect(await sdk.customers.del(made.id)).toMatchObject({ id: made.id, object: 'customer', deleted: true })
    expect(await sdk.customers.retrieve(made.id)).toMatchObject({ id: made.id, deleted: true })
    expect(simulator.customer(made.id)).toMatchObject({ deleted: true })
    await expect(sdk.customers.update(made.id, { name: 'x' })).rejects.toMatchObject({ statusCode: 404 })
    const listed = await sdk.customers.list({ limit: 100 })
    expect(listed.data.map(({ id }) => id)).not.toContain(made.id)
  })

  test('the e-mail filter is exact, and created narrows a list', async () => {
    const { sdk, simulator, move } = await world()
    move(10_000)
    const { id } = simulator.createCustomer({ email: 'Exact@example.com' })
    const byEmail = async (email: string) => (await sdk.customers.list({ email })).data.map(row => row.id)
    expect(await byEmail('Exact@example.com')).toEqual([id])
    expect(await byEmail('exact@example.com')).toEqual([])
    const fresh = await sdk.customers.list({ created: { gt: now.getTime() / 1000 } })
    expect(fresh.data.map(row => row.id)).toEqual([id])
  })

  test('a list pages newest first over every customer once, forwards and back', async () => {
    const { sdk } = await world()
    const seen: string[] = []
    const createdAt: number[] = []
    for await (const customer of sdk.customers.list({ limit: 7 })) {
      seen.push(customer.id)
      createdAt.push(customer.created)
    }
    expect(new Set(seen)).toEqual(new Set(small.accounts.map(({ id }) => id)))
    expect(seen).toHaveLength(small.accounts.length)
    expect(createdAt).toEqual([...createdAt].sort((a, b) => b - a))
    const back = await sdk.customers.list({ limit: 3, ending_before: seen[9] ?? '' })
    expect([back.data.map(({ id }) => id), back.has_more]).toEqual([seen.slice(6, 9), true])
    const first = await sdk.customers.list({ limit: 3, ending_before: seen[2] ?? '' })
    expect([first.data.map(({ id }) => id), first.has_more]).toEqual([seen.slice(0, 2), false])
  })

  test('credit and payment methods are there for whoever asks for them', async () => {
    const { sdk } = await world()
    if (credited === undefined || card === undefined) throw new Error('the business has no such accounts')
    const expand = ['invoice_credit_balance', 'invoice_settings.default_payment_method']
    const rich = live(await sdk.customers.retrieve(credited.id, { expand }))
    expect(rich).toMatchObject({
      balance: credited.balance,
      invoice_credit_balance: { [credited.currency]: -credited.balance },
    })
    expect(live(await sdk.customers.retrieve(credited.id))).not.toHaveProperty('invoice_credit_balance')
    const holder = live(await sdk.customers.retrieve(card.id, { expand }))
    const method = { id: card.card?.id, card: { last4: card.card?.last4 }, customer: card.id }
    expect(holder.invoice_settings.default_payment_method).toMatchObject(method)
    const listed = await sdk.customers.listPaymentMethods(card.id, { type: 'card' })
    expect(listed.data).toMatchObject([method])
    expect(await sdk.paymentMethods.retrieve(card.card?.id ?? '')).toMatchObject(method)
  })
})

describe('invoices', () => {
  test('one with lines is written, finalized and paid out of band, and the events say so in order', async () => {
    const { sdk, simulator, move } = await world()
    if (cardless === undefined) throw new Error('the business has no such account')
    const customer = cardless.id
    const currency = cardless.currency
    const draft = await sdk.invoices.create({
      customer,
      currency,
      collection_method: 'send_invoice',
      days_until_due: 14,
      auto_advance: false,
      description: 'Thank you',
    })
    expect(draft).toMatchObject({ status: 'draft', number: null, total: 0, hosted_invoice_url: null })
    await sdk.invoiceItems.create({
      customer,
      invoice: draft.id,
      pricing: { price: `price_001_${currency}` },
      quantity: 2,
    })
    const unit = Stripe.Decimal.from('1250')
    await sdk.invoiceItems.create({ customer, invoice: draft.id, unit_amount_decimal: unit, quantity: 3, currency })
    await sdk.invoiceItems.create({ customer, invoice: draft.id, amount: 100, currency, description: 'Sundries' })
    const price = await sdk.prices.retrieve(`price_001_${currency}`)
    const total = 2 * (price.unit_amount ?? 0) + 3750 + 100
    move(5000)
    const open = await sdk.invoices.finalizeInvoice(draft.id)
    expect(open).toMatchObject({
      status: 'open',
      number: 'FS-1131',
      total,
      amount_due: total,
      amount_remaining: total,
      due_date: (now.getTime() + 5000) / 1000 + 14 * 86_400,
      status_transitions: { finalized_at: (now.getTime() + 5000) / 1000 },
    })
    expect(open.lines.data.map(({ amount }) => amount)).toEqual([2 * (price.unit_amount ?? 0), 3750, 100])
    expect(open.lines.data[0]).toMatchObject({
      description: 'Call-out',
      quantity: 2,
      pricing: { price_details: { price: price.id, product: 'prod_001' }, type: 'price_details' },
    })
    expect(String(open.lines.data[0]?.pricing?.unit_amount_decimal)).toBe(String(price.unit_amount))
    const paid = await sdk.invoices.pay(draft.id, { paid_out_of_band: true })
    expect(paid).toMatchObject({ status: 'paid', amount_paid: total, amount_remaining: 0 })
    expect(simulator.invoice(draft.id)).toMatchObject({ status: 'paid' })

    const events = await sdk.events.list({ types: ['invoice.*'], limit: 100 })
    const own = events.data.filter(event => Object.entries(event.data.object).some(pair => pair[1] === draft.id))
    expect(own.map(({ type }) => type).reverse()).toEqual([
      'invoice.created',
      'invoice.updated',
      'invoice.updated',
      'invoice.updated',
      'invoice.finalized',
      'invoice.updated',
      'invoice.paid',
      'invoice.updated',
    ])
    expect(own[0]).toMatchObject({
      object: 'event',
      data: { object: { status: 'paid' }, previous_attributes: { status: 'open', amount_paid: 0 } },
    })
    expect(own[0]?.request?.id).toMatch(/^req_/)
    expect(await sdk.events.retrieve(own[0]?.id ?? '')).toEqual(expect.objectContaining({ type: 'invoice.updated' }))
    await expect(sdk.invoices.pay(draft.id, { paid_out_of_band: true })).rejects.toMatchObject({ statusCode: 400 })
  })

  test('with a card it is paid by payment, without one it is refused', async () => {
    const { sdk, simulator } = await world()
    if (cardless === undefined || card === undefined) throw new Error('the business has no such accounts')
    const line = { amount: 500, description: 'x' }
    const poor = simulator.createInvoice({ customer: cardless.id }, [{ ...line, currency: cardless.currency }])
    await expect(sdk.invoices.pay(poor.id)).rejects.toMatchObject({ statusCode: 400 })
    expect(simulator.invoice(poor.id)).toMatchObject({ status: 'draft' })
    const rich = simulator.createInvoice({ customer: card.id }, [{ ...line, currency: card.currency }])
    expect(await sdk.invoices.pay(rich.id)).toMatchObject({ status: 'paid', attempt_count: 1 })
    const payments = await sdk.invoicePayments.list({ invoice: rich.id })
    expect(payments.data).toMatchObject([{ status: 'paid', amount_paid: 500, is_default: true, invoice: rich.id }])
    const types = (await sdk.events.list({ limit: 4 })).data.map(({ type }) => type)
    expect(types).toEqual(['invoice_payment.paid', 'invoice.updated', 'invoice.payment_succeeded', 'invoice.paid'])
  })

  test('credit lowers what is due, and comes back when the invoice is voided', async () => {
    const { simulator } = await world()
    if (credited === undefined) throw new Error('the business has no such account')
    const { id, currency, balance } = credited
    const draft = simulator.createInvoice({ customer: id }, [{ amount: 200 - balance, currency }])
    expect(simulator.finalizeInvoice(draft.id)).toMatchObject({ starting_balance: balance, amount_due: 200 })
    expect(simulator.customer(id)).toMatchObject({ balance: 0 })
    expect(simulator.voidInvoice(draft.id)).toMatchObject({ status: 'void' })
    expect(simulator.customer(id)).toMatchObject({ balance })
    const covered = simulator.createInvoice({ customer: id }, [{ amount: 100, currency }])
    expect(simulator.finalizeInvoice(covered.id)).toMatchObject({ status: 'paid', amount_due: 0 })
    expect(simulator.customer(id)).toMatchObject({ balance: balance + 100 })
  })

  test('each status takes what may follow it and refuses the rest', async () => {
    const { sdk, simulator } = await world()
    const draft = simulator.createInvoice({ customer: 'cus_9' }, [{ amount: 700, currency: currencyOf('cus_9') }])
    await expect(sdk.invoices.voidInvoice(draft.id)).rejects.toMatchObject({ statusCode: 400 })
    simulator.finalizeInvoice(draft.id)
    await expect(sdk.invoices.finalizeInvoice(draft.id)).rejects.toMatchObject({ code: 'invoice_not_editable' })
    await expect(sdk.invoices.del(draft.id)).rejects.toMatchObject({ statusCode: 400 })
    await expect(sdk.invoices.update(draft.id, { days_until_due: 3 })).rejects.toMatchObject({ statusCode: 400 })
    expect(await sdk.invoices.update(draft.id, { description: 'Late' })).toMatchObject({ description: 'Late' })
    expect(await sdk.invoices.markUncollectible(draft.id)).toMatchObject({ status: 'uncollectible' })
    expect(await sdk.invoices.voidInvoice(draft.id)).toMatchObject({ status: 'void' })
    const gone = simulator.createInvoice({ customer: 'cus_9' })
    expect(await sdk.invoices.del(gone.id)).toMatchObject({ id: gone.id, deleted: true })
    await expect(sdk.invoices.retrieve(gone.id)).rejects.toMatchObject({ statusCode: 404, code: 'resource_missing' })
    const types = (await sdk.events.list({ limit: 6 })).data.map(({ type }) => type)
    expect(types).toEqual([
      'invoice.deleted',
      'invoice.created',
      'invoice.updated',
      'invoice.voided',
      'invoice.updated',
      'invoice.marked_uncollectible',
    ])
  })

  test('an invoice shows ten lines, and the rest on pages of their own', async () => {
    const { sdk, simulator } = await world()
    const currency = currencyOf('cus_9')
    const lines = Array.from({ length: 23 }, (_, at) => ({ amount: at + 1, currency }))
    const { id } = simulator.createInvoice({ customer: 'cus_9' }, lines)
    const invoice = await sdk.invoices.retrieve(id)
    expect([invoice.lines.data.length, invoice.lines.has_more, invoice.lines.url]).toEqual([
      10,
      true,
      `/v1/invoices/${id}/lines`,
    ])
    const amounts: number[] = []
    for await (const line of sdk.invoices.listLineItems(id, { limit: 10 })) amounts.push(line.amount)
    expect(amounts).toEqual(lines.map(({ amount }) => amount))
  })

  test('a list narrows by customer and status, and goes on where it was though rows changed', async () => {
    const { sdk, simulator } = await world()
    const mine = await sdk.invoices.list({ customer: 'cus_9', limit: 100 })
    const expected = small.invoices.filter(({ accountId }) => accountId === 'cus_9').map(({ id }) => id)
    expect(mine.data.map(({ id }) => id).sort()).toEqual(expected.sort())
    const open = await sdk.invoices.list({ status: 'open', limit: 100 })
    expect(open.data.length).toBe(small.invoices.filter(({ status }) => status === 'open').length)
    const first = await sdk.invoices.list({ status: 'open', limit: 2 })
    const last = first.data[1]?.id ?? ''
    simulator.payInvoice(last)
    const second = await sdk.invoices.list({ status: 'open', limit: 100, starting_after: last })
    expect(second.data.map(({ id }) => id)).toEqual(open.data.slice(2).map(({ id }) => id))
  })

  test('expand reaches customers, payments and prices, and refuses what is no record or too deep', async () => {
    const { sdk } = await world()
    const expand = ['data.customer', 'data.payments', 'data.lines.data.pricing']
    const page = await sdk.invoices.list({ status: 'paid', limit: 5, expand })
    for (const invoice of page.data) {
      expect(invoice.customer).toMatchObject({ object: 'customer' })
      expect(invoice.payments).toMatchObject({ object: 'list', data: [{ object: 'invoice_payment' }] })
    }
    const id = page.data[0]?.id ?? ''
    const lines = await sdk.invoices.listLineItems(id, { expand: ['data.pricing.price_details.price'] })
    expect(lines.data[0]?.pricing?.price_details?.price).toMatchObject({
      object: 'price',
    })
    const price = await sdk.prices.retrieve('price_001_usd', { expand: ['product.default_price'] })
    expect(price.product).toMatchObject({ id: 'prod_001', default_price: { id: 'price_001_usd' } })
    await expect(sdk.invoices.retrieve(id, { expand: ['status'] })).rejects.toMatchObject({ statusCode: 400 })
    const deep = { expand: ['data.lines.data.pricing.price_details.price'] }
    await expect(sdk.invoices.list(deep)).rejects.toMatchObject({ statusCode: 400 })
  })

  test('products and prices are listed, changed and told of', async () => {
    const { sdk, move } = await world()
    const active = await sdk.products.list({ active: true, limit: 100 })
    expect(active.data).toHaveLength(small.products.filter(({ isActive }) => isActive).length)
    expect((await sdk.products.list({ ids: ['prod_002', 'prod_003'] })).data).toHaveLength(2)
    const prices = await sdk.prices.list({ product: 'prod_002' })
    expect(prices.data.map(({ id }) => id).sort()).toEqual(['price_002_eur', 'price_002_usd'])
    expect(String(prices.data[0]?.unit_amount_decimal)).toBe(String(prices.data[0]?.unit_amount))
    await sdk.products.update('prod_002', { name: 'Labour' })
    move(1000)
    await sdk.products.update('prod_002', { name: 'Labour' })
    await sdk.prices.update('price_002_usd', { active: false })
    const events = await sdk.events.list({ limit: 3 })
    expect(events.data.map(({ type }) => type)).toEqual(['price.updated', 'product.updated'])
    expect(events.data[1]?.data.previous_attributes).toMatchObject({ name: 'Labour, hour' })
  })
})

function live(customer: Stripe.Response<Stripe.Customer | Stripe.DeletedCustomer>): Stripe.Response<Stripe.Customer> {
  if (customer.deleted === true) throw new Error('expected a customer that is not deleted')
  return customer
}

function currencyOf(account: string): string {
  return small.accounts.find(({ id }) => id === account)?.currency ?? 'usd'
}
