import type { RequestFaultKind } from './faults.ts'
import type { SimulatorAnswer } from './server.ts'

/** The answer with what the faults `wrong-types` and `proto` do to it. */
export function spoil(kind: RequestFaultKind, answer: SimulatorAnswer): SimulatorAnswer {
  if (typeof answer.body !== 'object' || answer.body === null || Buffer.isBuffer(answer.body)) return answer
  if (kind === 'wrong-types') return { ...answer, body: wrongTypes(answer.body) }
  if (kind === 'proto') {
    const text = JSON.stringify(answer.body)
    // As text: an object literal would set the prototype instead.
    return { ...answer, body: text.replaceAll(/\{(?=")/g, '{"__proto__":{"polluted":true},') }
  }
  return answer
}

function wrongTypes(value: unknown): unknown {
  if (Array.isArray(value)) return { 0: value.map(wrongTypes) }
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return value.length
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (value === null) return {}
  if (typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([field, inner]) => [field, wrongTypes(inner)]))
}
