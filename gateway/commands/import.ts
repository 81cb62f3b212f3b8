import { existsSync } from 'node:fs'
import { registry } from '../../subgraphs/registry.ts'
import { faultsText, readConfig, type GatewayConfig } from '../config.ts'
import { readArguments } from './arguments.ts'
import { askControl, controlPath } from '../control.ts'
import { openImporting } from '../importing.ts'
import { openLog } from '../log.ts'
import { openRuntime } from '../runtime.ts'

const systems = registry.map(({ system }) => system)

const help = `Usage: npm run import [-- options] [${systems.join('|')}]

Reads every record of the tools once and fills the links and the record index. It goes on where the last one was interrupted;
Ctrl-C interrupts. When the gateway is running, it does the work and this command shows how far it is.

Options:
  --restart  list everything anew; what is gone in the tool is deleted here
  --help     this text
`

const { positionals, values } = readArguments(help, {
  allowPositionals: true,
  options: { restart: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
})
const [system = null] = positionals
const restart = values.restart === true
const tell = (line: string): void => void process.stdout.write(`${line}\n`)
if (values.help === true) {
  process.stdout.write(help)
} else if (positionals.length > 1 || (system !== null && !systems.includes(system))) {
  process.stderr.write(`Expected none or one of ${systems.join(', ')}.\n\n${help}`)
  process.exitCode = 2
} else {
  if (existsSync('.env')) process.loadEnvFile('.env')
  const path = controlPath(process.env['STORE_URL'] ?? 'sqlite:.data/graph.db')
  const asked = path === null ? null : await askControl(path, { command: 'import', system, restart }, tell)
  process.exitCode = (asked ?? (await importHere())) === 'done' ? 0 : 1
}

/** No gateway is running: the work is done here. */
async function importHere(): Promise<'done' | 'failed'> {
  const read = readConfig(process.env, registry, { isExplorable: false, isTerminal: process.stdout.isTTY })
  if (!read.ok) {
    process.stderr.write(`${faultsText(read.faults)}\n`)
    return 'failed'
  }
  return importWith(read.config)
}

async function importWith(config: GatewayConfig): Promise<'done' | 'failed'> {
  const log = openLog(config.logLevel === 'info' ? 'warn' : config.logLevel, config.logFormat)
  const clock = { now: () => new Date() }
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort())
  process.once('SIGTERM', () => interrupted.abort())
  // Connections and timers of the road to a vendor keep no process alive, not even while an import waits for its turn.
  const alive = setInterval(() => undefined, 60_000)
  try {
    const runtime = await openRuntime(config, { log, clock, random: Math.random, child: fields => log.child(fields) })
    try {
      return await openImporting(runtime, { log, clock }).run({ system, restart, tell, signal: interrupted.signal })
    } finally {
      await runtime.close()
    }
  } catch (error) {
    log.error({ err: error }, 'the import cannot run')
    return 'failed'
  } finally {
    clearInterval(alive)
  }
}
