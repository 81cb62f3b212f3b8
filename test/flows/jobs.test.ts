import { expect, test } from 'vitest'
import { askElsewhere, at, codes, idsAt, silentWorld, textAt } from './reading.ts'

const jobFields = `id title status isCompleted description schedule { startsOn startsAt endsOn endsAt } assignee { id name } customer { id name } order { id number } completedAt`

const listed = `query($order: ID!) {
  newest: jobs(first: 1) { nodes { id } totalCount }
  ofCustomer: customer(id: "101") { jobs(first: 1) { nodes { id } totalCount } }
  ofOrder: order(id: $order) { jobs { nodes { id } } }
  scheduled: jobs(first: 100, filter: { status: ["Scheduled"] }) { nodes { id } totalCount }
  working: jobs(first: 100, filter: { status: ["In progress"] }) { nodes { id } totalCount }
  done: jobs(first: 100, filter: { isCompleted: true, customer: "101" }) { nodes { id } }
}`

test('a job goes from created to done, and each step is in the jobs tool and in every list at once', async () => {
  const world = await silentWorld()
  const [order = ''] = idsAt(
    await world.data(`{ customer(id: "101") { orders(first: 1) { nodes { id } } } }`),
    'customer.orders.nodes',
  )
  const before = await askElsewhere(world, listed, { order })
  const created = await world.data(
    `mutation($input: CreateJobInput!) { createJob(input: $input) { job { ${jobFields} } } }`,
    {
      input: {
        title: 'Bleed radiators',
        description: 'All of them.',
        status: 'Scheduled',
        schedule: { startsOn: '2030-03-04', endsOn: '2030-03-06' },
        assigneeId: '302',
        customerId: '101',
        orderId: order,
      },
    },
  )
  const id = textAt(created, 'createJob.job.id')
  expect(at(created, 'createJob.job')).toMatchObject({
    id,
    title: 'Bleed radiators',
    description: 'All of them.',
    status: 'Scheduled',
    isCompleted: false,
    schedule: { startsOn: '2030-03-04', startsAt: null, endsOn: '2030-03-06', endsAt: null },
    assignee: { id: '302', name: 'Nina Holt' },
    customer: { id: '101', name: 'Ada Larkin' },
    order: { id: order },
    completedAt: null,
  })
  const task = world.tools.asana.task(id)
  expect(task).toMatchObject({
    name: 'Bleed radiators',
    notes: 'All of them.',
    assigneeGid: '302',
    startOn: '2030-03-04',
    dueOn: '2030-03-06',
    memberships: [{ projectGid: '99', sectionGid: '202' }],
  })
  expect([task?.texts.get('123'), task?.texts.get('124')]).toEqual(['101', order])
  const after = await askElsewhere(world, listed, { order })
  expect(after).toMatchObject({
    newest: { nodes: [{ id }], totalCount: Number(at(before, 'newest.totalCount')) + 1 },
    ofCustomer: { jobs: { nodes: [{ id }], totalCount: Number(at(before, 'ofCustomer.jobs.totalCount')) + 1 } },
    scheduled: { totalCount: Number(at(before, 'scheduled.totalCount')) + 1 },
  })
  expect(idsAt(after, 'ofOrder.jobs.nodes')).toContain(id)

  const updated = await world.data(
    `mutation($id: ID!) { updateJob(input: { id: $id, status: "In progress", description: null, schedule: { endsAt: "2030-03-06T10:00:00Z" }, assigneeId: null }) { job { ${jobFields} } } }`,
    { id },
  )
  expect(at(updated, 'updateJob.job')).toMatchObject({
    title: 'Bleed radiators',
    status: 'In progress',
    schedule: { endsAt: '2030-03-06T10:00:00.000Z' },
    assignee: null,
    customer: { id: '101' },
  })
  expect(world.tools.asana.task(id)).toMatchObject({
    name: 'Bleed radiators',
    notes: '',
    assigneeGid: null,
    dueAt: new Date('2030-03-06T10:00:00Z'),
    memberships: [{ projectGid: '99', sectionGid: '203' }],
  })
  const moved = await askElsewhere(world, listed, { order })
  expect(idsAt(moved, 'scheduled.nodes')).not.toContain(id)
  expect(idsAt(moved, 'working.nodes')).toContain(id)
  expect(idsAt(moved, 'done.nodes')).not.toContain(id)

  const completed = await world.data(
    `mutation($id: ID!) { completeJob(input: { id: $id }) { job { ${jobFields} } } }`,
    { id },
  )
  expect(at(completed, 'completeJob.job')).toMatchObject({ isCompleted: true, completedAt: expect.any(String) })
  expect(world.tools.asana.task(id)?.completedAt).toBeInstanceOf(Date)
  expect(idsAt(await askElsewhere(world, listed, { order }), 'done.nodes')).toContain(id)
})

