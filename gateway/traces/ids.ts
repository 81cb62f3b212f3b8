import { createHash } from 'node:crypto'
import { type IdGenerator, RandomIdGenerator } from '@opentelemetry/sdk-trace-base'
import type { System } from '../../schema/systems.ts'

/** A delivery as its entries name it, in whichever process they are worked on. */
export interface DeliveryRef {
  readonly system: System
  readonly receivedId: number
  readonly receivedAt: Date
}

export interface SpanIds {
  readonly traceId: string
  readonly spanId: string
}

/**
 * The trace of a delivery, and the span of its receipt. They follow from what the store has of it, so that the receipt, every
 * try, and every replay are one trace, in whichever process and however much later. The time tells stores apart.
 */
export function idsOfDelivery({ system, receivedId, receivedAt }: DeliveryRef): SpanIds {
  const digest = digestOf(system, receivedId, receivedAt.getTime())
  return { traceId: digest.slice(0, 32), spanId: digest.slice(32, 48) }
}

/** The span of a Change: every process that follows the log knows it. */
export function spanIdOfChange(traceId: string, sequence: number): string {
  return digestOf(traceId, sequence).slice(0, 16)
}

function digestOf(...parts: readonly (string | number)[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('hex')
}

/** Random ids, but for spans that are begun within `use`. */
export class Ids implements IdGenerator {
  readonly #random = new RandomIdGenerator()
  #given: SpanIds | null = null

  generateTraceId(): string {
    return this.#given?.traceId ?? this.#random.generateTraceId()
  }

  generateSpanId(): string {
    return this.#given?.spanId ?? this.#random.generateSpanId()
  }

  /** @param begin begins one span, on the caller's stack */
  use<T>(ids: SpanIds, begin: () => T): T {
    this.#given = ids
    try {
      return begin()
    } finally {
      this.#given = null
    }
  }
}
