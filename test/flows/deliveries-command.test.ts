import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { readConfig } from '../../gateway/config.ts'
import { askControl, controlPath } from '../../gateway/operator/control.ts'
import type { DeliveriesRequest } from '../../gateway/operator/deliveries-request.ts'
import { startGateway, type Gateway } from '../../gateway/gateway.ts'
import { registry } from '../../subgraphs/registry.ts'
import { quiet } from '../gateway/store/ports.ts'
import { signatureOf } from '../simulators/stripe/sign.ts'
import { startChild } from './child.ts'
import { ask, postEvent, setting, type Setting } from './setting.ts'

async function open({ environment }: Setting, more: Readonly<Record<string, string>> = {}): Promise<Gateway> {
  const read = readConfig({ ...environment, ...more }, registry, { isExplorable: true, isTerminal: false })
  if (!read.ok) throw new Error(`settings: ${JSON.stringify(read.faults)}`)
  const gateway = await startGateway(read.config, { log: quiet })
  onTestFinished(() => gateway.close())
  await gateway.importing.ended()
  return gateway
}

/** Asks the process that runs, as the command does. */
async function command({ environment }: Setting, asked: DeliveriesRequest): Promise<string> {
  const lines: string[] = []
  const path = controlPath(environment['STORE_URL'] ?? '') ?? ''
  const end = await askControl(path, { command: 'deliveries', asked }, line => lines.push(line))
  return [...lines, end].join('\n')
}

const all = { ids: null, system: null, state: null, since: null, until: null, entity: null }
const list: DeliveriesRequest = { do: 'list', filter: all, limit: 20, json: false }
const recover: DeliveriesRequest = { do: 'recover', system: 'stripe', json: false }

async function postBody({ url, tools }: Setting, body: string, secret = tools.stripe.webhookSecret): Promise<number> {
  const headers = { 'content-type': 'application/json', 'stripe-signature': signatureOf(secret, body, new Date()) }
  return (await fetch(`${url}/webhooks/stripe`, { method: 'POST', headers, body })).status
}

function event(id: string, invoice: string): string {
  const created = Math.floor(Date.now() / 1000)
  const object = { id: invoice, customer_email: 'ada@example.com' }
  const data = { object, previous_attributes: { description: null } }
  return JSON.stringify({ id, object: 'event', type: 'invoice.updated', created, data })
}

test('genuine webhooks that a wrong secret refused are recovered by one command once it is mended, and forged ones never', async () => {
  const at = await setting()
  const first = await open(at, { STRIPE_WEBHOOK_SECRET: 'whsec_mistyped' })
  expect([await postEvent(at), await postEvent(at)]).toEqual([401, 401])
  expect(await postBody(at, event('evt_forged', 'in_9'), 'whsec_of_a_forger')).toBe(401)
  expect(await command(at, { do: 'quarantine', json: false })).toMatch(/stripe +3 /)
  expect(await command(at, recover)).toContain('0 of 3 requests are genuine')
  expect(await command(at, list)).toMatch(/The list is empty: .*graph\.db .*quarantine list/)
  await first.close()

  await open(at)
  expect(await command(at, recover)).toContain('2 of 3 requests are genuine and stored, with 2 entries')
  const done: DeliveriesRequest = { ...list, filter: { ...all, state: 'done' }, json: true }
  await vi.waitFor(async () => expect((await command(at, done)).split('\n')).toHaveLength(3), { timeout: 10_000 })
  expect(await command(at, recover)).toContain('0 of 1 requests are genuine')
  expect(await command(at, list)).not.toContain('in_9')
}, 60_000)

