import { readFileSync } from 'node:fs'
import { preset } from '@graphql-codegen/client-preset'
import { codegen } from '@graphql-codegen/core'
import { outputIntrospectionFile, minifyIntrospection } from 'gql.tada/internal'
import {
  buildASTSchema,
  introspectionFromSchema,
  isAbstractType,
  isObjectType,
  parse,
  print,
  type DocumentNode,
  type GraphQLSchema,
  type IntrospectionQuery,
} from 'graphql'

/** What a scalar is over the wire: an instant is text. */
const scalars = {
  ID: 'string',
  DateTime: 'string',
  Date: 'string',
  Currency: 'string',
  SafeInt: 'number',
  Decimal: 'number | string',
  URL: 'string',
}

const folder = 'test/client/preset/'

/** Files with operations: documents, and modules with operations in the tag `graphql`. */
const sources = ['test/client/operations.graphql', 'test/client/preset-fragments.ts']

/**
 * The client preset's files and gql.tada's of what clients see.
 * @param schema as schema/api.graphql has it
 * @returns the text of each by its path from the project's folder
 */
export async function clientFiles(schema: DocumentNode): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>()
  const generates = await preset.buildGeneratesSection({
    baseOutputDir: folder,
    schema,
    schemaAst: buildASTSchema(schema),
    documents: sources.flatMap(documentsIn),
    presetConfig: {},
    config: {
      scalars,
      strictScalars: true,
      useTypeImports: true,
      immutableTypes: true,
      enumType: 'string-literal',
      importExtension: '.ts',
    },
    plugins: [],
    pluginMap: {},
  })
  for (const options of generates) files.set(options.filename, await codegen(options))
  files.set('test/client/cache-types.ts', cacheTypes(buildASTSchema(schema)))
  files.set('test/client/tada-env.d.ts', tadaTypes(introspectionFromSchema(buildASTSchema(schema))))
  return files
}

function documentsIn(location: string) {
  const text = readFileSync(new URL(`../../${location}`, import.meta.url), 'utf8')
  const parts = location.endsWith('.ts')
    ? [...text.matchAll(/graphql\(`([^`]*)`\)/g)].map(([, inner = '']) => inner)
    : parse(text).definitions.map(print)
  return parts.map(rawSDL => ({ location, rawSDL, document: parse(rawSDL) }))
}

/** What caches have to be told of the types. */
function cacheTypes(schema: GraphQLSchema): string {
  const types = Object.values(schema.getTypeMap()).filter(({ name }) => !name.startsWith('__'))
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]
  const embedded = types.filter(type => isObjectType(type) && !roots.includes(type) && !('id' in type.getFields()))
  const possible = types.filter(isAbstractType).map(type => [type.name, schema.getPossibleTypes(type).map(nameOf)])
  return `
    /** Types without an \`id\`: a cache keeps them where they stand. */
    export const embeddedTypes = ${JSON.stringify(embedded.map(nameOf))} as const

    /** The types behind each interface and union. */
    export const possibleTypes = ${JSON.stringify(Object.fromEntries(possible))}`
}

function nameOf({ name }: { readonly name: string }): string {
  return name
}

function tadaTypes(introspection: IntrospectionQuery): string {
  return outputIntrospectionFile(minifyIntrospection(introspection), { fileType: '.d.ts', shouldPreprocess: true })
}
