import { GraphQLError } from 'graphql'
import type { EntityRef } from '../../schema/entities.ts'
import { ownershipOf } from '../../schema/ownership.ts'
import type { ObservedRecord, WriteIntent, Writes, Written } from '../../subgraphs/contract.ts'
import type { RecordRef } from '../../schema/systems.ts'
import type { Log } from '../../subgraphs/contract.ts'

/** What the system says of a record it was just written to. */
export interface WrittenRecord {
  readonly written: Written
  /** Null when it was deleted. */
  readonly observed: ObservedRecord | null
}

export interface WritePorts {
  /** Drops what is cached of a record. */
  evict(record: RecordRef): void
  /** Reads a record anew. */
  observe(record: RecordRef): Promise<ObservedRecord | null>
  /** Appends the Changes and resolves once every later read here sees them. */
  append(records: readonly WrittenRecord[]): Promise<void>
  readonly log: Log
}

/**
 * The port through which mutations write: refused unless the role owns every field, wherever it comes from.
 */
export function openWrites(ports: WritePorts): Writes {
  return {
    async write(intent: WriteIntent, send: () => Promise<readonly [Written, ...Written[]]>): Promise<EntityRef> {
      refuseForeignFields(intent)
      const written = await send()
      const { record } = written[0]
      try {
        await ports.append(await Promise.all(written.map(read)))
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

  async function read(written: Written): Promise<WrittenRecord> {
    // What was cached is older than the write, whatever comes of the rest.
    ports.evict(written.record)
    if (written.kind === 'DELETED') return { written, observed: null }
    return { written, observed: written.observed ?? (await ports.observe(written.record)) }
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
