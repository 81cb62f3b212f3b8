import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { print } from 'graphql'
import { expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { freePort } from '../bench/stage.ts'
import { toolsEnvironment } from '../flows/environment.ts'
import { GatewayProcess } from '../flows/gateway-process.ts'
import { seedBusiness } from '../simulators/core/business.ts'
import { startSimulators } from '../simulators/start.ts'
import { ask, watchCustomer } from './example.ts'
import { openLiveSocket } from './live-socket.ts'
import {
  ChangePhoneDocument,
  CustomersPageDocument,
  WatchChangesDocument,
  type WatchChangesSubscription,
} from './preset/graphql.ts'

async function startProcess() {
  const folder = mkdtempSync(join(tmpdir(), 'livegraph-restart-'))
  const port = await freePort()
  const publicUrl = `http://127.0.0.1:${port}`
  const business = seedBusiness({ customers: 20, orders: 20, jobs: 20, now: new Date() })
  const tools = await startSimulators({ business, webhookBase: publicUrl, openDoor: true, retryScale: 0.001 })
  const gateway = new GatewayProcess(port, {
    ...toolsEnvironment(tools),
    STORE_URL: `sqlite:${join(folder, 'graph.db')}`,
    PUBLIC_URL: publicUrl,
    LOG_LEVEL: 'error',
  })
  onTestFinished(async () => {
    await gateway.kill()
    await tools.close()
    rmSync(folder, { recursive: true, force: true })
  })
  await gateway.start()
  const url = `${gateway.url}/graphql`
  await vi.waitFor(async () => {
    const { data } = await ask(url, CustomersPageDocument, { first: 20 })
    expect(data?.customers?.edges).toHaveLength(20)
  }, 30_000)
  return { gateway, tools, url }
}

test('over restarts of the gateway, killed and ended, the typed client misses no Change and gets none twice', async () => {
  const { gateway, url } = await startProcess()
  const socket = openLiveSocket(url, { webSocketImpl: WebSocket, restMs: 50 })
  const reference = openLiveSocket(url, { webSocketImpl: WebSocket })
  onTestFinished(async () => {
    await socket.dispose()
    await reference.dispose()
  })
  const refused: unknown[] = []
  const phones: (string | null | undefined)[] = []
  watchCustomer(
    socket,
    '101',
    ({ customer }) => phones.push(customer?.phone),
    reason => refused.push(reason),
  )
  const changes = watchFeed(socket, null, refused)
  await vi.waitFor(() => expect([phones.length, changes.cursors.length]).toEqual([1, 1]))
  const first = changes.cursors[0] ?? null

  const written: string[] = []
  const write = async (): Promise<void> => {
    const phone = `+1555${String(written.length).padStart(7, '0')}`
    const clientMutationId = `restart-${written.length}`
    written.push(phone)
    // Answers are lost as well: the same id never writes twice.
    for (;;) {
      const answer = await ask(url, ChangePhoneDocument, { id: '101', phone, clientMutationId }).catch(() => null)
      if (answer?.data?.updateCustomer?.customer?.phone === phone) return
      await wait(50)
    }
  }
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    for (let count = 0; count < 3; count += 1) await write()
    const writing = write()
    await gateway.kill(signal)
    await wait(300)
    await gateway.start()
    await writing
    await write()
  }
  await vi.waitFor(() => expect(phones.at(-1)).toBe(written.at(-1)), 20_000)

  // What the log has after the first frame, as one unbroken connection is told.
  const all = watchFeed(reference, first, refused)
  await vi.waitFor(() => expect(all.cursors.length).toBeGreaterThanOrEqual(written.length), 20_000)
  await vi.waitFor(() => expect(changes.cursors.slice(1)).toEqual(all.cursors), 20_000)
  expect(new Set(changes.cursors).size).toBe(changes.cursors.length)
  // Each value once and in order: those that were written while nothing listened as one frame, at most.
  expect(phones.filter((phone, at) => phone !== phones[at - 1])).toEqual(phones)
  expect(refused).toEqual([])
}, 120_000)

function watchFeed(socket: ReturnType<typeof openLiveSocket>, after: string | null, refused: unknown[]) {
  const cursors: string[] = []
  socket.subscribe<WatchChangesSubscription>(
    { query: print(WatchChangesDocument), variables: { after } },
    {
      next: ({ data }) => {
        if (data?.changes != null) cursors.push(data.changes.change.cursor)
      },
      error: reason => refused.push(reason),
      complete: () => undefined,
    },
  )
  return { cursors }
}
