import { expect, test } from 'vitest'
import { z } from 'zod'
import { nodeIdOf } from '../../schema/node-id.ts'
import { setPhone } from './frames.ts'
import { startWorld } from './world.ts'

interface Named {
  readonly type: string
  readonly nodeId: string
  /** What else says which thing it is. */
  readonly name: string
}

const identity = z.looseObject({ __typename: z.string(), nodeId: z.string(), id: z.string() })

/** Everything in an answer that has a nodeId. */
function named(value: unknown): readonly Named[] {
  if (typeof value !== 'object' || value === null) return []
  const { success, data } = identity.safeParse(value)
  const own = success
    ? [
        {
          type: data.__typename,
          nodeId: data.nodeId,
          name: [data.__typename, data['system'], data['kind'], data.id].join(),
        },
      ]
    : []
  return [...own, ...Object.values(value).flatMap(named)]
}

const everything = `{
  customers(first: 20) { nodes { NAMES
    links { record { NAMES system kind } }
    paymentMethod { NAMES }
    orders(first: 5) { nodes { NAMES
      lines { NAMES product { NAMES prices { NAMES } } }
      payments { NAMES }
      customer { NAMES }
      jobs(first: 5) { nodes { NAMES } }
    } }
    jobs(first: 5) { nodes { NAMES assignee { NAMES } customer { NAMES } order { NAMES } } }
  } }
  deliveries(first: 5) { nodes { NAMES records { NAMES system kind } } }
}`.replaceAll('NAMES', '__typename id nodeId')

test('a nodeId names one thing only, over all types and tools, through whichever role it was asked', async () => {
  const world = await startWorld()
  setPhone(world, 1)
  await world.settled()
  const found = named(await world.data(everything))
  const types = 'Assignee Customer Delivery Job Order OrderLine Payment PaymentMethod Price Product Record'.split(' ')
  expect([...new Set(found.map(({ type }) => type))].sort()).toEqual(types)

  const nodeIdsOf = new Map<string, Set<string>>()
  for (const { name, nodeId } of found) nodeIdsOf.set(name, (nodeIdsOf.get(name) ?? new Set()).add(nodeId))
  const nodeIds = [...nodeIdsOf.values()].flatMap(ids => [...ids])
  expect(nodeIds).toHaveLength(nodeIdsOf.size)
  expect(new Set(nodeIds).size).toBe(nodeIdsOf.size)
})

test('what has one nodeId has the same values wherever it stands, whatever list, filter or order it was read through', async () => {
  const world = await startWorld()
  const order = '__typename nodeId id number status memo createdAt dueAt'
  const job = '__typename nodeId id title status isCompleted createdAt'
  const customer = '__typename nodeId id name email phone createdAt'
  const answer = await world.data(`{
    customers(first: 10) { nodes { ${customer}
      a: orders(first: 3) { nodes { ${order} lines { __typename nodeId id description } payments { __typename nodeId id status paidAt } } }
      b: orders(first: 3, order: OLDEST_FIRST, filter: { status: [PAID, OPEN] }) { nodes { ${order} customer { ${customer} } } }
      jobs(first: 3) { nodes { ${job} assignee { __typename nodeId id name } order { ${order} } customer { ${customer} } } }
      paymentMethod { __typename nodeId id type last4 }
    } }
    orders(first: 20) { nodes { ${order} lines { __typename nodeId id description product { __typename nodeId id name } } customer { ${customer} } } }
    jobs(first: 20, filter: { isCompleted: false }) { nodes { ${job} assignee { __typename nodeId id name } customer { ${customer} } } }
    products(first: 10) { nodes { __typename nodeId id name prices { __typename nodeId id nickname } } }
  }`)
  const values = new Map<string, string>()
  const read = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    const { success, data } = identity.safeParse(value)
    for (const [name, field] of success ? Object.entries(data) : []) {
      if (typeof field === 'object' && field !== null) continue
      const key = `${data?.nodeId ?? ''}.${name}`
      expect(values.get(key) ?? String(field), `${data?.__typename ?? ''}.${name}`).toBe(String(field))
      values.set(key, String(field))
    }
    Object.values(value).forEach(read)
  }
  read(answer)
  expect(values.size).toBeGreaterThan(200)
})

