import { createHmac } from 'node:crypto'
import { ApolloGateway, RemoteGraphQLDataSource } from '@apollo/gateway'
import { ApolloServer } from '@apollo/server'
import { parse } from 'graphql'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { readConfig } from '../../../gateway/config.ts'
import { startSubgraph } from '../../../gateway/subgraph/serve.ts'
import { signRequest } from '../../../gateway/subgraph/signing.ts'
import { registry } from '../../../subgraphs/registry.ts'
import { toolsEnvironment } from '../environment.ts'
import { sharedWorld } from './shared-world.ts'

const secret = 'a-secret-of-the-gateways-of-32-characters'
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** What a role alone is set up with: its own tool's settings, and the CRM's where it is to create orders. */
function settings(
  tools: Parameters<typeof toolsEnvironment>[0],
  storeUrl: string,
  names: RegExp = /^STRIPE_/,
): Record<string, string> {
  const own = Object.entries(toolsEnvironment(tools)).filter(([name]) => names.test(name))
  return { ...Object.fromEntries(own), PORT: '0', STORE_URL: storeUrl, SUBGRAPH_SECRETS: `${secret}, ${secret}-old` }
}

const options = { isExplorable: false, isTerminal: false, alone: 'billing' } as const

async function billingAlone(names?: RegExp) {
  const { world, database } = await sharedWorld()
  const read = readConfig(settings(world.tools, database.url, names), registry, options)
  if (!read.ok) throw new Error(JSON.stringify(read.faults))
  const subgraph = await startSubgraph(read.config, { role: 'billing', log: quiet })
  onTestFinished(() => subgraph.close())
  const send = async (body: string, signature: string | null) => {
    const response = await fetch(`http://127.0.0.1:${subgraph.port}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(signature === null ? {} : { 'livegraph-signature': signature }),
      },
      body,
    })
    return { status: response.status, text: await response.text(), connection: response.headers.get('connection') }
  }
  const ask = async (query: string, variables: object = {}) => {
    const body = JSON.stringify({ query, variables })
    const { text } = await send(body, signRequest(secret, body, new Date()))
    return z.object({ data: z.unknown().optional(), errors: z.unknown().optional() }).parse(JSON.parse(text))
  }
  return { world, send, ask, subgraph, url: `http://127.0.0.1:${subgraph.port}/graphql` }
}

const representations = { of: [{ __typename: 'Customer', id: '101' }] }
const entities = `query($of: [_Any!]!) { _entities(representations: $of) { ... on Customer { id orders(first: 3) { nodes { id memo } } } } }`

test('a role alone answers a gateway what the whole graph answers, and says its SDL', async () => {
  const { world, ask } = await billingAlone()
  const whole = await world.data('{ customer(id: "101") { id orders(first: 3) { nodes { id memo } } } }')
  const { customer } = z.object({ customer: z.unknown() }).parse(whole)
  expect(await ask(entities, representations)).toEqual({ data: { _entities: [customer] } })
  expect(JSON.stringify(await ask('{ _service { sdl } }'))).toContain('@key')
})

test("Apollo's own gateway composes it and asks it, when it signs", async () => {
  const { ask, url } = await billingAlone()
  const { sdl } = z
    .object({ data: z.object({ _service: z.object({ sdl: z.string() }) }) })
    .parse(await ask('{ _service { sdl } }')).data._service
  const { composeServices } = await import('@apollo/composition')
  const { supergraphSdl } = composeServices([{ name: 'billing', typeDefs: parse(sdl), url }])
  const gateway = new ApolloGateway({
    supergraphSdl: supergraphSdl ?? '',
    buildService: service =>
      new RemoteGraphQLDataSource({
        url: service.url,
        fetcher: (address, init) => {
          const body = String(init?.body)
          const headers = { ...init?.headers, 'livegraph-signature': signRequest(secret, body, new Date()) }
          return fetch(address, { method: 'POST', body, headers })
        },
      }),
  })
  const server = new ApolloServer({ gateway, logger: quiet, stopOnTerminationSignals: false })
  onTestFinished(() => server.stop())
  const { body } = await server.executeOperation({ query: '{ orders(first: 2) { nodes { number status } } }' })
  expect(body).toMatchObject({
    kind: 'single',
    singleResult: { data: { orders: { nodes: [{ number: expect.any(String) }, {}] } } },
  })
})

test('a write in another process is read here at once, and one that is made here is read there', async () => {
  const { world, ask } = await billingAlone(/^(STRIPE|HUBSPOT)_/)
  const before = JSON.stringify(await ask(entities, representations))
  const { createOrder } = z
    .object({ createOrder: z.object({ order: z.object({ id: z.string() }) }) })
    .parse(
      await world.data(
        'mutation { createOrder(input: { customerId: "101", currency: "USD", memo: "there", lines: [{ description: "Call-out", unitAmount: 100 }] }) { order { id } } }',
      ),
    )
  expect(before).not.toContain(createOrder.order.id)
  await expect.poll(async () => JSON.stringify(await ask(entities, representations))).toContain(createOrder.order.id)
  const made = await ask(
    'mutation { createOrder(input: { customerId: "101", currency: "USD", memo: "here", lines: [{ description: "Call-out", unitAmount: 100 }] }) { order { id memo } } }',
  )
  expect(made).toMatchObject({ data: { createOrder: { order: { memo: 'here' } } } })
  const orders = '{ customer(id: "101") { orders(first: 3) { nodes { memo } } } }'
  await expect.poll(async () => JSON.stringify(await world.data(orders))).toContain('here')
})

test('a role that cannot ask the CRM whom to bill makes no order, and says which settings it needs', async () => {
  const { ask } = await billingAlone()
  const made = await ask(
    'mutation { createOrder(input: { customerId: "101", currency: "USD", lines: [{ description: "Call-out", unitAmount: 100 }] }) { order { id } } }',
  )
  expect(made).toMatchObject({ errors: [{ extensions: { code: 'ROLE_NOT_CONFIGURED', role: 'crm' } }] })
  expect(JSON.stringify(made)).toContain('HUBSPOT_ACCESS_TOKEN')
})

test('whoever does not sign, or signs wrongly, something else or long ago, is refused', async () => {
  const { send } = await billingAlone()
  const body = JSON.stringify({ query: '{ __typename }' })
  const now = new Date()
  const long = new Date(now.getTime() - 61_000)
  expect((await send(body, signRequest(`${secret}-old`, body, now))).status).toBe(200)
  for (const signature of [
    null,
    'rubbish',
    signRequest(`${secret}-none`, body, now),
    signRequest(secret, '{}', now),
    signRequest(secret, body, long),
  ]) {
    expect((await send(body, signature)).status).toBe(401)
  }
  expect((await send('{"__proto__":', signRequest(secret, '{"__proto__":', now))).status).toBe(400)
})

test('text that is not UTF-8, or of another charset, is refused though it is signed', async () => {
  const { url } = await billingAlone()
  const post = async (body: Buffer, type: string) => {
    const time = Math.floor(Date.now() / 1000)
    const signature = createHmac('sha256', secret).update(`${time}.`).update(body).digest('hex')
    const headers = { 'content-type': type, 'livegraph-signature': `t=${time},v1=${signature}` }
    return (await fetch(url, { method: 'POST', headers, body: new Uint8Array(body) })).status
  }
  const body = '{"query":"{ __typename }","variables":{"n":"Caf\u00e9"}}'
  expect(await post(Buffer.from(body), 'application/json')).toBe(200)
  expect(await post(Buffer.from(body, 'latin1'), 'application/json')).toBe(400)
  expect(await post(Buffer.from(body, 'latin1'), 'application/json; charset=iso-8859-1')).toBe(415)
  expect(await post(Buffer.from(body.replace('\u00e9', '\\ud800')), 'application/json')).toBe(400)
})

test('before it ends it tells balancers, and goes on answering whoever has not heard it yet', async () => {
  const { send, subgraph, url } = await billingAlone()
  const ready = () => fetch(new URL('/health/ready', url)).then(response => response.status)
  expect(await ready()).toBe(200)
  subgraph.retire()
  expect(await ready()).toBe(503)
  const body = JSON.stringify({ query: '{ __typename }' })
  expect(await send(body, signRequest(secret, body, new Date()))).toMatchObject({ status: 200, connection: 'close' })
})

test('on the embedded store, and without a secret, it does not start and says why', async () => {
  const { world } = await sharedWorld()
  const read = readConfig(
    { ...settings(world.tools, 'sqlite:.data/graph.db'), SUBGRAPH_SECRETS: 'short' },
    registry,
    options,
  )
  if (read.ok) throw new Error('expected faults')
  expect(read.faults.map(({ name }) => name)).toEqual(['STORE_URL', 'SUBGRAPH_SECRETS'])
  expect(read.faults[0]?.message).toContain('expected postgres://')
})

test('a role alone tells Prometheus what it asks of its tool, and refuses documents that are out of proportion', async () => {
  const { ask, url } = await billingAlone()
  await ask(entities, representations)
  const response = await fetch(url.replace('/graphql', '/metrics'))
  const text = await response.text()
  expect([response.status, response.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/plain')])
  expect(text).toMatch(/livegraph_vendor_request_seconds_count\{system="stripe",.*\} [1-9]/)
  expect(text).toContain('livegraph_store_reachable 1')
  const long = `{ ${Array.from({ length: 5000 }, (_, at) => `a${at}: _service { sdl }`).join(' ')} }`
  expect(await ask(long)).toMatchObject({ errors: [{ message: expect.stringContaining('10000 tokens') }] })
})
