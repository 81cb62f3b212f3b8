import type {
  CallContext,
  CustomerContact,
  GraphContext,
  Priority,
  RecordIndex,
  Links,
  Writes,
} from '../../subgraphs/contract.ts'
import type { RecordRef, System } from '../../schema/systems.ts'
import type { Reads } from '../cache/reads.ts'
import type { ChangeFrame, SubscriptionRequest } from './subscription.ts'

/**
 * Why an operation runs.
 * - `request`: a client sent it; subscriptions are refused.
 * - `subscribe`: a client wants to subscribe: it is checked and planned, `accept` gets what it asks for, nothing is executed.
 * - `push`: an accepted subscription's operation, executed for one Change.
 */
export type Purpose =
  | { readonly kind: 'request' }
  | { readonly kind: 'subscribe'; accept(request: SubscriptionRequest): void }
  | { readonly kind: 'push'; readonly frame: ChangeFrame }

/** What one operation took from one pool. */
export interface PoolCost {
  readonly system: System
  readonly pool: string
  readonly cost: number
}

/** A value that was served although it could not be read anew. */
export interface StaleValue {
  readonly record: RecordRef
  readonly ageMs: number
}

/** Everything one operation carries from its arrival to its answer. */
export interface OperationContext extends GraphContext {
  readonly purpose: Purpose
  /** Ends the operation's vendor calls; a query's when its client leaves, a mutation's never. */
  readonly abort: AbortController
  readonly clientLeft: AbortSignal | null
  /** Equal for all that comes over one connection: connections take turns where work waits. */
  readonly connection: object
  costs(): readonly PoolCost[]
  /** Values served although they could not be read anew. */
  stale(): readonly StaleValue[]
}

/** What contexts are made of; handed over once at start. */
export interface ContextPorts {
  lookups(): Lookups
  /** Makes the port through which the operation writes; `onWritten` is called after each write. */
  writes(options: { call: CallContext; onWritten: () => void; resuming: string | null }): Writes
  staleServed(context: GraphContext): readonly StaleValue[]
  /** See `Customers.contactOf`. */
  contactOf(id: string, call: CallContext): Promise<CustomerContact | null>
  /** See `Customers.answering`. */
  answering(id: string, call: CallContext): Promise<string | null>
  /** The records that the operation reads from now on. */
  watchReads(call: CallContext): Reads
}

/** Links and index as one operation sees them. */
export interface Lookups {
  readonly links: Links
  readonly index: RecordIndex
  /** Forgets what the operation has seen so far. */
  forget(): void
}

export interface OpenContextOptions {
  readonly purpose?: Purpose
  readonly priority?: Priority
  readonly clientLeft?: AbortSignal | null
  /** One of its own when absent. */
  readonly connection?: object
  /** The id of the write that is executed again. */
  readonly resuming?: string
}

/** Opens the context of one operation. */
export function openContext(ports: ContextPorts, options: OpenContextOptions = {}): OperationContext {
  const spent = new Map<string, PoolCost>()
  const abort = new AbortController()
  const call: CallContext = {
    priority: options.priority ?? 'query',
    signal: abort.signal,
    spend(system, pool, cost) {
      const key = `${system}:${pool}`
      spent.set(key, { system, pool, cost: (spent.get(key)?.cost ?? 0) + cost })
    },
  }
  const { links, index, forget } = ports.lookups()
  const context: OperationContext = {
    purpose: options.purpose ?? { kind: 'request' },
    call,
    abort,
    clientLeft: options.clientLeft ?? null,
    connection: options.connection ?? {},
    links,
    index,
    customers: {
      contactOf: id => ports.contactOf(id, call),
      async answering(id) {
        const answering = await ports.answering(id, call)
        // What was living before a merge is not what lives after it.
        if (answering !== id) forget()
        return answering
      },
    },
    writes: ports.writes({ call, onWritten: forget, resuming: options.resuming ?? null }),
    costs: () => [...spent.values()],
    // Of the object it is asked of: Apollo runs each operation with a copy of its context.
    stale() {
      return ports.staleServed(this)
    },
  }
  return context
}
