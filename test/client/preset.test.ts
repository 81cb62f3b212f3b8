import { expect, expectTypeOf, test } from 'vitest'
import { startWorld } from '../flows/world.ts'
import { ask } from './example.ts'
import { useFragment } from './preset/index.ts'
import type { OrderRowFragment, OrderStatus } from './preset/graphql.ts'
import { orderRow, ordersPage } from './preset-fragments.ts'

test('operations of the client preset, in the tag graphql, with a masked fragment', async () => {
  const { gateway } = await startWorld()
  const { data, errors } = await ask(`${gateway.url}/graphql`, ordersPage, { first: 3 })
  expect(errors).toBeUndefined()
  const rows = useFragment(orderRow, data?.orders?.nodes ?? [])
  expect(rows.map(({ id }) => id)).toHaveLength(3)
  expectTypeOf<OrderRowFragment['status']>().toEqualTypeOf<OrderStatus | null>()
})
