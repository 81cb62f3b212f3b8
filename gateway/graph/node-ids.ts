import {
  isObjectType,
  Kind,
  type ConstDirectiveNode,
  type DocumentNode,
  type FieldDefinitionNode,
  type GraphQLSchema,
  type NamedTypeNode,
  type ObjectTypeDefinitionNode,
  type ObjectTypeExtensionNode,
} from 'graphql'
import { z } from 'zod'
import { isEntityType } from '../../schema/entities.ts'
import { nodeIdOf } from '../../schema/node-id.ts'

type TypeNode = ObjectTypeDefinitionNode | ObjectTypeExtensionNode

/**
 * Gives each type that has an `id` a `nodeId`, in every subgraph that has the type: the subgraph that answers the `id` answers it too, so it
 * costs no fetch and no call. Entities implement `Node`.
 * @param node the SDL of `Node`; its field, with its description, is what the types get
 */
export function withNodeIds(typeDefs: DocumentNode, node: DocumentNode): DocumentNode {
  const field = nodeIdField(node)
  const definitions = typeDefs.definitions.map(type => {
    if (!lacksNodeId(type)) return type
    const isEntity = isEntityType(type.name.value)
    return {
      ...type,
      interfaces: isEntity ? [...(type.interfaces ?? []), nodeType] : type.interfaces,
      // Several subgraphs answer it.
      fields: [...(type.fields ?? []), isEntity ? { ...field, directives: [shareable] } : field],
    }
  })
  return { ...typeDefs, definitions: [...definitions, ...node.definitions] }
}

/** Answers `nodeId` for every type that has one. */
export function answerNodeIds(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    const field = isObjectType(type) ? type.getFields()[nodeIdName] : undefined
    if (field === undefined) continue
    field.resolve = source => nodeIdOf({ type: type.name, parts: partsOf(type.name, source) })
  }
}

const nodeIdName = 'nodeId'

const nodeType: NamedTypeNode = { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: 'Node' } }

const shareable: ConstDirectiveNode = { kind: Kind.DIRECTIVE, name: { kind: Kind.NAME, value: 'shareable' } }

const identified = z.object({ id: z.union([z.string(), z.number()]).transform(String) })

/** A tool's own id is unique only with the tool and its word for the kind. */
const record = z.object({ system: z.string(), kind: z.string(), id: z.string() })

function partsOf(type: string, source: unknown): readonly [string, ...string[]] {
  if (type === 'Record') {
    const { system, kind, id } = record.parse(source)
    return [system, kind, id]
  }
  return [identified.parse(source).id]
}

function isObjectTypeNode(node: DocumentNode['definitions'][number]): node is TypeNode {
  return node.kind === Kind.OBJECT_TYPE_DEFINITION || node.kind === Kind.OBJECT_TYPE_EXTENSION
}

function lacksNodeId(node: DocumentNode['definitions'][number]): node is TypeNode {
  return isObjectTypeNode(node) && hasField(node, 'id') && !hasField(node, nodeIdName)
}

function hasField({ fields = [] }: TypeNode, name: string): boolean {
  return fields.some(field => field.name.value === name)
}

function nodeIdField({ definitions }: DocumentNode): FieldDefinitionNode {
  for (const node of definitions) {
    const field = node.kind === Kind.INTERFACE_TYPE_DEFINITION ? node.fields?.[0] : undefined
    if (field !== undefined) return field
  }
  throw new Error('expected the interface Node with its field; see schema/node.graphql')
}
