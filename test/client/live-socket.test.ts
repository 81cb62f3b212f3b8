import { setTimeout as wait } from 'node:timers/promises'
import { print } from 'graphql'
import { createClient, type Client } from 'graphql-ws'
import { expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { setPhone } from '../flows/frames.ts'
import { startWorld, type World } from '../flows/world.ts'
import { openBrokenRoad, type Fault } from './broken-road.ts'
import { openLiveSocket, type LiveSocketOptions } from './live-socket.ts'
import { WatchChangesDocument, type WatchChangesSubscription } from './preset/graphql.ts'

interface Watched {
  /** The cursors of all frames but CURRENT, as they came. */
  readonly cursors: readonly string[]
  readonly errors: readonly unknown[]
  leave(): void
}

function watchChanges(socket: Client, after: string | null = null): Watched {
  const cursors: string[] = []
  const errors: unknown[] = []
  const leave = socket.subscribe<WatchChangesSubscription>(
    { query: print(WatchChangesDocument), variables: { after } },
    {
      next: ({ data }) => {
        const { change } = data?.changes ?? {}
        if (change !== undefined && change.kind !== 'CURRENT') cursors.push(change.cursor)
      },
      error: reason => errors.push(reason),
      complete: () => undefined,
    },
  )
  return { cursors, errors, leave }
}

function openSocket(url: string, options: LiveSocketOptions = {}): Client {
  const socket = openLiveSocket(url, { webSocketImpl: WebSocket, restMs: 20, ...options })
  onTestFinished(() => void socket.dispose())
  return socket
}

let number = 0
async function change(world: World): Promise<void> {
  setPhone(world, (number += 1))
  await world.settled()
}

const faults: readonly (readonly [string, Fault])[] = [
  ...[
    1000, 1001, 1002, 1003, 1007, 1009, 1011, 1012, 1013, 4400, 4401, 4403, 4406, 4408, 4409, 4413, 4429, 4500, 4999,
  ].map(code => [`close with ${code}`, { kind: 'close', code }] as const),
  ['break without a word', { kind: 'break' }],
  ['silence', { kind: 'silence' }],
  ['completed by the server', { kind: 'complete' }],
  ['refused for now', { kind: 'refuse', code: 'OVERLOADED', isRetryable: true }],
  ['refused by a fault', { kind: 'refuse', code: 'INTERNAL_SERVER_ERROR', isRetryable: false }],
]

test('a subscription goes on behind its last frame, whatever ended it: no Change is missing, none comes twice', async () => {
  const world = await startWorld()
  const road = await openBrokenRoad(world.gateway.url)
  const watched = watchChanges(openSocket(road.url, { pingMs: 100 }))
  const all = watchChanges(openSocket(`${world.gateway.url}/graphql`))
  await vi.waitFor(() => expect(road.made).toBe(1))
  await wait(200)
  for (const [name, fault] of faults) {
    await change(world)
    await vi.waitFor(() => expect(watched.cursors, name).toEqual(all.cursors), 5000)
    road.fail(fault)
    await change(world)
    await change(world)
    await vi.waitFor(() => expect(watched.cursors, name).toEqual(all.cursors), 5000)
  }
  for (const how of ['nothing-listens', 503, 404, 502] as const) {
    await road.shut(how)
    await change(world)
    await wait(100)
    await road.open()
    await vi.waitFor(() => expect(watched.cursors, String(how)).toEqual(all.cursors), 5000)
  }
  expect(new Set(watched.cursors).size).toBe(faults.length * 3 + 4)
  expect(watched.errors).toEqual([])
})

test('the library by itself does not: it ends at the first try when nothing listens, and with 1011', async () => {
  const world = await startWorld({ waitsForImport: false })
  const road = await openBrokenRoad(world.gateway.url)
  const ways = [
    () => road.shut('nothing-listens'),
    async () => road.fail({ kind: 'close', code: 1011 }),
    async () => road.fail({ kind: 'close', code: 4500 }),
  ]
  for (const end of ways) {
    const url = road.url.replace('http', 'ws')
    const bare = createClient({ url, webSocketImpl: WebSocket, retryWait: () => wait(20) })
    const made = road.made
    const watched = watchChanges(bare)
    await vi.waitFor(() => expect(road.made).toBe(made + 1))
    await wait(100)
    await end()
    await vi.waitFor(() => expect(watched.errors).toHaveLength(1), 5000)
    await road.open()
  }
})

test('what the graph refuses for a lasting reason ends with its errors', async () => {
  const world = await startWorld({ waitsForImport: false })
  const watched = watchChanges(openSocket(`${world.gateway.url}/graphql`), 'no cursor')
  await vi.waitFor(() => expect(watched.errors).toMatchObject([[{ extensions: { code: 'BAD_USER_INPUT' } }]]))
})

test('who leaves while nothing listens leaves for good, and hears of no more', async () => {
  const world = await startWorld({ waitsForImport: false })
  const road = await openBrokenRoad(world.gateway.url)
  const troubles: unknown[] = []
  const socket = openSocket(road.url, { onTrouble: reason => troubles.push(reason) })
  const watched = watchChanges(socket)
  await vi.waitFor(() => expect(road.made).toBe(1))
  await road.shut('nothing-listens')
  await vi.waitFor(() => expect(troubles.length).toBeGreaterThan(3))
  watched.leave()
  await socket.dispose()
  await road.open()
  await wait(300)
  expect(road.made).toBe(1)
  expect(watched.errors).toEqual([])
})
