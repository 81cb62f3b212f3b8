import { sql, type Insertable, type RawBuilder, type Selectable } from 'kysely'
import { isEntityType, type EntityRef, type EntityType } from '../../schema/entities.ts'
import type { RecordRef } from '../../schema/systems.ts'
import { normalizeEmail } from '../../schema/values.ts'
import type { ParentReference } from '../../subgraphs/contract.ts'
import type { StoreReader, StoreTransaction } from '../store/store.ts'
import type { Tables } from '../store/tables.ts'
import type { Catalogue, KnownKind } from './catalogue.ts'
import { byKind, inParts } from './records.ts'

export type ParentRow = Selectable<Tables['parents']>

/** What a child names, as it is stored, without what it resolves to. */
export type NamedParent = Omit<Insertable<Tables['parents']>, 'child' | 'entity_id'>

/** A longer text is no id and no e-mail; it is somebody's note in the wrong field. */
const maxReferenceLength = 320

/** The parents a record names, each once, in one form: text trimmed, e-mails normalised. */
export function namedParents(parents: readonly ParentReference[]): readonly NamedParent[] {
  const named = new Map<string, NamedParent>()
  for (const parent of parents) {
    const row = namedParent(parent)
    if (row !== null) named.set(nameOf(row), row)
  }
  return [...named.values()]
}

function namedParent(parent: ParentReference): NamedParent | null {
  if ('record' in parent) {
    const { system, kind, id } = parent.record
    return {
      entity_type: parent.entity,
      parent_system: system,
      parent_kind: kind,
      parent_id: id,
      reference: null,
    }
  }
  const reference = normalizeEmail(parent.reference) ?? parent.reference.trim()
  if (reference === '' || reference.length > maxReferenceLength) return null
  return { entity_type: parent.entity, parent_system: null, parent_kind: null, parent_id: null, reference }
}

/** Whether stored rows name exactly these parents. */
export function sameParents(stored: readonly ParentRow[], named: readonly NamedParent[]): boolean {
  if (stored.length !== named.length) return false
  const names = new Set(stored.map(nameOf))
  return named.every(row => names.has(nameOf(row)))
}

function nameOf(row: NamedParent): string {
  return JSON.stringify([row.entity_type, row.parent_system, row.parent_kind, row.parent_id, row.reference])
}

export async function readParents(
  db: StoreReader,
  children: Iterable<number>,
): Promise<ReadonlyMap<number, readonly ParentRow[]>> {
  const rows = await inParts(children, part =>
    db.selectFrom('parents').selectAll().where('child', 'in', part).execute(),
  )
  const byChild = new Map<number, ParentRow[]>()
  for (const row of rows) {
    const list = byChild.get(row.child)
    if (list === undefined) byChild.set(row.child, [row])
    else list.push(row)
  }
  return byChild
}

/** What an entity's own record hangs below: the living entities, and the records of its system that it names. */
export async function readAbove(
  db: StoreReader,
  catalogue: Catalogue,
  entity: EntityRef,
): Promise<{ readonly entities: readonly EntityRef[]; readonly records: readonly RecordRef[] }> {
  const owner = catalogue.ownerOf(entity.type)
  if (owner === null) return { entities: [], records: [] }
  const rows = await db
    .selectFrom('records as r')
    .innerJoin('parents as p', 'p.child', 'r.id')
    .selectAll('p')
    .where('r.system', '=', owner.system)
    .where('r.kind', '=', owner.kind)
    .where('r.record_id', '=', entity.id)
    .execute()
  const records = rows.flatMap(({ parent_system: system, parent_kind: kind, parent_id: id }) =>
    system === null || kind === null || id === null ? [] : [{ system, kind, id }],
  )
  return { entities: entitiesOf(rows), records }
}

/** The living entities among a child's parents, each once. */
export function entitiesOf(rows: readonly ParentRow[] | undefined): readonly EntityRef[] {
  const refs = new Map<string, EntityRef>()
  for (const { entity_type: type, entity_id: id } of rows ?? []) {
    if (id !== null && isEntityType(type)) refs.set(`${type}:${id}`, { type, id })
  }
  return [...refs.values()]
}

