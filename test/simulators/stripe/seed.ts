import { finalized, lineOf, paid, summed, uncollectible, voided } from './amounts.ts'
import { blankCustomer, blankInvoice, blankPrice, blankProduct } from './blank.ts'
import { numberPrefix } from './state.ts'
import type { BillingAccount, Business, Invoice, InvoiceLine, Product as SoldProduct } from '../core/business.ts'
import type { Customer, InvoiceEntry, InvoiceItem, PaymentMethod, Price, Product } from './records.ts'
import type { Seed } from './state.ts'

const daysUntilDue = 14

/** The business as Stripe has it: customers with their card, products with a price a currency, and invoices. */
export function seedFrom(business: Business): Seed {
  const accounts = new Map(business.accounts.map(account => [account.id, account]))
  const billed = new Set(business.invoices.map(({ accountId }) => accountId))
  const customers = byAge(business.accounts).map(account => customerFrom(account, billed.has(account.id)))
  const customersById = new Map(customers.map(customer => [customer.id, customer]))
  return {
    customers,
    paymentMethods: byAge(business.accounts).flatMap(account => paymentMethodFrom(account) ?? []),
    products: business.products.map(productFrom),
    prices: business.products.flatMap(pricesFrom),
    invoices: byAge(business.invoices).flatMap(invoice => {
      const customer = customersById.get(invoice.accountId)
      const hasCard = (accounts.get(invoice.accountId)?.card ?? null) !== null
      return customer === undefined ? [] : [invoiceFrom(invoice, customer, hasCard)]
    }),
  }
}

function customerFrom(account: BillingAccount, isBilled: boolean): Customer {
  const blank = blankCustomer(account.id, seconds(account.createdAt))
  return {
    ...blank,
    address: addressFrom(account),
    balance: account.balance,
    currency: isBilled || account.balance !== 0 ? account.currency : null,
    email: account.email,
    invoice_settings: { ...blank.invoice_settings, default_payment_method: account.card?.id ?? null },
    metadata: account.crmId === null ? {} : { crm_id: account.crmId },
    name: account.name,
    phone: account.phone,
  }
}

function addressFrom({ address }: BillingAccount): Customer['address'] {
  if (address === null) return null
  const { street, city, state, zip, country } = address
  return { city, country, line1: street, line2: null, postal_code: zip, state }
}

function paymentMethodFrom(account: BillingAccount): PaymentMethod | null {
  const { card } = account
  if (card === null) return null
  return {
    id: card.id,
    object: 'payment_method',
    allow_redisplay: 'unspecified',
    billing_details: {
      address: addressFrom(account) ?? null,
      email: account.email,
      name: account.name,
      phone: account.phone,
      tax_id: null,
    },
    card: {
      brand: card.brand,
      checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
      country: 'US',
      display_brand: card.brand,
      exp_month: card.expiryMonth,
      exp_year: card.expiryYear,
      fingerprint: null,
      funding: 'credit',
      generated_from: null,
      last4: card.last4,
      networks: { available: [card.brand], preferred: null },
      regulated_status: 'unregulated',
      three_d_secure_usage: { supported: true },
      wallet: null,
    },
    created: seconds(account.createdAt),
    customer: account.id,
    customer_account: null,
    livemode: false,
    metadata: {},
    type: 'card',
  }
}

function productFrom(product: SoldProduct): Product {
  return {
    ...blankProduct(product.id, product.name, seconds(product.createdAt)),
    active: product.isActive,
    default_price: product.prices[0]?.id ?? null,
    description: product.description,
  }
}

function pricesFrom(product: SoldProduct): readonly Price[] {
  return product.prices.map(({ id, currency, amount }) =>
    blankPrice(id, product.id, currency, amount, seconds(product.createdAt)),
  )
}

function invoiceFrom(invoice: Invoice, customer: Customer, hasCard: boolean): InvoiceEntry {
  const created = seconds(invoice.createdAt)
  const blank = blankInvoice(invoice.id, customer, invoice.currency, created)
  const items = invoice.lines.map(line => itemFrom(line, invoice, created))
  // What the customer owes or has today says nothing about an invoice of the past.
  const known = invoice.status === 'draft' ? customer : { ...customer, balance: 0 }
  const draft = summed(
    {
      head: {
        ...blank,
        collection_method: 'send_invoice',
        description: invoice.memo,
        due_date: created + daysUntilDue * 86_400,
      },
      lines: items.map((item, at) => lineOf(invoice.lines[at]?.id ?? item.id, item, invoice.id)),
      payments: [],
      daysUntilDue,
    },
    known,
  )
  if (invoice.finalizedAt === null) return draft
  const number = invoice.number ?? `${numberPrefix}${invoice.id.slice(3)}`
  const open = finalized(draft, { seconds: seconds(invoice.finalizedAt), number })
  const endedAt = seconds(invoice.paidAt ?? invoice.closedAt ?? invoice.finalizedAt)
  if (invoice.status === 'paid') return paid(open, endedAt, !hasCard)
  if (invoice.status === 'void') return voided(open, endedAt)
  return invoice.status === 'uncollectible' ? uncollectible(open, endedAt) : open
}

function itemFrom(line: InvoiceLine, invoice: Invoice, created: number): InvoiceItem {
  return {
    id: `ii_${line.id.slice(3)}`,
    object: 'invoiceitem',
    amount: line.unitAmount * line.quantity,
    currency: invoice.currency,
    customer: invoice.accountId,
    customer_account: null,
    date: created,
    description: line.description,
    discountable: true,
    discounts: [],
    invoice: invoice.id,
    livemode: false,
    metadata: {},
    parent: null,
    period: { end: created, start: created },
    pricing: {
      price_details: { price: line.priceId, product: line.productId },
      type: 'price_details',
      unit_amount_decimal: String(line.unitAmount),
    },
    proration: false,
    quantity: line.quantity,
    quantity_decimal: String(line.quantity),
    tax_rates: [],
    test_clock: null,
  }
}

function byAge<T extends { readonly createdAt: Date }>(rows: readonly T[]): readonly T[] {
  return [...rows].sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime())
}

function seconds(at: Date): number {
  return Math.floor(at.getTime() / 1000)
}
