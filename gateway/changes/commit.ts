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
  /** Whether those who show the record's name do not hold it. */
  isReadApart?(record: RecordRef): boolean
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
    const { cache, hub } = this.#ports
    for (const change of changes) {
      const evicted = this.#evicted.get(change.sequence)
      const isEvicted = evicted?.has(recordKey(change.record)) ?? false
      this.#evicted.delete(change.sequence)
      const { renamed } = change
      if (renamed !== undefined && evicted?.has(recordKey(renamed)) !== true) cache.evict(renamed)
      // A link changes nothing the vendor has, nor does the name of a record that is read apart.
      const isNone = change.kind === 'LINKED' || (renamed !== undefined && this.#ports.isReadApart?.(renamed) === true)
      if (change.kind === 'DELETED') cache.forget(change.record)
      else if (!isEvicted && !isNone) cache.evict(change.record)
      this.#traces.followed(change, isNone ? 'not needed' : isEvicted ? 'before it was read' : 'now')
    }
    hub.publish(changes)
  }
}
