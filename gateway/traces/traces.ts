import type { Span } from '@opentelemetry/api'
import type { Change } from '../../schema/change.ts'
import type { RecordRef, System } from '../../schema/systems.ts'
import type { Received } from '../../subgraphs/contract.ts'
import type { VendorErrorKind } from '../../subgraphs/vendor-error.ts'
import type { StoredEntry } from '../store/deliveries.ts'
import type { DeliveryRef } from './ids.ts'

/** How a delivery came to be stored. */
export interface Receipt {
  readonly received: Received
  readonly receivedAt: Date
  readonly entries: number
  /** Entries that were known already: they belong to the delivery that brought them first. */
  readonly duplicates: number
}

/** How entries ended a try: `again` where their vendor does not show yet what it told, `lost` to another worker. */
export type TryOutcome = 'done' | 'again' | 'lost' | 'failed'

/** One try of entries of one delivery. */
export interface Try {
  readonly span: Span
  /** The same span in text, which the Changes that come of it carry. */
  readonly traceparent: string
  /** A record was evicted, so that it is read anew. */
  evicted(record: RecordRef): void
  /** @param reason without personal data */
  end(outcome: TryOutcome, reason?: string): void
}

/** Where a Change's eviction was done. */
export type Eviction = 'now' | 'before it was read' | 'not needed'

/**
 * Follows a delivery from its receipt over the work on its entries, vendor calls included, to the Changes that were appended,
 * the evictions and the pushes. Nothing here throws or waits, and no span holds personal data or a secret.
 */
export interface Traces {
  /** A delivery is stored, and acknowledged at once. */
  received(delivery: DeliveryRef, receipt: Receipt): void
  /** A sweep has found what no webhook brought, and stored it as a delivery. */
  found(entries: readonly StoredEntry[]): void
  /** Entries of one delivery are tried. @returns null when it is not traced */
  begin(entries: readonly StoredEntry[]): Try | null
  /** Records are read together for several tries: requests that are sent for them are part of the first one's trace. */
  reading<T>(tries: readonly (Try | null)[], read: () => readonly Promise<T>[]): readonly Promise<T>[]
  /** A request to a vendor has ended; of what runs at the moment, if that is traced. */
  called(system: System, operation: string, outcome: 'ok' | VendorErrorKind, seconds: number): void
  /** Changes were appended in a transaction that began then, and is durable. */
  appended(changes: readonly Change[], begunAt: Date): void
  /** A Change is followed by this process: its record is evicted, its subscribers are told next. */
  followed(change: Change, eviction: Eviction): void
  /**
   * A frame is executed for a group of equal subscriptions, which are sent it in its turn.
   * @param change null when it tells of no Change, and has no trace
   */
  pushing<T>(change: Change | null, field: string, subscribers: number, push: () => Promise<T>): Promise<T>
  /** Sends what is left, for 2 s at most. Never rejects. */
  close(): Promise<void>
}

/** Traces that are off. */
export const noTraces: Traces = {
  received: () => undefined,
  found: () => undefined,
  begin: () => null,
  reading: (_tries, read) => read(),
  called: () => undefined,
  appended: () => undefined,
  followed: () => undefined,
  pushing: (_change, _field, _subscribers, push) => push(),
  close: () => Promise.resolve(),
}