test('node answers what has a nodeId of its own, with fields of every role; nodes in the order asked', async () => {
  const world = await startWorld()
  setPhone(world, 1)
  await world.settled()
  const found = named(await world.data(everything))
  const wanted = ['Customer', 'Order', 'Product', 'Job', 'Record', 'Delivery'].map(type => {
    const one = found.find(candidate => candidate.type === type)
    if (one === undefined) throw new Error(`expected a ${type} in the answer`)
    return one
  })
  const fields = `__typename nodeId
    ... on Customer { id name orders(first: 1) { nodes { id } } jobs(first: 1) { nodes { id } } links { record { id } } }
    ... on Order { id number jobs(first: 1) { totalCount } }
    ... on Product { id name }
    ... on Job { id title }
    ... on Record { id system kind }
    ... on Delivery { id state }`
  const nodeIds = wanted.map(({ nodeId }) => nodeId)
  const answer = z
    .object({ nodes: z.array(identity) })
    .parse(await world.data(`query($nodeIds: [ID!]!) { nodes(nodeIds: $nodeIds) { ${fields} } }`, { nodeIds }))
  expect(answer.nodes.flatMap(named).filter(({ nodeId }) => nodeIds.includes(nodeId))).toEqual(wanted)
  expect(answer.nodes[0]).toMatchObject({ name: expect.any(String), links: expect.any(Array) })
  expect(answer.nodes[3]).toMatchObject({ title: expect.any(String) })

  for (const [at, { nodeId }] of wanted.entries()) {
    const one = await world.data(`query($nodeId: ID!) { node(nodeId: $nodeId) { ${fields} } }`, { nodeId })
    expect(one).toEqual({ node: answer.nodes[at] })
  }
})

const ask = 'query($nodeId: ID!) { node(nodeId: $nodeId) { __typename nodeId ... on Customer { id email } } }'

test('the nodeId of a customer who was merged answers with the winner, that of a deleted thing with null', async () => {
  const world = await startWorld()
  const [retired, winner] = ['103', '102'].map(id => nodeIdOf({ type: 'Customer', parts: [id] }))
  world.tools.hubspot.mergeContacts('102', '103')
  world.tools.hubspot.deleteContact('104')
  await world.settled()
  expect(await world.data(ask, { nodeId: retired })).toMatchObject({ node: { nodeId: winner, id: '102' } })
  for (const [type, ...parts] of [
    ['Customer', '104'],
    ['Record', 'hubspot', 'contact', '104'],
    ['Customer', 'nobody'],
    ['Order', '104'],
    ['Record', 'nothing', 'contact', '102'],
    ['Delivery', '999999'],
  ] as const) {
    const [first = '', ...others] = parts
    const nodeId = nodeIdOf({ type, parts: [first, ...others] })
    expect(await world.data(ask, { nodeId }), `${type} ${parts.join()}`).toEqual({ node: null })
  }
})

test('what is no nodeId is refused, and takes nothing from the others it was asked with', async () => {
  const world = await startWorld()
  const ada = nodeIdOf({ type: 'Customer', parts: ['101'] })
  const line = nodeIdOf({ type: 'OrderLine', parts: ['il_1'] })
  const zero = Buffer.from('Customer:\0').toString('base64url')
  const bytes = Buffer.from([0x43, 0x3a, 0xff]).toString('base64url')
  for (const nodeId of ['', '101', 'Customer:101', `${ada}=`, ` ${ada}`, line, zero, bytes, 101]) {
    const { errors } = await world.ask(ask, { nodeId })
    expect(errors, String(nodeId)).toMatchObject([{ path: ['node'], extensions: { code: 'BAD_USER_INPUT' } }])
  }
  const many = 'query($nodeIds: [ID!]!) { nodes(nodeIds: $nodeIds) { nodeId } }'
  const { data, errors } = await world.ask(many, { nodeIds: [ada, 'rubbish', ada] })
  expect(data).toEqual({ nodes: [{ nodeId: ada }, null, { nodeId: ada }] })
  expect(errors).toMatchObject([{ path: ['nodes', 1], extensions: { code: 'BAD_USER_INPUT' } }])
  for (const nodeIds of [[], Array.from({ length: 101 }, () => ada)])
    expect((await world.ask(many, { nodeIds })).errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
})

test('a nodeId costs no call to a tool', async () => {
  const world = await startWorld()
  const lists = `{ customers(first: 5) { nodes { nodeId
    orders(first: 5) { nodes { nodeId customer { nodeId } } } jobs(first: 5) { nodes { nodeId customer { nodeId } } }
    links { record { nodeId } } } } }`
  const { data, extensions } = await world.ask(lists, {}, { 'graphql-cost': 'true' })
  expect(data).toMatchObject({ customers: { nodes: [{ nodeId: expect.any(String) }, {}, {}, {}, {}] } })
  expect(extensions).toEqual({ cost: [] })
})

test('a frame has the nodeId of its entity, and of the record that changed', async () => {
  const world = await startWorld()
  const frames = world.subscribe(
    'subscription { changes(systems: ["hubspot"]) { change { kind record { nodeId } } entity { ... on Node { nodeId } } } }',
  )
  await expect(frames.next()).resolves.toMatchObject({ data: { changes: { change: { kind: 'CURRENT' } } } })
  setPhone(world, 2)
  const record = { nodeId: nodeIdOf({ type: 'Record', parts: ['hubspot', 'contact', '101'] }) }
  const entity = { nodeId: nodeIdOf({ type: 'Customer', parts: ['101'] }) }
  await expect(frames.next()).resolves.toMatchObject({
    data: { changes: { change: { kind: 'UPDATED', record }, entity } },
  })
})
