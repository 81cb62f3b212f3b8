import { setTimeout as pause } from 'node:timers/promises'
import { GraphQLError } from 'graphql'
import type { UnfinishedWrite, WriteSteps } from '../../subgraphs/contract.ts'
import { VendorError, type VendorErrorKind } from '../../subgraphs/vendor-error.ts'
import { holdLease } from '../store/leases.ts'
import type { OpenStore } from '../store/store.ts'
import {
  forgetSent,
  noteResult,
  noteSent,
  type StoredStep,
  type StoredWrite,
  type WriteLease,
} from '../store/writes.ts'

export interface StepsPorts {
  readonly store: OpenStore
  now(): Date
}

const mostTries = 3

/** Longer than a process that was killed keeps its lease, and than a few calls of a slow vendor. */
const aloneWithinMs = 30_000
const askAgainMs = 50

/** Failures after which nothing can have been done. */
const refusals: ReadonlySet<VendorErrorKind> = new Set(['rejected', 'not-found', 'unauthorized', 'rate-limited'])

export function isRefusal(error: unknown): boolean {
  return error instanceof VendorError && refusals.has(error.kind)
}

/** The steps of a write that this process holds. They throw LostWrite once it does no more. */
export function openSteps(
  { store, now }: StepsPorts,
  write: StoredWrite,
  lease: WriteLease,
  stored: readonly StoredStep[],
): WriteSteps & UnfinishedWrite {
  const known = new Map(stored.map(step => [step.step, step]))
  const noteOf = (step: string): StoredStep => known.get(step) ?? { step, sentAt: null, trace: null, result: null }

  async function note(step: string, result: string, isShared: boolean): Promise<boolean> {
    const isNoted = await store.write(tx => noteResult(tx, lease, { step, result, isShared }))
    if (isNoted) known.set(step, { ...noteOf(step), result })
    return isNoted
  }

  async function claim(step: string, id: string): Promise<boolean> {
    return noteOf(step).result === id || note(step, id, false)
  }

  async function sent(step: string, trace: string, send: () => Promise<string>): Promise<string> {
    const isFirst = noteOf(step).sentAt === null
    const at = now()
    // Before it is sent: whoever comes after a crash must know that it may have been.
    await store.write(tx => noteSent(tx, lease, { step, trace, at }))
    known.set(step, { step, sentAt: at, trace, result: null })
    try {
      return await send()
    } catch (error) {
      if (isFirst && isRefusal(error)) {
        await store.write(tx => forgetSent(tx, lease, step))
        known.delete(step)
      }
      throw error
    }
  }

  return {
    id: write.id,
    key: `${write.id}-${write.round}`,
    begunAt: write.begunAt,
    mutation: write.mutation,
    entity: write.entity,
    entityId: write.entityId,
    result: step => noteOf(step).result,
    sentAt: step => noteOf(step).sentAt,
    traceOf: step => noteOf(step).trace,
    async keep(step, value) {
      const { result } = noteOf(step)
      if (result !== null) return result
      await note(step, value, true)
      return value
    },
    claim,
    async step(step, trace, make) {
      const { result, sentAt } = noteOf(step)
      if (result !== null) return result
      const found = sentAt === null ? null : ((await make.find?.(sentAt)) ?? null)
      if (found !== null && (await claim(step, found))) return found
      // Another write of the same content may have found what was made for this one: then what was made for that one is
      // without a write, and is this one's.
      for (let tries = 0; tries < mostTries; tries += 1) {
        const made = await sent(step, trace, make.send)
        if (await claim(step, made)) return made
        const theirs = (await make.find?.(noteOf(step).sentAt ?? now())) ?? null
        if (theirs !== null && (await claim(step, theirs))) return theirs
      }
      throw new Error(`step ${step} of a write: expected a record of its own, got those of others`)
    },
    async alone(name, work) {
      const giveUpAt = performance.now() + aloneWithinMs
      let held = await holdLease(store, name, write.id)
      while (held === null) {
        if (performance.now() > giveUpAt) throw underWay(name)
        await pause(askAgainMs)
        held = await holdLease(store, name, write.id)
      }
      try {
        return await work()
      } finally {
        await held.end()
      }
    },
  }
}

function underWay(name: string): GraphQLError {
  return new GraphQLError(`Another write holds the ${name}, and takes longer than expected. Ask again.`, {
    extensions: { code: 'WRITE_UNDER_WAY', isRetryable: true, retryAfterMs: 1000 },
  })
}
