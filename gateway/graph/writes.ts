import { GraphQLError } from 'graphql'
import type { EntityRef } from '../../schema/entities.ts'
import { ownershipOf } from '../../schema/ownership.ts'
import type { ObservedRecord, WriteIntent, Writes, Written } from '../../subgraphs/contract.ts'
import type { RecordRef } from '../../schema/systems.ts'
import type { StoreTransaction } from '../store/store.ts'
import type { RecordWritten, WriteRunner } from '../writes/run.ts'

/** What the system says of a record it was just written to. */
export interface WrittenRecord {
  readonly written: Written
  /** Null when it was deleted. */
  readonly observed: ObservedRecord | null
  /** Whether time has passed since it was written, so that the system may have told of it already. */
  readonly mayBeTold: boolean
}

export interface WritePorts {
  readonly runner: Pick<WriteRunner, 'run'>
  /** The id of the write that the operation executes again; null for a client's operation. */
  readonly resuming: string | null
  readonly record: RecordWritten
  /** Called after each write. */
  onWritten(): void
}

/**
 * The port through which mutations write: refused unless the role owns every field, wherever it comes from.
 */
export function openWrites({ runner, resuming, record, onWritten }: WritePorts): Writes {
  return {
    async write(intent, send): Promise<EntityRef> {
      refuseForeignFields(intent)
      const entity = await runner.run({ intent, resuming, send, record })
      onWritten()
      return entity
    },
  }
}

export interface RecordPorts {
  /** Drops what is cached of a record. */
  evict(record: RecordRef): void
  /** Reads a record anew. */
  observe(record: RecordRef): Promise<ObservedRecord | null>
  /** Appends the Changes and commits `also` with them; resolves once every later read here sees them. */
  append(records: readonly WrittenRecord[], also: (tx: StoreTransaction) => Promise<void>): Promise<void>
}

/** Records what was written: read past the write, then told. */
export function openRecording(ports: RecordPorts): RecordWritten {
  return async (written, isRepeated, also) => {
    const read = async (one: Written): Promise<WrittenRecord> => {
      // What was cached is older than the write, whatever comes of the rest.
      ports.evict(one.record)
      const observed = one.kind === 'DELETED' ? null : (one.observed ?? (await ports.observe(one.record)))
      return { written: one, observed, mayBeTold: isRepeated }
    }
    await ports.append(await Promise.all(written.map(read)), also)
  }
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
