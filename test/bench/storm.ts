/**
 * Webhooks in a storm on a gateway that is killed with SIGKILL again and again: what was lost, doubled, forged, and whether
 * the graph then answers what the tools hold. Three seeds. Run: npx tsx test/bench/storm.ts [--quick]
 */
import { runStorm } from '../flows/storm.ts'
import { isQuick, short, sized, tell } from './figures.ts'

const seeds = isQuick ? [1] : [1, 2, 3]

for (const seed of seeds) {
  const report = await runStorm({
    deliveries: sized(20_000),
    kills: sized(50),
    seed,
    tell: line => console.log(`  ${line}`),
  })
  for (const difference of report.differences.slice(0, 20)) console.log(`  ${difference}`)
  tell(
    'storm',
    `seed ${seed}: ${short(report.acknowledged)} acknowledged over ${report.kills} SIGKILLs in ${short(report.seconds)} s: ` +
      `${report.lost} lost, ${report.doubled} doubled, ${report.forged} forged effects, ${report.differences.length} differences`,
  )
  const { lost, doubled, forged, differences } = report
  if (lost + doubled + forged + differences.length > 0) process.exitCode = 1
}
