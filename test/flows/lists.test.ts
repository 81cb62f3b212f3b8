import { expect, test } from 'vitest'
import { askElsewhere, at, codes, idsAt, listAt, textAt } from './reading.ts'
import { startWorld, type World } from './world.ts'

const roots = ['customers', 'orders', 'jobs', 'products'] as const

/** A list by its path from the query's root; `page` becomes its arguments. */
const lists: Readonly<Record<string, (page: string) => string>> = {
  customers: page => `customers(${page})`,
  orders: page => `orders(${page})`,
  jobs: page => `jobs(${page})`,
  products: page => `products(${page})`,
  'customer.orders': page => `customer(id: "101") { orders(${page})`,
  'customer.jobs': page => `customer(id: "101") { jobs(${page})`,
  'order.jobs': page => `order(id: "ORDER") { jobs(${page})`,
}

const selection = `{ nodes { id } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount isComplete }`

function queryOf(path: string, page: string, order: string): string {
  const nested = path.includes('.')
  return `{ ${lists[path]?.(page).replace('ORDER', order) ?? ''} ${selection} ${nested ? '}' : ''} }`
}

/** Every id of the list, walked to its end in pages of the size, from the start or from the end. */
async function walk(
  world: World,
  path: string,
  order: string,
  { size, isBackward, sort }: Walk,
): Promise<readonly string[]> {
  const pages: (readonly string[])[] = []
  for (let cursor: string | null = null; ;) {
    const [amount, place] = isBackward ? ['last', 'before'] : ['first', 'after']
    const page = `${amount}: ${size}, order: ${sort}${cursor === null ? '' : `, ${place}: "${cursor}"`}`
    const answer = await world.data(queryOf(path, page, order))
    const ids = idsAt(answer, `${path}.nodes`)
    pages.push(ids)
    expect(listAt(answer, `${path}.edges`).length).toBe(ids.length)
    expect(at(answer, `${path}.isComplete`)).toBe(true)
    expect(at(answer, `${path}.pageInfo.${isBackward ? 'hasNextPage' : 'hasPreviousPage'}`)).toBe(cursor !== null)
    if (at(answer, `${path}.pageInfo.${isBackward ? 'hasPreviousPage' : 'hasNextPage'}`) !== true) {
      return (isBackward ? pages.toReversed() : pages).flat()
    }
    expect(ids.length).toBe(size)
    cursor = textAt(answer, `${path}.pageInfo.${isBackward ? 'startCursor' : 'endCursor'}`)
  }
}

interface Walk {
  readonly size: number
  readonly isBackward: boolean
  readonly sort: 'NEWEST_FIRST' | 'OLDEST_FIRST'
}

test('every list, paged either way in either order, gives each entity once and in its order', async () => {
  const world = await startWorld()
  const first = await world.data(`{ jobs(first: 100) { nodes { id order { id } } } orders(first: 1) { totalCount } }`)
  const order = /"order":\{"id":"([^"]+)"/.exec(JSON.stringify(first))?.[1] ?? ''
  for (const path of Object.keys(lists)) {
    const whole = await world.data(queryOf(path, 'first: 100', order))
    const newestFirst = idsAt(whole, `${path}.nodes`)
    expect(at(whole, `${path}.totalCount`)).toBe(newestFirst.length)
    expect(new Set(newestFirst).size).toBe(newestFirst.length)
    expect(newestFirst.length).toBeGreaterThan(0)
    for (const size of [3, 7, 100]) {
      for (const isBackward of [false, true]) {
        expect(await walk(world, path, order, { size, isBackward, sort: 'NEWEST_FIRST' })).toEqual(newestFirst)
      }
    }
    const oldestFirst = newestFirst.toReversed()
    expect(await walk(world, path, order, { size: 7, isBackward: false, sort: 'OLDEST_FIRST' })).toEqual(oldestFirst)
    expect(await walk(world, path, order, { size: 7, isBackward: true, sort: 'OLDEST_FIRST' })).toEqual(oldestFirst)
  }
})

