import type { CompiledQuery, KyselyPlugin } from 'kysely'
import Database from 'libsql'
import { z } from 'zod'
import type { Change } from '../../../schema/change.ts'
import { recordKey, type RecordRef } from '../../../schema/systems.ts'
import type { Log, ObservedRecord } from '../../../subgraphs/contract.ts'
import { applyObservations } from '../../../gateway/changes/apply.ts'
import type { Observation } from '../../../gateway/changes/observe.ts'
import { openCatalogue } from '../../../gateway/links/catalogue.ts'
import { openStore } from '../../../gateway/store/open.ts'
import { migrations } from '../../../gateway/store/migrations.ts'
import type { Store, StoreReader } from '../../../gateway/store/store.ts'
import { createDatabase, isOnPostgres } from '../../postgres/database.ts'

export const catalogue = openCatalogue([
  { system: 'hubspot', role: 'crm', kinds: [{ kind: 'contact', entity: 'Customer', as: 'owner' }] },
  {
    system: 'stripe',
    role: 'billing',
    kinds: [
      { kind: 'customer', entity: 'Customer', as: 'copy' },
      { kind: 'product', entity: 'Product', as: 'owner' },
      { kind: 'invoice', entity: 'Order', as: 'owner' },
    ],
  },
  {
    system: 'asana',
    role: 'jobs',
    kinds: [
      { kind: 'task', entity: 'Job', as: 'owner' },
      { kind: 'section', entity: 'Job', as: 'mentioned', fields: ['status'], isStatus: true },
      { kind: 'user', entity: 'Job', as: 'mentioned', fields: ['assignee'] },
      { kind: 'project', entity: 'Job', as: 'mentioned', fields: [], isContainer: true },
    ],
  },
])

export const quietLog: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** The time of every test: instants are `at(seconds)` around it. */
export function at(seconds: number): Date {
  return new Date(Date.UTC(2026, 0, 1) + seconds * 1000)
}

export const now = at(10_000)

export async function openTestStore(): Promise<Store> {
  const url = isOnPostgres ? (await createDatabase()).url : 'sqlite::memory:'
  return openStore(url, { log: quietLog, clock: { now: () => now } })
}

const tables = [
  'records',
  'record_emails',
  'name_tails',
  'parents',
  'mentions',
  'links',
  'unlinked',
  'changes',
  'import_progress',
] as const

/** Empties the store; opening one costs more than a test. */
export function clear(store: Store): Promise<void> {
  return store.write(async tx => {
    for (const table of tables) {
      await tx.deleteFrom(table).execute()
    }
  })
}

type Seen = Partial<Omit<ObservedRecord, 'record'>>

function seen(record: RecordRef, values: Seen): ObservedRecord {
  return {
    record,
    parents: [],
    status: null,
    isClosed: null,
    createdAt: at(0),
    updatedAt: null,
    email: null,
    names: null,
    ...values,
  }
}

export const contact = (id: string): RecordRef => ({ system: 'hubspot', kind: 'contact', id })
export const payer = (id: string): RecordRef => ({ system: 'stripe', kind: 'customer', id })
export const invoice = (id: string): RecordRef => ({ system: 'stripe', kind: 'invoice', id })
export const task = (id: string): RecordRef => ({ system: 'asana', kind: 'task', id })

/** A webhook's news of a record as it is now. */
export function sight(record: RecordRef, values: Seen = {}, more: Partial<Observation> = {}): Observation {
  return { record, observed: seen(record, values), kind: 'UPDATED', fields: [], at: null, ...more }
}

export function absence(record: RecordRef, more: Partial<Observation> = {}): Observation {
  return { record, observed: null, kind: 'DELETED', fields: [], at: null, ...more }
}

export function merge(loser: RecordRef, winner: RecordRef, more: Partial<Observation> = {}): Observation {
  return absence(loser, { mergedInto: winner, ...more })
}

