import { z } from 'zod'
import type { ChangeKind } from '../../schema/change.ts'
import type { RecordRef } from '../../schema/systems.ts'
import { normalizeEmail } from '../../schema/values.ts'
import type { ObservedRecord } from '../../subgraphs/contract.ts'
import { parseColumn } from '../store/json-column.ts'
import { mentionsAfter, printOf, renamedIn, sameMentions, type MentionRow, type NewMention } from '../links/mentions.ts'
import { namedParents, sameParents, type NamedParent, type ParentRow } from '../links/parents.ts'
import { columnsOf, noValues, sameValues, type ValueColumns } from '../links/indexed-values.ts'
import type { NewRecordRow, RecordRow } from '../links/records.ts'

/** A record as a system has it, and what made us look. */
export interface Observation {
  readonly record: RecordRef
  /** Null: it does not exist (any more). */
  readonly observed: ObservedRecord | null
  /** What the system said had happened; what we knew before decides. */
  readonly kind: ChangeKind
  /** The entity's fields that changed, as far as the system says. */
  readonly fields: readonly string[]
  /** When it happened, by the system's clock: the record existed then, or ceased to. Null when the system does not say. */
  readonly at: Date | null
  readonly mergedInto?: RecordRef
  /** The winner shows the merge, and with it all addresses that it has: none of the loser's are added to them. */
  readonly isShownByWinner?: boolean
  /** It came of a write of ours, whose own Change has told of it. */
  readonly isEcho?: boolean
  /** The newest Change that was known here when the record was read; a later one of the record may be newer than the reading. */
  readonly readAfter?: number
  /** It is our own write, and its system may have told of it before: where it shows nothing new, there is nothing to tell. */
  readonly mayBeTold?: boolean
  /** A listing rather than news: what it does not show to have changed makes no Change. */
  readonly origin?: 'sweep' | 'import'
  /** What made us look, as its Changes carry it; absent unless that is traced. */
  readonly traceparent?: string
  /** When the webhook came that made us look, as the Changes of its record carry it. */
  readonly heardAt?: Date
}

/** What the index knows of a record before the observation. */
export interface Known {
  readonly row: RecordRow | null
  readonly parents: readonly ParentRow[]
  readonly mentions: readonly MentionRow[]
  /** The entity's fields that show the names of a kind of records. */
  fieldsOf(mentioned: Pick<RecordRef, 'system' | 'kind'>): readonly string[]
  /** The hash of what a record is called that others show; null where that is not known. */
  shownAs(mentioned: RecordRef): string | null
  /** Its further e-mail addresses, normalised. */
  readonly emails: readonly string[]
  /** The number of the import that is listing its kind at the moment; null when none is. */
  readonly run: number | null
}

/** What an observation does to the index. */
export interface Effect {
  /** The row to be written; null when it stays. */
  readonly row: NewRecordRow | null
  /** The parents to be written; null when they stay. */
  readonly parents: readonly NamedParent[] | null
  /** What it mentions from now on; null when that stays. */
  readonly mentions: readonly NewMention[] | null
  /** The further e-mail addresses to be written; null when they stay. */
  readonly emails: readonly string[] | null
  /** Whether the record is there for the first time, or again. */
  readonly isNew: boolean
  /** Whether it is gone now and was there before. */
  readonly isGone: boolean
  /** The Change to append; null for none. */
  readonly change: 'CREATED' | 'UPDATED' | 'DELETED' | null
  /** The entity's fields the Change names; empty when all may have changed. */
  readonly fields: readonly string[]
  /** The row the running import is to be told of as seen, where nothing else of it is written. */
  readonly seenRow: number | null
}

const fieldNames = z.array(z.string())

/** Stands among the fields told of a version when a Change that named none has told of it as a whole. */
const everyField = '*'

/** Clocks differ by less, or no webhook would be genuine. What is dated later has no version that could be compared. */
const mostAheadMs = 600_000

const nothing: Effect = {
  row: null,
  parents: null,
  mentions: null,
  emails: null,
  isNew: false,
  isGone: false,
  change: null,
  fields: [],
  seenRow: null,
}

/** What one observation means, given what was known. Pure. */
export function effectOf(observation: Observation, known: Known, now: Date): Effect {
  const { observed } = observation
  return observed === null ? effectOfAbsence(observation, known, now) : effectOfSight(observation, observed, known, now)
}

