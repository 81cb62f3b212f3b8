import { createCatalogue, priceCreateFields, priceUpdateFields, productFields } from './catalogue.ts'
import { customerFields } from './customers.ts'
import { endpointCreateFields, endpointUpdateFields } from './endpoints.ts'
import { missing } from './errors.ts'
import { invoiceCreateFields, invoiceUpdateFields } from './invoices.ts'
import { addLines, createItem, itemFields } from './items.ts'
import { newestFirst, pageOf, paging } from './list.ts'
import { choice, flag, range, text, texts } from './params.ts'
import { invoiceView, isLive } from './records.ts'
import { returnRoutes } from './return-routes.ts'
import type { Customers } from './customers.ts'
import type { Endpoints } from './endpoints.ts'
import type { Act } from './events.ts'
import type { Invoices } from './invoices.ts'
import type { Params } from './params.ts'
import type { Returns } from './returns.ts'
import type { StripeState } from './state.ts'

export interface StripeRequest {
  readonly id: string
  readonly url: string
  readonly params: Params
  readonly act: Act
}

export interface StripeRoute {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** With at most one `:id`. */
  readonly path: string
  /** Parameters it takes, beside `expand`; others are refused. */
  readonly known: readonly string[]
  readonly handle: (request: StripeRequest) => object
}

/** The part of the account routes act through. */
export interface StripeParts {
  readonly state: StripeState
  readonly customers: Customers
  readonly invoices: Invoices
  readonly endpoints: Endpoints
  readonly returns: Returns
}

/** Source: Stripe API reference; events are kept for 30 days. */
const eventLifeSeconds = 30 * 86_400

const invoiceStatuses = ['draft', 'open', 'paid', 'uncollectible', 'void'] as const

export function stripeRoutes({ state, customers, invoices, endpoints, returns }: StripeParts): readonly StripeRoute[] {
  const catalogue = createCatalogue(state)
  return [
    ...customerRoutes(state, customers),
    ...invoiceRoutes(state, invoices),
    ...returnRoutes(state, returns),
    {
      method: 'GET',
      path: '/v1/products',
      known: [...paging, 'active', 'created', 'ids'],
      handle({ url, params }) {
        const active = flag(params, 'active')
        const ids = texts(params, 'ids')
        const isIn = range(params, 'created')
        return pageOf(newestFirst(state.products), {
          params,
          url,
          kind: 'product',
          view: row => row,
          matches: row =>
            (active === undefined || row.active === active) &&
            (ids === undefined || ids.includes(row.id)) &&
            isIn(row.created),
        })
      },
    },
    post('/v1/products', productFields, ({ params, act }) => catalogue.createProduct(params, act)),
    get('/v1/products/:id', ({ id }) => state.product(id)),
    post('/v1/products/:id', productFields, ({ id, params, act }) => catalogue.updateProduct(id, params, act)),
    {
      method: 'DELETE',
      path: '/v1/products/:id',
      known: [],
      handle: ({ id, act }) => catalogue.deleteProduct(id, act),
    },
    {
      method: 'GET',
      path: '/v1/prices',
      known: [...paging, 'active', 'created', 'currency', 'product'],
      handle({ url, params }) {
        const active = flag(params, 'active')
        const currency = text(params, 'currency')
        const product = text(params, 'product')
        const isIn = range(params, 'created')
        return pageOf(newestFirst(state.prices), {
          params,
          url,
          kind: 'price',
          view: row => row,
          matches: row =>
            (active === undefined || row.active === active) &&
            (typeof currency !== 'string' || row.currency === currency) &&
            (typeof product !== 'string' || row.product === product) &&
            isIn(row.created),
        })
      },
    },
    post('/v1/prices', priceCreateFields, ({ params, act }) => catalogue.createPrice(params, act)),
    get('/v1/prices/:id', ({ id }) => state.price(id)),
    post('/v1/prices/:id', priceUpdateFields, ({ id, params, act }) => catalogue.updatePrice(id, params, act)),
    get('/v1/payment_methods/:id', ({ id }) => state.paymentMethod(id)),
    ...eventRoutes(state),
    {
      method: 'GET',
      path: '/v1/webhook_endpoints',
      known: paging,
      handle: ({ url, params }) =>
        pageOf(
          newestFirst(state.endpoints).map(({ record }) => record),
          { params, url, kind: 'webhook endpoint', view: row => row },
        ),
    },
    post('/v1/webhook_endpoints', endpointCreateFields, ({ params }) => endpoints.create(params)),
    get('/v1/webhook_endpoints/:id', ({ id }) => endpoints.get(id)),
    post('/v1/webhook_endpoints/:id', endpointUpdateFields, ({ id, params }) => endpoints.update(id, params)),
    { method: 'DELETE', path: '/v1/webhook_endpoints/:id', known: [], handle: ({ id }) => endpoints.delete(id) },
  ]
}

