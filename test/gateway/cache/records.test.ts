import { describe, expect, it } from 'vitest'
import { VendorError } from '../../../subgraphs/vendor-error.ts'
import { contact, contextOf, handDriven, settled } from './vendor.ts'
import type { HandDriven, Row } from './vendor.ts'

const down = new VendorError('hubspot', 'unavailable', 'down')

/** Has the record read once and kept. */
async function keep(driven: HandDriven, row: Row): Promise<void> {
  const loaded = driven.records.load('contact', { id: row.id }, contextOf())
  await settled()
  driven.last().answer([row])
  await loaded
}

describe('reading records', () => {
  it('asks the vendor once for all an operation wants in one tick, and for nothing that is cached', async () => {
    const driven = handDriven()
    const { records, calls } = driven
    await keep(driven, { id: '1', change: 0 })
    const context = contextOf()
    const loads = ['1', '2', '3', '2'].map(id => records.load('contact', { id }, context))
    await settled()
    expect(calls.map(({ ids }) => ids)).toEqual([['1'], ['2', '3']])
    driven.last().answer([{ id: '2', change: 0 }])
    expect(await Promise.all(loads)).toEqual([
      { id: '1', change: 0 },
      { id: '2', change: 0 },
      null,
      { id: '2', change: 0 },
    ])
    expect(driven.cache.status()).toMatchObject({ entries: 3, misses: 3 })
  })

  it('asks once for what 1,000 operations miss at the same time', async () => {
    const { records, calls, last } = handDriven()
    const loads = Array.from({ length: 1_000 }, () => records.load('contact', { id: '1' }, contextOf()))
    await settled()
    last().answer([{ id: '1', change: 0 }])
    const rows = await Promise.all(loads)
    expect(new Set(rows).size).toBe(1)
    expect(calls).toHaveLength(1)
  })

  it('does not join a fetch that began before an eviction, nor keep its answer', async () => {
    const { records, calls, cache } = handDriven()
    const before = records.load('contact', { id: '1' }, contextOf())
    await settled()
    cache.evict(contact('1'))
    const after = records.load('contact', { id: '1' }, contextOf())
    await settled()
    expect(calls).toHaveLength(2)
    calls[1]?.answer([{ id: '1', change: 1 }])
    calls[0]?.answer([{ id: '1', change: 0 }])
    expect(await Promise.all([before, after])).toMatchObject([{ change: 0 }, { change: 1 }])
    expect(await records.load('contact', { id: '1' }, contextOf())).toMatchObject({ change: 1 })
  })

  it('reads again within one operation what was evicted since', async () => {
    const driven = handDriven()
    const context = contextOf()
    await keep(driven, { id: '1', change: 0 })
    expect(await driven.records.load('contact', { id: '1' }, context)).toMatchObject({ change: 0 })
    driven.cache.evict(contact('1'))
    const again = driven.records.load('contact', { id: '1' }, context)
    await settled()
    driven.last().answer([{ id: '1', change: 1 }])
    expect(await again).toMatchObject({ change: 1 })
  })

  it('keeps no errors, and fails alone what failed alone', async () => {
    const { records, calls, last } = handDriven()
    const context = contextOf()
    const loads = ['1', '2'].map(id => records.load('contact', { id }, context))
    const ends = Promise.allSettled(loads)
    await settled()
    last().answer([{ id: '1', change: 0 }, ['2', new VendorError('hubspot', 'rejected', 'no')]])
    expect((await ends).map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    const again = records.load('contact', { id: '2' }, context)
    await settled()
    expect(calls).toHaveLength(2)
    last().answer([{ id: '2', change: 0 }])
    expect(await again).toEqual({ id: '2', change: 0 })
  })

  it('goes on with a fetch while anybody waits, at the cost of who began it', async () => {
    const { records, calls, last } = handDriven()
    const leaving = new AbortController()
    const beginner = contextOf('query', leaving.signal)
    const joiner = contextOf()
    const left = records.load('contact', { id: '1' }, beginner)
    const leftEnd = expect(left).rejects.toMatchObject({ kind: 'aborted' })
    await settled()
    const stayed = records.load('contact', { id: '1' }, joiner)
    await settled()
    leaving.abort()
    await leftEnd
    expect(last().signal.aborted).toBe(false)
    last().spend()
    last().answer([{ id: '1', change: 0 }])
    expect(await stayed).toEqual({ id: '1', change: 0 })
    expect([calls.length, beginner.spent, joiner.spent]).toEqual([1, 1, 0])
  })

  it('calls a fetch off when nobody waits any more, and begins a new one for who comes then', async () => {
    const { records, calls } = handDriven()
    const leaving = new AbortController()
    const context = contextOf('query', leaving.signal)
    const ends = Promise.allSettled(
      Array.from({ length: 20 }, (_, id) => records.load('contact', { id: `${id}` }, context)),
    )
    await settled()
    leaving.abort()
    for (const end of await ends) expect(end.status).toBe('rejected')
    expect(calls[0]?.signal.aborted).toBe(true)
    const fresh = records.load('contact', { id: '1' }, contextOf())
    await settled()
    calls[1]?.answer([{ id: '1', change: 0 }])
    expect(await fresh).toEqual({ id: '1', change: 0 })
    await expect(records.load('contact', { id: '2' }, context)).rejects.toMatchObject({ kind: 'aborted' })
  })

  it('never has a query wait for a fetch of background work', async () => {
    const { records, calls } = handDriven()
    const slow = records.load('contact', { id: '1' }, contextOf('background'))
    await settled()
    const query = records.load('contact', { id: '1' }, contextOf())
    await settled()
    expect(calls.map(({ priority }) => priority)).toEqual(['background', 'query'])
    for (const call of calls) call.answer([{ id: '1', change: 0 }])
    expect(await Promise.all([slow, query])).toHaveLength(2)
  })
})

describe('fetches that end in another order than they began', () => {
  it('leave the answer of the one that began last', async () => {
    const { records, calls } = handDriven()
    const background = records.load('contact', { id: '1' }, contextOf('background'))
    await settled()
    const query = records.load('contact', { id: '1' }, contextOf())
    await settled()
    calls[1]?.answer([{ id: '1', change: 1 }])
    await query
    calls[0]?.answer([{ id: '1', change: 0 }])
    await background
    expect(await records.load('contact', { id: '1' }, contextOf())).toMatchObject({ change: 1 })
  })
})

describe('a vendor that fails', () => {
  it('leaves a query the last good value, written down with its age, for 5 min', async () => {
    const driven = handDriven()
    await keep(driven, { id: '1', change: 0 })
    driven.cache.evict(contact('1'))
    driven.pass(60_000)
    const context = contextOf()
    const stale = driven.records.load('contact', { id: '1' }, context)
    await settled()
    driven.last().fail(down)
    expect(await stale).toEqual({ id: '1', change: 0 })
    expect(driven.cache.staleServed(context)).toEqual([{ record: contact('1'), ageMs: 60_000 }])
    expect(driven.cache.staleServed(contextOf())).toEqual([])

    driven.pass(240_001)
    const tooOld = driven.records.load('contact', { id: '1' }, context)
    await settled()
    driven.last().fail(down)
    await expect(tooOld).rejects.toBe(down)
  })

  it.each([
    ['a webhook asks', 'webhook', down],
    ['background work asks', 'background', down],
    ['the vendor refuses', 'query', new VendorError('hubspot', 'unauthorized', 'no')],
    ['a program errs', 'query', new TypeError('bug')],
  ] as const)('leaves nothing when %s', async (_, priority, error) => {
    const driven = handDriven()
    await keep(driven, { id: '1', change: 0 })
    driven.cache.evict(contact('1'))
    const load = driven.records.load('contact', { id: '1' }, contextOf(priority))
    await settled()
    driven.last().fail(error)
    await expect(load).rejects.toBe(error)
  })

  it.each([
    ['it was deleted', (driven: HandDriven) => driven.cache.forget(contact('1'))],
    ['the cache is bypassed', (driven: HandDriven) => driven.cache.bypass(true)],
  ])('leaves nothing of a record when %s', async (_, happen) => {
    const driven = handDriven()
    await keep(driven, { id: '1', change: 0 })
    happen(driven)
    const load = driven.records.load('contact', { id: '1' }, contextOf())
    await settled()
    driven.last().fail(down)
    await expect(load).rejects.toBe(down)
  })

  it('leaves nothing of a record that was found missing by a fetch too old to be kept', async () => {
    const driven = handDriven()
    await keep(driven, { id: '1', change: 0 })
    driven.cache.evict(contact('1'))
    const missing = driven.records.load('contact', { id: '1' }, contextOf())
    await settled()
    driven.cache.evict(contact('1'))
    driven.last().answer([])
    expect(await missing).toBeNull()
    const load = driven.records.load('contact', { id: '1' }, contextOf())
    await settled()
    driven.last().fail(down)
    await expect(load).rejects.toBe(down)
  })
})
