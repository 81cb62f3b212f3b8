import { lagsBehind } from '../../gateway/store/deliveries.ts'
import { dropWebhooks, type Signed } from './signing.ts'
import { startWorld, type Served, type World } from './world.ts'

/** The tools are silent from here on, and what they sent before was worked on. */
export async function quietWorld(environment: Readonly<Record<string, string>> = {}): Promise<World> {
  const world = await startWorld({ environment })
  await world.settled()
  dropWebhooks(world)
  return world
}

export async function post(to: Served, { path, headers, body }: Signed): Promise<number> {
  const response = await to.post(path, { headers, body })
  await response.arrayBuffer()
  return response.status
}

/** An entry whose news its vendor does not show, as most of those made by hand here, counts as done. */
export async function rows({ gateway }: World) {
  const { store } = gateway.runtime
  return store.read(async db => ({
    received: await db.selectFrom('received').select('id').execute(),
    entries: (
      await db
        .selectFrom('delivery_entries')
        .select(['id', 'state', 'attempts', 'error'])
        .orderBy('received_id')
        .orderBy('position')
        .execute()
    ).map(entry => (entry.error === lagsBehind ? { ...entry, state: 'done' as const } : entry)),
    changes: await db.selectFrom('changes').select(['sequence', 'kind', 'record_id']).orderBy('sequence').execute(),
  }))
}

export async function counts(world: World): Promise<readonly number[]> {
  const { received, entries, changes } = await rows(world)
  return [received.length, entries.length, changes.length]
}
