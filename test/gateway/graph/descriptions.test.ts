import {
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isSpecifiedScalarType,
  type GraphQLSchema,
} from 'graphql'
import { expect, test } from 'vitest'
import { compose } from '../../../gateway/graph/compose.ts'
import { Planner } from '../../../gateway/graph/planner.ts'
import { subgraphSources } from '../../../gateway/graph/sources.ts'

interface Described {
  readonly name: string
  readonly description?: string | null
}

/** Everything of the schema a reader can look up, by its coordinate. */
function* elementsOf(schema: GraphQLSchema): Generator<readonly [coordinate: string, element: Described]> {
  for (const type of Object.values(schema.getTypeMap())) {
    if (type.name.startsWith('__') || isSpecifiedScalarType(type)) continue
    yield [type.name, type]
    if (isEnumType(type)) {
      for (const value of type.getValues()) yield [`${type.name}.${value.name}`, value]
    } else if (isInputObjectType(type)) {
      for (const field of Object.values(type.getFields())) yield [`${type.name}.${field.name}`, field]
    } else if (isObjectType(type) || isInterfaceType(type)) {
      for (const field of Object.values(type.getFields())) {
        yield [`${type.name}.${field.name}`, field]
        for (const argument of field.args) yield [`${type.name}.${field.name}(${argument.name}:)`, argument]
      }
    }
  }
}

test('every type, field, argument, input field and enum value has a description', () => {
  const { apiGraphQLSchema } = new Planner(compose(subgraphSources()))
  const elements = [...elementsOf(apiGraphQLSchema)]
  expect(elements.map(([coordinate]) => coordinate)).toContain('Query.customer(id:)')

  const undescribed = elements.filter(([, { description }]) => (description ?? '').trim() === '')
  expect(undescribed.map(([coordinate]) => coordinate)).toEqual([])
})
