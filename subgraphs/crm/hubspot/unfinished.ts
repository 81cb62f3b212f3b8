import { createHash } from 'node:crypto'
import type { CallContext, Clock, TakenBack, UnfinishedWrite, WriteProgress } from '../../contract.ts'
import { valueOrNull } from '../../lenient.ts'
import { VendorError } from '../../vendor-error.ts'
import type { HubspotClient } from './client.ts'
import { contactRef, stageOf, type ContactWrite } from './mapping.ts'
import type { Contact, ContactProperty } from './records.ts'

/** HubSpot knows no idempotency keys: a contact whose making was not answered is found by its e-mail, else its content. */
export const contactStep = 'contact'

/** The stage a contact had before it was emptied, so that another one could be set. */
export const stageStep = 'stage before'

/** A search takes up to ten seconds to show what was written; a request that was not answered may still be worked on. */
const settledMs = 20_000

/** Our clock and HubSpot's. */
const skewMs = 120_000

/** What is kept as it was written. HubSpot may choose the lifecycle stage itself. */
const telling: readonly ContactProperty[] = [
  'firstname',
  'lastname',
  'email',
  'phone',
  'company',
  'address',
  'city',
  'state',
  'zip',
  'country',
]

/** What tells a contact from others. */
export function traceOf(values: ContactWrite | Contact['properties']): string {
  const texts = telling.map(name => (valueOrNull(values[name] ?? null) ?? '').trim().toLowerCase())
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex')
}

export interface UnfinishedPorts {
  readonly client: HubspotClient
  readonly clock: Clock
}

export function openUnfinished({ client, clock }: UnfinishedPorts) {
  return { find, findSettled, takeBack }

  /**
   * The contact that was made for this write, and is its from now on. Another one of the same e-mail is none: HubSpot will
   * refuse a second.
   */
  async function find(
    write: WriteProgress,
    { trace, email }: { trace: string; email?: string },
    call: CallContext,
  ): Promise<Contact | null> {
    const since = new Date(write.begunAt.getTime() - skewMs)
    const known = email === undefined || email === '' ? null : await client.readByEmail(email, call)
    const candidates = known === null ? await client.createdSince(since, call) : [known]
    for (const contact of candidates) {
      const isMade = (valueOrNull(contact.createdAt) ?? since) >= since && traceOf(contact.properties) === trace
      if (isMade && (await write.claim(contactStep, contact.id))) return contact
    }
    return null
  }

  /** @throws VendorError while it may still be on its way */
  async function findSettled(
    write: WriteProgress,
    by: { trace: string; email?: string },
    sentAt: Date,
    call: CallContext,
  ): Promise<Contact | null> {
    const found = await find(write, by, call)
    // A second contact of one e-mail cannot be: sending it again is refused, should the first one come late.
    const isSafe = by.email !== undefined && by.email !== ''
    const waitMs = sentAt.getTime() + settledMs - clock.now().getTime()
    if (found !== null || isSafe || waitMs <= 0) return found
    throw new VendorError('hubspot', 'unavailable', 'a contact may still be on its way', { retryAfterMs: waitMs })
  }

  async function takeBack(write: UnfinishedWrite, call: CallContext): Promise<TakenBack> {
    const { entityId } = write
    if (entityId !== null) {
      await giveStageBack(write, entityId, call)
      return { isGone: true, written: [{ kind: 'UPDATED', record: contactRef(entityId), fields: [] }] }
    }
    const sentAt = write.sentAt(contactStep)
    const trace = write.traceOf(contactStep)
    const known = write.result(contactStep)
    const found =
      known !== null || sentAt === null || trace === null ? null : await findSettled(write, { trace }, sentAt, call)
    const id = known ?? found?.id ?? null
    if (id === null) return { isGone: true, written: [] }
    await client.archive(id, call)
    return { isGone: true, written: [{ kind: 'DELETED', record: contactRef(id), fields: [] }] }
  }

  /** A write that ended after it had emptied the stage, and before it had set another one, leaves the contact with the one it had. */
  async function giveStageBack(write: UnfinishedWrite, id: string, call: CallContext): Promise<void> {
    const before = write.result(stageStep)
    if (before === null) return
    const contact = await client.readContact(id, call)
    if (contact !== null && stageOf(contact) === null) await client.update(id, { lifecyclestage: before }, call)
  }
}
