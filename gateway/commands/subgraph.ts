import { existsSync } from 'node:fs'
import { roles } from '../../schema/systems.ts'
import { registry } from '../../subgraphs/registry.ts'
import { faultsText, readConfig } from '../config.ts'
import { askedToEnd, drain } from '../leaving.ts'
import { openLog } from '../log.ts'
import { takeStray } from '../stray.ts'
import { startSubgraph } from '../subgraph/serve.ts'
import { readArguments } from './arguments.ts'

const help = `Usage: npm run subgraph -- ${roles.join('|')}

Serves one role as a Federation 2 subgraph at http://HOST:PORT/graphql, for any gateway that signs its requests with
SUBGRAPH_SECRETS; docs/production.md says how. On Postgres only, where it follows the log of Changes. Of the tools' settings it
needs those of the one that plays the role; billing also the CRM's, to create orders.

Options:
  --help  this text
`

const { positionals, values } = readArguments(help, {
  allowPositionals: true,
  options: { help: { type: 'boolean', short: 'h' } },
})
const role = roles.find(one => one === positionals[0])
if (values.help === true) {
  process.stdout.write(help)
} else if (role === undefined || positionals.length > 1) {
  process.stderr.write(`Expected one of ${roles.join(', ')}.\n\n${help}`)
  process.exitCode = 2
} else {
  if (existsSync('.env')) process.loadEnvFile('.env')
  const isTerminal = process.stdout.isTTY
  const read = readConfig(process.env, registry, { isExplorable: false, isTerminal, alone: role })
  if (read.ok) await run(read.config)
  else {
    process.stderr.write(`${faultsText(read.faults)}\n`)
    process.exitCode = 1
  }

  async function run(config: Parameters<typeof startSubgraph>[0]): Promise<void> {
    if (role === undefined) return
    const log = openLog(config.logLevel, config.logFormat)
    takeStray(log)
    const asked = askedToEnd(log)
    try {
      const subgraph = await startSubgraph(config, { role, log })
      log.info({ role, url: `http://${config.host}:${subgraph.port}/graphql` }, 'the subgraph is served')
      await drain(await asked, config.drainSeconds, () => subgraph.retire())
      await subgraph.close()
      log.info({}, 'stopped')
    } catch (error) {
      log.error(`cannot go on: ${error instanceof Error ? error.message : 'for a reason it does not say'}`)
      log.debug({ err: error }, 'where it failed')
      process.exitCode = 1
    }
  }
}
