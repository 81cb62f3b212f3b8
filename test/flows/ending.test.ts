import { connect } from 'node:net'
import { createClient } from 'graphql-ws'
import { expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { ask, imported, postEvent, setting, start } from './setting.ts'

test('ending by SIGTERM under load: every request is answered, sockets are closed with 1001, what was acknowledged is worked on after a restart', async () => {
  const at = await setting()
  const first = await start(at)
  await imported(at)
  const client = createClient({
    url: `${at.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    lazy: false,
    onNonLazyError: () => undefined,
  })
  onTestFinished(() => void client.dispose())
  const code = new Promise<unknown>(resolve => client.on('closed', resolve))
  let isWatching = false
  client.subscribe(
    { query: 'subscription { customerChanged(id: "101") { change { kind } } }' },
    { next: () => (isWatching = true), error: () => undefined, complete: () => undefined },
  )
  await vi.waitFor(() => expect(isWatching).toBe(true), 20_000)
  at.tools.hubspot.faults.add({ kind: 'slow', delayMs: 300 })
  at.tools.stripe.faults.add({ kind: 'slow', delayMs: 300 })
  const asked = Array.from({ length: 20 }, (_, n) => ask(at, `{ customer(id: "${101 + (n % 10)}") { id phone } }`))
  at.tools.hubspot.updateContact('101', { phone: '+15550122' })
  const hooks = Array.from({ length: 20 }, () => postEvent(at))
  const statuses = await Promise.all(hooks)
  first.kill('SIGTERM')
  // Whoever asks twice is in no hurry either: what is under way is finished.
  first.kill('SIGTERM')
  for (const [n, data] of (await Promise.all(asked)).entries())
    expect(data).toMatchObject({ customer: { id: String(101 + (n % 10)) } })
  expect(statuses).toEqual(statuses.map(() => 200))
  expect(await code).toMatchObject({ code: 1001 })
  expect(await first.ended).toEqual({ code: 0, signal: null })
  at.tools.hubspot.faults.clear()
  at.tools.stripe.faults.clear()
  await start(at)
  await vi.waitFor(
    async () =>
      expect(await ask(at, '{ systems { system dueEntries deadEntries } }')).toEqual({
        systems: ['hubspot', 'stripe', 'asana'].map(system => ({ system, dueEntries: 0, deadEntries: 0 })),
      }),
    { timeout: 8000, interval: 100 },
  )
  expect(await ask(at, '{ customer(id: "101") { phone } }')).toEqual({ customer: { phone: '+15550122' } })
})

test('ending by SIGKILL right after a webhook was acknowledged: its Change is there after a restart', async () => {
  const at = await setting()
  const first = await start(at)
  await imported(at)
  // What reads the record hangs, so that it cannot have been worked on.
  at.tools.stripe.faults.add({ kind: 'slow', delayMs: 2500, match: { path: /invoices/ } })
  const [invoice] = at.tools.stripe.snapshot().invoices
  const id = invoice?.head.id ?? ''
  at.tools.stripe.updateInvoice(id, { description: 'told before the end' })
  await vi.waitFor(
    () => expect(at.tools.stripe.webhooks.sent.filter(({ status }) => status === 200).length).toBeGreaterThan(0),
    5000,
  )
  first.kill('SIGKILL')
  await first.ended
  at.tools.stripe.faults.clear()
  await start(at)
  const client = createClient({
    url: `${at.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
  })
  onTestFinished(() => void client.dispose())
  const frames: string[] = []
  client.subscribe(
    {
      query:
        'subscription { changes(entities: ["Order"], after: "' +
        Buffer.from('c1:0').toString('base64url') +
        '") { change { kind cursor } entity { ... on Order { id memo } } } }',
    },
    { next: frame => frames.push(JSON.stringify(frame)), error: () => undefined, complete: () => undefined },
  )
  await vi.waitFor(() => expect(frames.join('\n')).toContain('told before the end'), {
    timeout: 10_000,
    interval: 100,
  })
})

test('ending comes although clients hold connections on which they send nothing, or half a request', async () => {
  const at = await setting()
  const process = await start(at)
  const { hostname, port } = new URL(at.url)
  const hold = (text: string): Promise<void> =>
    new Promise(resolve => {
      const socket = connect(Number(port), hostname, () => socket.write(text, () => resolve()))
      socket.on('error', () => undefined)
      onTestFinished(() => void socket.destroy())
    })
  await hold('')
  await hold('POST /graphql HTTP/1.1\r\nHost: 127')
  await hold(
    `POST /graphql HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
  )
  process.kill('SIGTERM')
  expect(await process.ended).toEqual({ code: 0, signal: null })
})

test('ending while queries and mutations run over sockets: each is answered, then its socket is closed with 1001; what comes later is not begun', async () => {
  const at = await setting()
  const process = await start(at)
  await imported(at)
  const open = () => {
    const client = createClient({
      url: `${at.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      lazy: false,
      onNonLazyError: () => undefined,
    })
    onTestFinished(() => void client.dispose())
    const connected = new Promise<void>(resolve => client.on('connected', () => resolve()))
    const closed = new Promise<unknown>(resolve => client.on('closed', resolve))
    const ask = (query: string): Promise<unknown> =>
      new Promise((resolve, reject) => {
        client.subscribe({ query }, { next: resolve, error: reject, complete: () => undefined })
      })
    return { connected, closed, ask }
  }
  const [first, second] = [open(), open()]
  await Promise.all([first.connected, second.connected])
  at.tools.hubspot.faults.add({ kind: 'slow', delayMs: 1500 })
  const sent = at.tools.hubspot.requests.total
  const write = first.ask(
    'mutation { updateCustomer(input: { id: "101", phone: "+15550133" }) { customer { phone } } }',
  )
  await vi.waitFor(() => expect(at.tools.hubspot.requests.total).toBeGreaterThan(sent), 5000)
  process.kill('SIGTERM')
  await process.line('stopping')
  // The library sends again what was not answered, once it is connected again.
  const later = expect(first.ask('{ __typename }')).rejects.toMatchObject({ code: 1001 })
  expect(await second.closed).toMatchObject({ code: 1001 })
  expect(await write).toEqual({ data: { updateCustomer: { customer: { phone: '+15550133' } } } })
  await later
  expect(await process.ended).toEqual({ code: 0, signal: null })
})
