import { z } from 'zod'
import type { CallContext, Clock, Log, Sweeper, SweepPage, WebhookSubscription } from '../../contract.ts'
import { isUnderstood } from '../../lenient.ts'
import { openPageSize } from '../../page-size.ts'
import { VendorError } from '../../vendor-error.ts'
import { maxPerCall, maxPerSearch, type HubspotClient, type Stretch } from './client.ts'
import type { CompaniesClient } from './companies.ts'
import { contactRef, mentionedRef } from './mapping.ts'
import { isContactId, type ChangedRecord } from './records.ts'
import type { Stages } from './stages.ts'

/** Searches see a change up to 10 s late. Source: HubSpot developer documentation, CRM search. The rest is for clocks. */
const lagMs = 30_000

/** How far a sweep reaches back behind the last change it has seen, by HubSpot's own clock. */
const overlapMs = 60_000

/** Only searches reach back behind a place; where one instant has more contacts than a page, they are walked by id. */
const place = z.object({ sinceMs: z.number(), afterId: z.string().optional(), reachedMs: z.number() })

type Place = z.infer<typeof place>

/** A page of what changed in a stretch. */
interface Changes<T extends ChangedRecord> {
  readonly changes: readonly T[]
  readonly next: string
  readonly isDone: boolean
}

/**
 * Records by the time of their last change. Pages begin at the last instant of the page before and not at an offset: an
 * offset would pass over records when others are changed meanwhile, and ends at 10,000.
 * Source: HubSpot developer documentation, CRM search, paging through results.
 */
function changesOf<T extends ChangedRecord>(
  ask: (stretch: Stretch, limit: number, call: CallContext) => Promise<readonly T[]>,
  clock: Clock,
) {
  const size = openPageSize(maxPerSearch)
  return async (cursor: string | null, since: Date, call: CallContext): Promise<Changes<T>> => {
    const from = placeOf(cursor) ?? { sinceMs: since.getTime() - overlapMs, reachedMs: since.getTime() }
    const { changes, isLast } = await size.ask(async limit => {
      const found = await ask(stretchOf(from), limit, call)
      return { changes: found, isLast: found.length < limit }
    })
    // A date that is still to come is no place to go on from: what happens until then would be passed over.
    const nowMs = clock.now().getTime()
    const changedMs = changes.flatMap(({ modifiedAt }) =>
      modifiedAt === null ? [] : [Math.min(modifiedAt.getTime(), nowMs)],
    )
    const reachedMs = Math.max(from.reachedMs, ...changedMs)
    const next = nextPlace(from, { changes, isLast }, reachedMs)
    const place = JSON.stringify(next ?? { sinceMs: reachedMs - overlapMs, reachedMs })
    return { changes, next: place, isDone: next === null }
  }
}

export function changedContacts(client: HubspotClient, clock: Clock): Sweeper {
  const changesSince = changesOf(client.changed, clock)
  return {
    feed: 'contacts',
    lagMs,
    async sweep(cursor, since, call) {
      const { changes, next, isDone } = await changesSince(cursor, since, call)
      const shown = changes
        .filter(({ id }) => isContactId(id))
        .map(({ id, modifiedAt }) => ({
          kind: 'UPDATED' as const,
          record: contactRef(id),
          at: modifiedAt,
          fields: [],
        }))
      return page(shown, next, isDone)
    },
  }
}

/** Names of companies that changed: contacts show them, and do not change with them. */
export function changedCompanies(companies: CompaniesClient, clock: Clock, log: Log): Sweeper {
  const changesSince = changesOf((stretch, limit, call) => companies.changed(stretch, limit, call), clock)
  return {
    feed: 'companies',
    lagMs,
    async sweep(cursor, since, call) {
      try {
        const { changes, next, isDone } = await changesSince(cursor, since, call)
        const records = changes.flatMap(({ id, name }) =>
          isUnderstood(name) ? [{ record: mentionedRef('company', id), name: name ?? '' }] : [],
        )
        return { ...page([], next, isDone), names: { records, isChanges: true, whole: [] } }
      } catch (error) {
        if (!isRefusal(error)) throw error
        log.warn(
          { system: 'hubspot', reason: error.message },
          'companies cannot be read: customers show no company they are associated with',
        )
        return page([], cursor ?? JSON.stringify({ sinceMs: since.getTime(), reachedMs: since.getTime() }), true)
      }
    },
  }
}

