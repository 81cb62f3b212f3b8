import { entityTypes, type EntityType } from '../../schema/entities.ts'
import type { MentionedKind, RecordKind, RecordRef, Role, System } from '../../schema/systems.ts'

/** A system's kind of records, and what its records are in the graph. */
export type KnownKind = RecordKind & { readonly system: System; readonly role: Role }

/** A kind whose names the records of others show. */
export type KnownMentionedKind = Omit<MentionedKind, 'as'> & {
  readonly system: System
  /** For records that are entities or copies themselves: their own fields that the name stands in. Null for the others. */
  readonly nameFields: readonly string[] | null
}

/** What a catalogue is made of; every SystemDefinition is one. */
export interface CatalogueEntry {
  readonly system: System
  readonly role: Role
  readonly kinds: readonly RecordKind[]
}

/** Which kinds of records are connected, and which of them own an entity. */
export interface Catalogue {
  /** Entity types that have an owner. */
  readonly entities: readonly EntityType[]
  readonly kinds: readonly KnownKind[]
  /** @throws Error for a kind that no connected system has declared */
  kindOf(record: Pick<RecordRef, 'system' | 'kind'>): KnownKind
  /** Whose records are the entities of this type; null while no connected system plays that role. */
  ownerOf(entity: EntityType): KnownKind | null
  copiesOf(entity: EntityType): readonly KnownKind[]
  isOwner(record: Pick<RecordRef, 'system' | 'kind'>): boolean
  /** The kind of a record whose name others show; null for the others. */
  mentionedKindOf(record: Pick<RecordRef, 'system' | 'kind'>): KnownMentionedKind | null
}

/** @throws Error when a kind is declared twice, or two kinds claim to own one entity type */
export function openCatalogue(definitions: readonly CatalogueEntry[]): Catalogue {
  const kinds: KnownKind[] = []
  const byName = new Map<string, KnownKind>()
  const owners = new Map<EntityType, KnownKind>()
  for (const { system, role, kinds: declared } of definitions) {
    for (const one of declared) {
      const { entity, as } = one
      const known: KnownKind = { system, role, ...one }
      if (byName.has(nameOf(known))) throw new Error(`${nameOf(known)} is declared twice: declare it once`)
      byName.set(nameOf(known), known)
      kinds.push(known)
      if (as !== 'owner') continue
      const other = owners.get(entity)
      if (other !== undefined) {
        throw new Error(`${entity} is owned by ${nameOf(other)} and by ${nameOf(known)}: connect one of them only`)
      }
      owners.set(entity, known)
    }
  }
  return {
    entities: entityTypes.filter(type => owners.has(type)),
    kinds,
    kindOf(record) {
      const known = byName.get(nameOf(record))
      if (known === undefined) {
        throw new Error(`expected a kind of record that a connected system declares, got ${nameOf(record)}`)
      }
      return known
    },
    ownerOf: entity => owners.get(entity) ?? null,
    copiesOf: entity => kinds.filter(known => known.as === 'copy' && known.entity === entity),
    isOwner: record => byName.get(nameOf(record))?.as === 'owner',
    mentionedKindOf(record) {
      const known = byName.get(nameOf(record))
      if (known?.as === 'mentioned') return { ...known, nameFields: null }
      if (known?.shownBy === undefined) return null
      const { system, kind, shownBy } = known
      const { entity, fields, nameFields, isHeld } = shownBy
      return { system, kind, entity, fields, nameFields, isReadApart: isHeld !== true }
    },
  }
}

function nameOf(record: Pick<RecordRef, 'system' | 'kind'>): string {
  return `${record.system}:${record.kind}`
}
