import { sql, type RawBuilder } from 'kysely'
import type { EntityType } from '../../schema/entities.ts'
import type { Evidence, UnlinkedReason } from '../../schema/link.ts'
import type { StoreReader } from '../store/store.ts'
import type { Catalogue, KnownKind } from './catalogue.ts'
import { inParts, type RecordRow } from './records.ts'

/** What matching reads of a record of a copy. */
export type CopyRecord = Pick<RecordRow, 'system' | 'kind' | 'record_id' | 'email' | 'names_type' | 'names_id'>

/** What is known of the owners that copies could be. */
export interface Owners {
  /** Every id asked for that is a living entity or an alias of one, with the living id. */
  readonly living: ReadonlyMap<string, string>
  /** The living entities that have an e-mail address among theirs. */
  readonly byEmail: ReadonlyMap<string, ReadonlySet<string>>
}

/** Why it is in question whose a record is, and the other entities it could be. */
export interface Doubt {
  readonly reason: UnlinkedReason
  readonly candidates: readonly string[]
}

/** The link of a record at present, to a living entity. */
export interface PresentLink {
  readonly entityId: string
  readonly evidence: Exclude<Evidence, 'owner'>
}

export interface Match {
  readonly link: PresentLink | null
  readonly doubt: Doubt | null
}

/** As many as a person can choose from. */
const maxCandidates = 20

/** Entities that are persons: an e-mail address means one of them. */
const personTypes: ReadonlySet<EntityType> = new Set(['Customer'])

/** Whether entities of the type are matched and referred to by e-mail address. */
export function isKnownByEmail(entity: EntityType): boolean {
  return personTypes.has(entity)
}

/** Whether entities of the type are referred to by the number printed on them. */
export function isKnownByNumber(entity: EntityType): boolean {
  return entity === 'Order'
}

/**
 * Which entity a copy's record is. A record that names one is never matched by e-mail, even where the one it names does
 * not exist: a wrong reference is for a person to see, not to guess around.
 * @param present what it was linked to before; it stays until the record names another living entity, and is only made from an
 *   e-mail address where there is none: an address that is edited on either side ends no link
 */
export function matchOf(copy: CopyRecord, entity: EntityType, owners: Owners, present: PresentLink | null): Match {
  // What a person has said of it.
  if (present?.evidence === 'person') return { link: present, doubt: null }
  if (copy.names_type === entity && copy.names_id !== null) {
    const entityId = owners.living.get(copy.names_id)
    return entityId === undefined
      ? { link: present, doubt: { reason: 'UNKNOWN_REFERENCE', candidates: [] } }
      : { link: { entityId, evidence: 'explicit' }, doubt: null }
  }
  const holders = copy.email === null ? [] : [...(owners.byEmail.get(copy.email) ?? [])].sort()
  const isHolder = holders.includes(present?.entityId ?? '')
  const [only, ...others] = holders
  if (present === null) {
    if (only === undefined) return { link: null, doubt: { reason: 'BIRTH', candidates: [] } }
    if (others.length > 0) return { link: null, doubt: doubtOf('AMBIGUOUS_EMAIL', holders) }
    return { link: { entityId: only, evidence: 'email' }, doubt: null }
  }
  if (holders.length === 0) return { link: present, doubt: null }
  if (!isHolder) return { link: present, doubt: doubtOf('CONTRADICTED', holders) }
  return {
    link: { entityId: present.entityId, evidence: 'email' },
    doubt: others.length > 0 ? doubtOf('AMBIGUOUS_EMAIL', holders) : null,
  }
}

function doubtOf(reason: UnlinkedReason, candidates: readonly string[]): Doubt {
  return { reason, candidates: candidates.slice(0, maxCandidates) }
}

