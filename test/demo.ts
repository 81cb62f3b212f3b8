import { fork } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { readArguments } from '../gateway/commands/arguments.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { Log } from '../subgraphs/contract.ts'

const help = `Usage: npm run demo [-- options]

Runs the whole product on this machine: the gateway, its store, and stand-ins of HubSpot, Stripe and Asana that hold one
field-service business. No account and no network are needed. What happens is kept in .data/ until --reset.

Options:
  --no-life  nothing happens by itself; you make the changes
  --reset    begins with the business as it was first made
  --json     log lines as JSON
  --help     this text

PORT (4000) is where the graph is served; the stand-ins listen on 4101 (HubSpot), 4102 (Stripe) and 4103 (Asana).
`

const storeFile = '.data/demo.db'

const toolPorts = { hubspot: 4101, stripe: 4102, asana: 4103 }

const { values } = readArguments(help, {
  options: {
    'no-life': { type: 'boolean' },
    reset: { type: 'boolean' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
})
if (values.help === true) process.stdout.write(help)
else await run()

async function run(): Promise<void> {
  const port = process.env['PORT'] ?? '4000'
  // Before anything is made or deleted: a demo that is running has the store open.
  const taken = await firstTaken([Number(port), ...Object.values(toolPorts)])
  if (taken !== null) {
    const other = taken === Number(port) ? ', or choose another port with PORT' : ''
    process.stderr.write(
      `The demo cannot ${values.reset === true ? 'begin anew' : 'start'}: port ${taken} is taken. Is a demo running already? End it first${other}.\n`,
    )
    process.exitCode = 1
    return
  }
  if (values.reset === true) {
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${storeFile}${suffix}`, { force: true })
  }
  const isKept = existsSync(storeFile)
  // The stand-ins load and start beside the gateway, which asks them for nothing before they are there.
  const told: { log: Log | null } = { log: null }
  const tools = startTools(port, line => told.log?.info({}, line))
  const [{ faultsText, readConfig }, { startGateway }, { openLog }, { whenOrphaned }, { registry }] = await Promise.all(
    [
      import('../gateway/config.ts'),
      import('../gateway/gateway.ts'),
      import('../gateway/log.ts'),
      import('../gateway/orphan.ts'),
      import('../subgraphs/registry.ts'),
    ],
  )
  const read = readConfig(
    {
      PORT: port,
      HOST: process.env['HOST'],
      // Not the store of the environment: that one may be real.
      STORE_URL: `sqlite:${storeFile}`,
      LOG_LEVEL: process.env['LOG_LEVEL'],
      LOG_FORMAT: values.json === true ? 'json' : 'pretty',
      HUBSPOT_ACCESS_TOKEN: 'hubspot-test-token',
      HUBSPOT_CLIENT_SECRET: 'demo-hubspot-secret',
      HUBSPOT_BASE_URL: `http://127.0.0.1:${toolPorts.hubspot}`,
      STRIPE_SECRET_KEY: 'sk_test_sim',
      STRIPE_WEBHOOK_SECRET: 'whsec_demo',
      STRIPE_BASE_URL: `http://127.0.0.1:${toolPorts.stripe}`,
      ASANA_ACCESS_TOKEN: 'asana-test-token',
      ASANA_PROJECTS: '99',
      ASANA_CUSTOMER_FIELD: '123',
      ASANA_ORDER_FIELD: '124',
      ASANA_BASE_URL: `http://127.0.0.1:${toolPorts.asana}`,
    },
    registry,
    { isExplorable: true, isTerminal: true },
  )
  if (!read.ok) {
    tools.stop()
    process.stderr.write(`${faultsText(read.faults)}\n`)
    process.exitCode = 1
    return
  }
  const log = openLog(read.config.logLevel, read.config.logFormat)
  told.log = log
  const started = await Promise.allSettled([tools.ready, startGateway(read.config, { log, workAfter: tools.ready })])
  const [toolsStarted, gatewayStarted] = started
  if (toolsStarted.status === 'rejected' || gatewayStarted.status === 'rejected') {
    for (const one of started) {
      if (one.status === 'rejected') process.stderr.write(`The demo cannot start: ${reasonOf(one.reason)}\n`)
    }
    tools.stop()
    if (gatewayStarted.status === 'fulfilled') await gatewayStarted.value.close()
    process.exitCode = 1
    return
  }
  const gateway = gatewayStarted.value
  // The stand-in of Asana forgets its webhooks, as it hands out their secrets in a handshake.
  gateway
    .connect('asana', line => log.debug(line))
    .catch((error: unknown) => log.error({ err: error }, 'Asana cannot be connected'))
    .finally(() => tools.live())
  let isStopping = false
  const stop = (): void => {
    if (isStopping) process.exit(130)
    isStopping = true
    log.info('stopping')
    gateway
      .close()
      .catch((error: unknown) => log.error({ err: error }, 'stopping failed'))
      .finally(() => {
        tools.stop()
        log.info('stopped')
      })
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  process.stdout.write(welcome(gateway.url, isKept))
  whenOrphaned(stop)
  // A stand-in that was killed has lost its last seconds, of which the graph may know.
  if (isKept) void lookAgain(gateway, log)
}

async function lookAgain({ importing }: Gateway, log: Log): Promise<void> {
  await importing.ended()
  log.info({}, 'what was kept is compared with the stand-ins')
  await importing.run({ system: null, restart: true, tell: () => undefined, signal: new AbortController().signal })
}

async function firstTaken(ports: readonly number[]): Promise<number | null> {
  // What is no port is refused with the settings.
  for (const port of ports.filter(number => number > 0 && number < 65_536)) {
    const isTaken = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1', () => resolve(true))
      socket.once('error', () => resolve(false))
      socket.once('close', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (isTaken) return port
  }
  return null
}

function reasonOf(reason: unknown): string {
  const message = reason instanceof Error ? reason.message : 'for a reason it does not say'
  const taken = /EADDRINUSE.*:(\d+)$/.exec(message)?.[1]
  return taken === undefined ? message : `port ${taken} is taken: is a demo running already? End it first.`
}

/** The stand-ins run in a process of their own, as the real tools do. */
function startTools(port: string, tell: (line: string) => void) {
  const child = fork(new URL('./simulators/main.ts', import.meta.url), {
    execArgv: ['--import', import.meta.resolve('tsx')],
    // A signal of the terminal reaches the parent; it ends the tools after the gateway.
    detached: true,
    env: {
      ...process.env,
      SIMULATORS_PORTS: JSON.stringify(toolPorts),
      SIMULATORS_WEBHOOK_BASE: `http://127.0.0.1:${port}`,
      SIMULATORS_DATA: '.data/demo-tools',
      SIMULATORS_LIFE: values['no-life'] === true ? 'off' : 'on',
      SIMULATORS_RESET: values.reset === true ? 'yes' : 'no',
    },
  })
  const ready = new Promise<void>((resolve, reject) => {
    child.on('message', message => {
      if (typeof message !== 'object') return
      if ('ready' in message) resolve()
      else if ('failed' in message) reject(new Error(String(message.failed)))
      else if ('happened' in message) tell(String(message.happened))
    })
    child.once('exit', code => reject(new Error(`the stand-ins of the tools ended with ${code ?? 'a signal'}`)))
  })
  // Whoever waits for it may not wait yet.
  ready.catch(() => undefined)
  return {
    ready,
    /** Things begin to happen there. */
    live: () => {
      if (child.connected) child.send('live')
    },
    stop: () => {
      if (child.connected) child.disconnect()
    },
  }
}

function welcome(url: string, isKept: boolean): string {
  const filling = isKept ? '' : ' Its lists fill in the next seconds: the first import runs.'
  return `
  One live graph over HubSpot, Stripe and Asana is ready.${filling}

  Open      ${url}/graphql
  Ask       curl ${url}/graphql -H 'content-type: application/json' \\
              -d '{"query":"{ customer(id: \\"101\\") { name phone orders(first: 2) { nodes { number status } } } }"}'
  Change    curl -X PATCH http://127.0.0.1:${toolPorts.hubspot}/crm/v3/objects/contacts/101 \\
              -H 'content-type: application/json' -d '{"properties":{"phone":"+15550199"}}'
            and watch the subscription WatchCustomer at the address above.
  End       Ctrl-C

`
}
