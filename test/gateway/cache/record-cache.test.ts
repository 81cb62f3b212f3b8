import { describe, expect, it } from 'vitest'
import { contact, contextOf, handDriven, settled } from './vendor.ts'
import type { HandDriven, Row } from './vendor.ts'

const versionOf = ({ change }: Row): Date => new Date(change)

/** Loads the record; `row` is what the vendor says if it is asked. @returns whether it was asked */
async function asks(driven: HandDriven, row: Row | null, id = row?.id ?? '1'): Promise<boolean> {
  const before = driven.calls.length
  const load = driven.records.load('contact', { id }, contextOf())
  await settled()
  const isAsked = driven.calls.length > before
  if (isAsked) driven.last().answer(row === null ? [] : [row])
  await load
  return isAsked
}

describe('the age of values', () => {
  it('is 5 min at most, 30 s for a record that does not exist', async () => {
    const driven = handDriven()
    await asks(driven, { id: '1', change: 0 })
    await asks(driven, null, '2')
    driven.pass(29_999)
    expect(await asks(driven, null, '2')).toBe(false)
    driven.pass(1)
    expect(await asks(driven, null, '2')).toBe(true)
    driven.pass(269_999)
    expect(await asks(driven, { id: '1', change: 0 })).toBe(false)
    driven.pass(1)
    expect(await asks(driven, { id: '1', change: 0 })).toBe(true)
  })

  it('counts from when the vendor was asked', async () => {
    const driven = handDriven()
    const load = driven.records.load('contact', { id: '1' }, contextOf())
    await settled()
    driven.pass(299_999)
    driven.last().answer([{ id: '1', change: 0 }])
    await load
    expect(await asks(driven, { id: '1', change: 0 })).toBe(false)
    driven.pass(1)
    expect(await asks(driven, { id: '1', change: 0 })).toBe(true)
  })

  it('after a Change without a version ends 1, 3 and 10 s after it', async () => {
    const driven = handDriven()
    const row = { id: '1', change: 0 }
    driven.cache.evict(contact('1'))
    const asked: number[] = []
    for (let ms = 0; ms < 60_000; ms += 100) {
      if (await asks(driven, row)) asked.push(ms)
      driven.pass(100)
    }
    expect(asked).toEqual([0, 1_000, 3_000, 10_000])
  })

  it('is 1 s while the vendor answers older than the Change said', async () => {
    const driven = handDriven({ versionOf })
    driven.cache.evict(contact('1'))
    driven.cache.expect(contact('1'), new Date(5))
    expect(await asks(driven, { id: '1', change: 4 })).toBe(true)
    driven.pass(999)
    expect(await asks(driven, { id: '1', change: 4 })).toBe(false)
    driven.pass(1)
    expect(await asks(driven, null, '1')).toBe(true)
    driven.pass(1_000)
    expect(await asks(driven, { id: '1', change: 5 })).toBe(true)
    driven.pass(299_999)
    expect(await asks(driven, { id: '1', change: 5 })).toBe(false)
  })

  it('is the usual one again when a version announced has not come for 5 min', async () => {
    const driven = handDriven({ versionOf })
    driven.cache.expect(contact('1'), new Date(5))
    driven.pass(300_001)
    await asks(driven, { id: '1', change: 4 })
    driven.pass(10_000)
    expect(await asks(driven, { id: '1', change: 4 })).toBe(false)
  })

  it('is cut to 1 s when a Change announces a later version of what is cached', async () => {
    const driven = handDriven({ versionOf })
    await asks(driven, { id: '1', change: 4 })
    driven.cache.expect(contact('1'), new Date(5))
    driven.pass(1_000)
    expect(await asks(driven, { id: '1', change: 5 })).toBe(true)
  })
})

