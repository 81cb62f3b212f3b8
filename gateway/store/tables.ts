import type { Generated } from 'kysely'

/**
 * The store's tables as SQL sees them. Instants are whole milliseconds since 1970, booleans are 0 or 1, `json` columns hold
 * text that is parsed where it is read.
 */
export interface Tables {
  meta: MetaTable
  received: ReceivedTable
  delivery_entries: DeliveryEntriesTable
  delivery_records: DeliveryRecordsTable
  delivery_attempts: DeliveryAttemptsTable
  quarantine: QuarantineTable
  changes: ChangesTable
  records: RecordsTable
  name_tails: NameTailsTable
  parents: ParentsTable
  record_emails: RecordEmailsTable
  links: LinksTable
  mentions: MentionsTable
  unlinked: UnlinkedTable
  import_progress: ImportProgressTable
  webhook_secrets: WebhookSecretsTable
  leases: LeasesTable
  budgets: BudgetsTable
  outages: OutagesTable
  sweep_places: SweepPlacesTable
  sweeps: SweepsTable
  webhook_subscriptions: WebhookSubscriptionsTable
  writes: WritesTable
  write_steps: WriteStepsTable
}

/** Facts about the store itself: its version. */
interface MetaTable {
  name: string
  value: string
}

/** Webhook requests as they came. */
interface ReceivedTable {
  id: Generated<number>
  system: string
  endpoint: string
  url: string
  /** json: Record<string, string> */
  headers: string
  /** Null once its time is over; the entries stay. */
  body: Uint8Array | null
  received_at: number
}

/** The entries of a delivery, each with its own state; also the queue of the workers. */
interface DeliveryEntriesTable {
  id: Generated<number>
  received_id: number
  /** Place within the delivery, from 0. */
  position: number
  system: string
  /** What makes it the same one when it comes again; unique within the system. */
  key: string
  /** json: Hint[] */
  hints: string
  state: 'due' | 'done' | 'dead' | 'dismissed'
  /** Counted at claim; never set back, for it tells one holding from another. */
  attempts: number
  /** What `attempts` was when it was last replayed: the attempts before count no more. */
  tried_before: Generated<number>
  /** How often whoever held it never let go: its process had ended, or hung past the lease. */
  deaths: Generated<number>
  due_at: number
  /** Until when, and by whom, it is being worked on. */
  lease_until: number | null
  lease_by: string | null
  error: string | null
  /** When it became done or dead. */
  ended_at: number | null
  received_at: number
}

/** Which records the hints of an entry name. */
interface DeliveryRecordsTable {
  entry_id: number
  /** `recordKey` */
  record_key: string
}

/** Attempts after which an entry was not done: the newest few of each. */
interface DeliveryAttemptsTable {
  id: Generated<number>
  entry_id: number
  /** `delivery_entries.attempts` at the time. */
  attempt: number
  /** Null when it is not known any more. */
  worker: string | null
  ended_at: number
  /** What went wrong, without personal data. */
  error: string
}

/** Webhook requests as they came whose signature fits none of our secrets: forged, or our secret is wrong. */
interface QuarantineTable {
  id: Generated<number>
  system: string
  endpoint: string
  method: string
  url: string
  /** json: Record<string, string> */
  headers: string
  body: Uint8Array
  /** Of endpoint, headers and body; unique within the system. */
  digest: string
  /** Hours since 1970 at which it came: what room there is, is shared by hours. */
  hour: number
  /** Bytes. */
  size: number
  received_at: number
}

/** The log of Changes. */
interface ChangesTable {
  sequence: Generated<number>
  kind: 'CREATED' | 'UPDATED' | 'DELETED' | 'LINKED'
  system: string
  record_kind: string
  record_id: string
  entity_type: string | null
  entity_id: string | null
  /** json: string[] */
  fields: string
  /** json: EntityRef[] */
  parents_before: string
  parents_after: string
  status_before: string | null
  status_after: string | null
  at: number
  recorded_at: number
  /** Null unless what led to it is traced. */
  traceparent: string | null
  /** When the webhook came; null where something else told of it. */
  heard_at: number | null
  /** json: RecordRef; null where no name changed. */
  renamed: string | null
}

