import { describe, expect, test } from 'vitest'
import { faultsText, gatewaySettings, readConfig } from '../../gateway/config.ts'
import { registry } from '../../subgraphs/registry.ts'

const complete = {
  HUBSPOT_ACCESS_TOKEN: 'token',
  HUBSPOT_CLIENT_SECRET: 'secret',
  STRIPE_SECRET_KEY: 'sk_test_1',
  STRIPE_WEBHOOK_SECRET: 'whsec_1',
  ASANA_ACCESS_TOKEN: 'token',
  ASANA_PROJECTS: '99',
  ASANA_CUSTOMER_FIELD: '123',
}

function read(more: Readonly<Record<string, string | undefined>> = {}, isTerminal = false) {
  return readConfig({ ...complete, ...more }, registry, { isExplorable: false, isTerminal })
}

function config(more: Readonly<Record<string, string | undefined>> = {}, isTerminal = false) {
  const result = read(more, isTerminal)
  if (!result.ok) throw new Error(faultsText(result.faults))
  return result.config
}

function faultsOf(more: Readonly<Record<string, string>>): readonly string[] {
  const result = read(more)
  return result.ok ? [] : result.faults.map(({ name }) => name)
}

describe('settings', () => {
  test('that are left out, or empty, have the values the documentation names', () => {
    for (const more of [{}, { PORT: '', HOST: ' ', PUBLIC_URL: '', STORE_URL: '', LOG_LEVEL: ' ' }]) {
      expect(config(more)).toMatchObject({
        port: 4000,
        host: '127.0.0.1',
        publicUrl: 'http://127.0.0.1:4000',
        storeUrl: 'sqlite:.data/graph.db',
        vendorTryTimeoutMs: 3000,
        vendorTotalTimeoutMs: 10_000,
        storeConnections: 10,
        drainSeconds: 0,
        duty: 'all',
        logLevel: 'info',
        logFormat: 'json',
      })
    }
    expect(config({}, true).logFormat).toBe('pretty')
  })

  test('are read as given; the public address loses its slash, and is made of host and port when not given', () => {
    expect(config({ PORT: '8080', HOST: '::1' }).publicUrl).toBe('http://[::1]:8080')
    expect(config({ PUBLIC_URL: 'https://graph.example.com/base//' }).publicUrl).toBe('https://graph.example.com/base')
  })

  test.each([
    [{}, null],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x:4318/' }, 'http://x:4318/v1/traces'],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://y/t?k=1' },
      'https://y/t?k=1',
    ],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }, 'http://x/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x', OTEL_SDK_DISABLED: 'true' }, null],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x', OTEL_TRACES_EXPORTER: 'none' }, null],
  ])('switch traces on by an address: %j', (more, tracesUrl) => {
    expect(config(more)).toMatchObject({ tracesUrl })
  })

  test('ask for a protocol of traces that is spoken here, and repeat no address that may hold a key', () => {
    const address = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x:4317' }
    expect(faultsOf({ ...address, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })).toEqual(['OTEL_EXPORTER_OTLP_PROTOCOL'])
    expect(faultsOf({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })).toEqual([])
    const wrong = read({ OTEL_EXPORTER_OTLP_ENDPOINT: 'ftp://x/hunter2' })
    expect(JSON.stringify(wrong)).not.toContain('hunter2')
  })

  test('let several processes share their work on Postgres', () => {
    for (const scheme of ['postgres', 'postgresql']) {
      const url = `${scheme}://me:secret@db:5432/graph?sslmode=verify-full`
      expect(config({ STORE_URL: url, ROLE: 'web' })).toMatchObject({ storeUrl: url, duty: 'web' })
    }
  })

  test.each([
    ['PORT', ['-1', '65536', '4e3', '0x10', 'http', '1.5', '９']],
    ['PUBLIC_URL', ['graph.example.com', 'ftp://x', 'https://x/?a=1', 'https://x/#y', 'javascript:alert(1)']],
    ['STORE_URL', ['mysql://u:p@h/d', 'postgres://u:p@h:port/d', 'sqlite:', 'graph.db']],
    ['VENDOR_TRY_TIMEOUT_MS', ['0', '49', '60001', 'soon']],
    ['VENDOR_TOTAL_TIMEOUT_MS', ['0', '120001']],
    ['REQUESTS_KEPT_DAYS', ['0', '3651', '30d']],
    ['DELIVERIES_KEPT_DAYS', ['6', '29', '3651']],
    ['CACHE_MAX_BYTES', ['0', '1048575', '64MB']],
    ['STORE_CONNECTIONS', ['0', '1', '1001', 'many']],
    ['ROLE', ['both', 'WEB', 'web', 'worker']],
    ['LOG_LEVEL', ['INFO', 'trace', '__proto__']],
    ['LOG_FORMAT', ['xml']],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', ['127.0.0.1:4318', 'grpc://x:4317', 'http://x/?key=1']],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', ['x', 'ftp://x/v1/traces']],
  ])('%s is refused when it is none of what is allowed', (name, values) => {
    for (const value of values) expect([value, faultsOf({ [name]: value })]).toEqual([value, [name]])
  })

  test('keep what is known of deliveries at least as long as their requests', () => {
    expect(config({})).toMatchObject({ requestsKeptDays: 30, deliveriesKeptDays: 400 })
    expect(config({ REQUESTS_KEPT_DAYS: '7', DELIVERIES_KEPT_DAYS: '90' })).toMatchObject({
      requestsKeptDays: 7,
      deliveriesKeptDays: 90,
    })
    expect(faultsOf({ REQUESTS_KEPT_DAYS: '401' })).toEqual(['DELIVERIES_KEPT_DAYS'])
  })

  test('give balancers time where processes share a store and answer clients', () => {
    const STORE_URL = 'postgres://livegraph@127.0.0.1/graph'
    expect(config({ STORE_URL }).drainSeconds).toBe(7)
    expect(config({ STORE_URL, ROLE: 'worker' }).drainSeconds).toBe(0)
    expect(config({ DRAIN_SECONDS: '30' }).drainSeconds).toBe(30)
  })

  test('that are wrong are reported together, each once, and no secret is repeated', () => {
    const wrong = { PORT: 'x', STORE_URL: 'postgres://me:hunter2@db:x', LOG_LEVEL: 'x' }
    const halves = { HUBSPOT_CLIENT_SECRET: 's', STRIPE_BASE_URL: 'http://127.0.0.1:1', ASANA_ACCESS_TOKEN: 't' }
    const result = readConfig({ ...wrong, ...halves }, registry, { isExplorable: false, isTerminal: false })
    if (result.ok) throw new Error('expected faults')
    const names = result.faults.map(({ name }) => name)
    expect(names).toEqual([...new Set(names)])
    expect(names).toEqual(
      expect.arrayContaining([
        'PORT',
        'STORE_URL',
        'LOG_LEVEL',
        'HUBSPOT_ACCESS_TOKEN',
        'STRIPE_SECRET_KEY',
        'ASANA_PROJECTS',
      ]),
    )
    const text = faultsText(result.faults)
    expect(text.split('\n')).toHaveLength(result.faults.length + 2)
    expect(text).not.toContain('hunter2')
  })

  test('of a tool may be left out altogether: the others start without it', () => {
    const { roles, unplayed } = config({
      HUBSPOT_ACCESS_TOKEN: '',
      HUBSPOT_CLIENT_SECRET: ' ',
      ASANA_ACCESS_TOKEN: undefined,
      ASANA_PROJECTS: undefined,
      ASANA_CUSTOMER_FIELD: undefined,
    })
    expect(roles.map(({ role }) => role)).toEqual(['billing'])
    expect(unplayed.map(({ role }) => role)).toEqual(['crm', 'jobs'])
  })

  test.each([
    [{ ASANA_PROJECTS: '' }, ['ASANA_PROJECTS']],
    [{ HUBSPOT_ACCESS_TOKEN: '' }, ['HUBSPOT_ACCESS_TOKEN']],
    [{ STRIPE_SECRET_KEY: '' }, ['STRIPE_SECRET_KEY']],
  ])('of a tool that are given in part are a fault: %j', (more, faults) => {
    expect(faultsOf(more)).toEqual(faults)
  })

  test('of no tool at all start nothing, and the demo is named', () => {
    const result = readConfig({ HUBSPOT_BASE_URL: ' ' }, registry, { isExplorable: false, isTerminal: false })
    if (result.ok) throw new Error('expected faults')
    const text = faultsText(result.faults)
    expect(text).toContain('no tool is set up')
    expect(text).toContain('npm run demo')
    expect(text).toContain('HUBSPOT_ACCESS_TOKEN, STRIPE_SECRET_KEY, ASANA_ACCESS_TOKEN')
  })

  test('of the gateway are each documented with an example that is allowed', () => {
    const examples = Object.fromEntries(gatewaySettings.map(({ name, example }) => [name, example]))
    expect(read(examples).ok).toBe(true)
    for (const { help } of gatewaySettings) expect(help.length).toBeGreaterThan(15)
  })
})
