import { sameRecord, type RecordRef } from '../../schema/systems.ts'
import type { Hint, ObservedRecord } from '../../subgraphs/contract.ts'
import { applyObservations } from '../changes/apply.ts'
import type { Observation } from '../changes/observe.ts'
import { Overtaken, refuseOvertaken } from '../changes/overtaken.ts'
import { applyName, mentionedKind, mentioning, noName } from '../changes/rename.ts'
import type { Runtime } from '../runtime.ts'
import { Ending, type WorkPriority } from './process.ts'

/** Readings that others overtake, until the rest waits its turn like what failed. */
const maxOvertaken = 5

/**
 * Brings the name of a record to all who show it. Those are changed in the store and evicted, in many small transactions, without a
 * call of the vendor for each; of a record that is gone they are read again, for only the vendor knows what became of them.
 */
export function openRenaming({
  store,
  catalogue,
  cache,
  commits,
  follower,
  context,
  observe,
  nameOf,
}: Pick<Runtime, 'store' | 'catalogue' | 'cache' | 'commits' | 'follower' | 'context' | 'observe' | 'nameOf'>) {
  return async function rename(
    { record, at }: Pick<Hint, 'record' | 'at'>,
    priority: WorkPriority,
    isEnding: () => boolean,
  ): Promise<boolean> {
    const known = await nameOf(record, context(priority))
    // An entity that is gone leaves its id with those that show it; they need not be read to know that.
    const isEntity = mentionedKind(catalogue, record).nameFields !== null
    if (known === null && !isEntity) return readMentioning(record, isEnding)
    const name = known ?? noName
    let isNews = false
    for (;;) {
      stopWhen(isEnding)
      const now = store.clock.now()
      // What it is called was read anew before, and stays.
      const changes = await commits.commit(tx => applyName(tx, catalogue, { record, name }, at ?? now, now), [record])
      if (changes.length === 0) return isNews
      isNews = true
    }
  }

  /** Once each: one that still mentions a record that is gone is found by the next sweep. */
  async function readMentioning(record: RecordRef, isEnding: () => boolean): Promise<boolean> {
    let behind = 0
    let isNews = false
    let failure: Error | null = null
    for (;;) {
      stopWhen(isEnding)
      const from = behind
      const some = await store.read(db => mentioning(db, record, from))
      const last = some.at(-1)
      if (last === undefined) break
      const fault = await readAgain(
        record,
        some.map(one => one.record),
      )
      failure ??= fault
      isNews = true
      behind = last.row
    }
    if (failure !== null) throw failure
    return isNews
  }

  /** @returns the first fault among those that could not be read; the others are applied */
  async function readAgain(gone: RecordRef, records: readonly RecordRef[]): Promise<Error | null> {
    for (let tries = 1; ; tries++) {
      for (const one of records) cache.evict(one)
      const readAfter = follower.position
      const now = store.clock.now()
      const answers = await Promise.allSettled(records.map(async one => observe(one, context('background'))))
      const observations = answers.flatMap((answer, place): readonly Observation[] => {
        const one = records[place]
        if (answer.status === 'rejected' || one === undefined) return []
        const observed = livesWithout(gone, answer.value) ? answer.value : null
        const kind = observed === null ? 'DELETED' : 'UPDATED'
        return [{ record: observed?.record ?? one, observed, kind, fields: [], at: now, readAfter, origin: 'sweep' }]
      })
      try {
        await commits.commit(async tx => {
          await refuseOvertaken(tx, observations)
          return applyObservations(tx, catalogue, observations, store.clock.now())
        }, records)
        const failed = answers.find(answer => answer.status === 'rejected')
        return failed === undefined ? null : asError(failed.reason)
      } catch (error) {
        if (!(error instanceof Overtaken) || tries === maxOvertaken) throw error
      }
    }
  }

  /** What existed only within a record that is gone does not exist, whatever its vendor still shows of it. */
  function livesWithout(gone: RecordRef, observed: ObservedRecord | null): boolean {
    if (observed === null || mentionedKind(catalogue, gone).isContainer !== true) return true
    const within = (observed.mentions ?? []).filter(({ record }) => record.kind === gone.kind)
    return within.some(({ record }) => !sameRecord(record, gone))
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('expected an Error, but something else was thrown')
}

/** @throws Ending */
function stopWhen(isEnding: () => boolean): void {
  if (isEnding()) throw new Ending('the process ends before everything that shows a name was brought up to it')
}
