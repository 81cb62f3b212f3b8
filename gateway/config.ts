import type { Role } from '../schema/systems.ts'
import type { ConfiguredRole, RegisteredRole } from '../subgraphs/registry.ts'
import { isShared } from './store/open.ts'
import type { Environment, SettingDoc, SettingFault } from '../subgraphs/contract.ts'

/** How the process is to run; whatever it needs to know, checked. */
export interface GatewayConfig {
  readonly port: number
  readonly host: string
  /** What vendors call and sign, without a trailing slash. */
  readonly publicUrl: string
  /** Origins of frontends that run in browsers. */
  readonly allowedOrigins: readonly string[]
  readonly storeUrl: string
  /** Connections to Postgres at most, beside the one that listens. */
  readonly storeConnections: number
  readonly duty: Duty
  readonly vendorTryTimeoutMs: number
  readonly vendorTotalTimeoutMs: number
  readonly vendorListTimeoutMs: number
  readonly vendorWriteTimeoutMs: number
  readonly cacheMaxBytes: number
  /** How often each system is swept; 0 for never. */
  readonly sweepEverySeconds: number
  /** How long webhook requests are kept as they came, those in quarantine included. */
  readonly requestsKeptDays: number
  /** How long the keys of deliveries are known, so that a repetition is known as one; at least as long. */
  readonly deliveriesKeptDays: number
  /** How long the process goes on answering after SIGTERM while it says not to be ready. */
  readonly drainSeconds: number
  /** Where traces are sent by OTLP over HTTP; null while they are off. */
  readonly tracesUrl: string | null
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
  /** What gateways sign with that ask a role that runs alone; several while they are rotated. */
  readonly subgraphSecrets: readonly string[]
  /** All roles of the graph, whether they run here or not. */
  readonly registered: readonly RegisteredRole[]
  /** Demo or development: introspection, the page for exploring, other origins. */
  readonly isExplorable: boolean
  readonly roles: readonly { readonly role: Role; readonly registered: RegisteredRole; readonly open: ConfiguredOpen }[]
  /** Roles that no tool plays: none of its settings is given. None where a role runs alone, which knows nothing of the others. */
  readonly unplayed: readonly RegisteredRole[]
}

type ConfiguredOpen = Extract<ConfiguredRole, { ok: true }>['open']

/** Longer than a connection is kept open that nobody uses, so that none of them ends just when it is used again. */
const drainSeconds = 7

const mostKeptDays = 3650

/** Characters of a secret. */
const leastSecret = 32

const duties = ['all', 'web', 'worker'] as const

/** What this process does: `web` answers clients and stores deliveries, `worker` works on them and imports. */
export type Duty = (typeof duties)[number]

const logLevels = ['debug', 'info', 'warn', 'error'] as const

export type LogLevel = (typeof logLevels)[number]

const logFormats = ['pretty', 'json'] as const

export type LogFormat = (typeof logFormats)[number]

const subgraphSecretsDoc: SettingDoc = {
  name: 'SUBGRAPH_SECRETS',
  example: 'a-long-random-text-of-32-characters-or-more',
  help: 'For npm run subgraph: what gateways sign their requests with, at least 32 characters. While it is rotated: the new one, a comma, the old one.',
  isRequired: false,
  isSecret: true,
}

