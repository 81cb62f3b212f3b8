import type { CallContext, ImportPage, Importer, Log, RecordReader, Wanted } from '../../contract.ts'
import { valueOrNull } from '../../lenient.ts'
import { openPageSize } from '../../page-size.ts'
import { VendorError } from '../../vendor-error.ts'
import { maxPerCall, type HubspotClient } from './client.ts'
import { observedContact, stageOf } from './mapping.ts'
import { idOf, isContactId, mergedIds, readContact, type Contact } from './records.ts'
import type { Stages } from './stages.ts'

/** Reads contacts, 100 a call. A call that fails is the failure of its contacts, not of the others. */
export function contactReader(client: HubspotClient): RecordReader<Contact> {
  return async (wanted: readonly Wanted[], call: CallContext) => {
    const ids = [...new Set(wanted.map(({ id }) => id).filter(isContactId))]
    const found = new Map<string, Contact | Error>()
    const chunks = Array.from({ length: Math.ceil(ids.length / maxPerCall) }, (_, index) =>
      ids.slice(index * maxPerCall, (index + 1) * maxPerCall),
    )
    await Promise.all(
      chunks.map(async chunk => {
        try {
          await readChunk(client, chunk, call, found)
        } catch (error) {
          for (const id of chunk) found.set(id, errorOf(error))
        }
      }),
    )
    return found
  }
}

async function readChunk(
  client: HubspotClient,
  ids: readonly string[],
  call: CallContext,
  found: Map<string, Contact | Error>,
): Promise<void> {
  const { results, missing } = await client.readBatch(ids, call)
  const asked = new Set(ids)
  for (const result of results) {
    const read = contactOrError(result)
    // What it was about is asked alone.
    if (read === null) continue
    const [id, contact] = read
    // An id that a merge has retired answers under the winner's id, once for all of them.
    const answered = contact instanceof Error ? [id] : [id, ...mergedIds(contact)]
    for (const each of answered) if (asked.has(each)) found.set(each, contact)
  }
  // Neither answered nor named as missing: a winner that does not list its losers. Asked alone it can be told.
  const open = ids.filter(id => !found.has(id) && !missing.has(id))
  await Promise.all(
    open.map(async id => {
      try {
        const contact = await client.readContact(id, call)
        if (contact !== null) found.set(id, contact)
      } catch (error) {
        found.set(id, errorOf(error))
      }
    }),
  )
}

/** Lists all contacts by HubSpot's own cursor, which stays good over a restart. */
export function contactImporter(client: HubspotClient, stages: Pick<Stages, 'recentNames'>, log: Log): Importer {
  const size = openPageSize(maxPerCall)
  return {
    kind: 'contact',
    // What an earlier version did not keep is listed anew.
    settings: JSON.stringify({ keeps: ['names', 'stages by value'] }),
    async list(cursor: string | null, call: CallContext): Promise<ImportPage> {
      const [page, names, total] = await Promise.all([
        size.ask(limit => client.list(cursor, limit, call)),
        stages.recentNames(call),
        cursor === null ? countOrNull(client, call) : null,
      ])
      const observed = page.results.flatMap(result => {
        const [id, contact] = contactOrError(result) ?? [null, new Error('expected an id of digits, got none')]
        if (!(contact instanceof Error))
          return [observedContact(contact, names.get(valueOrNull(stageOf(contact)) ?? '') ?? null)]
        // One broken contact must not hold up the import of all that come after it.
        log.warn({ kind: 'contact', id, reason: contact.message }, 'left out of the import: cannot be read')
        return []
      })
      return { observed, next: page.after, total }
    },
  }
}

/** For the progress of the import only, so a search that fails is no fault. */
async function countOrNull(client: HubspotClient, call: CallContext): Promise<number | null> {
  try {
    return (await client.search('', 1, call)).total
  } catch {
    return null
  }
}

/** @returns null for a record without an id that is one: it cannot be told which record it is */
function contactOrError(value: unknown): readonly [string, Contact | Error] | null {
  const id = idOf(value)
  if (id === null) return null
  try {
    return [id, readContact(value)]
  } catch (error) {
    return [id, errorOf(error)]
  }
}

function errorOf(error: unknown): Error {
  return error instanceof Error
    ? error
    : new VendorError('hubspot', 'unreadable', 'expected an Error, but something else was thrown', { cause: error })
}
