import { GraphQLError } from 'graphql'
import type { EntityRef } from '../../schema/entities.ts'
import type { Money } from '../../schema/values.ts'
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
import type { CustomerNode, OrderNode, OrderPage, SumOfOrders, ProductNode } from './nodes.ts'
import { orderStatuses } from './source.ts'
import type { BillingSource, NewOrder, NewOrderLine, OrderFields, OrderLineFields, ProductFields } from './source.ts'

interface CustomerBalance {
  readonly currency: string
  readonly outstanding: Money | null
  readonly credit: Money
}

interface OrderPayload {
  readonly order: OrderNode
  readonly clientMutationId: string | null | undefined
}

/** Most lines one order takes; Stripe's own limit for an invoice, sent one by one. */
const maxLines = 250

/** What a created order says about itself, for the check of ownership. */
const createdFields = ['customer', 'lines', 'memo', 'dueAt', 'status'] as const

/**
 * Resolvers of the subgraph `billing`. Lists come from the index; a value is read from the system when a field that
 * needs it is selected, once a node.
 */
export function billingResolvers(source: BillingSource) {
  const orders = new WeakMap<OrderNode, Promise<OrderFields | null>>()
  const products = new WeakMap<ProductNode, Promise<ProductFields | null>>()

  const loadOrder = (node: OrderNode, context: GraphContext): Promise<OrderFields | null> =>
    once(orders, node, () => source.order({ id: node.id, near: node.near }, context))

  const loadProduct = (node: ProductNode, context: GraphContext): Promise<ProductFields | null> =>
    once(products, node, () => source.product(node.id, context))

  const orderField =
    <K extends keyof OrderFields>(key: K) =>
    async (node: OrderNode, _: unknown, context: GraphContext): Promise<OrderFields[K] | null> =>
      (await loadOrder(node, context))?.[key] ?? null

  const productField =
    <K extends keyof ProductFields>(key: K) =>
    async (node: ProductNode, _: unknown, context: GraphContext): Promise<ProductFields[K] | null> =>
      (await loadProduct(node, context))?.[key] ?? null

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

  const balances = async (customer: CustomerNode, context: GraphContext): Promise<readonly CustomerBalance[]> => {
    const records = await context.links.recordsOf(customerRef(customer.id), source.system)
    const [outstanding, credits] = await Promise.all([
      outstandingOf(customer.id, loadOrder, context),
      source.credits(
        records.map(({ record }) => record),
        context,
      ),
    ])
    const creditIn = new Map(credits.map(({ amount, currency }) => [currency, amount]))
    const currencies = [...new Set([...outstanding.sums.keys(), ...creditIn.keys()])].toSorted()
    return currencies.map(currency => ({
      currency,
      outstanding: outstanding.isComplete ? { amount: outstanding.sums.get(currency) ?? 0, currency } : null,
      credit: { amount: creditIn.get(currency) ?? 0, currency },
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
      throw new GraphQLError('input.id: expected the id of an order, got one that none has', {
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
        if (daysUntilDue < 0) throw badInput(`input.daysUntilDue: expected 0 or more, got ${daysUntilDue.toString()}`)
        const customer = await context.links.resolve(customerRef(input.customerId))
        if (customer === null) throw badInput('input.customerId: expected the id of a customer, got one that none has')
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
        return leading === undefined ? null : source.paymentMethod(leading.record, context)
      },
      orders: ({ id }: { readonly id: string }, args: Partial<QueryOrdersArgs>, context: GraphContext) =>
        orderPage(customerRef(id), args, context),
    },

    Order: {
      __resolveReference: ({ id }: { readonly id: string }, context: GraphContext) =>
        living({ type: 'Order', id }, context),
      number: orderField('number'),
      status: orderField('status'),
      lines: async (node: OrderNode, _: unknown, context: GraphContext) => {
        const order = await loadOrder(node, context)
        return order === null ? null : source.lines(order.id, context)
      },
      subtotal: orderField('subtotal'),
      total: orderField('total'),
      amountPaid: orderField('amountPaid'),
      amountRemaining: orderField('amountRemaining'),
      memo: orderField('memo'),
      createdAt: orderField('createdAt'),
      finalizedAt: orderField('finalizedAt'),
      dueAt: orderField('dueAt'),
      paidAt: orderField('paidAt'),
      payments: orderField('payments'),
      hostedUrl: orderField('hostedUrl'),
      pdfUrl: orderField('pdfUrl'),
      billTo: orderField('billTo'),
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
      product: ({ productId }: OrderLineFields, _: unknown, context: GraphContext) =>
        productId === null ? null : living({ type: 'Product', id: productId }, context),
    },

    Product: {
      __resolveReference: ({ id }: { readonly id: string }, context: GraphContext) =>
        living({ type: 'Product', id }, context),
      name: productField('name'),
      description: productField('description'),
      isActive: productField('isActive'),
      createdAt: productField('createdAt'),
      updatedAt: productField('updatedAt'),
      prices: async (node: ProductNode, _: unknown, context: GraphContext) => {
        const product = await loadProduct(node, context)
        return product === null ? null : source.prices(product.id, context)
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
): Promise<{ readonly sums: ReadonlyMap<string, number>; readonly isComplete: boolean }> {
  const sums = new Map<string, number>()
  for (let after: string | null = null; ;) {
    const page = await context.index.page('Order', customerRef(customerId), { status: ['OPEN'] }, { first: 100, after })
    const open = await Promise.all(page.entries.map(entry => load(orderNode(entry), context)))
    for (const order of open) {
      if (order?.status !== 'OPEN' || order.amountRemaining === null) continue
      const { amount, currency } = order.amountRemaining
      sums.set(currency, (sums.get(currency) ?? 0) + amount)
    }
    after = page.entries.at(-1)?.cursor ?? null
    if (!page.hasNextPage || after === null) return { sums, isComplete: page.isComplete }
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
    const quantity = line.quantity ?? 1
    if (quantity < 1) throw badInput(`${place}.quantity: expected 1 or more, got ${quantity.toString()}`)
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

/** Text with half of a surrogate pair, which no encoding can carry. */
function isBroken(text: string | null | undefined): boolean {
  return text != null && /\p{Surrogate}/u.test(text)
}

function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } })
}
