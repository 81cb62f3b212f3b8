import { GraphQLScalarType } from 'graphql'
import { CurrencyResolver, DateTimeISOResolver, LocalDateResolver, SafeIntResolver, URLResolver } from 'graphql-scalars'

/** The scalars of `shared.graphql`: a `DateTime` and a `Date` leave as text, a `DateTime` arrives as a `Date` object. */
export const scalars = {
  DateTime: new GraphQLScalarType({ ...DateTimeISOResolver.toConfig(), name: 'DateTime' }),
  Date: new GraphQLScalarType({ ...LocalDateResolver.toConfig(), name: 'Date' }),
  Currency: CurrencyResolver,
  SafeInt: SafeIntResolver,
  URL: URLResolver,
}
