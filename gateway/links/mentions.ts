import { createHash } from 'node:crypto'
import { sql, type Insertable, type Selectable } from 'kysely'
import { recordKey, type RecordRef, type System } from '../../schema/systems.ts'
import type { Mention, NamedRecord, NamesPage } from '../../subgraphs/contract.ts'
import type { StoreReader, StoreTransaction } from '../store/store.ts'
import type { Tables } from '../store/tables.ts'
import { inParts } from './records.ts'

export type MentionRow = Selectable<Tables['mentions']>
export type NewMention = Omit<Insertable<Tables['mentions']>, 'child'>

/** Stands for a name that the mentioning record did not hold. */
const unknownName = ''

/** Names looked at in one statement. */
const namesAtOnce = 100

/** Tells names apart. A hash, so that the store holds no names of people. */
export function printOf(name: string): string {
  return createHash('sha256').update(name).digest('base64url').slice(0, 16)
}

/**
 * What a record mentions by now. A name that it does not hold stays as it was known.
 * @param shownAs the hash of what a record newly mentioned is called; null where that is not known
 */
export function mentionsAfter(
  stored: readonly MentionRow[],
  mentions: readonly Mention[] | undefined,
  shownAs: (record: RecordRef) => string | null = () => null,
): readonly NewMention[] {
  const known = new Map(stored.map(row => [nameOf(row), row.shown]))
  const after = new Map<string, NewMention>()
  for (const { record, name } of mentions ?? []) {
    const { system, kind, id: record_id } = record
    const row = { system, kind, record_id }
    const shown = name === undefined ? (known.get(nameOf(row)) ?? shownAs(record) ?? unknownName) : printOf(name)
    after.set(nameOf(row), { ...row, shown })
  }
  return [...after.values()]
}

/** Whether stored rows are exactly these. */
export function sameMentions(stored: readonly MentionRow[], after: readonly NewMention[]): boolean {
  if (stored.length !== after.length) return false
  const known = new Map(stored.map(row => [nameOf(row), row.shown]))
  return after.every(row => known.get(nameOf(row)) === row.shown)
}

/** The records among these that are called otherwise than was known. */
export function renamedIn(stored: readonly MentionRow[], after: readonly NewMention[]): readonly NewMention[] {
  const known = new Map(stored.map(row => [nameOf(row), row.shown]))
  return after.filter(row => {
    const shown = known.get(nameOf(row))
    return shown !== undefined && shown !== unknownName && shown !== row.shown
  })
}

function nameOf({ system, kind, record_id }: Omit<NewMention, 'shown'>): string {
  return recordKey({ system, kind, id: record_id })
}

export async function readMentions(
  db: StoreReader,
  children: Iterable<number>,
): Promise<ReadonlyMap<number, readonly MentionRow[]>> {
  const rows = await inParts(children, part =>
    db.selectFrom('mentions').selectAll().where('child', 'in', part).execute(),
  )
  const byChild = new Map<number, MentionRow[]>()
  for (const row of rows) {
    const list = byChild.get(row.child)
    if (list === undefined) byChild.set(row.child, [row])
    else list.push(row)
  }
  return byChild
}

/** Replaces what children mention. */
export async function writeMentions(
  tx: StoreTransaction,
  writes: ReadonlyMap<number, readonly NewMention[]>,
): Promise<void> {
  await inParts(writes.keys(), async part => {
    await tx.deleteFrom('mentions').where('child', 'in', part).execute()
    return []
  })
  const rows = [...writes].flatMap(([child, mentions]) => mentions.map(mention => ({ ...mention, child })))
  await inParts(rows, async part => {
    await tx.insertInto('mentions').values(part).execute()
    return []
  })
}

/** The records among these that some record shows under another name. */
export async function shownOtherwise(
  db: StoreReader,
  { records, isChanges }: Pick<NamesPage, 'records' | 'isChanges'>,
): Promise<readonly NamedRecord[]> {
  const found: NamedRecord[] = []
  // Ranges of `mentions_by_record`, so that a record that thousands mention is no thousands of rows.
  const least = isChanges ? '' : '!'
  for (let start = 0; start < records.length; start += namesAtOnce) {
    const part = records.slice(start, start + namesAtOnce)
    const looks = part.map(({ record: { system, kind, id }, name }, place) => {
      const of = sql`m.system = ${system} and m.kind = ${kind} and m.record_id = ${id}`
      const print = printOf(name)
      return sql`select ${sql.lit(place)} as place where exists (
        select 1 from mentions m where ${of} and m.shown >= ${least} and m.shown < ${print})
        or exists (select 1 from mentions m where ${of} and m.shown > ${print})`
    })
    const { rows } = await sql<{ place: number }>`${sql.join(looks, sql` union all `)}`.execute(db)
    for (const { place } of rows) found.push(...part.slice(place, place + 1))
  }
  return found
}

/** Records of a kind that are mentioned and stand in no list of all there are. */
export async function mentionedBeside(
  db: StoreReader,
  system: System,
  kind: string,
  listed: ReadonlySet<string>,
): Promise<readonly RecordRef[]> {
  // From one to the next in `mentions_by_record`: there are far fewer of them than mentions.
  const { rows } = await sql<{ id: string | null }>`
    with recursive mentioned(id) as (
      select min(m.record_id) from mentions m where m.system = ${system} and m.kind = ${kind}
      union all
      select (select min(n.record_id) from mentions n
        where n.system = ${system} and n.kind = ${kind} and n.record_id > mentioned.id)
      from mentioned where mentioned.id is not null)
    select id from mentioned where id is not null`.execute(db)
  return rows.flatMap(({ id }) => (id === null || listed.has(id) ? [] : [{ system, kind, id }]))
}
