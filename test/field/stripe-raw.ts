import type { Raw } from './accounts.ts'

/** Stripe's records with what every one of them has, as the API reference shows them. */

export const seconds = 1_788_220_800

let events = 0

export function rawEvent(type: string, object: Raw, previous?: Raw): Raw {
  return {
    id: `evt_${++events}`,
    object: 'event',
    api_version: '2026-10-28.endive',
    created: seconds,
    livemode: true,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type,
    data: { object, ...(previous === undefined ? {} : { previous_attributes: previous }) },
  }
}

export function thinEvent(type: string, related: Raw | null): Raw {
  return {
    id: `evt_thin_${++events}`,
    object: 'v2.core.event',
    type,
    created: '2026-11-30T10:00:00.000Z',
    livemode: true,
    context: null,
    related_object: related,
  }
}

export function rawCustomer(id: string, fields: Raw = {}): Raw {
  return {
    id,
    object: 'customer',
    balance: 0,
    created: seconds,
    currency: 'usd',
    email: null,
    invoice_credit_balance: {},
    invoice_settings: { default_payment_method: null },
    metadata: {},
    ...fields,
  }
}

export function rawInvoice(
  id: string,
  customer: string,
  { lines = [], ...fields }: Raw & { lines?: readonly Raw[] } = {},
): Raw {
  const { total = 0 } = fields
  return {
    id,
    object: 'invoice',
    amount_due: total,
    amount_paid: 0,
    amount_remaining: total,
    attempt_count: 0,
    attempted: false,
    collection_method: 'send_invoice',
    created: seconds,
    currency: 'usd',
    customer,
    customer_account: null,
    due_date: null,
    last_finalization_error: null,
    lines: { object: 'list', data: lines, has_more: false, url: `/v1/invoices/${id}/lines` },
    metadata: {},
    next_payment_attempt: null,
    number: id.toUpperCase(),
    payments: { object: 'list', data: [], has_more: false, url: '/v1/invoice_payments' },
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    shipping_cost: null,
    status: 'open',
    status_transitions: { finalized_at: seconds, paid_at: null },
    subtotal: total,
    total_discount_amounts: [],
    total_excluding_tax: total,
    total_taxes: [],
    total,
    ...fields,
  }
}

export function rawLine(id: string, fields: Raw): Raw {
  return {
    id,
    object: 'line_item',
    currency: 'usd',
    description: 'Service',
    discount_amounts: [],
    pricing: null,
    quantity: 1,
    quantity_decimal: null,
    taxes: [],
    ...fields,
  }
}

export function rawPayment(id: string, invoice: string, amount: number, intent: string): Raw {
  return {
    id,
    object: 'invoice_payment',
    amount_paid: amount,
    amount_requested: amount,
    created: seconds,
    currency: 'usd',
    invoice,
    is_default: true,
    livemode: true,
    payment: { type: 'payment_intent', payment_intent: intent },
    status: 'paid',
    status_transitions: { canceled_at: null, paid_at: seconds },
  }
}

export function rawProduct(id: string, fields: Raw = {}): Raw {
  return { id, object: 'product', active: true, created: seconds, name: id, updated: seconds, ...fields }
}

export function rawPrice(id: string, product: string, fields: Raw = {}): Raw {
  return {
    id,
    object: 'price',
    active: true,
    billing_scheme: 'per_unit',
    created: seconds,
    currency: 'usd',
    custom_unit_amount: null,
    nickname: null,
    product,
    recurring: null,
    tiers_mode: null,
    transform_quantity: null,
    type: 'one_time',
    ...fields,
  }
}
