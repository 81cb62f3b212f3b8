import { registry } from '../../subgraphs/registry.ts'
import { askRunning, noGateway, tell, workAlone } from './alone.ts'
import { readArguments } from './arguments.ts'

const systems = registry.map(({ system }) => system)

const help = `Usage: npm run sweep [-- ${systems.join('|')}]

Asks the tools what changed since the last sweep, applies what no webhook reported, and checks whether the tools still send
webhooks here. The gateway must be running: it does the work, as it does every SWEEP_EVERY_SECONDS, and this command shows how
far it is. On Postgres this command does the work. Ctrl-C interrupts; the next sweep goes on from there.

Options:
  --help  this text
`

const { positionals, values } = readArguments(help, {
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
  const asked = await askRunning({ command: 'sweep', system })
  const end = asked === 'shared' ? await sweepHere() : asked
  if (end === 'none') process.stderr.write(`${noGateway()}\n`)
  process.exitCode = end === 'done' ? 0 : 1
}

/** On a store that processes share. */
function sweepHere(): Promise<'done' | 'failed'> {
  return workAlone('the sweep cannot run', async ({ config, runtime, log, clock, signal }) => {
    const [
      { openSecrets },
      { openImporting },
      { SettingsCheck },
      { openSweeping },
      { WebhooksCheck },
      { leaseMs, openProcessor },
      { releaseLeases },
    ] = await Promise.all([
      import('../operator/connect.ts'),
      import('../operator/importing.ts'),
      import('../operator/settings-check.ts'),
      import('../operator/sweeping.ts'),
      import('../operator/webhooks-check.ts'),
      import('../processor.ts'),
      import('../store/deliveries.ts'),
    ])
    const processor = openProcessor(runtime, { random: Math.random, log })
    const settings = new SettingsCheck(log)
    const importing = openImporting(runtime, { settings, log, clock })
    const { publicUrl } = config
    const sweeping = openSweeping(runtime, {
      importing,
      settings,
      processor,
      leaseMs,
      everyMs: null,
      webhooks: new WebhooksCheck({
        store: runtime.store,
        publicUrl,
        secrets: openSecrets(runtime, clock),
        log,
        clock,
      }),
      log,
      clock,
    })
    try {
      return await sweeping.run({ system, tell, signal })
    } finally {
      await processor.stop()
      await releaseLeases(runtime.store, runtime.worker, runtime.store.clock.now())
    }
  })
}
