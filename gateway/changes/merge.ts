import type { NewChange } from '../../schema/change.ts'
import { recordKey, type RecordRef } from '../../schema/systems.ts'
import type { Catalogue, KnownKind } from '../links/catalogue.ts'
import { addEmails, readEmails, writeEmails } from '../links/emails.ts'
import { readWinners } from '../links/match.ts'
import { writeMentions } from '../links/mentions.ts'
import { entitiesOf, moveParents, readParents, writeParents } from '../links/parents.ts'
import { readRecords, refOf, writeRecords } from '../links/records.ts'
import { settle, writeLinks, type LinkChange } from '../links/settle.ts'
import type { StoreTransaction } from '../store/store.ts'
import { linkedChange } from './linked.ts'
import { movedChanges } from './moved.ts'
import { tombstoneOf, type Observation } from './observe.ts'

/** "The owner made this record part of that one." */
export interface Merge {
  readonly owner: KnownKind
  readonly loser: RecordRef
  readonly winnerId: string
  readonly observation: Observation
}

/** The merge an observation tells of: of two records of an owner, into another than itself. */
export function mergeOf(catalogue: Catalogue, observation: Observation | undefined): Merge | null {
  if (observation?.mergedInto === undefined) return null
  const { record: loser, mergedInto } = observation
  const owner = catalogue.kindOf(loser)
  const isSameKind = mergedInto.system === loser.system && mergedInto.kind === loser.kind
  if (owner.as !== 'owner' || !isSameKind || mergedInto.id === loser.id) return null
  return { owner, loser, winnerId: mergedInto.id, observation }
}

/**
 * Retires the loser's id as an alias of the winner, and hands the winner its links and children. Chains collapse: every
 * alias points at the last winner. Told again, or against what an earlier merge has settled, it does nothing.
 */
export async function applyMerge(
  tx: StoreTransaction,
  catalogue: Catalogue,
  { owner, loser, winnerId, observation }: Merge,
  now: Date,
): Promise<readonly NewChange[]> {
  const winners = await readWinners(tx, owner, [winnerId, loser.id])
  const winner = { type: owner.entity, id: winners.get(winnerId) ?? winnerId }
  if (winner.id === loser.id || winners.get(loser.id) === winner.id) return []

  const loserRow = (await readRecords(tx, [loser])).get(recordKey(loser)) ?? null
  const winnerRecord = { ...loser, id: winner.id }
  const winnerRow = (await readRecords(tx, [winnerRecord])).get(recordKey(winnerRecord)) ?? null
  const winnerParents = winnerRow === null ? [] : entitiesOf((await readParents(tx, [winnerRow.id])).get(winnerRow.id))
  const before = { type: owner.entity, id: loser.id }
  const formerParents = loserRow === null ? [] : entitiesOf((await readParents(tx, [loserRow.id])).get(loserRow.id))

  // The loser's addresses are further ones of the winner now, until the winner is read and says which it has.
  const emails = [loserRow?.email ?? [], (await readEmails(tx, [loser])).get(recordKey(loser)) ?? []].flat()
  await writeEmails(tx, [{ record: loser, emails: [] }])
  if (observation.isShownByWinner !== true)
    await addEmails(tx, [{ record: winnerRecord, emails: emails.filter(email => email !== winnerRow?.email) }])
  await writeRecords(tx, [tombstoneOf(observation, loserRow, loserRow?.seen_run ?? null, now)])
  if (loserRow !== null) {
    await writeParents(tx, new Map(), new Map([[loserRow.id, []]]))
    await writeMentions(tx, new Map([[loserRow.id, []]]))
  }
  const isLiving = winnerRow?.is_deleted === 0
  const moved = await moveLinks(tx, before.id, winner)
  const namedChildren = isLiving ? await moveParents(tx, before, winner) : []
  await writeLinks(tx, [
    {
      system: loser.system,
      kind: loser.kind,
      record_id: loser.id,
      entity_type: winner.type,
      entity_id: winner.id,
      evidence: 'merged',
      linked_at: now.getTime(),
    },
  ])
  const { links: settled, moved: movedChildren } = await settle(
    tx,
    catalogue,
    {
      owners: [
        { entity: before, life: 'vanished', emails },
        { entity: winner, life: isLiving ? 'grown' : 'same', emails },
      ],
      copies: [],
      goneCopies: [],
      isTold: observation.origin !== 'import',
    },
    now,
  )

  const links = joined(loserRow?.is_deleted === 0 && isLiving ? moved : [], settled).map(change =>
    linkedChange(change, now),
  )
  const at = observation.at ?? now
  const changes: NewChange[] = []
  // One that is gone already, or that nobody here has ever heard of, does not go once more.
  if (loserRow?.is_deleted === 0) {
    changes.push({
      kind: 'DELETED',
      record: loser,
      // Whoever watches the retired id hears of it, and finds the winner behind it.
      entity: before,
      fields: observation.fields,
      parentsBefore: formerParents,
      parentsAfter: [],
      statusBefore: loserRow.status,
      statusAfter: null,
      at,
    })
  }
  // A listing shows a merge of old: the winner is no other than before.
  const isOld = loserRow === null && observation.origin !== undefined
  if (winnerRow?.is_deleted === 0 && !isOld) {
    changes.push({
      kind: 'UPDATED',
      record: winnerRecord,
      entity: winner,
      fields: [],
      parentsBefore: winnerParents,
      parentsAfter: winnerParents,
      statusBefore: winnerRow.status,
      statusAfter: winnerRow.status,
      at,
    })
  }
  const named = [...namedChildren, ...movedChildren]
  const told = observation.origin === 'import' ? [] : await movedChanges(tx, catalogue, named, now)
  return [...changes, ...links, ...told]
}

