import { GraphQLError, GraphQLScalarType, Kind } from 'graphql'
import { CurrencyResolver, DateTimeISOResolver, LocalDateResolver, SafeIntResolver, URLResolver } from 'graphql-scalars'
import { decimalOf, jsonOf } from './decimal.ts'

/** The scalars of `shared.graphql`: a `DateTime` and a `Date` leave as text, a `DateTime` arrives as a `Date` object. A `Decimal` keeps its digits. */
export const scalars = {
  DateTime: new GraphQLScalarType({ ...DateTimeISOResolver.toConfig(), name: 'DateTime' }),
  Date: new GraphQLScalarType({ ...LocalDateResolver.toConfig(), name: 'Date' }),
  Currency: CurrencyResolver,
  SafeInt: SafeIntResolver,
  URL: URLResolver,
  Decimal: new GraphQLScalarType<number | string, number | string>({
    name: 'Decimal',
    serialize: value => jsonOf(decimalIn(value)),
    // Kept as JSON can hold it, so that an input that is stored and sent again is the same input.
    parseValue: value => jsonOf(decimalIn(value)),
    parseLiteral(node) {
      if (node.kind === Kind.INT || node.kind === Kind.FLOAT || node.kind === Kind.STRING) {
        return jsonOf(decimalIn(node.value))
      }
      throw new GraphQLError('Decimal: expected a number, or text that holds one', { nodes: node })
    },
  }),
}

/** @throws GraphQLError for what is no decimal number */
function decimalIn(value: unknown): string {
  const decimal = decimalOf(value)
  if (decimal !== null) return decimal
  throw new GraphQLError('Decimal: expected a number like 2.5, of 40 digits at most on either side of the point')
}
