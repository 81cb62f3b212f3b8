import { buildSubgraphSchema } from '@apollo/subgraph'
import { graphql, parse } from 'graphql'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { scalars } from '../../../schema/scalars.ts'
import type { EntityRef } from '../../../schema/entities.ts'
import { billingResolvers } from '../../../subgraphs/billing/resolvers.ts'
import type { BillingSource, OrderFields } from '../../../subgraphs/billing/source.ts'
import type { GraphContext, IndexSum, PageFilter, WriteIntent, Written } from '../../../subgraphs/contract.ts'
import { VendorError } from '../../../subgraphs/vendor-error.ts'
import { stepsInMemory } from '../steps.ts'

const record = (id: string) => ({ system: 'stripe', kind: 'invoice', id })

function order(id: string, amountRemaining: number): OrderFields {
  const money = { amount: amountRemaining, currency: 'EUR' }
  return {
    id,
    record: record(id),
    number: `N-${id}`,
    status: 'OPEN',
    subtotal: money,
    discount: null,
    shipping: null,
    tax: null,
    includedTax: null,
    total: money,
    amountDue: money,
    amountPaid: money,
    amountRemaining: money,
    memo: null,
    createdAt: new Date(0),
    finalizedAt: null,
    dueAt: null,
    paidAt: null,
    collection: { isAutomatic: false, isFailing: false, attempts: 0, nextAttemptAt: null },
    hostedUrl: 'https://pay.example.com/1',
    pdfUrl: null,
    billTo: null,
  }
}

interface World {
  readonly asked: string[]
  readonly filters: PageFilter[]
  readonly intents: WriteIntent[]
  readonly context: GraphContext
  run(
    query: string,
  ): Promise<{ data?: unknown; errors?: readonly { message: string; path?: unknown; extensions: object }[] }>
}

const orderIds = ['in_1', 'in_broken', 'in_gone', 'in_2']

