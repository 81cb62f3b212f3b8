import type { CallContext, RecordReader, Readers } from '../../contract.ts'
import { understood } from '../../lenient.ts'
import type { AsanaClient } from './client.ts'
import type { AsanaConfig } from './config.ts'
import { shownName, userName, type MentionedKind } from './mapping.ts'
import type { Named } from './records.ts'
import { optionsOf } from './sweep.ts'

/** Reads what the records that tasks mention are called, as tasks show it. */
export function nameReaders(client: AsanaClient, config: AsanaConfig): Readers<Record<MentionedKind, string>> {
  return {
    section: { read: oneByOne(async (gid, call) => nameFrom(await client.section(gid, call), shownName)) },
    user: { read: oneByOne(async (gid, call) => nameFrom(await client.user(gid, call), userName)) },
    project: { read: oneByOne(async (gid, call) => nameFrom(await client.project(gid, call), shownName)) },
    enum_option: { read: optionReader(client, config) },
  }
}

function nameFrom(record: Named | null, shown: typeof shownName): string | null {
  return record === null ? null : understood(shown(record))
}

/** Options come with their field. */
function optionReader(client: AsanaClient, { statusField }: AsanaConfig): RecordReader<string> {
  return async (wanted, call) => {
    const field = statusField === null ? null : await client.customField(statusField, call)
    const options = new Map((field === null ? [] : optionsOf(field)).map(({ record, name }) => [record.id, name]))
    return new Map(
      wanted.flatMap(({ id }) => {
        const name = options.get(id)
        return name === undefined ? [] : [[id, name] as const]
      }),
    )
  }
}

function oneByOne(read: (gid: string, call: CallContext) => Promise<string | null>): RecordReader<string> {
  return async (wanted, call) => {
    const names = new Map<string, string | Error>()
    await Promise.all(
      wanted.map(async ({ id }) => {
        try {
          const name = await read(id, call)
          if (name !== null) names.set(id, name)
        } catch (error) {
          names.set(id, error instanceof Error ? error : new Error('expected an Error, but something else was thrown'))
        }
      }),
    )
    return names
  }
}
