import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ReadAt, Reads } from '../../../gateway/cache/reads.ts'
import type { ChangeFrame } from '../../../gateway/graph/subscription.ts'
import { InOrder, type InOrderLimits, type Task } from '../../../gateway/push/in-order.ts'
import { entityKey, type EntityRef } from '../../../schema/entities.ts'

interface Told {
  readonly sequence: number
  readonly fields: readonly string[]
  readonly reads: Reads
}

const never: InOrderLimits = { joinsAfterMs: Infinity, crowded: 32 }
const atOnce: InOrderLimits = { joinsAfterMs: 0, crowded: Infinity }

const customer = (id: string): EntityRef => ({ type: 'Customer', id })

function frameOf(sequence: number, entity: EntityRef): ChangeFrame {
  const change = {
    kind: 'UPDATED' as const,
    fields: [`field ${sequence}`],
    system: 'any',
    record: { system: 'any', kind: 'contact', id: entity.id },
    at: new Date(0),
    recordedAt: new Date(0),
    sequence,
  }
  return { field: 'customerChanged', change, entity, subject: entity }
}

type Execute = Task<Told>['execute']

function taskOf(execute: Execute, about: ChangeFrame | null, lane: string): Task<Told> {
  return { lane, about: () => Promise.resolve(about), execute }
}

const updateBy = (execute: Execute, sequence: number, id: string): Task<Told> =>
  taskOf(execute, frameOf(sequence, customer(id)), entityKey(customer(id)))

/** Executions that end when they are told to. */
function driven(limits: InOrderLimits, options: { nowMs?: () => number } = {}) {
  const begun: number[] = []
  const told: Told[] = []
  const failures: unknown[] = []
  const ends = new Map<number, () => void>()
  const execute: Execute = async ({ change: { sequence, fields } }) => {
    begun.push(sequence)
    await new Promise<void>(resolve => ends.set(sequence, resolve))
    return { sequence, fields, reads: new Map() }
  }
  const inOrder = new InOrder<Told>(
    {
      deliver: frame => void told.push(frame),
      onFailed: error => void failures.push(error),
      nowMs: options.nowMs ?? (() => 0),
    },
    limits,
  )
  return {
    inOrder,
    update: (sequence: number, id: string) => updateBy(execute, sequence, id),
    nobody: (lane: string) => taskOf(execute, null, lane),
    begun,
    told,
    failures,
    async end(...sequences: number[]) {
      for (const sequence of sequences) ends.get(sequence)?.()
      await settled()
    },
  }
}

/** What was awaited already is done. */
function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

