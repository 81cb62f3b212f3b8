import { openVendorCalls } from '../../../../subgraphs/call.ts'
import type {
  GraphContext,
  LinkedRecord,
  OpenSystem,
  RecordKindReader,
  Records,
  SystemPorts,
  Wanted,
} from '../../../../subgraphs/contract.ts'
import type { BillingSource } from '../../../../subgraphs/billing/source.ts'
import { stripe } from '../../../../subgraphs/billing/stripe/index.ts'

/** The system opened on a base URL, with what it spent and warned of. */
export interface Opened {
  readonly system: OpenSystem<BillingSource>
  readonly context: GraphContext
  readonly spent: readonly string[]
  readonly warned: readonly object[]
  /** Reads records as one batch. */
  readMany(kind: string, wanted: readonly Wanted[]): Promise<ReadonlyMap<string, unknown>>
  /** Empties the cache, as an eviction does. */
  evictAll(): void
  close(): void
}

/** Opens Stripe on a base URL with a road of its own and a cache that keeps everything until told otherwise. */
export function openStripe(
  baseUrl: string,
  options: { secretKey?: string; linked?: readonly LinkedRecord[] } = {},
): Opened {
  const clock = { now: () => new Date() }
  const spent: string[] = []
  const warned: object[] = []
  const kept = new Map<string, unknown>()
  const context = graphContext(spent, options.linked ?? [])
  const closers: (() => void)[] = []
  let readMany: Opened['readMany'] = () => Promise.reject(new Error('nothing was opened'))

  const ports: SystemPorts = {
    deployment: '0123456789ab',
    clock,
    log: { debug: ignore, info: ignore, error: ignore, warn: fields => warned.push(fields) },
    calls(callOptions) {
      const calls = openVendorCalls({
        ...callOptions,
        system: 'stripe',
        clock,
        random: () => 0,
        settings: { tryTimeoutMs: 1000, totalTimeoutMs: 4000, listTimeoutMs: 4000, writeTimeoutMs: 4000 },
      })
      closers.push(() => calls.close())
      return calls
    },
    records<Kinds>(readers: { readonly [K in keyof Kinds & string]: RecordKindReader<Kinds[K]> }): Records<Kinds> {
      const byKind = new Map(
        Object.entries(readers).filter((entry): entry is [string, RecordKindReader<unknown>] => isReader(entry[1])),
      )
      readMany = (kind, wanted) => byKind.get(kind)?.read(wanted, context.call) ?? Promise.resolve(new Map())
      return {
        async load(kind, wanted, { call }) {
          const reader = readers[kind]
          const held = kept.get(`${kind}:${wanted.id}`)
          if (isFrom(reader, held)) return held.value
          const value = (await reader.read([wanted], call)).get(wanted.id)
          if (value instanceof Error) throw value
          if (value === undefined) return null
          kept.set(`${kind}:${wanted.id}`, { reader, value })
          return value
        },
      }
    },
  }
  const configured = stripe.configure({
    STRIPE_SECRET_KEY: options.secretKey ?? 'sk_test_sim',
    STRIPE_WEBHOOK_SECRET: 'whsec_test_secret',
    STRIPE_BASE_URL: baseUrl,
  })
  if (!configured.ok) throw new Error('expected settings without fault')
  const system = configured.open(ports)
  return {
    system,
    context,
    spent,
    warned,
    readMany: (kind, wanted) => readMany(kind, wanted),
    evictAll: () => kept.clear(),
    close: () => closers.forEach(close => close()),
  }
}

function isReader(value: unknown): value is RecordKindReader<unknown> {
  return typeof value === 'object' && value !== null && 'read' in value
}

function isFrom<T>(reader: RecordKindReader<T>, held: unknown): held is { readonly value: T } {
  return typeof held === 'object' && held !== null && 'reader' in held && held.reader === reader
}

function ignore(): void {
  // Nobody reads it here.
}

/** A context for calls; of the links only the records of a customer and its e-mail are asked. */
function graphContext(spent: string[], linked: readonly LinkedRecord[]): GraphContext {
  const unused = (): never => {
    throw new Error('a source asks the vendor only')
  }
  return {
    call: { priority: 'query', signal: new AbortController().signal, spend: (_, pool) => spent.push(pool) },
    index: { page: unused, sums: unused },
    links: {
      resolve: unused,
      entityOf: unused,
      parentOf: unused,
      recordsOf: () => Promise.resolve(linked),
      isKnown: () => Promise.resolve(false),
    },
    writes: { write: unused },
    customers: {
      contactOf: id =>
        Promise.resolve({
          id,
          formerIds: [],
          otherEmails: [],
          name: 'Ada',
          email: 'ada@example.com',
          phone: null,
          address: null,
        }),
      answering: id => Promise.resolve(id),
    },
  }
}
