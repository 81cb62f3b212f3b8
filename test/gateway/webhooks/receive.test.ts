import { describe, expect, test } from 'vitest'
import { StoreError } from '../../../gateway/store/store.ts'
import { openReceive, type ReceivePorts } from '../../../gateway/webhooks/receive.ts'
import { Secrets, type SecretStore } from '../../../gateway/webhooks/secrets.ts'
import type { DeliveryEntry, Received, WebhookAdapter } from '../../../subgraphs/contract.ts'

const now = new Date('2026-06-01T09:00:00Z')

/** Genuine when the header `signature` is one of the secrets. */
const adapter: WebhookAdapter = {
  verify: ({ headers }, secrets) =>
    secrets.includes(headers['signature'] ?? '') ? { genuine: true } : { genuine: false, reason: 'signature-wrong' },
  read: ({ body }) => ({ entries: [{ key: Buffer.from(body).toString(), hints: [] }] }),
  handshake: ({ headers }) => {
    const secret = headers['x-hook-secret']
    return secret === undefined ? null : { secret, answerHeaders: { 'X-Hook-Secret': secret } }
  },
}

/** Secrets of a store that has these; no handshake is awaited in it. */
function secretsOf(list: () => Promise<readonly string[]>, more: Partial<SecretStore> = {}): Secrets {
  return new Secrets({
    list,
    add: () => Promise.resolve(),
    addAwaited: () => Promise.resolve(false),
    listUnconfirmed: () => Promise.resolve([]),
    dropUnconfirmed: () => Promise.resolve(),
    replace: () => Promise.resolve(),
    awaitHandshake: () => Promise.resolve(() => Promise.resolve()),
    isHandshakeAwaited: () => Promise.resolve(false),
    ...more,
  })
}

function open(more: Partial<ReceivePorts> & { readonly adapter?: Partial<WebhookAdapter> } = {}) {
  const steps: string[] = []
  const stored: { readonly received: Received; readonly entries: readonly DeliveryEntry[] }[] = []
  const secrets = secretsOf(() => Promise.resolve([]), {
    addAwaited: (_s, _e, secret) => Promise.resolve(steps.push(`secret ${secret}`) > 0),
  })
  const receive = openReceive({
    sources: [{ system: 'asana', adapter: { ...adapter, ...more.adapter }, endpoints: ['99'], secrets: ['right'] }],
    publicUrl: 'https://graph.example.com',
    secrets,
    store: async (_system, received, entries) => {
      await new Promise(resolve => setImmediate(resolve))
      steps.push('stored')
      stored.push({ received, entries })
      return []
    },
    quarantine: () => undefined,
    process: () => void steps.push('processed'),
    clock: { now: () => now },
    log: { debug() {}, info() {}, warn() {}, error() {} },
    ...more,
  })
  const post = (headers: Readonly<Record<string, string>> = {}, endpoint = '99', system = 'asana') =>
    receive(system, endpoint, {
      method: 'POST',
      path: `/webhooks/${system}/${endpoint}?a=1`,
      headers,
      body: Buffer.from('body'),
    })
  return { post, steps, stored, secrets }
}

describe('a webhook', () => {
  test('is answered only after it was stored, and handed on only then; it is verified for the address the vendor called', async () => {
    const { post, steps, stored } = open()
    const answer = await post({ signature: 'right' })
    expect([answer?.status, steps]).toEqual([200, ['stored', 'processed']])
    expect(stored[0]?.received).toMatchObject({
      url: 'https://graph.example.com/webhooks/asana/99?a=1',
      method: 'POST',
      endpoint: '99',
    })
  })

  test('that is forged is refused in a sentence, before anything is stored', async () => {
    const { post, steps } = open()
    expect(await post({ signature: 'wrong' })).toMatchObject({ status: 401, text: expect.stringMatching(/\.$/) })
    expect(steps).toEqual([])
  })

  test('to an address nobody listens on is none of ours, names of Object among them', () => {
    const { post } = open()
    expect([post({}, '98'), post({}, '99', 'stripe'), post({}, '', '__proto__'), post({}, 'constructor')]).toEqual([
      null,
      null,
      null,
      null,
    ])
  })

  test('that is compressed is refused before anything is verified; identity is no compression', async () => {
    const { post } = open()
    expect((await post({ signature: 'right', 'content-encoding': 'br' }))?.status).toBe(415)
    expect((await post({ signature: 'right', 'content-encoding': 'identity' }))?.status).toBe(200)
  })

  test('that is genuine and cannot be read, or whose reading fails, is kept for a person', async () => {
    for (const read of [
      () => ({ unreadable: 'no JSON' }),
      () => {
        throw new RangeError('too deep')
      },
    ]) {
      const { post, stored } = open({ adapter: { read } })
      expect((await post({ signature: 'right' }))?.status).toBe(200)
      expect(stored[0]?.entries).toMatchObject([
        { key: expect.stringMatching(/^body:[0-9a-f]{64}$/), unreadable: expect.any(String) },
      ])
    }
  })

  test('that cannot be stored is to come again, and is not handed on', async () => {
    const { post, steps } = open({ store: () => Promise.reject(new StoreError('full', 'no space')) })
    expect(await post({ signature: 'right' })).toMatchObject({ status: 503, headers: { 'Retry-After': '5' } })
    expect(steps).toEqual([])
  })

  test('signed with a secret that another process was handed a moment ago is genuine', async () => {
    const handed: string[] = []
    const secrets = secretsOf(() => Promise.resolve([...handed]))
    const { post } = open({ secrets })
    expect((await post({ signature: 'theirs' }))?.status).toBe(401)
    handed.unshift('theirs')
    expect((await post({ signature: 'theirs' }))?.status).toBe(200)
  })

  test('of a secret of the settings is taken although the store answers nothing, and forged ones wait for it a hundred at most', async () => {
    let comeBack: () => void = () => undefined
    const away = new Promise<void>(resolve => (comeBack = resolve))
    const secrets = secretsOf(() => away.then(() => []))
    const { post } = open({ secrets })
    const forged = Array.from({ length: 300 }, () => post({ signature: 'wrong' })).flatMap(one => one ?? [])
    expect((await post({ signature: 'right' }))?.status).toBe(200)
    // The first is read for, and a hundred wait for the next reading.
    const refused = await Promise.all(forged.slice(101))
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([503]))
    comeBack()
    const answered = await Promise.all(forged.slice(0, 101))
    expect(new Set(answered.map(({ status }) => status))).toEqual(new Set([401]))
  })

  test('without any secret to verify it with is refused', async () => {
    const { post } = open({ sources: [{ system: 'asana', adapter, endpoints: ['99'], secrets: [] }] })
    expect((await post({ signature: '' }))?.status).toBe(401)
  })
})

test('a handshake is answered, and its secret kept, only while one is asked for', async () => {
  const { post, steps, secrets } = open()
  expect((await post({ 'x-hook-secret': 'new' }))?.status).toBe(403)
  const answer = await secrets
    .portOf('asana', [])
    .whileHandshakePending('99', async () => post({ 'x-hook-secret': 'new' }))
  expect(answer).toMatchObject({ status: 200, headers: { 'X-Hook-Secret': 'new' } })
  expect(steps).toEqual(['secret new'])
  expect((await post({ 'x-hook-secret': 'new' }))?.status).toBe(403)
})
