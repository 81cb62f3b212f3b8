/**
 * How long HubSpot's changes take to their subscribers while the other tools misbehave: they answer nobody, or one of them sends
 * far more webhooks than its own limits let us read. Beside the same while all is well, in the same run.
 * On the embedded store and on Postgres. Run: npx tsx test/bench/lag.ts [--quick] [--store=sqlite|postgres] [name of a case ...]
 */
import { z } from 'zod'
import { short, sized, tell } from './figures.ts'
import { driven, latencies, type Latencies } from './processes/messages.ts'
import { openStage, startActor, type Actor, type Stage } from './stage.ts'
import { onEachStore } from './stores.ts'

const aimMs = 2_000
const seconds = sized(30, 5)
const perSecond = 10
const watched = 50

interface Case {
  readonly name: string
  /** They answer nobody. */
  readonly hang: readonly string[]
  /** Webhooks that Stripe sends meanwhile; it may be read 25 times a second. */
  readonly flood: number
}

const cases: readonly Case[] = [
  { name: 'hangs', hang: ['stripe', 'asana'], flood: 20 },
  { name: 'floods', hang: [], flood: 300 },
]

const names = process.argv.slice(2).filter(argument => !argument.startsWith('--'))
let changes = 1

await onEachStore(async (store, newDatabase) => {
  for (const one of cases) {
    if (names.length === 0 || names.includes(one.name)) await run(one, store, await newDatabase?.())
  }
})

async function run({ name, hang, flood }: Case, store: string, databaseUrl?: string): Promise<void> {
  const stage = await openStage({ limits: 'vendor', databaseUrl, logLevel: 'error' })
  const watchers = startActor('watchers', {})
  try {
    const contacts = await stage.tools.ask({ ask: 'contacts' }, z.array(z.string()))
    const customers = contacts.slice(0, watched)
    await watchers.ask({ ask: 'watch', url: stage.url, customers }, z.literal(true))
    await drive(stage, watchers, customers)
    const well = await drive(stage, watchers, customers)
    if (hang.length > 0) await stage.tools.ask({ ask: 'hang', tools: hang }, z.literal(true))
    const flooding = stage.tools.ask({ ask: 'flood', secret: 'whsec_bench', perSecond: flood, seconds }, z.number())
    const ill = await drive(stage, watchers, customers)
    const refused = await flooding
    tell(
      'lag',
      [
        `${store}, ${name}: ${perSecond} webhooks/s of HubSpot for ${seconds} s beside ${flood} of Stripe${hang.length > 0 ? `, ${hang.join(' and ')} answering nobody` : ''}:`,
        `frame p50 ${short(ill.p50)} ms, p99 ${short(ill.p99)} ms (aim ${aimMs}), most ${short(ill.most)}, missing ${ill.missing} of ${ill.count + ill.missing};`,
        `while all is well p50 ${short(well.p50)}, p99 ${short(well.p99)}; p99 ratio ${short(ill.p99 / well.p99)}; refused ${refused}`,
      ].join(' '),
    )
    if (ill.missing > 0) process.exitCode = 1
  } finally {
    await watchers.end()
    await stage.close()
  }
}

async function drive(stage: Stage, watchers: Actor, customers: readonly string[]): Promise<Latencies> {
  const from = changes
  changes += perSecond * seconds
  const { sent } = await stage.tools.ask({ ask: 'drive', url: stage.url, customers, perSecond, seconds, from }, driven)
  let seen = await watchers.ask({ ask: 'seen', sent }, latencies)
  for (let asked = 0; asked < 50 && seen.missing > 0; asked += 1) {
    await new Promise(resolve => setTimeout(resolve, 200))
    seen = await watchers.ask({ ask: 'seen', sent }, latencies)
  }
  return seen
}
