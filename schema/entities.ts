/**
 * The things of the graph. An entity's id is its owner's record id: `Customer` 101 is the CRM's record 101.
 * Ids a merge has retired live on as aliases and answer with the winner.
 */
export const entityTypes = ['Customer', 'Order', 'Product', 'Job'] as const

export type EntityType = (typeof entityTypes)[number]

export interface EntityRef {
  readonly type: EntityType
  readonly id: string
}

export function isEntityType(text: string): text is EntityType {
  return entityTypes.some(type => type === text)
}

/** One string an entity, for maps and topics. Types hold no colon, so it is unambiguous. */
export function entityKey(ref: EntityRef): string {
  return `${ref.type}:${ref.id}`
}
