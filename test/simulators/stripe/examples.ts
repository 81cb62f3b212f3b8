import type { NewPrice, StripeSimulator } from './simulator.ts'

const terms = { collection_method: 'send_invoice', days_until_due: 14 } as const

const memo = (what: string) => `Example: ${what}`

/**
 * One of everything that is rare: money that went back, declined cards, balances owed, tax and discount, currencies with rules of their
 * own, prices that are not an amount a piece. They are customers' who have a card, from the last one on.
 */
export function addExamples(stripe: StripeSimulator): void {
  const { customers } = stripe.snapshot()
  const withCard = customers
    .filter(customer => customer.invoice_settings.default_payment_method !== null)
    .filter(customer => customer.metadata['crm_id'] !== undefined)
    .filter(customer => (customer.email ?? '').trim() !== '' && customer.currency === 'usd' && customer.balance === 0)
    .map(({ id }) => id)
    .reverse()
  const [first, second = first, third = first] = withCard
  if (first === undefined || second === undefined || third === undefined) return
  addReturns(stripe, first)
  addOwed(stripe, second)
  addTotals(stripe, third)
  addCurrencies(stripe, third)
  addPrices(stripe)
}

function paidOrder(
  stripe: StripeSimulator,
  customer: string,
  what: string,
): { readonly id: string; readonly intent: string } {
  const { id } = stripe.createInvoice({ customer, currency: 'usd', description: memo(what) }, [
    { description: 'Boiler service', unit_amount_decimal: '10000', currency: 'usd' },
  ])
  stripe.payInvoice(id, {})
  const paid = stripe.snapshot().invoices.find(({ head }) => head.id === id)
  const intent = paid?.payments[0]?.payment.payment_intent
  return { id, intent: typeof intent === 'string' ? intent : '' }
}

function addReturns(stripe: StripeSimulator, customer: string): void {
  const refunded = paidOrder(stripe, customer, 'a refund, and one that came back')
  stripe.refund({ payment_intent: refunded.intent, amount: 3000, reason: 'requested_by_customer' })
  stripe.settleRefund(stripe.refund({ payment_intent: refunded.intent, amount: 500 }).id, 'failed')
  const credited = paidOrder(stripe, customer, 'a credit note that made a refund')
  stripe.credit({ invoice: credited.id, amount: 5000, refund_amount: 5000, reason: 'product_unsatisfactory' })
  const lost = paidOrder(stripe, customer, 'a dispute that was lost')
  stripe.closeDispute(stripe.dispute(lost.id).id, 'lost')
  const won = paidOrder(stripe, customer, 'a dispute that was won')
  stripe.closeDispute(stripe.dispute(won.id, 'fraudulent').id, 'won')
  stripe.dispute(paidOrder(stripe, customer, 'a dispute that is open').id, 'duplicate')
}

function addOwed(stripe: StripeSimulator, customer: string): void {
  const { id } = stripe.createInvoice(
    { customer, currency: 'usd', collection_method: 'charge_automatically', description: memo('a declined card') },
    [{ description: 'Maintenance plan', unit_amount_decimal: '4900', currency: 'usd' }],
  )
  stripe.finalizeInvoice(id)
  stripe.declineInvoice(id)
  stripe.declineInvoice(id)
  const open = stripe.createInvoice(
    { customer, currency: 'usd', ...terms, description: memo('credited before it is paid') },
    [{ description: 'Replace radiator valve', unit_amount_decimal: '18000', currency: 'usd' }],
  )
  stripe.finalizeInvoice(open.id)
  stripe.credit({ invoice: open.id, amount: 2000, reason: 'order_change' })
  // Added to the next invoice.
  stripe.updateCustomer(customer, { balance: 1500 })
}

function addTotals(stripe: StripeSimulator, customer: string): void {
  for (const isInclusive of [false, true]) {
    const description = memo(`a discount, and tax ${isInclusive ? 'in the price' : 'on top'}`)
    const { id } = stripe.createInvoice({ customer, currency: 'usd', ...terms, description }, [
      { description: 'Hours', unit_amount_decimal: '8000', quantity_decimal: '2.5', currency: 'usd' },
      { description: 'Filters', unit_amount_decimal: '1250', quantity: 4, currency: 'usd' },
    ])
    stripe.setTerms(id, { percentOff: 10, tax: { percentage: 20, isInclusive } })
    stripe.finalizeInvoice(id)
  }
}

/** 15,000 krónur and shillings are sent in hundredths; forints and Taiwan dollars have hundredths; yen have none. */
function addCurrencies(stripe: StripeSimulator, customer: string): void {
  for (const [currency, unit] of Object.entries({
    isk: '1500000',
    ugx: '1500000',
    huf: '1500050',
    twd: '150050',
    jpy: '15000',
  })) {
    const { id } = stripe.createInvoice(
      { customer, currency, ...terms, description: memo(`in ${currency.toUpperCase()}`) },
      [{ description: 'Boiler service', unit_amount_decimal: unit, currency }],
    )
    stripe.finalizeInvoice(id)
  }
}

function addPrices(stripe: StripeSimulator): void {
  const product = stripe.createProduct({ name: 'Example: remote monitoring' }).id
  const price = (nickname: string, more: Omit<NewPrice, 'currency' | 'product'>): void =>
    void stripe.createPrice({ product, currency: 'usd', nickname, ...more })
  price('Below a cent, a reading', {
    unit_amount_decimal: '0.89',
    recurring: { interval: 'month', usage_type: 'metered' },
  })
  price('Every three months', { unit_amount: 7500, recurring: { interval: 'month', interval_count: 3 } })
  price('A hundred messages', { unit_amount: 500, transform_quantity: { divide_by: 100, round: 'up' } })
  price('What the customer gives', { custom_unit_amount: { enabled: true } })
  price('By the number of sites', {
    billing_scheme: 'tiered',
    tiers_mode: 'graduated',
    recurring: { interval: 'year' },
    tiers: [
      { up_to: 5, unit_amount_decimal: '2000' },
      { up_to: 'inf', unit_amount_decimal: '1550.5', flat_amount: 1000 },
    ],
  })
}