/** Orders in_1 and in_2 exist, in_broken fails, in_gone is known to the index only. Customer 1 exists, 0 does not. */
function world(options: { isComplete?: boolean; ids?: readonly string[]; sums?: readonly IndexSum[] } = {}): World {
  const asked: string[] = []
  const filters: PageFilter[] = []
  const intents: WriteIntent[] = []
  const ids = options.ids ?? orderIds
  const written: readonly [Written] = [{ kind: 'CREATED', record: record('in_new'), fields: [] }]
  const source: BillingSource = {
    system: 'stripe',
    order: ({ id, near }) => {
      asked.push(`order ${id} near ${near ?? 'nobody'}`)
      if (id === 'in_broken') return Promise.reject(new VendorError('stripe', 'unreadable', 'broken'))
      return Promise.resolve(id === 'in_gone' ? null : order(id, id === 'in_1' ? 100 : 23))
    },
    lines: id => {
      asked.push(`lines ${id}`)
      return Promise.resolve([
        {
          id: 'il_1',
          description: null,
          quantity: '1',
          unitPrice: null,
          unitPriceDecimal: null,
          amount: null,
          discount: null,
          tax: null,
          includedTax: null,
          total: null,
          productId: 'prod_1',
        },
      ])
    },
    payments: () => Promise.resolve(null),
    returns: () => Promise.resolve(null),
    lastFailure: () => Promise.resolve(null),
    product: () => Promise.resolve(null),
    prices: () => Promise.resolve([]),
    standing: () => Promise.resolve({ credits: [{ amount: 7, currency: 'USD' }], debits: [], fault: null }),
    cash: () => Promise.resolve([]),
    paymentMethod: () => Promise.resolve(null),
    create: order => {
      asked.push(`create ${JSON.stringify(order)}`)
      return Promise.resolve(written)
    },
    finalize: () => Promise.resolve(written),
    void: () => Promise.resolve(written),
    markPaid: () => Promise.resolve(written),
  }
  const context: GraphContext = {
    call: { priority: 'query', signal: new AbortController().signal, spend: () => undefined },
    index: {
      sums: (_entity, _within, filter) => {
        filters.push(filter)
        return Promise.resolve(options.sums ?? [])
      },
      page: (_entity, _within, filter, { after }) => {
        filters.push(filter)
        // Two entries a page.
        const from = after == null ? 0 : ids.indexOf(after) + 1
        const entries = ids.slice(from, from + 2).map(id => ({ id, cursor: id, record: record(id), near: 'cus_1' }))
        const hasNextPage = from + 2 < ids.length
        return Promise.resolve({
          entries,
          hasNextPage: () => Promise.resolve(hasNextPage),
          hasPreviousPage: () => Promise.resolve(from > 0),
          isComplete: options.isComplete ?? true,
          totalCount: () => Promise.resolve(ids.length),
        })
      },
    },
    links: {
      resolve: (ref: EntityRef) =>
        Promise.resolve(ref.id === '0' ? null : ref.id === 'old' ? { ...ref, id: '1' } : ref),
      entityOf: () => Promise.resolve(null),
      parentOf: ({ id }) => Promise.resolve(id === 'in_2' ? null : { type: 'Customer', id: '1' }),
      recordsOf: () => Promise.resolve([]),
      isKnown: () => Promise.resolve(false),
    },
    customers: { contactOf: () => Promise.resolve(null), answering: id => Promise.resolve(id) },
    writes: {
      write: async (intent, send) => {
        intents.push(intent)
        const [{ record: made }] = await send(stepsInMemory())
        return { type: 'Order', id: made.id }
      },
    },
  }
  const sdl = ['subgraphs/billing/schema.graphql', 'schema/shared.graphql'].map(path => readFileSync(path, 'utf8'))
  const schema = buildSubgraphSchema([
    { typeDefs: parse(sdl.join('\n')), resolvers: { ...scalars, ...billingResolvers(source) } },
  ])
  return {
    asked,
    filters,
    intents,
    context,
    run: async source => {
      const { data, errors } = await graphql({ schema, source, contextValue: context })
      // As a client reads it: objects without a prototype and dates compare as their JSON.
      const asRead: unknown = JSON.parse(JSON.stringify(data ?? null))
      return { data: asRead, errors }
    },
  }
}

