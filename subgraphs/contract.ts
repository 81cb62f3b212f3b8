/**
 * What a role and a system must offer, and the ports they are handed.
 *
 * A role (`crm`, `billing`, `jobs`) is a subgraph: SDL, a source port and thin resolvers. A system (HubSpot, Stripe,
 * Asana) plays a role: it answers the role's source port, and tells the gateway how its records are read, listed,
 * observed, and what its webhooks mean. Nothing here knows the gateway; what a system needs is handed to it.
 */
import type { Agent } from 'node:http'
import type { ChangeKind } from '../schema/change.ts'
import type { EntityRef, EntityType } from '../schema/entities.ts'
import type { Evidence } from '../schema/link.ts'
import type { RecordKind, RecordRef, Role, System } from '../schema/systems.ts'
import type { Address } from '../schema/values.ts'

// ---- Asking a vendor -----------------------------------------------------------------------------------------------

/** Whom a vendor's budget serves first when it is short. */
export const priorities = ['query', 'webhook', 'background'] as const

export type Priority = (typeof priorities)[number]

/** Who asks, how long they wait, and where the cost is written down. */
export interface CallContext {
  readonly priority: Priority
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
  /** Called once for each vendor request sent, retries included. */
  spend(system: System, pool: string, cost: number): void
}

/** One of a vendor's budgets: at most `limit` units in any window of `windowMs`, and `concurrency` at a time. */
export interface LimitPool {
  readonly name: string
  readonly limit: number
  readonly windowMs: number
  readonly concurrency?: number
  /** Whether the vendor's own word raises it too; otherwise it only lowers it, for a person has set it. */
  readonly isLearned?: boolean
}

/** One kind of request to a vendor. */
export interface VendorOperation {
  /** For logs and errors: `contacts.batchRead`. */
  readonly name: string
  /** What it takes from each pool. */
  readonly cost: Readonly<Record<string, number>>
  /** Whether sending it twice is harmless: reads, and writes with an idempotency key. Only these are retried. */
  readonly repeatable: boolean
  /** How long it may take goes by this. */
  readonly kind: OperationKind
}

/**
 * - `look-up`: records by id, or a search that a client waits for. A client is waiting more often than not.
 * - `list`: a page of a list. It takes longer the more it holds: where no client waits, it may; see `page-size.ts`.
 * - `write`: cut off too early, its outcome would be unknown.
 */
export type OperationKind = 'look-up' | 'list' | 'write'

/**
 * The one road of an outgoing call: pace, deadline a try, deadline in all, breaker, retry.
 * @throws VendorError, always; whatever else `send` throws has gone through the system's `toVendorError`
 */
export interface VendorCalls {
  /** Give it to the SDK. Requests sent within `call` through it die with their deadline and are bounded in size. */
  readonly agent: Agent
  call<T>(operation: VendorOperation, context: CallContext, send: (attempt: Attempt) => Promise<T>): Promise<T>
  /** The vendor's own word on a budget, from the headers of an answer: another plan has another limit. */
  learn(pool: string, told: { readonly limit: number; readonly remaining?: number }): void
}

export interface Attempt {
  /** 1 for the first. */
  readonly number: number
  /** Aborted at this attempt's deadline. */
  readonly signal: AbortSignal
  readonly timeoutMs: number
}

// ---- Records, through the cache ------------------------------------------------------------------------------------

/** A record somebody wants. `near` is the id of its parent record, for vendors that read faster by parent. */
export interface Wanted {
  readonly id: string
  readonly near?: string
}

/**
 * Reads records of one kind from the vendor, split and batched as the vendor allows.
 * A record missing from the answer does not exist. A record that failed alone stands in it as an Error.
 * Never called twice at the same time for the same id by one process.
 */
export type RecordReader<T> = (wanted: readonly Wanted[], call: CallContext) => Promise<ReadonlyMap<string, T | Error>>

