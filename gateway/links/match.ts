import type { EntityType } from '../../schema/entities.ts'
import type { UnlinkedReason } from '../../schema/link.ts'
import type { StoreReader } from '../store/store.ts'
import type { Catalogue, KnownKind } from './catalogue.ts'
import { inParts, type RecordRow } from './records.ts'

/** What matching reads of a record of a copy. */
export type CopyRecord = Pick<RecordRow, 'system' | 'kind' | 'record_id' | 'email' | 'names_type' | 'names_id'>

/** What is known of the owners that copies could be. */
export interface Owners {
  /** Every id asked for that is a living entity or an alias of one, with the living id. */
  readonly living: ReadonlyMap<string, string>
  /**
   * Living entities that have an e-mail. Where none has it, those into which a record with that e-mail was merged: it is
   * one of their further addresses.
   */
  readonly byEmail: ReadonlyMap<string, ReadonlySet<string>>
}

export type Match =
  | { readonly entityId: string; readonly evidence: 'explicit' | 'email' }
  | { readonly reason: UnlinkedReason; readonly candidates: readonly string[] }

/** As many as a person can choose from. */
const maxCandidates = 20

/**
 * Which entity a copy's record is. A record that names one is never matched by e-mail, even where the one it names does
 * not exist: a wrong reference is for a person to see, not to guess around.
 */
export function matchOf(copy: CopyRecord, entity: EntityType, owners: Owners): Match {
  if (copy.names_type === entity && copy.names_id !== null) {
    const entityId = owners.living.get(copy.names_id)
    return entityId === undefined ? { reason: 'UNKNOWN_REFERENCE', candidates: [] } : { entityId, evidence: 'explicit' }
  }
  const candidates = copy.email === null ? [] : [...(owners.byEmail.get(copy.email) ?? [])].sort()
  const [only, ...others] = candidates
  if (only === undefined) return { reason: 'BIRTH', candidates: [] }
  if (others.length > 0) return { reason: 'AMBIGUOUS_EMAIL', candidates: candidates.slice(0, maxCandidates) }
  return { entityId: only, evidence: 'email' }
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
  return { living: await readLiving(db, owner, ids), byEmail: await readByEmail(db, owner, emails) }
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

async function readByEmail(
  db: StoreReader,
  owner: KnownKind,
  emails: Iterable<string>,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const rows = await inParts(emails, part =>
    db
      .selectFrom('records')
      .select(['system', 'kind', 'email', 'record_id', 'is_deleted'])
      .where('email', 'in', part)
      .execute(),
  )
  // Sorted out here: with the kind among its conditions, SQLite may walk all records of the kind.
  const owners = rows.filter(row => row.system === owner.system && row.kind === owner.kind)
  const byEmail = gather(owners.filter(row => row.is_deleted === 0))
  const retired = owners.filter(row => row.is_deleted === 1 && row.email !== null && !byEmail.has(row.email))
  if (retired.length === 0) return byEmail
  const winners = await readLiving(
    db,
    owner,
    retired.map(row => row.record_id),
  )
  const further = retired.flatMap(row => {
    const winner = winners.get(row.record_id)
    return winner === undefined ? [] : [{ email: row.email, record_id: winner }]
  })
  return new Map([...byEmail, ...gather(further)])
}

function gather(rows: readonly { email: string | null; record_id: string }[]): Map<string, Set<string>> {
  const ids = new Map<string, Set<string>>()
  for (const { email, record_id } of rows) {
    if (email === null) continue
    const set = ids.get(email)
    if (set === undefined) ids.set(email, new Set([record_id]))
    else set.add(record_id)
  }
  return ids
}