test('lists hold what the tools hold, newest first, and filters pick what they say', async () => {
  const world = await startWorld()
  const { hubspot, stripe, asana } = {
    hubspot: world.tools.hubspot.snapshot().contacts,
    stripe: [...world.tools.stripe.snapshot().invoices].map(({ head }) => head),
    asana: world.tools.asana.snapshot().tasks,
  }
  const all = await world.data(
    `{ customers(first: 100) { nodes { id createdAt } } orders(first: 100) { nodes { id createdAt } } jobs(first: 100) { nodes { id createdAt } } }`,
  )
  expect(idsAt(all, 'customers.nodes').toSorted()).toEqual(hubspot.map(({ id }) => id).toSorted())
  expect(idsAt(all, 'orders.nodes').toSorted()).toEqual(stripe.map(({ id }) => id).toSorted())
  expect(idsAt(all, 'jobs.nodes').toSorted()).toEqual(asana.map(({ gid }) => gid).toSorted())
  for (const list of ['customers', 'orders', 'jobs']) {
    const times = listAt(all, `${list}.nodes`).map(node => textAt(node, 'createdAt'))
    expect(times).toEqual(times.toSorted().toReversed())
  }
  const since = new Date(Date.now() - 200 * 86_400_000)
  const filtered = await world.data(
    `query($since: DateTime) {
      leads: customers(first: 100, filter: { lifecycleStage: [LEAD, OPPORTUNITY] }) { nodes { id } totalCount }
      recent: customers(first: 100, filter: { changedSince: $since }) { nodes { id } totalCount }
      settled: orders(first: 100, filter: { status: [PAID, VOID] }) { nodes { id } totalCount }
      none: orders(filter: { status: [] }) { nodes { id } totalCount }
      waiting: jobs(first: 100, filter: { status: ["Scheduled", "Requested"] }) { nodes { id } totalCount }
      done: jobs(first: 100, filter: { isCompleted: true }) { nodes { id } totalCount }
      changed: jobs(first: 100, filter: { changedSince: $since }) { nodes { id } totalCount }
      sold: products(first: 100, filter: { isActive: true }) { totalCount }
      unsold: products(first: 100, filter: { isActive: false }) { totalCount }
      addressed: orders(first: 100, filter: { email: " ADA.Larkin@example.com" }) { nodes { id billTo { email } } totalCount }
    }`,
    { since: since.toISOString() },
  )
  const expected: Readonly<Record<string, readonly string[]>> = {
    leads: hubspot.filter(one => one.properties['lifecyclestage'] !== 'customer').map(({ id }) => id),
    recent: hubspot.filter(({ updatedAt }) => updatedAt >= since).map(({ id }) => id),
    settled: stripe.filter(({ status }) => status === 'paid' || status === 'void').map(({ id }) => id),
    none: [],
    waiting: asana
      .filter(({ memberships }) => ['201', '202'].includes(memberships[0]?.sectionGid ?? ''))
      .map(({ gid }) => gid),
    done: asana.filter(({ completedAt }) => completedAt !== null).map(({ gid }) => gid),
    changed: asana.filter(({ modifiedAt }) => modifiedAt >= since).map(({ gid }) => gid),
    addressed: stripe.filter(one => one.customer_email === 'ada.larkin@example.com').map(({ id }) => id),
  }
  for (const [list, ids] of Object.entries(expected)) {
    expect([list, idsAt(filtered, `${list}.nodes`).toSorted()]).toEqual([list, ids.toSorted()])
    expect([list, at(filtered, `${list}.totalCount`)]).toEqual([list, ids.length])
  }
  expect([at(filtered, 'sold.totalCount'), at(filtered, 'unsold.totalCount')]).toEqual([23, 2])
})

test('a list is right the moment a webhook was worked on, and pages begun before go on', async () => {
  const world = await startWorld()
  const page = await world.data(`{ customers(first: 5) { nodes { id } pageInfo { endCursor } totalCount } }`)
  const next = `query($after: String) { customers(first: 100, after: $after) { nodes { id } } }`
  const rest = idsAt(await world.data(next, { after: at(page, 'customers.pageInfo.endCursor') }), 'customers.nodes')
  const created = world.tools.hubspot.createContact({ email: 'new@example.net', firstname: 'New' })
  const [gone = '', kept = ''] = rest
  world.tools.hubspot.deleteContact(gone)
  world.tools.hubspot.updateContact(kept, { email: 'moved@example.net' })
  await world.settled()
  const after = await askElsewhere(
    world,
    `{ customers(first: 1) { nodes { id } totalCount } byEmail: customers(filter: { email: "moved@example.net" }) { nodes { id } } }`,
  )
  expect(after).toEqual({
    customers: { nodes: [{ id: created.id }], totalCount: at(page, 'customers.totalCount') },
    byEmail: { nodes: [{ id: kept }] },
  })
  expect(idsAt(await world.data(next, { after: at(page, 'customers.pageInfo.endCursor') }), 'customers.nodes')).toEqual(
    rest.slice(1),
  )
})