/** What the lifecycle stages are called: of a stage that is renamed nothing is told. */
export function stageNames(stages: Stages, log: Log): Sweeper {
  return {
    feed: 'lifecycle stages',
    lagMs,
    async sweep(_cursor, _since, call) {
      try {
        const records = (await stages.list(call)).map(({ value, name }) => ({
          record: mentionedRef('lifecycle_stage', value),
          name,
        }))
        return { ...page([], '', true), names: { records, isChanges: false, whole: [] } }
      } catch (error) {
        if (!isRefusal(error)) throw error
        log.warn(
          { system: 'hubspot', reason: error.message },
          'lifecycle stages cannot be read: their names may be old',
        )
        return page([], '', true)
      }
    },
  }
}

/** What our token may not see costs its names, not the sweep. */
function isRefusal(error: unknown): error is VendorError {
  return error instanceof VendorError && !error.isPassing && error.kind !== 'aborted'
}

/** Searches do not find what was deleted: the bin is listed. It does not say what came into it last. */
export function archivedContacts(client: HubspotClient): Sweeper {
  const size = openPageSize(maxPerCall)
  return {
    feed: 'archived contacts',
    lagMs,
    async sweep(cursor, _, call) {
      const { contacts, after } = await size.ask(limit =>
        client.listArchived(cursor === '' ? null : cursor, limit, call),
      )
      const shown = contacts.flatMap(({ id, archivedAt, mergedIds }) =>
        // Whatever was merged into it went with it, and nobody but the bin still knows.
        [id, ...mergedIds]
          // The bin is listed as it came.
          .filter(isContactId)
          .map(gone => ({ kind: 'DELETED' as const, record: contactRef(gone), at: archivedAt, fields: [] })),
      )
      return page(shown, after ?? '', after === null)
    },
  }
}

/** The API for subscriptions takes the key of a public app's developer. Source: HubSpot developer documentation, webhooks. */
export function subscriptions(hasSecret: boolean): readonly WebhookSubscription[] {
  const common = { endpoint: '', lastFailureAt: null }
  return hasSecret
    ? [
        {
          ...common,
          state: 'UNKNOWN',
          note: 'HubSpot does not tell by API what an app is subscribed to: npm run connect -- hubspot waits for a webhook and says whether one comes.',
        },
      ]
    : [
        {
          ...common,
          state: 'POLLED',
          note: 'Nothing is pushed: HUBSPOT_CLIENT_SECRET is not set, and a service key has none. What changed is found every SWEEP_EVERY_SECONDS.',
        },
      ]
}

function page(shown: SweepPage['shown'], next: string, isDone: boolean): SweepPage {
  return { news: [], shown, next, isDone, isGap: false }
}

function stretchOf({ sinceMs, afterId }: Place): Stretch {
  const at = new Date(sinceMs)
  return afterId === undefined ? { since: at } : { at, afterId }
}

/** @returns null when there is no further page */
function nextPlace(
  from: Place,
  page: { readonly changes: readonly ChangedRecord[]; readonly isLast: boolean },
  reachedMs: number,
): Place | null {
  const last = page.changes.at(-1)
  const lastAt = page.changes.findLast(({ modifiedAt }) => modifiedAt !== null)?.modifiedAt ?? null
  // Where no date can be read there is no place to go on from.
  const isLast = last === undefined || lastAt === null || page.isLast
  if (from.afterId !== undefined) {
    return isLast ? { sinceMs: from.sinceMs + 1, reachedMs } : { sinceMs: from.sinceMs, afterId: last.id, reachedMs }
  }
  if (isLast) return null
  const lastMs = lastAt.getTime()
  // A whole page of one instant: a later page could not begin behind it.
  return lastMs > from.sinceMs ? { sinceMs: lastMs, reachedMs } : { sinceMs: from.sinceMs, afterId: '0', reachedMs }
}

/** @returns null for none, and for one that nobody can read any more */
function placeOf(cursor: string | null): Place | null {
  if (cursor === null) return null
  try {
    return place.safeParse(JSON.parse(cursor)).data ?? null
  } catch {
    return null
  }
}
