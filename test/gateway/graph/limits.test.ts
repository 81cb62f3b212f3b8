import { Kind, parse, type FragmentDefinitionNode, type OperationDefinitionNode } from 'graphql'
import { expect, test } from 'vitest'
import { checkSize, checkVariables } from '../../../gateway/graph/limits.ts'

function check(text: string, variables: Readonly<Record<string, unknown>> = {}): string {
  const { definitions } = parse(text)
  const operation = definitions.find((node): node is OperationDefinitionNode => node.kind === Kind.OPERATION_DEFINITION)
  const fragments = definitions.filter((node): node is FragmentDefinitionNode => node.kind === Kind.FRAGMENT_DEFINITION)
  if (operation === undefined) throw new Error('expected an operation')
  const named = Object.fromEntries(fragments.map(fragment => [fragment.name.value, fragment]))
  try {
    checkSize({ operation, fragments: named }, variables)
    return 'allowed'
  } catch (error) {
    return error instanceof Error ? error.message : 'unknown'
  }
}

test('page sizes multiply along the nesting, wherever they stand', () => {
  const inner = 'orders(first: 100) { nodes { id } }'
  expect(check(`{ customers(first: 90) { nodes { ${inner} } } }`)).toBe('allowed')
  expect(check(`{ customers(first: 100) { nodes { ${inner} jobs(first: 1) { nodes { id } } } } }`)).toContain('entries')
  expect(check(`query($n: Int) { customers(first: $n) { edges { node { ${inner} } } } }`, { n: 100 })).toContain(
    'entries',
  )
  const spread = `fragment Page on CustomerConnection { nodes { ...One } } fragment One on Customer { ${inner} }`
  expect(check(`{ customers(first: 100) { ...Page } } ${spread}`)).toContain('entries')
})

test('a fragment on one entity counts as one entity', () => {
  const one = 'fragment One on Customer { orders(first: 100) { nodes { id customer { ...Name } } } }'
  expect(check(`{ customer(id: "1") { ...One } } ${one} fragment Name on Customer { name }`)).toBe('allowed')
})

test('nesting and fragments that multiply have their bounds', () => {
  const deep = 'orders(first: 1) { nodes { customer { '.repeat(8)
  expect(check(`{ customer(id: "1") { ${deep} id ${'} '.repeat(24)} } }`)).toContain('deeper')
  const doubling = Array.from({ length: 12 }, (_, at) => `fragment F${at} on Customer { ...F${at + 1} ...F${at + 1} }`)
  expect(check(`{ customer(id: "1") { ...F0 } } ${doubling.join(' ')} fragment F12 on Customer { name }`)).toContain(
    'fragments counted',
  )
})

test('variables have their bounds too: lists, texts, and a nesting that would end the stack', () => {
  const nested = (depth: number): unknown => {
    let value: unknown = 'x'
    for (let at = 0; at < depth; at += 1) value = at % 2 === 0 ? [value] : { a: value }
    return value
  }
  const declared = (text: string) => {
    const [operation] = parse(text).definitions
    return operation?.kind === Kind.OPERATION_DEFINITION ? (operation.variableDefinitions ?? []) : []
  }
  const check = (variables: Readonly<Record<string, unknown>>) =>
    checkVariables(variables, declared('query($a: A $input: I) { x }'))
  check({ input: { list: Array.from({ length: 1_000 }, () => 'x'.repeat(100)), text: 'x'.repeat(65_536) } })
  check({})
  check({ a: nested(15) })
  expect(() => check({ a: nested(400_000) })).toThrow('nested deeper')
  expect(() => check({ a: [{ b: 'x'.repeat(65_537) }] })).toThrow('65536 are allowed')
  expect(() => check({ a: { b: Array(1_001).fill(1) } })).toThrow('1000 are allowed')
  // Another operation's.
  check({ other: nested(400_000) })
})

test('what is selected twice under one name counts as one field of the answer', () => {
  const list = (field: string) => `customers(first: 100) { nodes { ${field} { nodes { id } } } }`
  expect(check(`{ ${list('orders(first: 60)')} ${list('orders(first: 60)')} }`)).toBe('allowed')
  expect(check(`{ ${list('orders(first: 60)')} ${list('jobs(first: 60)')} }`)).toContain('entries')
})
