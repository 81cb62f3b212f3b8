import { createServer } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { seedBusiness } from './core/business.ts'
import { seededRandom } from './core/random.ts'
import { startSimulators } from './start.ts'
import { createLife } from './life.ts'
import type { Simulators, SimulatorsOptions } from './start.ts'

const now = new Date('2026-06-01T09:00:00.000Z')
const small = seedBusiness({ seed: 7, customers: 60, orders: 80, jobs: 80, now })

describe('life', () => {
  test('every kind of thing happens, and one seed gives one life', async () => {
    const first = await linesOf(60)
    const second = await linesOf(60)
    expect(first.length).toBeGreaterThan(50)
    expect(second).toEqual(first)
    const kinds = [/moved to/, /new phone/, /became a customer/, /was paid/, /was written/, /rescheduled/, /came in/]
    for (const kind of [...kinds, /moved on|is done/]) expect(first.some(line => kind.test(line))).toBe(true)
  })

  test('what it says is so: the contact has moved', async () => {
    const simulators = await world()
    let line: string | null = null
    while (line === null || !/^customer \d+ moved/.test(line)) line = await simulators.life.step()
    const [, id = '', street] = /^customer (\d+) moved to (.+), /.exec(line) ?? []
    expect(simulators.hubspot.contact(id)?.properties['address']).toBe(street)
  })

  test('a vendor that fails makes nothing happen, and life goes on', async () => {
    const simulators = await world()
    for (const { faults } of [simulators.hubspot, simulators.stripe, simulators.asana]) faults.add({ kind: 'error' })
    expect(await simulators.life.step()).toBeNull()
    for (const { faults } of [simulators.hubspot, simulators.stripe, simulators.asana]) faults.clear()
    const lines: (string | null)[] = []
    for (let step = 0; step < 5; step += 1) lines.push(await simulators.life.step())
    expect(lines.some(line => line !== null)).toBe(true)
  })

  test('stopped, it waits for what it began', async () => {
    const { life } = await world()
    let isOver = false
    void life.step().then(() => (isOver = true))
    await life.stop()
    expect(isOver).toBe(true)
  })

  test('started it goes by itself, and stopped no more', async () => {
    const told: string[] = []
    let tellThird = (): void => undefined
    const third = new Promise<void>(resolve => (tellThird = resolve))
    const tell = (line: string) => {
      if (told.push(line) === 3) tellThird()
    }
    const simulators = await world({ life: { everyMs: 1 }, tell })
    await third
    await simulators.life.stop()
    const { total } = simulators.hubspot.requests
    const count = told.length
    await new Promise(resolve => setTimeout(resolve, 20))
    expect([simulators.hubspot.requests.total, told.length]).toEqual([total, count])
  })
})

describe('the three together', () => {
  test('webhooks of each go to its own endpoint', async () => {
    const paths = new Set<string>()
    const server = createServer((request, response) => {
      paths.add(request.url ?? '')
      request.resume().on('end', () => response.writeHead(204).end())
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const simulators = await world({ webhookBase: `http://127.0.0.1:${port}`, secrets: { asana: 'planted' } })
    for (let step = 0; step < 25; step += 1) await simulators.life.step()
    await Promise.all([simulators.hubspot, simulators.stripe, simulators.asana].map(({ webhooks }) => webhooks.idle()))
    expect([...paths].sort()).toEqual(['/webhooks/asana/99', '/webhooks/hubspot', '/webhooks/stripe'])
  })

  test('when one cannot start, none is left running', async () => {
    const { hubspot } = await world()
    const taken = { ports: { asana: hubspot.port } }
    await expect(startSimulators({ business: small, ...taken })).rejects.toThrow('EADDRINUSE')
  })
})

async function world(options: SimulatorsOptions = {}): Promise<Simulators> {
  // Nobody listens on the discard port.
  const webhookBase = 'http://127.0.0.1:9'
  const simulators = await startSimulators({
    business: small,
    clock: () => now,
    webhookBase,
    retryScale: 0,
    ...options,
  })
  onTestFinished(() => simulators.close())
  return simulators
}

async function linesOf(steps: number): Promise<string[]> {
  // Time goes on from step to step, so that no limit is reached.
  let at = now.getTime()
  const clock = () => new Date(at)
  const { hubspot, stripe, asana } = await world({ clock })
  const lines: string[] = []
  const life = createLife({
    hubspot: { url: hubspot.url, token: hubspot.accessToken },
    stripe: { url: stripe.url, token: stripe.secretKey },
    asana: { url: asana.url, token: asana.accessToken },
    random: seededRandom(5),
    clock,
    tell: line => lines.push(line),
  })
  for (let step = 0; step < steps; step += 1) {
    at += 5000
    await life.step()
  }
  return lines
}