test('what is dead is listed, shown, rehearsed and replayed, with personal data only where it is asked for', async () => {
  const at = await setting()
  await open(at)
  const [invoice] = at.tools.stripe.snapshot().invoices
  const id = invoice?.head.id ?? ''
  at.tools.stripe.faults.add({ kind: 'error', status: 400, match: { path: /invoices/ } })
  expect(await postBody(at, event('evt_1', id))).toBe(200)
  expect(await postBody(at, '{"id":"evt_2","object":"event"}')).toBe(200)
  await vi.waitFor(
    async () =>
      expect(await ask(at, '{ deliveries(state: DEAD) { totalCount } }')).toEqual({ deliveries: { totalCount: 2 } }),
    5000,
  )
  at.tools.stripe.faults.clear()

  const dead = { ...all, state: 'dead' as const }
  const listed = await command(at, { ...list, filter: dead })
  expect(listed).toMatch(new RegExp(`1 +dead +stripe .* invoice ${id} +stripe: `))
  const ofOrder = { ...all, entity: { type: 'Order' as const, id } }
  expect((await command(at, { ...list, filter: ofOrder, json: true })).split('\n')).toHaveLength(2)
  const shown = await command(at, { do: 'show', id: 1, raw: false, json: false })
  expect(shown).toContain('attempt 1')
  expect(`${listed}${shown}`).not.toContain('ada@example.com')
  expect(await command(at, { do: 'show', id: 1, raw: true, json: false })).toContain('ada@example.com')

  const replay: DeliveriesRequest = { do: 'replay', filter: dead, limit: 100, dryRun: false, json: false }
  const rehearsed = await command(at, { ...replay, dryRun: true })
  expect(rehearsed).toContain('1 would be worked on again; nothing was written.')
  expect(rehearsed).toContain(`UPDATED stripe:invoice:${id} of Order ${id}`)
  expect(await command(at, { ...list, filter: dead })).toBe(listed)
  const replayed = await command(at, replay)
  expect(replayed).toContain('1 worked on again: 1 done, 0 dead')
  expect(replayed).toContain('1 left as it is: it still cannot be read')
  expect(await command(at, { ...replay, filter: { ...all, ids: [1] } })).toContain('1 left as it is: it is done')
  const dismiss: DeliveriesRequest = { do: 'dismiss', filter: { ...all, ids: [1, 2, 9] }, limit: 100, json: false }
  expect(await command(at, dismiss)).toBe(
    '1 dismissed.\n1 left as it is: not dead.\n1 of the numbers given is of no such delivery.\nfailed',
  )
  expect(await command(at, { ...list, filter: dead })).toContain('There is no such delivery in')
}, 60_000)

test('alone on the store the command does it itself, and what cannot be meant is told with the usage', async () => {
  const at = await setting()
  const gateway = await open(at)
  expect(await postBody(at, '{"id":"evt_2","object":"event"}')).toBe(200)
  await gateway.close()
  const run = (...args: string[]) => startChild('gateway/commands/deliveries.ts', args, at.environment)
  const [wrong, help] = [run('list', '--since', 'soon'), run('--help')]
  expect([(await wrong.ended).code, (await help.ended).code]).toEqual([2, 0])
  expect(wrong.output()).toContain('--since, --until: expected a time')
  const alone = run('replay', '--state', 'dead', '--since', '1h')
  // What was to be replayed is dead still.
  expect(await alone.ended, alone.output()).toMatchObject({ code: 1 })
  expect(alone.output()).toContain('1 left as it is: it still cannot be read')
  const unknown = run('replay', '999')
  expect(await unknown.ended).toMatchObject({ code: 1 })
  expect(unknown.output()).toContain('There is no such delivery.')
  const [some, stray] = [run('replay', '1', '999'), run('quarantine', 'recover', 'stripe', '--dry-run')]
  const everything = run('dismiss')
  expect((await everything.ended).code).toBe(2)
  expect(everything.output()).toContain('expected numbers of deliveries, or an option that says which')
  expect([(await some.ended).code, (await stray.ended).code]).toEqual([1, 2])
  expect(some.output()).toContain('1 of the numbers given is of no such delivery')
  expect(stray.output()).toContain('--dry-run is no option of this command')
}, 60_000)

test('a mistyped store is told, and none is made in its place', async () => {
  const { environment } = await setting()
  const folder = mkdtempSync(join(tmpdir(), 'livegraph-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'mistyped.db')
  const list = startChild('gateway/commands/deliveries.ts', ['list'], { ...environment, STORE_URL: `sqlite:${file}` })
  expect(await list.ended).toMatchObject({ code: 1 })
  expect(list.output()).toContain(
    `There is no store at ${file} (the demo's is another: STORE_URL=sqlite:.data/demo.db): check STORE_URL`,
  )
  expect(readdirSync(folder)).toEqual([])
})
