import type {
  CallContext,
  ConnectPorts,
  Log,
  NamedRecord,
  NamesPage,
  Sweeper,
  WebhookSubscription,
} from '../../contract.ts'
import { understoodIn, valueOrNull } from '../../lenient.ts'
import { VendorError } from '../../vendor-error.ts'
import type { AsanaClient } from './client.ts'
import type { AsanaConfig } from './config.ts'
import { mentionedRef, shownName, userName, type MentionedKind } from './mapping.ts'
import type { Webhook } from './records.ts'
import { lacksFilters, readEvents } from './webhook.ts'

/** Asana names no figure for its event feed; webhooks, which are made of it, are usually there within a minute. */
const lagMs = 60_000

/** Where a feed goes on whose project did not exist when it was last asked. */
const projectGone = 'gone'

/**
 * What happened in a project since the last sync token. Events are those that webhooks carry, so their keys tell which were
 * delivered. A token holds for 24 hours; without one, every task is to be listed anew, which also finds what was deleted and
 * what was moved, as a list by `modified_since` does not.
 * Source: Asana API reference, events.
 */
export function projectEvents(client: AsanaClient, config: AsanaConfig, project: string): Sweeper {
  return {
    feed: `events of project ${project}`,
    lagMs,
    async begin(call) {
      return (await client.events(project, null, call)).sync
    },
    async sweep(cursor, _, call) {
      try {
        // A project that is there again is listed anew.
        const token = cursor === projectGone ? null : cursor
        const { events, sync, hasMore, isTooOld } = await client.events(project, token, call)
        const news = readEvents(events, config)
        return { news, shown: [], next: sync, isDone: !hasMore, isGap: isTooOld }
      } catch (error) {
        // A project that was deleted has no events. That its jobs are gone is found by `names`, and why is said by the settings' check.
        if (!(await isGone(client, project, error, call))) throw error
        return { news: [], shown: [], next: projectGone, isDone: true, isGap: false }
      }
    },
  }
}

/**
 * What sections, enum options and people are called, and which projects there are. Of a section that is renamed tasks say nothing, their
 * `modified_at` stays, and of an option or a person that is renamed not even an event tells.
 * Source: Asana developer documentation, webhooks guide; API reference, events, enum options.
 */
export function names(client: AsanaClient, config: AsanaConfig, log: Log): Sweeper {
  return {
    feed: 'names',
    lagMs,
    async sweep(_cursor, _since, call) {
      const parts = await Promise.all([projects(call), stages(call), people(call)])
      const page: NamesPage = {
        records: parts.flatMap(part => part?.records ?? []),
        isChanges: false,
        whole: parts.flatMap(part => part?.whole ?? []),
      }
      return { news: [], shown: [], next: '', isDone: true, isGap: false, names: page }
    },
  }

  async function projects(call: CallContext): Promise<Part | null> {
    return part('projects', async () => {
      const found = await Promise.all(
        config.projects.map(async gid => ((await client.project(gid, call)) ? gid : null)),
      )
      return {
        records: found.flatMap(gid => (gid === null ? [] : [{ record: mentionedRef('project', gid), name: '' }])),
        whole: ['project'],
      }
    })
  }

  async function stages(call: CallContext): Promise<Part | null> {
    const { statusField } = config
    return statusField === null
      ? part('sections', async () => {
          const lists = await Promise.all(config.projects.map(async project => sectionsOf(project, call)))
          return {
            records: lists.flatMap(list => list ?? []),
            // Sections of a project that is gone are gone with it.
            whole: ['section'],
          }
        })
      : part('enum options', async () => {
          const field = await client.customField(statusField, call)
          return { records: field === null ? [] : optionsOf(field), whole: [] }
        })
  }

  /** Null for a project that does not exist. */
  async function sectionsOf(project: string, call: CallContext): Promise<readonly NamedRecord[] | null> {
    try {
      return (await client.sections(project, call)).flatMap(one =>
        named('section', one.gid, valueOrNull(shownName(one))),
      )
    } catch (error) {
      if (await isGone(client, project, error, call)) return null
      throw error
    }
  }

  async function people(call: CallContext): Promise<Part | null> {
    return part('people', async () => {
      const workspaces = await Promise.all(config.projects.map(async gid => workspaceOf(gid, call)))
      const lists = await Promise.all(
        [...new Set(workspaces.flatMap(gid => gid ?? []))].map(async gid => client.users(gid, call)),
      )
      return {
        records: lists.flat().flatMap(one => named('user', one.gid, valueOrNull(userName(one)))),
        // Guests may not be listed.
        whole: [],
      }
    })
  }

  async function workspaceOf(project: string, call: CallContext): Promise<string | null> {
    try {
      return await client.workspaceOf(project, call)
    } catch (error) {
      if (error instanceof VendorError && error.kind === 'not-found') return null
      throw error
    }
  }

  /** What our user may not see costs its names, not the sweep. */
  async function part(what: string, read: () => Promise<Part>): Promise<Part | null> {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof VendorError) || error.isPassing || error.kind === 'aborted') throw error
      log.warn({ system: 'asana', what, reason: error.message }, 'names could not be read: they may be old in lists')
      return null
    }
  }
}

