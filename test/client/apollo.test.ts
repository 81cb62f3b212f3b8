import { gql, HttpLink, InMemoryCache } from '@apollo/client'
import { expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { setPhone } from '../flows/frames.ts'
import { startWorld } from '../flows/world.ts'
import { openBrokenRoad } from './broken-road.ts'
import { openApollo } from './apollo.ts'
import { openLiveSocket } from './live-socket.ts'
import { answerAlways, sameNumber } from './one-answer.ts'
import {
  ChangePhoneDocument,
  CustomersPageDocument,
  CustomerWithOrdersDocument,
  WatchChangesDocument,
  WatchCustomerDocument,
} from './preset/graphql.ts'

async function startApollo() {
  const world = await startWorld()
  const url = `${world.gateway.url}/graphql`
  const socket = openLiveSocket(url, { webSocketImpl: WebSocket })
  const client = openApollo(url, socket)
  onTestFinished(async () => {
    client.stop()
    await socket.dispose()
  })
  return { world, client }
}

test('Apollo Client pages, and shows a customer who was changed by a mutation or a frame wherever they stand', async () => {
  const { world, client } = await startApollo()
  const list = client.watchQuery({ query: CustomersPageDocument, variables: { first: 2 } })
  const shown: (string | null | undefined)[][] = []
  const watching = list.subscribe(({ data, dataState }) => {
    if (dataState === 'complete') shown.push(data.customers?.edges.map(({ node }) => node.phone) ?? [])
  })
  onTestFinished(() => watching.unsubscribe())
  await vi.waitFor(() => expect(shown.at(-1)).toHaveLength(2))
  const page = await client.query({ query: CustomersPageDocument, variables: { first: 2 } })
  const [id = ''] = page.data?.customers?.edges.map(({ node }) => node.id) ?? []
  await list.fetchMore({ variables: { first: 2, after: page.data?.customers?.pageInfo.endCursor } })
  await vi.waitFor(() => expect(shown.at(-1)).toHaveLength(4))

  const changed = await client.mutate({ mutation: ChangePhoneDocument, variables: { id, phone: '+15550001' } })
  expect(changed.data?.updateCustomer?.customer?.id).toBe(id)
  await vi.waitFor(() => expect(shown.at(-1)?.[0]).toBe('+15550001'))

  const kinds: (string | undefined)[] = []
  const frames = client
    .subscribe({ query: WatchCustomerDocument, variables: { id } })
    .subscribe(({ data }) => void kinds.push(data?.customerChanged?.change.kind))
  onTestFinished(() => frames.unsubscribe())
  await vi.waitFor(() => expect(kinds).toEqual(['CURRENT']))
  world.tools.hubspot.updateContact(id, { phone: '+15550002' })
  await vi.waitFor(() => expect(shown.at(-1)?.[0]).toBe('+15550002'))
  expect(kinds).toEqual(['CURRENT', 'UPDATED'])
})

test('Apollo Client pages within a customer', async () => {
  const { client } = await startApollo()
  const variables = { id: '101', first: 2 }
  const first = await client.query({ query: CustomerWithOrdersDocument, variables })
  const customer = client.watchQuery({ query: CustomerWithOrdersDocument, variables })
  const ids: string[][] = []
  const watching = customer.subscribe(({ data, dataState }) => {
    if (dataState === 'complete') ids.push(data.customer?.orders?.edges.map(({ node }) => node.id) ?? [])
  })
  onTestFinished(() => watching.unsubscribe())
  const after = first.data?.customer?.orders?.pageInfo.endCursor
  await customer.fetchMore({ variables: { ...variables, after } })
  await vi.waitFor(() => expect(ids.at(-1)?.length).toBeGreaterThan(2))
  expect(new Set(ids.at(-1)).size).toBe(ids.at(-1)?.length)
})

test('Apollo Client keeps records of two tools apart that have one number; with its own key for Record it does not', async () => {
  const { client } = await startApollo()
  const query = gql(sameNumber.query)
  client.setLink(new HttpLink({ uri: await answerAlways(sameNumber) }))
  expect((await client.query({ query })).data).toEqual(sameNumber.data)
  expect(client.readQuery({ query })).toEqual(sameNumber.data)

  const bare = new InMemoryCache()
  bare.writeQuery({ query, data: sameNumber.data })
  expect(bare.readQuery({ query })).not.toEqual(sameNumber.data)
})

test('Apollo Client keeps what one query has read of an amount when another one reads the rest of it', async () => {
  const { client } = await startApollo()
  const amount = gql`
    query {
      orders(first: 1) {
        edges {
          node {
            id
            total {
              amount
            }
          }
        }
      }
    }
  `
  const currency = gql`
    query {
      orders(first: 1) {
        edges {
          node {
            id
            total {
              currency
            }
          }
        }
      }
    }
  `
  const complaints = vi.spyOn(console, 'warn')
  const first = await client.query({ query: amount })
  await client.query({ query: currency })
  expect(client.readQuery({ query: amount })).toEqual(first.data)
  expect(complaints).not.toHaveBeenCalled()
  complaints.mockRestore()
})

test('Apollo Client goes on behind its last frame after a break, though its operation has the old variables', async () => {
  const { world } = await startApollo()
  const road = await openBrokenRoad(world.gateway.url)
  const socket = openLiveSocket(road.url, { webSocketImpl: WebSocket, restMs: 20 })
  const client = openApollo(road.url, socket)
  onTestFinished(() => socket.dispose())
  const cursors: (string | undefined)[] = []
  const frames = client
    .subscribe({ query: WatchChangesDocument })
    .subscribe(({ data }) => void cursors.push(data?.changes?.change.cursor))
  onTestFinished(() => frames.unsubscribe())
  await vi.waitFor(() => expect(cursors).toHaveLength(1))
  for (const code of [1006, 1011, 1001]) {
    setPhone(world, code)
    await world.settled()
    road.fail(code === 1006 ? { kind: 'break' } : { kind: 'close', code })
    setPhone(world, code + 1)
    await world.settled()
  }
  await vi.waitFor(() => expect(cursors).toHaveLength(7))
  expect(new Set(cursors).size).toBe(7)
})

test('while a tool is out Apollo Client shows the rest, with errorPolicy all', async () => {
  const { world, client } = await startApollo()
  await world.tools.stripe.close()
  const { data, error } = await client.query({
    query: CustomerWithOrdersDocument,
    variables: { id: '101', first: 2 },
    errorPolicy: 'all',
  })
  expect(data?.customer).toMatchObject({ name: expect.any(String) })
  expect(error?.message).toContain('stripe')
})