/** Settings of the gateway itself, as they stand in `.env.example`. */
export const gatewaySettings: readonly SettingDoc[] = [
  setting('PORT', '4000', 'The port to listen on.'),
  setting(
    'HOST',
    '127.0.0.1',
    'The address to listen on. The gateway does not authenticate its clients: let only trusted people reach it.',
  ),
  setting(
    'PUBLIC_URL',
    'https://graph.example.com',
    'How vendors reach this process, webhooks included: what they call and sign. http://HOST:PORT when not given.',
  ),
  setting(
    'ALLOWED_ORIGINS',
    'https://app.example.com',
    'Origins of frontends that ask from a browser, separated by commas.',
  ),
  {
    name: 'STORE_URL',
    example: 'sqlite:.data/graph.db',
    help: 'Where links, the record index, deliveries and Changes are kept. One process on a file, or several on one database: postgres://user:password@host/database, with ?sslmode=verify-full across a network.',
    isRequired: false,
    isSecret: true,
  },
  setting('STORE_CONNECTIONS', '10', 'Connections to Postgres at most. One more listens.'),
  setting(
    'ROLE',
    'all',
    `What this process does, one of ${duties.join(', ')}: web answers clients and stores deliveries, worker works on them and imports. On Postgres only.`,
  ),
  setting(
    'DRAIN_SECONDS',
    '7',
    'How long a process goes on answering after SIGTERM, with 503 at /health/ready, so that balancers turn to the others first. 7 on Postgres when not given, else 0.',
  ),
  setting(
    'VENDOR_TRY_TIMEOUT_MS',
    '3000',
    'How long the first try of a look-up by id may take; each try after a timeout has twice as long.',
  ),
  setting(
    'VENDOR_TOTAL_TIMEOUT_MS',
    '10000',
    'How long a vendor call may take that a client waits for, waiting for its turn and retries included. Webhooks and imports wait longer.',
  ),
  setting(
    'VENDOR_LIST_TIMEOUT_MS',
    '30000',
    'How long a page of a list may take. After a timeout the next page is asked for with half as many records.',
  ),
  setting(
    'VENDOR_WRITE_TIMEOUT_MS',
    '30000',
    'How long a write may take. What became of one that is cut off is unknown, and has to be found out.',
  ),
  setting('CACHE_MAX_BYTES', '67108864', 'How much memory cached records may take.'),
  setting('SWEEP_EVERY_SECONDS', '300', 'How often the tools are asked for what webhooks missed; 0 for never.'),
  setting(
    'REQUESTS_KEPT_DAYS',
    '30',
    'How long webhook requests are kept as they came, for replays; they hold personal data.',
  ),
  setting(
    'DELIVERIES_KEPT_DAYS',
    '400',
    'How long a webhook is known that was worked on: one that comes again has no effect. At least REQUESTS_KEPT_DAYS.',
  ),
  subgraphSecretsDoc,
  setting(
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'http://127.0.0.1:4318',
    'Switches traces on: spans are sent to /v1/traces below this address, by OTLP over HTTP. Nothing is sent when not given.',
  ),
  setting(
    'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    'http://127.0.0.1:4318/v1/traces',
    'The same as the whole address, which is used as it is.',
  ),
  {
    name: 'OTEL_EXPORTER_OTLP_HEADERS',
    example: 'api-key=0123456789',
    help: 'Headers that the receiver of traces asks for: name=value, separated by commas.',
    isRequired: false,
    isSecret: true,
  },
  setting('OTEL_SERVICE_NAME', 'livegraph', 'What these processes are called in traces.'),
  setting(
    'OTEL_TRACES_SAMPLER',
    'parentbased_traceidratio',
    'Which deliveries are traced, all when not given; the same one in all processes. For a share of them this one, with the next.',
  ),
  setting('OTEL_TRACES_SAMPLER_ARG', '0.1', 'The share of deliveries that are traced, from 0 to 1.'),
  setting('LOG_LEVEL', 'info', `One of ${logLevels.join(', ')}.`),
  setting(
    'LOG_FORMAT',
    'pretty',
    `One of ${logFormats.join(', ')}; json for machines. pretty on a terminal, json elsewhere when not given.`,
  ),
]

function setting(name: string, example: string, help: string): SettingDoc {
  return { name, example, help, isRequired: false, isSecret: false }
}

export type ReadConfig =
  | { readonly ok: true; readonly config: GatewayConfig }
  | { readonly ok: false; readonly faults: readonly SettingFault[] }

