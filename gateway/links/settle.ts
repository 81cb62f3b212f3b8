import type { EntityRef, EntityType } from '../../schema/entities.ts'
import { recordKey, type RecordRef } from '../../schema/systems.ts'
import type { StoreTransaction } from '../store/store.ts'
import type { Catalogue } from './catalogue.ts'
import { matchOf, readOwners, type Doubt, type PresentLink } from './match.ts'
import { resolveParents, type Moved } from './parents.ts'
import {
  byKind,
  inParts,
  readLinks,
  readRecords,
  refOf,
  type HeldLink,
  type LinkRow,
  type RecordRow,
  type UnlinkedRow,
} from './records.ts'

/** What happened to an owner's record that copies and children may hang on. */
export interface OwnerChange {
  readonly entity: EntityRef
  /** Whether the entity began or ceased to exist, or another one was merged into it. */
  readonly life: 'appeared' | 'vanished' | 'grown' | 'same'
  /** The addresses that it has gained or lost. */
  readonly emails: readonly string[]
  /** The printed numbers that it has gained or lost. */
  readonly numbers?: readonly string[]
}

/** "This record was this entity's, and is that one's now." */
export interface LinkChange {
  readonly record: RecordRef
  readonly entity: EntityType
  readonly before: string | null
  readonly after: string | null
}

export interface Unsettled {
  readonly owners: readonly OwnerChange[]
  /** Copies to be matched: new ones, and those whose e-mail or reference has changed. */
  readonly copies: readonly RecordRow[]
  /** Copies that exist no more. Their links stay, for what belonged to them. */
  readonly goneCopies: readonly RecordRef[]
  /** Those of `copies` that are there for the first time, or again: no Change of a link tells of what belongs to them. */
  readonly newCopies?: readonly RecordRef[]
  /** Whether the children that move are told; not where a first import brings everything. */
  readonly isTold?: boolean
}

export interface Settled {
  readonly links: readonly LinkChange[]
  /** Children that belong to another entity now, other than by one of these links. */
  readonly moved: readonly Moved[]
}

/**
 * Matches every copy that what happened may concern, and resolves every parent that hangs on it.
 */
export async function settle(
  tx: StoreTransaction,
  catalogue: Catalogue,
  unsettled: Unsettled,
  now: Date,
): Promise<Settled> {
  const links: LinkChange[] = []
  const moved: Moved[] = []
  for (const entity of catalogue.entities) {
    const settled = await settleType(tx, catalogue, entity, unsettled, now)
    links.push(...settled.links)
    moved.push(...settled.moved)
  }
  return { links, moved }
}

const nothing: Settled = { links: [], moved: [] }

async function settleType(
  tx: StoreTransaction,
  catalogue: Catalogue,
  entity: EntityType,
  unsettled: Unsettled,
  now: Date,
): Promise<Settled> {
  const owner = catalogue.ownerOf(entity)
  if (owner === null) return nothing
  const owners = unsettled.owners.filter(change => change.entity.type === entity)
  const given = unsettled.copies.filter(copy => catalogue.kindOf(copy).entity === entity)
  const gone = unsettled.goneCopies.filter(copy => catalogue.kindOf(copy).entity === entity)
  if (owners.length + given.length + gone.length === 0) return nothing

  const copyKinds = catalogue.copiesOf(entity)
  const emails = new Set(owners.flatMap(change => change.emails))
  const lives = new Map(owners.flatMap(({ entity: { id }, life }) => (life === 'same' ? [] : [[id, life] as const])))
  const hanging = await readLinked(tx, entity, lives.keys())
  const aliases = hanging.filter(link => link.evidence === 'merged').map(link => link.record_id)
  const linked = hanging.filter(link => link.evidence !== 'merged').map(refOf)

  const copies = new Map(given.map(copy => [recordKey(refOf(copy)), copy]))
  const concerned = [
    ...(await readByEmail(tx, emails)),
    ...(await readNaming(tx, entity, [...lives.keys(), ...aliases])),
    ...(await readRecords(tx, linked)).values(),
  ]
  for (const copy of concerned) {
    const isCopy = copyKinds.some(kind => kind.system === copy.system && kind.kind === copy.kind)
    if (isCopy && copy.is_deleted === 0) copies.set(recordKey(refOf(copy)), copy)
  }
  const changes = await rematch(tx, catalogue, entity, [...copies.values()], lives, now)
  const own = [...lives.keys()].map(id => ({ system: owner.system, kind: owner.kind, id }))
  // What belongs to a copy is resolved anew when that copy is seen, too: its own e-mail address decides no more then.
  const fresh = (unsettled.newCopies ?? []).filter(copy => catalogue.kindOf(copy).entity === entity)
  const below = [...own, ...gone, ...fresh]
  const compared = new Set(below.map(recordKey))
  // Of all that hangs below these records, however many they are, one Change of a link tells.
  const told = [...linked, ...given.map(refOf), ...changes.map(change => change.record)]
  await resolveParents(tx, catalogue, entity, { records: told.filter(record => !compared.has(recordKey(record))) })
  const which = {
    records: below,
    references: new Set([
      ...lives.keys(),
      ...aliases,
      ...emails,
      ...linked.map(record => record.id),
      ...gone.map(record => record.id),
      ...changes.map(change => change.record.id),
    ]),
    numbers: owners.flatMap(change => change.numbers ?? []),
    ids: lives.keys(),
    emails,
  }
  return { links: changes, moved: await resolveParents(tx, catalogue, entity, which, unsettled.isTold) }
}

