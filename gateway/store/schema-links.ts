import { sql } from 'kysely'
import { normalizeEmail, normalizeNumber } from '../../schema/values.ts'
import type { MigrationStep } from './migrations.ts'
import type { StoreTransaction } from './store.ts'

/** The `meta` row that says that links and parents made by an earlier version are to be looked at again; see `links/catch-up.ts`. */
export const catchUpName = 'links_to_catch_up'

/** Rows read in one statement. */
const pageSize = 1000

/**
 * Further addresses of a record, why a parent is in question, and addresses in the form of now.
 * A contact retired by a merge leaves its addresses to the winner: its tombstone held one so far.
 */
export const linksSchema: readonly MigrationStep[] = [
  `create table record_emails (
    system text not null, kind text not null, record_id text not null, email text not null,
    primary key (system, kind, record_id, email)) without rowid`,
  `create index record_emails_by_email on record_emails (email)`,
  `insert into record_emails (system, kind, record_id, email)
    select distinct r.system, r.kind, l.entity_id, r.email from records r
      join links l on l.system = r.system and l.kind = r.kind and l.record_id = r.record_id and l.evidence = 'merged'
      where r.is_deleted = 1 and r.email is not null`,
  `update records set email = null where is_deleted = 1 and email is not null`,
  `alter table parents add column fault text`,
  `alter table parents add column number text`,
  `create index parents_by_number on parents (number, entity_type) where number is not null`,
  `create index parents_by_fault on parents (child) where fault is not null`,
  // Until it is looked at again.
  `update parents set fault = 'UNKNOWN_REFERENCE' where entity_id is null and reference is not null`,
  convertRecords,
  convertFurther,
  convertReferences,
  readNumbers,
  `insert into meta (name, value) select '${catchUpName}', '1' where exists (select 1 from records)`,
]

async function convertRecords(tx: StoreTransaction): Promise<void> {
  for (let after = -1; ;) {
    const rows = await tx
      .selectFrom('records')
      .select(['id', 'email'])
      .where('email', 'is not', null)
      .where('id', '>', after)
      .orderBy('id')
      .limit(pageSize)
      .execute()
    for (const { id, email } of rows) {
      const form = normalizeEmail(email)
      if (form !== email) await tx.updateTable('records').set({ email: form }).where('id', '=', id).execute()
    }
    const last = rows.at(-1)
    if (last === undefined) return
    after = last.id
  }
}

async function convertFurther(tx: StoreTransaction): Promise<void> {
  const rows = await tx.selectFrom('record_emails').select('email').distinct().execute()
  for (const { email } of rows) {
    const form = normalizeEmail(email)
    if (form === email || form === null) continue
    await sql`insert into record_emails (system, kind, record_id, email)
      select system, kind, record_id, ${form} from record_emails where email = ${email} on conflict do nothing`.execute(
      tx,
    )
    await tx.deleteFrom('record_emails').where('email', '=', email).execute()
  }
}

async function convertReferences(tx: StoreTransaction): Promise<void> {
  for (let after = ''; ;) {
    const rows = await tx
      .selectFrom('parents')
      .select('reference')
      .distinct()
      .where('reference', 'like', '%@%')
      .where('reference', '>', after)
      .orderBy('reference')
      .limit(pageSize)
      .execute()
    for (const { reference } of rows) {
      const form = normalizeEmail(reference)
      if (form === null || form === reference) continue
      await tx.updateTable('parents').set({ reference: form }).where('reference', '=', reference).execute()
    }
    const last = rows.at(-1)?.reference
    if (last == null) return
    after = last
  }
}

/** An order may be named by its printed number. */
async function readNumbers(tx: StoreTransaction): Promise<void> {
  for (let after = ''; ;) {
    const rows = await tx
      .selectFrom('parents')
      .select('reference')
      .distinct()
      .where('entity_type', '=', 'Order')
      .where('reference', '>', after)
      .orderBy('reference')
      .limit(pageSize)
      .execute()
    for (const { reference } of rows) {
      const number = normalizeNumber(reference)
      await tx
        .updateTable('parents')
        .set({ number })
        .where('reference', '=', reference)
        .where('entity_type', '=', 'Order')
        .execute()
    }
    const last = rows.at(-1)?.reference
    if (last == null) return
    after = last
  }
}