/** Reads every setting; what is missing or wrong is reported all at once. */
export function readConfig(
  environment: Environment,
  registry: readonly RegisteredRole[],
  options: {
    readonly isExplorable: boolean
    readonly isTerminal: boolean
    /** The only role that is to run, as a subgraph of its own. */
    readonly alone?: Role
  },
): ReadConfig {
  const faults: SettingFault[] = []
  const text = (name: string): string | undefined => {
    const value = environment[name]?.trim()
    return value === undefined || value === '' ? undefined : value
  }
  const whole = (name: string, otherwise: number, least: number, most: number): number => {
    const given = text(name)
    if (given === undefined) return otherwise
    const value = /^\d{1,12}$/.test(given) ? Number(given) : Number.NaN
    if (value >= least && value <= most) return value
    faults.push({ name, message: `expected a whole number from ${least} to ${most}, got "${given}"` })
    return otherwise
  }
  const oneOf = <const T extends string>(name: string, allowed: readonly T[], otherwise: T): T => {
    const given = text(name)
    if (given === undefined) return otherwise
    const found = allowed.find(value => value === given)
    if (found === undefined) faults.push({ name, message: `expected one of ${allowed.join(', ')}, got "${given}"` })
    return found ?? otherwise
  }

  const port = whole('PORT', 4000, 0, 65_535)
  const givenHost = text('HOST') ?? '127.0.0.1'
  const isHost =
    URL.canParse(`http://${givenHost.includes(':') ? `[${givenHost}]` : givenHost}:1/`) && !/[/@?#]/.test(givenHost)
  if (!isHost) {
    const message = `expected an address or name of this machine, such as 127.0.0.1 or 0.0.0.0, got "${givenHost}"`
    faults.push({ name: 'HOST', message })
  }
  const host = isHost ? givenHost : '127.0.0.1'
  const publicUrl = text('PUBLIC_URL') ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  if (!isWebAddress(publicUrl)) {
    faults.push({
      name: 'PUBLIC_URL',
      message: `expected an address such as https://graph.example.com, got "${publicUrl}"`,
    })
  }
  const allowedOrigins = (text('ALLOWED_ORIGINS') ?? '').split(',').flatMap(part => part.trim() || [])
  for (const origin of allowedOrigins) {
    if (URL.canParse(origin) && new URL(origin).origin === origin) continue
    faults.push({
      name: 'ALLOWED_ORIGINS',
      message: `expected origins such as https://app.example.com, without a path, separated by commas; got "${origin}"`,
    })
  }
  const storeUrl = text('STORE_URL') ?? 'sqlite:.data/graph.db'
  // Never repeated: it may hold a password.
  if (isShared(storeUrl) ? !URL.canParse(storeUrl) : !/^sqlite:.+/.test(storeUrl)) {
    const [scheme = ''] = /^[a-z][a-z0-9+.-]*(?=:)/i.exec(storeUrl) ?? []
    faults.push({
      name: 'STORE_URL',
      message: `expected sqlite:<path of a file> or postgres://user:password@host/database, got another form, of the scheme "${scheme}"`,
    })
  }
  const duty = oneOf('ROLE', duties, 'all')
  if (duty !== 'all' && !isShared(storeUrl)) {
    faults.push({
      name: 'ROLE',
      message: `${duty} needs other processes beside it, and only Postgres lets them in: set STORE_URL to postgres://…, or leave ROLE out`,
    })
  }
  const tracesUrl = readTracesUrl(text, faults)
  const { alone } = options
  const subgraphSecrets = (text('SUBGRAPH_SECRETS') ?? '').split(',').flatMap(part => part.trim() || [])
  if (alone !== undefined && !isShared(storeUrl)) {
    faults.push({
      name: 'STORE_URL',
      message: `a role alone follows the Changes of the other processes, and only Postgres lets it in beside them: expected postgres://…`,
    })
  }
  if (alone !== undefined && subgraphSecrets.length === 0) {
    faults.push({ name: 'SUBGRAPH_SECRETS', message: 'it is missing: a role alone answers gateways that sign only' })
  }
  if (subgraphSecrets.some(secret => secret.length < leastSecret)) {
    faults.push({ name: 'SUBGRAPH_SECRETS', message: `expected at least ${leastSecret} characters in each, got fewer` })
  }
  const isGiven = ({ settings }: RegisteredRole): boolean => settings.some(({ name }) => text(name) !== undefined)
  const unplayed = alone === undefined ? registry.filter(registered => !isGiven(registered)) : []
  if (unplayed.length === registry.length) faults.push(nothingConfigured(registry))
  // A role that bills reads in the CRM whom it bills, where it is let in there.
  const isReadBeside = (one: RegisteredRole): boolean => alone === 'billing' && one.role === 'crm' && isGiven(one)
  const asked = registry.filter(
    one => !unplayed.includes(one) && (alone === undefined || one.role === alone || isReadBeside(one)),
  )
  const needed = [
    ...asked.flatMap(registered => registered.settings),
    ...(alone === undefined ? [] : [subgraphSecretsDoc]),
  ]
  for (const doc of needed) {
    if ((doc.isSecret || doc.isRequired) && text(doc.name) === doc.example) {
      faults.push({ name: doc.name, message: 'it still has the value of the example: expected your own' })
    }
  }
  const roles = asked.flatMap(registered => {
    const configured = registered.configure(environment)
    if (!configured.ok) {
      faults.push(...configured.faults)
      return []
    }
    return [{ role: registered.role, registered, open: configured.open }]
  })
  const vendorTryTimeoutMs = whole('VENDOR_TRY_TIMEOUT_MS', 3000, 50, 60_000)
  const vendorTotalTimeoutMs = whole('VENDOR_TOTAL_TIMEOUT_MS', 10_000, 50, 120_000)
  if (vendorTotalTimeoutMs < vendorTryTimeoutMs) {
    faults.push({
      name: 'VENDOR_TOTAL_TIMEOUT_MS',
      message: `expected at least VENDOR_TRY_TIMEOUT_MS (${vendorTryTimeoutMs}), got ${vendorTotalTimeoutMs}`,
    })
  }
  const requestsKeptDays = whole('REQUESTS_KEPT_DAYS', 30, 1, mostKeptDays)
  // Tools send one again for three days.
  const deliveriesKeptDays = whole('DELIVERIES_KEPT_DAYS', 400, 7, mostKeptDays)
  if (deliveriesKeptDays < requestsKeptDays) {
    faults.push({
      name: 'DELIVERIES_KEPT_DAYS',
      message: `expected at least REQUESTS_KEPT_DAYS (${requestsKeptDays}), got ${deliveriesKeptDays}`,
    })
  }
  const config: GatewayConfig = {
    port,
    host,
    publicUrl: publicUrl.replace(/\/+$/, ''),
    allowedOrigins,
    storeUrl,
    storeConnections: whole('STORE_CONNECTIONS', 10, 2, 1000),
    duty,
    vendorTryTimeoutMs,
    vendorTotalTimeoutMs,
    vendorListTimeoutMs: whole('VENDOR_LIST_TIMEOUT_MS', 30_000, 50, 600_000),
    vendorWriteTimeoutMs: whole('VENDOR_WRITE_TIMEOUT_MS', 30_000, 50, 600_000),
    cacheMaxBytes: whole('CACHE_MAX_BYTES', 64 * 1024 * 1024, 1024 * 1024, 64 * 1024 * 1024 * 1024),
    drainSeconds: whole('DRAIN_SECONDS', isShared(storeUrl) && duty !== 'worker' ? drainSeconds : 0, 0, 600),
    sweepEverySeconds: whole('SWEEP_EVERY_SECONDS', 300, 0, 86_400),
    requestsKeptDays,
    deliveriesKeptDays,
    tracesUrl,
    logLevel: oneOf('LOG_LEVEL', logLevels, 'info'),
    logFormat: oneOf('LOG_FORMAT', logFormats, options.isTerminal ? 'pretty' : 'json'),
    subgraphSecrets,
    registered: registry,
    isExplorable: options.isExplorable,
    roles,
    unplayed,
  }
  return faults.length > 0 ? { ok: false, faults } : { ok: true, config }
}

/** Any tool will do, and the demo needs none. */
function nothingConfigured(registry: readonly RegisteredRole[]): SettingFault {
  const first = registry.flatMap(({ settings }) => settings.find(({ isRequired }) => isRequired)?.name ?? [])
  return {
    name: first.join(', '),
    message:
      'no tool is set up. Set up one at least (README.md, Connect real accounts), or run npm run demo, which needs no account',
  }
}

/** The SDK reads the other OTEL_ settings; here stand those that decide whether it is loaded. @returns null for off */
function readTracesUrl(text: (name: string) => string | undefined, faults: SettingFault[]): string | null {
  const [whole, base] = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT']
  const name = text(whole) === undefined ? base : whole
  const given = text(name)
  const isOff = text('OTEL_SDK_DISABLED')?.toLowerCase() === 'true' || text('OTEL_TRACES_EXPORTER') === 'none'
  if (given === undefined || isOff) return null
  if (!URL.canParse(given) || !/^https?:\/\//.test(given) || (name === base && !isWebAddress(given))) {
    // Never repeated: it may hold a key.
    faults.push({ name, message: 'expected an address such as http://127.0.0.1:4318, got another form' })
  }
  for (const protocol of ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL']) {
    const asked = text(protocol)
    if (asked === undefined) continue
    if (asked !== 'http/json') {
      faults.push({
        name: protocol,
        message: `expected http/json, the one that is spoken here, usually on port 4318; got "${asked}"`,
      })
    }
    break
  }
  return name === whole ? given : `${given.replace(/\/+$/, '')}/v1/traces`
}

/** What a person reads who starts with wrong settings. */
export function faultsText(faults: readonly SettingFault[]): string {
  const lines = faults.map(({ name, message }) => `  ${name}: ${message.replace(new RegExp(`^${name}:? *`), '')}`)
  return [
    `Cannot start: ${faults.length === 1 ? 'one setting is' : `${faults.length} settings are`} missing or wrong.`,
    ...lines,
    'Set them in the environment or in a file named .env; .env.example explains each.',
  ].join('\n')
}

function isWebAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:\/\//.test(text) && !/[?#]/.test(text)
}
