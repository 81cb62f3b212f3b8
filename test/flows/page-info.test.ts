import { expect, test } from 'vitest'
import { setPhone } from './frames.ts'
import { at, idsAt, listAt, textAt } from './reading.ts'
import { startWorld, type World } from './world.ts'

/** Every connection of the graph: how it is asked, with a filter under which fewer entries are of it. */
const connections: Readonly<Record<string, readonly [path: string, ask: (page: string) => string]>> = {
  customers: ['customers', page => `customers(${page})`],
  'customers by e-mail': ['customers', page => `customers(${page}, filter: { email: "ada.larkin@example.com" })`],
  orders: ['orders', page => `orders(${page})`],
  'orders by status': ['orders', page => `orders(${page}, filter: { status: VOID })`],
  jobs: ['jobs', page => `jobs(${page})`],
  'jobs by state': ['jobs', page => `jobs(${page}, filter: { isCompleted: true })`],
  products: ['products', page => `products(${page})`],
  'products by state': ['products', page => `products(${page}, filter: { isActive: false })`],
  'a customer’s orders': ['customer.orders', page => `customer(id: "101") { orders(${page}) `],
  'a customer’s jobs': [
    'customer.jobs',
    page => `customer(id: "101") { jobs(${page}, filter: { isCompleted: false }) `,
  ],
  deliveries: ['deliveries', page => `deliveries(${page})`],
  'deliveries by tool': ['deliveries', page => `deliveries(${page}, system: "hubspot")`],
  'unlinked records': ['unlinkedRecords', page => `unlinkedRecords(${page})`],
  'unlinked records by tool': ['unlinkedRecords', page => `unlinkedRecords(${page}, system: "stripe")`],
}

interface Page {
  readonly cursors: readonly string[]
  readonly hasNextPage: unknown
  readonly hasPreviousPage: unknown
  readonly totalCount: unknown
}

async function readPage(world: World, name: string, page: string): Promise<Page> {
  const [path = '', ask = String] = connections[name] ?? []
  const asked = ask(page)
  const selection = '{ edges { cursor } pageInfo { hasNextPage hasPreviousPage } totalCount }'
  const data = at(
    await world.data(`{ ${asked} ${selection} ${asked.includes('{ orders') || asked.includes('{ jobs') ? '}' : ''} }`),
    path,
  )
  return {
    cursors: listAt(data, 'edges').map(edge => textAt(edge, 'cursor')),
    hasNextPage: at(data, 'pageInfo.hasNextPage'),
    hasPreviousPage: at(data, 'pageInfo.hasPreviousPage'),
    totalCount: at(data, 'totalCount'),
  }
}

/** Names of lists without a filter, whose cursors are tried in the lists with one. */
const whole = (name: string): string => name.replace(/ by .*/, '')

test('every connection says of both sides of a page what a page there has', async () => {
  const world = await startWorld()
  for (const number of [1, 2, 3]) setPhone(world, number, '102')
  world.tools.stripe.createCustomer({ email: 'stranger@example.com' })
  await world.settled()
  for (const name of Object.keys(connections)) {
    const { cursors } = await readPage(world, whole(name), 'first: 100')
    const all = await readPage(world, name, 'first: 100')
    expect([name, all.hasNextPage, all.hasPreviousPage, all.totalCount]).toEqual([
      name,
      false,
      false,
      all.cursors.length,
    ])
    const [newest, middle, oldest] = [cursors[0], cursors[Math.floor(cursors.length / 2)], cursors.at(-1)]
    const places = [newest, middle, oldest].flatMap(cursor => (cursor === undefined ? [] : [`"${cursor}"`]))
    const pages = [
      'first: 2',
      'last: 2',
      ...places.flatMap(place => [
        `first: 2, after: ${place}`,
        `last: 2, before: ${place}`,
        `first: 1, before: ${place}`,
        `last: 1, after: ${place}`,
      ]),
    ]
    for (const page of pages) {
      const { cursors: own, hasNextPage, hasPreviousPage, totalCount } = await readPage(world, name, page)
      expect([name, totalCount]).toEqual([name, all.totalCount])
      const [start, end] = [own[0], own.at(-1)]
      if (start === undefined || end === undefined) continue
      const next = await readPage(world, name, `first: 1, after: "${end}"`)
      const previous = await readPage(world, name, `last: 1, before: "${start}"`)
      expect([name, page, hasNextPage, hasPreviousPage]).toEqual([
        name,
        page,
        next.cursors.length > 0,
        previous.cursors.length > 0,
      ])
    }
  }
})

test('a page of no entries has the count, and says whether there are any', async () => {
  const world = await startWorld()
  for (const name of Object.keys(connections)) {
    const all = await readPage(world, name, 'first: 100')
    const isAny = all.cursors.length > 0
    const none = { cursors: [], totalCount: all.totalCount }
    expect([name, await readPage(world, name, 'first: 0')]).toEqual([
      name,
      { ...none, hasNextPage: isAny, hasPreviousPage: false },
    ])
    expect([name, await readPage(world, name, 'last: 0')]).toEqual([
      name,
      { ...none, hasNextPage: false, hasPreviousPage: isAny },
    ])
  }
})

test('a cursor alone gives what stands right beside it, on its side', async () => {
  const world = await startWorld()
  const ids = idsAt(await world.data('{ orders(first: 100) { nodes { id } } }'), 'orders.nodes')
  const cursors = listAt(await world.data('{ orders(first: 100) { edges { cursor } } }'), 'orders.edges').map(edge =>
    textAt(edge, 'cursor'),
  )
  const page = async (asked: string) => idsAt(await world.data(`{ orders(${asked}) { nodes { id } } }`), 'orders.nodes')
  expect(await page(`before: "${cursors[30]}"`)).toEqual(ids.slice(10, 30))
  expect(await page(`after: "${cursors[30]}"`)).toEqual(ids.slice(31, 51))
  expect(await page(`after: "${cursors[10]}", before: "${cursors[13]}"`)).toEqual(ids.slice(11, 13))
  expect(await page(`first: 3, before: "${cursors[30]}"`)).toEqual(ids.slice(0, 3))
})

test('the newest order, which is not void, is not before the void ones', async () => {
  const world = await startWorld()
  const { cursors } = await readPage(world, 'orders', 'first: 1')
  const page = await readPage(world, 'orders by status', `first: 2, after: "${cursors[0]}"`)
  expect(page.hasPreviousPage).toBe(false)
})
