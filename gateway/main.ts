import { existsSync } from 'node:fs'
import inspector from 'node:inspector'
import { registry } from '../subgraphs/registry.ts'
import { readArguments } from './commands/arguments.ts'
import { faultsText, readConfig } from './config.ts'
import { startGateway, type Gateway } from './gateway.ts'
import { askedToEnd, drain } from './leaving.ts'
import { openLog } from './log.ts'
import { takeStray } from './stray.ts'
import { startWatchdog } from './watchdog.ts'

const help = `Usage: npm start [-- options]

Runs the gateway against the real tools. Settings come from the environment and from .env; .env.example explains each.

Options:
  --dev    for development: the page for exploring, introspection, other origins allowed
  --help   this text

Other commands: npm run connect, import, sweep, deliveries, subgraph, demo; each has --help
`

/** For the log's last lines. */
const exporterMs = 100

const { values } = readArguments(help, { options: { dev: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } })
if (values.help === true) {
  process.stdout.write(help)
} else {
  if (existsSync('.env')) process.loadEnvFile('.env')
  const read = readConfig(process.env, registry, {
    isExplorable: values.dev === true,
    isTerminal: process.stdout.isTTY,
  })
  if (read.ok) {
    await run(read.config)
  } else {
    process.stderr.write(`${faultsText(read.faults)}\n`)
    process.exitCode = 1
  }
}

async function run(config: Parameters<typeof startGateway>[0]): Promise<void> {
  const log = openLog(config.logLevel, config.logFormat)
  takeStray(log)
  if ((process.env['PUBLIC_URL'] ?? '') === '') {
    log.warn({ url: config.publicUrl }, 'PUBLIC_URL is not set: only a tool on this machine can send webhooks here')
  }
  const asked = askedToEnd(log)
  // A debugger halts the process without its being hung.
  const endWatch = inspector.url() === undefined ? startWatchdog() : () => undefined
  let gateway: Gateway
  try {
    gateway = await startGateway(config, { log })
  } catch (error) {
    log.error(`cannot start: ${error instanceof Error ? error.message : 'for a reason it does not say'}`)
    log.debug({ err: error }, 'where it failed')
    process.exitCode = 1
    endWatch()
    return
  }
  await drain(await asked, config.drainSeconds, () => gateway.retire())
  try {
    await gateway.close()
    log.info('stopped')
  } catch (error) {
    log.error({ err: error }, 'stopping failed')
    process.exitCode = 1
  } finally {
    endWatch()
    // What the exporter of traces still tries, after it was waited for, keeps no process alive.
    if (config.tracesUrl !== null) setTimeout(() => process.exit(), exporterMs).unref()
  }
}
