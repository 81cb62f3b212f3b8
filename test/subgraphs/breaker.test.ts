import { describe, expect, it } from 'vitest'
import { openBreaker } from '../../subgraphs/breaker.ts'
import type { Breaker } from '../../subgraphs/breaker.ts'
import { VendorError } from '../../subgraphs/vendor-error.ts'

function open(): { breaker: Breaker; pass(ms: number): void; fault(times: number): void } {
  let now = 0
  const breaker = openBreaker('stripe', () => now)
  return {
    breaker,
    pass: ms => (now += ms),
    fault(times) {
      for (let time = 0; time < times; time += 1) breaker.admit()('timeout')
    },
  }
}

function retryAfterMs(breaker: Breaker): number | undefined {
  try {
    breaker.check()
    return undefined
  } catch (error) {
    if (error instanceof VendorError && error.kind === 'unavailable') return error.retryAfterMs
    throw error
  }
}

describe('the breaker', () => {
  it('opens for 5 s after 5 faults in a row', () => {
    const { breaker, pass, fault } = open()
    fault(4)
    breaker.admit()(undefined)
    fault(4)
    expect(breaker.isClosed()).toBe(true)
    fault(1)
    expect(retryAfterMs(breaker)).toBe(5_000)
    pass(4_999)
    expect(retryAfterMs(breaker)).toBe(1)
    pass(1)
    expect(retryAfterMs(breaker)).toBeUndefined()
  })

  it('opens when half of the last 20 were faults', () => {
    const { breaker, fault } = open()
    for (let pair = 0; pair < 9; pair += 1) {
      breaker.admit()(undefined)
      fault(1)
    }
    breaker.admit()(undefined)
    expect(breaker.isClosed()).toBe(true)
    fault(1)
    expect(breaker.isClosed()).toBe(false)
  })

  it.each(['rejected', 'not-found', 'rate-limited', 'aborted', 'unauthorized', 'unreadable'] as const)(
    'stays closed whatever number of requests end as %s',
    kind => {
      const { breaker } = open()
      for (let time = 0; time < 50; time += 1) breaker.admit()(kind)
      expect(breaker.isClosed()).toBe(true)
    },
  )

  it('lets one probe through, and doubles its time up to 30 s while probes fail', () => {
    const { breaker, pass, fault } = open()
    fault(5)
    for (const openMs of [5_000, 10_000, 20_000, 30_000, 30_000]) {
      expect(retryAfterMs(breaker)).toBe(openMs)
      pass(openMs)
      const probe = breaker.admit()
      expect(retryAfterMs(breaker)).toBe(1_000)
      probe('unavailable')
    }
    pass(30_000)
    breaker.admit()('not-found')
    expect(breaker.isClosed()).toBe(true)
    fault(5)
    expect(retryAfterMs(breaker)).toBe(5_000)
  })

  it('lets another probe through when the first was called off', () => {
    const { breaker, pass, fault } = open()
    fault(5)
    pass(5_000)
    breaker.admit()('aborted')
    expect(retryAfterMs(breaker)).toBeUndefined()
  })

  it('does not hear how requests ended that it admitted before it opened', () => {
    const { breaker, pass, fault } = open()
    const slow = breaker.admit()
    const slower = breaker.admit()
    fault(5)
    slow(undefined)
    expect(breaker.isClosed()).toBe(false)
    pass(5_000)
    const probe = breaker.admit()
    slower('timeout')
    probe(undefined)
    expect(breaker.isClosed()).toBe(true)
  })
})
