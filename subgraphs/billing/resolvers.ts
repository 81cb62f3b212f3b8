import { GraphQLError } from 'graphql'
import type { EntityRef } from '../../schema/entities.ts'
import { added, decimalOf, type Decimal } from '../../schema/decimal.ts'
import type { Money } from '../../schema/values.ts'
import { minorDecimals, moneyOf } from '../../schema/values.ts'
import { connectionOf } from '../connection.ts'
import type { GraphContext, IndexEntry, PageFilter, WriteSteps, Written } from '../contract.ts'
import type {
  CreateOrderInput,
  MutationCreateOrderArgs,
  MutationFinalizeOrderArgs,
  QueryOrdersArgs,
  QueryProductsArgs,
  Resolvers,
} from './generated.ts'
import { NotUnderstood, understood, type Field } from '../lenient.ts'
import type {
  BalanceNode,
  CollectionNode,
  CustomerNode,
  OrderNode,
  OrderPage,
  PaymentNode,
  ProductNode,
  SumOfOrders,
} from './nodes.ts'
import { orderStatuses } from './source.ts'
import type {
  BillingSource,
  NewOrder,
  NewOrderLine,
  OrderFields,
  OrderLineFields,
  OrderReturns,
  ProductFields,
} from './source.ts'

interface OrderPayload {
  readonly order: OrderNode
  readonly clientMutationId: string | null | undefined
}

/** Most lines one order takes; Stripe's own limit for an invoice. */
const maxLines = 250

const maxQuantityDecimals = 12

/** What a created order says about itself, for the check of ownership. */
const createdFields = ['customer', 'lines', 'memo', 'dueAt', 'status'] as const

/** A hundred years: a due date beyond what a date can hold could not be read from the order again. */
const maxDaysUntilDue = 36_500

/**
 * Resolvers of the subgraph `billing`. Lists come from the index; a value is read from the system when a field that
 * needs it is selected, once a node.
 */
