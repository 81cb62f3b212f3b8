import { fork, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { toolUrls, usage, type Usage } from './processes/messages.ts'

/** A process of the bench that answers what it is asked. */
export interface Actor {
  ask<T>(what: object, answer: z.ZodType<T>): Promise<T>
  /** Resolves once the process has ended. */
  end(): Promise<void>
}

export interface Stage {
  readonly url: string
  readonly gateway: Actor
  /** All of them, the first among them. */
  readonly gateways: readonly { readonly url: string; readonly actor: Actor }[]
  readonly tools: Actor
  usage(): Promise<Usage>
  close(): Promise<void>
}

export interface StageOptions {
  /** `vendor`: as the vendors set them, on both sides; `none`: so high that nobody waits. */
  readonly limits: 'vendor' | 'none'
  readonly business?: { readonly customers: number; readonly orders: number; readonly jobs: number }
  /** An empty Postgres database; the embedded store when absent. */
  readonly databaseUrl?: string
  /** How many gateways share the database; one when absent. */
  readonly processes?: number
  /** What the gateways log at least; `warn` when absent. */
  readonly logLevel?: 'warn' | 'error'
  /** A folder for the gateway's CPU profile. */
  readonly profile?: string
}

const answered = z.union([
  z.object({ number: z.number(), answer: z.unknown() }),
  z.object({ number: z.number(), failed: z.string() }),
])

const longestAnswerMs = 180_000

/**
 * Gateway and tools, each a process of its own, as they run for real. The first import is done; webhooks are sent only
 * when the tools are asked to.
 */
export async function openStage({
  limits,
  business,
  databaseUrl,
  processes = 1,
  logLevel = 'warn',
  profile,
}: StageOptions): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'livegraph-bench-'))
  const ports = await Promise.all(Array.from({ length: processes }, freePort))
  const url = `http://127.0.0.1:${ports[0]}`
  const actors: Actor[] = []
  const close = async (): Promise<void> => {
    for (const actor of actors.toReversed()) await actor.end()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const tools = startActor('tools', { gateway: url, limits, business })
    actors.push(tools)
    const urls = await tools.ask({ ask: 'urls' }, toolUrls)
    const storeUrl = databaseUrl ?? `sqlite:${join(folder, 'graph.db')}`
    const gateways: { readonly url: string; readonly actor: Actor }[] = []
    for (const port of ports) {
      const actor = startActor('gateway', { port, publicUrl: url, storeUrl, limits, tools: urls, logLevel }, profile)
      actors.push(actor)
      gateways.push({ url: `http://127.0.0.1:${port}`, actor })
      await actor.ask({ ask: 'imported' }, z.literal(true))
    }
    const [first] = gateways
    if (first === undefined) throw new Error('expected a gateway at least')
    const gateway = first.actor
    return { url, gateway, gateways, tools, usage: () => gateway.ask({ ask: 'usage' }, usage), close }
  } catch (error) {
    await close()
    throw error
  }
}

export function startActor(name: string, options: object, profile?: string): Actor {
  const child = fork(new URL(`./processes/${name}.ts`, import.meta.url), {
    execArgv: ['--import', 'tsx', ...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`])],
    env: { ...process.env, BENCH_OPTIONS: JSON.stringify(options) },
  })
  const open = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>()
  let number = 0
  child.on('message', message => {
    const said = answered.safeParse(message)
    if (!said.success) return
    const asker = open.get(said.data.number)
    open.delete(said.data.number)
    if ('failed' in said.data) asker?.reject(new Error(`${name}: ${said.data.failed}`))
    else asker?.resolve(said.data.answer)
  })
  const ended = endOf(child)
  void ended.then(() => {
    for (const { reject } of open.values()) reject(new Error(`the process ${name} has ended`))
    open.clear()
  })
  return {
    ask(what, answer) {
      const own = (number += 1)
      return new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`${name} does not answer`)), longestAnswerMs)
        open.set(own, {
          resolve(value) {
            clearTimeout(late)
            const parsed = answer.safeParse(value)
            if (parsed.success) resolve(parsed.data)
            else reject(new Error(`${name} answered what was not expected: ${parsed.error.message}`))
          },
          reject(error) {
            clearTimeout(late)
            reject(error)
          },
        })
        child.send({ number: own, what })
      })
    },
    async end() {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise(resolve => {
    child.once('exit', () => resolve())
  })
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
