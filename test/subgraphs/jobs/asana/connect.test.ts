import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Received, WebhookSecrets } from '../../../../subgraphs/contract.ts'
import { startAsana } from '../../../simulators/asana/simulator.ts'
import type { AsanaSimulator } from '../../../simulators/asana/simulator.ts'
import { callContext, openAccount } from './account.ts'
import { textWith } from './matchers.ts'

let simulator: AsanaSimulator
let account: ReturnType<typeof openAccount>
let server: Server
let publicUrl: string
let received: Received[]
let stored: Map<string, string>
let pending: Set<string>

const secrets: WebhookSecrets = {
  of: endpoint => Promise.resolve([...stored].filter(([name]) => name === endpoint).map(([, secret]) => secret)),
  store: (endpoint, secret) => Promise.resolve(void stored.set(endpoint, secret)),
  async whileHandshakePending(endpoint, done) {
    pending.add(endpoint)
    try {
      return await done()
    } finally {
      pending.delete(endpoint)
    }
  },
}

/** Answers as the gateway would: handshakes while one is pending, and what is genuine. */
beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const endpoint = (request.url ?? '').replace('/webhooks/asana/', '')
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)] as const),
      )
      const one: Received = {
        method: 'POST',
        endpoint,
        url: `${publicUrl}${request.url}`,
        headers,
        body: Buffer.concat(chunks),
      }
      const handshake = account.system.webhook.handshake?.(one) ?? null
      if (handshake !== null && 'secret' in handshake && pending.has(endpoint)) {
        stored.set(endpoint, handshake.secret)
        response.writeHead(200, handshake.answerHeaders).end()
        return
      }
      const secret = stored.get(endpoint)
      const verdict = account.system.webhook.verify(one, secret === undefined ? [] : [secret], new Date())
      if (verdict.genuine) received.push(one)
      response.writeHead(verdict.genuine ? 204 : 401).end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  publicUrl = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
})

beforeEach(async () => {
  received = []
  stored = new Map()
  pending = new Set()
  simulator = await startAsana()
  account = openAccount(simulator)
})

afterEach(async () => {
  await account.close()
  await simulator.close()
})

afterAll(() => new Promise(resolve => server.close(resolve)))

function connect(system = account.system) {
  return system.connect({ publicUrl, secrets, call: callContext() })
}

describe('connecting', () => {
  test('registers a webhook a project whose secret comes with the handshake', async () => {
    const report = await connect()
    expect(report).toMatchObject({ missing: [], manual: [] })
    expect(report.done).toEqual([textWith(`/webhooks/asana/99`)])
    expect(simulator.webhooks.all).toMatchObject([{ resourceGid: '99', target: `${publicUrl}/webhooks/asana/99` }])
    expect(stored.get('99')).toBe(simulator.webhooks.all[0]?.secret)
  })

  test('leaves alone what works, and replaces what nobody has the secret of', async () => {
    await connect()
    const first = simulator.webhooks.all[0]?.gid
    await connect()
    expect(simulator.webhooks.all.map(hook => hook.gid)).toEqual([first])
    stored.clear()
    await connect()
    expect(simulator.webhooks.all).toHaveLength(1)
    expect(simulator.webhooks.all[0]?.gid).not.toBe(first)
  })

  test('names a project and a field that are not there, and connects the others', async () => {
    const other = openAccount(simulator, { ASANA_PROJECTS: '55,99', ASANA_CUSTOMER_FIELD: '777', ASANA_STATUS: '124' })
    const report = await connect(other.system)
    await other.close()
    expect(report.missing).toEqual([
      textWith('777 (ASANA_CUSTOMER_FIELD) is not in the project'),
      textWith('124 (ASANA_STATUS) is of type text; expected one of type enum'),
      textWith('project 55'),
    ])
    expect(report.done).toHaveLength(1)
  })

  test('tells of webhooks that go to another address', async () => {
    await account.system.connect({
      publicUrl: publicUrl.replace('127.0.0.1', 'localhost'),
      secrets,
      call: callContext(),
    })
    const report = await connect()
    expect(report.manual).toEqual([textWith('goes to another address')])
  })
})

test('what happens to a task comes as hints, verified with the secret of its project', async () => {
  await connect()
  const task = simulator.createTask({ name: 'Fit a boiler', section: 'Scheduled' })
  await simulator.webhooks.idle()
  simulator.moveTask(task.gid, 'In progress')
  simulator.updateTask(task.gid, { name: 'Fit two', texts: new Map([['123', '101']]) })
  await simulator.webhooks.idle()
  simulator.deleteTask(task.gid)
  await simulator.webhooks.idle()
  const entries = received.flatMap(one => {
    const read = account.system.webhook.read(one)
    return 'entries' in read ? read.entries : []
  })
  const hints = entries.flatMap(entry => ('hints' in entry ? entry.hints : []))
  expect(new Set(hints.map(hint => hint.record.id))).toEqual(new Set([task.gid]))
  expect(hints.map(({ kind, fields }) => [kind, ...fields])).toEqual([
    ['CREATED'],
    ['UPDATED', 'status'],
    ['UPDATED', 'status'],
    ['UPDATED', 'status'],
    ['UPDATED', 'status', 'updatedAt'],
    // The story below the task, which may be the only news of a move.
    ['UPDATED', 'status'],
    ['UPDATED', 'title', 'updatedAt'],
    ['UPDATED', 'customer', 'updatedAt'],
    ['UPDATED'],
    ['DELETED'],
  ])
  expect(new Set(entries.map(entry => entry.key)).size).toBe(entries.length)
})
