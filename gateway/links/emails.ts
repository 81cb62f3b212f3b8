import { recordKey, type RecordRef } from '../../schema/systems.ts'
import type { StoreReader, StoreTransaction } from '../store/store.ts'
import { byKind, inParts, refOf } from './records.ts'

/** The further e-mail addresses of records, by `recordKey`; records that have none are missing. */
export async function readEmails(
  db: StoreReader,
  records: Iterable<RecordRef>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, string[]>()
  for (const { system, kind, ids } of byKind(records)) {
    const rows = await inParts(ids, part =>
      db
        .selectFrom('record_emails')
        .selectAll()
        .where('system', '=', system)
        .where('kind', '=', kind)
        .where('record_id', 'in', part)
        .orderBy('email')
        .execute(),
    )
    for (const row of rows) {
      const key = recordKey(refOf(row))
      const list = found.get(key)
      if (list === undefined) found.set(key, [row.email])
      else list.push(row.email)
    }
  }
  return found
}

/** Replaces the further addresses of each record. */
export async function writeEmails(
  tx: StoreTransaction,
  writes: readonly { readonly record: RecordRef; readonly emails: readonly string[] }[],
): Promise<void> {
  for (const { system, kind, ids } of byKind(writes.map(({ record }) => record))) {
    await inParts(ids, async part => {
      await tx
        .deleteFrom('record_emails')
        .where('system', '=', system)
        .where('kind', '=', kind)
        .where('record_id', 'in', part)
        .execute()
      return []
    })
  }
  await addEmails(tx, writes)
}

/** Adds further addresses to those that records have. */
export async function addEmails(
  tx: StoreTransaction,
  additions: readonly { readonly record: RecordRef; readonly emails: readonly string[] }[],
): Promise<void> {
  const rows = additions.flatMap(({ record: { system, kind, id }, emails }) =>
    emails.map(email => ({ system, kind, record_id: id, email })),
  )
  await inParts(rows, async part => {
    await tx
      .insertInto('record_emails')
      .values(part)
      .onConflict(conflict => conflict.doNothing())
      .execute()
    return []
  })
}