export function billingResolvers(source: BillingSource) {
  const orders = new WeakMap<OrderNode, Promise<OrderFields | null>>()
  const returned = new WeakMap<OrderNode, Promise<OrderReturns | null>>()
  const products = new WeakMap<ProductNode, Promise<ProductFields | null>>()

  const loadOrder = (node: OrderNode, context: GraphContext): Promise<OrderFields | null> =>
    once(orders, node, () => source.order({ id: node.id, near: node.near }, context))

  const loadReturns = (node: OrderNode, context: GraphContext): Promise<OrderReturns | null> =>
    once(returned, node, () => source.returns(node.id, context))

  const loadProduct = (node: ProductNode, context: GraphContext): Promise<ProductFields | null> =>
    once(products, node, () => source.product(node.id, context))

  const orderField =
    <T>(read: (order: OrderFields) => Field<T>) =>
    async (node: OrderNode, _: unknown, context: GraphContext): Promise<T | null> => {
      const order = await loadOrder(node, context)
      return order === null ? null : understood(read(order))
    }

  const productField =
    <T>(read: (product: ProductFields) => Field<T>) =>
    async (node: ProductNode, _: unknown, context: GraphContext): Promise<T | null> => {
      const product = await loadProduct(node, context)
      return product === null ? null : understood(read(product))
    }

  const orderPage = async (
    within: EntityRef | null,
    { filter, ...page }: Partial<QueryOrdersArgs>,
    context: GraphContext,
  ): Promise<OrderPage> => {
    const orders = orderFilter(filter)
    return {
      ...connectionOf(await context.index.page('Order', within, orders, page), orderNode),
      sums: () => context.index.sums('Order', within, orders),
    }
  }

  const balances = async (customer: CustomerNode, context: GraphContext): Promise<readonly BalanceNode[]> => {
    const linked = await context.links.recordsOf(customerRef(customer.id), source.system)
    const records = linked.map(({ record }) => record)
    const [outstanding, { credits, debits, fault }] = await Promise.all([
      outstandingOf(customer.id, loadOrder, context),
      source.standing(records, context),
    ])
    const currencies = new Set([...outstanding.sums.keys(), ...[...credits, ...debits].map(({ currency }) => currency)])
    // Nothing else would say that there may be some.
    if (fault !== null && currencies.size === 0) throw fault
    let asked: Promise<readonly Money[]> | null = null
    return [...currencies].toSorted().map(currency => ({
      currency,
      outstanding: outstanding.isComplete ? moneyIn(currency, outstanding.sums.get(currency)) : null,
      credit: fault ?? amountIn(credits, currency),
      debit: fault ?? amountIn(debits, currency),
      cash: async () => amountIn(await (asked ??= source.cash(records, context)), currency),
    }))
  }

  const changeOrder = async (
    mutation: string,
    input: MutationFinalizeOrderArgs['input'],
    fields: readonly string[],
    context: GraphContext,
    send: (id: string, steps: WriteSteps) => Promise<readonly [Written, ...Written[]]>,
  ): Promise<OrderPayload> => {
    const order = await context.links.resolve({ type: 'Order', id: input.id })
    if (order === null) {
      throw new GraphQLError('input.id: expected the id of an order, got an id that no order has', {
        extensions: { code: 'NOT_FOUND' },
      })
    }
    const intent = { role: 'billing', entity: 'Order', id: order.id, fields, mutation, input: { ...input } } as const
    const written = await context.writes.write(intent, steps => send(order.id, steps))
    return { order: { id: written.id }, clientMutationId: input.clientMutationId }
  }

  return {
    Query: {
      order: (_: unknown, { id }: { readonly id: string }, context: GraphContext) =>
        living({ type: 'Order', id }, context),
      orders: (_: unknown, args: Partial<QueryOrdersArgs>, context: GraphContext) => orderPage(null, args, context),
      product: (_: unknown, { id }: { readonly id: string }, context: GraphContext) =>
        living({ type: 'Product', id }, context),
      products: async (_: unknown, { filter, ...page }: Partial<QueryProductsArgs>, context: GraphContext) =>
        connectionOf(await context.index.page('Product', null, productFilter(filter), page), ({ id }): ProductNode => ({
          id,
        })),
    },

    Mutation: {
      createOrder: async (_: unknown, { input }: MutationCreateOrderArgs, context: GraphContext) => {
        const lines = newLines(input.lines)
        if (isBroken(input.memo)) throw badInput('input.memo: expected text, got half of a character')
        const daysUntilDue = input.daysUntilDue ?? 30
        if (daysUntilDue < 0 || daysUntilDue > maxDaysUntilDue)
          throw badInput(
            `input.daysUntilDue: expected 0 to ${maxDaysUntilDue.toString()}, got ${daysUntilDue.toString()}`,
          )
        const customer = await context.links.resolve(customerRef(input.customerId))
        if (customer === null)
          throw badInput('input.customerId: expected the id of a customer, got an id that no customer has')
        const order: NewOrder = {
          customerId: customer.id,
          currency: input.currency.toUpperCase(),
          lines,
          daysUntilDue,
          memo: input.memo ?? null,
          finalize: input.finalize ?? false,
        }
        const written = await context.writes.write(
          { role: 'billing', entity: 'Order', fields: createdFields, mutation: 'createOrder', input: { ...input } },
          steps => source.create(order, context, steps),
        )
        return { order: { id: written.id }, clientMutationId: input.clientMutationId }
      },
      finalizeOrder: (_: unknown, { input }: MutationFinalizeOrderArgs, context: GraphContext) =>
        changeOrder('finalizeOrder', input, ['status'], context, (id, steps) => source.finalize(id, context, steps)),
      voidOrder: (_: unknown, { input }: MutationFinalizeOrderArgs, context: GraphContext) =>
        changeOrder('voidOrder', input, ['status'], context, (id, steps) => source.void(id, context, steps)),
      markOrderPaid: (_: unknown, { input }: MutationFinalizeOrderArgs, context: GraphContext) =>
        changeOrder('markOrderPaid', input, ['status', 'paidAt'], context, (id, steps) =>
          source.markPaid(id, context, steps),
        ),
    },

    Customer: {
      __resolveReference: ({ id }: { readonly id: string }, context: GraphContext) => living(customerRef(id), context),
      balances: (customer: CustomerNode, _: unknown, context: GraphContext) => balances(customer, context),
      paymentMethod: async ({ id }: { readonly id: string }, _: unknown, context: GraphContext) => {
        const [leading] = await context.links.recordsOf(customerRef(id), source.system)
        return leading === undefined ? null : understood(await source.paymentMethod(leading.record, context))
      },
      orders: ({ id }: { readonly id: string }, args: Partial<QueryOrdersArgs>, context: GraphContext) =>
        orderPage(customerRef(id), args, context),
    },

    Order: {
      __resolveReference: ({ id }: { readonly id: string }, context: GraphContext) =>
        living({ type: 'Order', id }, context),
      number: orderField(({ number }) => number),
      status: orderField(({ status }) => status),
      lines: async (node: OrderNode, _: unknown, context: GraphContext) => {
        const order = await loadOrder(node, context)
        return order === null ? null : whole(await source.lines(order.id, context))
      },
      subtotal: orderField(({ subtotal }) => subtotal),
      discount: orderField(({ discount }) => discount),
      shipping: orderField(({ shipping }) => shipping),
      tax: orderField(({ tax }) => tax),
      includedTax: orderField(({ includedTax }) => includedTax),
      total: orderField(({ total }) => total),
      amountDue: orderField(({ amountDue }) => amountDue),
      amountPaid: orderField(({ amountPaid }) => amountPaid),
      amountReturned: async (node: OrderNode, _: unknown, context: GraphContext) => {
        const returns = await loadReturns(node, context)
        return returns === null ? null : understood(returns.amount)
      },
      returns: async (node: OrderNode, _: unknown, context: GraphContext) =>
        (await loadReturns(node, context))?.returns ?? null,
      amountRemaining: orderField(({ amountRemaining }) => amountRemaining),
      memo: orderField(({ memo }) => memo),
      createdAt: orderField(({ createdAt }) => createdAt),
      finalizedAt: orderField(({ finalizedAt }) => finalizedAt),
      dueAt: orderField(({ dueAt }) => dueAt),
      paidAt: orderField(({ paidAt }) => paidAt),
      payments: async (node: OrderNode, _: unknown, context: GraphContext) => {
        const order = await loadOrder(node, context)
        const payments = order === null ? null : whole(await source.payments(order.id, context))
        return payments?.map((payment): PaymentNode => ({ ...payment, order: node })) ?? null
      },
      collection: async (node: OrderNode, _: unknown, context: GraphContext): Promise<CollectionNode | null> => {
        const order = await loadOrder(node, context)
        return order === null ? null : { ...order.collection, order: node }
      },
      hostedUrl: orderField(({ hostedUrl }) => hostedUrl),
      pdfUrl: orderField(({ pdfUrl }) => pdfUrl),
      billTo: orderField(({ billTo }) => billTo),
      customer: async (node: OrderNode, _: unknown, context: GraphContext) => {
        const record = node.record ?? (await loadOrder(node, context))?.record
        const customer = record === undefined ? null : await context.links.parentOf(record, 'Customer')
        return customer === null ? null : { __typename: 'Customer', id: customer.id }
      },
    },

    OrderSum: {
      status: ({ status }: SumOfOrders) => orderStatuses.find(known => known === status) ?? null,
      total: (sum: SumOfOrders) => sumIn(sum, 'total'),
      amountPaid: (sum: SumOfOrders) => sumIn(sum, 'amountPaid'),
      amountRemaining: (sum: SumOfOrders) => sumIn(sum, 'amountRemaining'),
    },

    OrderLine: {
      product: ({ productId }: OrderLineFields, _: unknown, context: GraphContext) => {
        const id = understood(productId)
        return id === null ? null : living({ type: 'Product', id }, context)
      },
    },

    Payment: {
      amountReturned: async ({ id, amount, order }: PaymentNode, _: unknown, context: GraphContext) => {
        const returns = await loadReturns(order, context)
        const back = understood(returns?.amountByPayment.get(id) ?? null)
        // Of what was not paid nothing goes back.
        return back ?? (returns === null ? null : nothingOf(understood(amount)))
      },
    },

    Collection: {
      lastFailure: async ({ order }: CollectionNode, _: unknown, context: GraphContext) =>
        understood(await source.lastFailure(order.id, context)),
    },

    Money: {
      exact: ({ amount, exact }: Money) => exact ?? amount,
      decimals: ({ currency }: Money) => minorDecimals(currency),
    },

    Product: {
      __resolveReference: ({ id }: { readonly id: string }, context: GraphContext) =>
        living({ type: 'Product', id }, context),
      name: productField(({ name }) => name),
      description: productField(({ description }) => description),
      isActive: productField(({ isActive }) => isActive),
      createdAt: productField(({ createdAt }) => createdAt),
      updatedAt: productField(({ updatedAt }) => updatedAt),
      prices: async (node: ProductNode, _: unknown, context: GraphContext) => {
        const product = await loadProduct(node, context)
        return product === null ? null : whole(await source.prices(product.id, context))
      },
    },
  } satisfies Resolvers
}

