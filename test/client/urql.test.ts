import { Client, fetchExchange, gql } from '@urql/core'
import { cacheExchange } from '@urql/exchange-graphcache'
import { expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { startWorld } from '../flows/world.ts'
import { openLiveSocket } from './live-socket.ts'
import { answerAlways, sameNumber } from './one-answer.ts'
import {
  ChangePhoneDocument,
  CustomersPageDocument,
  CustomerWithOrdersDocument,
  WatchCustomerDocument,
} from './preset/graphql.ts'
import { openUrql } from './urql.ts'

async function startUrql() {
  const world = await startWorld()
  const url = `${world.gateway.url}/graphql`
  const socket = openLiveSocket(url, { webSocketImpl: WebSocket })
  const complaints = vi.spyOn(console, 'warn')
  onTestFinished(async () => {
    await socket.dispose()
    // Graphcache says which types it cannot keep.
    expect(complaints).not.toHaveBeenCalled()
    complaints.mockRestore()
  })
  return { world, client: openUrql(url, socket) }
}

test('urql pages, and shows a customer who was changed by a mutation or a frame wherever they stand', async () => {
  const { world, client } = await startUrql()
  const page = await client.query(CustomersPageDocument, { first: 2 })
  expect(page.error).toBeUndefined()
  const [id = ''] = page.data?.customers?.edges.map(({ node }) => node.id) ?? []
  const after = page.data?.customers?.pageInfo.endCursor
  const shown: (string | null | undefined)[][] = []
  const watching = client
    .query(CustomersPageDocument, { first: 2, after })
    .subscribe(({ data }) => void shown.push(data?.customers?.edges.map(({ node }) => node.phone) ?? []))
  onTestFinished(() => watching.unsubscribe())
  // Both pages as one list.
  await vi.waitFor(() => expect(shown.at(-1)).toHaveLength(4))

  const changed = await client.mutation(ChangePhoneDocument, { id, phone: '+15550001' })
  expect(changed.data?.updateCustomer?.customer?.id).toBe(id)
  await vi.waitFor(() => expect(shown.at(-1)?.[0]).toBe('+15550001'))

  const kinds: (string | undefined)[] = []
  const frames = client
    .subscription(WatchCustomerDocument, { id })
    .subscribe(({ data }) => void kinds.push(data?.customerChanged?.change.kind))
  onTestFinished(() => frames.unsubscribe())
  await vi.waitFor(() => expect(kinds).toEqual(['CURRENT']))
  world.tools.hubspot.updateContact(id, { phone: '+15550002' })
  await vi.waitFor(() => expect(shown.at(-1)?.[0]).toBe('+15550002'))
  expect(kinds).toEqual(['CURRENT', 'UPDATED'])
})

test('urql pages within a customer', async () => {
  const { client } = await startUrql()
  const first = await client.query(CustomerWithOrdersDocument, { id: '101', first: 2 })
  const after = first.data?.customer?.orders?.pageInfo.endCursor
  const both = await client.query(CustomerWithOrdersDocument, { id: '101', first: 2, after })
  const ids = both.data?.customer?.orders?.edges.map(({ node }) => node.id) ?? []
  expect(ids.length).toBeGreaterThan(2)
  expect(new Set(ids).size).toBe(ids.length)
})

test('urql keeps records of two tools apart that have one number; with its own key for Record it does not', async () => {
  const url = await answerAlways(sameNumber)
  const query = gql(sameNumber.query)
  const cached = async (client: Client): Promise<unknown> => {
    await client.query(query, {})
    return client.query(query, {}, { requestPolicy: 'cache-only' })
  }
  expect(await cached(openUrql(url, openLiveSocket(url, { webSocketImpl: WebSocket })))).toMatchObject(withData)
  const bare = new Client({ url, preferGetMethod: false, exchanges: [cacheExchange({ keys }), fetchExchange] })
  expect(await cached(bare)).not.toMatchObject(withData)
})

const withData = { data: sameNumber.data }
const keys = { Link: () => null }

test('while a tool is out urql shows the rest, with what is missing in error', async () => {
  const { world, client } = await startUrql()
  await world.tools.stripe.close()
  const { data, error } = await client.query(CustomerWithOrdersDocument, { id: '101', first: 2 })
  expect(data?.customer).toMatchObject({ name: expect.any(String) })
  expect(error?.message).toContain('stripe')
})
