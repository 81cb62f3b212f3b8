import type { Change } from '../../schema/change.ts'
import { recordKey, type RecordRef } from '../../schema/systems.ts'
import type { RecordCache } from '../cache/record-cache.ts'
import type { PushHub } from '../push/hub.ts'
import type { OpenStore, StoreTransaction } from '../store/store.ts'
import { noTraces, type Traces } from '../traces/traces.ts'
import type { ChangeFollower } from './follower.ts'

/** Commits made here whose records were evicted before the commit. */
const maxRemembered = 10_000

export interface ChangeCommitsPorts {
  readonly store: OpenStore
  readonly cache: RecordCache
  readonly follower: ChangeFollower
  readonly hub: PushHub
  readonly traces?: Traces
}

/**
 * The one way of a Change: committed, then followed by every process: evict, then push.
 */
export class ChangeCommits {
  readonly #ports: ChangeCommitsPorts
  readonly #traces: Traces
  /** Records evicted before they were read for a Change that is not followed yet, by sequence. */
  readonly #evicted = new Map<number, ReadonlySet<string>>()

  constructor(ports: ChangeCommitsPorts) {
    this.#ports = ports
    this.#traces = ports.traces ?? noTraces
  }

  /**
   * Commits what `work` does, and resolves once its Changes were followed here: every later read sees them.
   * @param evicted records that were evicted and then read anew for these Changes; what was read stays
   * @throws StoreError; whatever `work` throws, after rolling back
   */
  async commit(
    work: (tx: StoreTransaction) => Promise<readonly Change[]>,
    evicted: readonly RecordRef[] = [],
  ): Promise<readonly Change[]> {
    const keys = new Set(evicted.map(recordKey))
    const begunAt = new Date()
    const changes = await this.#ports.store.write(work)
    const last = changes.at(-1)
    if (last === undefined) return changes
    if (keys.size > 0) {
      for (const change of changes) this.#evicted.set(change.sequence, keys)
      for (const sequence of this.#evicted.keys()) {
        if (this.#evicted.size <= maxRemembered) break
        this.#evicted.delete(sequence)
      }
    }
    this.#traces.appended(changes, begunAt)
    const { follower } = this.#ports
    this.announce(changes)
    await follower.appliedThrough(last.sequence)
    return changes
  }

  /** Has Changes followed that this process has committed: here, and by the other processes of the store. */
  announce(changes: readonly Change[]): void {
    this.#ports.store.signals?.send('changes')
    this.#ports.follower.deliver(changes)
  }

  /** What the follower does with each page of Changes. Evict before pushing: a subscriber reads at once. */
  follow(changes: readonly Change[]): void {
    for (const change of changes) {
      const isEvicted = this.#evicted.get(change.sequence)?.has(recordKey(change.record)) ?? false
      this.#evicted.delete(change.sequence)
      if (change.kind === 'DELETED') this.#ports.cache.forget(change.record)
      // A link changes nothing the vendor has.
      else if (!isEvicted && change.kind !== 'LINKED') this.#ports.cache.evict(change.record)
      const isNone = change.kind === 'LINKED'
      this.#traces.followed(change, isNone ? 'not needed' : isEvicted ? 'before it was read' : 'now')
    }
    this.#ports.hub.publish(changes)
  }
}
