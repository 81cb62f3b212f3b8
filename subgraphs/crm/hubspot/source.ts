import { setTimeout as pause } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { CallContext, Clock, GraphContext, Records, WriteSteps, Written } from '../../contract.ts'
import { understood, valueOrNull } from '../../lenient.ts'
import { VendorError, type VendorErrorKind } from '../../vendor-error.ts'
import type { CrmSource, CustomerPatch, StageFilter } from '../source.ts'
import type { HubspotClient } from './client.ts'
import type { CompaniesClient } from './companies.ts'
import { notKept, refuseNotKept } from './kept.ts'
import {
  associatedCompany,
  contactRef,
  customerFields,
  defaultStages,
  isWhole,
  observedContact,
  propertiesOf,
  stageOf,
  typedCompany,
  wordOfStage,
  type ContactWrite,
  type MentionedKind,
} from './mapping.ts'
import type { Contact } from './records.ts'
import { stageNamed, type Stages } from './stages.ts'
import { contactStep, stageStep, traceOf, type openUnfinished } from './unfinished.ts'

/** The kinds of records read through the cache, and what they are read as; of what contacts mention, the name. */
export interface HubspotKinds extends Record<MentionedKind, string> {
  readonly contact: Contact
}

export interface SourcePorts {
  readonly client: HubspotClient
  readonly companies: CompaniesClient
  readonly stages: Stages
  readonly records: Records<HubspotKinds>
  readonly clock: Clock
  readonly unfinished: ReturnType<typeof openUnfinished>
}

/** Failures after which the vendor may have done it all the same. */
const mayBeDone: ReadonlySet<VendorErrorKind> = new Set(['timeout', 'unavailable', 'unreadable'])

/** Failures that say that nothing was done. */
const refusals: ReadonlySet<VendorErrorKind> = new Set(['rejected', 'not-found', 'unauthorized', 'rate-limited'])

/** How old an answer to a search may be. Long enough for a person's typing to and fro, short enough not to notice. */
const searchAgeMs = 2000

const searchesKept = 500

/** Companies whose contacts a search looks at. */
const maxCompanies = 20

/** When a contact is read again that does not show yet that it was written to. */
const lagAfterMs = [200, 800, 2000] as const

