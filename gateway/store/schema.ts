/**
 * The statements that make the tables, as SQLite has them; `postgres/schema.ts` says them for Postgres, and `tables.ts` says what the columns mean.
 * Every list and filter of the graph has its index here.
 */
export const schema: readonly string[] = [
  `create table received (
    id integer primary key autoincrement, system text not null, endpoint text not null, url text not null,
    headers text not null, body blob, received_at integer not null)`,
  `create index received_by_time on received (received_at)`,
  `create index received_by_system on received (system, received_at)`,
  `create index received_with_body on received (received_at) where body is not null`,
  `create table delivery_entries (
    id integer primary key autoincrement, received_id integer not null, position integer not null, system text not null,
    key text not null, hints text not null, state text not null, attempts integer not null, due_at integer not null,
    lease_until integer, lease_by text, error text, ended_at integer, received_at integer not null)`,
  `create unique index delivery_entries_by_key on delivery_entries (system, key)`,
  `create index delivery_entries_due on delivery_entries (due_at) where state = 'due'`,
  `create index delivery_entries_by_state on delivery_entries (system, state)`,
  `create index delivery_entries_by_received on delivery_entries (received_id)`,
  `create table changes (
    sequence integer primary key autoincrement, kind text not null, system text not null, record_kind text not null,
    record_id text not null, entity_type text, entity_id text, fields text not null, parents_before text not null,
    parents_after text not null, status_before text, status_after text, at integer not null, recorded_at integer not null)`,
  `create index changes_by_time on changes (recorded_at)`,
  `create table records (
    id integer primary key autoincrement, system text not null, kind text not null, record_id text not null, status text,
    is_closed integer, created_at integer, updated_at integer, email text, names_type text, names_id text,
    sort_at integer not null, is_deleted integer not null default 0, deleted_at integer, told text, seen_run integer)`,
  `create unique index records_by_record on records (system, kind, record_id)`,
  `create index records_by_sort on records (system, kind, sort_at, id) where is_deleted = 0`,
  `create index records_by_status on records (system, kind, status, sort_at, id) where is_deleted = 0`,
  `create index records_by_email on records (email, system, kind) where email is not null`,
  `create index records_by_updated on records (system, kind, updated_at) where is_deleted = 0`,
  `create index records_by_names on records (names_type, names_id) where names_id is not null`,
  `create table parents (
    child integer not null, entity_type text not null, entity_id text, parent_system text, parent_kind text, parent_id text,
    reference text)`,
  `create index parents_by_child on parents (child)`,
  `create index parents_by_entity on parents (entity_type, entity_id, child)`,
  `create index parents_by_record on parents (parent_system, parent_kind, parent_id) where parent_id is not null`,
  `create index parents_by_reference on parents (reference, entity_type) where reference is not null`,
  `create table links (
    system text not null, kind text not null, record_id text not null, entity_type text not null, entity_id text not null,
    evidence text not null, linked_at integer not null, primary key (system, kind, record_id)) without rowid`,
  `create index links_by_entity on links (entity_type, entity_id)`,
  `create table unlinked (
    id integer primary key autoincrement, system text not null, kind text not null, record_id text not null,
    entity_type text not null, reason text not null, candidates text not null, by_person integer not null default 0,
    since integer not null)`,
  `create unique index unlinked_by_record on unlinked (system, kind, record_id)`,
  `create table import_progress (
    system text not null, kind text not null, run integer not null, state text not null, cursor text,
    imported integer not null, total integer, started_at integer not null, updated_at integer not null,
    completed_at integer, primary key (system, kind))`,
  `create table webhook_secrets (
    id integer primary key autoincrement, system text not null, endpoint text not null, secret text not null,
    added_at integer not null)`,
  `create index webhook_secrets_by_endpoint on webhook_secrets (system, endpoint, id)`,
  `create table sweep_places (
    system text not null, feed text not null, cursor text not null, begun_at integer, gap_at integer, complete_up_to integer,
    primary key (system, feed))`,
  `create table sweeps (
    system text not null primary key, started_at integer not null, ended_at integer, missed integer not null, fault text)`,
  `create table webhook_subscriptions (
    system text not null, endpoint text not null, state text not null, last_failure_at integer, note text,
    checked_at integer not null, primary key (system, endpoint))`,
]

