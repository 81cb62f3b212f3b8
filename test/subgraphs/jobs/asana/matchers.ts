import { expect } from 'vitest'

/** Vitest's matchers are `any`; these stand in for a value nobody reads. */
export function textWith(pattern: string | RegExp): unknown {
  return typeof pattern === 'string' ? expect.stringContaining(pattern) : expect.stringMatching(pattern)
}

export function textWithout(part: string): unknown {
  return expect.not.stringContaining(part)
}
