import { expect, test } from 'vitest'
import { at, idsAt, listAt, silentWorld, textAt } from './reading.ts'
import { startWorld, type World } from './world.ts'

const day = (date: Date): string => date.toISOString().slice(0, 10)
const inDays = (days: number): Date => new Date(Date.now() + days * 86_400_000)

/** Everything by its id, read of each tool through the graph. */
async function everything(world: World) {
  const data = await world.data(`{
    orders(first: 100) { nodes { id number status createdAt dueAt total { amount currency } amountRemaining { amount } } }
    jobs(first: 100) { nodes { id schedule { startsOn endsOn } assignee { id } isCompleted } }
    customers(first: 100) { nodes { id name } }
  }`)
  const list = (name: string) => listAt(data, `${name}.nodes`)
  return { orders: list('orders'), jobs: list('jobs'), customers: list('customers') }
}

test('what the demo holds is found by each filter, and every list is what its values say', async () => {
  const world = await startWorld()
  const { orders, jobs, customers } = await everything(world)
  const ids = (nodes: readonly unknown[], isIn: (node: unknown) => boolean) =>
    nodes
      .filter(isIn)
      .map(node => textAt(node, 'id'))
      .toSorted()
  const [now, later] = [new Date(), inDays(30)]
  const currency = textAt(
    orders.find(order => at(order, 'total') !== null),
    'total.currency',
  )
  const numbered = orders.find(order => at(order, 'number') !== null)
  const assignee = textAt(
    jobs.find(job => at(job, 'assignee') !== null),
    'assignee.id',
  )
  const name = textAt(customers[0], 'name')
  const variables = {
    now: now.toISOString(),
    later: later.toISOString(),
    today: day(now),
    month: day(inDays(-30)),
    number: textAt(numbered, 'number').toLowerCase(),
    currency,
    assignee,
    name: name.split(' ').at(-1)?.slice(0, 4),
  }
  const found = await world.data(
    `query($now: DateTime, $later: DateTime, $today: Date, $month: Date, $number: String, $currency: Currency!, $assignee: ID, $name: String) {
      number: orders(filter: { number: $number }) { nodes { id } }
      overdue: orders(first: 100, filter: { due: { before: $now }, status: OPEN }) { nodes { id } totalCount }
      soon: orders(first: 100, filter: { due: { from: $now, before: $later } }) { nodes { id } }
      recent: orders(first: 100, filter: { created: { before: $now } }) { nodes { id } }
      dear: orders(first: 100, filter: { total: { currency: $currency, min: 50000 } }) { nodes { id } }
      month: jobs(first: 100, filter: { schedule: { from: $month, to: $today } }) { nodes { id } }
      coming: jobs(first: 100, filter: { schedule: { from: $today }, isCompleted: false }) { nodes { id } }
      unplanned: jobs(first: 100, filter: { isScheduled: false }) { nodes { id } }
      theirs: jobs(first: 100, filter: { assignee: $assignee }) { nodes { id } }
      free: jobs(first: 100, filter: { isAssigned: false }) { nodes { id } }
      named: customers(first: 100, filter: { namePrefix: $name }) { nodes { id name } }
      all: orders { totalCount sums { status currency count total { amount } amountRemaining { amount } } }
    }`,
    variables,
  )
  const dueAt = (order: unknown) => (at(order, 'dueAt') === null ? null : new Date(textAt(order, 'dueAt')))
  const isDue = (order: unknown, from: Date | null, before: Date) => {
    const due = dueAt(order)
    return due !== null && due < before && (from === null || due >= from)
  }
  const days = (job: unknown) => {
    if (at(job, 'schedule') === null) return null
    const last = textAt(job, 'schedule.endsOn')
    return { first: at(job, 'schedule.startsOn') === null ? last : textAt(job, 'schedule.startsOn'), last }
  }
  const isOn = (job: unknown, from: string, to: string) => {
    const planned = days(job)
    return planned !== null && planned.first <= to && planned.last >= from
  }
  const right = {
    number: ids(orders, order => order === numbered),
    overdue: ids(orders, order => at(order, 'status') === 'OPEN' && isDue(order, null, now)),
    soon: ids(orders, order => isDue(order, now, later)),
    recent: ids(orders, order => new Date(textAt(order, 'createdAt')) < now),
    dear: ids(
      orders,
      order => textAt(order, 'total.currency') === currency && Number(at(order, 'total.amount')) >= 50_000,
    ),
    month: ids(jobs, job => isOn(job, variables.month, variables.today)),
    coming: ids(jobs, job => at(job, 'isCompleted') === false && isOn(job, variables.today, '9')),
    unplanned: ids(jobs, job => at(job, 'schedule') === null),
    theirs: ids(jobs, job => at(job, 'assignee') !== null && at(job, 'assignee.id') === assignee),
    free: ids(jobs, job => at(job, 'assignee') === null),
  }
  for (const [list, those] of Object.entries(right)) {
    expect([list, idsAt(found, `${list}.nodes`).toSorted()]).toEqual([list, those])
    // A filter that finds nothing in the demo shows no one what it does.
    expect([list, those.length]).not.toEqual([list, 0])
  }
  expect(listAt(found, 'named.nodes').map(node => textAt(node, 'name'))).toContain(name)
  const sums = listAt(found, 'all.sums')
  expect(sums.reduce<number>((count, sum) => count + Number(at(sum, 'count')), 0)).toBe(at(found, 'all.totalCount'))
  for (const sum of sums) {
    const those = orders.filter(
      order => at(order, 'status') === at(sum, 'status') && at(order, 'total.currency') === at(sum, 'currency'),
    )
    const added = (path: string) => those.reduce<number>((total, order) => total + Number(at(order, path)), 0)
    expect(at(sum, 'total.amount')).toBe(added('total.amount'))
    expect(at(sum, 'amountRemaining.amount')).toBe(added('amountRemaining.amount'))
  }
})

