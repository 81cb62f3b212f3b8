import { GraphQLError } from 'graphql'
import type { EntityRef } from '../../schema/entities.ts'
import { ownershipOf } from '../../schema/ownership.ts'
import type { ObservedRecord, WriteIntent, Writes, Written } from '../../subgraphs/contract.ts'
import type { RecordRef } from '../../schema/systems.ts'
import type { Beginning } from '../cache/record-cache.ts'
import type { StoreTransaction } from '../store/store.ts'
import type { RecordWritten, WriteRunner } from '../writes/run.ts'

/** What the system says of a record it was just written to. */
export interface WrittenRecord {
  readonly written: Written
  /** Null when it was deleted. */
  readonly observed: ObservedRecord | null
  /** Whether this process has told of the write before, and only what is otherwise now is news. */
  readonly isAgain: boolean
  /** Whether time has passed since it was written, so that the system may have told of it already. */
  readonly mayBeTold: boolean
}

export interface WritePorts {
  readonly runner: Pick<WriteRunner, 'run'>
  /** The id of the write that the operation executes again; null for a client's operation. */
  readonly resuming: string | null
  /** Begun before anything is sent. */
  record(): RecordWritten
  /** Called after each write. */
  onWritten(): void
}

/** Readings after a write that webhooks overtake; the last of them reads what is there. */
const mostReadings = 3

/**
 * The port through which mutations write: refused unless the role owns every field, wherever it comes from.
 */
export function openWrites({ runner, resuming, record, onWritten }: WritePorts): Writes {
  return {
    async write(intent, send): Promise<EntityRef> {
      refuseForeignFields(intent)
      const entity = await runner.run({ intent, resuming, send, record: record() })
      onWritten()
      return entity
    },
  }
}

export interface RecordPorts {
  /** This moment, in the order of all evictions. */
  now(): Beginning
  /** Whether the record was evicted since: what was read before may be older than what is known by now. */
  isOvertaken(record: RecordRef, since: Beginning): boolean
  /** Drops what is cached of a record. */
  evict(record: RecordRef): void
  /** Reads a record anew. */
  observe(record: RecordRef): Promise<ObservedRecord | null>
  /** Appends the Changes and commits `also` with them; resolves once every later read here sees them. */
  append(records: readonly WrittenRecord[], also: (tx: StoreTransaction) => Promise<void>): Promise<void>
}

/**
 * Records what is written from now on: read past the write, then told. A webhook may tell of a record while a write to it is
 * answered or recorded, and be applied before: then what the write knows is the older one, and the record is read again.
 */
export function openRecording(ports: RecordPorts): RecordWritten {
  const sentAt = ports.now()
  return async (written, isRepeated, also) => {
    const overtaken = written.filter(({ record }) => ports.isOvertaken(record, sentAt))
    const known = (one: Written) => (overtaken.includes(one) ? undefined : one.observed)
    let readAt = await recordReading(ports, written, { known, isAgain: false, mayBeTold: isRepeated, also })
    for (let tries = 0; tries < mostReadings; tries += 1) {
      const again = written.filter(({ record, kind }) => kind !== 'DELETED' && ports.isOvertaken(record, readAt))
      if (again.length === 0) return
      readAt = await recordReading(ports, again, { ...readAgain, mayBeTold: isRepeated })
    }
  }
}

interface Reading {
  /** What need not be read. */
  known(one: Written): ObservedRecord | undefined
  readonly isAgain: boolean
  readonly mayBeTold: boolean
  also(tx: StoreTransaction): Promise<void>
}

const readAgain = { known: () => undefined, isAgain: true, also: () => Promise.resolve() }

/** @returns the moment from which on the records were read */
async function recordReading(
  ports: RecordPorts,
  written: readonly Written[],
  { known, isAgain, mayBeTold, also }: Reading,
): Promise<Beginning> {
  // What was cached is older than the write, whatever comes of the rest.
  for (const { record } of written) ports.evict(record)
  const readAt = ports.now()
  const read = async (one: Written): Promise<WrittenRecord> => {
    const observed = one.kind === 'DELETED' ? null : (known(one) ?? (await ports.observe(one.record)))
    return { written: one, observed, isAgain, mayBeTold }
  }
  await ports.append(await Promise.all(written.map(read)), also)
  return readAt
}

/** @throws GraphQLError `NOT_OWNER`, `BAD_USER_INPUT` */
function refuseForeignFields({ role, entity, fields }: WriteIntent): void {
  for (const field of fields) {
    const owner = ownershipOf(entity, field)?.owner
    if (owner === role) continue
    if (owner === undefined) {
      throw new GraphQLError(`${entity}.${field} cannot be written: it has no owner.`, {
        extensions: { code: 'BAD_USER_INPUT', field: `${entity}.${field}` },
      })
    }
    throw new GraphQLError(`${entity}.${field} is owned by ${owner}: write it there, not through ${role}.`, {
      extensions: { code: 'NOT_OWNER', field: `${entity}.${field}`, owner, role },
    })
  }
}
