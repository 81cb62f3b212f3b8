import { expect, test } from 'vitest'
import type { KeptRequest } from '../../../gateway/store/quarantine.ts'
import { recover } from '../../../gateway/webhooks/recover.ts'
import { Secrets } from '../../../gateway/webhooks/secrets.ts'
import type { WebhookAdapter } from '../../../subgraphs/contract.ts'

const receivedAt = new Date('2026-06-01T09:00:00Z')

/** Genuine when the body names one of the secrets, at the time it was received. */
const adapter: WebhookAdapter = {
  verify: ({ body }, secrets, now) =>
    secrets.includes(Buffer.from(body).toString()) && now.getTime() === receivedAt.getTime()
      ? { genuine: true }
      : { genuine: false, reason: 'signature-wrong' },
  read: ({ body }) => ({ entries: [{ key: Buffer.from(body).toString(), hints: [] }] }),
}

function kept(id: number, body: string, endpoint = ''): KeptRequest {
  const received = { method: 'POST', endpoint, url: '', headers: {}, body: Buffer.from(body) }
  return { id, system: 'stripe', received, receivedAt }
}

async function run(requests: readonly KeptRequest[], store?: () => Promise<{ fresh: number }>) {
  const told: string[] = []
  const end = await recover(
    {
      sources: [{ system: 'stripe', adapter, endpoints: [''], secrets: ['right'] }],
      secrets: new Secrets({
        list: () => Promise.resolve([]),
        add: () => Promise.resolve(),
        addAwaited: () => Promise.resolve(false),
        listUnconfirmed: () => Promise.resolve([]),
        dropUnconfirmed: () => Promise.resolve(),
        replace: () => Promise.resolve(),
        awaitHandshake: () => Promise.resolve(() => Promise.resolve()),
        isHandshakeAwaited: () => Promise.resolve(false),
      }),
      list: (_system, after) => Promise.resolve(requests.filter(({ id }) => id > after).slice(0, 2)),
      store: (_system, _received, entries, at) => {
        told.push(`store ${entries[0]?.key} of ${at.toISOString()}`)
        return store?.() ?? Promise.resolve({ fresh: 1 })
      },
      forget: ids => Promise.resolve(void told.push(`forget ${ids.join()}`)),
      log: { debug() {}, info() {}, warn() {}, error() {} },
    },
    null,
    () => undefined,
    new AbortController().signal,
  )
  return { end, told }
}

test('what is genuine by the present secrets, at the time it was received, is stored and then forgotten; the rest stays', async () => {
  const { end, told } = await run([
    kept(1, 'forged'),
    kept(2, 'right'),
    kept(3, 'forged'),
    kept(4, 'right', 'elsewhere'),
  ])
  expect(told).toEqual(['store right of 2026-06-01T09:00:00.000Z', 'forget 2'])
  expect(end).toEqual({ looked: 4, genuine: 1, fresh: 1 })
})

test('what could not be stored is kept', async () => {
  await expect(run([kept(1, 'right')], () => Promise.reject(new Error('full')))).rejects.toThrow('full')
})
