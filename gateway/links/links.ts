import DataLoader from 'dataloader'
import { sql } from 'kysely'
import { entityKey, type EntityRef, type EntityType } from '../../schema/entities.ts'
import { evidences, type Evidence, type Link, type Reference } from '../../schema/link.ts'
import { recordKey, type RecordRef } from '../../schema/systems.ts'
import type { Links } from '../../subgraphs/contract.ts'
import type { Store, StoreReader } from '../store/store.ts'
import type { Catalogue, KnownKind } from './catalogue.ts'
import { Living } from './living.ts'
import { byKind, inParts, isLivingRecord, linkedTo, readLinks } from './records.ts'

/** The links as resolvers ask for them, and as `Customer.links` shows them. */
export interface OpenLinks extends Links {
  /** Every record of an entity with why we hold it to be the entity's, strongest evidence first. */
  linksOf(entity: EntityRef): Promise<readonly Link[]>
  /** The records that name an entity in a field, the one that changed last first; the first hundred of them. */
  referencesOf(entity: EntityRef): Promise<readonly Reference[]>
}

/** Records that name an entity, as far as they are shown; all of them are pages of its orders and jobs. */
const mostReferences = 100

/**
 * Opens the links for one operation. Calls of one tick are one statement for each entity type.
 * @param living what the operation has seen to be living; nothing else is kept
 */
export function openLinks(store: Store, catalogue: Catalogue, living = new Living()): OpenLinks {
  const options = { cache: false, maxBatchSize: 400 }
  const entities = new DataLoader<EntityRef, EntityRef | null>(
    refs => store.read(db => readEntities(db, catalogue, refs)),
    options,
  )
  const links = new DataLoader<EntityRef, readonly ShownLink[]>(
    refs => store.read(db => readLinksOf(db, catalogue, refs)),
    options,
  )
  const copies = new DataLoader<RecordRef, EntityRef | null>(async records => {
    const rows = await store.read(db => readLinks(db, catalogue, records))
    return records.map(record => {
      const id = linkedTo(rows.get(recordKey(record)))
      return id === null ? null : { type: catalogue.kindOf(record).entity, id }
    })
  }, options)
  const parents = new DataLoader<Child, EntityRef | null>(
    children => store.read(db => readParentsOf(db, children)),
    options,
  )
  return {
    resolve,
    entityOf(record) {
      const known = catalogue.kindOf(record)
      return known.as === 'owner' ? resolve({ type: known.entity, id: record.id }) : copies.load(record)
    },
    async parentOf(child, entity) {
      const record = 'type' in child ? ownRecord(child) : child
      const parent = record === null ? null : await parents.load({ record, entity })
      if (parent !== null) living.add(parent)
      return parent
    },
    async recordsOf(entity, system) {
      const all = await links.load(entity)
      return all
        .filter(link => link.record.system === system && link.evidence !== 'merged')
        .map(({ record, evidence, isContradicted }) => ({ record, evidence, isContradicted }))
    },
    isKnown: record => isLivingRecord(store, record),
    linksOf: entity => links.load(entity),
    referencesOf: entity => store.read(db => readReferencesOf(db, catalogue, entity)),
  }

  function ownRecord({ type, id }: EntityRef): RecordRef | null {
    const owner = catalogue.ownerOf(type)
    return owner === null ? null : { system: owner.system, kind: owner.kind, id }
  }

  async function resolve(entity: EntityRef): Promise<EntityRef | null> {
    if (living.has(entity)) return entity
    const found = await entities.load(entity)
    if (found !== null) living.add(found)
    return found
  }
}

interface Child {
  readonly record: RecordRef
  readonly entity: EntityType
}

