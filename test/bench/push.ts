/**
 * How long a change takes from the webhook's POST to the frame at the client, with 1 and 1,000 subscribers; beside it
 * a server that does nothing but pass the value on, in the same run. Run: npx tsx test/bench/push.ts [--quick]
 * [--profile=<folder>] [name of a case ...]
 */
import { z } from 'zod'
import { isQuick, short, tell } from './figures.ts'
import { driven, latencies, type Latencies } from './processes/messages.ts'
import { openStage, startActor, type Actor, type Stage } from './stage.ts'

const seconds = isQuick ? 2 : 10
const aimMs = 100

/** HubSpot's budget is for so long, and a little more. */
const hubspotWindowMs = 11_000

interface Case {
  readonly name: string
  readonly subscribers: number
  /** Customers that are watched, in turn. */
  readonly watched: number
  /** Customers that change, in turn; the watched ones are among them. */
  readonly changing: number
  readonly perSecond: number
  readonly limits: 'vendor' | 'none'
}

const cases: readonly Case[] = [
  { name: 'one', subscribers: 1, watched: 1, changing: 1, perSecond: 100, limits: 'none' },
  { name: 'spread', subscribers: 1_000, watched: 200, changing: 200, perSecond: 100, limits: 'none' },
  { name: 'same', subscribers: 1_000, watched: 1, changing: 20, perSecond: 100, limits: 'none' },
  { name: 'hot', subscribers: 1_000, watched: 1, changing: 1, perSecond: 100, limits: 'none' },
  { name: 'limits', subscribers: 1_000, watched: 200, changing: 200, perSecond: 100, limits: 'vendor' },
]

const profile = process.argv.find(argument => argument.startsWith('--profile='))?.slice('--profile='.length)
const names = process.argv.slice(2).filter(argument => !argument.startsWith('--'))
let changes = 1

for (const one of cases) {
  if (names.length > 0 && !names.includes(one.name)) continue
  await run(one)
}

async function run(one: Case): Promise<void> {
  const stage = await openStage({ limits: one.limits, profile })
  const watchers = startActor('watchers', {})
  const plain = startActor('plain', {})
  try {
    const contacts = await stage.tools.ask({ ask: 'contacts' }, z.array(z.string()))
    const floorUrl = (await plain.ask({}, z.object({ url: z.string() }))).url
    const floor = await measure(one, contacts, stage, watchers, floorUrl)
    const before = await stage.usage()
    const ours = await measure(one, contacts, stage, watchers, stage.url)
    const after = await stage.usage()
    const states = await stage.gateway.ask(
      { ask: 'states' },
      z.array(z.object({ state: z.string(), entries: z.number() })),
    )
    const reads = await stage.tools.ask({ ask: 'served' }, z.array(z.unknown()))
    const webhooks = ours.posts
    tell(
      'push',
      [
        `${one.name}: ${one.subscribers} subscribers of ${one.watched}, ${one.perSecond} webhooks/s over ${one.changing}, limits ${one.limits}:`,
        `p50 ${short(ours.seen.p50)} ms, p99 ${short(ours.seen.p99)} ms (aim ${aimMs}), most ${short(ours.seen.most)} ms;`,
        `bare p50 ${short(floor.seen.p50)}, p99 ${short(floor.seen.p99)} ms; p99 ratio ${short(ours.seen.p99 / floor.seen.p99)};`,
        `frames ${ours.seen.frames}, missing ${ours.seen.missing}; POST p99 ${short(ours.postP99)} ms;`,
        `CPU ${short((after.cpuMs - before.cpuMs) / webhooks)} ms a webhook; ${reads.length} vendor requests; ${short(after.rssMiB)} MiB`,
      ].join(' '),
    )
    if (states.some(({ state }) => state !== 'done')) console.log(`states: ${JSON.stringify(states)}`)
    if (ours.refused > 0) console.log(`refused: ${ours.refused}`)
  } finally {
    await watchers.end()
    await plain.end()
    await stage.close()
  }
}

async function measure(
  { subscribers, watched, changing, perSecond, limits }: Case,
  contacts: readonly string[],
  stage: Stage,
  watchers: Actor,
  url: string,
): Promise<{ readonly seen: Latencies; readonly postP99: number; readonly posts: number; readonly refused: number }> {
  const customers = Array.from({ length: subscribers }, (_, at) => contacts[at % watched] ?? '')
  await watchers.ask({ ask: 'watch', url, customers }, z.literal(true))
  const drive = async (perSecondNow: number, forSeconds: number) => {
    const from = changes
    changes += perSecondNow * forSeconds
    const order = {
      ask: 'drive',
      url,
      customers: contacts.slice(0, changing),
      perSecond: perSecondNow,
      seconds: forSeconds,
      from,
    }
    return stage.tools.ask(order, driven)
  }
  // The first frames have read every watched customer by itself, out of the same budget.
  if (limits === 'vendor' && url === stage.url) await new Promise(resolve => setTimeout(resolve, hubspotWindowMs))
  // What a process does for the first time is not what is measured.
  await drive(perSecond, 1)
  await stage.gateway.ask({ ask: 'idle' }, z.literal(true))
  await stage.tools.ask({ ask: 'served' }, z.array(z.unknown()))
  const { sent, refused } = await drive(perSecond, seconds)
  await stage.gateway.ask({ ask: 'idle' }, z.literal(true))
  const seen = await settled(watchers, sent)
  await watchers.ask({ ask: 'leave' }, z.literal(true))
  const posts = sent.map(({ ms }) => ms).toSorted((a, b) => a - b)
  return { seen, postP99: posts[Math.floor(posts.length * 0.99)] ?? NaN, posts: sent.length, refused }
}

/** The last frames may still be on their way. */
async function settled(watchers: Actor, sent: readonly object[]): Promise<Latencies> {
  let seen = await watchers.ask({ ask: 'seen', sent }, latencies)
  for (let asked = 0; asked < 50 && seen.missing > 0; asked += 1) {
    const before = seen
    await new Promise(resolve => setTimeout(resolve, 200))
    seen = await watchers.ask({ ask: 'seen', sent }, latencies)
    if (asked > 10 && before.frames === seen.frames) break
  }
  return seen
}
