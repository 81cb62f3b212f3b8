import type { Client } from 'graphql-ws'
import { expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { appendChanges } from '../../gateway/changes/log.ts'
import { next, setPhone, watchAda } from './frames.ts'
import { at, textAt } from './reading.ts'
import { startWorld, type World } from './world.ts'

test('a thousand equal subscribers share one execution and one reading of the vendor', async () => {
  const world = await startWorld()
  const { hub } = world.gateway.runtime
  const clients = Array.from({ length: 4 }, () => world.client())
  let present = 0
  let told = 0
  for (let at = 0; at < 1000; at += 1) {
    clients[at % clients.length]?.subscribe(
      { query: watchAda },
      {
        next(result) {
          if (JSON.stringify(result).includes('CURRENT')) present += 1
          else if (JSON.stringify(result).includes('+15550000009')) told += 1
        },
        error: () => undefined,
        complete: () => undefined,
      },
    )
  }
  await vi.waitFor(() => expect(present).toBe(1000), 8000)
  expect([hub.subscribers, hub.groups]).toEqual([1000, 1])
  world.tools.hubspot.requests.clear()
  setPhone(world, 9)
  await vi.waitFor(() => expect(told).toBe(1000), 5000)
  const { ['GET /crm/v3/properties/contacts/lifecyclestage']: stages = 0, ...others } =
    world.tools.hubspot.requests.all()
  // The names of the stages are read once in minutes, whatever changes.
  expect(stages).toBeLessThanOrEqual(1)
  expect(others).toEqual({ 'POST /crm/v3/objects/contacts/batch/read': 1 })
})

test('a slow tool holds up each frame by its own answer, not by those of the frames before it', async () => {
  const world = await startWorld()
  const frames = world.subscribe(
    'subscription { jobChanged { change { kind fields cursor } job { id title customer { name } } } }',
  )
  expect(await next(frames)).toMatchObject({ change: { kind: 'CURRENT' } })
  const jobs = at(await world.data('{ jobs(first: 50) { nodes { id customer { id } } } }'), 'jobs.nodes')
  const named = z
    .array(z.looseObject({ id: z.string(), customer: z.object({ id: z.string() }).nullable() }))
    .parse(jobs)
  // One each: what one frame has read, the next one need not.
  const byCustomer = new Map(named.flatMap(({ id, customer }) => (customer === null ? [] : [[customer.id, id]])))
  const changed = [...byCustomer.values()]
  expect(changed.length).toBeGreaterThan(8)
  // None is read yet, and each answer takes its time.
  world.gateway.runtime.cache.evictAll()
  world.tools.hubspot.requests.clear()
  world.tools.hubspot.faults.add({ kind: 'slow', delayMs: 700 })
  for (const id of changed) world.tools.asana.updateTask(id, { name: `Look at ${id}` })
  const told = new Map<unknown, unknown>()
  while (told.size < changed.length) {
    const { job } = await next(frames)
    told.set(at(job, 'id'), at(job, 'title'))
    expect(textAt(job, 'customer.name')).not.toBe('')
  }
  expect(told).toEqual(new Map(changed.map(id => [id, `Look at ${id}`])))
  expect(world.tools.hubspot.requests.total).toBeLessThan(changed.length / 2)
})

test('whoever leaves, politely or not, leaves nothing behind', async () => {
  const world = await startWorld()
  const { hub } = world.gateway.runtime
  const polite = world.client()
  const open = (client: Client, id: number): (() => void) =>
    client.subscribe(
      { query: `subscription { customerChanged(id: "${id}") { change { kind } customer { name } } }` },
      { next: () => undefined, error: () => undefined, complete: () => undefined },
    )
  const ends = Array.from({ length: 20 }, (_, at) => open(polite, 101 + at))
  const rude = new WebSocket(`${world.gateway.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  await new Promise(resolve => rude.once('open', resolve))
  rude.send(JSON.stringify({ type: 'connection_init' }))
  await new Promise(resolve => rude.once('message', resolve))
  for (let at = 0; at < 20; at += 1) {
    const query = `subscription { jobChanged(customer: "${101 + at}") { change { kind } } }`
    rude.send(JSON.stringify({ id: String(at), type: 'subscribe', payload: { query } }))
  }
  await vi.waitFor(() => expect([hub.subscribers, hub.groups]).toEqual([40, 40]), 20_000)
  for (const end of ends) end()
  await vi.waitFor(() => expect([hub.subscribers, hub.groups]).toEqual([20, 20]), 20_000)
  rude.terminate()
  await vi.waitFor(() => expect([hub.subscribers, hub.groups]).toEqual([0, 0]), 20_000)
})

test('an id that is used again at once is the later subscription alone, and leaves nothing behind', async () => {
  const world = await startWorld()
  const { hub } = world.gateway.runtime
  const socket = new WebSocket(`${world.gateway.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  await new Promise(resolve => socket.once('open', resolve))
  const told: string[] = []
  socket.on('message', (data: Buffer) => told.push(data.toString('utf8')))
  socket.send(JSON.stringify({ type: 'connection_init' }))
  const watch = (customer: string) =>
    socket.send(
      JSON.stringify({
        id: '1',
        type: 'subscribe',
        payload: { query: `subscription { customerChanged(id: "${customer}") { change { kind } customer { id } } }` },
      }),
    )
  await vi.waitFor(() => expect(told).toHaveLength(1), 20_000)
  for (let at = 0; at < 20; at += 1) {
    watch('102')
    socket.send(JSON.stringify({ id: '1', type: 'complete' }))
  }
  watch('101')
  await vi.waitFor(() => expect(told.join()).toContain('"id":"101"'), 20_000)
  expect([hub.subscribers, hub.groups]).toEqual([1, 1])
  socket.close()
  await vi.waitFor(() => expect([hub.subscribers, hub.groups]).toEqual([0, 0]), 20_000)
})

test('a subscription that fails here closes the socket with 1013, so that the client comes back: it does not merely end', async () => {
  const world = await startWorld()
  const client = world.client()
  const closed = new Promise<unknown>(resolve => client.on('closed', resolve))
  await world.gateway.runtime.store.close()
  client.subscribe({ query: watchAda }, { next: () => undefined, error: () => undefined, complete: () => undefined })
  expect(await closed).toMatchObject({ code: 1013 })
})

test('a client that does not answer the end of its connection does not keep the gateway from ending', async () => {
  const world = await startWorld({ waitsForImport: false })
  const socket = new WebSocket(`${world.gateway.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  await new Promise(resolve => socket.once('open', resolve))
  socket.pause()
  const startedAt = performance.now()
  await world.gateway.close()
  expect(performance.now() - startedAt).toBeLessThan(5000)
  socket.terminate()
})

/** Changes of customer 101, as if they had come in. */
async function flood({ gateway }: World, count: number): Promise<void> {
  const now = new Date()
  const change = {
    kind: 'UPDATED' as const,
    record: { system: 'hubspot', kind: 'contact', id: '101' },
    entity: { type: 'Customer' as const, id: '101' },
    fields: ['phone'],
    parentsBefore: [],
    parentsAfter: [],
    statusBefore: null,
    statusAfter: null,
    at: now,
  }
  await gateway.runtime.commits.commit(tx =>
    appendChanges(
      tx,
      Array.from({ length: count }, () => change),
      now,
    ),
  )
}

test('a client that does not read is closed with 4413 after bounded memory, and goes on by its cursor', async () => {
  const world = await startWorld()
  // What the kernel takes is some megabytes: a few hundred of these.
  world.tools.hubspot.updateContact('101', { firstname: 'x'.repeat(20_000) })
  await world.settled()
  const query = 'subscription { changes { change { kind cursor } entity { ... on Customer { name } } } }'
  const socket = new WebSocket(`${world.gateway.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  await new Promise(resolve => socket.once('open', resolve))
  const cursors: string[] = []
  const message = z.object({ type: z.string(), payload: z.unknown().optional() })
  socket.on('message', (data: Buffer) => {
    const read = message.parse(JSON.parse(data.toString('utf8')))
    const cursor = /"cursor":"([^"]+)"/.exec(data.toString('utf8'))?.[1]
    if (cursor !== undefined) cursors.push(cursor)
    if (read.type === 'connection_ack') socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }))
  })
  const closed = new Promise<number>(resolve => socket.once('close', resolve))
  socket.send(JSON.stringify({ type: 'connection_init' }))
  await vi.waitFor(() => expect(cursors).toHaveLength(1), 5000)
  socket.pause()
  const count = 1600
  const before = process.memoryUsage().heapUsed
  await flood(world, count)
  await vi.waitFor(() => expect(world.gateway.runtime.hub.subscribers).toBe(0), 15_000)
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(400 * 1024 * 1024)
  expect(world.log.map(({ message: line }) => line)).toContain('a subscriber reads too slowly and is closed')
  socket.resume()
  expect(await closed).toBe(4413)
  expect(cursors.length).toBeLessThan(count)
  const light = 'subscription ($after: String) { changes(after: $after) { change { kind cursor } } }'
  const rest = world.subscribe(light, { after: cursors.at(-1) })
  const missed = count + 1 - cursors.length
  for (let at = 0; at < missed; at += 1) cursors.push((await next(rest)).change.cursor)
  expect(new Set(cursors).size).toBe(count + 1)
})
