import { readFragment, type ResultOf, type VariablesOf } from 'gql.tada'
import { expect, expectTypeOf, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { startWorld } from '../flows/world.ts'
import { openLiveSocket } from './live-socket.ts'
import { changePhone, orderFields, ordersOf, watchCustomer } from './tada.ts'
import { openUrql } from './urql.ts'

test('operations of gql.tada, with types from schema/api.graphql, go over urql: query, pages, mutation, frames', async () => {
  const world = await startWorld()
  const url = `${world.gateway.url}/graphql`
  const socket = openLiveSocket(url, { webSocketImpl: WebSocket })
  onTestFinished(() => void socket.dispose())
  const client = openUrql(url, socket)

  const first = await client.query(ordersOf, { id: '101', first: 2 })
  const after = first.data?.customer?.orders?.pageInfo.endCursor
  const both = await client.query(ordersOf, { id: '101', first: 2, after })
  const orders = readFragment(orderFields, both.data?.customer?.orders?.nodes ?? [])
  expect(orders.length).toBeGreaterThan(2)
  expect(orders[0]?.total).toMatchObject({ amount: expect.any(Number), currency: expect.any(String) })

  const kinds: (string | undefined)[] = []
  const watching = client
    .subscription(watchCustomer, { id: '101' })
    .subscribe(({ data }) => void kinds.push(data?.customerChanged?.change.kind))
  onTestFinished(() => watching.unsubscribe())
  await vi.waitFor(() => expect(kinds).toEqual(['CURRENT']))
  const changed = await client.mutation(changePhone, { id: '101', phone: '+15550008' })
  expect(changed.data?.updateCustomer?.customer?.phone).toBe('+15550008')
  await vi.waitFor(() => expect(kinds).toEqual(['CURRENT', 'UPDATED']))
})

test('scalars and enums have their types, none of them is unknown', () => {
  type Order = ResultOf<typeof orderFields>
  expectTypeOf<Order['createdAt']>().toEqualTypeOf<string | null>()
  expectTypeOf<NonNullable<Order['total']>['amount']>().toEqualTypeOf<number>()
  expectTypeOf<VariablesOf<typeof changePhone>>().toEqualTypeOf<{ id: string; phone?: string | null }>()
  type Frame = NonNullable<ResultOf<typeof watchCustomer>['customerChanged']>
  expectTypeOf<Frame['change']['kind']>().toEqualTypeOf<
    'CURRENT' | 'CREATED' | 'UPDATED' | 'DELETED' | 'LINKED' | 'GAP'
  >()
})
