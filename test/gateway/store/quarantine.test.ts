import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  countQuarantined,
  keepQuarantined,
  listQuarantined,
  pruneQuarantine,
  surplusOf,
  type Quarantined,
} from '../../../gateway/store/quarantine.ts'
import { openMemoryStore } from './open-for-test.ts'

const now = new Date('2026-03-01T12:00:00Z')
const hourMs = 3_600_000

function request(digest: string, receivedAt = now, system = 'stripe'): Quarantined {
  const received = { method: 'POST', endpoint: '', url: '', headers: { a: 'b' }, body: Buffer.from(digest) }
  return { system, received, receivedAt, digest }
}

test('what is kept comes back as it came, once, and is counted by system', async () => {
  const store = await openMemoryStore()
  const room = { requests: 10, bytes: 10_000 }
  await keepQuarantined(store, [request('1'), request('1'), request('2', now, 'asana')], room, Math.random)
  await keepQuarantined(store, [request('1')], room, Math.random)
  const kept = await listQuarantined(store, null, { after: 0, limit: 10 })
  expect(kept.map(({ system, receivedAt }) => [system, receivedAt])).toEqual([
    ['stripe', now],
    ['asana', now],
  ])
  expect(kept[0]?.received).toEqual({ ...request('1').received, body: new Uint8Array(Buffer.from('1')) })
  expect(await listQuarantined(store, 'asana', { after: 0, limit: 10 })).toHaveLength(1)
  expect(await countQuarantined(store)).toMatchObject([
    { system: 'asana', requests: 1 },
    { system: 'stripe', requests: 1, oldestAt: now, newestAt: now },
  ])
})

test('a flood displaces itself: what came in other hours stays, however much comes in one', async () => {
  const store = await openMemoryStore()
  const room = { requests: 40, bytes: 1_000_000 }
  const genuine = Array.from({ length: 10 }, (_, at) =>
    request(`genuine ${at}`, new Date(now.getTime() - (5 - (at % 5)) * hourMs)),
  )
  await keepQuarantined(store, genuine, room, Math.random)
  for (let burst = 0; burst < 10; burst += 1) {
    const forged = Array.from({ length: 50 }, (_, at) => request(`forged ${burst} ${at}`))
    await keepQuarantined(store, forged, room, Math.random)
  }
  const kept = await listQuarantined(store, null, { after: 0, limit: 100 })
  expect(kept).toHaveLength(40)
  expect(kept.filter(({ received }) => Buffer.from(received.body).toString().startsWith('genuine'))).toHaveLength(10)
})

test('whatever is kept, what is left has room, and no more goes than has to', () => {
  const row = fc.record({ hour: fc.integer({ min: 0, max: 3 }), size: fc.integer({ min: 1, max: 100 }) })
  fc.assert(
    fc.property(fc.array(row, { maxLength: 60 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (sizes, random) => {
      const rows = sizes.map((one, id) => ({ ...one, id }))
      const room = { requests: 20, bytes: 800 }
      const gone = surplusOf(rows, room, () => random)
      const left = rows.filter(({ id }) => !gone.includes(id))
      const bytes = left.reduce((sum, { size }) => sum + size, 0)
      expect(left.length <= room.requests && bytes <= room.bytes).toBe(true)
      const last = rows.find(({ id }) => id === gone.at(-1))
      if (last === undefined) return
      expect(left.length + 1 > room.requests || bytes + last.size > room.bytes).toBe(true)
    }),
  )
})

test('after 30 days it is forgotten', async () => {
  const store = await openMemoryStore()
  const days = (count: number) => new Date(now.getTime() - count * 24 * hourMs)
  await keepQuarantined(
    store,
    [request('old', days(31)), request('new', days(29))],
    { requests: 9, bytes: 9999 },
    Math.random,
  )
  expect(await pruneQuarantine(store, 30, now)).toBe(1)
  expect(await listQuarantined(store, null, { after: 0, limit: 10 })).toHaveLength(1)
})
