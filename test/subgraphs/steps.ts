import type { EntityType } from '../../schema/entities.ts'
import type { UnfinishedWrite, WriteSteps } from '../../subgraphs/contract.ts'

interface Note {
  readonly sentAt: Date | null
  readonly trace: string | null
  readonly result: string | null
}

export interface StepsOptions {
  readonly id?: string
  readonly entity?: EntityType
  readonly entityId?: string | null
  /** Records that other writes have made, shared by those that could take them. */
  readonly claimed?: Map<string, string>
  readonly now?: () => Date
}

let writes = 0

/** The steps of one write, in memory: hand the same ones over again for another run of it. */
export function stepsInMemory(options: StepsOptions = {}): WriteSteps & UnfinishedWrite {
  writes += 1
  const { id = `write-${writes}`, claimed = new Map<string, string>(), now = () => new Date() } = options
  const notes = new Map<string, Note>()
  const noteOf = (step: string): Note => notes.get(step) ?? { sentAt: null, trace: null, result: null }
  const claim = (step: string, result: string): Promise<boolean> => {
    if ((claimed.get(result) ?? id) !== id) return Promise.resolve(false)
    claimed.set(result, id)
    notes.set(step, { ...noteOf(step), result })
    return Promise.resolve(true)
  }
  return {
    id,
    key: `${id}-1`,
    begunAt: now(),
    mutation: 'create',
    entity: options.entity ?? 'Order',
    entityId: options.entityId ?? null,
    result: step => noteOf(step).result,
    sentAt: step => noteOf(step).sentAt,
    alone: (_, work) => work(),
    traceOf: step => noteOf(step).trace,
    claim,
    async keep(step, value) {
      const result = noteOf(step).result ?? value
      notes.set(step, { ...noteOf(step), result })
      return result
    },
    async step(step, trace, { send, find }) {
      const { result, sentAt } = noteOf(step)
      if (result !== null) return result
      const found = sentAt === null ? null : ((await find?.(sentAt)) ?? null)
      if (found !== null) return found
      notes.set(step, { sentAt: now(), trace, result: null })
      const made = await send()
      if (!(await claim(step, made))) throw new Error('expected a record of its own')
      return made
    },
  }
}
