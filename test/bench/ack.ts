/**
 * How soon a webhook is acknowledged, which is when it is durable: at 500 a second while they are worked on, and in a burst of
 * 2,000 a second while 100,000 wait and no tool answers; beside a server that stores nothing, in the same run.
 * On the embedded store and on Postgres. Run: npx tsx test/bench/ack.ts [--quick] [--store=sqlite|postgres]
 * [--profile=<folder>] [name of a case ...]
 */
import { z } from 'zod'
import { isQuick, optionOf, percentile, short, sized, tell } from './figures.ts'
import { driven } from './processes/messages.ts'
import { openStage, startActor, type Stage } from './stage.ts'
import { onEachStore } from './stores.ts'

interface Case {
  readonly name: string
  readonly perSecond: number
  readonly seconds: number
  /** Deliveries that wait already while no tool answers; null when everything works. */
  readonly waiting: number | null
}

const cases: readonly Case[] = [
  { name: 'steady', perSecond: 500, seconds: isQuick ? 3 : 20, waiting: null },
  { name: 'burst', perSecond: 2_000, seconds: isQuick ? 2 : 10, waiting: sized(100_000) },
]

let changes = 1

const names = process.argv.slice(2).filter(argument => !argument.startsWith('--'))

await onEachStore(async (store, newDatabase) => {
  for (const one of cases) {
    if (names.length === 0 || names.includes(one.name)) await run(one, store, await newDatabase?.())
  }
})

async function run(one: Case, store: string, databaseUrl?: string): Promise<void> {
  const stage = await openStage({ limits: 'none', databaseUrl, profile: optionOf('profile') ?? undefined })
  const plain = startActor('plain', {})
  try {
    const { url } = await plain.ask({}, z.object({ url: z.string() }))
    await drive(stage, url, { ...one, seconds: 1 })
    const bare = await drive(stage, url, one)
    await drive(stage, stage.url, { ...one, perSecond: 100, seconds: 2 })
    if (one.waiting !== null) {
      await stage.tools.ask({ ask: 'hang' }, z.literal(true))
      await stage.gateway.ask({ ask: 'fill', deliveries: one.waiting }, z.literal(true))
    }
    const ours = await drive(stage, stage.url, one)
    tell(
      'ack',
      [
        `${store}, ${one.name}: ${short(one.perSecond)} a second for ${one.seconds} s${one.waiting === null ? '' : `, ${short(one.waiting)} waiting, no tool answers`}:`,
        `p50 ${short(ours.p50)} ms (aim 10), p99 ${short(ours.p99)} ms (aim 100), most ${short(ours.most)}; ${ours.refused} of ${short(ours.posts)} refused;`,
        `bare p50 ${short(bare.p50)}, p99 ${short(bare.p99)}; p99 ratio ${short(ours.p99 / bare.p99)}; ${short((await stage.usage()).rssMiB)} MiB`,
      ].join(' '),
    )
  } finally {
    await plain.end()
    await stage.close()
  }
}

async function drive(stage: Stage, url: string, { perSecond, seconds }: Pick<Case, 'perSecond' | 'seconds'>) {
  const customers = await stage.tools.ask({ ask: 'contacts' }, z.array(z.string()))
  const from = changes
  changes += perSecond * seconds
  const { sent, refused } = await stage.tools.ask({ ask: 'drive', url, customers, perSecond, seconds, from }, driven)
  const ms = sent.map(one => one.ms)
  return {
    posts: sent.length,
    refused,
    p50: percentile(ms, 0.5),
    p99: percentile(ms, 0.99),
    most: Math.max(...ms),
  }
}