/** Looks up, for many copies at once, whom their references and e-mails mean. */
export async function readOwners(
  db: StoreReader,
  catalogue: Catalogue,
  entity: EntityType,
  copies: Iterable<CopyRecord>,
): Promise<Owners> {
  const owner = catalogue.ownerOf(entity)
  if (owner === null) return { living: new Map(), byEmail: new Map() }
  const ids = new Set<string>()
  const emails = new Set<string>()
  for (const copy of copies) {
    if (copy.names_type === entity && copy.names_id !== null) ids.add(copy.names_id)
    else if (copy.email !== null) emails.add(copy.email)
  }
  const byEmail = isKnownByEmail(entity) ? await readHolders(db, owner, emails) : new Map<string, Set<string>>()
  return { living: await readLiving(db, owner, ids), byEmail }
}

/** The living entity behind each id: itself, or the winner of the merge that retired it. Others are missing. */
export async function readLiving(
  db: StoreReader,
  owner: KnownKind,
  ids: Iterable<string>,
): Promise<ReadonlyMap<string, string>> {
  const wanted = new Set(ids)
  const winners = await readWinners(db, owner, wanted)
  const asked = new Set([...wanted].map(id => winners.get(id) ?? id))
  const rows = await inParts(asked, part =>
    db
      .selectFrom('records')
      .select('record_id')
      .where('system', '=', owner.system)
      .where('kind', '=', owner.kind)
      .where('record_id', 'in', part)
      .where('is_deleted', '=', 0)
      .execute(),
  )
  const living = new Set(rows.map(row => row.record_id))
  const found = new Map<string, string>()
  for (const id of wanted) {
    const final = winners.get(id) ?? id
    if (living.has(final)) found.set(id, final)
  }
  return found
}

/** Aliases among the ids, each with the winner of its merge. */
export async function readWinners(
  db: StoreReader,
  owner: KnownKind,
  ids: Iterable<string>,
): Promise<ReadonlyMap<string, string>> {
  const rows = await inParts(ids, part =>
    db
      .selectFrom('links')
      .select(['record_id', 'entity_id'])
      .where('system', '=', owner.system)
      .where('kind', '=', owner.kind)
      .where('record_id', 'in', part)
      .where('evidence', '=', 'merged')
      .execute(),
  )
  return new Map(rows.map(row => [row.record_id, row.entity_id]))
}

/**
 * The living entities that bear each name: persons an e-mail address, as their first or a further one, orders a printed number. Names
 * of none are missing.
 */
export async function readHolders(
  db: StoreReader,
  owner: KnownKind,
  names: Iterable<string>,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const rows = await inParts(names, async part => {
    const isAsked = (name: string): RawBuilder<unknown> => sql`${sql.ref(name)} in (${sql.join(part)})`
    const found = await sql<{ name: string; record_id: string }>`${holders(owner, isAsked)}`.execute(db)
    return found.rows
  })
  const byName = new Map<string, Set<string>>()
  for (const { name, record_id } of rows) {
    const ids = byName.get(name) ?? new Set()
    byName.set(name, ids.add(record_id))
  }
  return byName
}

/**
 * SQL for the living entities of an owner's kind that bear a name which meets the condition: `record_id` and `name`.
 * @param condition on a column of names: e-mail addresses of persons, numbers of orders
 */
export function holders(owner: KnownKind, condition: (name: string) => RawBuilder<unknown>): RawBuilder<unknown> {
  const isLiving = sql`o.system = ${owner.system} and o.kind = ${owner.kind} and o.is_deleted = 0`
  if (isKnownByNumber(owner.entity)) {
    return sql`select o.record_id, o.number as name from records o where ${condition('o.number')} and ${isLiving}`
  }
  // By address first: with the kind among its conditions, SQLite may walk all records of the kind.
  return sql`select o.record_id, o.email as name from records o where ${condition('o.email')} and ${isLiving}
    union select e.record_id, e.email from record_emails e cross join records o
      where ${condition('e.email')} and e.system = ${owner.system} and e.kind = ${owner.kind}
        and o.record_id = e.record_id and ${isLiving}`
}
