import { randomInt } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'graphql-ws'
import { expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { startChild, type Child } from './child.ts'

const hubspot = 'http://127.0.0.1:4101'

function isReached(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  )
}

async function ended(child: Child): Promise<void> {
  child.kill('SIGINT')
  expect(await child.ended, child.output()).toEqual({ code: 0, signal: null })
  // The stand-ins are a process of their own, and gone too.
  await vi.waitFor(async () => expect(await isReached(hubspot)).toBe(false), 20_000)
}

test('a demo whose port is taken says which and how to choose another, and makes nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'livegraph-demo-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const blocker = createServer()
  onTestFinished(() => void blocker.close())
  const portOf = (port: number): Promise<number> =>
    new Promise((resolve, reject) =>
      blocker.once('error', reject).listen(port, '127.0.0.1', () => {
        const address = blocker.address()
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      }),
    )
  const port = await portOf(0)
  const demo = startChild(join(process.cwd(), 'test/demo.ts'), [], { PORT: String(port) }, folder)
  expect(await demo.ended).toMatchObject({ code: 1 })
  expect(demo.output()).toMatch(new RegExp(`port ${port} is taken.*another port with PORT`))
  await new Promise(resolve => blocker.close(resolve))
  // One of a stand-in: the graph's own is free.
  await portOf(4102)
  const other = startChild(join(process.cwd(), 'test/demo.ts'), [], { PORT: String(port) }, folder)
  expect(await other.ended).toMatchObject({ code: 1 })
  expect(other.output()).toMatch(/port 4102 is taken/)
  expect(readdirSync(folder)).toEqual([])
})

test('the demo starts, shows a change made with curl, ends with Ctrl-C, and finds its data at the second start', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'livegraph-demo-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const port = randomInt(20_000, 30_000)
  const environment = { PORT: String(port) }
  const start = async (...options: string[]): Promise<Child> => {
    const child = startChild(join(process.cwd(), 'test/demo.ts'), options, environment, folder)
    await child.line('is ready')
    return child
  }
  const url = `127.0.0.1:${port}/graphql`
  const ask = async (query: string): Promise<string> => {
    const response = await fetch(`http://${url}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    })
    return response.text()
  }

  const first = await start()
  const client = createClient({ url: `ws://${url}`, webSocketImpl: WebSocket, retryAttempts: 0 })
  onTestFinished(() => void client.dispose())
  const frames: string[] = []
  client.subscribe(
    { query: 'subscription { customerChanged(id: "101") { change { kind } customer { phone } } }' },
    { next: frame => frames.push(JSON.stringify(frame)), error: () => undefined, complete: () => undefined },
  )
  await vi.waitFor(() => expect(frames.join()).toContain('CURRENT'), 20_000)
  await fetch(`${hubspot}/crm/v3/objects/contacts/101`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ properties: { phone: '+15550199' } }),
  })
  await vi.waitFor(() => expect(frames.join()).toContain('+15550199'), 20_000)
  expect(
    await ask(
      'mutation { createCustomer(input: { name: "Zed Quist", email: "zed@example.test" }) { customer { id } } }',
    ),
  ).toContain('"id"')
  await ended(first)

  const second = await start('--no-life')
  await vi.waitFor(
    async () =>
      expect(
        await ask(
          '{ customers(filter: { email: "zed@example.test" }) { nodes { name phone } } customer(id: "101") { phone } }',
        ),
      ).toContain('Zed Quist'),
    20_000,
  )
  expect(await ask('{ customer(id: "101") { phone } }')).toContain('+15550199')
  await ended(second)
})
