import type { Clock, Log } from '../../subgraphs/contract.ts'
import { SparingLog } from '../sparing-log.ts'
import { StoreError, type Store } from '../store/store.ts'
import { dueWrites, readWrite, type StoredWrite } from '../store/writes.ts'
import type { WriteRunner } from './run.ts'

export interface ContinuingPorts {
  readonly store: Store
  readonly runner: WriteRunner
  /** Executes the mutation again. @returns why it was refused; null when it was not */
  execute(write: StoredWrite & { readonly state: 'open' }): Promise<string | null>
  readonly clock: Clock
  readonly log: Log
}

export interface Continuing {
  /** Looks for work now, and then every two seconds. */
  start(): void
  /** Resolves once what is under way has ended. */
  stop(): Promise<void>
}

const lookEveryMs = 2_000
const mostAtOnce = 200
const concurrency = 8

/** A write that ends the process, or that its system never takes, is not begun for ever. */
const mostRuns = 50

/** Goes on with writes that nobody works on: what a killed process left, and what failed but is still wanted. */
export function openContinuing({ store, runner, execute, clock, log }: ContinuingPorts): Continuing {
  const sparing = new SparingLog(log)
  let timer: NodeJS.Timeout | null = null
  let looking: Promise<void> | null = null
  let isStopped = false

  return {
    start() {
      look()
      timer = setInterval(look, lookEveryMs).unref()
    },
    async stop() {
      isStopped = true
      if (timer !== null) clearInterval(timer)
      await looking
    },
  }

  function look(): void {
    looking ??= goOn()
      .catch((error: unknown) => {
        // A store that is away is so with each look.
        if (error instanceof StoreError)
          sparing.warn({ reason: error.message }, 'unfinished writes cannot be looked for')
        else log.warn({ err: error }, 'unfinished writes could not be continued')
      })
      .finally(() => (looking = null))
  }

  async function goOn(): Promise<void> {
    const ids = [...(await store.read(db => dueWrites(db, mostAtOnce, clock.now())))]
    const workers = Array.from({ length: concurrency }, async () => {
      for (let id = ids.shift(); id !== undefined && !isStopped; id = ids.shift()) await goOnWith(id)
    })
    // One that fails is due still and is looked at again; it must not keep us from the others.
    for (const end of await Promise.allSettled(workers)) {
      if (end.status === 'fulfilled') continue
      const err: unknown = end.reason
      log.warn({ err }, 'an unfinished write could not be continued')
    }
  }

  async function goOnWith(id: string): Promise<void> {
    const write = await store.read(db => readWrite(db, id))
    if (write === null || write.state === 'done' || write.state === 'undone') return
    if (write.state === 'undoing' || write.attempts >= mostRuns || runner.isPastFinishing(write)) {
      await runner.takeBack(id, 'it could not be finished in time')
      return
    }
    const refused = await execute(write)
    if (refused === null) return
    const after = await store.read(db => readWrite(db, id))
    // Refused before its first step: what it names exists no more, for one.
    const wasBegun = after?.state !== 'open' || after.attempts > write.attempts
    if (!wasBegun) await runner.takeBack(id, refused)
  }
}
