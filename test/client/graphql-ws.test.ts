import { createClient as createClient6 } from 'graphql-ws'
import { createClient as createClient5 } from 'graphql-ws-5'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { setPhone } from '../flows/frames.ts'
import { startWorld } from '../flows/world.ts'

const subscription = 'subscription { customerChanged(id: "101") { change { kind } customer { id phone } } }'
const mutation = 'mutation { updateCustomer(input: { id: "101", phone: "+15550042" }) { customer { phone } } }'

test.each([
  ['5', createClient5],
  ['6', createClient6],
])('version %s of graphql-ws, as it comes: queries, mutations and frames over one socket', async (_, createClient) => {
  const world = await startWorld()
  const client = createClient({ url: `${world.gateway.url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket })
  onTestFinished(() => void client.dispose())
  const frames = client.iterate({ query: subscription })
  expect(await frames.next()).toMatchObject({ value: { data: { customerChanged: { change: { kind: 'CURRENT' } } } } })
  for await (const answer of client.iterate({ query: '{ customer(id: "101") { id } }' }))
    expect(answer).toEqual({ data: { customer: { id: '101' } } })
  for await (const answer of client.iterate({ query: mutation }))
    expect(answer).toEqual({ data: { updateCustomer: { customer: { phone: '+15550042' } } } })
  expect(await frames.next()).toMatchObject({
    value: { data: { customerChanged: { customer: { phone: '+15550042' } } } },
  })
  setPhone(world, 7)
  expect(await frames.next()).toMatchObject({
    value: { data: { customerChanged: { change: { kind: 'UPDATED' }, customer: { phone: '+15550000007' } } } },
  })
  await frames.return?.()
})

// Node 22 and later have a WebSocket of their own, as browsers have.
test.runIf('WebSocket' in globalThis)("graphql-ws with Node's own WebSocket", async () => {
  const world = await startWorld()
  const client = createClient6({ url: `${world.gateway.url.replace('http', 'ws')}/graphql` })
  onTestFinished(() => void client.dispose())
  const frames = client.iterate({ query: subscription })
  expect(await frames.next()).toMatchObject({ value: { data: { customerChanged: { change: { kind: 'CURRENT' } } } } })
  await frames.return?.()
})
