/**
 * Webhooks in a storm on a gateway that is killed with SIGKILL again and again while it sweeps: what was lost, doubled, forged,
 * and whether the graph then answers what the tools hold. Three seeds on each store: the embedded one, and two processes on
 * Postgres. Run: npx tsx test/bench/storm.ts [--quick] [--seed=<number>] [--store=sqlite|postgres]
 */
import { runStorm } from '../flows/storm/storm.ts'
import { isQuick, optionOf, short, sized, tell } from './figures.ts'
import { onEachStore } from './stores.ts'

const seed = optionOf('seed')
const seeds = seed !== null ? [Number(seed)] : isQuick ? [1] : [1, 2, 3]

await onEachStore(async (name, newDatabase) => {
  for (const one of seeds) await storm(name, one, await newDatabase?.())
})

async function storm(name: string, seed: number, databaseUrl?: string): Promise<void> {
  const report = await runStorm({
    deliveries: sized(20_000),
    kills: sized(50),
    seed,
    databaseUrl,
    tell: line => console.log(`  ${line}`),
  })
  const { lost, doubled, differences, oddities } = report
  for (const line of [...differences, ...oddities].slice(0, 20)) console.log(`  ${line}`)
  tell(
    'storm',
    `${name}, seed ${seed}: ${short(report.acknowledged)} acknowledged over ${report.kills} SIGKILLs in ${short(report.seconds)} s: ` +
      `${lost} lost, ${doubled} doubled, ${report.forged} forged effects, ${differences.length} differences`,
  )
  if (lost + doubled + report.forged + differences.length + oddities.length > 0) process.exitCode = 1
}
