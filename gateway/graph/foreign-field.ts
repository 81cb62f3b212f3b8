import { Kind, type GraphQLFormattedError, type TypeNode } from 'graphql'
import { entityTypes, type EntityType } from '../../schema/entities.ts'
import { ownership, ownershipOf } from '../../schema/ownership.ts'
import type { Owner } from '../../schema/systems.ts'
import { registry } from '../../subgraphs/registry.ts'
import { subgraphSources } from './sources.ts'

/** A mutation by its input: who answers it, what it is about, and what can be written through it. */
interface Input {
  readonly mutation: string
  readonly role: Owner
  /** Null where it is about no entity. */
  readonly entity: EntityType | null
  readonly fields: ReadonlySet<string>
}

interface OwnedField {
  readonly entity: EntityType
  readonly field: string
  readonly owner: Owner
}

/** In graphql-js's words, in documents and in variables; it says it in no other way. */
const unknownField = /Field "(\w+)" is not defined by type "(\w+)"\.(?: Did you mean .*)?$/

/**
 * Says of an input that has no such field whose field it is, when another role owns it: whoever writes an e-mail through a job is
 * told that the CRM owns it.
 * @param namesMutations whether to say where it can be written; else nothing that `Query.ownership` does not say
 * @returns the error as it came when it is about anything else, or the name could be that of fields of several owners
 */
export function withOwnerNamed(error: GraphQLFormattedError, namesMutations: boolean): GraphQLFormattedError {
  const [, name = '', type = ''] = unknownField.exec(error.message) ?? []
  if (type === '') return error
  inputs ??= readInputs()
  const input = inputs.get(type)
  if (input === undefined) return error
  const owned = ownedField(name, input)
  if (owned === null || owned.owner === input.role) return error
  const { entity, field, owner } = owned
  const system = registry.find(({ role }) => role === owner)?.system ?? null
  const by = system === null ? owner : `${owner} (${system})`
  const todo = namesMutations ? whereToWrite(owned, inputs) : ''
  return {
    ...error,
    message: `${entity}.${field} is owned by ${by} and cannot be written through ${input.role}.${todo}`,
    extensions: {
      ...error.extensions,
      code: 'NOT_OWNER',
      field: `${entity}.${field}`,
      owner,
      system,
      role: input.role,
    },
  }
}

/** Read once it is needed: the start does without. */
let inputs: ReadonlyMap<string, Input> | null = null

/** By the name of the input's type. */
function readInputs(): ReadonlyMap<string, Input> {
  const found = new Map<string, Input>()
  for (const { name: role, typeDefs } of subgraphSources()) {
    const fieldsOf = new Map(
      typeDefs.definitions.flatMap(node =>
        node.kind === Kind.INPUT_OBJECT_TYPE_DEFINITION
          ? [[node.name.value, new Set(node.fields?.map(({ name }) => name.value))] as const]
          : [],
      ),
    )
    for (const node of typeDefs.definitions) {
      if (node.kind !== Kind.OBJECT_TYPE_DEFINITION || node.name.value !== 'Mutation') continue
      for (const { name, arguments: given = [] } of node.fields ?? []) {
        const [input] = given
        if (input === undefined) continue
        const type = nameOf(input.type)
        const entity = entityTypes.find(one => name.value.includes(one)) ?? null
        found.set(type, { mutation: name.value, role, entity, fields: fieldsOf.get(type) ?? new Set() })
      }
    }
  }
  return found
}

function nameOf(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : nameOf(type.type)
}

/** Which field is meant: `customerEmail` and, where nothing else is called so, `email` are Customer.email. */
function ownedField(name: string, { entity }: Input): OwnedField | null {
  if (entity !== null) {
    const own = ownershipOf(entity, name)
    if (own !== undefined) return { entity, field: name, owner: own.owner }
  }
  const meant = Object.keys(ownership).flatMap(known => {
    const type = entityTypes.find(one => known.startsWith(`${one}.`))
    if (type === undefined) return []
    const field = known.slice(type.length + 1)
    const spelled = [field, `${type.toLowerCase()}${field.charAt(0).toUpperCase()}${field.slice(1)}`]
    const row = ownershipOf(type, field)
    return row !== undefined && spelled.includes(name) ? [{ entity: type, field, owner: row.owner }] : []
  })
  const [first = null] = meant
  return meant.every(({ owner }) => owner === first?.owner) ? first : null
}

function whereToWrite({ entity, field, owner }: OwnedField, known: ReadonlyMap<string, Input>): string {
  const mutations = [...known.values()]
    .filter(input => input.role === owner && input.entity === entity && input.fields.has(field))
    .map(({ mutation }) => mutation)
  return mutations.length === 0 ? ' No mutation writes it.' : ` Write it with ${mutations.toSorted().join(' or ')}.`
}
