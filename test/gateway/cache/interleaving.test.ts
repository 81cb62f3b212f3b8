import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contact, contextOf, handDriven, settled } from './vendor.ts'
import type { Row } from './vendor.ts'

/** All ways to merge sequences without changing the order within any. */
function* mergings<T>(sequences: readonly (readonly T[])[]): Generator<T[]> {
  if (sequences.every(sequence => sequence.length === 0)) yield []
  for (const [at, [first, ...rest]] of sequences.entries()) {
    if (first === undefined) continue
    for (const tail of mergings(sequences.with(at, rest))) yield [first, ...tail]
  }
}

/** Drives a cache and a vendor step by step, and holds every read against what had been evicted when it began. */
function openTrial(ids: readonly string[], options: { mostEvictions?: number } = {}) {
  const driven = handDriven(options)
  const changes = new Map(ids.map(id => [id, 0]))
  const evicted = new Map(ids.map(id => [id, 0]))
  const looked = new Map<number, Row[]>()
  const answered = new Set<number>()
  const reads: Promise<void>[] = []

  return {
    driven,
    reads,
    change: (id: string) => changes.set(id, (changes.get(id) ?? 0) + 1),
    evict(id: string): void {
      driven.cache.evict(contact(id))
      evicted.set(id, changes.get(id) ?? 0)
    },
    evictAll(): void {
      driven.cache.evictAll()
      for (const [id, change] of changes) evicted.set(id, change)
    },
    /** Begins a read. @returns the number of the vendor's call it brought about, or -1 */
    async read(id: string): Promise<number> {
      const least = evicted.get(id) ?? 0
      const before = driven.calls.length
      const load = driven.records.load('contact', { id }, contextOf())
      reads.push(
        load.then(row => {
          if (row === null || row.change < least) {
            throw new Error(`a read begun after change ${least} was evicted returned change ${row?.change}`)
          }
        }),
      )
      await settled()
      return driven.calls.length > before ? before : -1
    },
    /** The vendor looks the records up: what it will answer is fixed now. */
    look(call: number): void {
      if (looked.has(call)) return
      looked.set(call, driven.calls[call]?.ids.map(id => ({ id, change: changes.get(id) ?? 0 })) ?? [])
    },
    async answer(call: number): Promise<void> {
      if (answered.has(call)) return
      answered.add(call)
      driven.calls[call]?.answer(looked.get(call) ?? [])
      await settled()
    },
    /** Evicts nothing any more: what is read now, once all is answered, is what the vendor has. */
    async end(): Promise<void> {
      for (const call of driven.calls.keys()) {
        this.look(call)
        await this.answer(call)
      }
      await Promise.all(reads)
      for (const id of ids) {
        const call = await this.read(id)
        if (call !== -1) {
          this.look(call)
          await this.answer(call)
        }
        if (evicted.get(id) !== changes.get(id)) continue
        expect(await driven.records.load('contact', { id }, contextOf())).toEqual({ id, change: changes.get(id) })
      }
      await Promise.all(reads)
    },
  }
}

describe('no read returns what was asked for before an eviction that it came after', () => {
  it('in any of the 8,400 orders of two reads, two changes and their evictions', async () => {
    const orders = mergings([
      ['read 0', 'look 0', 'answer 0'],
      ['read 1', 'look 1', 'answer 1'],
      ['change', 'evict'],
      ['change', 'evict'],
    ])
    // The two changes are alike: of the 25,200 mergings three at a time are the same order.
    const distinct = new Set<string>()
    for (const order of orders) {
      const known = distinct.size
      if (distinct.add(order.join(', ')).size === known) continue
      const trial = openTrial(['1'])
      const calls = [-1, -1]
      try {
        for (const step of order) {
          const [what, which] = step.split(' ')
          const call = calls[Number(which)] ?? -1
          if (what === 'read') calls[Number(which)] = await trial.read('1')
          else if (what === 'look' && call !== -1) trial.look(call)
          else if (what === 'answer' && call !== -1) await trial.answer(call)
          else if (what === 'change') trial.change('1')
          else if (what === 'evict') trial.evict('1')
        }
        await trial.end()
      } catch (error) {
        throw new Error(`in the order ${order.join(', ')}`, { cause: error })
      }
    }
    expect(distinct.size).toBe(8_400)
  })

  it('in 100,000 steps at random over three records, with few evictions remembered', async () => {
    const step = fc.record({
      what: fc.constantFrom('read', 'read', 'look', 'answer', 'change', 'evict', 'evict', 'pass', 'evictAll'),
      id: fc.constantFrom('1', '2', '3'),
      which: fc.nat(),
    })
    const run = async (steps: readonly { what: string; id: string; which: number }[]): Promise<void> => {
      const trial = openTrial(['1', '2', '3'], { mostEvictions: 2 })
      const pending: number[] = []
      for (const { what, id, which } of steps) {
        const at = pending.length === 0 ? -1 : which % pending.length
        const call = pending[at]
        if (what === 'read') {
          const begun = await trial.read(id)
          if (begun !== -1) pending.push(begun)
        } else if (what === 'look' && call !== undefined) trial.look(call)
        else if (what === 'answer' && call !== undefined) {
          trial.look(call)
          await trial.answer(call)
          pending.splice(at, 1)
        } else if (what === 'change') trial.change(id)
        else if (what === 'evict') trial.evict(id)
        else if (what === 'pass') trial.driven.pass(which % 2_000)
        else if (what === 'evictAll' && which % 10 === 0) trial.evictAll()
      }
      await trial.end()
    }
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1_000, maxLength: 1_000 }), run), { numRuns: 100 })
  })
})
