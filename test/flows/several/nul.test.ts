import { expect, test } from 'vitest'
import { sharedWorld } from './shared-world.ts'

/** Wherever a query takes text: U+0000 as an escape of GraphQL. */
const nul = '"a\\u0000"'

test('text with U+0000, which Postgres takes in no statement, selects nothing or is refused, and is no fault of ours', async () => {
  const { world } = await sharedWorld()
  const fields = [
    `customer(id: ${nul}) { id name orders(first: 1) { nodes { id } } jobs(first: 1) { nodes { id } } }`,
    `order(id: ${nul}) { id number }`,
    `job(id: ${nul}) { id title }`,
    `product(id: ${nul}) { id name }`,
    `searchCustomers(text: ${nul}) { id }`,
    `customers(filter: { email: ${nul} }) { totalCount nodes { id } }`,
    `customers(filter: { email: "a\\u0000@example.com" }) { totalCount nodes { id } }`,
    `customers(filter: { namePrefix: ${nul} }) { totalCount nodes { id } }`,
    `customers(filter: { lifecycleStageName: [${nul}] }) { totalCount nodes { id } }`,
    `customers(first: 1, after: ${nul}) { totalCount }`,
    `orders(filter: { customer: ${nul} }) { totalCount nodes { id } }`,
    `orders(filter: { number: ${nul} }) { totalCount nodes { id } }`,
    `jobs(filter: { status: [${nul}] }) { totalCount nodes { id } }`,
    `jobs(filter: { customer: ${nul} }) { totalCount nodes { id } }`,
    `jobs(filter: { order: ${nul} }) { totalCount nodes { id } }`,
    `jobs(filter: { assignee: ${nul} }) { totalCount nodes { id } }`,
    `node(nodeId: ${nul}) { nodeId }`,
    `ownership(entity: ${nul}) { field }`,
    `deliveries(system: ${nul}) { totalCount nodes { id } }`,
    `deliveries(entity: { type: "Customer", id: ${nul} }) { totalCount nodes { id } }`,
    `deliveries(entity: { type: ${nul}, id: "1" }) { totalCount nodes { id } }`,
    `delivery(id: ${nul}) { id }`,
    `unlinkedRecords(system: ${nul}) { totalCount nodes { reason } }`,
  ]
  for (const field of fields) {
    const { errors } = await world.ask(`{ ${field} }`)
    const codes = errors.map(({ extensions }) => extensions?.['code'])
    expect([
      field,
      codes.filter(code => !['BAD_USER_INPUT', 'NOT_FOUND', 'SYSTEM_REJECTED'].includes(String(code))),
    ]).toEqual([field, []])
  }
  for (const field of [
    `customerChanged(id: ${nul}) { change { kind } customer { name } }`,
    `orderChanged(id: ${nul}) { change { kind } order { number } }`,
    `orderChanged(customer: ${nul}) { change { kind } order { number } }`,
    `jobChanged(status: ${nul}) { change { kind } job { title } }`,
    `jobChanged(customer: ${nul}) { change { kind } job { title } }`,
  ])
    expect(JSON.stringify(await world.subscribe(`subscription { ${field} }`).next())).toMatch(
      /"CURRENT"(?!.*INTERNAL)|BAD_USER_INPUT/,
    )
  expect(world.log.filter(({ level }) => level === 'error')).toEqual([])
})