export interface RecordKindReader<T> {
  readonly read: RecordReader<T>
  /** The vendor's version of the record (its `updatedAt`), for systems that give one. */
  readonly versionOf?: (value: T) => Date | null
}

export type Readers<Kinds> = { readonly [K in keyof Kinds & string]: RecordKindReader<Kinds[K]> }

/** Reads records through the cache, batched within one request. */
export interface Records<Kinds> {
  /** @returns null when the vendor has no such record */
  load<K extends keyof Kinds & string>(kind: K, wanted: Wanted, context: GraphContext): Promise<Kinds[K] | null>
}

// ---- The record index and the links ---------------------------------------------------------------------------------

/**
 * Values by which lists are filtered and summed, as the system has them; the gateway brings them into the form in which they are
 * compared. Absent: the record has no such value, or one that is not understood. Null: the system says that there is none.
 */
export interface IndexedValues {
  /** The number printed on an order. */
  readonly number?: string | null
  /** When an order has to be paid by. */
  readonly dueAt?: Date | null
  readonly amounts?: IndexedAmounts
  /** When a job is to happen: days (`YYYY-MM-DD`) in the zone of its system. */
  readonly schedule?: { readonly startsOn: string | null; readonly endsOn: string | null } | null
  /** Who is given a job. */
  readonly assigneeId?: string | null
  /** A customer's name. */
  readonly name?: string | null
}

/** Amounts of an order, in the minor unit of its one currency. */
export interface IndexedAmounts {
  /** ISO 4217, upper case; null where it is not understood. */
  readonly currency: string | null
  readonly total?: number | null
  readonly amountPaid?: number | null
  readonly amountRemaining?: number | null
}

/**
 * What the index keeps of a record, and what matching reads. No other value of the record is stored.
 */
export interface ObservedRecord {
  readonly record: RecordRef
  /** Null where the record names them in a way that is not understood: those known before stay. */
  readonly parents: readonly ParentReference[] | null
  /** In the words of the graph: an enum value or the business's own stage. */
  readonly status: string | null
  /** Whether work or sale has ended, where that is a question: a completed job, an inactive product. */
  readonly isClosed: boolean | null
  readonly createdAt: Date | null
  /** The vendor's version; null where it gives none that moves with all that the graph shows of the record. */
  readonly updatedAt: Date | null
  /** When it last changed, where that is no version: a product's date does not move with its prices. */
  readonly changedAt?: Date | null
  /** As the vendor has it; normalised by the gateway. */
  readonly email: string | null
  /**
   * Further addresses of the same person: each matches, filters and resolves references as `email` does. Absent where the system
   * does not tell: those of contacts that were merged into it stay then.
   */
  readonly emails?: readonly string[]
  /** The entity the record says it is (`metadata.crm_id`), for records of a copy. */
  readonly names: EntityRef | null
  /** Ids of records that were merged into this one, as far as the vendor tells: they are its aliases. */
  readonly formerIds?: readonly string[]
  readonly values?: IndexedValues
  /**
   * Records of the same system whose names it shows, of kinds declared as `mentioned` or with `shownBy`. Null where it cannot be told
   * now: those known before stay.
   */
  readonly mentions?: readonly Mention[] | null
  /** What it is called where others show its name, for kinds declared with `shownBy`; absent where that is not known. */
  readonly shownAs?: string
}

/** "My field shows the name of that record." */
export interface Mention {
  readonly record: RecordRef
  /** The name as it is shown; absent where the mentioning record does not hold it. */
  readonly name?: string
}

/** A mentioned record as it is now. */
export interface NamedRecord {
  readonly record: RecordRef
  /** As those who mention it show it. */
  readonly name: string
}

/**
 * What a record belongs to: a record of the same system, or text that a person or program wrote into a field: an
 * entity's id, the id of one of its linked records, or its e-mail.
 */
export type ParentReference =
  | { readonly entity: EntityType; readonly record: RecordRef }
  | { readonly entity: EntityType; readonly reference: string }

