import type { ConnectPorts, Sweeper, WebhookSubscription } from '../../contract.ts'
import type { AsanaClient } from './client.ts'
import type { AsanaConfig } from './config.ts'
import { readEvents } from './webhook.ts'

/** Asana names no figure for its event feed; webhooks, which are made of it, are usually there within a minute. */
const lagMs = 60_000

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
      const { events, sync, hasMore, isTooOld } = await client.events(project, cursor, call)
      const news = readEvents(events, config)
      return { news, shown: [], next: sync, isDone: !hasMore, isGap: isTooOld }
    },
  }
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
    const workspace = await client.workspaceOf(project, call)
    const webhooks = (await client.webhooks(workspace, project, call)).filter(webhook => webhook.target === target)
    // Of several the one that works best.
    const [ours] = webhooks.toSorted((a, b) => rank(a) - rank(b))
    if (ours === undefined) {
      const note = `Nothing is sent to ${target}: npm run connect -- asana`
      return { endpoint: project, state: 'GONE', lastFailureAt: null, note }
    }
    const lastFailureAt = ours.last_failure_at == null ? null : new Date(ours.last_failure_at)
    const common = { endpoint: project, lastFailureAt }
    if (!ours.active) return { ...common, state: 'DISABLED', note: 'Register it anew: npm run connect -- asana' }
    return rank(ours) === 0
      ? { ...common, state: 'ACTIVE', note: null }
      : {
          ...common,
          state: 'FAILING',
          note: `Asana cannot deliver to ${target}, and deletes the webhook after 24 hours.`,
        }
  }
}

function rank({ active, delivery_retry_count: retries }: { active: boolean; delivery_retry_count?: number | null }) {
  return active ? ((retries ?? 0) > 0 ? 1 : 0) : 2
}
