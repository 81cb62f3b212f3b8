import { readFileSync } from 'node:fs'
import {
  buildClientSchema,
  buildSchema,
  getIntrospectionQuery,
  printSchema,
  validateSchema,
  type IntrospectionQuery,
} from 'graphql'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { codes } from './reading.ts'
import { startWorld } from './world.ts'

const everyOption = {
  descriptions: true,
  specifiedByUrl: true,
  directiveIsRepeatable: true,
  schemaDescription: true,
  inputValueDeprecation: true,
  oneOf: true,
}

const introspected = z.custom<IntrospectionQuery>(
  value => typeof value === 'object' && value !== null && '__schema' in value,
)

test('graphql-js’ own query with all its options gives the schema as it is committed', async () => {
  const world = await startWorld()
  for (const options of [everyOption, {}, { oneOf: true }]) {
    const schema = buildClientSchema(introspected.parse(await world.data(getIntrospectionQuery(options))))
    expect(validateSchema(schema)).toEqual([])
    const [own, committed] = [printSchema(schema), printSchema(buildSchema(readFileSync('schema/api.graphql', 'utf8')))]
    expect(own.split('\n').sort()).toEqual(committed.split('\n').sort())
  }
})

const listed = z.record(
  z.string(),
  z.object({
    name: z.string(),
    fields: z.array(
      z.object({ name: z.string(), type: z.object({ name: z.string().nullable(), ofType: z.unknown() }) }),
    ),
  }),
)

test('each field that introspection says it has can be asked for', async () => {
  const world = await startWorld()
  const names = ['__Schema', '__Type', '__Field', '__InputValue', '__EnumValue', '__Directive']
  const type = 'type { name ofType { name ofType { name ofType { name } } } }'
  const asked = names.map(
    name => `${name.slice(2)}: __type(name: "${name}") { name fields(includeDeprecated: true) { name ${type} } }`,
  )
  const types = Object.values(listed.parse(await world.data(`{ ${asked.join(' ')} }`)))
  expect(types.map(({ name }) => name)).toEqual(names)
  const fieldsOf = new Map(types.map(({ name, fields }) => [name, fields]))
  const selectionOf = (name: string, levels: number): string =>
    (fieldsOf.get(name) ?? [])
      .flatMap(field => {
        const inner = names.find(one => JSON.stringify(field.type).includes(`"${one}"`))
        if (inner === undefined) return [field.name]
        return levels === 0 ? [] : [`${field.name} { ${selectionOf(inner, levels - 1)} }`]
      })
      .join(' ')
  for (const name of ['Customer', 'Node', 'OrderFilter', 'OrderStatus', 'DateTime', '__Type', 'Nothing']) {
    await world.data(`query($name: String!) { __type(name: $name) { ${selectionOf('__Type', 2)} } }`, { name })
  }
  await world.data(`{ __schema { ${selectionOf('__Schema', 2)} } }`)
})

test('what is asked of the schema stands among the data, under any name and in its place', async () => {
  const world = await startWorld()
  const query = `query Q($name: String!, $not: Boolean!) {
    id: __type(name: $name) { id: name isOneOf } ...F customer: __schema { queryType { name } } kind: __typename
    left: __schema @include(if: $not) { queryType { name } }
  }
  fragment F on Query { order: customer(id: "101") { id: name orders(first: 1) { __typename } } id: __type(name: $name) { ...G } }
  fragment G on __Type { kind }`
  const { data, errors } = await world.ask(query, { name: 'OrderFilter', not: false })
  expect(errors).toEqual([])
  expect(JSON.stringify(data)).toBe(
    JSON.stringify({
      id: { id: 'OrderFilter', isOneOf: false, kind: 'INPUT_OBJECT' },
      order: { id: 'Ada Larkin', orders: { __typename: 'OrderConnection' } },
      customer: { queryType: { name: 'Query' } },
      kind: 'Query',
    }),
  )
})

test('in production it is refused over a websocket too, and not for the name of a field alone', async () => {
  const world = await startWorld({ isExplorable: false })
  const refused = await world.ask('query { ...F } fragment F on Query { x: __type(name: "Customer") { name } }')
  expect(codes(refused)).toEqual(['GRAPHQL_VALIDATION_FAILED'])
  expect(refused.errors[0]?.message).toContain('schema/api.graphql')
  await expect(world.subscribe('{ __schema { queryType { name } } }').next()).rejects.toThrow('Introspection is off')
  expect(await world.data('{ __schema: customer(id: "101") { __typename } }')).toEqual({
    __schema: { __typename: 'Customer' },
  })
})
