import type { OpenStore, Store, StoreReader } from './store.ts'

/** Something that one process at a time does, while it is ours. */
export interface HeldLease {
  /** Aborted when another process may have taken it over. */
  readonly lost: AbortSignal
  /**
   * To be asked in the transaction that writes what only the holder may write.
   * @throws Error when it is ours no more: the transaction must not commit then
   */
  confirm(tx: StoreReader): Promise<void>
  /** Lets the next one have it at once. Never rejects: at worst it runs out. */
  end(): Promise<void>
}

/** How long a process that was killed or stopped keeps others waiting. */
const leaseMs = 15_000

const renewMs = 4_000

const besideOthers = { isSerial: false } as const

/**
 * Takes the lease of this name and keeps it by a heartbeat.
 * @param holder names the process; it may take again what it holds
 * @returns null while another process has it
 * @throws StoreError
 */
export async function holdLease(store: OpenStore, name: string, holder: string): Promise<HeldLease | null> {
  if (!(await takeLease(store, name, holder, leaseMs, store.clock.now()))) return null
  const lost = new AbortController()
  // By this process's own time: the store cannot be asked while it is away.
  let heldAt = performance.now()
  const renew = async (): Promise<void> => {
    const askedAt = performance.now()
    try {
      if (await takeLease(store, name, holder, leaseMs, store.clock.now())) heldAt = askedAt
      else lost.abort()
    } catch {
      if (performance.now() - heldAt > leaseMs) lost.abort()
    }
    if (lost.signal.aborted) clearInterval(renewing)
  }
  const renewing = setInterval(() => void renew(), renewMs).unref()
  return {
    lost: lost.signal,
    async confirm(tx) {
      if (await isHeld(tx, name, store.clock.now(), holder)) return
      lost.abort()
      throw new Error(`the lease "${name}" was taken over by another process`)
    },
    async end() {
      clearInterval(renewing)
      try {
        await store.write(
          tx => tx.deleteFrom('leases').where('name', '=', name).where('holder', '=', holder).execute(),
          besideOthers,
        )
      } catch {
        // It runs out.
      }
    },
  }
}

/** @returns whether it is the holder's now: it was free, had run out, or was the holder's already */
export async function takeLease(
  store: Store,
  name: string,
  holder: string,
  forMs: number,
  now: Date,
): Promise<boolean> {
  const until = now.getTime() + forMs
  const taken = await store.write(
    tx =>
      tx
        .insertInto('leases')
        .values({ name, holder, until })
        .onConflict(on =>
          on
            .column('name')
            .doUpdateSet({ holder, until })
            .where(({ eb, or }) => or([eb('leases.until', '<=', now.getTime()), eb('leases.holder', '=', holder)])),
        )
        .returning('name')
        .execute(),
    besideOthers,
  )
  return taken.length > 0
}

/** @param holder anybody's when absent */
export async function isHeld(db: StoreReader, name: string, now: Date, holder?: string): Promise<boolean> {
  const row = await db
    .selectFrom('leases')
    .select('holder')
    .where('name', '=', name)
    .where('until', '>', now.getTime())
    .executeTakeFirst()
  return row !== undefined && (holder === undefined || row.holder === holder)
}

/** Frees everything: for the only process of a store, whose predecessor was killed. */
export async function endAllLeases(store: Store): Promise<void> {
  await store.write(tx => tx.deleteFrom('leases').execute(), besideOthers)
}
