import { setTimeout as pause } from 'node:timers/promises'
import { GraphQLError } from 'graphql'
import type { EntityRef } from '../../schema/entities.ts'
import type { Role } from '../../schema/systems.ts'
import type {
  Clock,
  Log,
  TakenBack,
  UnfinishedWrite,
  WriteIntent,
  WriteSteps,
  Written,
} from '../../subgraphs/contract.ts'
import { VendorError } from '../../subgraphs/vendor-error.ts'
import { StoreError, type OpenStore, type StoreTransaction } from '../store/store.ts'
import {
  beginWrite,
  claimWrite,
  endWrite,
  giveUpWrite,
  LostWrite,
  postponeWrite,
  readSteps,
  readWrite,
  renewWrites,
  type AskedWrite,
  type StoredStep,
  type StoredWrite,
  type WriteLease,
} from '../store/writes.ts'
import { askedWrite, refuseOtherInput } from './asked.ts'
import { isRefusal, openSteps } from './steps.ts'

/** Reads what was written and appends its Changes; `also` is committed with them. */
export type RecordWritten = (
  written: readonly Written[],
  isRepeated: boolean,
  also: (tx: StoreTransaction) => Promise<void>,
) => Promise<void>

export interface WriteRunnerPorts {
  readonly store: OpenStore
  /** Names this process in leases. */
  readonly worker: string
  /** Asks the role's system. */
  takeBack(role: Role, write: UnfinishedWrite): Promise<TakenBack>
  /** For what is recorded without a client. */
  readonly record: RecordWritten
  readonly clock: Clock
  readonly log: Log
}

/** One run of a write. */
export interface WriteRun {
  readonly intent: WriteIntent
  /** The id of the write when this process executes it again by itself. */
  readonly resuming: string | null
  readonly send: (steps: WriteSteps) => Promise<readonly [Written, ...Written[]]>
  readonly record: RecordWritten
}

const leaseMs = 60_000
const renewEveryMs = 20_000

/** How long a repeat waits for a run of the same write in another process. */
const waitForOtherMs = 15_000
const askAgainMs = 100

/** Stripe keeps keys for 24 hours at least; a little is left over. What is not made by then is taken back. */
const creationMs = 23 * 60 * 60_000
/** A change that comes late would undo what somebody else has changed since. */
const changeMs = 10 * 60_000

const delaysMs = [2_000, 10_000, 60_000, 5 * 60_000, 30 * 60_000] as const

type Begun =
  | { readonly is: 'done'; readonly entity: EntityRef }
  | { readonly is: 'elsewhere' }
  | { readonly is: 'ours'; readonly write: StoredWrite; readonly steps: readonly StoredStep[] }
  | { readonly is: 'to-be-taken-back'; readonly write: StoredWrite; readonly steps: readonly StoredStep[] }

/**
 * Runs writes so that they survive: a write is in the store before its vendor is asked, each step with its result, and its
 * Changes are appended in the transaction that ends it. Whoever runs it again, a client with its `clientMutationId` or
 * this process after a crash, goes on where the last run stopped.
 *
 * ```
 * open ──all steps done, Changes appended──▶ done
 *   │ refused; or failed, and no clientMutationId says that it is still wanted; or too old
 *   ▼
 * undoing ──nothing stays──▶ undone ──same clientMutationId──▶ open, next round
 * ```
 */
export class WriteRunner {
  readonly #ports: WriteRunnerPorts
  /** Runs of this process, by the write's id. */
  readonly #running = new Map<string, { readonly asked: AskedWrite; readonly run: Promise<EntityRef> }>()
  /** Ids whose leases are ours. */
  readonly #held = new Set<string>()
  readonly #takingBack = new Set<Promise<unknown>>()
  #renewing: NodeJS.Timeout | null = null

  constructor(ports: WriteRunnerPorts) {
    this.#ports = ports
  }

  /**
   * @returns the entity that was written, by this run or an earlier one
   * @throws GraphQLError, VendorError; see `Writes.write`
   */
  async run(run: WriteRun): Promise<EntityRef> {
    const asked = askedWrite(run.intent, run.resuming)
    const first = this.#running.get(asked.id)
    if (first !== undefined) {
      refuseOtherInput(first.asked, run.intent.input)
      return first.run
    }
    const running = this.#run(run, asked)
    this.#running.set(asked.id, { asked, run: running })
    try {
      return await running
    } finally {
      this.#running.delete(asked.id)
    }
  }

