import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readConfig } from '../../gateway/config.ts'
import { startGateway, type Gateway } from '../../gateway/gateway.ts'
import type { Log } from '../../subgraphs/contract.ts'
import { registry } from '../../subgraphs/registry.ts'
import { seedBusiness } from '../simulators/core/business.ts'
import { startSimulators, type Simulators } from '../simulators/start.ts'
import { toolsEnvironment } from './environment.ts'
import { at, codes } from './reading.ts'
import { startWorld } from './world.ts'

const lists = `{ customers(first: 100) { nodes { id name } totalCount isComplete } orders(first: 100) { totalCount isComplete }
  jobs(first: 100) { totalCount isComplete } systems { system isImported importedRecords } }`

test('lists say that they are not complete while the import runs, and that they are when it is done', async () => {
  const world = await startWorld({
    waitsForImport: false,
    prepare: tools => tools.stripe.faults.add({ kind: 'slow', delayMs: 60_000, match: { path: /^\/v1\/invoices$/ } }),
  })
  await expect
    .poll(() => world.data(lists))
    .toMatchObject({
      customers: { totalCount: 20, isComplete: true },
      orders: { totalCount: 0, isComplete: false },
      jobs: { totalCount: 50, isComplete: true },
      systems: [
        { system: 'hubspot', isImported: true, importedRecords: 20 },
        { system: 'stripe', isImported: false },
        { system: 'asana', isImported: true, importedRecords: 50 },
      ],
    })
  // What is not known yet is asked of its owner.
  const [invoice] = world.tools.stripe.snapshot().invoices
  const id = invoice?.head.id ?? ''
  expect(await world.data(`query($id: ID!) { order(id: $id) { id number } }`, { id })).toEqual({
    order: { id, number: invoice?.head.number },
  })
  expect(await world.data(`{ customer(id: "101") { orders { isComplete } jobs { isComplete } } }`)).toEqual({
    customer: { orders: { isComplete: false }, jobs: { isComplete: true } },
  })
  world.tools.stripe.faults.clear()
  await world.gateway.importing.ended()
  expect(await world.data(lists)).toMatchObject({ orders: { totalCount: 60, isComplete: true } })
  expect(codes(await world.ask(`query { order(id: "in_none") { id } }`))).toEqual([])
})

test('a field that settings name and no project has is told at the start, with what to do, and all is served', async () => {
  const world = await startWorld({
    // Connecting says it too, and fails.
    connectsAsana: false,
    environment: { ASANA_CUSTOMER_FIELD: '777', ASANA_ORDER_FIELD: '124' },
  })
  const fault =
    'project 99: the custom field 777 (ASANA_CUSTOMER_FIELD) is not in the project; expected one of type text (it has 123, 124): set ASANA_CUSTOMER_FIELD to its gid, or add the field to the project in Asana and run npm run import -- --restart asana'
  expect(world.log).toContainEqual({
    level: 'error',
    fields: { system: 'asana', fault },
    message: 'a setting is wrong',
  })
  const ready = await fetch(`${world.gateway.url}/health/ready`)
  expect([ready.status, await ready.json()]).toMatchObject([200, { parts: { asana: fault, stripe: 'ok' } }])
  expect(await world.data(lists)).toMatchObject({ jobs: { totalCount: 50, isComplete: true } })
  const lines: string[] = []
  const { signal } = new AbortController()
  await world.gateway.importing.run({ system: 'asana', restart: true, tell: line => lines.push(line), signal })
  expect(lines).toContain(`asana: a setting is wrong. ${fault}`)
})

test('an import that was ended goes on where it was, on the same store', async () => {
  const tools = await startSimulators({
    business: seedBusiness({ customers: 350, orders: 20, jobs: 20, now: new Date() }),
    openDoor: true,
  })
  // HubSpot gives two pages; on the third it is slow.
  const path = /contacts$/
  tools.hubspot.faults.add({ kind: 'slow', delayMs: 1, times: 2, match: { method: 'GET', path } })
  tools.hubspot.faults.add({ kind: 'slow', delayMs: 60_000, match: { method: 'GET', path } })
  const folder = mkdtempSync(join(tmpdir(), 'livegraph-'))
  onTestFinished(async () => {
    await tools.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const page = 'GET /crm/v3/objects/contacts'
  const { hubspot } = tools
  const first = await open(tools, folder)
  await expect.poll(() => hubspot.requests.count(page)).toBe(3)
  await expect.poll(() => progressOf(first)).toBe(200)
  await first.close()

  hubspot.faults.clear()
  hubspot.requests.clear()
  const second = await open(tools, folder)
  onTestFinished(() => second.close())
  await second.importing.ended()
  expect(hubspot.requests.count(page)).toBe(2)
  expect(await progressOf(second)).toBe(350)
  await second.close()

  // What is done is not begun anew.
  hubspot.requests.clear()
  const third = await open(tools, folder)
  await third.importing.ended()
  await third.close()
  expect(hubspot.requests.count(page)).toBe(0)
})

test('whatever hangs on a setting is listed anew when the setting is another at the next start', async () => {
  const tools = await startSimulators({
    business: seedBusiness({ customers: 20, orders: 20, jobs: 20, now: new Date() }),
    openDoor: true,
  })
  const folder = mkdtempSync(join(tmpdir(), 'livegraph-'))
  onTestFinished(async () => {
    await tools.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const jobsOfCustomer = async (environment: Readonly<Record<string, string>>) => {
    const gateway = await open(tools, folder, environment)
    await gateway.importing.ended()
    const found = await ask(gateway, `{ customer(id: "101") { jobs { totalCount isComplete } } }`)
    await gateway.close()
    return at(found, 'data.customer.jobs')
  }
  expect(await jobsOfCustomer({ ASANA_CUSTOMER_FIELD: '777' })).toEqual({ totalCount: 0, isComplete: true })
  const mended = await jobsOfCustomer({})
  expect(mended).toMatchObject({ isComplete: true })
  expect(Number(at(mended, 'totalCount'))).toBeGreaterThan(0)
  tools.asana.requests.clear()
  expect(await jobsOfCustomer({})).toEqual(mended)
  expect(tools.asana.requests.count('GET /api/1.0/tasks')).toBe(0)
})

async function open(
  tools: Simulators,
  folder: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Gateway> {
  const read = readConfig(
    {
      PORT: '0',
      STORE_URL: `sqlite:${join(folder, 'graph.db')}`,
      ...toolsEnvironment(tools),
      ...environment,
    },
    registry,
    { isExplorable: true, isTerminal: false },
  )
  if (!read.ok) throw new Error(`settings: ${JSON.stringify(read.faults)}`)
  return startGateway(read.config, { log: silent })
}

const quiet = () => undefined
const silent: Log = { debug: quiet, info: quiet, warn: quiet, error: quiet }

/** Contacts that the import has read and written down. */
async function progressOf(gateway: Gateway): Promise<number> {
  return Number(at(await ask(gateway, `{ systems { system importedRecords } }`), 'data.systems.0.importedRecords'))
}

async function ask(gateway: Gateway, query: string): Promise<unknown> {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  })
  const body: unknown = await response.json()
  return body
}
