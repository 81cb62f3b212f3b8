import { recordKey } from '../../schema/systems.ts'
import { inParts } from '../links/records.ts'
import type { StoreTransaction } from '../store/store.ts'
import type { Observation } from './observe.ts'

/** A record was read before a Change that stands in the log by now, perhaps of another process: what was read may be older. */
export class Overtaken extends Error {
  override readonly name = 'Overtaken'
}

/**
 * To be asked in the transaction that applies observations. Where the vendor gives a version, that decides which one is newer;
 * where it gives none, only an observation that nothing has overtaken is sure to be the newest.
 * @throws Overtaken
 */
export async function refuseOvertaken(tx: StoreTransaction, observations: readonly Observation[]): Promise<void> {
  const unsure = new Map<string, { readonly id: string; readonly readAfter: number }>()
  for (const { record, observed, readAfter } of observations) {
    // A version does not move when a record is renamed whose name this one shows.
    const showsNames = observed?.mentions?.some(({ name }) => name !== undefined) === true
    const hasVersion = observed !== null && observed.updatedAt !== null && !showsNames
    if (readAfter !== undefined && !hasVersion) unsure.set(recordKey(record), { id: record.id, readAfter })
  }
  if (unsure.size === 0) return
  const since = Math.min(...[...unsure.values()].map(({ readAfter }) => readAfter))
  const ids = new Set([...unsure.values()].map(({ id }) => id))
  const rows = await inParts(ids, part =>
    tx
      .selectFrom('changes')
      .select(['sequence', 'system', 'record_kind', 'record_id'])
      .where('sequence', '>', since)
      .where('record_id', 'in', part)
      // A link says nothing of the record.
      .where('kind', '!=', 'LINKED')
      .execute(),
  )
  for (const { sequence, system, record_kind: kind, record_id: id } of rows) {
    const known = unsure.get(recordKey({ system, kind, id }))
    if (known !== undefined && sequence > known.readAfter)
      throw new Overtaken(`${system} ${kind} ${id} was read before Change ${sequence}: read it again`)
  }
}
