import type { System } from '../../schema/systems.ts'
import type { WebhookSubscription } from '../../subgraphs/contract.ts'
import type { Store, StoreReader } from './store.ts'

export interface StoredSubscription extends WebhookSubscription {
  readonly system: System
  readonly checkedAt: Date
}

/** Keeps what a vendor says of all its webhooks, in place of what it said before. */
export async function replaceSubscriptions(
  store: Store,
  system: System,
  subscriptions: readonly WebhookSubscription[],
  now: Date,
): Promise<void> {
  await store.write(async tx => {
    await tx.deleteFrom('webhook_subscriptions').where('system', '=', system).execute()
    if (subscriptions.length === 0) return
    await tx
      .insertInto('webhook_subscriptions')
      .values(
        subscriptions.map(({ endpoint, state, lastFailureAt, note }) => ({
          system,
          endpoint,
          state,
          last_failure_at: lastFailureAt?.getTime() ?? null,
          note,
          checked_at: now.getTime(),
        })),
      )
      .execute()
  })
}

/** By system and endpoint. */
export async function listSubscriptions(db: StoreReader): Promise<readonly StoredSubscription[]> {
  const rows = await db.selectFrom('webhook_subscriptions').selectAll().orderBy('system').orderBy('endpoint').execute()
  return rows.map(row => ({
    system: row.system,
    endpoint: row.endpoint,
    state: row.state,
    lastFailureAt: row.last_failure_at === null ? null : new Date(row.last_failure_at),
    note: row.note,
    checkedAt: new Date(row.checked_at),
  }))
}