export function apply(store: Store, ...observations: Observation[]): Promise<Change[]> {
  return store.write(tx => applyObservations(tx, catalogue, observations, now))
}

/** A Change in one line: kind, record, entity, and the parents before and after. */
export function told(changes: readonly Change[]): string[] {
  return changes.map(change => {
    const list = (refs: Change['parentsBefore']) => refs.map(ref => `${ref.type}:${ref.id}`).join(',')
    const entity = change.entity === null ? 'nobody' : `${change.entity.type}:${change.entity.id}`
    return `${change.kind} ${recordKey(change.record)} ${entity} [${list(change.parentsBefore)}]>[${list(change.parentsAfter)}]`
  })
}

/** Everything that follows from the observations, without row ids and clock times: what must not depend on their order. */
export async function indexOf(store: Store): Promise<unknown> {
  return store.read(async db => ({
    records: await db
      .selectFrom('records')
      .select(['system', 'kind', 'record_id', 'status', 'email', 'names_id', 'is_deleted', 'updated_at'])
      .where('is_deleted', '=', 0)
      .orderBy('system')
      .orderBy('kind')
      .orderBy('record_id')
      .execute(),
    parents: await db
      .selectFrom('parents')
      .innerJoin('records', 'records.id', 'parents.child')
      .select([
        'records.record_id',
        'parents.entity_type',
        'parents.entity_id',
        'parents.parent_id',
        'parents.reference',
        'parents.fault',
      ])
      .orderBy('records.record_id')
      .orderBy('parents.parent_id')
      .orderBy('parents.reference')
      .execute(),
    // One whose entity is gone counts for nothing, and may be there or not.
    links: await db
      .selectFrom('links as l')
      .innerJoin('records as o', join =>
        join.on('o.kind', '=', 'contact').onRef('o.record_id', '=', 'l.entity_id').on('o.is_deleted', '=', 0),
      )
      .select(['l.system', 'l.kind', 'l.record_id', 'l.entity_type', 'l.entity_id', 'l.evidence'])
      .orderBy('l.kind')
      .orderBy('l.record_id')
      .execute(),
    unlinked: await db
      .selectFrom('unlinked')
      .select(['system', 'kind', 'record_id', 'reason', 'candidates'])
      .orderBy('record_id')
      .execute(),
  }))
}

/** The store, with every statement that goes to it written down. */
export function watched(store: Store): { store: Store; statements: CompiledQuery[] } {
  const statements: CompiledQuery[] = []
  const watching = (db: StoreReader): KyselyPlugin => ({
    transformQuery({ node, queryId }) {
      statements.push(db.getExecutor().compileQuery(node, queryId))
      return node
    },
    transformResult: ({ result }) => Promise.resolve(result),
  })
  return {
    statements,
    store: {
      read: query => store.read(db => query(db.withPlugin(watching(db)))),
      write: work => store.write(tx => work(tx.withPlugin(watching(tx)))),
      close: () => store.close(),
    },
  }
}

/** How SQLite would run a statement, by the store's tables alone: a step a line. */
export function planOf(statement: CompiledQuery): readonly string[] {
  const db = new Database(':memory:')
  try {
    for (const step of migrations.flat()) if (typeof step === 'string' && !/^(insert|update)/.test(step)) db.exec(step)
    const rows = db.prepare(`explain query plan ${statement.sql}`).all([...statement.parameters])
    return planRows.parse(rows).map(row => row.detail)
  } finally {
    db.close()
  }
}

const planRows = z.array(z.object({ detail: z.string() }))

/** Whether a step of a plan reads all records of a kind, all parents or links of a type, or a whole table. */
export function isLongWay(step: string): boolean {
  const isTable = /^SCAN (?!(import_progress|w|wanted|f|h|CONSTANT ROW)$)/.test(step)
  return (
    isTable ||
    (/\((system=\? AND kind=\?|entity_type=\?|names_type=\?|parent_system=\? AND parent_kind=\?)\)/.test(step) &&
      !step.includes('import_progress'))
  )
}
