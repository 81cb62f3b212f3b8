import type { Store } from './store.ts'

/** Ids of one UPDATE: long statements are slow to prepare. */
const idsInStatement = 200

/**
 * Settles dead entries that nothing is to be done about, all in one transaction: they are listed as dead no more, and keep their reason.
 * Others are left alone.
 * @returns the ids of those that were dead
 */
export function dismissDead(store: Store, ids: readonly number[], now: Date): Promise<readonly number[]> {
  return store.write(async tx => {
    const dismissed: number[] = []
    for (let at = 0; at < ids.length; at += idsInStatement) {
      const rows = await tx
        .updateTable('delivery_entries')
        .set({ state: 'dismissed', ended_at: now.getTime() })
        .where('id', 'in', ids.slice(at, at + idsInStatement))
        .where('state', '=', 'dead')
        .returning('id')
        .execute()
      dismissed.push(...rows.map(({ id }) => id))
    }
    return dismissed.sort((a, b) => a - b)
  })
}
