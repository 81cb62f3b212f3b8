import { registry } from '../../subgraphs/registry.ts'
import { askRunning, tell, workAlone } from './alone.ts'
import { readArguments } from './arguments.ts'

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
if (values.help === true) {
  process.stdout.write(help)
} else if (positionals.length > 1 || (system !== null && !systems.includes(system))) {
  process.stderr.write(`Expected none or one of ${systems.join(', ')}.\n\n${help}`)
  process.exitCode = 2
} else {
  const asked = await askRunning({ command: 'import', system, restart })
  process.exitCode = (asked === 'none' || asked === 'shared' ? await importHere() : asked) === 'done' ? 0 : 1
}

function importHere(): Promise<'done' | 'failed'> {
  return workAlone('the import cannot run', async ({ runtime, log, clock, signal }) => {
    const [{ openImporting }, { SettingsCheck }] = await Promise.all([
      import('../operator/importing.ts'),
      import('../operator/settings-check.ts'),
    ])
    return openImporting(runtime, { settings: new SettingsCheck(log), log, clock }).run({
      system,
      restart,
      tell,
      signal,
    })
  })
}
