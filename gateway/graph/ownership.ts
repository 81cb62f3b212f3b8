import { Kind, type DocumentNode, type FieldDefinitionNode, type TypeNode } from 'graphql'
import { isEntityType } from '../../schema/entities.ts'
import type { FieldOwnership } from '../../schema/ownership.ts'
import type { SubgraphSource } from './sources.ts'

type Table = Readonly<Record<string, FieldOwnership>>

interface Claim {
  readonly subgraph: string
  readonly field: FieldDefinitionNode
}

/**
 * Holds the roles' SDL against the table of owners.
 * @returns one sentence a fault, naming the field, the owner, the claimant and what to do; empty when all is well
 */
export function ownershipFaults(sources: readonly SubgraphSource[], table: Table): readonly string[] {
  const faults: string[] = []
  const claims = claimsOf(sources)
  for (const [name, claimants] of claims) {
    const [entity = '', field = ''] = name.split('.')
    if (isEntityType(entity)) {
      const row = table[name]
      if (row === undefined) {
        const by = claimants.map(claim => claim.subgraph).join(' and ')
        faults.push(`${name} is defined by ${by} but has no owner: add it to schema/ownership.ts, or remove the field.`)
        continue
      }
      for (const claim of claimants) {
        if (claim.subgraph === row.owner) continue
        faults.push(
          `${name} is owned by ${row.owner} but also claimed by ${claim.subgraph}: remove ${field} from ${claim.subgraph}'s SDL, or change the owner in schema/ownership.ts.`,
        )
      }
    } else if (claimants.length > 1 && !isRootType(entity) && !isValueType(sources, entity)) {
      const by = claimants.map(claim => claim.subgraph).join(' and ')
      faults.push(
        `${name} is defined by ${by}, and ${entity} is neither an entity nor a shared value type: keep it in one of them, or move the type to schema/shared.graphql with @shareable.`,
      )
    } else if (claimants.length > 1 && isRootType(entity)) {
      const by = claimants.map(claim => claim.subgraph).join(' and ')
      faults.push(`${name} is answered by ${by}: one subgraph must answer a root field; rename or remove one.`)
    }
  }
  for (const [name, row] of Object.entries(table)) {
    const owners = (claims.get(name) ?? []).filter(claim => claim.subgraph === row.owner)
    if (owners.length === 0) {
      faults.push(
        `${name} is owned by ${row.owner} in schema/ownership.ts, but ${row.owner}'s SDL does not define it: define it there, or remove the row.`,
      )
    }
    if (row.copies.some(copy => copy === row.owner)) {
      faults.push(`${name} is owned by ${row.owner}, which cannot be its own copy: remove it from copies.`)
    }
  }
  return faults
}

/** Fields that identify an entity. Every role that refers to it answers them without a call to its tool. */
const identity: ReadonlySet<string> = new Set(['id', 'nodeId'])

/** Every claim to a field of an object type, keys left out. */
function claimsOf(sources: readonly SubgraphSource[]): Map<string, Claim[]> {
  const claims = new Map<string, Claim[]>()
  for (const { name, typeDefs } of sources) {
    for (const type of objectTypesOf(typeDefs)) {
      for (const field of type.fields ?? []) {
        if (isEntityType(type.name.value) && identity.has(field.name.value)) continue
        const key = `${type.name.value}.${field.name.value}`
        const list = claims.get(key) ?? []
        list.push({ subgraph: name, field })
        claims.set(key, list)
      }
    }
  }
  return claims
}

function objectTypesOf(typeDefs: DocumentNode) {
  return typeDefs.definitions.flatMap(node =>
    node.kind === Kind.OBJECT_TYPE_DEFINITION || node.kind === Kind.OBJECT_TYPE_EXTENSION ? [node] : [],
  )
}

function isRootType(name: string): boolean {
  return name === 'Query' || name === 'Mutation' || name === 'Subscription'
}

/** A type is a value type when every subgraph that defines it says so. */
function isValueType(sources: readonly SubgraphSource[], name: string): boolean {
  return sources.every(source =>
    objectTypesOf(source.typeDefs)
      .filter(type => type.name.value === name)
      .every(type => type.directives?.some(directive => directive.name.value === 'shareable') ?? false),
  )
}

/**
 * One vendor's fault must not null a page: the fields of entities (keys aside) and of the roots must be nullable.
 * @returns one sentence a fault
 */
export function nullabilityFaults(sources: readonly SubgraphSource[]): readonly string[] {
  const faults: string[] = []
  for (const [name, claimants] of claimsOf(sources)) {
    const [type = ''] = name.split('.')
    if (!isRootType(type) && !isEntityType(type)) continue
    for (const { subgraph, field } of claimants) {
      if (field.type.kind !== Kind.NON_NULL_TYPE) continue
      faults.push(
        `${name} in ${subgraph} is ${typeText(field.type)}: one system's fault would null everything around it; make it nullable.`,
      )
    }
  }
  return faults
}

function typeText(type: TypeNode): string {
  if (type.kind === Kind.NON_NULL_TYPE) return `${typeText(type.type)}!`
  if (type.kind === Kind.LIST_TYPE) return `[${typeText(type.type)}]`
  return type.name.value
}

/** Names of vendors must not stand in the SDL: changing a system would change the schema. */
export function vendorWordFaults(sources: readonly SubgraphSource[], systems: readonly string[]): readonly string[] {
  const words = new RegExp(systems.join('|'), 'i')
  const faults: string[] = []
  for (const { name, typeDefs } of sources) {
    for (const node of typeDefs.definitions) {
      if (!('name' in node) || node.name === undefined) continue
      const fields = 'fields' in node ? (node.fields ?? []) : 'values' in node ? (node.values ?? []) : []
      for (const word of [node.name.value, ...fields.map(field => ('name' in field ? field.name.value : ''))]) {
        if (words.test(word)) faults.push(`${word} in ${name} names a vendor: use the business's word.`)
      }
    }
  }
  return faults
}