function readLinked(tx: StoreTransaction, entity: EntityType, ids: Iterable<string>): Promise<LinkRow[]> {
  return inParts(ids, part =>
    tx.selectFrom('links').selectAll().where('entity_type', '=', entity).where('entity_id', 'in', part).execute(),
  )
}

// The kinds are sorted out by the caller: with the kind among its conditions, SQLite may walk all records of the kind.
function readByEmail(tx: StoreTransaction, emails: Iterable<string>): Promise<RecordRow[]> {
  return inParts(emails, part => tx.selectFrom('records').selectAll().where('email', 'in', part).execute())
}

function readNaming(tx: StoreTransaction, entity: EntityType, ids: Iterable<string>): Promise<RecordRow[]> {
  return inParts(ids, part =>
    tx.selectFrom('records').selectAll().where('names_type', '=', entity).where('names_id', 'in', part).execute(),
  )
}

/**
 * Matches copies anew and writes what has changed. What a person has said stays, unless that entity has vanished.
 * @param lives what became of entities whose records are among the copies' links, by id
 */
async function rematch(
  tx: StoreTransaction,
  catalogue: Catalogue,
  entity: EntityType,
  copies: readonly RecordRow[],
  lives: ReadonlyMap<string, OwnerChange['life']>,
  now: Date,
): Promise<readonly LinkChange[]> {
  if (copies.length === 0) return []
  const links = await readLinks(tx, catalogue, copies.map(refOf))
  const wasLiving = ({ entity_id: id, isLiving }: HeldLink): boolean =>
    isLiving ? lives.get(id) !== 'appeared' : lives.get(id) === 'vanished'
  const listed = await readListed(tx, copies.map(refOf))
  const open = copies.filter(copy => listed.get(recordKey(refOf(copy)))?.by_person !== 1)
  const owners = await readOwners(tx, catalogue, entity, open)
  const linked: LinkRow[] = []
  const doubted: { copy: RecordRow; doubt: Doubt; since: number }[] = []
  const settled: RecordRef[] = []
  const changes: LinkChange[] = []
  for (const copy of open) {
    const record = refOf(copy)
    const key = recordKey(record)
    const former = links.get(key)
    const before = former !== undefined && wasLiving(former) ? former.entity_id : null
    const { link, doubt } = matchOf(copy, entity, owners, presentOf(former))
    const after = link?.entityId ?? null
    if (before !== after) changes.push({ record, entity, before, after })
    const row = listed.get(key)
    if (doubt === null) settled.push(...(row === undefined ? [] : [record]))
    else doubted.push({ copy, doubt, since: row?.reason === doubt.reason ? row.since : now.getTime() })
    if (link !== null && (before !== after || former?.evidence !== link.evidence)) {
      linked.push({
        system: copy.system,
        kind: copy.kind,
        record_id: copy.record_id,
        entity_type: entity,
        entity_id: link.entityId,
        evidence: link.evidence,
        linked_at: before === after && former !== undefined ? former.linked_at : now.getTime(),
      })
    }
  }
  // A link whose entity is gone stays, where nothing else takes the record, for the day on which the entity is restored.
  await deleteUnlinked(tx, settled)
  await writeLinks(tx, linked)
  await inParts(doubted, async part => {
    await tx
      .insertInto('unlinked')
      .values(
        part.map(({ copy, doubt, since }) => ({
          system: copy.system,
          kind: copy.kind,
          record_id: copy.record_id,
          entity_type: entity,
          reason: doubt.reason,
          candidates: JSON.stringify(doubt.candidates),
          by_person: 0,
          since,
        })),
      )
      .onConflict(conflict =>
        conflict.columns(['system', 'kind', 'record_id']).doUpdateSet(eb => ({
          reason: eb.ref('excluded.reason'),
          candidates: eb.ref('excluded.candidates'),
          since: eb.ref('excluded.since'),
        })),
      )
      .execute()
    return []
  })
  return changes
}