/** Replaces what children name as their parents. Nothing is resolved: `resolveParents` does that. */
export async function writeParents(
  tx: StoreTransaction,
  writes: ReadonlyMap<number, readonly NamedParent[]>,
  former: ReadonlySet<number>,
): Promise<void> {
  await inParts(former, async part => {
    await tx.deleteFrom('parents').where('child', 'in', part).execute()
    return []
  })
  const rows = [...writes].flatMap(([child, named]) => named.map(row => ({ ...row, child, entity_id: null })))
  await inParts(rows, async part => {
    await tx.insertInto('parents').values(part).execute()
    return []
  })
}

/** Which rows are to be resolved anew. */
export interface ParentsToResolve {
  readonly children?: Iterable<number>
  /** Those that name these records, */
  readonly records?: Iterable<RecordRef>
  /** or these texts, */
  readonly references?: Iterable<string>
  /** or resolve to these ids at present. */
  readonly ids?: Iterable<string>
}

/**
 * Finds the living entity of each row's record or text again, in SQL: a record's link or the owner's record itself; a
 * text is an owner's id (living or alias), else the id of a linked record, else an e-mail that one entity alone has.
 */
export async function resolveParents(
  tx: StoreTransaction,
  catalogue: Catalogue,
  entity: EntityType,
  which: ParentsToResolve,
): Promise<void> {
  const owner = catalogue.ownerOf(entity)
  if (owner === null) return
  const found = entityOfRow(owner, catalogue.copiesOf(entity))
  const update = async (where: RawBuilder<unknown>): Promise<never[]> => {
    await sql`update parents set entity_id = ${found} where ${where}`.execute(tx)
    return []
  }
  // An expression, lest SQLite finds it cheaper to walk all parents of the type by `parents_by_entity`.
  const isOfType = sql`coalesce(entity_type, '') = ${entity}`
  for (const { system, kind, ids } of byKind(which.records ?? [])) {
    await inParts(ids, part =>
      update(
        sql`parent_system = ${system} and parent_kind = ${kind} and parent_id in (${sql.join(part)}) and ${isOfType}`,
      ),
    )
  }
  await inParts(which.references ?? [], part => update(sql`reference in (${sql.join(part)}) and ${isOfType}`))
  await inParts(which.children ?? [], part => update(sql`child in (${sql.join(part)}) and ${isOfType}`))
  await inParts(which.ids ?? [], part => update(sql`entity_type = ${entity} and entity_id in (${sql.join(part)})`))
}

function entityOfRow(owner: KnownKind, copies: readonly KnownKind[]): RawBuilder<unknown> {
  const isOwner = (table: string) =>
    sql`${sql.ref(`${table}.system`)} = ${owner.system} and ${sql.ref(`${table}.kind`)} = ${owner.kind}`
  const isLiving = (id: RawBuilder<unknown>) =>
    sql`exists (select 1 from records w where ${isOwner('w')} and w.record_id = ${id} and w.is_deleted = 0)`
  const byRecord = sql`coalesce(
    (select l.entity_id from links l where l.system = parents.parent_system and l.kind = parents.parent_kind
      and l.record_id = parents.parent_id and l.entity_type = parents.entity_type and ${isLiving(sql`l.entity_id`)}),
    (select o.record_id from records o where ${isOwner('o')} and o.system = parents.parent_system
      and o.kind = parents.parent_kind and o.record_id = parents.parent_id and o.is_deleted = 0))`
  const byLinkOf = (kind: KnownKind) => sql`(select l.entity_id from links l where l.system = ${kind.system}
      and l.kind = ${kind.kind} and l.record_id = parents.reference and l.entity_type = parents.entity_type
      and ${isLiving(sql`l.entity_id`)})`
  const byReference = sql`coalesce(
    (select o.record_id from records o where ${isOwner('o')} and o.record_id = parents.reference and o.is_deleted = 0),
    ${sql.join([owner, ...copies].map(byLinkOf))},
    case (select count(*) from records o where o.email = parents.reference and ${isOwner('o')} and o.is_deleted = 0)
      when 1 then (select o.record_id from records o where o.email = parents.reference and ${isOwner('o')} and o.is_deleted = 0)
      when 0 then (select case when count(distinct l.entity_id) = 1 then min(l.entity_id) end
        from records m join links l on l.system = m.system and l.kind = m.kind and l.record_id = m.record_id
        where m.email = parents.reference and ${isOwner('m')} and m.is_deleted = 1 and l.evidence = 'merged'
          and ${isLiving(sql`l.entity_id`)})
    end)`
  return sql`case when parents.parent_id is not null then ${byRecord} else ${byReference} end`
}