/** Tools that a process cannot use, as long as it says so. */
interface OutagesTable {
  worker: string
  system: string
  is_reachable: number
  is_authorized: number
  seen_at: number
}

/** The record index: what lists, filters, sums and matching read of a record, and no other value. */
interface RecordsTable {
  id: Generated<number>
  system: string
  kind: string
  record_id: string
  status: string | null
  is_closed: number | null
  created_at: number | null
  updated_at: number | null
  /** Normalised. Further addresses of the record stand in `record_emails`. */
  email: string | null
  /** json: EntityRef, what the record says it is. */
  names_type: string | null
  names_id: string | null
  /** `created_at`, else when it was first seen: the order of lists. */
  sort_at: number
  /** A tombstone: it existed and does no more. */
  is_deleted: number
  deleted_at: number | null
  /** json: string[], the fields that Changes have told of while `updated_at` was what it is; null for none. */
  told: string | null
  /** The import run that saw it last; null when none has. */
  seen_run: number | null
  /** `normalizeNumber` of the number printed on an order. */
  number: string | null
  due_at: number | null
  /** Of the three amounts, which are in its minor unit. Empty: that of an order whose currency is not understood. */
  currency: string | null
  total: number | null
  amount_paid: number | null
  amount_remaining: number | null
  /** `YYYY-MM-DD` in the zone of the system; both the same where one of them is agreed. Empty: nothing is planned. */
  first_day: string | null
  last_day: string | null
  /** Empty: the job was given to no one. */
  assignee_id: string | null
  /** `normalizeName`; `name_tails` is made of it. */
  name: string | null
  /** 0 while the columns above have not been read: the record was written by a version that did not keep them. */
  has_values: Generated<number>
  /** Hash of what it is called, where others show its name; null for the other kinds, and while it is not known. */
  shown_as: string | null
}

/** A name from each of its words on, so that each word is found by its beginning. */
interface NameTailsTable {
  tail: string
  /** `records.id` */
  record: number
}

/** Further e-mail addresses of records that are matched by e-mail, normalised; a record's first one stands in `records`. */
interface RecordEmailsTable {
  system: string
  kind: string
  /** A record that exists, or that a merge has named before it was seen. */
  record_id: string
  email: string
}

/** What a record belongs to. One row for each parent it names. */
interface ParentsTable {
  /** The child, by `records.id`. */
  child: number
  entity_type: string
  /** The living entity it resolves to; null while it resolves to none. */
  entity_id: string | null
  /** The record of the same system it names, or */
  parent_system: string | null
  parent_kind: string | null
  parent_id: string | null
  /** the text that was written into a field. */
  reference: string | null
  /** `normalizeNumber` of the text, where it may be the number printed on an order. */
  number: string | null
  /** Why it is in question what this resolves to; null where it is not. */
  fault: 'UNKNOWN_REFERENCE' | 'AMBIGUOUS_EMAIL' | 'AMBIGUOUS_NUMBER' | 'CONTRADICTED' | null
}

/**
 * "This entity is also that record." Owners' own records have no row. A record that is gone keeps its link, for what belonged to it
 * belongs to the entity still, and again once an entity that was deleted is restored.
 */
interface LinksTable {
  system: string
  kind: string
  record_id: string
  entity_type: string
  entity_id: string
  evidence: 'person' | 'merged' | 'explicit' | 'email'
  linked_at: number
}

/** "This record shows the name of that one." */
interface MentionsTable {
  /** The record that shows it, by `records.id`. */
  child: number
  system: string
  kind: string
  record_id: string
  /** A hash of the name as it is shown; empty where it is not known. */
  shown: string
}

