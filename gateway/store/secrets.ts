import type { System } from '../../schema/systems.ts'
import { isHeld } from './leases.ts'
import type { Store } from './store.ts'

/** The newest, and the one before it: a vendor may sign with the old one until it has seen the handshake's answer. */
const keptSecrets = 2

export interface NewSecret {
  readonly system: System
  readonly endpoint: string
  readonly secret: string
}

/** Makes a secret the newest of its endpoint. The two newest are kept. */
export async function addSecret(store: Store, secret: NewSecret, now: Date): Promise<void> {
  await add(store, secret, null, now)
}

/**
 * The same for one that came with a handshake and that the vendor has not confirmed: it stands apart, and verifies nothing.
 * @param whileHeld a lease that another process or this one must hold
 * @returns false, with nothing added, when it is not held
 */
export async function addUnconfirmedSecret(
  store: Store,
  { whileHeld, ...secret }: NewSecret & { readonly whileHeld: string },
  now: Date,
): Promise<boolean> {
  return add(store, { ...secret, endpoint: unconfirmedAt(secret.endpoint) }, whileHeld, now)
}

/** Newest first. */
export function listUnconfirmedSecrets(store: Store, system: System, endpoint: string): Promise<readonly string[]> {
  return listSecrets(store, system, unconfirmedAt(endpoint))
}

export async function dropUnconfirmedSecrets(store: Store, system: System, endpoint: string): Promise<void> {
  await store.write(tx =>
    tx
      .deleteFrom('webhook_secrets')
      .where('system', '=', system)
      .where('endpoint', '=', unconfirmedAt(endpoint))
      .execute(),
  )
}

/** No endpoint's own name has a blank. */
function unconfirmedAt(endpoint: string): string {
  return `unconfirmed ${endpoint}`
}

async function add(
  store: Store,
  { system, endpoint, secret }: NewSecret,
  whileHeld: string | null,
  now: Date,
): Promise<boolean> {
  return store.write(async tx => {
    if (whileHeld !== null && !(await isHeld(tx, whileHeld, now))) return false
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

/** Makes a secret the only one of its endpoint, of the unconfirmed ones too. */
export async function replaceSecrets(
  store: Store,
  system: System,
  endpoint: string,
  secret: string,
  now: Date,
): Promise<void> {
  await store.write(async tx => {
    await tx
      .deleteFrom('webhook_secrets')
      .where('system', '=', system)
      .where('endpoint', 'in', [endpoint, unconfirmedAt(endpoint)])
      .execute()
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
