import { sql, type Insertable, type RawBuilder, type Selectable } from 'kysely'
import { isEntityType, type EntityRef, type EntityType } from '../../schema/entities.ts'
import type { RecordRef } from '../../schema/systems.ts'
import { normalizeEmail, normalizeNumber } from '../../schema/values.ts'
import type { ParentReference } from '../../subgraphs/contract.ts'
import type { StoreReader, StoreTransaction } from '../store/store.ts'
import type { Tables } from '../store/tables.ts'
import type { Catalogue, KnownKind } from './catalogue.ts'
import { holders, isKnownByEmail, isKnownByNumber } from './match.ts'
import { byKind, inParts } from './records.ts'

export type ParentRow = Selectable<Tables['parents']>

/** What a child names, as it is stored, without what it resolves to. */
export type NamedParent = Omit<Insertable<Tables['parents']>, 'child' | 'entity_id' | 'fault'>

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
      number: null,
    }
  }
  const reference = normalizeEmail(parent.reference) ?? parent.reference.trim()
  if (reference === '' || reference.length > maxReferenceLength) return null
  const number = isKnownByNumber(parent.entity) ? normalizeNumber(reference) : null
  return { entity_type: parent.entity, parent_system: null, parent_kind: null, parent_id: null, reference, number }
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

/**
 * Replaces what children name as their parents. What is named as before keeps what it resolves to. Nothing is resolved:
 * `resolveParents` does that.
 * @param former the rows that are replaced, by child
 */
export async function writeParents(
  tx: StoreTransaction,
  writes: ReadonlyMap<number, readonly NamedParent[]>,
  former: ReadonlyMap<number, readonly ParentRow[]>,
): Promise<void> {
  await inParts(former.keys(), async part => {
    await tx.deleteFrom('parents').where('child', 'in', part).execute()
    return []
  })
  const rows = [...writes].flatMap(([child, named]) => {
    const before = new Map((former.get(child) ?? []).map(row => [nameOf(row), row]))
    return named.map(row => {
      const same = before.get(nameOf(row))
      return { ...row, child, entity_id: same?.entity_id ?? null, fault: same?.fault ?? null }
    })
  })
  await inParts(rows, async part => {
    await tx.insertInto('parents').values(part).execute()
    return []
  })
}

/**
 * What belonged to an entity that was merged into another, whatever it was found by, belongs to that one.
 * @returns those that name it by text, or by a record that is gone; of those below a living record its link tells
 */
export async function moveParents(tx: StoreTransaction, from: EntityRef, to: EntityRef): Promise<readonly Moved[]> {
  const named = await tx
    .selectFrom('parents')
    .select('child')
    .where('entity_type', '=', from.type)
    .where('entity_id', '=', from.id)
    .where(({ eb, not, exists, selectFrom }) =>
      eb.or([
        eb('parent_id', 'is', null),
        not(
          exists(
            selectFrom('records as k')
              .select('k.id')
              .whereRef('k.system', '=', 'parents.parent_system')
              .whereRef('k.kind', '=', 'parents.parent_kind')
              .whereRef('k.record_id', '=', 'parents.parent_id')
              .where('k.is_deleted', '=', 0),
          ),
        ),
      ]),
    )
    .execute()
  await tx
    .updateTable('parents')
    .set({ entity_id: to.id })
    .where('entity_type', '=', from.type)
    .where('entity_id', '=', from.id)
    .execute()
  return named.map(({ child }) => ({ child, type: from.type, before: from.id, after: to.id }))
}

/** A child that belongs to another entity than before, by what it names. */
export interface Moved {
  /** `records.id` */
  readonly child: number
  readonly type: EntityType
  readonly before: string | null
  readonly after: string | null
}

/** Which rows are to be resolved anew. */
export interface ParentsToResolve {
  readonly children?: Iterable<number>
  /** Those that name these records, */
  readonly records?: Iterable<RecordRef>
  /** or these texts, */
  readonly references?: Iterable<string>
  /** or these numbers of orders, */
  readonly numbers?: Iterable<string>
  /** or resolve to these ids at present, */
  readonly ids?: Iterable<string>
  /** or name a record and have one of these e-mail addresses themselves. */
  readonly emails?: Iterable<string>
}

/**
 * Finds the living entity of each row's record or text again, in SQL, and says where it is in question.
 *
 * A record is followed by its link, or is the owner's record itself. Where it is unknown or gone and has no link, what names it
 * belongs to the one person who has the e-mail address of the child: an invoice of a billing record that was deleted before we
 * were connected. A text is an owner's id (living or alias), else the id of a linked record, else a name that one entity alone bears:
 * a person's e-mail, an order's printed number. What was found by a name stays while that entity lives, even if another one
 * bears it later; see `matchOf`.
 *
 * @param isCompared whether the rows are compared with what they resolved to; it takes as long again
 * @returns the children that moved; none where it is not compared
 */