/** The entity an id leads to; null when it is gone. */
async function living(ref: EntityRef, context: GraphContext): Promise<{ readonly id: string } | null> {
  const entity = await context.links.resolve(ref)
  return entity === null ? null : { id: entity.id }
}

/** @throws GraphQLError rather than an amount that is wrong: rounded, or without one of the orders */
function sumIn(sum: SumOfOrders, name: 'total' | 'amountPaid' | 'amountRemaining'): Money | null {
  const { currency, status, [name]: amount } = sum
  if (currency === null) return null
  const orders = `${name} of the orders in ${currency} that are ${status ?? 'of unknown status'}`
  if (amount === null) {
    throw new GraphQLError(
      `${orders}: that of one of them is not understood, so there is no sum; ask for the orders themselves`,
      {
        extensions: { code: 'SYSTEM_UNREADABLE', isRetryable: false },
      },
    )
  }
  if (amount > Number.MAX_SAFE_INTEGER || amount < Number.MIN_SAFE_INTEGER) {
    throw new GraphQLError(
      `${orders}: the sum ${amount.toString()} is more than a SafeInt holds; ask for less with a filter`,
      {
        extensions: { code: 'AMOUNT_TOO_LARGE', isRetryable: false },
      },
    )
  }
  return { amount: Number(amount), currency }
}

