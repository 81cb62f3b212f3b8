import type { GraphQLDataSource } from '@apollo/gateway'
import { buildSubgraphSchema } from '@apollo/subgraph'
import { execute, parse, type DocumentNode, type GraphQLSchema } from 'graphql'
import { LRUCache } from 'lru-cache'
import { scalars } from '../../schema/scalars.ts'
import type { Owner } from '../../schema/systems.ts'
import type { Log } from '../../subgraphs/contract.ts'
import type { OperationContext } from './context.ts'
import { clientError } from './errors.ts'
import { answerNodeIds } from './node-ids.ts'

type Module = Extract<
  Extract<Parameters<typeof buildSubgraphSchema>[0], readonly unknown[]>[number],
  { typeDefs: DocumentNode }
>

export type Resolvers = NonNullable<Module['resolvers']>

/** A subgraph that runs in this process. */
export interface LocalSubgraph {
  readonly name: Owner
  readonly schema: GraphQLSchema
  readonly dataSource: GraphQLDataSource<OperationContext>
}

/** Fetches of plans kept parsed, per subgraph. */
const maxDocuments = 2000

/**
 * Makes a subgraph of SDL and resolvers.
 * Its data source answers the planner's fetches without a detour over HTTP. A fetch comes from a validated operation, so
 * it is not validated again; a fault of one field is an error of that field.
 */
export function openSubgraph(name: Owner, typeDefs: DocumentNode, resolvers: Resolvers, log: Log): LocalSubgraph {
  const schema = buildSubgraphSchema([{ typeDefs, resolvers: { ...scalars, ...resolvers } }])
  answerNodeIds(schema)
  const documents = new LRUCache<string, DocumentNode>({ max: maxDocuments })
  const parsed = (query: string): DocumentNode => {
    const known = documents.get(query)
    if (known !== undefined) return known
    const document = parse(query, { noLocation: true })
    documents.set(query, document)
    return document
  }
  return {
    name,
    schema,
    dataSource: {
      async process({ request, context }) {
        if (!isOperationContext(context)) throw new Error('expected the context of a running operation; see context.ts')
        const result = await execute({
          schema,
          document: parsed(request.query ?? ''),
          variableValues: request.variables,
          operationName: request.operationName,
          contextValue: context,
          rootValue:
            context.purpose.kind === 'push' ? { [context.purpose.frame.field]: context.purpose.frame } : undefined,
        })
        return {
          data: result.data,
          errors: result.errors?.map(error => clientError(error, name, log)),
        }
      },
    },
  }
}

function isOperationContext(context: object): context is OperationContext {
  return 'purpose' in context && 'call' in context && 'links' in context
}
