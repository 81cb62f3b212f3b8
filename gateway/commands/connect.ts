import { registry } from '../../subgraphs/registry.ts'
import { askRunning, tell, workAlone } from './alone.ts'
import { readArguments } from './arguments.ts'

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
  const asked = await askRunning({ command: 'connect', system })
  const end = asked === 'shared' ? await connectHere(system) : asked
  if (end === 'none') {
    process.stderr.write('No gateway is running on this store: start it first (npm start), then try again.\n')
  }
  process.exitCode = end === 'done' ? 0 : 1
}

/** On a store that processes share: any of those that run answers the handshake. */
function connectHere(asked: string): Promise<'done' | 'failed'> {
  return workAlone('the webhooks cannot be registered', async ({ config, runtime, log, clock, signal }) => {
    const [{ connectSystem, openSecrets }, { WebhooksCheck }] = await Promise.all([
      import('../operator/connect.ts'),
      import('../operator/webhooks-check.ts'),
    ])
    const secrets = openSecrets(runtime, clock)
    const { publicUrl } = config
    const webhooks = new WebhooksCheck({ store: runtime.store, publicUrl, secrets, log, clock })
    return connectSystem(runtime, { system: asked, publicUrl, secrets, webhooks, tell, signal })
  })
}
