import { expect, test } from 'vitest'
import { Ids, idsOfDelivery, spanIdOfChange } from '../../../gateway/traces/ids.ts'

const receivedAt = new Date('2026-11-01T10:00:00.123Z')
const delivery = { system: 'stripe', receivedId: 7, receivedAt } as const

test('a delivery has one trace, however often and wherever it is asked for', () => {
  const { traceId, spanId } = idsOfDelivery(delivery)
  expect(idsOfDelivery({ ...delivery, receivedAt: new Date(receivedAt) })).toEqual({ traceId, spanId })
  expect(traceId).toMatch(/^[0-9a-f]{32}$/)
  expect(spanId).toMatch(/^[0-9a-f]{16}$/)
})

test('no other delivery has it, nor one of the same number in another store', () => {
  const others = [
    { ...delivery, receivedId: 8 },
    { ...delivery, system: 'hubspot' },
    { ...delivery, receivedAt: new Date(receivedAt.getTime() + 1) },
  ]
  const ids = [delivery, ...others].map(one => idsOfDelivery(one).traceId)
  expect(new Set(ids).size).toBe(ids.length)
})

test('a Change has a span of its own in its trace', () => {
  const { traceId } = idsOfDelivery(delivery)
  expect(spanIdOfChange(traceId, 1)).toMatch(/^[0-9a-f]{16}$/)
  expect(spanIdOfChange(traceId, 1)).not.toBe(spanIdOfChange(traceId, 2))
})

test('ids are given to one span, also when it cannot be begun, and are random again after it', () => {
  const ids = new Ids()
  const given = idsOfDelivery(delivery)
  const taken = ids.use(given, () => ({ traceId: ids.generateTraceId(), spanId: ids.generateSpanId() }))
  expect(taken).toEqual(given)
  const fail = (): never => {
    throw new Error('cannot begin')
  }
  expect(() => ids.use(given, fail)).toThrow('cannot begin')
  expect(ids.generateTraceId()).not.toBe(given.traceId)
  expect(ids.generateSpanId()).not.toBe(given.spanId)
})
