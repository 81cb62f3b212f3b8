/**
 * What operators see of deliveries and what came of them, as SQLite has it; `postgres/schema.ts` says it for Postgres, and
 * `tables.ts` says what the columns mean. The third step of the tables.
 */
export const deliverySchema: readonly string[] = [
  `alter table delivery_entries add column tried_before integer not null default 0`,
  `alter table delivery_entries add column deaths integer not null default 0`,
  `create index delivery_entries_suspected on delivery_entries (deaths, due_at) where state = 'due' and deaths > 0`,
  `create table delivery_records (
    entry_id integer not null, record_key text not null, primary key (entry_id, record_key)) without rowid`,
  `create index delivery_records_by_record on delivery_records (record_key, entry_id)`,
  `create table delivery_attempts (
    id integer primary key autoincrement, entry_id integer not null, attempt integer not null, worker text,
    ended_at integer not null, error text not null)`,
  `create index delivery_attempts_by_entry on delivery_attempts (entry_id, id)`,
  `create table quarantine (
    id integer primary key autoincrement, system text not null, endpoint text not null, method text not null,
    url text not null, headers text not null, body blob not null, digest text not null, hour integer not null,
    size integer not null, received_at integer not null)`,
  `create unique index quarantine_by_digest on quarantine (system, digest)`,
  `create index quarantine_by_time on quarantine (received_at)`,
]
