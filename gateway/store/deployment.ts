import { randomBytes } from 'node:crypto'
import type { Store } from './store.ts'

const name = 'deployment'

/**
 * Names what works on this store, the same for every process and for as long as the store lasts: 12 hexadecimal digits, made when
 * it is first asked for. No setting decides it, for settings change while a write is unfinished.
 * @throws StoreError
 */
export function readDeployment(store: Store): Promise<string> {
  return store.write(async tx => {
    await tx
      .insertInto('meta')
      .values({ name, value: randomBytes(6).toString('hex') })
      .onConflict(on => on.column('name').doNothing())
      .execute()
    const { value } = await tx.selectFrom('meta').select('value').where('name', '=', name).executeTakeFirstOrThrow()
    return value
  })
}
