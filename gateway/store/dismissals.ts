import { parts } from './parts.ts'
import type { Store } from './store.ts'

/**
 * Settles dead entries that nothing is to be done about, all in one transaction: they are listed as dead no more, and keep their reason.
 * Others are left alone.
 * @returns the ids of those that were dead
 */
export function dismissDead(store: Store, ids: readonly number[], now: Date): Promise<readonly number[]> {
  return store.write(async tx => {
    const dismissed: number[] = []
    for (const part of parts(ids)) {
      const rows = await tx
        .updateTable('delivery_entries')
        .set({ state: 'dismissed', ended_at: now.getTime() })
        .where('id', 'in', part)
        .where('state', '=', 'dead')
        .returning('id')
        .execute()
      dismissed.push(...rows.map(({ id }) => id))
    }
    return dismissed.sort((a, b) => a - b)
  })
}