function effectOfAbsence(observation: Observation, { row, emails, run }: Known, now: Date): Effect {
  const isGone = row !== null && row.is_deleted === 0
  // A record deleted before we heard of it leaves a tombstone too: news of its life may still be on the way.
  if (!isGone && !(row === null && observation.kind === 'DELETED')) return nothing
  return {
    ...nothing,
    row: tombstoneOf(observation, row, run, now),
    parents: isGone ? [] : null,
    mentions: isGone ? [] : null,
    emails: emails.length > 0 ? [] : null,
    isGone,
    change: isGone ? 'DELETED' : null,
    fields: observation.fields,
  }
}

/** What stays of a record that exists no more: when it was last heard of, and nothing of what it was. */
export function tombstoneOf(
  { record, at }: Pick<Observation, 'record' | 'at'>,
  row: RecordRow | null,
  run: number | null,
  now: Date,
): NewRecordRow {
  return {
    system: record.system,
    kind: record.kind,
    record_id: record.id,
    status: null,
    is_closed: null,
    created_at: row?.created_at ?? null,
    updated_at: row?.updated_at ?? null,
    email: null,
    names_type: null,
    names_id: null,
    sort_at: row?.sort_at ?? now.getTime(),
    is_deleted: 1,
    deleted_at: Math.max(Math.min((at ?? now).getTime(), now.getTime() + mostAheadMs), row?.updated_at ?? 0),
    told: null,
    seen_run: run ?? row?.seen_run ?? null,
    ...noValues,
    has_values: 1,
  }
}

function effectOfSight(
  observation: Observation,
  observed: ObservedRecord,
  {
    row: stored,
    parents: storedParents,
    emails: storedEmails,
    mentions: storedMentions,
    fieldsOf,
    shownAs,
    run,
  }: Known,
  now: Date,
): Effect {
  const isListing = observation.origin !== undefined
  // The write is under way still, or is gone on with after a crash: it tells of what it has made once it is whole.
  if (observation.isEcho === true && stored === null) return nothing
  const versionOf = (date: Date | null): number | null => {
    const time = timeOf(date)
    return time !== null && time - now.getTime() > mostAheadMs ? null : time
  }
  const updatedAt = versionOf(observed.updatedAt)
  const isDead = stored?.is_deleted === 1
  const livedAt = Math.max(updatedAt ?? -Infinity, versionOf(observation.at) ?? -Infinity)
  if (isDead && livedAt <= (stored.deleted_at ?? Infinity)) return nothing
  const seenRow = stored !== null && run !== null && stored.seen_run !== run ? stored.id : null
  const isOlder = !isDead && stored !== null && isBehind(observation, updatedAt, stored)
  if (isOlder) {
    const change = isListing ? null : 'UPDATED'
    return { ...nothing, row: withValues(stored, observed), change, fields: observation.fields, seenRow }
  }

  const createdAt = timeOf(observed.createdAt) ?? stored?.created_at ?? null
  // A listing says how the record is, not since when.
  const newsAt = isListing ? null : versionOf(observation.at)
  const row = {
    system: observation.record.system,
    kind: observation.record.kind,
    record_id: observation.record.id,
    status: observed.status,
    is_closed: observed.isClosed === null ? null : Number(observed.isClosed),
    created_at: createdAt,
    updated_at:
      updatedAt ?? latest(stored?.updated_at ?? null, newsAt, versionOf(observed.changedAt ?? observed.createdAt)),
    email: normalizeEmail(observed.email),
    names_type: observed.names?.type ?? null,
    names_id: observed.names?.id ?? null,
    sort_at: createdAt ?? stored?.sort_at ?? now.getTime(),
    is_deleted: 0,
    deleted_at: null,
    told: null,
    seen_run: run ?? stored?.seen_run ?? null,
    ...columnsOf(observed.values),
    has_values: 1,
    shown_as: observed.shownAs === undefined ? (stored?.shown_as ?? null) : printOf(observed.shownAs),
  }
  const named = observed.parents === null ? null : namedParents(observed.parents)
  const isNew = stored === null || isDead
  const hasParents = named !== null && (isNew ? named.length > 0 : !sameParents(storedParents, named))
  const mentionedBefore = isNew ? [] : storedMentions
  const mentioned =
    observed.mentions === null ? mentionedBefore : mentionsAfter(mentionedBefore, observed.mentions, shownAs)
  const mentions = sameMentions(mentionedBefore, mentioned) ? null : mentioned
  const renamed = renamedIn(mentionedBefore, mentioned).flatMap(fieldsOf)
  const told = stored !== null && stored.updated_at === row.updated_at ? toldOf(stored) : []
  const further = furtherEmails(observed, row.email)
  const emails = further === null || sameTexts(further, storedEmails) ? null : further
  const isSame = stored !== null && !isNew && !hasParents && emails === null && sameRow(stored, row)
  // A listing does not tell of a new name, as news do.
  const isRenamed = isListing && stored?.shown_as != null && stored.shown_as !== row.shown_as
  const isNoNews = isSame && !isRenamed && isTold(observation, updatedAt, stored, told)
  const change = isNew ? 'CREATED' : isNoNews && renamed.length === 0 ? null : 'UPDATED'
  // A version before this one did not keep the values, nor what it is called: they are written, and are no news.
  const isWhole = stored?.has_values === 1 && stored.shown_as === row.shown_as
  if (isSame && isWhole && change === null && stored.updated_at === row.updated_at)
    return { ...nothing, mentions, seenRow }
  const isUnremarkable = stored === null && observation.origin === 'import'
  const isToldWhole = change !== null && !isUnremarkable && observation.fields.length === 0
  const toldNow = isToldWhole ? [everyField] : observation.fields
  return {
    row: { ...row, told: JSON.stringify([...new Set([...told, ...toldNow])]) },
    parents: hasParents ? named : null,
    mentions,
    emails,
    isNew,
    isGone: false,
    change: isUnremarkable ? null : change,
    fields: isNoNews ? [...new Set(renamed)] : withRenamed(observation.fields, renamed),
    seenRow: null,
  }
}