test('cursors and sizes that no page gave are refused', async () => {
  const world = await startWorld()
  const unlinked = await world.data(`{ unlinkedRecords(first: 1) { edges { cursor } } }`)
  const foreign = textAt(unlinked, 'unlinkedRecords.edges.0.cursor')
  const refused = [
    ...[
      '',
      'x',
      'aTE6',
      '1',
      '\u0000',
      'é',
      Buffer.from('i1:Order:1:1; drop table records').toString('base64url'),
      foreign,
    ].flatMap(cursor => [`first: 2, after: ${JSON.stringify(cursor)}`, `last: 2, before: ${JSON.stringify(cursor)}`]),
    'first: -1',
    'first: 101',
    'last: -1',
    'last: 101',
    'first: 2, last: 2',
  ]
  for (const root of roots) {
    const answer = await world.ask(
      `{ ${refused.map((page, index) => `l${index}: ${root}(${page}) { totalCount }`).join(' ')} }`,
    )
    expect([root, codes(answer)]).toEqual([root, refused.map(() => 'BAD_USER_INPUT')])
  }
  const orders = textAt(await world.data('{ orders(first: 1) { edges { cursor } } }'), 'orders.edges.0.cursor')
  const answer = await world.ask(`{ customers(first: 2, after: ${JSON.stringify(orders)}) { totalCount } }`)
  expect(codes(answer)).toEqual(['BAD_USER_INPUT'])
  const badUnlinked = await world.ask(
    `{ a: unlinkedRecords(first: 101) { totalCount } b: unlinkedRecords(after: "x") { totalCount } }`,
  )
  expect(codes(badUnlinked)).toEqual(['BAD_USER_INPUT', 'BAD_USER_INPUT'])
  const ofStatuses = `query($of: [String!]) { jobs(filter: { status: $of }) { totalCount } }`
  const statuses = Array.from({ length: 1_000 }, (_, at) => `stage ${at}`)
  expect(codes(await world.ask(ofStatuses, { of: statuses }))).toEqual(['BAD_USER_INPUT'])
  expect(codes(await world.ask(ofStatuses, { of: statuses.slice(0, 100) }))).toEqual([])
})

test('a text finds customers by name, e-mail, phone and company, at most two seconds old', async () => {
  const world = await startWorld()
  const search = `query($text: String!) { searchCustomers(text: $text) { id name orders(first: 1) { totalCount } } }`
  for (const text of ['Larkin', 'ada.larkin@example.com', 'ada']) {
    expect(idsAt(await world.data(search, { text }), 'searchCustomers')).toContain('101')
  }
  expect(await world.data(search, { text: 'nobody of this name' })).toEqual({ searchCustomers: [] })
  for (const text of ['', '  ', 'x'.repeat(201)]) {
    expect(codes(await world.ask(search, { text }))).toEqual(['BAD_USER_INPUT'])
  }
  const calls = () => world.tools.hubspot.requests.count('POST /crm/v3/objects/contacts/search')
  const before = calls()
  await Promise.all(Array.from({ length: 20 }, () => world.data(search, { text: 'Larkin' })))
  expect(calls() - before).toBeLessThanOrEqual(1)
  world.tools.hubspot.updateContact('102', { lastname: 'Larkinson' })
  await expect
    .poll(async () => idsAt(await world.data(search, { text: 'Larkinson' }), 'searchCustomers'), { timeout: 2500 })
    .toEqual(['102'])
  world.tools.hubspot.deleteContact('102')
  await world.settled()
  expect(idsAt(await world.data(search, { text: 'Larkinson' }), 'searchCustomers')).toEqual([])
})
