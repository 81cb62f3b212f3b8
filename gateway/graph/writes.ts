import { GraphQLError } from 'graphql'
import type { EntityRef } from '../../schema/entities.ts'
import { ownershipOf } from '../../schema/ownership.ts'
import type { ObservedRecord, WriteIntent, Writes, Written } from '../../subgraphs/contract.ts'
import type { RecordRef } from '../../schema/systems.ts'
import type { Beginning } from '../cache/record-cache.ts'
import type { Log } from '../../subgraphs/contract.ts'

/** What the system says of a record it was just written to. */
export interface WrittenRecord {
  readonly written: Written
  /** Null when it was deleted. */
  readonly observed: ObservedRecord | null
  /** Whether the write was told of before, and only what is otherwise now is news. */
  readonly isAgain: boolean
}

export interface WritePorts {
  /** This moment, in the order of all evictions. */
  now(): Beginning
  /** Whether the record was evicted since: what was read before may be older than what is known by now. */
  isOvertaken(record: RecordRef, since: Beginning): boolean
  /** Drops what is cached of a record. */
  evict(record: RecordRef): void
  /** Reads a record anew. */
  observe(record: RecordRef): Promise<ObservedRecord | null>
  /** Appends the Changes and resolves once every later read here sees them. */
  append(records: readonly WrittenRecord[]): Promise<void>
  readonly log: Log
}

/** Readings after a write that webhooks overtake; the last of them reads what is there. */
const mostReadings = 3

/**
 * The port through which mutations write: refused unless the role owns every field, wherever it comes from.
 */
export function openWrites(ports: WritePorts): Writes {
  return {
    async write(intent: WriteIntent, send: () => Promise<readonly [Written, ...Written[]]>): Promise<EntityRef> {
      refuseForeignFields(intent)
      const sentAt = ports.now()
      const written = await send()
      const { record } = written[0]
      try {
        await recordWritten(written, sentAt)
      } catch (error) {
        ports.log.error({ err: error, record }, 'a write reached its system but could not be recorded')
        throw new GraphQLError(
          `The write reached ${record.system}, but could not be recorded here. Do not send it again: it will show once ${record.system} reports it.`,
          { extensions: { code: 'WRITTEN_NOT_RECORDED', isRetryable: false } },
        )
      }
      return { type: intent.entity, id: record.id }
    },
  }

  /**
   * A webhook may tell of a record while a write to it is answered or recorded, and be applied before: then what the write
   * knows is the older one, and the record is read again.
   */
  async function recordWritten(written: readonly Written[], sentAt: Beginning): Promise<void> {
    const overtaken = written.filter(({ record }) => ports.isOvertaken(record, sentAt))
    let readAt = await recordReading(written, one => (overtaken.includes(one) ? undefined : one.observed))
    for (let tries = 0; tries < mostReadings; tries += 1) {
      const again = written.filter(({ record, kind }) => kind !== 'DELETED' && ports.isOvertaken(record, readAt))
      if (again.length === 0) return
      readAt = await recordReading(again, () => undefined, true)
    }
  }

  /** @returns the moment from which on the records were read */
  async function recordReading(
    written: readonly Written[],
    known: (one: Written) => ObservedRecord | undefined,
    isAgain = false,
  ): Promise<Beginning> {
    // What was cached is older than the write, whatever comes of the rest.
    for (const { record } of written) ports.evict(record)
    const readAt = ports.now()
    const read = async (one: Written): Promise<WrittenRecord> => {
      if (one.kind === 'DELETED') return { written: one, observed: null, isAgain }
      return { written: one, observed: known(one) ?? (await ports.observe(one.record)), isAgain }
    }
    await ports.append(await Promise.all(written.map(read)))
    return readAt
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