/** Records of copies whose entity is in question, linked or not, and records that a person said are of no entity. */
interface UnlinkedTable {
  id: Generated<number>
  system: string
  kind: string
  record_id: string
  entity_type: string
  reason: 'BIRTH' | 'AMBIGUOUS_EMAIL' | 'AMBIGUOUS_NUMBER' | 'UNKNOWN_REFERENCE' | 'CONTRADICTED'
  /** json: string[], ids of entities of `entity_type`. */
  candidates: string
  /** 1 when a person said that it is of no entity: nothing automatic links it then. */
  by_person: number
  since: number
}

interface ImportProgressTable {
  system: string
  kind: string
  /** Raised by each import from the start. */
  run: number
  settings: string | null
  state: 'running' | 'done'
  cursor: string | null
  imported: number
  total: number | null
  started_at: number
  updated_at: number
  /** When the records of this kind were last known completely; null before the first import's end. */
  completed_at: number | null
}

/** Secrets that vendors hand out when a webhook is registered. */
interface WebhookSecretsTable {
  id: Generated<number>
  system: string
  endpoint: string
  secret: string
  added_at: number
}

/** Who does what one process at a time may do. */
interface LeasesTable {
  name: string
  holder: string
  until: number
}

/** What all processes have taken from each budget of a system's account. */
interface BudgetsTable {
  system: string
  pool: string
  /** json: BudgetState */
  state: string
}

/** How far each feed of a system was swept. */
interface SweepPlacesTable {
  system: string
  feed: string
  /** Where its next step goes on. */
  cursor: string
  /** When the walk began that is not at its end yet; null between two. */
  begun_at: number | null
  /** When it turned out that `cursor` is good only once every record was listed anew; null when it is good. */
  gap_at: number | null
  /** All that happened until then was found; null before the first walk's end. */
  complete_up_to: number | null
}

/** The last sweep of each system. */
interface SweepsTable {
  system: string
  started_at: number
  /** Null while it is under way. */
  ended_at: number | null
  /** Happenings it found that no webhook had told. */
  missed: number
  /** Why it ended early; null when it did not. */
  fault: string | null
}

/** Registrations of webhooks as the vendors have them. */
interface WebhookSubscriptionsTable {
  system: string
  endpoint: string
  state: 'ACTIVE' | 'FAILING' | 'DISABLED' | 'GONE' | 'MISSING' | 'UNKNOWN' | 'POLLED'
  last_failure_at: number | null
  note: string | null
  checked_at: number
}

/** Mutations, from before their first vendor call; see `writes.ts`. */
interface WritesTable {
  /** Of a write with a `clientMutationId` a hash of it and the mutation, else random. */
  id: string
  role: string
  mutation: string
  entity_type: string
  /** Of the entity that is changed; of one that is created once the write is done. */
  entity_id: string | null
  /** 1 when the client gave a `clientMutationId`. */
  is_named: number
  state: 'open' | 'undoing' | 'done' | 'undone'
  /** Raised each time it begins again after it was taken back. */
  round: number
  /** What the hashes are made with, so that equal inputs of different writes do not look alike. */
  salt: string
  input_hash: string
  /** json: Record<string, string>, by field of the input. */
  field_hashes: string
  /** json: the input, while the write is not over. */
  input: string | null
  /** Runs begun in this round. */
  attempts: number
  begun_at: number
  /** When it is to be gone on with by itself. */
  due_at: number
  /** Until when, and by whom, it is being worked on. */
  lease_until: number | null
  lease_by: string | null
  /** When it became done or undone. */
  ended_at: number | null
  /** Why it is taken back. */
  reason: string | null
}

/** What a write has sent, and what came of it. */
interface WriteStepsTable {
  write_id: string
  step: string
  sent_at: number | null
  /** A hash of what was sent. */
  trace: string | null
  /** A record's id, or what was decided. */
  result: string | null
}
