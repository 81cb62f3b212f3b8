import {
  BREAK,
  execute,
  GraphQLError,
  visit,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql'
import type { GatewayExecutionResult } from '@apollo/server-gateway-interface'
import { chosenDocument } from './chosen.ts'
import { isIntrospection } from './collect.ts'
import type { Introspection } from './planner.ts'

/** Whether each operation asks something of the schema: its document is kept, and comes again. */
const asksSchema = new WeakMap<OperationDefinitionNode, boolean>()

/**
 * Why the operation is refused where introspection is off; null when it asks nothing of the schema.
 * @param document may hold other operations, which do not run
 */
export function introspectionRefusal(document: DocumentNode, operation: OperationDefinitionNode): GraphQLError | null {
  const isAsking = asksSchema.get(operation) ?? hasIntrospection(document, operation)
  asksSchema.set(operation, isAsking)
  if (!isAsking) return null
  return new GraphQLError(
    'Introspection is off in production. The schema is the file schema/api.graphql; npm run dev answers introspection.',
    {
      extensions: {
        code: 'GRAPHQL_VALIDATION_FAILED',
        validationErrorCode: 'INTROSPECTION_DISABLED',
        http: { status: 400 },
      },
    },
  )
}

function hasIntrospection(document: DocumentNode, operation: OperationDefinitionNode): boolean {
  let isFound = false
  visit(chosenDocument(document, operation), {
    Field(field) {
      if (!isIntrospection(field)) return undefined
      isFound = true
      return BREAK
    },
  })
  return isFound
}

/**
 * Adds what was asked of the schema. graphql-js answers it: Federation's library knows neither `isOneOf` nor whatever else comes
 * into the specification.
 */
export async function withIntrospection(
  schema: GraphQLSchema,
  { document, rootNames }: Introspection,
  variableValues: Readonly<Record<string, unknown>>,
  result: GatewayExecutionResult,
): Promise<GatewayExecutionResult> {
  const answered = await execute({ schema, document, variableValues })
  const found = new Map(Object.entries({ ...result.data, ...answered.data }))
  const errors = [...(result.errors ?? []), ...(answered.errors ?? [])]
  return {
    ...result,
    data: answered.data == null ? null : Object.fromEntries(rootNames.map(name => [name, found.get(name) ?? null])),
    ...(errors.length === 0 ? {} : { errors }),
  }
}