function customerRoutes(state: StripeState, customers: Customers): readonly StripeRoute[] {
  return [
    {
      method: 'GET',
      path: '/v1/customers',
      known: [...paging, 'created', 'email'],
      handle({ url, params }) {
        const email = text(params, 'email')
        const isIn = range(params, 'created')
        return pageOf(newestFirst(state.customers), {
          params,
          url,
          kind: 'customer',
          view: row => row,
          // To the letter, upper and lower case too.
          matches: row => isLive(row) && (typeof email !== 'string' || row.email === email) && isIn(row.created),
        })
      },
    },
    post('/v1/customers', customerFields, ({ params, act }) => customers.create(params, act)),
    get('/v1/customers/:id', ({ id }) => {
      const found = state.customers.get(id)
      if (found === undefined) throw missing('customer', id)
      return found
    }),
    post('/v1/customers/:id', customerFields, ({ id, params, act }) => customers.update(id, params, act)),
    { method: 'DELETE', path: '/v1/customers/:id', known: [], handle: ({ id, act }) => customers.delete(id, act) },
    {
      method: 'GET',
      path: '/v1/customers/:id/payment_methods',
      known: [...paging, 'type'],
      handle({ id, url, params }) {
        state.customer(id)
        const type = text(params, 'type')
        return pageOf(newestFirst(state.paymentMethods), {
          params,
          url,
          kind: 'PaymentMethod',
          view: row => row,
          matches: row => row.customer === id && (typeof type !== 'string' || row.type === type),
        })
      },
    },
  ]
}

function invoiceRoutes(state: StripeState, invoices: Invoices): readonly StripeRoute[] {
  return [
    {
      method: 'GET',
      path: '/v1/invoices',
      known: [...paging, 'collection_method', 'created', 'customer', 'due_date', 'status'],
      handle({ url, params }) {
        const customer = text(params, 'customer')
        const status = choice(params, 'status', invoiceStatuses)
        const collection = text(params, 'collection_method')
        const isIn = range(params, 'created')
        const isDueIn = params.has('due_date') ? range(params, 'due_date') : null
        const rows = newestFirst(state.invoices).map(entry => ({ id: entry.head.id, entry, head: entry.head }))
        return pageOf(rows, {
          params,
          url,
          kind: 'invoice',
          view: ({ entry }) => invoiceView(entry),
          matches: ({ head }) =>
            (typeof customer !== 'string' || head.customer === customer) &&
            (status === undefined || head.status === status) &&
            (typeof collection !== 'string' || head.collection_method === collection) &&
            isIn(head.created) &&
            (isDueIn === null || (head.due_date !== null && isDueIn(head.due_date))),
        })
      },
    },
    post('/v1/invoices', invoiceCreateFields, ({ params, act }) => invoices.create(params, act)),
    get('/v1/invoices/:id', ({ id }) => invoiceView(state.invoice(id))),
    post('/v1/invoices/:id', invoiceUpdateFields, ({ id, params, act }) => invoices.update(id, params, act)),
    { method: 'DELETE', path: '/v1/invoices/:id', known: [], handle: ({ id, act }) => invoices.delete(id, act) },
    post('/v1/invoices/:id/add_lines', ['lines', 'invoice_metadata'], ({ id, params, act }) =>
      addLines(state, invoices, id, params, act),
    ),
    post('/v1/invoices/:id/finalize', ['auto_advance'], ({ id, act }) => invoices.finalize(id, act)),
    post('/v1/invoices/:id/pay', ['paid_out_of_band', 'payment_method'], ({ id, params, act }) =>
      invoices.pay(id, params, act),
    ),
    post('/v1/invoices/:id/void', [], ({ id, act }) => invoices.void(id, act)),
    post('/v1/invoices/:id/mark_uncollectible', [], ({ id, act }) => invoices.markUncollectible(id, act)),
    {
      method: 'GET',
      path: '/v1/invoices/:id/lines',
      known: paging,
      handle: ({ id, url, params }) =>
        pageOf(state.invoice(id).lines, { params, url, kind: 'invoice line item', view: row => row }),
    },
    post('/v1/invoiceitems', itemFields, ({ params, act }) => createItem(state, invoices, params, act)),
  ]
}

function eventRoutes(state: StripeState): readonly StripeRoute[] {
  const kept = () => {
    const since = state.now() - eventLifeSeconds
    return state.events.all.filter(event => event.created >= since)
  }
  return [
    {
      method: 'GET',
      path: '/v1/events',
      known: [...paging, 'created', 'type', 'types'],
      handle({ url, params }) {
        const type = text(params, 'type')
        const types = typeof type === 'string' ? [type] : texts(params, 'types')
        const isIn = range(params, 'created')
        return pageOf(kept().reverse(), {
          params,
          url,
          kind: 'event',
          view: row => row,
          matches: row => (types === undefined || types.some(pattern => fits(row.type, pattern))) && isIn(row.created),
        })
      },
    },
    get('/v1/events/:id', ({ id }) => {
      const found = kept().find(event => event.id === id)
      if (found === undefined) throw missing('event', id)
      return found
    }),
  ]
}

/** `invoice.*` is allowed too. */
function fits(type: string, pattern: string): boolean {
  return pattern.endsWith('*') ? type.startsWith(pattern.slice(0, -1)) : type === pattern
}

function get(path: string, handle: StripeRoute['handle']): StripeRoute {
  return { method: 'GET', path, known: [], handle }
}

function post(path: string, known: readonly string[], handle: StripeRoute['handle']): StripeRoute {
  return { method: 'POST', path, known, handle }
}
