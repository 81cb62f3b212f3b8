import type { System } from '../../schema/systems.ts'
import { isHeld } from './leases.ts'
import type { Store } from './store.ts'

/** The newest, and the one before it: a vendor may sign with the old one until it has seen the handshake's answer. */
const keptSecrets = 2

/**
 * Makes a secret the newest of its endpoint. The two newest are kept.
 * @param whileHeld a lease that must be held by somebody
 * @returns false, with nothing added, when it is not
 */
export async function addSecret(
  store: Store,
  { system, endpoint, secret, whileHeld }: { system: System; endpoint: string; secret: string; whileHeld?: string },
  now: Date,
): Promise<boolean> {
  return store.write(async tx => {
    if (whileHeld !== undefined && !(await isHeld(tx, whileHeld, now))) return false
    const ofEndpoint = tx.deleteFrom('webhook_secrets').where('system', '=', system).where('endpoint', '=', endpoint)
    await ofEndpoint.where('secret', '=', secret).execute()
    await tx.insertInto('webhook_secrets').values({ system, endpoint, secret, added_at: now.getTime() }).execute()
    await ofEndpoint
      .where('id', 'not in', db =>
        db
          .selectFrom('webhook_secrets')
          .select('id')
          .where('system', '=', system)
          .where('endpoint', '=', endpoint)
          .orderBy('id', 'desc')
          .limit(keptSecrets),
      )
      .execute()
    return true
  })
}

/** Makes a secret the only one of its endpoint. */
export async function replaceSecrets(
  store: Store,
  system: System,
  endpoint: string,
  secret: string,
  now: Date,
): Promise<void> {
  await store.write(async tx => {
    await tx.deleteFrom('webhook_secrets').where('system', '=', system).where('endpoint', '=', endpoint).execute()
    await tx.insertInto('webhook_secrets').values({ system, endpoint, secret, added_at: now.getTime() }).execute()
  })
}

/** Newest first. */
export async function listSecrets(store: Store, system: System, endpoint: string): Promise<readonly string[]> {
  const rows = await store.read(db =>
    db
      .selectFrom('webhook_secrets')
      .select('secret')
      .where('system', '=', system)
      .where('endpoint', '=', endpoint)
      .orderBy('id', 'desc')
      .execute(),
  )
  return rows.map(row => row.secret)
}
