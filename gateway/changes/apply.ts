import type { Change, NewChange } from '../../schema/change.ts'
import { isEntityType } from '../../schema/entities.ts'
import { recordKey, type RecordRef } from '../../schema/systems.ts'
import type { Catalogue } from '../links/catalogue.ts'
import { readMentions, writeMentions } from '../links/mentions.ts'
import { entitiesOf, readParents, resolveParents, writeParents, type ParentRow } from '../links/parents.ts'
import { readEmails, writeEmails } from '../links/emails.ts'
import { isKnownByEmail } from '../links/match.ts'
import { inParts, linkedTo, readLinks, readRecords, refOf, writeRecords, type RecordRow } from '../links/records.ts'
import { deleteLinks, forgetDoubts, settle, type LinkChange, type OwnerChange } from '../links/settle.ts'
import type { StoreTransaction } from '../store/store.ts'
import { appendChanges } from './log.ts'
import { fieldsOfCopy, linkedChange, refs } from './linked.ts'
import { applyMerge, mergeOf, winnersOnce } from './merge.ts'
import { movedChanges } from './moved.ts'
import { effectOf, type Effect, type Observation } from './observe.ts'

/** Observations worked on together; the statements of a batch do not grow with it. */
const batchSize = 200

/**
 * Writes what was observed to the record index, the parents and the links, and appends the Changes that follow from it.
 * What is already known, or older than what is known, changes nothing. Observations count in their order.
 * @returns the Changes in their order
 * @throws Error for a record of a kind that no connected system has declared
 */
export async function applyObservations(
  tx: StoreTransaction,
  catalogue: Catalogue,
  observations: readonly Observation[],
  now: Date,
): Promise<Change[]> {
  const changes: NewChange[] = []
  const { all, winners } = await withMerges(tx, catalogue, observations)
  for (const batch of batchesOf(catalogue, all)) {
    const merge = mergeOf(catalogue, batch[0])
    changes.push(
      ...(merge === null ? await applyBatch(tx, catalogue, batch, now) : await applyMerge(tx, catalogue, merge, now)),
    )
  }
  return changes.length === 0
    ? []
    : appendChanges(tx, heard(traced(winnersOnce(changes, winners), observations), observations), now)
}

/**
 * A Change goes on with the trace of its own record's news. One that followed from another record's is of the same trace where all
 * are of one; else nobody could say.
 */
function traced(changes: readonly NewChange[], observations: readonly Observation[]): readonly NewChange[] {
  const news = new Map(observations.map(({ record, traceparent }) => [recordKey(record), traceparent]))
  const all = new Set(news.values())
  const [common] = all.size === 1 ? all : []
  if (all.size === 1 && common === undefined) return changes
  return changes.map(change => {
    const key = recordKey(change.record)
    return { ...change, traceparent: news.has(key) ? news.get(key) : common }
  })
}

/** A Change says since when its record's news are known here. */
function heard(changes: readonly NewChange[], observations: readonly Observation[]): readonly NewChange[] {
  const heardAt = new Map(
    observations.flatMap(({ record, heardAt: at }) => (at === undefined ? [] : [[recordKey(record), at] as const])),
  )
  if (heardAt.size === 0) return changes
  return changes.map(change => ({ ...change, heardAt: heardAt.get(recordKey(change.record)) }))
}

/**
 * The observations and the merges that nobody told us of, but that the winners show: made before we were connected, or told while we
 * were out.
 * @returns with them the winners of merges that are new to us, by `recordKey`: a merge changes any field of its winner, so whatever
 *   else is told of it in the same moment is part of that
 */
async function withMerges(
  tx: StoreTransaction,
  catalogue: Catalogue,
  observations: readonly Observation[],
): Promise<{ readonly all: readonly Observation[]; readonly winners: ReadonlySet<string> }> {
  const shown = observations.flatMap(({ record, observed, origin }) =>
    (observed?.formerIds ?? []).map((id): Observation => ({
      record: { ...record, id },
      observed: null,
      kind: 'DELETED',
      fields: [],
      at: observed?.updatedAt ?? null,
      mergedInto: record,
      isShownByWinner: observed?.emails !== undefined,
      origin,
    })),
  )
  const isMerge = (observation: Observation): boolean => mergeOf(catalogue, observation) !== null
  const merges = [...observations, ...shown].filter(isMerge)
  if (merges.length === 0) return { all: observations, winners: new Set() }
  const known = await readLinks(
    tx,
    catalogue,
    merges.map(({ record }) => record),
  )
  const isNew = ({ record }: Observation): boolean => !known.has(recordKey(record))
  const winners = new Set(merges.filter(isNew).flatMap(({ mergedInto }) => (mergedInto ? [recordKey(mergedInto)] : [])))
  const told = observations.map(one => (winners.has(recordKey(one.record)) ? { ...one, fields: [] } : one))
  return { all: [...told, ...shown.filter(one => isMerge(one) && isNew(one))], winners }
}

