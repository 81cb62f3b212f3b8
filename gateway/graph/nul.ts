import { GraphQLError, valueFromASTUntyped, visit, type OperationDefinitionNode } from 'graphql'

/**
 * Refuses a mutation that would write the character U+0000. JSON and GraphQL can spell it, but Postgres keeps no text that holds it, and
 * tools refuse it or cut the text there.
 * @param operation as it is planned: its fragments opened, its conditions decided
 * @throws GraphQLError `BAD_USER_INPUT` that names the field, such as `input.lines.0.description`
 */
export function refuseNul(operation: OperationDefinitionNode, variables: Readonly<Record<string, unknown>>): void {
  visit(operation, {
    Argument({ name, value }) {
      const place = placeOfNul(name.value, valueFromASTUntyped(value, variables))
      if (place === null) return
      throw new GraphQLError(`${place} holds the character U+0000, which no tool keeps: leave it out.`, {
        extensions: { code: 'BAD_USER_INPUT', http: { status: 400 } },
      })
    },
  })
}

/** Values are nested at most as deeply as operations may be. */
function placeOfNul(place: string, value: unknown): string | null {
  if (typeof value === 'string') return value.includes('\0') ? place : null
  if (typeof value !== 'object' || value === null) return null
  for (const [name, inner] of Object.entries(value)) {
    const found = placeOfNul(`${place}.${name}`, inner)
    if (found !== null) return found
  }
  return null
}