/** What one of several processes does at a time. */
export const leases: readonly string[] = [
  `create table leases (name text primary key, holder text not null, until integer not null)`,
]

/** What all processes have taken from the vendors' budgets. */
export const budgetSchema: readonly string[] = [
  `create table budgets (system text not null, pool text not null, state text not null, primary key (system, pool))`,
]

/** Where a Change's trace goes on, in whichever process follows it. */
export const traceSchema: readonly string[] = [`alter table changes add column traceparent text`]

/** Since when its push is waited for, whichever process makes it. */
export const heardSchema: readonly string[] = [`alter table changes add column heard_at integer`]

/** Tools that a process cannot use, as long as it says so. */
export const outageSchema: readonly string[] = [
  `create table outages (
    worker text not null, system text not null, is_reachable integer not null, is_authorized integer not null,
    seen_at integer not null, primary key (worker, system))`,
]

/** The settings a listing was made with. */
export const importSettingsSchema: readonly string[] = [`alter table import_progress add column settings text`]

/** Values by which lists are filtered and summed. */
export const indexedValuesSchema: readonly string[] = [
  `alter table records add column number text`,
  `alter table records add column due_at integer`,
  `alter table records add column currency text`,
  `alter table records add column total integer`,
  `alter table records add column amount_paid integer`,
  `alter table records add column amount_remaining integer`,
  `alter table records add column first_day text`,
  `alter table records add column last_day text`,
  `alter table records add column assignee_id text`,
  `alter table records add column name text`,
  `alter table records add column has_values integer not null default 0`,
  `create index records_by_number on records (number, system, kind) where number is not null and is_deleted = 0`,
  `create index records_by_due on records (system, kind, due_at, sort_at, id) where due_at is not null and is_deleted = 0`,
  `create index records_by_total on records (system, kind, currency, total, sort_at, id) where currency is not null and is_deleted = 0`,
  `create index records_by_sums on records (system, kind, status, currency, total, amount_paid, amount_remaining)
    where currency is not null and is_deleted = 0`,
  `create index records_by_schedule on records (system, kind, last_day, first_day, sort_at, id) where last_day is not null and is_deleted = 0`,
  `create index records_by_assignee on records (system, kind, assignee_id, sort_at, id) where assignee_id is not null and is_deleted = 0`,
  `create index records_without_values on records (system, kind) where has_values = 0 and is_deleted = 0`,
  `create table name_tails (
    tail text not null, record integer not null, primary key (tail, record)) without rowid`,
  `create index name_tails_by_record on name_tails (record)`,
]

/** Mutations, from before their first vendor call. */
export const writesSchema: readonly string[] = [
  `create table writes (
    id text not null primary key, role text not null, mutation text not null, entity_type text not null, entity_id text,
    is_named integer not null, state text not null, round integer not null, salt text not null, input_hash text not null,
    field_hashes text not null, input text, attempts integer not null, begun_at integer not null, due_at integer not null,
    lease_until integer, lease_by text, ended_at integer, reason text)`,
  `create index writes_due on writes (due_at) where state in ('open', 'undoing')`,
  `create index writes_by_end on writes (ended_at) where ended_at is not null`,
  `create table write_steps (
    write_id text not null, step text not null, sent_at integer, trace text, result text, primary key (write_id, step))`,
  `create index write_steps_by_result on write_steps (result, step) where result is not null`,
]

/** Which records show the names of others, so that they are found when one of those is renamed. */
export const mentionsSchema: readonly string[] = [
  `create table mentions (
    child integer not null, system text not null, kind text not null, record_id text not null, shown text not null)`,
  `create index mentions_by_child on mentions (child)`,
  `create index mentions_by_record on mentions (system, kind, record_id, shown, child)`,
]

/** Whose name a record shows otherwise, so that every process reads that name anew; and what entities are called that others show. */
export const renamedSchema: readonly string[] = [
  `alter table changes add column renamed text`,
  `alter table records add column shown_as text`,
]
