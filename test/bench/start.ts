/**
 * How long the demo takes from node's start to `/health/ready`, on a new store and on one that is there, and where the
 * time goes; beside node's and the TypeScript loader's own start. Run: npx tsx test/bench/start.ts [--quick]
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { isQuick, machineMs, median, short, tell } from './figures.ts'
import { freePort } from './stage.ts'

const runs = isQuick ? 2 : 5
const aimMs = 3000
const longestMs = 60_000
const demo = fileURLToPath(new URL('../demo.ts', import.meta.url))
const phases = fileURLToPath(new URL('processes/phases.ts', import.meta.url))
const packages = fileURLToPath(new URL('../../node_modules', import.meta.url))
/** Where the demo has its tools. */
const toolPorts = [4101, 4102, 4103]

const measured = z.object({ parts: z.array(z.object({ name: z.string(), ms: z.number() })) })

for (const port of toolPorts) {
  if (!(await isFree(port))) throw new Error(`port ${port} is taken: is a demo running? End it first.`)
}
const folder = mkdtempSync(join(tmpdir(), 'livegraph-bench-'))
try {
  // The demo keeps its data below the folder it is started in.
  symlinkSync(packages, join(folder, 'node_modules'))
  const anew: number[] = []
  const again: number[] = []
  const bare: number[] = []
  const loader: number[] = []
  const parts = new Map<string, number[]>()
  for (let run = 0; run < runs; run += 1) {
    bare.push(await timeOf(['-e', '0']))
    loader.push(await timeOf(['--import', 'tsx', '-e', '0']))
    rmSync(join(folder, '.data'), { recursive: true, force: true })
    anew.push(await startDemo())
    again.push(await startDemo())
    for (const { name, ms } of await phasesOf()) parts.set(name, [...(parts.get(name) ?? []), ms])
  }
  const least = Math.min(...anew)
  tell(
    'start',
    [
      `to ready on a new store: least ${short(least)}, median ${short(median(anew))} ms (aim ${aimMs});`,
      `on one that is there: ${short(Math.min(...again))}, ${short(median(again))} ms;`,
      `node alone ${short(median(bare))}, with its loader ${short(median(loader))} ms; ratio ${short(median(anew) / median(loader))}`,
    ].join(' '),
  )
  console.log(`  ${[...parts].map(([name, all]) => `${name} ${short(median(all))} ms`).join(', ')}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function startDemo(): Promise<number> {
  const port = await freePort()
  const beganMs = machineMs()
  const child = spawn(process.execPath, ['--import', 'tsx', demo, '--no-life'], {
    cwd: folder,
    env: { ...process.env, PORT: String(port), LOG_LEVEL: 'error' },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = endOf(child)
  try {
    while (!(await isReady(port))) {
      if (child.exitCode !== null) throw new Error('the demo has ended')
      if (machineMs() - beganMs > longestMs) throw new Error('the demo does not become ready')
      await wait(5)
    }
    return machineMs() - beganMs
  } finally {
    child.kill('SIGTERM')
    await ended
    // Its tools end by themselves, once they have written down what they hold.
    for (const tool of toolPorts) while (!(await isFree(tool))) await wait(20)
  }
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/health/ready`)).status === 200
  } catch {
    return false
  }
}

async function timeOf(options: readonly string[]): Promise<number> {
  const beganMs = machineMs()
  await endOf(spawn(process.execPath, options, { cwd: folder, stdio: 'ignore' }))
  return machineMs() - beganMs
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise(resolve => {
    child.once('exit', () => resolve())
  })
}

/** The same steps as at a start, one after the other, each with its time. */
async function phasesOf() {
  const child = spawn(process.execPath, ['--import', 'tsx', phases], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  await new Promise(resolve => child.once('close', resolve))
  return measured.parse(JSON.parse(Buffer.concat(chunks).toString())).parts
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
