import fc from 'fast-check'
import { expect, test } from 'vitest'
import { maxAttempts, mayGiveUp, outageMs, retryAfterMs } from '../../../gateway/webhooks/retry-times.ts'

test('the longest wait doubles from a second up to five minutes, and jitter takes all of it or next to nothing', () => {
  const longest = Array.from({ length: maxAttempts }, (_, at) => retryAfterMs(at + 1, 0.999_999_9))
  expect(longest).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000])
  expect(retryAfterMs(5, 0)).toBe(100)
})

test('for any attempt and any chance the wait is a whole number between 100 ms and five minutes', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempts, random) => {
        const ms = retryAfterMs(attempts, random)
        expect(Number.isInteger(ms) && ms >= 100 && ms <= 300_000).toBe(true)
      },
    ),
  )
})

test.each([
  [9, 0, false, false],
  [10, 0, false, true],
  [10, 0, true, false],
  [500, outageMs - 1, true, false],
  [10, outageMs, true, true],
])('after %i tries and %i ms, with its vendor out: %s, it is given up: %s', (tries, waitedMs, isOut, isGivenUp) => {
  expect(mayGiveUp({ tries, waitedMs, isOut })).toBe(isGivenUp)
})
