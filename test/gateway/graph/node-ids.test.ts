import { isNonNullType, isObjectType, Kind, parse, type OperationDefinitionNode } from 'graphql'
import { expect, test } from 'vitest'
import { compose } from '../../../gateway/graph/compose.ts'
import { checkSize } from '../../../gateway/graph/limits.ts'
import { Planner } from '../../../gateway/graph/planner.ts'
import { subgraphSources } from '../../../gateway/graph/sources.ts'
import { entityTypes } from '../../../schema/entities.ts'
import { nodeIdOf, readNodeId } from '../../../schema/node-id.ts'

const planner = new Planner(compose(subgraphSources()))
const schema = planner.apiGraphQLSchema

function operationOf(text: string): OperationDefinitionNode {
  const [operation] = parse(text).definitions
  if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error('expected an operation')
  return operation
}

test('every type with an id has a nodeId that is never null, and entities are Nodes', () => {
  const types = Object.values(schema.getTypeMap()).filter(isObjectType)
  const identified = types.filter(type => 'id' in type.getFields())
  expect(identified.length).toBeGreaterThan(10)
  const lacking = identified.filter(type => {
    const nodeId = type.getFields()['nodeId']?.type
    return nodeId === undefined || !isNonNullType(nodeId)
  })
  expect(lacking.map(({ name }) => name)).toEqual([])
  const nodes = types.filter(type => type.getInterfaces().some(({ name }) => name === 'Node'))
  expect(nodes.map(({ name }) => name)).toEqual(expect.arrayContaining([...entityTypes]))
})

test.each([
  '{ order(id: "1") { nodeId number customer { nodeId } } }',
  '{ job(id: "1") { nodeId title customer { nodeId } order { nodeId } } }',
  '{ customer(id: "1") { nodeId name } }',
  '{ node(nodeId: "1") { nodeId __typename ... on Customer { links { record { nodeId } } } ... on Order { id nodeId } } }',
])('whoever answers an id answers its nodeId: one fetch for %s', query => {
  const operation = operationOf(query)
  const { planned } = planner.plan({ document: parse(query), queryHash: query, operation, variables: {} })
  expect(planned.plan.node?.kind).toBe('Fetch')
})

test('nodes counts as many entries as it names', () => {
  const inner = 'nodeId ... on Customer { orders(first: 100) { nodes { id } } }'
  const size = (text: string, variables: Record<string, unknown> = {}): number =>
    checkSize({ operation: operationOf(text), fragments: {} }, variables)
  expect(size(`{ node(nodeId: "a") { ${inner} } }`)).toBe(101)
  expect(size(`{ nodes(nodeIds: ["a", "b"]) { ${inner} } }`)).toBe(202)
  expect(size(`{ nodes(nodeIds: "a") { ${inner} } }`)).toBe(101)
  expect(size(`query($nodeIds: [ID!]!) { nodes(nodeIds: $nodeIds) { ${inner} } }`, { nodeIds: ['a', 'b', 'c'] })).toBe(
    303,
  )
  const many = Array.from({ length: 100 }, () => 'a')
  expect(() => size(`query($nodeIds: [ID!]!) { nodes(nodeIds: $nodeIds) { ${inner} } }`, { nodeIds: many })).toThrow(
    'entries',
  )
})

test('a nodeId is read back as what it was made of, and has one spelling', () => {
  for (const id of ['101', 'in_1', 'a:b', 'Ünïcode', '{"a":1}'])
    expect(readNodeId(nodeIdOf({ type: 'Customer', parts: [id] }))).toEqual({ type: 'Customer', rest: id })
  expect(readNodeId(nodeIdOf({ type: 'Record', parts: ['stripe', 'customer', 'a:b'] }))).toEqual({
    type: 'Record',
    rest: 'stripe:customer:a:b',
  })
  const ada = nodeIdOf({ type: 'Customer', parts: ['101'] })
  for (const other of [`${ada}=`, `${ada}A`, ada.toLowerCase(), '', 'Customer:101'])
    expect(readNodeId(other), other).toBeNull()
})
