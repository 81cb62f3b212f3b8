import { expect, onTestFinished, vi } from 'vitest'
import { createDatabase, type Database } from '../../postgres/database.ts'
import { dropWebhooks, vendors, type Vendor } from '../signing.ts'
import { startWorld, type Frames, type World, type WorldOptions } from '../world.ts'

/** A world on a database of its own. The tools send nothing by themselves; more gateways may join. */
export async function sharedWorld(
  options: WorldOptions = {},
): Promise<{ readonly world: World; readonly database: Database }> {
  const database = await createDatabase()
  // Registered first, so it comes last: the gateways end before their database does.
  onTestFinished(() => database.drop())
  const world = await startWorld({ ...options, storeUrl: database.url })
  await world.settled()
  dropWebhooks(world)
  return { world, database }
}

export function vendorOf(system: string): Vendor {
  const vendor = vendors.find(one => one.system === system)
  if (vendor === undefined) throw new Error(`there is no vendor ${system}`)
  return vendor
}

/** Resolves once nothing stored is due, in whichever process. */
export async function worked({ gateway }: World, timeout = 20_000): Promise<void> {
  const { store } = gateway.runtime
  await vi.waitFor(
    async () => {
      const due = await store.read(db =>
        db.selectFrom('delivery_entries').select(['id', 'error', 'lease_by']).where('state', '=', 'due').execute(),
      )
      expect(due).toEqual([])
    },
    { timeout, interval: 50 },
  )
}

/** The frames up to the first in which the text stands. */
export async function frameWith(frames: Frames, text: string): Promise<readonly string[]> {
  const seen: string[] = []
  for (;;) {
    seen.push(JSON.stringify(await frames.next()))
    if (seen.at(-1)?.includes(text) === true) return seen
  }
}
