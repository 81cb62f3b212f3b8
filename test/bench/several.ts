/**
 * Three processes on one Postgres: how long a webhook at the first takes to the frame of a subscriber of the second, and to the first
 * answer of the third that shows it; beside a subscriber of the first, in the same run. Then the same while the connections
 * that listen are cut off a hundred times. Run: npx tsx test/bench/several.ts [--quick]
 * [--rate=<webhooks a second>] [name of a case ...]
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Client } from 'pg'
import { z } from 'zod'
import { optionOf, short, sized, tell } from './figures.ts'
import { driven, latencies, type Latencies } from './processes/messages.ts'
import { openStage, startActor, type Actor, type Stage } from './stage.ts'
import { onPostgres } from './stores.ts'

const aimMs = 250
const perSecond = Number(optionOf('rate') ?? 50)
const seconds = sized(30)
const changing = 100
/** Customers that people ask for again and again. */
const polled = 2
const pauseMs = 20

const cases = [
  { name: 'steady', cuts: 0 },
  { name: 'cut', cuts: sized(100) },
] as const

const names = process.argv.slice(2).filter(argument => !argument.startsWith('--'))
let changes = 1

await onPostgres(async newDatabase => {
  const databaseUrl = await newDatabase()
  const stage = await openStage({ limits: 'none', databaseUrl, processes: 3, logLevel: 'error' })
  const [here, there, asking] = [startActor('watchers', {}), startActor('watchers', {}), startActor('watchers', {})]
  try {
    for (const one of cases) {
      if (names.length > 0 && !names.includes(one.name)) continue
      await run(one, stage, { here, there, asking }, databaseUrl)
    }
  } finally {
    for (const actor of [here, there, asking]) await actor.end()
    await stage.close()
  }
})

async function run(
  { name, cuts }: (typeof cases)[number],
  stage: Stage,
  { here, there, asking }: Readonly<Record<'here' | 'there' | 'asking', Actor>>,
  databaseUrl: string,
): Promise<void> {
  const contacts = await stage.tools.ask({ ask: 'contacts' }, z.array(z.string()))
  const customers = contacts.slice(0, changing)
  const [first, second, third] = stage.gateways
  if (first === undefined || second === undefined || third === undefined) throw new Error('expected three processes')
  await here.ask({ ask: 'watch', url: first.url, customers }, z.literal(true))
  await there.ask({ ask: 'watch', url: second.url, customers }, z.literal(true))
  await asking.ask({ ask: 'poll', url: third.url, customers: customers.slice(0, polled), pauseMs }, z.literal(true))
  const drive = (forSeconds: number) => {
    const from = changes
    changes += perSecond * forSeconds
    return stage.tools.ask({ ask: 'drive', url: stage.url, customers, perSecond, seconds: forSeconds, from }, driven)
  }
  // What a process does for the first time is not what is measured; the first sweep comes ten seconds after a start.
  await drive(12)
  const cutting = cutOff(databaseUrl, cuts, (seconds * 1000) / Math.max(1, cuts))
  const { sent, refused } = await drive(seconds)
  const { ended } = await cutting
  for (const { actor } of stage.gateways) await actor.ask({ ask: 'idle' }, z.literal(true))
  const told = async (actor: Actor): Promise<Latencies> => {
    let seen = await actor.ask({ ask: 'seen', sent }, latencies)
    for (let asked = 0; asked < 50 && seen.missing > 0; asked += 1) {
      await wait(200)
      seen = await actor.ask({ ask: 'seen', sent }, latencies)
    }
    return seen
  }
  const [own, pushed, answered] = [await told(here), await told(there), await told(asking)]
  tell(
    'several',
    [
      `${name}: ${perSecond} webhooks/s for ${seconds} s at one of three processes${cuts === 0 ? '' : `, listening cut off ${cuts} times (${ended} connections)`}:`,
      `frame at another p50 ${short(pushed.p50)} ms, p99 ${short(pushed.p99)} ms (aim ${aimMs}), most ${short(pushed.most)};`,
      `fresh answer of a third p50 ${short(answered.p50)} ms, p99 ${short(answered.p99)} ms (aim ${aimMs}), most ${short(answered.most)};`,
      `frame at the same p50 ${short(own.p50)}, p99 ${short(own.p99)} ms, p99 ratio ${short(pushed.p99 / own.p99)};`,
      `missing ${own.missing + pushed.missing + answered.missing} of ${own.count + pushed.count + answered.count}, refused ${refused}`,
    ].join(' '),
  )
  if (own.missing + pushed.missing + answered.missing + refused > 0) process.exitCode = 1
  for (const actor of [here, there, asking]) await actor.ask({ ask: 'leave' }, z.literal(true))
}

/** Ends the connections that listen so many times, with so long between. */
async function cutOff(databaseUrl: string, times: number, everyMs: number): Promise<{ readonly ended: number }> {
  if (times === 0) return { ended: 0 }
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  let ended = 0
  try {
    for (let time = 0; time < times; time += 1) {
      const { rowCount } = await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'livegraph listen' and datname = current_database()`,
      )
      ended += rowCount ?? 0
      await wait(everyMs)
    }
  } finally {
    await client.end()
  }
  return { ended }
}
