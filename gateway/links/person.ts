import { GraphQLError } from 'graphql'
import type { Change } from '../../schema/change.ts'
import { recordKey, type RecordRef } from '../../schema/systems.ts'
import { linkedChange } from '../changes/linked.ts'
import { appendChanges } from '../changes/log.ts'
import type { StoreTransaction } from '../store/store.ts'
import type { Catalogue } from './catalogue.ts'
import { readLiving } from './match.ts'
import { resolveParents } from './parents.ts'
import { readLinks, readRecords } from './records.ts'
import { deleteLinks, deleteUnlinked, writeLinks } from './settle.ts'

/**
 * Writes down what a person says of a copy's record: whose it is, or with null that it is nobody's. Nothing automatic
 * changes it while that entity exists. Said again, it changes nothing.
 * @throws GraphQLError `BAD_USER_INPUT` for a kind that is linked to nothing; `NOT_FOUND` for an unknown record or entity
 */
export async function linkByPerson(
  tx: StoreTransaction,
  catalogue: Catalogue,
  record: RecordRef,
  entityId: string | null,
  now: Date,
): Promise<Change[]> {
  const kind = catalogue.kinds.find(known => known.system === record.system && known.kind === record.kind)
  const owner = kind === undefined ? null : catalogue.ownerOf(kind.entity)
  if (kind?.as !== 'copy' || owner === null) {
    throw new GraphQLError(
      `expected a kind of record that can be linked (${linkableKinds(catalogue)}), got ${record.system} ${record.kind}`,
      { extensions: { code: 'BAD_USER_INPUT' } },
    )
  }
  const row = (await readRecords(tx, [record])).get(recordKey(record))
  if (row?.is_deleted !== 0)
    throw notFound(
      `no ${record.kind} ${record.id} of ${record.system} is known here: one that was just made is in a moment`,
    )
  const after = entityId === null ? null : ((await readLiving(tx, owner, [entityId])).get(entityId) ?? null)
  if (entityId !== null && after === null) throw notFound(`there is no ${kind.entity} ${entityId}`)

  const link = (await readLinks(tx, [record])).get(recordKey(record))
  const before = link?.entity_id ?? null
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
  await resolveParents(tx, catalogue, kind.entity, { records: [record], references: [record.id] })
  return appendChanges(tx, [linkedChange({ record, entity: kind.entity, before, after }, now)], now)
}

function linkableKinds(catalogue: Catalogue): string {
  const kinds = catalogue.kinds.filter(known => known.as === 'copy')
  return kinds.map(known => `${known.system} ${known.kind}`).join(', ') || 'none is connected'
}

function notFound(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'NOT_FOUND' } })
}
