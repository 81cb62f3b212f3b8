import { existsSync } from 'node:fs'
import { registry } from '../../subgraphs/registry.ts'
import { readArguments } from './arguments.ts'
import { faultsText, readConfig } from '../config.ts'
import { connectSystem, openSecrets } from '../connect.ts'
import { askControl, controlPath } from '../control.ts'
import { openLog } from '../log.ts'
import { openRuntime } from '../runtime.ts'

const systems = registry.map(({ system }) => system)

const help = `Usage: npm run connect -- ${systems.join('|')}

Registers with the tool the webhooks that can be registered by API, keeps their secrets, lists what is missing and prints the
steps that are left for you. The gateway must be running: it answers the tool's handshake.
`

const { positionals, values } = readArguments(help, {
  allowPositionals: true,
  options: { help: { type: 'boolean', short: 'h' } },
})
const [system] = positionals
const tell = (line: string): void => void process.stdout.write(`${line}\n`)
if (values.help === true) {
  process.stdout.write(help)
} else if (system === undefined || positionals.length > 1 || !systems.includes(system)) {
  process.stderr.write(`Expected one of ${systems.join(', ')}.\n\n${help}`)
  process.exitCode = 2
} else {
  if (existsSync('.env')) process.loadEnvFile('.env')
  const path = controlPath(process.env['STORE_URL'] ?? 'sqlite:.data/graph.db')
  const end = path === null ? await connectHere(system) : await askControl(path, { command: 'connect', system }, tell)
  if (end === null) {
    process.stderr.write('No gateway is running on this store: start it first (npm start), then try again.\n')
  }
  process.exitCode = end === 'done' ? 0 : 1
}

/** On a store that processes share: any of those that run answers the handshake. */
async function connectHere(asked: string): Promise<'done' | 'failed'> {
  const read = readConfig(process.env, registry, { isExplorable: false, isTerminal: process.stdout.isTTY })
  if (!read.ok) {
    process.stderr.write(`${faultsText(read.faults)}\n`)
    return 'failed'
  }
  const { config } = read
  const log = openLog(config.logLevel === 'info' ? 'warn' : config.logLevel, config.logFormat)
  const clock = { now: () => new Date() }
  try {
    const runtime = await openRuntime(config, { log, clock, random: Math.random, child: fields => log.child(fields) })
    try {
      const secrets = openSecrets(runtime, clock)
      const { signal } = new AbortController()
      return await connectSystem(runtime, { system: asked, publicUrl: config.publicUrl, secrets, tell, signal })
    } finally {
      await runtime.close()
    }
  } catch (error) {
    log.error({ err: error }, 'the webhooks cannot be registered')
    return 'failed'
  }
}
