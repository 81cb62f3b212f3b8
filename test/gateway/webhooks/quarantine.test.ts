import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Quarantined } from '../../../gateway/store/quarantine.ts'
import { Quarantine } from '../../../gateway/webhooks/quarantine.ts'
import type { Received, WebhookAdapter } from '../../../subgraphs/contract.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const now = new Date('2026-06-01T09:00:00Z')

/** What begins with `no` is no webhook of this vendor. */
const adapter: WebhookAdapter = {
  verify: () => ({ genuine: false, reason: 'signature-wrong' }),
  read: ({ body }) =>
    Buffer.from(body).toString().startsWith('no') ? { unreadable: 'no' } : { entries: [{ key: 'k', hints: [] }] },
}

function open(random: () => number = Math.random) {
  const writes: (readonly Quarantined[])[] = []
  const quarantine = new Quarantine({
    keep: requests => Promise.resolve(void writes.push(requests)),
    random,
    log: { debug() {}, info() {}, warn() {}, error() {} },
  })
  const take = (body: string, system = 'stripe') => quarantine.take(system, adapter, request(body), now)
  const bodies = () => writes.map(one => one.map(({ received }) => Buffer.from(received.body).toString()))
  return { quarantine, take, bodies }
}

function request(body: string): Received {
  return { method: 'POST', endpoint: '', url: '', headers: {}, body: Buffer.from(body) }
}

test('what is refused within a second is one write, each once, and what cannot be a webhook of the vendor is not kept', async () => {
  const { take, bodies } = open()
  for (const body of ['one', 'two', 'two', 'no webhook']) take(body)
  expect(bodies()).toEqual([])
  await vi.advanceTimersByTimeAsync(1000)
  expect(bodies()).toEqual([['one', 'two']])
  take('three')
  await vi.advanceTimersByTimeAsync(1000)
  expect(bodies()).toEqual([['one', 'two'], ['three']])
})

test('a flood of requests that are slow to read costs 50 ms of every second, and long ones nothing', async () => {
  let reads = 0
  const slow: WebhookAdapter = {
    ...adapter,
    read(received) {
      reads += 1
      vi.advanceTimersByTime(20)
      return adapter.read(received)
    },
  }
  const { quarantine } = open()
  for (let at = 0; at < 100; at += 1) quarantine.take('stripe', slow, request(`forged ${at}`), now)
  quarantine.take('stripe', slow, request('x'.repeat(65 * 1024)), now)
  expect(reads).toBe(3)
  await vi.advanceTimersByTimeAsync(1000)
  quarantine.take('stripe', slow, request('x'.repeat(65 * 1024)), now)
  expect(reads).toBe(3)
  quarantine.take('stripe', slow, request('another'), now)
  expect(reads).toBe(4)
})

test('a flood costs one small write a second, and each that came in it has the same chance to be kept', async () => {
  const { take, bodies } = open()
  let kept = 0
  const genuine = 500
  for (let second = 0; second < 20; second += 1) {
    for (let at = 0; at < genuine; at += 1) {
      take(`genuine ${second} ${at}`)
      take(`forged ${second} ${at}`)
    }
    await vi.advanceTimersByTimeAsync(1000)
  }
  expect(bodies()).toHaveLength(20)
  for (const one of bodies()) {
    expect(one.length).toBeLessThanOrEqual(50)
    kept += one.filter(body => body.startsWith('genuine')).length
  }
  // 500 of 1000 are expected, with a deviation of 16.
  expect(kept).toBeGreaterThan(400)
  expect(kept).toBeLessThan(600)
})

test('what is larger than a quarter of the room is not kept, and one vendor takes no room of another', async () => {
  const { take, bodies } = open()
  take('x'.repeat(300_000))
  for (let at = 0; at < 200; at += 1) take(`of stripe ${at}`)
  take('of asana', 'asana')
  await vi.advanceTimersByTimeAsync(1000)
  expect(bodies()[0]).toContain('of asana')
  expect(bodies()[0]).toHaveLength(51)
})

test('what is held is written when the process ends, and a store that fails harms nobody', async () => {
  const { quarantine, take, bodies } = open()
  take('one')
  await quarantine.flush()
  expect(bodies()).toEqual([['one']])
  const failing = new Quarantine({
    keep: () => Promise.reject(new Error('the store is gone')),
    random: Math.random,
    log: { debug() {}, info() {}, warn() {}, error() {} },
  })
  failing.take('stripe', adapter, request('one'), now)
  await failing.flush()
})
