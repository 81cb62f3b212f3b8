import { existsSync } from 'node:fs'
import { registry } from '../../subgraphs/registry.ts'
import { askRunning, noGateway, tell, workAlone } from './alone.ts'
import { readArguments } from './arguments.ts'

const systems = registry.map(({ system }) => system)

/** The tools whose webhooks are set up by files that are uploaded. */
const withProject = registry.flatMap(({ system, project }) => (project === undefined ? [] : [system]))

/** A new address or subscription is in use at HubSpot after five minutes. Source: HubSpot developer documentation, webhooks. */
const defaultWaitSeconds = 600

const help = `Usage: npm run connect -- ${systems.join('|')} [options]

Tries the credentials, registers with the tool the webhooks that can be registered by API, keeps their secrets, lists what is
missing and prints the steps that are left for you. The gateway must be running: it answers the tool's handshake. Where only a
genuine webhook proves that all is right, it asks you to cause one and waits for it.

Options:
  --out <folder>    ${withProject.join(', ')}: writes the project that the tool's own command line uploads, and says how; no call,
                    needs PUBLIC_URL and no credentials. A folder that it wrote before is brought up to date
  --wait <seconds>  how long to wait for a webhook; 0 for not at all, ${defaultWaitSeconds} when not given
  --help            this text
`

const { positionals, values } = readArguments(help, {
  allowPositionals: true,
  options: { out: { type: 'string' }, wait: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
})
const [system] = positionals
const waitSeconds = values.wait === undefined ? defaultWaitSeconds : Number(values.wait)
if (values.help === true) process.stdout.write(help)
else if (system === undefined || positionals.length > 1 || !systems.includes(system)) {
  refuse(`Expected one of ${systems.join(', ')}.`)
} else if (values.out !== undefined) {
  if (values.wait !== undefined) refuse('--wait cannot be given with --out, which waits for nothing.')
  else if (!withProject.includes(system)) {
    refuse(
      `${system} needs no project: npm run connect -- ${system} registers its webhooks. --out is for ${withProject.join(', ')}.`,
    )
  } else process.exitCode = (await writeProject(system, values.out)) === 'done' ? 0 : 1
} else if (!/^\d{1,5}$/.test(values.wait ?? '0')) {
  refuse('--wait: expected a number of seconds, 0 or more.')
} else {
  const asked = await askRunning({ command: 'connect', system, waitSeconds })
  const end = asked === 'shared' ? await connectHere(system) : asked
  if (end === 'none') process.stderr.write(`${noGateway()}\n`)
  process.exitCode = end === 'done' ? 0 : 1
}

function refuse(fault: string): void {
  process.stderr.write(`${fault}\n\n${help}`)
  process.exitCode = 2
}

async function writeProject(asked: string, out: string): Promise<'done' | 'failed'> {
  if (existsSync('.env')) process.loadEnvFile('.env')
  const project = registry.find(one => one.system === asked)?.project
  if (project === undefined || out === '') {
    process.stderr.write('--out: expected a folder.\n')
    return 'failed'
  }
  const { writeProjectFolder } = await import('../operator/project-folder.ts')
  const publicUrl = process.env['PUBLIC_URL']?.trim()
  const written = writeProjectFolder(project, { out, publicUrl: publicUrl === '' ? undefined : publicUrl })
  const text = `${written.lines.join('\n')}\n`
  if (written.end === 'done') process.stdout.write(text)
  else process.stderr.write(text)
  return written.end
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
    return connectSystem(runtime, { system: asked, waitSeconds, publicUrl, secrets, webhooks, tell, signal })
  })
}