function presentOf(link: HeldLink | undefined): PresentLink | null {
  return link?.isLiving === true ? { entityId: link.entity_id, evidence: link.evidence } : null
}

/** Rows of `unlinked` by `recordKey`. */
async function readListed(
  tx: StoreTransaction,
  records: readonly RecordRef[],
): Promise<ReadonlyMap<string, Pick<UnlinkedRow, 'by_person' | 'reason' | 'since'>>> {
  const listed = new Map<string, Pick<UnlinkedRow, 'by_person' | 'reason' | 'since'>>()
  for (const { system, kind, ids } of byKind(records)) {
    const rows = await inParts(ids, part =>
      tx
        .selectFrom('unlinked')
        .select(['system', 'kind', 'record_id', 'by_person', 'reason', 'since'])
        .where('system', '=', system)
        .where('kind', '=', kind)
        .where('record_id', 'in', part)
        .execute(),
    )
    for (const row of rows) listed.set(recordKey(refOf(row)), row)
  }
  return listed
}

export async function writeLinks(tx: StoreTransaction, links: readonly LinkRow[]): Promise<void> {
  await inParts(links, async part => {
    await tx
      .insertInto('links')
      .values(part)
      .onConflict(conflict =>
        conflict.columns(['system', 'kind', 'record_id']).doUpdateSet(eb => ({
          entity_type: eb.ref('excluded.entity_type'),
          entity_id: eb.ref('excluded.entity_id'),
          evidence: eb.ref('excluded.evidence'),
          linked_at: eb.ref('excluded.linked_at'),
        })),
      )
      .execute()
    return []
  })
}

export function deleteLinks(tx: StoreTransaction, records: Iterable<RecordRef>): Promise<void> {
  return deleteOf(tx, 'links', records)
}

export function deleteUnlinked(tx: StoreTransaction, records: Iterable<RecordRef>): Promise<void> {
  return deleteOf(tx, 'unlinked', records)
}

/** Of records that exist no more. That a person said they are of no entity stays, for what belonged to them. */
export async function forgetDoubts(tx: StoreTransaction, records: Iterable<RecordRef>): Promise<void> {
  for (const { system, kind, ids } of byKind(records)) {
    await inParts(ids, async part => {
      await tx
        .deleteFrom('unlinked')
        .where('system', '=', system)
        .where('kind', '=', kind)
        .where('record_id', 'in', part)
        .where('by_person', '=', 0)
        .execute()
      return []
    })
  }
}

async function deleteOf(
  tx: StoreTransaction,
  table: 'links' | 'unlinked',
  records: Iterable<RecordRef>,
): Promise<void> {
  for (const { system, kind, ids } of byKind(records)) {
    await inParts(ids, async part => {
      await tx
        .deleteFrom(table)
        .where('system', '=', system)
        .where('kind', '=', kind)
        .where('record_id', 'in', part)
        .execute()
      return []
    })
  }
}
