/** Stripe's records as they travel, complete in what the graph reads. Source: the types of the SDK, API version 2026-10-28.endive. */

const address = {
  line1: '1 High St',
  line2: 'Flat 2',
  city: 'Hull',
  state: 'East Yorkshire',
  postal_code: 'HU1',
  country: 'GB',
}

const tax = { amount: 180, tax_behavior: 'exclusive', taxability_reason: 'standard_rated', taxable_amount: 900 }

export const rawLine = {
  id: 'il_1',
  object: 'line_item',
  amount: 1000,
  currency: 'eur',
  description: 'Boiler service',
  discount_amounts: [{ amount: 100, discount: 'di_1' }],
  pricing: {
    type: 'price_details',
    price_details: { price: 'gold.plan v2', product: 'boiler/top up' },
    unit_amount_decimal: '400',
  },
  quantity: 2,
  quantity_decimal: '2.5',
  subtotal: 1000,
  taxes: [tax],
}

export const rawPayment = {
  id: 'inpay_1',
  object: 'invoice_payment',
  amount_paid: 1080,
  amount_requested: 1080,
  created: 1_767_225_700,
  currency: 'eur',
  invoice: 'in_1',
  is_default: true,
  livemode: true,
  payment: { type: 'payment_intent', payment_intent: 'pi_1' },
  status: 'paid',
  status_transitions: { canceled_at: null, paid_at: 1_767_225_800 },
}

export const rawInvoice = {
  id: 'in_1',
  object: 'invoice',
  amount_due: 1080,
  amount_paid: 1080,
  amount_remaining: 0,
  attempt_count: 1,
  attempted: true,
  collection_method: 'charge_automatically',
  created: 1_767_225_600,
  currency: 'eur',
  customer: 'acme-corp',
  customer_account: 'acct_9',
  customer_address: address,
  customer_email: 'a@b.c',
  customer_name: 'Acme',
  customer_phone: '+44 1',
  description: 'Thank you',
  due_date: 1_769_904_000,
  hosted_invoice_url: 'https://invoice.stripe.com/i/1',
  invoice_pdf: 'https://pay.stripe.com/invoice/1/pdf',
  last_finalization_error: { code: 'tax_location_invalid', message: 'The address is not known.', type: 'api_error' },
  lines: { object: 'list', data: [rawLine], has_more: false, url: '/v1/invoices/in_1/lines' },
  metadata: { livegraph_write: 'mark' },
  next_payment_attempt: 1_767_312_000,
  number: 'A-1',
  payments: { object: 'list', data: [rawPayment], has_more: false, url: '/v1/invoice_payments' },
  post_payment_credit_notes_amount: 0,
  shipping_cost: { amount_subtotal: 0, amount_tax: 0, amount_total: 0, shipping_rate: null },
  status: 'paid',
  status_transitions: { finalized_at: 1_767_225_601, paid_at: 1_767_225_800 },
  subtotal: 1000,
  total: 1080,
  total_discount_amounts: [{ amount: 100, discount: 'di_1' }],
  total_excluding_tax: 900,
  total_taxes: [tax],
}

export const rawCustomer = {
  id: 'acme-corp',
  object: 'customer',
  balance: -500,
  created: 1_767_225_600,
  currency: 'eur',
  customer_account: 'acct_9',
  email: 'a@b.c',
  invoice_credit_balance: { eur: 500, usd: -300 },
  invoice_settings: {
    default_payment_method: {
      id: 'pm_1',
      object: 'payment_method',
      type: 'card',
      card: { brand: 'visa', last4: '4242', exp_month: 9, exp_year: 2030 },
    },
  },
  metadata: { crm_id: '101' },
}

export const rawProduct = {
  id: 'boiler/top up',
  object: 'product',
  active: true,
  created: 1_767_225_600,
  description: 'With pressure test',
  name: 'Top-up',
  updated: 1_767_225_700,
}

export const rawPrice = {
  id: 'gold.plan v2',
  object: 'price',
  active: true,
  billing_scheme: 'per_unit',
  created: 1_767_225_600,
  currency: 'eur',
  custom_unit_amount: null,
  nickname: 'Gold',
  product: 'boiler/top up',
  recurring: { interval: 'month', interval_count: 3, usage_type: 'licensed', meter: null, trial_period_days: null },
  tiers_mode: null,
  transform_quantity: null,
  type: 'recurring',
  unit_amount: 9000,
  unit_amount_decimal: '9000',
}

export const rawRefund = {
  id: 're_1',
  object: 'refund',
  amount: 300,
  charge: 'ch_1',
  created: 1_767_300_000,
  currency: 'eur',
  payment_intent: 'pi_1',
  reason: 'requested_by_customer',
  status: 'succeeded',
}

export const rawCreditNote = {
  id: 'cn_1',
  object: 'credit_note',
  amount: 500,
  created: 1_767_300_100,
  currency: 'eur',
  customer: 'acme-corp',
  invoice: 'in_1',
  post_payment_amount: 500,
  pre_payment_amount: 0,
  reason: 'order_change',
  refunds: [{ amount_refunded: 300, payment_record_refund: null, refund: 're_1', type: 'refund' }],
  status: 'issued',
  type: 'post_payment',
}

export const rawDispute = {
  id: 'du_1',
  object: 'dispute',
  amount: 80,
  charge: 'ch_1',
  created: 1_767_300_200,
  currency: 'eur',
  payment_intent: 'pi_1',
  reason: 'product_not_received',
  status: 'lost',
}

export const rawPaymentIntent = {
  id: 'pi_1',
  object: 'payment_intent',
  last_payment_error: {
    code: 'card_declined',
    decline_code: 'insufficient_funds',
    message: 'Your card has insufficient funds.',
    type: 'card_error',
  },
}