test('a job handed to another customer leaves the one list and stands in the other at once', async () => {
  const world = await silentWorld()
  const lists = `{ from: customer(id: "101") { jobs(first: 100) { nodes { id } } } to: customer(id: "102") { jobs(first: 100) { nodes { id } } } job(id: "55") { customer { id } } }`
  expect(idsAt(await world.data(lists), 'from.jobs.nodes')).toContain('55')
  await world.data(`mutation { updateJob(input: { id: "55", customerId: "102" }) { job { id customer { id } } } }`)
  expect(world.tools.asana.task('55')?.texts.get('123')).toBe('102')
  const after = await askElsewhere(world, lists)
  expect(idsAt(after, 'from.jobs.nodes')).not.toContain('55')
  expect(idsAt(after, 'to.jobs.nodes')).toContain('55')
  expect(at(after, 'job.customer.id')).toBe('102')
  expect(
    await world.data(`mutation { updateJob(input: { id: "55", customerId: null }) { job { customer { id } } } }`),
  ).toEqual({
    updateJob: { job: { customer: null } },
  })
  expect(idsAt(await askElsewhere(world, lists), 'to.jobs.nodes')).not.toContain('55')
})

test('wrong input is refused with its reason, and nothing is written', async () => {
  const world = await silentWorld()
  const before = world.tools.asana.snapshot()
  const refused = async (fields: string, code: string) => {
    const answer = await world.ask(`mutation { ${fields} }`)
    expect([fields, codes(answer)]).toEqual([fields, [code]])
  }
  const create = (rest: string) => `createJob(input: { ${rest} }) { job { id } }`
  const update = (rest: string) => `updateJob(input: { ${rest} }) { job { id } }`
  await refused(create(`title: " "`), 'BAD_USER_INPUT')
  await refused(create(`title: "a", status: "Nonsense"`), 'BAD_USER_INPUT')
  await refused(create(`title: "a", assigneeId: "999"`), 'BAD_USER_INPUT')
  await refused(create(`title: "a", customerId: "9999"`), 'BAD_USER_INPUT')
  await refused(create(`title: "a", orderId: "in_none"`), 'BAD_USER_INPUT')
  await refused(create(`title: "a", schedule: { startsOn: "2030-01-02", endsOn: "2030-01-01" }`), 'BAD_USER_INPUT')
  await refused(create(`title: "a", schedule: { startsOn: "2030-01-02" }`), 'BAD_USER_INPUT')
  await refused(update(`id: "55"`), 'BAD_USER_INPUT')
  await refused(update(`id: "55", status: null`), 'BAD_USER_INPUT')
  await refused(update(`id: "55", title: "b", status: "Nonsense"`), 'BAD_USER_INPUT')
  await refused(update(`id: "9", title: "a"`), 'NOT_FOUND')
  await refused(`completeJob(input: { id: "../users/301" }) { job { id } }`, 'NOT_FOUND')
  expect(world.tools.asana.snapshot()).toEqual(before)
})

test('an order of another customer than the job’s is refused, and both customers are named', async () => {
  const world = await silentWorld()
  const orderOf = async (customer: string): Promise<string> => {
    const answer = await world.data(`{ customer(id: "${customer}") { orders(first: 1) { nodes { id } } } }`)
    return idsAt(answer, 'customer.orders.nodes')[0] ?? ''
  }
  const [first, second] = [await orderOf('101'), await orderOf('102')]
  const job = textAt(
    await world.data(
      `mutation { createJob(input: { title: "a", customerId: "101", orderId: "${first}" }) { job { id } } }`,
    ),
    'createJob.job.id',
  )
  const before = world.tools.asana.snapshot()
  const refused = async (mutation: string) => {
    const answer = await world.ask(`mutation { ${mutation} }`)
    expect(codes(answer)).toEqual(['BAD_USER_INPUT'])
    for (const named of ['customer 101', 'customer 102']) expect(answer.errors[0]?.message).toContain(named)
  }
  await refused(`createJob(input: { title: "a", customerId: "101", orderId: "${second}" }) { job { id } }`)
  await refused(`updateJob(input: { id: "${job}", orderId: "${second}" }) { job { id } }`)
  expect(world.tools.asana.snapshot()).toEqual(before)
  const moved = await world.data(
    `mutation { updateJob(input: { id: "${job}", customerId: "102", orderId: "${second}" }) { job { customer { id } order { id } } } }`,
  )
  expect(moved).toEqual({ updateJob: { job: { customer: { id: '102' }, order: { id: second } } } })
  const freed = `mutation { updateJob(input: { id: "${job}", customerId: "101", orderId: null }) { job { customer { id } } } }`
  expect(await world.data(freed)).toEqual({ updateJob: { job: { customer: { id: '101' } } } })
})
