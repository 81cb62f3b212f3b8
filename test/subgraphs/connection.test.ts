import { expect, test } from 'vitest'
import { connectionOf } from '../../subgraphs/connection.ts'
import type { IndexEntry, IndexPage } from '../../subgraphs/contract.ts'

function page(ids: readonly string[], totalCount: () => Promise<number>): IndexPage {
  const entries = ids.map((id): IndexEntry => {
    return { id, cursor: `c${id}`, record: { system: 'hubspot', kind: 'contact', id }, near: null }
  })
  const says = (has: boolean) => () => Promise.resolve(has)
  return { entries, hasNextPage: says(true), hasPreviousPage: says(false), isComplete: false, totalCount }
}

test('a connection has a cursor an edge, and edges and nodes share their nodes', async () => {
  const connection = connectionOf(
    page(['1', '2'], () => Promise.resolve(7)),
    ({ id }) => ({ id }),
  )
  expect(connection.edges).toEqual([
    { cursor: 'c1', node: { id: '1' } },
    { cursor: 'c2', node: { id: '2' } },
  ])
  expect(connection.nodes[0]).toBe(connection.edges[0]?.node)
  const { hasNextPage, hasPreviousPage, ...cursors } = connection.pageInfo
  expect([await hasNextPage(), await hasPreviousPage(), cursors]).toEqual([
    true,
    false,
    { startCursor: 'c1', endCursor: 'c2' },
  ])
  expect(connection.isComplete).toBe(false)
})

test('the total is asked only when it is called for', async () => {
  let asked = 0
  const connection = connectionOf(
    page([], () => Promise.resolve(++asked)),
    ({ id }) => id,
  )
  expect(asked).toBe(0)
  expect(connection.pageInfo.startCursor).toBeNull()
  expect(await connection.totalCount()).toBe(1)
})