export async function resolveParents(
  tx: StoreTransaction,
  catalogue: Catalogue,
  entity: EntityType,
  which: ParentsToResolve,
  isCompared = false,
): Promise<readonly Moved[]> {
  const owner = catalogue.ownerOf(entity)
  if (owner === null) return []
  const { found, fault } = resolutionOfRow(owner, catalogue.copiesOf(entity))
  const moved: Moved[] = []
  const update = async (where: RawBuilder<unknown>): Promise<never[]> => {
    if (isCompared) {
      // Postgres knows no column of an update as it was.
      const { rows } = await sql<Omit<Moved, 'type'>>`select m.child, m.before, m.after from
        (select child, entity_id as before, ${found} as after from parents where ${where}) m
        where m.before is distinct from m.after`.execute(tx)
      moved.push(...rows.map(row => ({ ...row, type: entity })))
    }
    await sql`update parents set (entity_id, fault) = (select f.entity_id, ${fault} from (select ${found} as entity_id) f)
      where ${where}`.execute(tx)
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
  await inParts(isKnownByNumber(entity) ? (which.numbers ?? []) : [], part =>
    update(sql`number in (${sql.join(part)}) and ${isOfType}`),
  )
  await inParts(which.children ?? [], part => update(sql`child in (${sql.join(part)}) and ${isOfType}`))
  await inParts(which.ids ?? [], part => update(sql`entity_type = ${entity} and entity_id in (${sql.join(part)})`))
  await inParts(isKnownByEmail(entity) ? (which.emails ?? []) : [], part =>
    update(sql`child in (select c.id from records c where c.email in (${sql.join(part)}))
      and parent_id is not null and ${isOfType}`),
  )
  return moved
}

/** SQL for the entity of a row of `parents`, and, of the `f.entity_id` that was found, for why it is in question. */
function resolutionOfRow(
  owner: KnownKind,
  copies: readonly KnownKind[],
): { readonly found: RawBuilder<unknown>; readonly fault: RawBuilder<unknown> } {
  const isOfKind = (table: string, { system, kind }: KnownKind) =>
    sql`${sql.ref(`${table}.system`)} = ${system} and ${sql.ref(`${table}.kind`)} = ${kind}`
  const isLiving = (id: RawBuilder<unknown>) =>
    sql`exists (select 1 from records w where ${isOfKind('w', owner)} and w.record_id = ${id} and w.is_deleted = 0)`
  const isParent = (table: string) => sql`${sql.ref(`${table}.system`)} = parents.parent_system
    and ${sql.ref(`${table}.kind`)} = parents.parent_kind and ${sql.ref(`${table}.record_id`)} = parents.parent_id`
  const present = sql`(select parents.entity_id where ${isLiving(sql`parents.entity_id`)})`

  const isPerson = isKnownByEmail(owner.entity)
  const hasNames = isPerson || isKnownByNumber(owner.entity)
  const bearing = (name: RawBuilder<unknown>) => holders(owner, column => sql`${sql.ref(column)} = ${name}`)
  const only = (name: RawBuilder<unknown>) =>
    sql`(select case when count(*) = 1 then min(h.record_id) end from (${bearing(name)}) h)`
  const reason = sql.lit(isPerson ? 'AMBIGUOUS_EMAIL' : 'AMBIGUOUS_NUMBER')
  const ambiguous = (name: RawBuilder<unknown>) =>
    hasNames ? sql`when (select count(*) from (${bearing(name)}) h) > 1 then ${reason}` : sql``
  const ownEmail = sql`(select c.email from records c where c.id = parents.child)`
  const reference = sql`parents.reference`
  const name = isPerson ? reference : sql`parents.number`

  // A record that is there answers for itself: it stands alone in the list, or a person said that it is of no entity.
  const isAnswered = sql`exists (select 1 from records k where ${isParent('k')} and k.is_deleted = 0)
    or exists (select 1 from unlinked u where ${isParent('u')} and u.by_person = 1)`
  const byOwnEmail = isPerson
    ? sql`case when not (${isAnswered}) then coalesce(${present}, ${only(ownEmail)}) end`
    : sql`null`
  const byRecord = sql`coalesce(
    (select l.entity_id from links l where ${isParent('l')} and l.entity_type = parents.entity_type
      and ${isLiving(sql`l.entity_id`)}),
    (select o.record_id from records o where ${isOfKind('o', owner)} and ${isParent('o')} and o.is_deleted = 0),
    ${byOwnEmail})`
  const faultOfRecord = sql`case when f.entity_id is not null or ${isAnswered} then null
    ${isPerson ? ambiguous(ownEmail) : sql``} else 'UNKNOWN_REFERENCE' end`

  const byLinkOf = (kind: KnownKind) => sql`(select l.entity_id from links l where ${isOfKind('l', kind)}
      and l.record_id = ${reference} and l.entity_type = parents.entity_type and ${isLiving(sql`l.entity_id`)})`
  const isIdOf = (kind: KnownKind) =>
    sql`exists (select 1 from records i where ${isOfKind('i', kind)} and i.record_id = ${reference})`
  const isId = sql.join([owner, ...copies].map(isIdOf), sql` or `)
  const byName = hasNames ? sql`case when not (${isId}) then coalesce(${present}, ${only(name)}) end` : sql`null`
  const byReference = sql`coalesce(
    (select o.record_id from records o where ${isOfKind('o', owner)} and o.record_id = ${reference} and o.is_deleted = 0),
    ${sql.join([owner, ...copies].map(byLinkOf))},
    ${byName})`
  const isBorneBy = (which: '=' | '<>') =>
    sql`exists (select 1 from (${bearing(name)}) h where h.record_id ${sql.raw(which)} f.entity_id)`
  const faultOfReference = sql`case
    when f.entity_id is null then case ${ambiguous(name)} when true then 'UNKNOWN_REFERENCE' end
    ${hasNames ? sql`when not ${isBorneBy('<>')} then null when ${isBorneBy('=')} then ${reason} else 'CONTRADICTED'` : sql`else null`} end`

  return {
    found: sql`case when parents.parent_id is not null then ${byRecord} else ${byReference} end`,
    fault: sql`case when parents.parent_id is not null then ${faultOfRecord} else ${faultOfReference} end`,
  }
}