describe('evicting', () => {
  it('keeps a value that is as new as the Change, and no fetch that may be older', async () => {
    const driven = handDriven({ versionOf })
    await asks(driven, { id: '1', change: 5 })
    driven.cache.evict(contact('1'), { unlessVersionAtLeast: new Date(5) })
    expect(await asks(driven, { id: '1', change: 5 })).toBe(false)
    driven.cache.evict(contact('1'), { unlessVersionAtLeast: new Date(6) })
    expect(await asks(driven, { id: '1', change: 6 })).toBe(true)
  })

  it('keeps no value without a version', async () => {
    const driven = handDriven()
    await asks(driven, { id: '1', change: 5 })
    driven.cache.evict(contact('1'), { unlessVersionAtLeast: new Date(0) })
    expect(await asks(driven, { id: '1', change: 5 })).toBe(true)
  })

  it('of everything reads everything again, and keeps no fetch that was under way', async () => {
    const driven = handDriven()
    await asks(driven, { id: '1', change: 0 })
    const load = driven.records.load('contact', { id: '2' }, contextOf())
    await settled()
    driven.cache.evictAll()
    driven.last().answer([{ id: '2', change: 0 }])
    await load
    expect(await asks(driven, { id: '1', change: 0 })).toBe(true)
    expect(await asks(driven, { id: '2', change: 0 })).toBe(true)
    expect(await asks(driven, { id: '2', change: 0 })).toBe(false)
  })

  it('is not forgotten with the records evicted since', async () => {
    const driven = handDriven({ mostEvictions: 2 })
    const load = driven.records.load('contact', { id: '1' }, contextOf())
    await settled()
    for (const id of ['1', '2', '3', '4']) driven.cache.evict(contact(id))
    driven.last().answer([{ id: '1', change: 0 }])
    await load
    expect(await asks(driven, { id: '1', change: 1 })).toBe(true)
    expect(await asks(driven, { id: '1', change: 1 })).toBe(false)
  })
})

describe('the bypass', () => {
  it('has every read ask the vendor unless they come in one turn, and nothing from that time is served after it', async () => {
    const driven = handDriven()
    const row = { id: '1', change: 0 }
    await asks(driven, row)
    driven.cache.bypass(true)
    expect(driven.cache.status().isBypassed).toBe(true)
    expect([await asks(driven, row), await asks(driven, row)]).toEqual([true, true])
    const first = driven.records.load('contact', { id: '1' }, contextOf())
    await settled()
    const second = driven.records.load('contact', { id: '1' }, contextOf())
    await settled()
    expect(driven.calls).toHaveLength(5)
    for (const call of driven.calls) call.answer([row])
    await Promise.all([first, second])
    driven.cache.bypass(false)
    expect([await asks(driven, row), await asks(driven, row)]).toEqual([true, false])
  })
})

describe('the size', () => {
  it('stays below the bound, and the least used go first', async () => {
    const driven = handDriven({ maxBytes: 4_000 })
    for (let id = 0; id < 50; id += 1) {
      await asks(driven, { id: `${id}`, change: 0 })
      await asks(driven, { id: '0', change: 0 })
    }
    const { bytes, entries } = driven.cache.status()
    expect(bytes).toBeLessThanOrEqual(4_000)
    expect(entries).toBeGreaterThan(5)
    expect(await asks(driven, { id: '0', change: 0 })).toBe(false)
    expect(await asks(driven, { id: '1', change: 0 })).toBe(true)
  })
})

describe('a record whose vendor gives versions', () => {
  it('does not go back when an answer that was asked for before an eviction comes last and is the newer one', async () => {
    const driven = handDriven({ versionOf })
    const slow = driven.records.load('contact', { id: '1' }, contextOf())
    await settled()
    const first = driven.last()
    driven.cache.evict(contact('1'))
    await asks(driven, { id: '1', change: 6 })
    first.answer([{ id: '1', change: 8 }])
    expect(await slow).toMatchObject({ change: 8 })
    expect(await driven.records.load('contact', { id: '1' }, contextOf())).toMatchObject({ change: 8 })
  })

  it('is shown to those who waited for an older answer as it is kept', async () => {
    const driven = handDriven({ versionOf })
    const slow = driven.records.load('contact', { id: '1' }, contextOf())
    await settled()
    const first = driven.last()
    driven.cache.evict(contact('1'))
    await asks(driven, { id: '1', change: 8 })
    first.answer([{ id: '1', change: 6 }])
    expect(await slow).toMatchObject({ change: 8 })
  })
})
