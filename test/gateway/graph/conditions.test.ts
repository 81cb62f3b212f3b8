import { Kind, parse, print } from 'graphql'
import { expect, test } from 'vitest'
import { compose } from '../../../gateway/graph/compose.ts'
import { conditionVariables, decideConditions } from '../../../gateway/graph/conditions.ts'
import { Planner } from '../../../gateway/graph/planner.ts'
import { subgraphSources } from '../../../gateway/graph/sources.ts'

function decided(text: string, values: Readonly<Record<string, unknown>> = {}): string {
  return print(decideConditions(parse(text), values)).replaceAll(/\s+/g, ' ')
}

test.each([
  ['{ a @include(if: true) b @skip(if: true) }', {}, '{ a }'],
  ['{ a @include(if: $v) b @skip(if: $v) }', { v: true }, '{ a }'],
  ['{ a @include(if: $v) b @skip(if: $v) }', { v: false }, '{ b }'],
  ['{ a @include(if: $v) @skip(if: $w) b }', { v: true, w: true }, '{ b }'],
  ['{ ... @include(if: $v) { a } ...F @skip(if: $v) b @other }', { v: true }, '{ ... { a } b @other }'],
  ['{ a { b @include(if: $v) } }', { v: false }, '{ a { __typename @include(if: false) } }'],
])('%s with %o', (text, values, expected) => {
  expect(decided(text, values)).toBe(expected)
})

test('a condition that is neither true nor false is a fault of the input', () => {
  expect(() => decided('{ a @include(if: $v) }', { v: null })).toThrow(/"\$v" of @include must be true or false/)
})

test('the variables of conditions are named once each, and no others', () => {
  expect(
    conditionVariables(parse('query($a: Boolean!) { x(first: $n) @include(if: $b) y @skip(if: $a) z @skip(if: $b) }')),
  ).toEqual(['a', 'b'])
})

test('conditions that nest are planned as one of the ways in which they can turn out', () => {
  const planner = new Planner(compose(subgraphSources()))
  const levels = Array.from(
    { length: 60 },
    (_, at) =>
      `fragment F${at} on Customer { ...@include(if: $v) { ...F${at + 1} } ...@skip(if: $v) { ...F${at + 1} } }`,
  )
  const text = `query($v: Boolean!) { customer(id: "101") { ...F0 } } ${levels.join(' ')} fragment F60 on Customer { name }`
  const document = parse(text)
  const [operation] = document.definitions
  if (operation?.kind !== Kind.OPERATION_DEFINITION) throw new Error('expected an operation')
  // Planned as they stand, these would be 2^60 ways.
  const plans = [true, false, true].map(
    v => planner.plan({ document, queryHash: 'hash', operation, variables: { v } }).planned,
  )
  expect(plans[0]).toBe(plans[2])
  expect(plans[0]).not.toBe(plans[1])
})