  /** Gives a write up that nobody works on, and takes it back. Resolves also when that has to be tried again later. */
  async takeBack(id: string, reason: string): Promise<void> {
    const begun = await this.#ports.store.write(async tx => {
      const write = await this.#claim(tx, id)
      return write === null ? null : { write, steps: await readSteps(tx, id) }
    })
    if (begun === null) return
    await this.#holding(id, async () => {
      await this.#giveUp(begun.write, begun.steps, begun.write.state === 'undoing' ? begun.write.reason : reason)
    }).catch((error: unknown) => this.#tellPostponed(begun.write, error))
  }

  /** Whether it is too old to be finished. */
  isPastFinishing(write: StoredWrite): boolean {
    const ageMs = this.#ports.clock.now().getTime() - write.begunAt.getTime()
    return ageMs > (write.entityId === null ? creationMs : changeMs)
  }

  /** Waits for what is being taken back. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#takingBack)
    if (this.#renewing !== null) clearInterval(this.#renewing)
  }

  async #run(run: WriteRun, asked: AskedWrite): Promise<EntityRef> {
    for (let waitedMs = 0; ;) {
      const begun = await this.#begin(run, asked)
      switch (begun.is) {
        case 'done':
          return begun.entity
        case 'elsewhere':
          if (waitedMs >= waitForOtherMs) throw underWay()
          await pause(askAgainMs)
          waitedMs += askAgainMs
          continue
        case 'to-be-taken-back':
          await this.#holding(asked.id, () => this.#giveUp(begun.write, begun.steps, reasonOf(begun.write)))
          continue
        case 'ours':
          try {
            return await this.#holding(asked.id, () => this.#perform(run, begun.write, begun.steps))
          } catch (error) {
            if (!(error instanceof LostWrite)) throw error
          }
      }
    }
  }

  async #begin({ intent, resuming }: WriteRun, asked: AskedWrite): Promise<Begun> {
    const { store, worker, clock } = this.#ports
    try {
      return await store.write(async (tx): Promise<Begun> => {
        const stored = await readWrite(tx, asked.id)
        if (stored === null || (stored.state === 'undone' && resuming === null)) {
          const round = (stored?.round ?? 0) + 1
          await beginWrite(tx, asked, { round, by: worker, leaseMs, now: clock.now() })
          const write = await readWrite(tx, asked.id)
          if (write === null) throw new Error('a write that was just begun is not in the store')
          return { is: 'ours', write, steps: [] }
        }
        if (stored.state === 'undone') throw takenBack()
        // What is taken back leaves its id to whatever comes next.
        if (stored.state !== 'undoing') refuseOtherInput(stored, intent.input)
        if (stored.state === 'done') return { is: 'done', entity: { type: stored.entity, id: stored.writtenId } }
        const write = await this.#claim(tx, asked.id)
        if (write === null) return { is: 'elsewhere' }
        const steps = await readSteps(tx, asked.id)
        const isOver = write.state === 'undoing' || this.isPastFinishing(write)
        return { is: isOver ? 'to-be-taken-back' : 'ours', write, steps }
      })
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      this.#ports.log.error({ err: error, mutation: asked.mutation }, 'a write could not be stored and was not sent')
      throw notSent()
    }
  }

  async #claim(tx: StoreTransaction, id: string): Promise<StoredWrite | null> {
    const { worker, clock } = this.#ports
    return (await claimWrite(tx, { id, by: worker, leaseMs, now: clock.now() })) ? readWrite(tx, id) : null
  }

  async #perform(run: WriteRun, write: StoredWrite, stored: readonly StoredStep[]): Promise<EntityRef> {
    const { store, clock, log } = this.#ports
    const lease = this.#leaseOf(write)
    const steps = openSteps({ store, now: () => clock.now() }, write, lease, stored)
    let written: readonly [Written, ...Written[]]
    try {
      written = await run.send(steps)
    } catch (error) {
      return this.#afterFailure(write, error)
    }
    const entity = { type: write.entity, id: written[0].record.id }
    try {
      await run.record(written, write.attempts > 1, tx => endWrite(tx, lease, { entity }, clock.now()))
    } catch (error) {
      if (error instanceof LostWrite) throw error
      const { record } = written[0]
      log.error({ err: error, record }, 'a write reached its system but could not be recorded; it is recorded later')
      await this.#leave(write, error)
      throw notRecorded(record.system, write.isNamed)
    }
    return entity
  }

  /**
   * What a failure means for the write: it is still wanted, or it is taken back.
   * @returns the entity, when what was to be taken back turns out to be finished
   * @throws what is to be answered
   */
  async #afterFailure(write: StoredWrite, error: unknown): Promise<EntityRef> {
    if (error instanceof LostWrite) throw error
    if (error instanceof StoreError) {
      this.#ports.log.error(
        { err: error, write: write.id },
        'a step of a write could not be stored; the write is continued later',
      )
      await this.#leave(write, error)
      throw notRecorded(write.role, write.isNamed)
    }
    const isEnding = error instanceof VendorError && error.kind === 'aborted'
    const isOver = error instanceof GraphQLError || (error instanceof VendorError && !error.isPassing)
    if (isEnding || (write.isNamed && !isOver)) {
      await this.#leave(write, error)
      throw error
    }
    const reason = error instanceof Error ? error.message : 'unknown'
    if (write.entityId !== null && isRefusal(error)) {
      await this.#end(write, reason)
      throw error
    }
    const steps = await this.#ports.store.read(db => readSteps(db, write.id))
    const taking = this.#giveUp(write, steps, reason).catch((fault: unknown) => this.#tellPostponed(write, fault))
    this.#takingBack.add(taking)
    void taking.finally(() => this.#takingBack.delete(taking))
    // A change is not undone, only read again; nobody waits for that.
    const entity = write.entityId === null ? await taking : null
    if (entity != null) return entity
    throw error
  }

  /** Takes it back. @returns the entity when it could not be taken back any more: it is done then */
  async #giveUp(write: StoredWrite, steps: readonly StoredStep[], reason: string): Promise<EntityRef | null> {
    const { store, clock, record, log } = this.#ports
    const lease = this.#leaseOf(write)
    try {
      if (write.state !== 'undoing') await store.write(tx => giveUpWrite(tx, lease, reason))
      const progress = openSteps({ store, now: () => clock.now() }, write, lease, steps)
      const { isGone, written } = await this.#ports.takeBack(write.role, progress)
      const [first] = written
      const entity = isGone || first === undefined ? null : { type: write.entity, id: first.record.id }
      await record(written, true, tx =>
        endWrite(tx, lease, entity === null ? { undone: reason } : { entity }, clock.now()),
      )
      const facts = { write: write.id, mutation: write.mutation, reason }
      if (entity === null) log.info(facts, 'an unfinished write was taken back')
      else log.info({ ...facts, entity }, 'an unfinished write could not be taken back and stays')
      return entity
    } catch (error) {
      if (!(error instanceof LostWrite)) await this.#postpone(write, 'undoing', reason, error)
      throw error
    }
  }

  #tellPostponed({ id, mutation }: StoredWrite, error: unknown): null {
    const reason = error instanceof Error ? error.message : 'unknown'
    this.#ports.log.warn({ write: id, mutation, reason }, 'an unfinished write could not be taken back yet')
    return null
  }

  async #end(write: StoredWrite, reason: string): Promise<void> {
    const { store, clock } = this.#ports
    await store.write(tx => endWrite(tx, this.#leaseOf(write), { undone: reason }, clock.now()))
  }

  #leave(write: StoredWrite, error: unknown): Promise<void> {
    return this.#postpone(write, 'open', null, error)
  }

  /** When the store does not take it, the lease runs out and the write is due all the same. */
  async #postpone(write: StoredWrite, state: 'open' | 'undoing', reason: string | null, error: unknown): Promise<void> {
    const { store, clock, log } = this.#ports
    const delayMs = delaysMs[Math.min(write.attempts, delaysMs.length) - 1] ?? delaysMs[0]
    const hintMs = error instanceof VendorError ? (error.retryAfterMs ?? 0) : 0
    const dueAt = new Date(clock.now().getTime() + Math.max(delayMs, hintMs))
    try {
      await store.write(tx => postponeWrite(tx, this.#leaseOf(write), { state, reason, dueAt }))
    } catch (fault) {
      log.warn({ err: fault, write: write.id }, 'the time of the next try of a write could not be stored')
    }
  }

  #leaseOf({ id, round }: StoredWrite): WriteLease {
    return { id, round, by: this.#ports.worker }
  }

  async #holding<T>(id: string, work: () => Promise<T>): Promise<T> {
    this.#held.add(id)
    this.#renewing ??= setInterval(() => void this.#renew(), renewEveryMs).unref()
    try {
      return await work()
    } finally {
      this.#held.delete(id)
    }
  }

  async #renew(): Promise<void> {
    const { store, worker, clock, log } = this.#ports
    if (this.#held.size === 0) return
    const ids = [...this.#held]
    try {
      await store.write(tx => renewWrites(tx, { ids, by: worker, leaseMs, now: clock.now() }))
    } catch (error) {
      log.warn({ err: error }, 'writes under way could not be kept; another process may continue them')
    }
  }
}

function reasonOf(write: StoredWrite): string {
  return write.state === 'undoing' ? write.reason : 'it could not be finished in time'
}

function underWay(): GraphQLError {
  return new GraphQLError('This write is still under way. Ask again with the same clientMutationId.', {
    extensions: { code: 'WRITE_UNDER_WAY', isRetryable: true, retryAfterMs: 1000 },
  })
}

function takenBack(): GraphQLError {
  return new GraphQLError('This write was taken back.', { extensions: { code: 'NOT_FOUND' } })
}

function notSent(): GraphQLError {
  return new GraphQLError('The write could not be stored here, so nothing was sent. Try again.', {
    extensions: { code: 'NOT_SENT', isRetryable: true },
  })
}

function notRecorded(system: string, isNamed: boolean): GraphQLError {
  const advice = isNamed
    ? 'Ask again with the same clientMutationId: it is not written twice.'
    : 'Do not send it again: it is recorded as soon as that is possible.'
  return new GraphQLError(`The write may have reached ${system}, but could not be recorded here. ${advice}`, {
    extensions: { code: 'WRITTEN_NOT_RECORDED', isRetryable: isNamed },
  })
}