describe('lists of orders', () => {
  test('ask the vendor for nothing when only ids and customers are selected', async () => {
    const { run, asked } = world()
    const { data } = await run('{ orders { totalCount isComplete nodes { id customer { id } } edges { cursor } } }')
    expect(data).toMatchObject({
      orders: { totalCount: 4, nodes: [{ id: 'in_1', customer: { id: '1' } }, { id: 'in_broken' }] },
    })
    expect(asked).toEqual([])
  })

  test('read each order once, near its customer, whatever is selected', async () => {
    const { run, asked } = world({ ids: ['in_1'] })
    const { data } = await run(
      '{ orders { nodes { number total { amount } hostedUrl createdAt lines { id } } edges { node { status } } } }',
    )
    expect(asked).toEqual(['order in_1 near cus_1', 'lines in_1'])
    expect(data).toMatchObject({ orders: { nodes: [{ number: 'N-in_1', createdAt: '1970-01-01T00:00:00.000Z' }] } })
  })

  test('give the fault of one order at its own fields, and nulls for one that is gone', async () => {
    const { run } = world({ ids: ['in_broken', 'in_gone'] })
    const { data, errors } = await run('{ orders { nodes { id number lines { id } } } }')
    expect(data).toEqual({
      orders: {
        nodes: [
          { id: 'in_broken', number: null, lines: null },
          { id: 'in_gone', number: null, lines: null },
        ],
      },
    })
    expect(errors?.map(({ path }) => path)).toEqual([
      ['orders', 'nodes', 0, 'number'],
      ['orders', 'nodes', 0, 'lines'],
    ])
  })

  test('pass their filters on in the words of the index', async () => {
    const { run, filters } = world()
    await run(
      '{ orders(filter: { status: [OPEN], customer: "5", email: "a@b.c", changedSince: "2026-01-01T00:00:00Z" }) { isComplete } products(filter: { isActive: true }) { isComplete } }',
    )
    expect(filters).toMatchObject([
      {
        status: ['OPEN'],
        email: 'a@b.c',
        changedSince: new Date('2026-01-01'),
        parents: [{ type: 'Customer', id: '5' }],
      },
      { isClosed: false },
    ])
  })

  test('pass on ranges as instants and amounts, to the page and to its sums', async () => {
    const { run, filters } = world()
    await run(
      `{ orders(filter: {
        number: "A-1", created: { from: "2026-01-01T00:00:00+01:00" }, due: { before: "2026-02-01T00:00:00Z" },
        total: { currency: "EUR", min: 5, max: 9007199254740991 }
      }) { sums { count } } }`,
    )
    const asked = {
      number: 'A-1',
      created: { from: new Date('2025-12-31T23:00:00Z') },
      due: { before: new Date('2026-02-01') },
      total: { currency: 'EUR', min: 5, max: 9007199254740991 },
    }
    expect(filters).toMatchObject([asked, asked])
  })

  test('have sums that are exact, or an error at the amount that is not', async () => {
    const amounts = { total: 5n, amountPaid: 0n, amountRemaining: 5n }
    const sums: IndexSum[] = [
      { status: 'OPEN', currency: 'EUR', count: 2, ...amounts, amountPaid: null },
      { status: 'PAID', currency: 'EUR', count: 3, ...amounts, total: 2n ** 53n },
      { status: 'NEW WORD', currency: null, count: 1, ...amounts, total: null },
    ]
    const { data, errors } = await world({ sums }).run(
      '{ orders { sums { status currency count total { amount currency } amountPaid { amount } amountRemaining { amount } } } }',
    )
    expect(data).toEqual({
      orders: {
        sums: [
          {
            status: 'OPEN',
            currency: 'EUR',
            count: 2,
            total: { amount: 5, currency: 'EUR' },
            amountPaid: null,
            amountRemaining: { amount: 5 },
          },
          {
            status: 'PAID',
            currency: 'EUR',
            count: 3,
            total: null,
            amountPaid: { amount: 0 },
            amountRemaining: { amount: 5 },
          },
          { status: null, currency: null, count: 1, total: null, amountPaid: null, amountRemaining: null },
        ],
      },
    })
    expect(errors?.map(({ path, extensions }) => ({ path, extensions }))).toEqual([
      { path: ['orders', 'sums', 0, 'amountPaid'], extensions: { code: 'SYSTEM_UNREADABLE', isRetryable: false } },
      { path: ['orders', 'sums', 1, 'total'], extensions: { code: 'AMOUNT_TOO_LARGE', isRetryable: false } },
    ])
    expect(errors?.[1]?.message).toContain('the sum 9007199254740992 is more than a SafeInt holds')
  })
})