/**
 * One Change a winner, where its merge and what was read of it tell of the same: from how it was before all of them to how it is
 * after, at the place of the first.
 * @param winners of the merges, by `recordKey`
 */
export function winnersOnce(changes: readonly NewChange[], winners: ReadonlySet<string>): readonly NewChange[] {
  const isPart = ({ kind, record }: NewChange): boolean =>
    (kind === 'CREATED' || kind === 'UPDATED') && winners.has(recordKey(record))
  const whole = new Map<string, NewChange>()
  for (const change of changes.filter(isPart)) {
    const key = recordKey(change.record)
    const { parentsBefore, statusBefore, kind } = whole.get(key) ?? change
    const strongest = kind === 'CREATED' ? kind : change.kind
    whole.set(key, { ...change, kind: strongest, fields: [], parentsBefore, statusBefore })
  }
  return changes.flatMap(change => {
    if (!isPart(change)) return [change]
    const one = whole.get(recordKey(change.record))
    whole.delete(recordKey(change.record))
    return one ?? []
  })
}

/** @returns the copies among what was moved */
async function moveLinks(
  tx: StoreTransaction,
  loserId: string,
  winner: { type: KnownKind['entity']; id: string },
): Promise<readonly LinkChange[]> {
  const links = await tx
    .selectFrom('links')
    .selectAll()
    .where('entity_type', '=', winner.type)
    .where('entity_id', '=', loserId)
    .execute()
  await tx
    .updateTable('links')
    .set({ entity_id: winner.id })
    .where('entity_type', '=', winner.type)
    .where('entity_id', '=', loserId)
    .execute()
  const records = await readRecords(tx, links.map(refOf))
  return links
    .filter(link => link.evidence !== 'merged' && records.get(recordKey(refOf(link)))?.is_deleted === 0)
    .map(link => ({ record: refOf(link), entity: winner.type, before: loserId, after: winner.id }))
}

/** The move and what the matching made of it, as one change a record; none where it is back where it was. */
function joined(moved: readonly LinkChange[], settled: readonly LinkChange[]): readonly LinkChange[] {
  const changes = new Map(moved.map(change => [recordKey(change.record), change]))
  for (const change of settled) {
    const key = recordKey(change.record)
    changes.set(key, { ...change, before: changes.get(key)?.before ?? change.before })
  }
  return [...changes.values()].filter(change => change.before !== change.after)
}
