import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { registry } from '../../subgraphs/registry.ts'
import { askControl, controlPath } from '../control.ts'

const systems = registry.map(({ system }) => system)

const help = `Usage: npm run sweep [-- ${systems.join('|')}]

Asks the tools what changed since the last sweep, and has what no webhook told worked on like what one tells. Looks as well
whether the tools still send webhooks here. The gateway must be running: it does the work, as it does every
SWEEP_EVERY_SECONDS; this command shows how far it is. Ctrl-C interrupts; the next sweep goes on from there.

Options:
  --help  this text
`

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { help: { type: 'boolean', short: 'h' } },
})
const [system = null] = positionals
if (values.help === true) {
  process.stdout.write(help)
} else if (positionals.length > 1 || (system !== null && !systems.includes(system))) {
  process.stderr.write(`Expected none or one of ${systems.join(', ')}.\n\n${help}`)
  process.exitCode = 2
} else {
  if (existsSync('.env')) process.loadEnvFile('.env')
  const path = controlPath(process.env['STORE_URL'] ?? 'sqlite:.data/graph.db')
  const tell = (line: string): void => void process.stdout.write(`${line}\n`)
  const end = path === null ? null : await askControl(path, { command: 'sweep', system }, tell)
  if (end === null) {
    process.stderr.write('No gateway is running on this store: start it first (npm start), then try again.\n')
  }
  process.exitCode = end === 'done' ? 0 : 1
}