/** Cuts the list so that no batch holds a record twice, and each merge stands alone. */
function* batchesOf(catalogue: Catalogue, observations: readonly Observation[]): Generator<readonly Observation[]> {
  let batch = new Map<string, Observation>()
  for (const observation of observations) {
    const key = recordKey(observation.record)
    const isMerge = mergeOf(catalogue, observation) !== null
    if (batch.size > 0 && (isMerge || batch.has(key) || batch.size >= batchSize)) {
      yield [...batch.values()]
      batch = new Map()
    }
    if (isMerge) yield [observation]
    else batch.set(key, observation)
  }
  if (batch.size > 0) yield [...batch.values()]
}

/** One observation with what was known before it and what it does. */
interface Step {
  readonly observation: Observation
  readonly stored: RecordRow | null
  readonly parentsBefore: readonly ParentRow[]
  readonly emailsBefore: readonly string[]
  /** The living entity it was linked to. */
  readonly entityBefore: string | null
  readonly effect: Effect
}

async function applyBatch(
  tx: StoreTransaction,
  catalogue: Catalogue,
  batch: readonly Observation[],
  now: Date,
): Promise<readonly NewChange[]> {
  const steps = await readSteps(tx, catalogue, batch, now)
  const rowIds = await writeRows(tx, steps)
  await markSeen(tx, steps)

  const parents = new Map(
    steps.flatMap(({ observation, effect: { parents: named } }) => {
      const id = rowIds.get(recordKey(observation.record))
      return named === null || id === undefined ? [] : [[id, named] as const]
    }),
  )
  const formerParents = new Map(
    steps.flatMap(({ stored, parentsBefore }) =>
      stored !== null && parentsBefore.length > 0 && parents.has(stored.id)
        ? [[stored.id, parentsBefore] as const]
        : [],
    ),
  )
  await writeParents(tx, parents, formerParents)
  await writeEmails(
    tx,
    steps.flatMap(({ observation: { record }, effect: { emails } }) => (emails === null ? [] : [{ record, emails }])),
  )

  const mentions = steps.flatMap(({ observation, effect: { mentions: mentioned } }) => {
    const id = rowIds.get(recordKey(observation.record))
    return mentioned === null || id === undefined ? [] : [[id, mentioned] as const]
  })
  await writeMentions(tx, new Map(mentions))

  const copiesOf = (isIncluded: (step: Step) => boolean): RecordRef[] =>
    steps.filter(isIncluded).flatMap(({ observation: { record } }) => (catalogue.isOwner(record) ? [] : [record]))
  const goneCopies = copiesOf(step => step.effect.isGone)
  await deleteLinks(tx, revivedOwners(catalogue, steps))
  await forgetDoubts(tx, goneCopies)
  const toMatch = await readRecords(tx, copiesOf(mustMatch))
  const isTold = batch.some(({ origin, observed }) => origin !== 'import' || observed === null)
  const { links: linkChanges, moved } = await settle(
    tx,
    catalogue,
    {
      owners: ownerChanges(catalogue, steps),
      copies: [...toMatch.values()],
      newCopies: copiesOf(step => step.effect.isNew),
      goneCopies,
      isTold,
    },
    now,
  )
  // A child whose own e-mail address has changed may belong to another by it.
  const readdressed = steps.filter(
    ({ stored, effect: { row } }) => row !== null && row.email !== (stored?.email ?? null),
  )
  const children = [...parents.keys(), ...readdressed.flatMap(({ stored }) => stored?.id ?? [])]
  const named = [...[...parents.values()].flat(), ...readdressed.flatMap(({ parentsBefore }) => parentsBefore)]
  for (const type of new Set(named.map(parent => parent.entity_type))) {
    if (isEntityType(type)) await resolveParents(tx, catalogue, type, { children: new Set(children) })
  }
  const changes = await changesOf(tx, catalogue, steps, rowIds, linkChanges, now)
  // Those of the batch have Changes of their own.
  const own = new Set(rowIds.values())
  const others = moved.filter(({ child }) => !own.has(child))
  return [...changes, ...(await movedChanges(tx, catalogue, others, now))]
}