/** HubSpot's contacts as the customers of the graph. */
export function openSource({ client, companies, stages, records, clock, unfinished }: SourcePorts): CrmSource {
  const searches = new LRUCache<string, Promise<readonly string[]>>({
    max: searchesKept,
    ttl: searchAgeMs,
    ttlResolution: 0,
    perf: { now: () => clock.now().getTime() },
  })

  return {
    system: 'hubspot',

    async customer(id, context) {
      const contact = await records.load('contact', { id }, context)
      return contact === null ? null : customerFields(contact)
    },

    async company(id, context) {
      const contact = await records.load('contact', { id }, context)
      if (contact === null) return null
      const typed = understood(typedCompany(contact))
      const company = understood(associatedCompany(contact))
      if (typed !== null || company === null) return typed
      return (await records.load('company', { id: company }, context))?.trim() || null
    },

    async lifecycleStageName(id, context) {
      const contact = await records.load('contact', { id }, context)
      const stage = contact === null ? null : understood(stageOf(contact))
      return stage === null ? null : ((await records.load('lifecycle_stage', { id: stage }, context)) ?? stage)
    },

    async stages({ lifecycleStage, lifecycleStageName }: StageFilter, { call }) {
      const known = lifecycleStageName || lifecycleStage?.includes('OTHER') ? await stages.list(call) : []
      const words = lifecycleStage ?? null
      const names = lifecycleStageName ?? null
      const all = new Set([...defaultStages, ...known.map(({ value }) => value)])
      const named = new Set(
        known.filter(({ name, value }) => names?.includes(name) || names?.includes(value)).map(({ value }) => value),
      )
      return [...all].filter(
        value => (words === null || words.includes(wordOfStage(value))) && (names === null || named.has(value)),
      )
    },

    async search(text, first, { call }) {
      const key = `${first} ${text}`
      const known = searches.get(key)
      if (known !== undefined) {
        try {
          return await known
        } catch (error) {
          // It was given up by the one that had asked.
          if (!(error instanceof VendorError) || error.kind !== 'aborted' || call.signal.aborted) throw error
        }
      }
      // Its age counts from the question: the answer may have been true before it came.
      const found = searched(text, first, call)
      searches.set(key, found)
      found.catch(() => {
        if (searches.peek(key) === found) searches.delete(key)
      })
      return found
    },

    async create(fields, context, steps) {
      const { call } = context
      const values = propertiesOf(fields, await stageGiven(fields, call))
      const by = { trace: traceOf(values), ...(values.email === undefined ? {} : { email: values.email }) }
      const made = new Map<string, Contact>()
      const id = await steps.step(contactStep, by.trace, {
        async send() {
          const contact = await createdOrFound(values, by, steps, call)
          made.set(contact.id, contact)
          return contact.id
        },
        async find(sentAt) {
          const contact = await unfinished.findSettled(steps, by, sentAt, call)
          if (contact !== null) made.set(contact.id, contact)
          return contact?.id ?? null
        },
      })
      const contact = made.get(id) ?? (await client.readContact(id, call))
      if (contact === null) throw new VendorError('hubspot', 'not-found', `contact ${id} vanished while it was made`)
      return [await written('CREATED', await kept(contact, values, steps, call), fields, context)]
    },

    async update(id, patch, context, steps) {
      const { call } = context
      const values = propertiesOf(patch, await stageGiven(patch, call))
      const answer = await client.update(id, values, call)
      return [await written('UPDATED', await kept(answer, values, steps, call), patch, context)]
    },
  }

  async function searched(text: string, first: number, call: CallContext): Promise<readonly string[]> {
    const { ids } = await client.search(text, first, call)
    const ofCompanies = ids.length < first ? await searchByCompany(text, first, call) : []
    return [...new Set([...ids, ...ofCompanies])].slice(0, first)
  }

  /** Contacts whose company is one they are associated with: HubSpot's own search looks at what was typed only. */
  async function searchByCompany(text: string, first: number, call: CallContext): Promise<readonly string[]> {
    try {
      const found = await companies.search(text, maxCompanies, call)
      return found.length === 0 ? [] : await client.ofCompanies(found, first, call)
    } catch (error) {
      // Without the scope there are no companies here; the field `company` says so.
      if (error instanceof VendorError && !error.isPassing && error.kind !== 'aborted') return []
      throw error
    }
  }

  async function stageGiven({ lifecycleStageName }: CustomerPatch, call: CallContext): Promise<string | null> {
    return typeof lifecycleStageName === 'string' ? stageNamed(await stages.list(call), lifecycleStageName).value : null
  }

  /**
   * The contact as it is after a write that was answered with success; it has what was sent.
   * @throws VendorError `incomplete` when it has not
   */
  async function kept(answer: Contact, sent: ContactWrite, steps: WriteSteps, call: CallContext): Promise<Contact> {
    const { lifecyclestage: stage } = sent
    const isAnswered = stage === undefined && notKept(answer, sent)?.length === 0
    let contact = isAnswered ? answer : await readAfter(answer, call)
    if (stage !== undefined && stage !== '' && notKept(contact, { lifecyclestage: stage })?.length !== 0) {
      contact = await setBack(contact, stage, steps, call)
    }
    refuseNotKept(notKept(contact, sent) ?? Object.keys(sent))
    return contact
  }

  /**
   * A stage does not go back by itself: writing an earlier one is answered with success and ignored. It is emptied first, in a request of its
   * own. What it was is kept before, so that a write that ends in between leaves no contact without a stage.
   * Source: HubSpot developer documentation, lifecycle stages; legacy contacts API, update by e-mail.
   */
  async function setBack(contact: Contact, stage: string, steps: WriteSteps, call: CallContext): Promise<Contact> {
    const { id } = contact
    const before = valueOrNull(stageOf(contact)) ?? ''
    if (before !== '') {
      await steps.keep(stageStep, before)
      await client.update(id, { lifecyclestage: '' }, call).catch((error: unknown) => {
        throw partly(error)
      })
    }
    let answer: Contact
    try {
      answer = await client.update(id, { lifecyclestage: stage }, call)
    } catch (error) {
      // It will not take it later either: what was there comes back at once, if it can, else when the write is taken back.
      if (before !== '' && error instanceof VendorError && error.kind === 'rejected')
        await client.update(id, { lifecyclestage: before }, call).catch(() => undefined)
      throw partly(error)
    }
    return readAfter(answer, call)
  }

  /** The contact as it is after a write. HubSpot may lag behind itself for a moment: then it shows an older version than it answered. */
  async function readAfter(answer: Contact, call: CallContext): Promise<Contact> {
    const writtenAt = valueOrNull(answer.updatedAt)
    for (const waitMs of [...lagAfterMs, null]) {
      const contact = await client.readContact(answer.id, call).catch((error: unknown) => {
        throw partly(error)
      })
      if (contact === null)
        throw partly(new VendorError('hubspot', 'not-found', `contact ${answer.id} vanished while it was written`))
      const readAt = valueOrNull(contact.updatedAt)
      const isBehind = writtenAt !== null && readAt !== null && readAt < writtenAt
      if (!isBehind || waitMs === null) return contact
      await pause(waitMs)
    }
    return answer
  }

  async function written(
    kind: 'CREATED' | 'UPDATED',
    contact: Contact,
    patch: CustomerPatch,
    context: GraphContext,
  ): Promise<Written> {
    const base = { kind, record: contactRef(contact.id), fields: fieldsOf(patch) }
    if (!isWhole(contact)) return base
    const names = await stages.recentNames(context.call)
    const stage = valueOrNull(stageOf(contact))
    return { ...base, observed: observedContact(contact, stage === null ? null : (names.get(stage) ?? null)) }
  }

  /** A contact whose making was not answered is looked for at once: most often it was made. */
  async function createdOrFound(
    values: ContactWrite,
    by: { readonly trace: string; readonly email?: string },
    steps: WriteSteps,
    call: CallContext,
  ): Promise<Contact> {
    try {
      return await client.create(values, call)
    } catch (error) {
      if (!(error instanceof VendorError) || !mayBeDone.has(error.kind)) throw error
      const found = await unfinished.find(steps, by, call).catch(() => null)
      if (found === null) throw error
      return found
    }
  }
}

/** Names of the Customer's fields a patch writes: the stage is shown in two. */
function fieldsOf(patch: CustomerPatch): readonly string[] {
  const names = Object.entries(patch).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  const isStage = names.some(name => name.startsWith('lifecycleStage'))
  return [...new Set([...names, ...(isStage ? ['lifecycleStage', 'lifecycleStageName'] : [])])]
}

/** What failed after a part was written: a refusal of the rest does not say that nothing was done. */
function partly(error: unknown): Error {
  if (!(error instanceof VendorError))
    return error instanceof Error ? error : new Error('expected an Error, but something else was thrown')
  if (!refusals.has(error.kind)) return error
  const { inputFault, retryAfterMs } = error
  // What may pass is tried again where the client still wants it, and is taken back where it does not.
  if (error.isPassing) return new VendorError('hubspot', 'unavailable', error.message, { retryAfterMs })
  const why = inputFault === undefined ? '' : `: ${inputFault}`
  return new VendorError('hubspot', 'incomplete', error.message, {
    inputFault: `The CRM did only a part of what was asked${why}. Read the customer to see what it has now.`,
  })
}
