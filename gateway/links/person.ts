import { GraphQLError } from 'graphql'
import type { Change, NewChange } from '../../schema/change.ts'
import { recordKey, sameRecord, type RecordRef } from '../../schema/systems.ts'
import { linkedChange } from '../changes/linked.ts'
import { appendChanges } from '../changes/log.ts'
import { movedChanges } from '../changes/moved.ts'
import type { StoreTransaction } from '../store/store.ts'
import type { Catalogue, KnownKind } from './catalogue.ts'
import { readLiving } from './match.ts'
import { resolveParents } from './parents.ts'
import { linkedTo, readLinks, readRecords, type RecordRow } from './records.ts'
import { deleteLinks, deleteUnlinked, settle, writeLinks } from './settle.ts'

/**
 * Writes down what a person says of a copy's record: whose it is, or with null that it is of no entity. Nothing automatic
 * changes it while that entity exists. Said of the entity it is linked to already, it settles what contradicts that. Said again,
 * it changes nothing.
 * @throws GraphQLError `BAD_USER_INPUT` for a kind that is linked to nothing; `NOT_FOUND` for an unknown record or entity
 */
export async function linkByPerson(
  tx: StoreTransaction,
  catalogue: Catalogue,
  record: RecordRef,
  entityId: string | null,
  now: Date,
): Promise<Change[]> {
  const { kind, owner } = linkable(catalogue, record)
  await livingRecord(tx, record)
  const after = entityId === null ? null : ((await readLiving(tx, owner, [entityId])).get(entityId) ?? null)
  if (entityId !== null && after === null)
    throw notFound(`expected the id of a ${kind.entity}, got ${entityId}: there is none with this id`)

  const link = (await readLinks(tx, catalogue, [record])).get(recordKey(record))
  const before = linkedTo(link)
  if (after !== null && before === after && link?.evidence === 'person') return []
  if (after === null) {
    await deleteLinks(tx, [record])
    await tx
      .insertInto('unlinked')
      .values({
        system: record.system,
        kind: record.kind,
        record_id: record.id,
        entity_type: kind.entity,
        reason: 'BIRTH',
        candidates: '[]',
        by_person: 1,
        since: now.getTime(),
      })
      .onConflict(conflict => conflict.columns(['system', 'kind', 'record_id']).doUpdateSet({ by_person: 1 }))
      .execute()
  } else {
    await deleteUnlinked(tx, [record])
    await writeLinks(tx, [
      {
        system: record.system,
        kind: record.kind,
        record_id: record.id,
        entity_type: kind.entity,
        entity_id: after,
        evidence: 'person',
        linked_at: now.getTime(),
      },
    ])
  }
  if (before === null && after === null) return []
  const linked = linkedChange({ record, entity: kind.entity, before, after }, now)
  return appendChanges(tx, [linked, ...(await resolveBelow(tx, catalogue, kind, record, now))], now)
}

/**
 * Takes back what a person said of a copy's record, and whatever it was linked to: it is matched anew, as if it had just been seen.
 * @throws GraphQLError `BAD_USER_INPUT` for a kind that is linked to nothing; `NOT_FOUND` for an unknown record
 */
export async function resetLink(
  tx: StoreTransaction,
  catalogue: Catalogue,
  record: RecordRef,
  now: Date,
): Promise<Change[]> {
  const { kind } = linkable(catalogue, record)
  const row = await livingRecord(tx, record)
  const before = linkedTo((await readLinks(tx, catalogue, [record])).get(recordKey(record)))
  await deleteLinks(tx, [record])
  await deleteUnlinked(tx, [record])
  const unsettled = { owners: [], copies: [row], goneCopies: [], isTold: true }
  const { links: matched, moved } = await settle(tx, catalogue, unsettled, now)
  const after = matched.find(change => sameRecord(change.record, record))?.after ?? null
  // What a person said comes and goes without a word where it makes no difference.
  if (before === after) return []
  const linked = linkedChange({ record, entity: kind.entity, before, after }, now)
  const changes = [
    ...(await movedChanges(tx, catalogue, moved, now)),
    ...(await resolveBelow(tx, catalogue, kind, record, now)),
  ]
  return appendChanges(tx, [linked, ...changes], now)
}

/** @returns the Changes of what names the record in a text; of what hangs below it the Change of its link tells */
async function resolveBelow(
  tx: StoreTransaction,
  catalogue: Catalogue,
  { entity }: KnownKind,
  record: RecordRef,
  now: Date,
): Promise<readonly NewChange[]> {
  await resolveParents(tx, catalogue, entity, { records: [record] })
  const moved = await resolveParents(tx, catalogue, entity, { references: [record.id] }, true)
  return movedChanges(tx, catalogue, moved, now)
}

/** @throws GraphQLError `BAD_USER_INPUT` for a kind that is linked to nothing */
function linkable(catalogue: Catalogue, record: RecordRef): { readonly kind: KnownKind; readonly owner: KnownKind } {
  const kind = catalogue.kinds.find(known => known.system === record.system && known.kind === record.kind)
  const owner = kind === undefined ? null : catalogue.ownerOf(kind.entity)
  if (kind?.as === 'copy' && owner !== null) return { kind, owner }
  throw new GraphQLError(
    `expected a kind of record that can be linked (${linkableKinds(catalogue)}), got ${record.system} ${record.kind}`,
    { extensions: { code: 'BAD_USER_INPUT' } },
  )
}

/** @throws GraphQLError `NOT_FOUND` for an unknown record */
async function livingRecord(tx: StoreTransaction, record: RecordRef): Promise<RecordRow> {
  const row = (await readRecords(tx, [record])).get(recordKey(record))
  if (row?.is_deleted === 0) return row
  throw notFound(
    `expected a record that the graph knows, got ${record.system} ${record.kind} ${record.id}: check the three values; a record that is new in ${record.system} is known after its webhook or the next sweep`,
  )
}

function linkableKinds(catalogue: Catalogue): string {
  const kinds = catalogue.kinds.filter(known => known.as === 'copy')
  return kinds.map(known => `${known.system} ${known.kind}`).join(', ') || 'none is connected'
}

function notFound(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'NOT_FOUND' } })
}