/** Ids of entities by their type, with the type's owner; types without an owner are left out. */
function byOwner(catalogue: Catalogue, refs: readonly EntityRef[]): readonly { owner: KnownKind; ids: Set<string> }[] {
  const groups = new Map<EntityType, Set<string>>()
  for (const { type, id } of refs) groups.set(type, (groups.get(type) ?? new Set()).add(id))
  return [...groups].flatMap(([type, ids]) => {
    const owner = catalogue.ownerOf(type)
    return owner === null ? [] : [{ owner, ids }]
  })
}

async function readEntities(
  db: StoreReader,
  catalogue: Catalogue,
  refs: readonly EntityRef[],
): Promise<(EntityRef | null)[]> {
  const found = new Map<string, EntityRef | null>()
  for (const { owner, ids } of byOwner(catalogue, refs)) {
    const { system, kind, entity: type } = owner
    const list = sql.join([...ids])
    const { rows } = await sql<{ id: string | null; target: string | null; is_living: number | null }>`
      select r.record_id as id, r.record_id as target, 1 - r.is_deleted as is_living from records r
        where r.system = ${system} and r.kind = ${kind} and r.record_id in (${list})
      union all
      select l.record_id, l.entity_id, 1 - w.is_deleted from links l
        left join records w on w.system = l.system and w.kind = l.kind and w.record_id = l.entity_id
        where l.system = ${system} and l.kind = ${kind} and l.record_id in (${list}) and l.evidence = 'merged'
      union all
      select null, null, case when p.completed_at is null then 0 else 1 end from import_progress p
        where p.system = ${system} and p.kind = ${kind}`.execute(db)
    const isComplete = rows.some(row => row.id === null && row.is_living === 1)
    for (const id of ids) {
      const own = rows.filter(row => row.id === id)
      const row = own.find(({ target }) => target !== id) ?? own[0]
      const target = { type, id: row?.target ?? id }
      const isLiving = row?.is_living ?? null
      found.set(entityKey({ type, id }), isLiving === 1 || (isLiving === null && !isComplete) ? target : null)
    }
  }
  return refs.map(ref => found.get(entityKey(ref)) ?? null)
}

interface ShownLink extends Link {
  /** See `LinkedRecord`. */
  readonly isContradicted: boolean
}

interface LinkOfEntity {
  wanted: string
  living: string
  system: string
  kind: string
  record_id: string
  evidence: Evidence
  linked_at: number
  created_at: number | null
  contradicted: number | null
}

async function readLinksOf(
  db: StoreReader,
  catalogue: Catalogue,
  refs: readonly EntityRef[],
): Promise<readonly ShownLink[][]> {
  const found = new Map<string, LinkOfEntity[]>()
  for (const { owner, ids } of byOwner(catalogue, refs)) {
    const { system, kind, entity: type } = owner
    // `cross join` is where SQLite keeps the order: the few that are wanted first, then their links.
    const { rows } = await sql<LinkOfEntity>`
      with wanted(id, living) as (${livingOf(owner, [...ids])})
      select w.id as wanted, w.living, l.system, l.kind, l.record_id, l.evidence, l.linked_at, r.created_at,
          (select 1 from unlinked u where u.system = l.system and u.kind = l.kind and u.record_id = l.record_id
            and u.reason = 'CONTRADICTED' and u.by_person = 0) as contradicted
        from wanted w cross join links l
          left join records r on r.system = l.system and r.kind = l.kind and r.record_id = l.record_id
        where l.entity_type = ${type} and l.entity_id = w.living and (l.evidence = 'merged' or r.is_deleted = 0)
      union all
      select w.id, w.living, r.system, r.kind, r.record_id, 'owner', coalesce(r.created_at, r.sort_at), r.created_at, null
        from wanted w join records r on r.system = ${system} and r.kind = ${kind} and r.record_id = w.living
        where r.is_deleted = 0`.execute(db)
    for (const row of rows.sort(leadingFirst)) {
      const key = entityKey({ type, id: row.wanted })
      found.set(key, [...(found.get(key) ?? []), row])
    }
  }
  return refs.map(ref =>
    (found.get(entityKey(ref)) ?? []).map(row => ({
      entity: { type: ref.type, id: row.living },
      record: { system: row.system, kind: row.kind, id: row.record_id },
      evidence: row.evidence,
      linkedAt: new Date(row.linked_at),
      isContradicted: row.contradicted === 1,
    })),
  )
}

