import type { System } from '../../schema/systems.ts'
import type { DeliveryEntry, Log, Received } from '../../subgraphs/contract.ts'
import type { KeptRequest } from '../store/quarantine.ts'
import { entriesOf, type WebhookSource } from './receive.ts'
import type { Secrets } from './secrets.ts'

export interface RecoverPorts {
  readonly sources: readonly WebhookSource[]
  readonly secrets: Secrets
  /** A page of what is kept, the oldest first. */
  list(system: System | null, after: number): Promise<readonly KeptRequest[]>
  /** Durable once it resolves. @returns how many of the entries are new */
  store(
    system: System,
    received: Received,
    entries: readonly DeliveryEntry[],
    receivedAt: Date,
  ): Promise<{ readonly fresh: number }>
  forget(ids: readonly number[]): Promise<void>
  readonly log: Log
}

export interface Recovered {
  /** Requests looked at. */
  readonly looked: number
  /** Requests that are genuine. */
  readonly genuine: number
  /** Entries of those that were not known yet. */
  readonly fresh: number
}

/**
 * Verifies the kept requests with the present secrets, at the time at which each was received, and stores those that are
 * genuine; they are worked on as any other. The others stay: they are forged, or another secret is still wrong.
 * It may be ended and run again: what is stored twice is one.
 * @param onPage told after each page how far it is
 */
export async function recover(
  ports: RecoverPorts,
  system: System | null,
  onPage: (sofar: Recovered) => void,
  signal: AbortSignal,
): Promise<Recovered> {
  let sofar: Recovered = { looked: 0, genuine: 0, fresh: 0 }
  let after = 0
  for (;;) {
    const page = await ports.list(system, after)
    const last = page.at(-1)
    if (last === undefined || signal.aborted) return sofar
    for (const kept of page) {
      const fresh = await recoverOne(ports, kept)
      sofar = {
        looked: sofar.looked + 1,
        genuine: sofar.genuine + (fresh === null ? 0 : 1),
        fresh: sofar.fresh + (fresh ?? 0),
      }
    }
    after = last.id
    onPage(sofar)
  }
}

/** @returns how many entries are new; null when the request is not genuine */
async function recoverOne(
  { sources, secrets, store, forget, log }: RecoverPorts,
  { id, system, received, receivedAt }: KeptRequest,
): Promise<number | null> {
  const source = sources.find(one => one.system === system)
  if (source === undefined || !source.endpoints.includes(received.endpoint)) return null
  const present = await secrets.of(system, received.endpoint, source.secrets)
  if (!source.adapter.verify(received, present, receivedAt).genuine) return null
  const { fresh } = await store(system, received, entriesOf(source.adapter, received, { system, log }), receivedAt)
  // Only then: ended in between it is recovered once more, and known.
  await forget([id])
  return fresh
}
