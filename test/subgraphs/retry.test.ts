import { describe, expect, it } from 'vitest'
import { retryDelayMs } from '../../subgraphs/retry.ts'
import { VendorError, vendorErrorKinds } from '../../subgraphs/vendor-error.ts'
import type { VendorErrorKind } from '../../subgraphs/vendor-error.ts'

const faults = (...kinds: VendorErrorKind[]): VendorError[] => kinds.map(kind => new VendorError('asana', kind, 'test'))
const half = (): number => 0.5
const roundMs = 400

describe('retrying', () => {
  it.each(vendorErrorKinds)('after %s depends on whether it passes', kind => {
    const passes = ['timeout', 'unavailable', 'rate-limited', 'unreadable'].includes(kind)
    expect(retryDelayMs({ faults: faults(kind), repeatable: true, roundMs }, half)).toBe(
      passes ? (kind === 'rate-limited' ? 450 : 50) : null,
    )
    expect(retryDelayMs({ faults: faults(kind), repeatable: false, roundMs }, half)).toBeNull()
  })

  it('waits longer the second time, and tries three times in all', () => {
    expect(retryDelayMs({ faults: faults('timeout', 'unavailable'), repeatable: true, roundMs }, half)).toBe(100)
    expect(
      retryDelayMs({ faults: faults('timeout', 'unavailable', 'timeout'), repeatable: true, roundMs }, half),
    ).toBeNull()
  })

  it('asks once more after an unreadable answer, not twice', () => {
    expect(retryDelayMs({ faults: faults('unreadable', 'timeout'), repeatable: true, roundMs }, half)).toBe(100)
    expect(retryDelayMs({ faults: faults('unreadable', 'unreadable'), repeatable: true, roundMs }, half)).toBeNull()
  })

  it('waits until the limit has come round where the vendor gives no time, a second at most', () => {
    expect(retryDelayMs({ faults: faults('rate-limited'), repeatable: true, roundMs: 1_000 }, () => 0)).toBe(1_000)
    expect(retryDelayMs({ faults: faults('rate-limited'), repeatable: true, roundMs: 60_000 }, () => 0)).toBe(1_000)
  })

  it("waits as long as the vendor's hint says", () => {
    const fault = new VendorError('asana', 'rate-limited', 'test', { retryAfterMs: 3_000 })
    expect(retryDelayMs({ faults: [fault], repeatable: true, roundMs }, half)).toBe(3_000)
  })
})