/** The unpaid rest of all open orders per currency; not complete while the import runs. */
async function outstandingOf(
  customerId: string,
  load: (node: OrderNode, context: GraphContext) => Promise<OrderFields | null>,
  context: GraphContext,
): Promise<{ readonly sums: ReadonlyMap<string, Decimal>; readonly isComplete: boolean }> {
  const sums = new Map<string, Decimal>()
  for (let after: string | null = null; ;) {
    const page = await context.index.page('Order', customerRef(customerId), { status: ['OPEN'] }, { first: 100, after })
    const open = await Promise.all(page.entries.map(entry => load(orderNode(entry), context)))
    for (const order of open) {
      if (order?.status !== 'OPEN') continue
      const remaining = understood(order.amountRemaining)
      if (remaining === null) continue
      const { amount, currency, exact } = remaining
      sums.set(currency, added(sums.get(currency) ?? '0', exact ?? String(amount)))
    }
    after = page.entries.at(-1)?.cursor ?? null
    if (after === null || !(await page.hasNextPage())) return { sums, isComplete: page.isComplete }
  }
}

function once<N extends object, T>(known: WeakMap<N, Promise<T>>, node: N, load: () => Promise<T>): Promise<T> {
  const begun = known.get(node)
  if (begun !== undefined) return begun
  const loading = load()
  known.set(node, loading)
  return loading
}

function orderNode({ id, near, record }: IndexEntry): OrderNode {
  return { id, near: near ?? undefined, record }
}

function customerRef(id: string): EntityRef {
  return { type: 'Customer', id }
}

function orderFilter(filter: QueryOrdersArgs['filter']): PageFilter {
  return {
    status: filter?.status,
    email: filter?.email,
    changedSince: filter?.changedSince,
    number: filter?.number,
    created: filter?.created,
    due: filter?.due,
    total: filter?.total,
    parents: filter?.customer == null ? [] : [customerRef(filter.customer)],
  }
}

function productFilter(filter: QueryProductsArgs['filter']): PageFilter {
  return { isClosed: filter?.isActive == null ? null : !filter.isActive, changedSince: filter?.changedSince }
}

function newLines(lines: CreateOrderInput['lines']): readonly NewOrderLine[] {
  if (lines.length === 0 || lines.length > maxLines) {
    throw badInput(`input.lines: expected 1 to ${maxLines.toString()} lines, got ${lines.length.toString()}`)
  }
  return lines.map((line, at) => {
    const place = `input.lines[${at.toString()}]`
    const quantity = quantityIn(line.quantity ?? 1, place)
    const { priceId, description, unitAmount } = line
    if (isBroken(description)) throw badInput(`${place}.description: expected text, got half of a character`)
    const isPriced = priceId != null && description == null && unitAmount == null
    if (isPriced && priceId !== '') return { priceId, quantity }
    if (priceId == null && description != null && description !== '' && unitAmount != null) {
      return { description, unitAmount, quantity }
    }
    throw badInput(`${place}: expected either priceId, or description with unitAmount`)
  })
}

/** Source: Stripe API reference, `quantity_decimal`: not negative, 12 decimals at most. */
function quantityIn(value: number | string, place: string): Decimal {
  const quantity = decimalOf(value)
  const isGiven = quantity !== null && quantity !== '0' && !quantity.startsWith('-')
  if (isGiven && (quantity.split('.')[1]?.length ?? 0) <= maxQuantityDecimals) return quantity
  throw badInput(
    `${place}.quantity: expected more than 0, with ${maxQuantityDecimals.toString()} decimals at most, got ${value.toString()}`,
  )
}

/** A list with an element that is not understood is none: it would say that there are no more. @throws NotUnderstood */
function whole<T>(list: Field<readonly (T | NotUnderstood)[]>): readonly T[] | null {
  return (
    understood(list)?.map(element => {
      if (element instanceof NotUnderstood) throw element
      return element
    }) ?? null
  )
}

function amountIn(amounts: readonly Money[], currency: string): Money {
  return amounts.find(one => one.currency === currency) ?? { amount: 0, currency }
}

function moneyIn(currency: string, sum: Decimal = '0'): Money {
  const money = moneyOf(sum, currency)
  if (money === null) throw new Error('expected what is outstanding to be below 2^53')
  return money
}

function nothingOf(money: Money | null): Money | null {
  return money === null ? null : { amount: 0, currency: money.currency }
}

/** Text with half of a surrogate pair, which no encoding can carry. */
function isBroken(text: string | null | undefined): boolean {
  return text != null && /\p{Surrogate}/u.test(text)
}

function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } })
}