describe('entities', () => {
  test('follow aliases, and are null when they are gone', async () => {
    const { run } = world()
    const { data } = await run(
      '{ _entities(representations: [{ __typename: "Customer", id: "old" }, { __typename: "Order", id: "0" }]) { ... on Customer { id } ... on Order { id } } }',
    )
    expect(data).toEqual({ _entities: [{ id: '1' }, null] })
  })

  test('an order belonging to nobody the CRM knows has no customer', async () => {
    const { run } = world()
    expect(
      (await run('{ order(id: "in_2") { customer { id } lines { product { id name } } } gone: order(id: "0") { id } }'))
        .data,
    ).toEqual({
      order: { customer: null, lines: [{ product: { id: 'prod_1', name: null } }] },
      gone: null,
    })
  })

  test('balances add up the open orders over all pages, one entry a currency', async () => {
    const balances =
      '{ _entities(representations: [{ __typename: "Customer", id: "1" }]) { ... on Customer { balances { currency outstanding { amount } credit { amount } } } } }'
    const { run, filters } = world({ ids: ['in_1', 'in_gone', 'in_2'] })
    expect((await run(balances)).data).toEqual({
      _entities: [
        {
          balances: [
            { currency: 'EUR', outstanding: { amount: 123 }, credit: { amount: 0 } },
            { currency: 'USD', outstanding: { amount: 0 }, credit: { amount: 7 } },
          ],
        },
      ],
    })
    expect(filters).toEqual([{ status: ['OPEN'] }, { status: ['OPEN'] }])
    const { data } = await world({ isComplete: false, ids: ['in_1'] }).run(balances)
    expect(data).toMatchObject({ _entities: [{ balances: [{ outstanding: null }, { outstanding: null }] }] })
  })
})

describe('mutations', () => {
  const create = (lines: string, more = ''): string =>
    `mutation { createOrder(input: { customerId: "old", currency: "EUR", lines: ${lines} ${more} }) { order { id number } } }`

  test('createOrder writes for the living customer and answers with the order it made', async () => {
    const { run, asked, intents } = world()
    const { data } = await run(
      create('[{ priceId: "price_1" }, { description: "Travel", unitAmount: 5, quantity: 2 }]'),
    )
    expect(data).toEqual({ createOrder: { order: { id: 'in_new', number: 'N-in_new' } } })
    expect(intents).toMatchObject([{ role: 'billing', entity: 'Order' }])
    expect(JSON.parse(asked[0]?.slice('create '.length) ?? '')).toEqual({
      customerId: '1',
      currency: 'EUR',
      lines: [
        { priceId: 'price_1', quantity: '1' },
        { description: 'Travel', unitAmount: 5, quantity: '2' },
      ],
      daysUntilDue: 30,
      memo: null,
      finalize: false,
    })
  })

  test.each([
    ['no line', create('[]')],
    ['a line that is neither', create('[{ description: "Travel" }]')],
    ['a line that is both', create('[{ priceId: "price_1", description: "Travel", unitAmount: 5 }]')],
    ['no quantity', create('[{ priceId: "price_1", quantity: 0 }]')],
    ['a due day before today', create('[{ priceId: "price_1" }]', 'daysUntilDue: -1')],
    ['a due day beyond a hundred years', create('[{ priceId: "price_1" }]', 'daysUntilDue: 36501')],
    ['nobody', create('[{ priceId: "price_1" }]').replace('"old"', '"0"')],
  ])('%s is bad input, and nothing is written', async (_, mutation) => {
    const { run, intents } = world()
    const { errors } = await run(mutation)
    expect(errors).toMatchObject([{ message: textWith('expected'), extensions: { code: 'BAD_USER_INPUT' } }])
    expect(intents).toEqual([])
  })

  test('an order that is gone is not found, and nothing is written', async () => {
    const { run, intents } = world()
    const { errors } = await run('mutation { voidOrder(input: { id: "0" }) { order { id } } }')
    expect(errors).toMatchObject([{ message: textWith('expected'), extensions: { code: 'NOT_FOUND' } }])
    expect(intents).toEqual([])
  })

  test.each(['finalizeOrder', 'voidOrder', 'markOrderPaid'])(
    '%s names the order and the status it writes',
    async name => {
      const { run, intents } = world()
      await run(`mutation { ${name}(input: { id: "in_1" }) { order { id } } }`)
      expect(intents).toMatchObject([{ role: 'billing', entity: 'Order', id: 'in_1', fields: listWith('status') }])
    },
  )
})

function textWith(part: string): unknown {
  return expect.stringContaining(part)
}

function listWith(item: string): unknown {
  return expect.arrayContaining([item])
}