interface Part {
  readonly records: readonly NamedRecord[]
  readonly whole: readonly MentionedKind[]
}

/** The options of an enum custom field, disabled ones too: tasks keep them. */
export function optionsOf(field: NonNullable<Awaited<ReturnType<AsanaClient['customField']>>>): readonly NamedRecord[] {
  return understoodIn(valueOrNull(field.enum_options) ?? []).flatMap(one =>
    named('enum_option', one.gid, valueOrNull(shownName(one))),
  )
}

function named(kind: MentionedKind, gid: string, name: string | null): readonly NamedRecord[] {
  return name === null ? [] : [{ record: mentionedRef(kind, gid), name }]
}

/** Whether a call failed because its project does not exist (any more), rather than because of something else. */
export async function isGone(
  client: AsanaClient,
  project: string,
  error: unknown,
  call: CallContext,
): Promise<boolean> {
  if (!(error instanceof VendorError) || (error.kind !== 'not-found' && error.kind !== 'rejected')) return false
  return (await client.project(project, call)) === null
}

/**
 * A webhook that fails for 24 hours is deleted without notice.
 * Source: Asana developer documentation, webhooks guide; API reference, WebhookResponse.
 */
export async function subscriptions(
  client: AsanaClient,
  config: AsanaConfig,
  { publicUrl, call }: Pick<ConnectPorts, 'publicUrl' | 'call'>,
): Promise<readonly WebhookSubscription[]> {
  return Promise.all(config.projects.map(subscriptionOf))

  async function subscriptionOf(project: string): Promise<WebhookSubscription> {
    const target = `${publicUrl}/webhooks/asana/${project}`
    const webhooks = (await webhooksOf(project)).filter(webhook => webhook.target === target)
    // Of several the one that works best.
    const [ours] = webhooks.toSorted((a, b) => rank(a) - rank(b))
    if (ours === undefined) {
      const note = `Nothing is sent to ${target}: npm run connect -- asana`
      return { endpoint: project, state: 'GONE', lastFailureAt: null, note }
    }
    const common = { endpoint: project, lastFailureAt: valueOrNull(ours.last_failure_at) }
    if (!ours.active) return { ...common, state: 'DISABLED', note: 'Register it anew: npm run connect -- asana' }
    if (rank(ours) !== 0) {
      const note = `Asana cannot deliver to ${target}, and deletes the webhook after 24 hours.`
      return { ...common, state: 'FAILING', note }
    }
    const note = lacksFilters(ours)
      ? 'It does not tell of renamed sections and deleted projects, which sweeps then find: npm run connect -- asana'
      : null
    return { ...common, state: 'ACTIVE', note }
  }

  /** None for a project that does not exist: its webhook went with it. */
  async function webhooksOf(project: string): Promise<readonly Webhook[]> {
    try {
      return await client.webhooks(await client.workspaceOf(project, call), project, call)
    } catch (error) {
      if (error instanceof VendorError && error.kind === 'not-found') return []
      throw error
    }
  }
}

function rank({ active, delivery_retry_count: retries }: Pick<Webhook, 'active' | 'delivery_retry_count'>): number {
  return active ? ((valueOrNull(retries) ?? 0) > 0 ? 1 : 0) : 2
}