test('a write of ours is in the lists of its values at once, and in no other', async () => {
  const world = await startWorld()
  const { job } = await world
    .data(
      `mutation { createJob(input: { title: "Filtered", schedule: { startsOn: "2031-05-05", endsOn: "2031-05-07" } }) { job { id } } }`,
    )
    .then(data => ({ job: textAt(data, 'createJob.job.id') }))
  const on = async (date: string) =>
    idsAt(
      await world.data(`{ jobs(filter: { schedule: { from: "${date}", to: "${date}" } }) { nodes { id } } }`),
      'jobs.nodes',
    )
  expect(await on('2031-05-06')).toEqual([job])
  await world.data(
    `mutation { updateJob(input: { id: "${job}", schedule: { startsOn: "2031-06-01", endsOn: "2031-06-01" } }) { job { id } } }`,
  )
  expect(await on('2031-05-06')).toEqual([])
  expect(await on('2031-06-01')).toEqual([job])
  await world.data(`mutation { updateJob(input: { id: "${job}", schedule: null }) { job { id } } }`)
  expect(await on('2031-06-01')).toEqual([])
  expect(
    idsAt(await world.data(`{ jobs(first: 1, filter: { isScheduled: false }) { nodes { id } } }`), 'jobs.nodes'),
  ).toEqual([job])
  const created = await world.data(
    `mutation { createCustomer(input: { name: "Zoë Überall", email: "zoe@example.net" }) { customer { id } } }`,
  )
  const id = textAt(created, 'createCustomer.customer.id')
  const named = async (prefix: string) =>
    idsAt(await world.data(`{ customers(filter: { namePrefix: "${prefix}" }) { nodes { id } } }`), 'customers.nodes')
  expect(await named('zoe ub')).toEqual([id])
  await world.data(`mutation { updateCustomer(input: { id: "${id}", name: "Zoë Anders" }) { customer { id } } }`)
  expect([await named('ubera'), await named('anders')]).toEqual([[], [id]])
  const order = await world.data(
    `mutation { createOrder(input: { customerId: "${id}", currency: "EUR", daysUntilDue: 400, finalize: true,
      lines: [{ description: "Work", unitAmount: 123457 }] }) { order { id number dueAt } } }`,
  )
  const orderId = textAt(order, 'createOrder.order.id')
  const sums = `{ customer(id: "${id}") { orders(filter: { due: { from: "${inDays(399).toISOString()}" }, number: "${textAt(order, 'createOrder.order.number')}" })
    { nodes { id } sums { status currency count amountRemaining { amount } } } } }`
  const open = { currency: 'EUR', count: 1 }
  expect(await world.data(sums)).toEqual({
    customer: {
      orders: { nodes: [{ id: orderId }], sums: [{ ...open, status: 'OPEN', amountRemaining: { amount: 123_457 } }] },
    },
  })
  await world.data(`mutation { markOrderPaid(input: { id: "${orderId}" }) { order { id } } }`)
  expect(await world.data(sums)).toEqual({
    customer: {
      orders: { nodes: [{ id: orderId }], sums: [{ ...open, status: 'PAID', amountRemaining: { amount: 0 } }] },
    },
  })
})

test('what no webhook told of is in the lists of its values after a sweep', async () => {
  const world = await silentWorld()
  const { jobs } = await everything(world)
  const id = textAt(jobs[0], 'id')
  world.tools.asana.updateTask(id, { dueOn: '2032-02-29', startOn: null, assigneeGid: null })
  const contact = world.tools.hubspot.snapshot().contacts[0]?.id ?? ''
  world.tools.hubspot.updateContact(contact, { firstname: 'Ünlü', lastname: 'Swept' })
  const signal = new AbortController().signal
  expect(await world.gateway.sweeping.run({ system: null, tell: () => undefined, signal })).toBe('done')
  await world.gateway.processor.idle()
  const found = await world.data(`{
    jobs(filter: { schedule: { from: "2032-02-29", to: "2032-02-29" }, isAssigned: false }) { nodes { id } }
    customers(filter: { namePrefix: "unlu sw" }) { nodes { id } }
  }`)
  expect(found).toEqual({ jobs: { nodes: [{ id }] }, customers: { nodes: [{ id: contact }] } })
})