export type ListOrder = 'NEWEST_FIRST' | 'OLDEST_FIRST'

/** Arguments of a connection as the client gave them. */
export interface PageArguments {
  readonly first?: number | null
  readonly after?: string | null
  readonly last?: number | null
  readonly before?: string | null
  readonly order?: ListOrder | null
}

export interface PageFilter {
  readonly status?: readonly string[] | null
  readonly isClosed?: boolean | null
  readonly email?: string | null
  readonly changedSince?: Date | null
  readonly created?: InstantRange | null
  /** Orders of this printed number, whole. */
  readonly number?: string | null
  readonly due?: InstantRange | null
  readonly total?: AmountRange | null
  /** Jobs planned for at least one of these days. */
  readonly schedule?: DayRange | null
  /** Whether anything is planned. */
  readonly isScheduled?: boolean | null
  readonly assigneeId?: string | null
  readonly isAssigned?: boolean | null
  /** With it begins a customer's name, or a word of it and what follows. */
  readonly namePrefix?: string | null
  /** Only what belongs to all of these. Ids retired by a merge count as the winner's. */
  readonly parents?: readonly EntityRef[]
}

/** From the one on, before the other. */
export interface InstantRange {
  readonly from?: Date | null
  readonly before?: Date | null
}

/** Days as `YYYY-MM-DD`, both included. */
export interface DayRange {
  readonly from?: string | null
  readonly to?: string | null
}

/** Amounts of one currency in its minor unit, both ends included. */
export interface AmountRange {
  readonly currency: string
  readonly min?: number | null
  readonly max?: number | null
}

export interface IndexPage {
  readonly entries: readonly IndexEntry[]
  /** Whether the list has an entry behind the page, or before it: asked of the store only when called. */
  hasNextPage(): Promise<boolean>
  hasPreviousPage(): Promise<boolean>
  /** False while the import of this entity type is not finished. */
  readonly isComplete: boolean
  /** Asked of the store only when called. */
  totalCount(): Promise<number>
}

/** What the entries of one status and currency come to. An amount is null where that of one entry is not known. */
export interface IndexSum {
  readonly status: string | null
  /** Null for entries whose currency is not known. */
  readonly currency: string | null
  readonly count: number
  readonly total: bigint | null
  readonly amountPaid: bigint | null
  readonly amountRemaining: bigint | null
}

export interface IndexEntry {
  /** The entity's id. */
  readonly id: string
  readonly cursor: string
  readonly record: RecordRef
  /** The record of the same system it belongs to (an invoice's customer), for `Wanted.near`. */
  readonly near: string | null
}

/** Lists of entities, from the store. Calls made in one tick with the same arguments are one SQL statement. */
export interface RecordIndex {
  /**
   * @param within the parent whose list it is, or null for the root list
   * @throws GraphQLError `BAD_USER_INPUT` for arguments that make no page (first and last, over 100, a foreign cursor)
   */
  page(entity: EntityType, within: EntityRef | null, filter: PageFilter, page: PageArguments): Promise<IndexPage>
  /**
   * What the entries of a list come to, by status and currency, in the order of both.
   * @throws GraphQLError `BAD_USER_INPUT` as `page`; `NOT_READY` while the amounts are being read for the first time
   */
  sums(entity: EntityType, within: EntityRef | null, filter: PageFilter): Promise<readonly IndexSum[]>
}

/** Entity to records and back. Calls made in one tick are one SQL statement. */
export interface Links {
  /** The living entity behind an id: follows aliases; null for a tombstone; the id itself where nothing is known yet. */
  resolve(entity: EntityRef): Promise<EntityRef | null>
  /** The living entity a record is or belongs to; null when none does. */
  entityOf(record: RecordRef): Promise<EntityRef | null>
  /** The entity that a record, or another entity, hangs below: an invoice's Customer, a job's Order; null when none does. */
  parentOf(child: RecordRef | EntityRef, entity: EntityType): Promise<EntityRef | null>
  /** The living records of a system an entity is linked to; the leading one first (person, explicit, e-mail; newest within). */
  recordsOf(entity: EntityRef, system: System): Promise<readonly LinkedRecord[]>
  /** Whether the record is in the index, as one that exists. */
  isKnown(record: RecordRef): Promise<boolean>
}

