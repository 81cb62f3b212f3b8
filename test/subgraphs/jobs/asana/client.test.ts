import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { openVendorCalls } from '../../../../subgraphs/call.ts'
import { limitPools, openClient } from '../../../../subgraphs/jobs/asana/client.ts'
import { readConfig } from '../../../../subgraphs/jobs/asana/config.ts'
import { toVendorError } from '../../../../subgraphs/jobs/asana/faults.ts'
import { openStages } from '../../../../subgraphs/jobs/asana/stages.ts'
import { callContext, clock, settings } from './account.ts'
import { textWith } from './matchers.ts'

const stops: (() => unknown)[] = []

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

type Handler = (request: IncomingMessage, response: ServerResponse) => void

async function serve(handle: Handler): Promise<string> {
  const server: Server = createServer(handle)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  stops.push(() => new Promise(resolve => server.close(resolve)))
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
}

async function open(handle: Handler, environment: Readonly<Record<string, string>> = {}) {
  const read = readConfig({ ...settings, ASANA_BASE_URL: await serve(handle), ...environment })
  if (!read.ok) throw new Error('the settings of the test are faulty')
  const calls = openVendorCalls({
    system: 'asana',
    pools: limitPools(1500),
    toVendorError,
    isTls: false,
    clock,
    random: () => 0,
    settings: { tryTimeoutMs: 500, totalTimeoutMs: 500, listTimeoutMs: 500, writeTimeoutMs: 500 },
  })
  stops.unshift(() => calls.close())
  return { client: openClient(read.config, calls), config: read.config }
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response
    .writeHead(status, { 'content-type': 'application/json; charset=UTF-8', ...headers })
    .end(JSON.stringify(body))
}

const instant = '2026-01-01T00:00:00.000Z'

function whole(gid: string) {
  return { gid, completed: false, created_at: instant, modified_at: instant, memberships: [] }
}

describe('a batch', () => {
  test("looks at each action's answer alone", async () => {
    const { client } = await open((_, response) =>
      json(response, 200, {
        data: [
          { status_code: 200, headers: {}, body: { data: whole('1') } },
          { status_code: 404, headers: {}, body: { errors: [{ message: 'task: Unknown object: 2' }] } },
          { status_code: 403, headers: {}, body: { errors: [{ message: 'Forbidden' }] } },
          { status_code: 200, headers: {}, body: { data: { ...whole('4'), completed: 'no' } } },
          { status_code: 500, headers: {}, body: null },
          { status_code: 200, headers: {}, body: { data: whole('1') } },
        ],
      }),
    )
    const found = await client.readTasks(['1', '2', '3', '4', '5', '6'], callContext())
    expect([...found.keys()]).toEqual(['1', '3', '4', '5', '6'])
    expect(found.get('1')).toMatchObject({ gid: '1' })
    expect(found.get('3')).toMatchObject({ kind: 'unauthorized' })
    expect(found.get('4')).toMatchObject({
      gid: '4',
      completed: { kind: 'unreadable', message: textWith('task 4: completed: ') },
    })
    expect(found.get('5')).toMatchObject({ kind: 'unavailable' })
    expect(found.get('6')).toMatchObject({ kind: 'unreadable' })
  })

  test('with one action refused for too many requests is refused as a whole', async () => {
    const { client } = await open((_, response) =>
      json(response, 200, {
        data: [
          { status_code: 200, headers: {}, body: { data: whole('1') } },
          { status_code: 429, headers: { 'Retry-After': '60' }, body: {} },
        ],
      }),
    )
    const read = client.readTasks(['1', '2'], callContext())
    await expect(read).rejects.toMatchObject({ kind: 'rate-limited', retryAfterMs: 60_000 })
  })

  test('counts each of its actions as a request', async () => {
    const { client } = await open((_, response) => json(response, 200, { data: [] }))
    const call = callContext()
    await expect(client.readTasks(['1', '2', '3'], call)).rejects.toMatchObject({ kind: 'unreadable' })
    expect((call.spent.get('requests') ?? 1) % 3).toBe(0)
  })
})

test('a redirect is not followed, so the token goes nowhere else', async () => {
  const elsewhere: string[] = []
  const other = await serve((request, response) => {
    elsewhere.push(request.headers.authorization ?? '')
    json(response, 200, { data: [] })
  })
  const { client } = await open((_, response) => response.writeHead(307, { location: `${other}/x` }).end())
  await expect(client.sections('99', callContext())).rejects.toMatchObject({ kind: 'unreadable' })
  expect(elsewhere).toEqual([])
})

test('a write is sent once, whatever becomes of it', async () => {
  let requests = 0
  const { client } = await open((_, response) => {
    requests += 1
    json(response, 503, {})
  })
  await expect(client.createTask({ name: 'A' }, callContext())).rejects.toMatchObject({ kind: 'unavailable' })
  expect(requests).toBe(1)
})

test('a list is read to its end', async () => {
  const { client } = await open((request, response) => {
    const isFirst = !request.url?.includes('offset=')
    const section = isFirst ? { gid: '1', name: 'A' } : { gid: '2', name: 'B' }
    json(response, 200, { data: [section], next_page: isFirst ? { offset: 'next' } : null })
  })
  expect(await client.sections('99', callContext())).toEqual([
    { gid: '1', name: 'A' },
    { gid: '2', name: 'B' },
  ])
})

test('stages are asked for with each write, disabled options aside, those without a name by their gid', async () => {
  let names = ['Open']
  const { client, config } = await open(
    (_, response) => {
      const enum_options = names.map((name, at) => ({ gid: String(at), name, enabled: name !== 'Old' }))
      const without = [{ gid: '7', name: null }, { gid: '8' }, { gid: 'x', name: 'Damaged' }]
      const options = [...enum_options, ...without]
      json(response, 200, {
        data: [{ custom_field: { gid: '555', resource_subtype: 'enum', enum_options: options } }],
      })
    },
    { ASANA_STATUS: '555' },
  )
  const stages = openStages(client, config)
  const gidOf = async (name: string, current: string | null = null) =>
    (await stages.named(name, '99', current, callContext())).gid
  expect(await gidOf('Open')).toBe('0')
  names = ['Closed', 'Old', 'New', 'Closed']
  await expect(gidOf('Open')).rejects.toMatchObject({ inputFault: textWith('got "Open"') })
  expect(await gidOf('New')).toBe('2')
  expect(await gidOf('8')).toBe('8')
  // Names are not unique: of several the one the job is in.
  expect([await gidOf('Closed'), await gidOf('Closed', '3')]).toEqual(['0', '3'])
  await expect(gidOf('Old')).rejects.toMatchObject({
    inputFault: 'status: expected one of "Closed", "New", "Closed", "7", "8", got "Old"',
  })
})
