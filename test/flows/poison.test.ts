import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { temporaryDirectory } from '../gateway/store/open-for-test.ts'
import { signatureOf } from '../simulators/stripe/sign.ts'
import { ask, imported, postEvent, setting, start, type Setting } from './setting.ts'

/** Ends whatever process reads it, as a fault in a parser would. */
const poison = 'poison of this test'

function poisoned(at: Setting): Setting {
  const path = join(temporaryDirectory(), 'poison.mjs')
  writeFileSync(
    path,
    `const parse = JSON.parse
     JSON.parse = (text, reviver) => {
       if (String(text).includes(${JSON.stringify(poison)})) process.kill(process.pid, 'SIGKILL')
       return parse(text, reviver)
     }`,
  )
  return { ...at, environment: { ...at.environment, NODE_OPTIONS: `--import ${path}` } }
}

/** A webhook that says that an invoice changed, and nothing of what it holds. */
async function postAbout({ url, tools }: Setting, id: string): Promise<number> {
  const created = Math.floor(Date.now() / 1000)
  const data = { object: { id }, previous_attributes: { description: null } }
  const body = JSON.stringify({ id: 'evt_poison', object: 'event', type: 'invoice.updated', created, data })
  const signature = signatureOf(tools.stripe.webhookSecret, body, new Date())
  const headers = { 'content-type': 'application/json', 'stripe-signature': signature }
  return (await fetch(`${url}/webhooks/stripe`, { method: 'POST', headers, body })).status
}

async function counts(at: Setting): Promise<unknown> {
  return ask(at, '{ dead: deliveries(state: DEAD) { totalCount } due: deliveries(state: DUE) { totalCount } }')
}

test('a delivery that ends whatever process reads its record is dead after three deaths, and the others are worked on', async () => {
  const at = poisoned(await setting())
  let process = await start(at)
  await imported(at)
  const [, victim] = at.tools.stripe.snapshot().invoices
  const id = victim?.head.id ?? ''
  at.tools.stripe.faults.add({ webhook: 'drop' })
  at.tools.stripe.updateInvoice(id, { description: poison })
  expect(await postAbout(at, id)).toBe(200)
  for (let death = 1; death <= 3; death += 1) {
    expect(await process.ended).toMatchObject({ signal: 'SIGKILL' })
    process = await start(at)
    // It holds up nobody: what comes meanwhile is worked on.
    if (death === 2) expect(await postEvent(at)).toBe(200)
  }
  await vi.waitFor(async () => expect(await counts(at)).toEqual({ dead: { totalCount: 1 }, due: { totalCount: 0 } }), {
    timeout: 10_000,
    interval: 100,
  })
  expect(await ask(at, '{ deliveries(state: DEAD) { nodes { processDeaths reason records { id } } } }')).toEqual({
    deliveries: {
      nodes: [{ processDeaths: 3, reason: expect.stringContaining('3 times'), records: [{ id }] }],
    },
  })
}, 300_000)
