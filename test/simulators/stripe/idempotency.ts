import { StripeError, badRequest } from './errors.ts'
import type { SimulatorAnswer } from '../core/server.ts'

/** Answers by `Idempotency-Key`. Source: Stripe API reference, idempotent requests: kept for at least 24 hours. */
export interface Idempotency {
  /** @throws StripeError when the key was used with other parameters, or is too long */
  run(key: string, request: string, run: () => SimulatorAnswer): SimulatorAnswer
}

const keptMs = 24 * 3_600_000
const longestKey = 255

export function createIdempotency(clock: () => Date): Idempotency {
  const kept = new Map<string, { readonly request: string; readonly answer: SimulatorAnswer; readonly at: number }>()
  return {
    run(key, request, run) {
      if (key.length > longestKey) {
        throw badRequest(`Idempotency keys can be at most ${longestKey} characters long.`)
      }
      const now = clock().getTime()
      const held = kept.get(key)
      if (held !== undefined && now - held.at < keptMs) {
        if (held.request === request) return replayed(held.answer)
        throw new StripeError(
          400,
          `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
          { type: 'idempotency_error' },
        )
      }
      const answer = run()
      // A request that was refused for its parameters was not begun.
      if (answer.status !== 400) kept.set(key, { request, answer, at: now })
      return answer
    },
  }
}

function replayed(answer: SimulatorAnswer): SimulatorAnswer {
  const original = answer.headers?.['request-id'] ?? ''
  return { ...answer, headers: { ...answer.headers, 'idempotent-replayed': 'true', 'original-request': original } }
}
