import { expect, test } from 'vitest'
import { Secrets } from '../../../gateway/webhooks/secrets.ts'

function open(stored: string[] = []) {
  let reads = 0
  const secrets = new Secrets({
    list: () => {
      reads += 1
      return Promise.resolve([...stored])
    },
    add: (_system, _endpoint, secret) => Promise.resolve(void stored.unshift(secret)),
  })
  return { secrets, reads: () => reads }
}

test('secrets of the settings come first, then those handed out; the store is read once until one is added', async () => {
  const { secrets, reads } = open(['old'])
  expect(await secrets.of('asana', '99', ['set'])).toEqual(['set', 'old'])
  await secrets.of('asana', '99', ['set'])
  expect(reads()).toBe(1)
  await secrets.add('asana', '99', 'new')
  expect(await secrets.of('asana', '99', ['set'])).toEqual(['set', 'new', 'old'])
})

test('a handshake is pending for its endpoint only, while somebody waits for it, however that ends', async () => {
  const { secrets } = open()
  const port = secrets.portOf('asana', [])
  const pending = () => [
    secrets.isHandshakePending('asana', '99'),
    secrets.isHandshakePending('asana', '98'),
    secrets.isHandshakePending('stripe', '99'),
  ]
  let endFirst = (): void => undefined
  const first = port.whileHandshakePending('99', () => new Promise<void>(resolve => (endFirst = resolve)))
  const second = port.whileHandshakePending('99', () => Promise.reject(new Error('refused')))
  await expect(second).rejects.toThrow('refused')
  expect(pending()).toEqual([true, false, false])
  endFirst()
  await first
  expect(pending()).toEqual([false, false, false])
})

test('a failed reading of the store is not remembered', async () => {
  let isDown = true
  const secrets = new Secrets({
    list: () => (isDown ? Promise.reject(new Error('down')) : Promise.resolve(['kept'])),
    add: () => Promise.resolve(),
  })
  await expect(secrets.of('asana', '99', [])).rejects.toThrow('down')
  isDown = false
  expect(await secrets.of('asana', '99', [])).toEqual(['kept'])
})