export interface LinkedRecord {
  readonly record: RecordRef
  readonly evidence: Evidence
  /** Whether its e-mail address is another entity's by now, and no person has said yet whose the record is. */
  readonly isContradicted: boolean
}

// ---- Writes ---------------------------------------------------------------------------------------------------------

/** Who wants to write what. */
export interface WriteIntent {
  readonly role: Role
  readonly entity: EntityType
  /** The entity's id; absent when it is being created. */
  readonly id?: string
  readonly fields: readonly string[]
  /** Name of the mutation: `createOrder`. */
  readonly mutation: string
  /**
   * As the client gave it, `clientMutationId` included. Kept until the write is over: after a crash the mutation is executed
   * again with it.
   */
  readonly input: MutationInput
}

export type MutationInput = Readonly<Record<string, unknown>> & { readonly clientMutationId?: string | null }

/** How far a write has come, its earlier runs included: those of a client that repeats it, and of a process that died. */
export interface WriteProgress {
  /** The same in every run, and no other write's. What is sent for it can be marked with it. */
  readonly id: string
  readonly begunAt: Date
  /** The result of a step that was done; null when it is not known to be. */
  result(step: string): string | null
  /** When a step was last sent; null when it never was. What came of it is known only when it has a result. */
  sentAt(step: string): Date | null
  /** What the step was sent as; see `WriteSteps.step`. */
  traceOf(step: string): string | null
  /**
   * Takes a record that was found for the step's result. Of two writes of the same content one gets it.
   * @returns false when it is another write's
   */
  claim(step: string, id: string): Promise<boolean>
}

/** The vendor's calls of one write, kept so that a later run goes on where an earlier one stopped. */
export interface WriteSteps extends WriteProgress {
  /**
   * The same in every run of this write. An idempotency key that is made of it does at the vendor at most once what it is
   * sent for; once the write was taken back, the next run has another.
   */
  readonly key: string
  /** Keeps something that was decided, so that a later run decides the same. @returns what was kept first */
  keep(step: string, value: string): Promise<string>
  /**
   * Does what makes one record, unless an earlier run is known to have. That it is being sent is durable before `send` is
   * called, and its result before this resolves.
   * @param trace what is sent, as a hash or a mark: by it a record can be told whose making was not answered
   * @throws StoreError when it cannot be noted
   */
  step(step: string, trace: string, make: MakeRecord): Promise<string>
  /**
   * Does work while no other write does work under this name, in this process or another one: what two would each make, the second
   * finds.
   * @throws GraphQLError `WRITE_UNDER_WAY` when the others take too long
   */
  alone<T>(name: string, work: () => Promise<T>): Promise<T>
}

export interface MakeRecord {
  /** @returns the record's id */
  send(): Promise<string>
  /**
   * For systems without idempotency keys: looks for what an earlier run has sent without learning what came of it.
   * @returns its id, or null when it was not made, and then it is sent
   * @throws VendorError while it may still be on its way
   */
  find?(sentAt: Date): Promise<string | null>
}

/** A write that was begun and has to be taken back. */
export interface UnfinishedWrite extends WriteProgress {
  readonly mutation: string
  readonly entity: EntityType
  /** Null where it was to be created. */
  readonly entityId: string | null
}

/** What taking a write back came to. */
export interface TakenBack {
  /** False when it could not be taken back: what it wrote stays, and stands first in `written`. */
  readonly isGone: boolean
  /** What is to be told all the same. */
  readonly written: readonly Written[]
}