describe('frames of different entities', () => {
  test('are executed side by side and delivered in their order, whichever is read first', async () => {
    const { inOrder, update, begun, told, end } = driven(never)
    inOrder.add(update(1, '101'), update(2, '102'), update(3, '103'))
    await settled()
    expect(begun).toEqual([1, 2, 3])
    await end(3, 2)
    expect(told).toEqual([])
    await end(1)
    expect(told.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
    expect(inOrder.size).toBe(0)
  })

  test('are executed ahead of the first one within a bound, however many wait', async () => {
    const { inOrder, update, begun, told, end } = driven(never)
    const sequences = Array.from({ length: 1000 }, (_, at) => at + 1)
    inOrder.add(...sequences.map(sequence => update(sequence, `${sequence}`)))
    await settled()
    expect(begun.length).toBeLessThanOrEqual(100)
    await end(...sequences.slice(1, 100))
    await end(...sequences.slice(100))
    expect([begun.length <= 200, told.length]).toEqual([true, 0])
    while (told.length < 1000) await end(...begun)
    expect(told.map(({ sequence }) => sequence)).toEqual(sequences)
  })

  test('that concern nobody hold up nothing', async () => {
    const { inOrder, update, nobody, told, end } = driven(never)
    inOrder.add(nobody('a'), update(2, '102'), nobody('b'))
    await settled()
    await end(2)
    expect(told.map(({ sequence }) => sequence)).toEqual([2])
    await inOrder.drained()
  })
})

describe('frames of one entity', () => {
  test('are executed one after another', async () => {
    const { inOrder, update, begun, told, end } = driven(never)
    inOrder.add(update(1, '101'), update(2, '101'))
    await settled()
    expect(begun).toEqual([1])
    await end(1)
    expect(begun).toEqual([1, 2])
    await end(2)
    expect(told.map(({ fields }) => fields)).toEqual([['field 1'], ['field 2']])
  })

  test('that waited for a slow tool are one, with the cursor of the last and the fields of all', async () => {
    let nowMs = 0
    const { inOrder, update, told, end } = driven({ joinsAfterMs: 100, crowded: 32 }, { nowMs: () => nowMs })
    inOrder.add(update(1, '101'))
    await settled()
    inOrder.add(update(2, '101'), update(3, '101'), update(4, '101'))
    nowMs = 100
    await end(1)
    await end(4)
    expect(told.map(({ sequence, fields }) => ({ sequence, fields }))).toEqual([
      { sequence: 1, fields: ['field 1'] },
      { sequence: 4, fields: ['field 2', 'field 3', 'field 4'] },
    ])
  })

  test('are told apart where those of another lie between, or whoever resumes in between would miss one', async () => {
    const { inOrder, update, told, end } = driven(atOnce)
    inOrder.add(update(1, '101'), update(2, '102'), update(3, '101'))
    await settled()
    await end(1, 2)
    await end(3)
    expect(told.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
  })

  test('are one all the same when too many wait, with a cursor after which those between and the last are told again', async () => {
    const { inOrder, update, told, end } = driven({ joinsAfterMs: 0, crowded: 3 })
    inOrder.add(update(1, '101'), update(2, '102'), update(3, '101'), update(4, '102'))
    await settled()
    await end(1, 2)
    expect(told.map(({ sequence, fields }) => ({ sequence, fields }))).toEqual([
      { sequence: 1, fields: ['field 1', 'field 3'] },
      { sequence: 2, fields: ['field 2', 'field 4'] },
    ])
  })
})

test('after a fault nothing is delivered, and it is told once', async () => {
  const told: Told[] = []
  const failures: unknown[] = []
  const execute: Execute = ({ change: { sequence } }) =>
    sequence === 2
      ? Promise.reject(new Error('it broke'))
      : settled().then(() => ({ sequence, fields: [], reads: new Map() }))
  const update = (sequence: number, id: string) => updateBy(execute, sequence, id)
  const inOrder = new InOrder<Told>(
    {
      deliver: frame => void told.push(frame),
      onFailed: error => void failures.push(error),
      nowMs: () => 0,
    },
    never,
  )
  inOrder.add(update(1, '101'), update(2, '102'), update(3, '103'))
  await inOrder.drained()
  await settled()
  inOrder.add(update(4, '104'))
  await settled()
  expect([told, failures.length, inOrder.size]).toEqual([[], 1, 0])
})

/** Each entity is one record, and every frame shows a second one that all share. */
test('whatever is read when, each Change is told, in order, and no record goes back', async () => {
  const entities = ['101', '102', '103']
  const limits = fc.constantFrom(never, atOnce, { joinsAfterMs: 0, crowded: 2 })
  const changes = fc.array(fc.constantFrom(...entities, 'shared'), { minLength: 1, maxLength: 15 })
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), changes, limits, fc.boolean(), async (s, changed, limit, isVersioned) => {
      const versions = new Map<string, number>()
      const told: Told[] = []
      let moment = 0
      const execute: Execute = async ({ change: { sequence, fields, record } }) => {
        const reads = new Map<string, ReadAt>()
        for (const id of [record?.id ?? '', 'shared']) {
          await s.schedule(Promise.resolve(id))
          const version = versions.get(id) ?? 0
          reads.set(id, { moment: (moment += 1), versionMs: isVersioned ? version : null })
        }
        return { sequence, fields, reads }
      }
      const inOrder = new InOrder<Told>(
        {
          deliver: frame => void told.push(frame),
          onFailed: error => expect.fail(String(error)),
          nowMs: () => 0,
        },
        limit,
      )
      let sequence = 0
      const expected: string[] = []
      const begins = changed.map(id => async () => {
        await s.schedule(Promise.resolve('change'))
        versions.set(id, (versions.get(id) ?? 0) + 1)
        sequence += 1
        // Nobody watches the shared one itself.
        if (id === 'shared') return
        expected.push(`field ${sequence}`)
        inOrder.add(updateBy(execute, sequence, id))
      })
      const added = Promise.all(begins.map(begin => begin()))
      await s.waitFor(added.then(() => inOrder.drained()))
      const sequences = told.map(frame => frame.sequence)
      expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b))
      expect(new Set(told.flatMap(({ fields }) => fields))).toEqual(new Set(expected))
      // Whoever leaves after any of them and is told all that comes after its cursor misses none.
      for (const [at, { sequence: cursor }] of told.entries()) {
        const heard = new Set(told.slice(0, at + 1).flatMap(({ fields }) => fields))
        const missed = expected.filter(name => !heard.has(name) && Number(name.replace('field ', '')) <= cursor)
        expect(missed).toEqual([])
      }
      for (const id of [...entities, 'shared']) {
        const shown = told.flatMap(({ reads }) => reads.get(id) ?? []).map(at => at.versionMs ?? at.moment)
        expect(shown).toEqual([...shown].sort((a, b) => a - b))
      }
    }),
    { numRuns: 500 },
  )
})
