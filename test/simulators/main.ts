import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { deserialize, serialize } from 'node:v8'
import { z } from 'zod'
import { startSimulators, type SimulatorSeeds, type Simulators } from './start.ts'

/**
 * The three stand-ins as a process of their own, until whoever started it lets go, or Ctrl-C where a person did. Told by the
 * environment: SIMULATORS_PORTS (JSON), SIMULATORS_WEBHOOK_BASE, SIMULATORS_DATA (a file), SIMULATORS_LIFE (on, off),
 * SIMULATORS_RESET (yes, no). Their life begins with the first message: then there is somebody to hear of it. A person has none
 * unless SIMULATORS_LIFE is on.
 */
const help = `Usage: npm run simulators

Runs stand-ins of HubSpot, Stripe and Asana until Ctrl-C, and prints the settings by which npm start and npm run dev work with them.

SIMULATORS_PORTS         {"hubspot":4101,"stripe":4102,"asana":4103}
SIMULATORS_WEBHOOK_BASE  where their webhooks go: http://127.0.0.1:4000
SIMULATORS_DATA          the file that keeps what they hold: .data/tools
SIMULATORS_RESET         yes begins with the business as it was first made
SIMULATORS_LIFE          on lets something happen every few seconds
`

const { env } = process
const file = env['SIMULATORS_DATA'] ?? '.data/tools'
const saveEveryMs = 2000

/** Written by this very file, so the version says it all. */
const kept = z.object({ version: z.literal(1), seeds: z.custom<SimulatorSeeds>() })

const portNumbers = z.record(z.string(), z.number())

/** Whoever started this may be gone before it hears it. */
const say = (message: object): void => void process.send?.(message, undefined, undefined, () => undefined)
const isForked = process.send !== undefined

// The terminal's Ctrl-C is for whoever started this.
if (isForked) process.on('SIGINT', () => undefined)

if (isHelpAsked()) process.stdout.write(help)
else await run()

async function run(): Promise<void> {
  try {
    const simulators = await startSimulators({
      ports: readPorts(env['SIMULATORS_PORTS'] ?? '{"hubspot":4101,"stripe":4102,"asana":4103}'),
      webhookBase: env['SIMULATORS_WEBHOOK_BASE'],
      secrets: { hubspot: 'demo-hubspot-secret', stripe: 'whsec_demo' },
      seeds: env['SIMULATORS_RESET'] === 'yes' ? undefined : load(),
      hasExamples: true,
      openDoor: true,
      // Not the same life after each start.
      lifeSeed: Date.now(),
      tell: line => (isForked ? say({ happened: line }) : process.stdout.write(`${line}\n`)),
    })
    // What happens before anybody listens would be told a minute later, and hold up all that follows it.
    process.once('message', () => {
      if (env['SIMULATORS_LIFE'] !== 'off') simulators.life.start()
    })
    const saving = setInterval(() => save(simulators), saveEveryMs)
    const end = async (): Promise<void> => {
      clearInterval(saving)
      save(simulators)
      await simulators.close()
      process.exit(0)
    }
    process.once('disconnect', () => void end())
    process.once('SIGTERM', () => void end())
    if (!isForked) process.once('SIGINT', () => void end())
    // Let go of while it started, it was not there to hear it.
    if (isForked && !process.connected) void end()
    else say({ ready: true })
    if (!isForked) {
      process.stdout.write(settingsText(simulators))
      if (env['SIMULATORS_LIFE'] === 'on') simulators.life.start()
    }
  } catch (error) {
    const failed = error instanceof Error ? error.message : 'the stand-ins cannot start'
    if (isForked) say({ failed })
    else process.stderr.write(`${failed}\n`)
    process.exitCode = 1
    if (process.connected) process.disconnect()
  }
}

function isHelpAsked(): boolean {
  try {
    return parseArgs({ options: { help: { type: 'boolean', short: 'h' } } }).values.help === true
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : 'unreadable arguments'}\n\n${help}`)
    process.exit(2)
  }
}

/** @returns undefined when there is nothing to go on from */
function load(): SimulatorSeeds | undefined {
  try {
    return kept.parse(deserialize(readFileSync(file))).seeds
  } catch {
    return undefined
  }
}

/** A reader finds the old file or the new one, whenever this process is killed. */
function save(simulators: Simulators): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(`${file}.new`, serialize({ version: 1, seeds: simulators.snapshot() }))
  renameSync(`${file}.new`, file)
}

function readPorts(text: string): Readonly<Record<string, number>> {
  try {
    return portNumbers.parse(JSON.parse(text))
  } catch {
    throw new Error(
      'SIMULATORS_PORTS: expected JSON such as {"hubspot":4101,"stripe":4102,"asana":4103}, got another form',
    )
  }
}

/** What to put into `.env` so that a gateway works with them. */
function settingsText({ hubspot, stripe, asana }: Simulators): string {
  return `# Stand-ins of HubSpot, Stripe and Asana are ready. The settings for them, for .env:
HUBSPOT_ACCESS_TOKEN=${hubspot.accessToken}
HUBSPOT_CLIENT_SECRET=${hubspot.clientSecret}
HUBSPOT_BASE_URL=${hubspot.url}
STRIPE_SECRET_KEY=${stripe.secretKey}
STRIPE_WEBHOOK_SECRET=${stripe.webhookSecret}
STRIPE_BASE_URL=${stripe.url}
ASANA_ACCESS_TOKEN=${asana.accessToken}
ASANA_PROJECTS=99
ASANA_CUSTOMER_FIELD=123
ASANA_ORDER_FIELD=124
ASANA_BASE_URL=${asana.url}
# Asana hands out its webhooks' secrets: npm run connect -- asana, while the gateway runs. Ctrl-C ends the stand-ins.
`
}