/** What was written into a field is kept as the parent of the record that has the field. */
async function readReferencesOf(
  db: StoreReader,
  catalogue: Catalogue,
  entity: EntityRef,
): Promise<readonly Reference[]> {
  const owner = catalogue.ownerOf(entity.type)
  if (owner === null) return []
  const { rows } = await sql<Omit<LinkOfEntity, 'wanted' | 'evidence' | 'created_at' | 'contradicted'>>`
    with wanted(id, living) as (${livingOf(owner, [entity.id])})
    select w.living, r.system, r.kind, r.record_id, coalesce(r.updated_at, r.created_at, r.sort_at) as linked_at from wanted w
      cross join parents p join records r on r.id = p.child
      where p.entity_type = ${entity.type} and p.entity_id = w.living and p.reference is not null and r.is_deleted = 0
      order by linked_at desc, r.id desc limit ${mostReferences}`.execute(db)
  return rows.map(row => {
    const record = { system: row.system, kind: row.kind, id: row.record_id }
    return {
      entity: { type: entity.type, id: row.living },
      record,
      evidence: 'explicit',
      linkedAt: new Date(row.linked_at),
      field: `${catalogue.kindOf(record).entity}.${entity.type.toLowerCase()}`,
    }
  })
}

/** SQL for ids and the living entities behind them: those that exist themselves, and aliases of a merge. */
export function livingOf(owner: KnownKind, ids: readonly string[]) {
  const list = sql.join(ids)
  return sql`select o.record_id, o.record_id from records o where o.system = ${owner.system} and o.kind = ${owner.kind}
      and o.record_id in (${list}) and o.is_deleted = 0
    union all
    select a.record_id, a.entity_id from links a where a.system = ${owner.system} and a.kind = ${owner.kind}
      and a.record_id in (${list}) and a.evidence = 'merged'`
}

/** Strongest evidence, then the newest record. */
function leadingFirst(a: LinkOfEntity, b: LinkOfEntity): number {
  return (
    evidences.indexOf(a.evidence) - evidences.indexOf(b.evidence) ||
    (b.created_at ?? b.linked_at) - (a.created_at ?? a.linked_at) ||
    (a.record_id < b.record_id ? 1 : -1)
  )
}

async function readParentsOf(db: StoreReader, children: readonly Child[]): Promise<(EntityRef | null)[]> {
  const found = new Map<string, string>()
  for (const { system, kind, ids } of byKind(children.map(child => child.record))) {
    const rows = await inParts(ids, part =>
      db
        .selectFrom('records as r')
        .innerJoin('parents as p', 'p.child', 'r.id')
        .select(['r.record_id', 'p.entity_type', 'p.entity_id', 'p.parent_id'])
        .where('r.system', '=', system)
        .where('r.kind', '=', kind)
        .where('r.record_id', 'in', part)
        .where('p.entity_id', 'is not', null)
        .execute(),
    )
    // Where a record names several: the one its system names, before those that were written into fields.
    const inOrder = rows.sort(
      (a, b) =>
        Number(a.parent_id === null) - Number(b.parent_id === null) ||
        ((a.entity_id ?? '') < (b.entity_id ?? '') ? -1 : 1),
    )
    for (const { record_id: id, entity_type: type, entity_id } of inOrder) {
      const key = `${type} of ${recordKey({ system, kind, id })}`
      if (entity_id !== null && !found.has(key)) found.set(key, entity_id)
    }
  }
  return children.map(({ record, entity: type }) => {
    const id = found.get(`${type} of ${recordKey(record)}`)
    return id === undefined ? null : { type, id }
  })
}
