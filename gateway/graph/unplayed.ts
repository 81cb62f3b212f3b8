import { Kind, type DocumentNode } from 'graphql'
import { isEntityType, type EntityType } from '../../schema/entities.ts'
import type { Links, RecordIndex } from '../../subgraphs/contract.ts'
import { roleNotConfigured, type UnplayedRole } from '../unplayed-roles.ts'
import type { Lookups } from './context.ts'
import type { Resolvers } from './subgraph.ts'

const rootTypes: ReadonlySet<string> = new Set(['Query', 'Mutation', 'Subscription'])

/**
 * Resolvers for the SDL of a role that no tool plays: each of its root fields and each field that it adds to an entity is an
 * error. Keys resolve, because other roles hand them on. Types that only these fields lead to need none.
 */
export function unplayedResolvers(typeDefs: DocumentNode, unplayed: UnplayedRole): Resolvers {
  const refuse = (): never => {
    throw roleNotConfigured(unplayed)
  }
  const resolvers: Record<string, Record<string, () => never>> = {}
  for (const definition of typeDefs.definitions) {
    if (definition.kind !== Kind.OBJECT_TYPE_DEFINITION && definition.kind !== Kind.OBJECT_TYPE_EXTENSION) continue
    const type = definition.name.value
    if (!rootTypes.has(type) && !isEntityType(type)) continue
    const fields = (definition.fields ?? []).map(field => field.name.value).filter(name => name !== 'id')
    resolvers[type] = { ...resolvers[type], ...Object.fromEntries(fields.map(name => [name, refuse])) }
  }
  return resolvers
}

/**
 * Links and index that refuse entities whose owner is no tool here: whether such an entity exists cannot be known. So
 * `Order.customer` is null with an error that says why, and nothing is written for a customer who may not exist.
 */
export function guardLookups(lookups: Lookups, unplayed: readonly UnplayedRole[]): Lookups {
  if (unplayed.length === 0) return lookups
  const owners = new Map(
    unplayed.flatMap(one => one.kinds.flatMap(({ entity, as }) => (as === 'owner' ? [[entity, one] as const] : []))),
  )
  const check = (type: EntityType): void => {
    const owner = owners.get(type)
    if (owner !== undefined) throw roleNotConfigured(owner)
  }
  const { links, index, forget } = lookups
  const guardedLinks: Links = {
    ...links,
    async resolve(entity) {
      check(entity.type)
      return links.resolve(entity)
    },
    async parentOf(child, entity) {
      check(entity)
      return links.parentOf(child, entity)
    },
    async recordsOf(entity, system) {
      check(entity.type)
      return links.recordsOf(entity, system)
    },
  }
  const guardedIndex: RecordIndex = {
    ...index,
    async page(entity, within, filter, page) {
      check(entity)
      for (const { type } of [...(within === null ? [] : [within]), ...(filter.parents ?? [])]) check(type)
      return index.page(entity, within, filter, page)
    },
  }
  return { links: guardedLinks, index: guardedIndex, forget }
}
