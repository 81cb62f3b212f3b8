import { existsSync } from 'node:fs'
import { registry } from '../../subgraphs/registry.ts'
import { readArguments } from './arguments.ts'
import { askControl, controlPath } from '../control.ts'

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
if (values.help === true) {
  process.stdout.write(help)
} else if (system === undefined || positionals.length > 1 || !systems.includes(system)) {
  process.stderr.write(`Expected one of ${systems.join(', ')}.\n\n${help}`)
  process.exitCode = 2
} else {
  if (existsSync('.env')) process.loadEnvFile('.env')
  const path = controlPath(process.env['STORE_URL'] ?? 'sqlite:.data/graph.db')
  const tell = (line: string): void => void process.stdout.write(`${line}\n`)
  const end = path === null ? null : await askControl(path, { command: 'connect', system }, tell)
  if (end === null) {
    process.stderr.write('No gateway is running on this store: start it first (npm start), then try again.\n')
  }
  process.exitCode = end === 'done' ? 0 : 1
}
