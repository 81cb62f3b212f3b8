import { badRequest } from './errors.ts'
import { invoiceView, isLive } from './records.ts'
import type { ListOf } from './records.ts'
import type { StripeState } from './state.ts'

const deepest = 4

type Fields = Readonly<Record<string, unknown>>

/**
 * `expand[]`: ids become the records they name, and fields that are given only when asked for appear.
 * Source: Stripe API reference, expanding responses: at most four levels deep.
 */
export function expanded(state: StripeState, answer: object, paths: readonly string[]): object {
  let next: unknown = answer
  for (const path of paths) {
    const steps = path.split('.')
    if (steps.length > deepest) {
      throw badRequest(`You cannot expand more than ${deepest} levels of a property: ${path}`, undefined, 'expand')
    }
    next = at(next, steps, '')
  }
  return typeof next === 'object' && next !== null ? next : answer

  /** @param within the record's kind and the way from it: `customer.invoice_settings` */
  function at(value: unknown, steps: readonly string[], within: string): unknown {
    if (Array.isArray(value)) return value.map(entry => at(entry, steps, within))
    if (!isFields(value)) return value
    const [step, ...rest] = steps
    if (step === undefined) return value
    const owner = typeof value['object'] === 'string' ? value['object'] : within
    const place = `${owner}.${step}`
    const held = Object.hasOwn(value, step) ? value[step] : included(place, value)
    if (held === undefined && place === 'price.tiers') return value
    if (held === undefined || (typeof held === 'string' && !expandable.has(place))) {
      throw badRequest(`This property cannot be expanded (${step}).`, undefined, 'expand')
    }
    const found = typeof held === 'string' ? recordOf(held) : held
    return { ...value, [step]: at(found, rest, place) }
  }

  function recordOf(id: string): unknown {
    const invoice = state.invoices.get(id)
    if (invoice !== undefined) return invoiceView(invoice)
    const { customers, paymentMethods, prices, products } = state
    return customers.get(id) ?? paymentMethods.get(id) ?? prices.get(id) ?? products.get(id) ?? id
  }

  /** What is not given unless it is asked for. */
  function included(place: string, value: Fields): unknown {
    const id = typeof value['id'] === 'string' ? value['id'] : ''
    const customer = state.customers.get(id)
    if (place === 'customer.invoice_credit_balance' && isLive(customer)) {
      const { balance, currency } = customer
      // Credit is positive here, and negative in `balance`.
      return balance === 0 ? {} : { [currency ?? 'usd']: -balance }
    }
    if (place === 'invoice.payments') {
      return listOf(state.invoices.get(id)?.payments ?? [], `/v1/invoice_payments?invoice=${id}`)
    }
    if (place === 'price.tiers') return state.tiers.get(id)
    if (emptyLists.has(place)) return listOf([], `/v1/customers/${id}/${place.slice('customer.'.length)}`)
    return undefined
  }
}

const expandable = new Set([
  'customer.invoice_settings.default_payment_method',
  'invoice.customer',
  'invoice.default_payment_method',
  'invoice_payment.invoice',
  'invoiceitem.customer',
  'invoiceitem.invoice',
  'invoiceitem.pricing.price_details.price',
  'line_item.pricing.price_details.price',
  'payment_method.customer',
  'price.product',
  'product.default_price',
])

const emptyLists = new Set(['customer.sources', 'customer.subscriptions', 'customer.tax_ids'])

function listOf<T>(data: readonly T[], url: string): ListOf<T> {
  return { object: 'list', data, has_more: false, url }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}