async function readSteps(
  tx: StoreTransaction,
  catalogue: Catalogue,
  batch: readonly Observation[],
  now: Date,
): Promise<readonly Step[]> {
  const records = batch.map(observation => observation.record)
  const stored = await readRecords(tx, records)
  const living = [...stored.values()].filter(row => row.is_deleted === 0).map(row => row.id)
  const parents = await readParents(tx, living)
  const mentions = await readMentions(tx, living)
  const copies = records.filter(record => catalogue.kindOf(record).as === 'copy' && stored.has(recordKey(record)))
  const links = await readLinks(tx, catalogue, copies)
  const isPerson = (record: RecordRef): boolean =>
    catalogue.isOwner(record) && isKnownByEmail(catalogue.kindOf(record).entity)
  const emails = await readEmails(tx, records.filter(isPerson))
  const named = await readNamed(tx, catalogue, batch)
  const runs = await readRuns(tx)
  return batch.map(observation => {
    const { record } = observation
    const row = stored.get(recordKey(record)) ?? null
    const parentsBefore = (row === null ? undefined : parents.get(row.id)) ?? []
    const emailsBefore = emails.get(recordKey(record)) ?? []
    const known = {
      row,
      parents: parentsBefore,
      emails: emailsBefore,
      mentions: (row === null ? undefined : mentions.get(row.id)) ?? [],
      fieldsOf: (mentioned: Pick<RecordRef, 'system' | 'kind'>) => catalogue.mentionedKindOf(mentioned)?.fields ?? [],
      shownAs: (mentioned: RecordRef) => named.get(recordKey(mentioned))?.shown_as ?? null,
      run: runs.get(`${record.system}:${record.kind}`) ?? null,
    }
    return {
      observation,
      stored: row,
      parentsBefore,
      emailsBefore,
      // A record that is gone keeps its link, and is in no list.
      entityBefore: row?.is_deleted === 0 ? linkedTo(links.get(recordKey(record))) : null,
      effect: effectOf(observation, known, now),
    }
  })
}

/** The rows of entities and copies whose names are shown by records that do not hold them. */
async function readNamed(
  tx: StoreTransaction,
  catalogue: Catalogue,
  batch: readonly Observation[],
): Promise<ReadonlyMap<string, RecordRow>> {
  const mentions = batch.flatMap(({ observed }) => observed?.mentions ?? [])
  const isIndexed = (record: RecordRef): boolean => catalogue.mentionedKindOf(record)?.nameFields != null
  return readRecords(
    tx,
    mentions.flatMap(({ record, name }) => (name === undefined && isIndexed(record) ? [record] : [])),
  )
}

/** The imports under way: whatever is seen while one lists a kind, it has seen. */
async function readRuns(tx: StoreTransaction): Promise<ReadonlyMap<string, number>> {
  const rows = await tx
    .selectFrom('import_progress')
    .select(['system', 'kind', 'run'])
    .where('state', '=', 'running')
    .execute()
  return new Map(rows.map(row => [`${row.system}:${row.kind}`, row.run]))
}

/** @returns `records.id` of every record of the batch that has a row now, by `recordKey` */
async function writeRows(tx: StoreTransaction, steps: readonly Step[]): Promise<ReadonlyMap<string, number>> {
  const ids = new Map(
    steps.flatMap(({ observation, stored }) => (stored ? [[recordKey(observation.record), stored.id] as const] : [])),
  )
  const written = await writeRecords(
    tx,
    steps.flatMap(step => step.effect.row ?? []),
  )
  for (const row of written) ids.set(recordKey(refOf(row)), row.id)
  return ids
}

async function markSeen(tx: StoreTransaction, steps: readonly Step[]): Promise<void> {
  await inParts(
    steps.flatMap(step => step.effect.seenRow ?? []),
    async part => {
      await tx
        .updateTable('records')
        .set(eb => ({
          seen_run: eb
            .selectFrom('import_progress')
            .select('import_progress.run')
            .whereRef('import_progress.system', '=', 'records.system')
            .whereRef('import_progress.kind', '=', 'records.kind'),
        }))
        .where('id', 'in', part)
        .execute()
      return []
    },
  )
}