/** What a write did at the vendor. */
export interface Written {
  readonly kind: Extract<ChangeKind, 'CREATED' | 'UPDATED' | 'DELETED'>
  readonly record: RecordRef
  /** Names of the entity's fields that were written. */
  readonly fields: readonly string[]
  /** From the vendor's answer to the write. Without it the record is read again. */
  readonly observed?: ObservedRecord
}

export interface Writes {
  /**
   * Sends a write to the owner and appends its Changes before it returns; every later read in any client sees it.
   * A write survives the process: what was under way is finished at the next start, or taken back. With a
   * `clientMutationId` it is done once, however often and from wherever it is asked for.
   * @param send does it at the vendor; the entity's own record comes first in what it returns
   * @returns the entity that was written, by this call or an earlier one of the same `clientMutationId`
   * @throws GraphQLError `NOT_OWNER`, naming the owner, when the role does not own each of the fields; `BAD_USER_INPUT`
   *   when the `clientMutationId` was used with another input
   * @throws VendorError when the vendor refused or failed; nothing stays of the write then, unless a `clientMutationId`
   *   says that it is still wanted and the failure may pass
   */
  write(intent: WriteIntent, send: (steps: WriteSteps) => Promise<readonly [Written, ...Written[]]>): Promise<EntityRef>
}

// ---- What resolvers and sources are handed ---------------------------------------------------------------------------

/** One operation's view of the world. */
export interface GraphContext {
  readonly call: CallContext
  readonly index: RecordIndex
  readonly links: Links
  readonly writes: Writes
  readonly customers: Customers
}

/** What the owner of customers says of them to other roles, for the writes that need it. */
export interface Customers {
  /**
   * The present contact details, read past the cache.
   * @returns null when the CRM has no such customer (any more)
   * @throws VendorError of the CRM's system when it cannot be asked; GraphQLError when no tool plays that role here
   */
  contactOf(id: string): Promise<CustomerContact | null>
  /**
   * Asks the CRM which customer answers to an id. That is another one where a merge was not told yet: links and lists know of the merge
   * once this resolves.
   * @returns null when the CRM has no such customer
   * @throws VendorError, StoreError, GraphQLError when no tool plays that role here
   */
  answering(id: string): Promise<string | null>
}

/** How a customer can be reached. Null is "not known". */
export interface CustomerContact {
  /** Of the customer that answers: another id than the one asked for where that was merged into it. */
  readonly id: string
  /** Ids of customers that were merged into this one. Other tools may still know it by them. */
  readonly formerIds: readonly string[]
  /** Its addresses beside `email`, those of merged customers among them. */
  readonly otherEmails: readonly string[]
  readonly name: string | null
  readonly email: string | null
  readonly phone: string | null
  readonly address: Address | null
}

// ---- Webhooks -------------------------------------------------------------------------------------------------------