/**
 * A row that a version before this one wrote, with the values it lacks. They may be older than the rest: the newer news have the
 * record read again.
 * @returns null for a row that has values
 */
function withValues(stored: RecordRow, observed: ObservedRecord): NewRecordRow | null {
  if (stored.has_values === 1) return null
  // Rows are written by their record: with its own number it would be a second one.
  return { ...stored, id: undefined, ...columnsOf(observed.values), has_values: 1 }
}

/** Fields that changed, and those that show a new name; empty stays "all may have". */
function withRenamed(fields: readonly string[], renamed: readonly string[]): readonly string[] {
  return fields.length === 0 ? fields : [...new Set([...fields, ...renamed])]
}

/** Whether something newer of the record is known. Where the vendor gives no version, only news beats a listing. */
function isBehind({ origin, at }: Observation, updatedAt: number | null, stored: RecordRow): boolean {
  if (stored.updated_at === null) return false
  if (updatedAt !== null) return updatedAt < stored.updated_at
  return origin !== undefined && at !== null && at.getTime() < stored.updated_at
}

/**
 * Whether a Change has told of what is observed, so that it is no news: it came of our own write, or the record has the
 * version at which these fields were told, or all of them. A listing that shows the known version is none either; where it shows a
 * newer one, something changed that no column here holds.
 */
function isTold(
  { isEcho, mayBeTold, origin, fields }: Observation,
  updatedAt: number | null,
  stored: RecordRow,
  told: readonly string[],
): boolean {
  if (isEcho === true || mayBeTold === true) return true
  if (updatedAt === null) return origin === 'import'
  if (stored.updated_at !== updatedAt) return false
  if (origin !== undefined || told.includes(everyField)) return true
  return fields.every(field => field === 'updatedAt' || told.includes(field))
}

/** @returns null when the system does not tell */
function furtherEmails({ emails }: ObservedRecord, first: string | null): readonly string[] | null {
  if (emails === undefined) return null
  const all = new Set(emails.flatMap(email => normalizeEmail(email) ?? []))
  if (first !== null) all.delete(first)
  return [...all]
}

function sameTexts(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every(text => others.includes(text))
}

function toldOf({ told }: RecordRow): readonly string[] {
  return told === null ? [] : parseColumn(fieldNames, told, 'records.told')
}

function latest(...times: readonly (number | null)[]): number | null {
  const known = times.filter(time => time !== null)
  return known.length === 0 ? null : Math.max(...known)
}

function sameRow(stored: RecordRow, row: NewRecordRow & ValueColumns): boolean {
  return (
    stored.status === row.status &&
    stored.is_closed === row.is_closed &&
    stored.created_at === row.created_at &&
    stored.email === row.email &&
    stored.names_type === row.names_type &&
    stored.names_id === row.names_id &&
    (stored.has_values === 0 || sameValues(stored, row))
  )
}

/** Milliseconds since 1970; null for no date and for one that is none. */
function timeOf(date: Date | null): number | null {
  const time = date?.getTime() ?? Number.NaN
  return Number.isNaN(time) ? null : time
}
