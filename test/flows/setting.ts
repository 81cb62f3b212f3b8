import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, vi } from 'vitest'
import { z } from 'zod'
import { seedBusiness } from '../simulators/core/business.ts'
import { signatureOf } from '../simulators/stripe/sign.ts'
import { startSimulators, type Simulators } from '../simulators/start.ts'
import { startChild, type Child } from './child.ts'
import { toolsEnvironment } from './environment.ts'

export const main = 'gateway/main.ts'

export interface Setting {
  readonly tools: Simulators
  readonly environment: Readonly<Record<string, string>>
  readonly url: string
}

/** The tools, and what a process needs to know to run against them on a store of its own. */
export async function setting(more: Readonly<Record<string, string>> = {}): Promise<Setting> {
  const folder = mkdtempSync(join(tmpdir(), 'livegraph-process-'))
  const port = randomInt(20_000, 30_000)
  const url = `http://127.0.0.1:${port}`
  const business = seedBusiness({ customers: 10, orders: 20, jobs: 10, now: new Date() })
  const tools = await startSimulators({ business, webhookBase: url, openDoor: true, retryScale: 0.001 })
  onTestFinished(async () => {
    await tools.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    tools,
    url,
    environment: {
      PORT: String(port),
      STORE_URL: `sqlite:${join(folder, 'graph.db')}`,
      LOG_LEVEL: 'info',
      ...toolsEnvironment(tools),
      // What comes is what webhooks bring; tests of sweeps ask for them.
      SWEEP_EVERY_SECONDS: '0',
      ...more,
    },
  }
}

export async function start({ environment }: Setting): Promise<Child> {
  const child = startChild(main, [], environment)
  await child.line('the graph is served')
  return child
}

const answer = z.object({ data: z.unknown() })

export async function ask({ url }: Setting, query: string): Promise<unknown> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  })
  return answer.parse(await response.json()).data
}

export async function imported(at: Setting): Promise<void> {
  await vi.waitFor(
    async () => expect(JSON.stringify(await ask(at, '{ systems { isImported } }'))).not.toContain('false'),
    { timeout: 10_000, interval: 100 },
  )
}

/** A genuine webhook about an invoice. */
export async function postEvent({ url, tools }: Setting): Promise<number> {
  const [invoice] = tools.stripe.snapshot().invoices
  const body = JSON.stringify({
    id: `evt_${randomInt(2 ** 40)}`,
    object: 'event',
    type: 'invoice.updated',
    created: Math.floor(Date.now() / 1000),
    data: { object: { id: invoice?.head.id }, previous_attributes: { description: null } },
  })
  const headers = {
    'content-type': 'application/json',
    'stripe-signature': signatureOf(tools.stripe.webhookSecret, body, new Date()),
  }
  return (await fetch(`${url}/webhooks/stripe`, { method: 'POST', headers, body })).status
}
