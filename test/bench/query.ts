/**
 * How many warm queries over three roles are answered a second over HTTP, beside the same answer served as a text by
 * node's own server, in turns. Run: npx tsx test/bench/query.ts [--quick] [--profile=<folder>]
 */
import { Agent, request as send } from 'node:http'
import { z } from 'zod'
import { isQuick, machineMs, median, percentile, short, tell } from './figures.ts'
import { openStage, startActor, type Actor } from './stage.ts'

const connections = 16
const secondsEach = isQuick ? 0.5 : 3
const rounds = 3

const queries = [
  {
    name: 'one customer',
    query: `query { customer(id: "101") { id name phone email orders(first: 3) { nodes { id number status
      total { amount currency } } } jobs(first: 3) { nodes { id title status } } } }`,
  },
  {
    name: 'page of 20',
    query: `query { customers(first: 20) { nodes { id name email orders(first: 3) { nodes { id number status
      total { amount currency } } } jobs(first: 3) { nodes { id title status } } } pageInfo { hasNextPage endCursor } } }`,
  },
] as const

interface Measured {
  readonly perSecond: number
  readonly p99: number
  readonly cpuMs: number
}

const usage = z.object({ cpuMs: z.number() })
const profile = process.argv.find(argument => argument.startsWith('--profile='))?.slice('--profile='.length)
const stage = await openStage({ limits: 'none', profile })
try {
  for (const { name, query } of queries) {
    const body = JSON.stringify({ query })
    const agent = new Agent({ keepAlive: true, maxSockets: connections })
    const answer = await post(agent, `${stage.url}/graphql`, body)
    if (answer.includes('"errors"')) throw new Error(`the answer has errors: ${answer.slice(0, 500)}`)
    const plain = startActor('plain', { answer })
    try {
      const { url } = await plain.ask({}, z.object({ url: z.string() }))
      await load(agent, stage.gateway, stage.url, body, secondsEach)
      await load(agent, plain, url, body, secondsEach)
      const turns: { readonly ours: Measured; readonly bare: Measured }[] = []
      for (let round = 0; round < rounds; round += 1) {
        const ours = await load(agent, stage.gateway, stage.url, body, secondsEach)
        turns.push({ ours, bare: await load(agent, plain, url, body, secondsEach) })
      }
      tellTurns(name, answer.length, turns)
    } finally {
      agent.destroy()
      await plain.end()
    }
  }
} finally {
  await stage.close()
}

function tellTurns(
  name: string,
  bytes: number,
  turns: readonly { readonly ours: Measured; readonly bare: Measured }[],
): void {
  const of = (pick: (turn: (typeof turns)[number]) => number): string => short(median(turns.map(pick)))
  tell(
    'query',
    [
      `${name} (${bytes} bytes, ${connections} connections): ${of(({ ours }) => ours.perSecond)} a second,`,
      `p99 ${of(({ ours }) => ours.p99)} ms, CPU ${of(({ ours }) => ours.cpuMs)} ms a query;`,
      `as plain text ${of(({ bare }) => bare.perSecond)} a second, CPU ${of(({ bare }) => bare.cpuMs)} ms;`,
      `ratio ${of(({ ours, bare }) => bare.perSecond / ours.perSecond)}`,
    ].join(' '),
  )
}

/** Keeps every connection busy for the time. */
async function load(agent: Agent, server: Actor, url: string, body: string, seconds: number): Promise<Measured> {
  const cpu = async (): Promise<number> => (await server.ask({ ask: 'usage' }, usage)).cpuMs
  const cpuBefore = await cpu()
  const waits: number[] = []
  const beganMs = machineMs()
  const endMs = beganMs + seconds * 1000
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (machineMs() < endMs) {
        const sentMs = machineMs()
        await post(agent, `${url}/graphql`, body)
        waits.push(machineMs() - sentMs)
      }
    }),
  )
  const tookMs = machineMs() - beganMs
  const cpuMs = ((await cpu()) - cpuBefore) / waits.length
  return { perSecond: (waits.length * 1000) / tookMs, p99: percentile(waits, 0.99), cpuMs }
}

function post(agent: Agent, url: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const outgoing = send(url, { method: 'POST', agent, headers }, answer => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.once('error', reject)
      answer.once('end', () => {
        const text = Buffer.concat(chunks).toString()
        if (answer.statusCode === 200) resolve(text)
        else reject(new Error(`answered ${answer.statusCode ?? 0}: ${text.slice(0, 200)}`))
      })
    })
    outgoing.once('error', reject)
    outgoing.end(body)
  })
}