/** Owners' records that a merge had retired and that exist again: their ids are their own again. */
function revivedOwners(catalogue: Catalogue, steps: readonly Step[]): readonly RecordRef[] {
  return steps.flatMap(({ observation: { record }, stored, effect }) =>
    effect.isNew && stored !== null && catalogue.isOwner(record) ? [record] : [],
  )
}

function ownerChanges(catalogue: Catalogue, steps: readonly Step[]): readonly OwnerChange[] {
  return steps.flatMap(({ observation: { record }, stored, emailsBefore, effect }): OwnerChange[] => {
    if (!catalogue.isOwner(record) || effect.row === null) return []
    const before = new Set([stored?.email ?? [], emailsBefore].flat())
    const after = new Set([effect.row.email ?? [], effect.emails ?? emailsBefore].flat())
    const emails = [...before, ...after].filter(email => effect.isNew || before.has(email) !== after.has(email))
    const number = effect.row.number ?? null
    const isNumbered = effect.isNew || (stored?.number ?? null) !== number
    const numbers = isNumbered ? [stored?.number ?? [], number ?? []].flat() : []
    const life = effect.isNew ? 'appeared' : effect.isGone ? 'vanished' : 'same'
    if (life === 'same' && emails.length + numbers.length === 0) return []
    return [{ entity: { type: catalogue.kindOf(record).entity, id: record.id }, life, emails, numbers }]
  })
}

function mustMatch({ stored, effect: { row, isNew } }: Step): boolean {
  if (row === null || row.is_deleted === 1) return false
  const isChanged =
    stored?.email !== row.email || stored?.names_type !== row.names_type || stored?.names_id !== row.names_id
  return isNew || isChanged
}

async function changesOf(
  tx: StoreTransaction,
  catalogue: Catalogue,
  steps: readonly Step[],
  rowIds: ReadonlyMap<string, number>,
  linkChanges: readonly LinkChange[],
  now: Date,
): Promise<readonly NewChange[]> {
  const told = steps.filter(step => step.effect.change !== null)
  const owners = told.filter(step => catalogue.isOwner(step.observation.record))
  const parentsAfter = await readParents(
    tx,
    owners.flatMap(step => rowIds.get(recordKey(step.observation.record)) ?? []),
  )
  const links = await readLinks(
    tx,
    catalogue,
    told.flatMap(({ observation: { record } }) => (catalogue.isOwner(record) ? [] : [record])),
  )
  const changes: NewChange[] = told.flatMap(({ observation, stored, parentsBefore, entityBefore, effect }) => {
    const { record } = observation
    const { fields } = effect
    if (effect.change === null) return []
    const type = catalogue.kindOf(record).entity
    const change = {
      kind: effect.change,
      record,
      fields,
      statusBefore: stored?.status ?? null,
      statusAfter: (effect.row === null ? stored?.status : effect.row.status) ?? null,
      at: happenedAt(observation, stored) ?? now,
    }
    if (catalogue.isOwner(record)) {
      const rowId = rowIds.get(recordKey(record))
      return [
        {
          ...change,
          entity: { type, id: record.id },
          parentsBefore: entitiesOf(parentsBefore),
          parentsAfter: rowId === undefined ? [] : entitiesOf(parentsAfter.get(rowId)),
        },
      ]
    }
    const before = refs(type, entityBefore)
    const after = effect.isGone ? [] : refs(type, linkedTo(links.get(recordKey(record))))
    return [
      {
        ...change,
        fields: fieldsOfCopy(type, catalogue.kindOf(record).role, fields),
        entity: after[0] ?? before[0] ?? null,
        parentsBefore: before,
        parentsAfter: after,
      },
    ]
  })
  // That a record new to us has a link is told by its own Change.
  const isNew = new Set(steps.filter(step => step.effect.isNew).map(step => recordKey(step.observation.record)))
  const news = linkChanges.filter(change => !isNew.has(recordKey(change.record)))
  return [...changes, ...news.map(change => linkedChange(change, now))]
}

/** News that come late, of a moment that is known already, are told for what came after it: what is known now is newer. */
function happenedAt({ at, observed }: Observation, stored: RecordRow | null): Date | null {
  const updatedAt = observed?.updatedAt ?? null
  if (at === null || updatedAt === null) return at ?? updatedAt
  const knownAt = stored?.updated_at ?? null
  return knownAt !== null && at.getTime() <= knownAt && knownAt < updatedAt.getTime() ? updatedAt : at
}
