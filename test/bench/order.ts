/**
 * 1,000 objects that are made, changed, and deleted or merged while their webhooks come in any order: how many end as their tool has
 * them. Three seeds on each store. Run: npx tsx test/bench/order.ts [--quick] [--seed=<number>] [--store=sqlite|postgres]
 */
import { runInAnyOrder } from '../flows/storm/any-order.ts'
import { isQuick, optionOf, short, sized, tell } from './figures.ts'
import { onEachStore } from './stores.ts'

const seed = optionOf('seed')
const seeds = seed !== null ? [Number(seed)] : isQuick ? [1] : [1, 2, 3]

await onEachStore(async (name, newDatabase) => {
  for (const one of seeds) await run(name, one, await newDatabase?.())
})

async function run(name: string, seed: number, databaseUrl?: string): Promise<void> {
  const report = await runInAnyOrder({
    objects: sized(1_000),
    seed,
    databaseUrl,
    tell: line => console.log(`  ${line}`),
  })
  const { objects, deleted, merged, deliveries, differences, dead } = report
  for (const line of differences.slice(0, 20)) console.log(`  ${line}`)
  const wrong = new Set(differences.map(line => line.split(':')[0])).size
  tell(
    'order',
    `${name}, seed ${seed}: ${short(objects - wrong)} of ${short(objects)} objects end right, ${short(deleted)} of them deleted and ${short(merged)} merged, ` +
      `${short(deliveries)} webhooks in any order, ${dead} dead, ${short(report.seconds)} s`,
  )
  if (differences.length + dead > 0) process.exitCode = 1
}
