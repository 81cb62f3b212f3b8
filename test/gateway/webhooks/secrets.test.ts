import { expect, test } from 'vitest'
import { Secrets, type SecretStore } from '../../../gateway/webhooks/secrets.ts'

/** @param awaited endpoints at which a process of the store waits for a handshake */
function open(stored: string[] = [], awaited = new Set<string>()) {
  let reads = 0
  const store: SecretStore = {
    list: () => {
      reads += 1
      return Promise.resolve([...stored])
    },
    add: (_system, _endpoint, secret) => Promise.resolve(void stored.unshift(secret)),
    addAwaited: () => Promise.resolve(false),
    listUnconfirmed: () => Promise.resolve([]),
    dropUnconfirmed: () => Promise.resolve(),
    replace: () => Promise.resolve(),
    async awaitHandshake(system, endpoint) {
      if (awaited.has(`${system}/${endpoint}`)) throw new Error('another process is registering it')
      awaited.add(`${system}/${endpoint}`)
      return async () => void awaited.delete(`${system}/${endpoint}`)
    },
    isHandshakeAwaited: async (system, endpoint) => awaited.has(`${system}/${endpoint}`),
  }
  return { secrets: new Secrets(store), reads: () => reads }
}

test('secrets of the settings come first, then those handed out, the newest before the others', async () => {
  const { secrets } = open(['old'])
  expect(await secrets.of('asana', '99', ['set'])).toEqual(['set', 'old'])
  await secrets.add('asana', '99', 'new')
  expect(await secrets.of('asana', '99', ['set'])).toEqual(['set', 'new', 'old'])
  expect(await secrets.known('asana', '99')).toEqual(['new', 'old'])
})

test('what is known costs no reading, also where the store has none, until one is added', async () => {
  const { secrets, reads } = open()
  for (let times = 0; times < 100; times++) expect(await secrets.known('hubspot', '')).toEqual([])
  expect(reads()).toBe(1)
  await secrets.add('hubspot', '', 'new')
  expect(await secrets.known('hubspot', '')).toEqual(['new'])
})

test('a secret that another process was handed counts at once, for whoever asks for what the store has', async () => {
  const stored: string[] = []
  const { secrets } = open(stored)
  expect(await secrets.known('asana', '99')).toEqual([])
  stored.unshift('new')
  expect(await secrets.of('asana', '99', [])).toEqual(['new'])
  expect(await secrets.known('asana', '99')).toEqual(['new'])
})

test('however many ask at once, one reading begins after them all', async () => {
  const stored = ['old']
  const { secrets, reads } = open(stored)
  const first = secrets.of('asana', '99', [])
  stored.unshift('new')
  const later = Array.from({ length: 100 }, () => secrets.of('asana', '99', []))
  expect(await first).toEqual(['old'])
  expect(await Promise.all(later)).toEqual(later.map(() => ['new', 'old']))
  expect(reads()).toBe(2)
})

test('a handshake is pending for its endpoint only, while somebody waits for it, however that ends', async () => {
  const awaited = new Set<string>()
  const { secrets } = open([], awaited)
  const elsewhere = open([], awaited).secrets
  const port = secrets.portOf('asana', [])
  const pending = () =>
    Promise.all([
      secrets.isHandshakePending('asana', '99'),
      elsewhere.isHandshakePending('asana', '99'),
      secrets.isHandshakePending('asana', '98'),
      secrets.isHandshakePending('stripe', '99'),
    ])
  let endFirst = (): void => undefined
  const first = port.whileHandshakePending('99', () => new Promise<void>(resolve => (endFirst = resolve)))
  const second = port.whileHandshakePending('99', () => Promise.reject(new Error('refused')))
  await expect(second).rejects.toThrow('refused')
  expect(await pending()).toEqual([true, true, false, false])
  await expect(elsewhere.portOf('asana', []).whileHandshakePending('99', () => Promise.resolve())).rejects.toThrow(
    'another process',
  )
  endFirst()
  await first
  expect(await pending()).toEqual([false, false, false, false])
})

test('a failed reading of the store is not remembered', async () => {
  let isDown = true
  const secrets = new Secrets({
    list: () => (isDown ? Promise.reject(new Error('down')) : Promise.resolve(['kept'])),
    add: () => Promise.resolve(),
    addAwaited: () => Promise.resolve(false),
    listUnconfirmed: () => Promise.resolve([]),
    dropUnconfirmed: () => Promise.resolve(),
    replace: () => Promise.resolve(),
    awaitHandshake: () => Promise.resolve(() => Promise.resolve()),
    isHandshakeAwaited: () => Promise.resolve(false),
  })
  await expect(secrets.of('asana', '99', [])).rejects.toThrow('down')
  isDown = false
  expect(await secrets.of('asana', '99', [])).toEqual(['kept'])
})