/** A webhook request as it came. */
export interface Received {
  readonly method: string
  /** What stands behind `/webhooks/<system>/`: empty, or the project for Asana. */
  readonly endpoint: string
  /** The address the vendor called, as it was registered. */
  readonly url: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export type Verdict = { readonly genuine: true } | { readonly genuine: false; readonly reason: RefusalReason }

export type RefusalReason = 'signature-missing' | 'signature-malformed' | 'signature-wrong' | 'time-out-of-window'

/** One happening of a delivery, with the records it touches. */
export type DeliveryEntry = {
  /** What makes it the same one when it comes again; unique within the system; from signed content only. */
  readonly key: string
} & ({ readonly hints: readonly Hint[] } | { readonly unreadable: string })

/** "Something about this record changed." */
export interface Hint {
  readonly kind: ChangeKind
  /** Of a declared kind, or of one that `OpenSystem.locate` leads on from. */
  readonly record: RecordRef
  /** When, by the vendor's clock; null when it does not say. */
  readonly at: Date | null
  /** The entity's fields that changed, in the graph's words; empty when the vendor does not say. */
  readonly fields: readonly string[]
  /** Whether the vendor says that it came of a write of ours: what it changed was told when it was written. */
  readonly isEcho?: boolean
  /** The record this one was merged into; `kind` is DELETED then and the id becomes an alias. */
  readonly mergedInto?: RecordRef
  /** How a sweep found it, when no webhook told: among the vendor's own news, or in a listing of what changed. */
  readonly foundIn?: FoundIn
}

export const foundIn = ['news', 'listing'] as const

export type FoundIn = (typeof foundIn)[number]

export interface WebhookAdapter {
  /** Over the raw bytes, before anything reads them. Pure. */
  verify(received: Received, secrets: readonly string[], now: Date): Verdict
  /** What a genuine body says, entry by entry. Pure. @returns `unreadable` when it is no body of this vendor at all */
  read(received: Received): { readonly entries: readonly DeliveryEntry[] } | { readonly unreadable: string }
  /** The secret a handshake request carries, and how it is answered; null when the request is none. */
  handshake?(received: Received): Handshake | RefusedHandshake | null
}

export interface Handshake {
  readonly secret: string
  readonly answerHeaders: Readonly<Record<string, string>>
}

/** A request for a handshake that cannot be answered. */
export interface RefusedHandshake {
  /** What was expected and what came; never the secret. */
  readonly refused: string
}

// ---- Connecting an account --------------------------------------------------------------------------------------------

/** Where webhook secrets live that a vendor hands out when a webhook is registered. */
export interface WebhookSecrets {
  /** Secrets from settings and store, newest first. */
  of(endpoint: string): Promise<readonly string[]>
  store(endpoint: string, secret: string): Promise<void>
  /**
   * Opens the endpoint for handshakes until `done` settles; resolves what `done` resolves.
   * Until then no secret that comes counts, for anybody may shake hands.
   * @param secretOf what the vendor's own answer says of the secret: that one counts then, and no other. Where the answer does not say, a
   *   secret counts that was the only one to come
   */
  whileHandshakePending<T>(endpoint: string, done: () => Promise<T>, secretOf?: (made: T) => Confirmation): Promise<T>
}

/** What a vendor's answer says of the secret of its handshake; `refused` where it cannot be used. */
export type Confirmation = { readonly secret: string } | 'not-said' | 'refused'

export interface ConnectPorts {
  /** Without a trailing slash: `https://graph.example.com`. */
  readonly publicUrl: string
  readonly secrets: WebhookSecrets
  readonly call: CallContext
}

export interface ConnectReport {
  readonly done: readonly string[]
  readonly missing: readonly string[]
  /** Steps a person has to take, in order. */
  readonly manual: readonly string[]
  /** What is well to know, and no fault. */
  readonly notes?: readonly string[]
  /** What only a genuine webhook can prove. */
  readonly awaited?: AwaitedWebhook
}

/** A webhook that a person is asked to cause: no call tells whether the vendor signs with the secret we know. */
export interface AwaitedWebhook {
  readonly endpoint: string
  /** What to do so that one is sent: `change a property of any contact`. */
  readonly cause: string
  /** What it proves, once it has come. */
  readonly proves: string
  /** What to look at when one was refused, because it is signed otherwise. */
  readonly whenRefused: string
  /** What to look at when none came. */
  readonly whenNone: readonly string[]
}

/** A folder of files that a person uploads with the vendor's own command line. */
export interface ProjectDefinition {
  /** The files, with slashes. */
  readonly paths: readonly string[]
  /** Whether the vendor's command line passes over what lies below a folder of this name. */
  isIgnoredFolder(name: string): boolean
  /**
   * @param publicUrl without a trailing slash
   * @param existing what is there already, by path
   * @returns a fault when what is there is not an earlier version of it
   */
  write(publicUrl: string, existing: ReadonlyMap<string, string>): ConnectProject | { readonly fault: string }
}

export interface ConnectProject {
  readonly files: ReadonlyMap<string, string>
  /** What a person does with them, in order. */
  steps(folder: string): readonly string[]
}

// ---- Sweeps: what webhooks missed -------------------------------------------------------------------------------------

/** One step of a sweep. */
export interface SweepPage {
  /** Happenings as the webhook tells them, under the same keys: those that were delivered are known by them. */
  readonly news: readonly DeliveryEntry[]
  /** Records as a listing shows them: UPDATED with the version it shows as `at`, or DELETED. What is known is passed over. */
  readonly shown: readonly Hint[]
  /**
   * Where the next step, or the next sweep, goes on; far enough back that what was not to be seen yet is seen then.
   * Stored, so it must still work after a restart.
   */
  readonly next: string
  /** False while there is more to be read now. */
  readonly isDone: boolean
  /** The place was too old: what happened before `next` is found only by listing every record anew. */
  readonly isGap: boolean
  readonly names?: NamesPage
}

/** What mentioned records are called now. Where a mentioning record shows another name, that is news. */
export interface NamesPage {
  readonly records: readonly NamedRecord[]
  /**
   * Whether each of them is listed because it changed. Then a record that mentions it without a known name may show a former one;
   * else it is taken to show this one.
   */
  readonly isChanges: boolean
  /** Kinds of which `records` holds every record: one that is mentioned and is not among them is gone. */
  readonly whole: readonly string[]
}

/** Tells what changed since a place, without webhooks. */
export interface Sweeper {
  /** Unique within the system, for the store and the log: `contacts`. */
  readonly feed: string
  /** How late it may show what happened, clocks that differ included: a sweep finds all that is older than that. */
  readonly lagMs: number
  /**
   * @param cursor `next` of the step before; null for the first
   * @param since where to begin without a cursor
   */
  sweep(cursor: string | null, since: Date, call: CallContext): Promise<SweepPage>
  /**
   * For feeds that cannot begin at a time: the place as of now, asked for before all records are listed for the first time, so
   * that the first sweep goes on from there. @throws VendorError
   */
  begin?(call: CallContext): Promise<string>
}

/**
 * - `ACTIVE`: it is there and works. `FAILING`: it is there, and what it sends does not arrive.
 * - `DISABLED`: it is there and sends nothing. `UNKNOWN`: the vendor does not say.
 * - `GONE`: it is not there. `MISSING`: it is not there, and the gateway never saw it there; systems say `GONE` for both.
 * - `POLLED`: none is expected, by the settings: sweeps find what changed.
 */
export const subscriptionStates = ['ACTIVE', 'FAILING', 'DISABLED', 'GONE', 'MISSING', 'UNKNOWN', 'POLLED'] as const

export type SubscriptionState = (typeof subscriptionStates)[number]

/** The registration that makes a vendor send webhooks to one of our endpoints, as the vendor has it. */
export interface WebhookSubscription {
  /** What stands behind `/webhooks/<system>/`. */
  readonly endpoint: string
  readonly state: SubscriptionState
  readonly lastFailureAt: Date | null
  /** What is wrong and what to do, for a person; null when there is nothing to say. */
  readonly note: string | null
}

// ---- Import -----------------------------------------------------------------------------------------------------------

export interface ImportPage {
  readonly observed: readonly ObservedRecord[]
  /** Where to go on; null at the end. Stored, so it must still work after a restart. */
  readonly next: string | null
  /** How many there are in all, where the vendor says. */
  readonly total: number | null
}

/** Lists every record of one kind, page by page. */
export interface Importer {
  readonly kind: string
  /**
   * The settings on which hangs what the index keeps of these records. When they have changed, every record is listed anew.
   * Absent where nothing does.
   */
  readonly settings?: string
  list(cursor: string | null, call: CallContext): Promise<ImportPage>
}

// ---- A system ---------------------------------------------------------------------------------------------------------

export type Environment = Readonly<Record<string, string | undefined>>

/** A setting as it stands in `.env.example`. */
export interface SettingDoc {
  readonly name: string
  readonly help: string
  readonly example: string
  readonly isRequired: boolean
  readonly isSecret: boolean
}

/** "HUBSPOT_ACCESS_TOKEN is missing: copy the access token ...". `message` says what was expected, what came, what to do. */
export interface SettingFault {
  readonly name: string
  readonly message: string
}

export type Configured<Source> =
  | { readonly ok: true; open(ports: SystemPorts): OpenSystem<Source> }
  | { readonly ok: false; readonly faults: readonly SettingFault[] }

export interface SystemDefinition<Source> {
  readonly system: System
  readonly role: Role
  readonly kinds: readonly RecordKind[]
  readonly settings: readonly SettingDoc[]
  /** For a vendor whose webhooks are set up by files. */
  readonly project?: ProjectDefinition
  configure(environment: Environment): Configured<Source>
}

export interface SystemPorts {
  /** One road an account: pools and the reading of errors are the system's. */
  calls(options: { pools: readonly LimitPool[]; toVendorError: (error: unknown) => Error; isTls: boolean }): VendorCalls
  records<Kinds>(readers: Readers<Kinds>): Records<Kinds>
  /** Names this deployment among all that use the account: 12 hexadecimal digits, the same in every process and whatever settings change. */
  readonly deployment: string
  readonly clock: Clock
  readonly log: Log
}

export interface Clock {
  now(): Date
}

/** Structured, without personal data or secrets. The shape of pino's methods. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface OpenSystem<Source> {
  readonly source: Source
  /** In the order in which they are to be imported: parents first. */
  readonly importers: readonly Importer[]
  /**
   * Reads a record through the cache and says what the index keeps of it; null when it does not exist (any more). Of one
   * that was merged it says what the index keeps of the winner, with the asked id among its former ones.
   */
  observe(record: RecordRef, context: GraphContext): Promise<ObservedRecord | null>
  /** Reads a customer's contact details through the cache, for systems that own customers; null when there is none. */
  contactOf?(id: string, context: GraphContext): Promise<CustomerContact | null>
  /**
   * The records of declared kinds that a hint's record leads to, for systems whose news name others: a refund names a payment, and the
   * vendor alone knows whose invoice that paid. None when it leads to none. Absent where hints name declared kinds only.
   * @throws VendorError; `rejected` where nothing can tell any more
   */
  locate?(record: RecordRef, context: GraphContext): Promise<readonly RecordRef[]>
  /**
   * Reads through the cache what a record of a kind declared as `mentioned` or with `shownBy` is called, as those who mention it show
   * it; null when it does not exist (any more). Absent where no kind is declared so.
   */
  nameOf?(record: RecordRef, context: GraphContext): Promise<string | null>
  /**
   * Takes back what an unfinished write has left: a half-made draft is deleted. A change of an existing record stays.
   * @throws VendorError when that is not certain yet: it is asked for again
   */
  takeBack(write: UnfinishedWrite, call: CallContext): Promise<TakenBack>
  readonly webhook: WebhookAdapter
  /** Secrets from the settings, newest first, for the given endpoint. */
  readonly webhookSecrets: readonly string[]
  /** The endpoints below `/webhooks/<system>`: `['']`, or one a project. */
  readonly webhookEndpoints: readonly string[]
  /** Each finds what webhooks may have missed; together all that the vendor can show. */
  readonly sweepers: readonly Sweeper[]
  /** Looks whether the vendor still sends webhooks here. One for each of `webhookEndpoints`. @throws VendorError */
  subscriptions(ports: Pick<ConnectPorts, 'publicUrl' | 'call'>): Promise<readonly WebhookSubscription[]>
  /**
   * Looks whether what the settings name is there. Absent where they name nothing of the vendor's.
   * @returns a sentence a fault: which setting, where, what was expected, what to do
   * @throws VendorError when that cannot be asked
   */
  settingFaults?(call: CallContext): Promise<readonly string[]>
  connect(ports: ConnectPorts): Promise<ConnectReport>
  close(): Promise<void>
}
