/**
 * Three processes on Postgres behind a balancer, replaced one after the other in rounds while people ask, write and watch and
 * webhooks come: requests that failed, acknowledged webhooks that were lost, pushes that were missed.
 * Run: npx tsx test/bench/rolling.ts [--quick] [--seed=<number>]
 */
import { randomInt } from 'node:crypto'
import { reasons, runRolling } from '../flows/several/rolling.ts'
import { optionOf, short, sized, tell } from './figures.ts'
import { onPostgres } from './stores.ts'

const given = optionOf('seed')
const seed = given === null ? randomInt(2 ** 31) : Number(given)

await onPostgres(async newDatabase => {
  const report = await runRolling({
    databaseUrl: await newDatabase(),
    rounds: sized(10),
    seed,
    tell: line => console.log(`  ${line}`),
  })
  const { failed, lost, missed, differences, badEnds } = report
  for (const line of [...reasons(failed), ...missed, ...differences, ...badEnds].slice(0, 30)) console.log(`  ${line}`)
  tell(
    'rolling',
    `seed ${seed}: ${report.restarts} restarts in ${short(report.seconds)} s: ${failed.length} of ${short(report.requests)} requests failed, ` +
      `${lost} of ${short(report.acknowledged)} acknowledged webhooks lost, ${missed.length} pushes missed of ${short(report.frames)} frames over ` +
      `${report.reconnects} reconnects, ${differences.length} differences, ${badEnds.length} bad ends; longest end ${short(report.longestEndMs)} ms`,
  )
  if (failed.length + lost + missed.length + differences.length + badEnds.length > 0) process.exitCode = 1
})
