import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import type { Observation } from '../../../gateway/changes/observe.ts'
import { Overtaken } from '../../../gateway/changes/overtaken.ts'
import type { StoredEntry } from '../../../gateway/store/deliveries.ts'
import type { StoredHint } from '../../../gateway/store/hints.ts'
import { DeliveryProcessor, type Failure, type ProcessPorts } from '../../../gateway/webhooks/process.ts'
import type { Hint, ObservedRecord } from '../../../subgraphs/contract.ts'
import { VendorError } from '../../../subgraphs/vendor-error.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const now = new Date('2026-06-01T09:00:00Z')

function hint(id: string, more: Partial<Hint> = {}): Hint {
  return { kind: 'UPDATED', record: { system: 'hubspot', kind: 'contact', id }, at: now, fields: ['phone'], ...more }
}

function entry(id: number, hints: readonly StoredHint[], more: Partial<StoredEntry> = {}): StoredEntry {
  return {
    id,
    receivedId: 1,
    system: 'hubspot',
    key: `k${id}`,
    hints,
    worker: 'me',
    attempts: 1,
    tries: more.attempts ?? 1,
    receivedAt: now,
    ...more,
  }
}

/** A processor whose readings of the vendor end when told. */
function open(ports: Partial<ProcessPorts> = {}) {
  const told: string[] = []
  const applied: {
    readonly observations: readonly Observation[]
    readonly entries: readonly number[]
    readonly againAt: readonly (Date | null)[]
    readonly dead: readonly (string | undefined)[]
  }[] = []
  const failed: { readonly id: number; readonly failure: Failure }[] = []
  const reading: { readonly id: string; end(error?: Error): void }[] = []
  const processor = new DeliveryProcessor({
    claim: () => Promise.resolve([]),
    claimSuspects: () => Promise.resolve([]),
    renew: () => Promise.resolve(),
    isOut: () => false,
    deadlineMs: 300_000,
    evict: ({ record }) => void told.push(`evict ${record.id}`),
    observe: record =>
      new Promise((resolve, reject) => {
        told.push(`read ${record.id}`)
        reading.push({ id: record.id, end: error => (error === undefined ? resolve(null) : reject(error)) })
      }),
    apply(observations, entries) {
      for (const { entry: one } of entries) told.push(`apply ${one.id}`)
      applied.push({
        observations,
        entries: entries.map(({ entry: one }) => one.id),
        againAt: entries.map(one => ('againAt' in one ? one.againAt : null)),
        dead: entries.map(one => ('dead' in one ? one.dead : undefined)),
      })
      return Promise.resolve(true)
    },
    fail: async ({ id }, failure) => void failed.push({ id, failure }),
    clock: { now: () => now },
    random: () => 0.5,
    log: silent,
    ...ports,
  })
  return { processor, told, applied, failed, reading }
}

async function turn(): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
}

describe('an entry', () => {
  test('about a name that others show has the record told of first, and once though the rest is tried again', async () => {
    const told: string[] = []
    const renamed = hint('101')
    let isFailing = true
    const { processor, failed } = open({
      isMentioned: () => true,
      isIndexed: () => true,
      observe: () => Promise.resolve(null),
      apply(observations, entries) {
        const further = entries.flatMap(one =>
          'applied' in one ? one.applied.map(({ id }) => `${id} is applied`) : [],
        )
        told.push(...observations.map(({ record }) => `apply ${record.id}`), ...further)
        return Promise.resolve(true)
      },
      rename() {
        told.push('rename')
        return isFailing ? Promise.reject(new VendorError('hubspot', 'unavailable', 'gone')) : Promise.resolve(true)
      },
    })
    await processor.work([entry(1, [renamed])])
    expect([told, failed.length]).toEqual([['apply 101', '101 is applied', 'rename'], 1])
    isFailing = false
    await processor.work([entry(1, [{ ...renamed, isApplied: true }], { attempts: 2 })])
    expect([told.slice(3), failed.length]).toEqual([['rename'], 1])
    // Newer news of the same record are told of, whatever was applied before.
    await processor.work([entry(1, [{ ...renamed, isApplied: true }]), entry(2, [renamed])])
    expect(told.slice(4)).toEqual(['apply 101', '101 is applied', '101 is applied', 'rename'])
  })

  test('is evicted, then read, then applied', async () => {
    const { processor, told, reading } = open()
    processor.accept([entry(1, [hint('101')])])
    await turn()
    reading[0]?.end()
    await processor.idle()
    expect(told).toEqual(['evict 101', 'read 101', 'apply 1'])
  })

  test('of a delivery that speaks of one record several times is one reading with all fields and the strongest kind', async () => {
    const { processor, applied, reading } = open()
    processor.accept([
      entry(1, [hint('101', { fields: ['phone'] })]),
      entry(2, [hint('101', { fields: ['name'], at: new Date(now.getTime() + 1) })]),
      entry(3, [hint('101', { kind: 'CREATED', fields: [] })]),
      entry(4, [hint('102')]),
    ])
    await turn()
    expect(reading.map(({ id }) => id).sort()).toEqual(['101', '102'])
    for (const one of reading) one.end()
    await processor.idle()
    const observations = applied.flatMap(one => one.observations.filter(({ record }) => record.id === '101'))
    expect(observations).toMatchObject([
      { kind: 'CREATED', fields: ['phone', 'name'], at: new Date(now.getTime() + 1) },
    ])
    expect(applied.flatMap(one => one.entries).sort()).toEqual([1, 2, 3, 4])
  })

  test('that says only that something changed leaves the named fields beside it unsure', async () => {
    const { processor, applied, reading } = open()
    processor.accept([entry(1, [hint('101', { fields: ['phone'] })]), entry(2, [hint('101', { fields: [] })])])
    await turn()
    for (const one of reading) one.end()
    await processor.idle()
    expect(applied[0]?.observations).toMatchObject([{ fields: [] }])
  })

  test('that a sweep found is read in the background, told as a listing, and waited for by who found it', async () => {
    const observed: string[] = []
    const { processor, applied } = open({
      observe(record, priority) {
        observed.push(`${record.id} ${priority}`)
        return Promise.resolve(null)
      },
    })
    const listed = hint('101', { kind: 'DELETED', foundIn: 'listing' })
    await processor.work([entry(1, [listed]), entry(2, [hint('102', { kind: 'DELETED', foundIn: 'news' })])])
    processor.accept([entry(3, [hint('103')])])
    await processor.idle()
    expect(observed).toEqual(['101 background', '102 background', '103 webhook'])
    expect(applied.flatMap(one => one.observations.map(({ record, origin }) => [record.id, origin]))).toEqual([
      ['101', 'sweep'],
      ['102', undefined],
      ['103', undefined],
    ])
  })

  test('that a sweep found waits its turn for the record, however slow, without holding up what webhooks bring', async () => {
    const { processor, told, reading } = open()
    const found = processor.work([entry(1, [hint('101', { foundIn: 'news' })])])
    processor.accept([entry(2, [hint('101')]), entry(3, [hint('102')])])
    await turn()
    reading.find(({ id }) => id === '102')?.end()
    await turn()
    await turn()
    expect(told).toContain('apply 3')
    expect(reading.map(({ id }) => id)).toEqual(['101', '102'])
    reading[0]?.end()
    await found
    await turn()
    reading[2]?.end()
    await processor.idle()
    expect(told.filter(line => line.startsWith('apply'))).toEqual(['apply 3', 'apply 1', 'apply 2'])
  })

  test('of a merged record is read with the winner: its vendor has to show the merge', async () => {
    const { processor, told, reading } = open()
    const winner = { system: 'hubspot', kind: 'contact', id: '101' }
    processor.accept([entry(1, [hint('102', { kind: 'DELETED', mergedInto: winner })])])
    await turn()
    expect(told).toEqual(['evict 102', 'read 102', 'read 101'])
    for (const one of reading) one.end()
    await processor.idle()
    expect(told).toContain('apply 1')
  })

  test('that fails is due again, later each time and never before the vendor said, and dead in the end', async () => {
    const run = async (attempts: number, error: Error) => {
      const { processor, failed, reading } = open()
      processor.accept([entry(1, [hint('101')], { attempts })])
      await turn()
      reading[0]?.end(error)
      await processor.idle()
      return failed[0]?.failure
    }
    const down = new VendorError('hubspot', 'unavailable', 'down')
    const limited = new VendorError('hubspot', 'rate-limited', 'limited', { retryAfterMs: 90_000 })
    expect(await run(1, down)).toMatchObject({ state: 'due', dueAt: new Date(now.getTime() + 500) })
    expect(await run(4, down)).toMatchObject({ state: 'due', dueAt: new Date(now.getTime() + 4000) })
    expect(await run(1, limited)).toMatchObject({ state: 'due', dueAt: new Date(now.getTime() + 90_000) })
    expect(await run(10, down)).toMatchObject({ state: 'dead' })
    expect(await run(1, new VendorError('hubspot', 'rejected', 'no'))).toMatchObject({ state: 'dead' })
    // What went wrong here names no value of the record.
    expect(await run(1, new TypeError('value +15550100 of Ada'))).toMatchObject({
      state: 'due',
      error: 'our code failed on it: look at the error in the log',
    })
  })

  test('that fails fails alone', async () => {
    const { processor, failed, applied, reading } = open()
    processor.accept([entry(1, [hint('101')]), entry(2, [hint('102')])])
    await turn()
    for (const one of reading) one.end(one.id === '101' ? new VendorError('hubspot', 'timeout', 'late') : undefined)
    await processor.idle()
    expect([failed.map(({ id }) => id), applied.map(({ entries }) => entries)]).toEqual([[1], [[2]]])
  })

  test('that could not be put back harms nobody: its lease runs out', async () => {
    const { processor, applied, reading } = open({ fail: () => Promise.reject(new Error('the store is gone')) })
    processor.accept([entry(1, [hint('101')]), entry(2, [hint('102')])])
    await turn()
    for (const one of reading) one.end(one.id === '101' ? new Error('oh') : undefined)
    await processor.idle()
    expect(applied.map(({ entries }) => entries)).toEqual([[2]])
  })
})

test('what was replayed has as many tries before it as if it had just come', async () => {
  const { processor, failed, reading } = open()
  processor.accept([entry(1, [hint('101')], { attempts: 11, tries: 1 })])
  await turn()
  reading[0]?.end(new VendorError('hubspot', 'unavailable', 'down'))
  await processor.idle()
  expect(failed[0]?.failure).toMatchObject({ state: 'due', dueAt: new Date(now.getTime() + 500) })
})

test('a vendor that answers nobody makes no entry dead for three days, and one that answers others does after ten tries', async () => {
  const run = async (isOut: boolean, waitedHours: number, kind: 'unavailable' | 'rate-limited' = 'unavailable') => {
    const receivedAt = new Date(now.getTime() - waitedHours * 3_600_000)
    const { processor, failed, reading } = open({ isOut: () => isOut })
    processor.accept([entry(1, [hint('101')], { attempts: 40, receivedAt })])
    await turn()
    reading[0]?.end(new VendorError('hubspot', kind, 'down'))
    await processor.idle()
    return failed[0]?.failure.state
  }
  expect([await run(true, 71), await run(true, 73), await run(false, 1)]).toEqual(['due', 'dead', 'dead'])
  expect(await run(false, 71, 'rate-limited')).toBe('due')
})

describe('what never settles', () => {
  test.each(['reading', 'applying'])('%s fails at its deadline, and those behind it go on', async step => {
    vi.useFakeTimers()
    try {
      const never = new Promise<never>(() => undefined)
      const applied: number[] = []
      const { processor, failed } = open({
        observe: record => (step === 'reading' && record.id === '101' ? never : Promise.resolve(null)),
        apply(_observations, entries) {
          if (step === 'applying' && entries.some(one => one.entry.id === 1)) return never
          applied.push(...entries.map(one => one.entry.id))
          return Promise.resolve(true)
        },
      })
      processor.accept([entry(1, [hint('101')])])
      await vi.advanceTimersByTimeAsync(10)
      processor.accept([entry(2, [hint('101')], { receivedId: 2 }), entry(3, [hint('103')], { receivedId: 3 })])
      await vi.advanceTimersByTimeAsync(310_000)
      if (step === 'reading') expect(applied).toEqual([3])
      await vi.advanceTimersByTimeAsync(310_000)
      await processor.idle()
      expect(failed.find(({ id }) => id === 1)?.failure).toMatchObject({
        state: 'due',
        error: `${step} it had not ended after 300 s`,
      })
      expect(applied).toContain(3)
    } finally {
      vi.useRealTimers()
    }
  })

  test('at one vendor delays nothing of another, however much of it is due before', async () => {
    const record = { system: 'stripe', kind: 'invoice', id: 'in_1' }
    const flood = Array.from({ length: 5000 }, (_, id) => entry(id, [hint(String(id))], { receivedId: id }))
    const due = [...flood, entry(9000, [hint('', { record })], { receivedId: 9000, system: 'stripe' })]
    const { processor, applied } = open({
      claim: (limit, except) => {
        const claimed = due.filter(({ system }) => !except.includes(system)).slice(0, limit)
        for (const one of claimed) due.splice(due.indexOf(one), 1)
        return Promise.resolve(claimed)
      },
      observe: one => (one.system === 'hubspot' ? new Promise(() => undefined) : Promise.resolve(null)),
    })
    processor.start()
    await vi.waitFor(() => expect(applied.map(({ entries }) => entries)).toEqual([[9000]]), 10_000)
    expect([processor.hasRoomFor('hubspot'), processor.hasRoomFor('stripe')]).toEqual([false, true])
    // Those under way never end: what waits is all that can be dropped.
    void processor.stop()
  })

  test('that answers nobody is given a few entries at a time: the rest waits in the store and fails only once', async () => {
    let isOut = false
    const { processor } = open({ isOut: () => isOut })
    for (let id = 0; id < 30; id++) processor.accept([entry(id, [hint(String(id))], { receivedId: id })])
    expect(processor.hasRoomFor('hubspot')).toBe(true)
    isOut = true
    expect(processor.hasRoomFor('hubspot')).toBe(false)
  })
})

test('suspects are tried few at a time: the next ones are asked for only when the last have ended', async () => {
  const waiting = [[entry(1, [hint('101')]), entry(2, [hint('102')])], [entry(3, [hint('103')])]]
  const asked: boolean[] = []
  const { processor, applied, reading } = open({
    claimSuspects(isLong) {
      asked.push(isLong)
      return Promise.resolve(waiting.shift() ?? [])
    },
  })
  processor.start()
  await vi.waitFor(() => expect(reading.map(({ id }) => id)).toEqual(['101', '102']), 20_000)
  reading[0]?.end()
  await vi.waitFor(() => expect(applied).toHaveLength(1), 20_000)
  expect([reading.length, asked]).toEqual([2, [false]])
  reading[1]?.end()
  await vi.waitFor(() => expect(reading.map(({ id }) => id)).toEqual(['101', '102', '103']), 20_000)
  reading[2]?.end()
  await processor.stop()
})

test('at the end what is under way is waited for five seconds, and all that is held stays held until then', async () => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
  try {
    const renewed: (readonly number[])[] = []
    const { processor, applied, reading } = open({
      renew: entries => Promise.resolve(void renewed.push(entries.map(({ id }) => id))),
    })
    processor.start()
    // The second one waits for the first: it is about the same record.
    processor.accept([entry(1, [hint('101')], { receivedId: 1 }), entry(2, [hint('101')], { receivedId: 2 })])
    await vi.advanceTimersByTimeAsync(1000)
    let isStopped = false
    const stopped = processor.stop().then(() => (isStopped = true))
    await vi.advanceTimersByTimeAsync(4_900)
    expect([isStopped, renewed]).toEqual([false, [[1, 2]]])
    await vi.advanceTimersByTimeAsync(200)
    await stopped
    reading[0]?.end()
    await vi.advanceTimersByTimeAsync(20_000)
    expect([renewed.length, reading.length, applied.length]).toEqual([1, 1, 1])
  } finally {
    vi.useRealTimers()
  }
})

test('after one that was tried alone the next is asked for nine times as long later, so that few deaths fall on one', async () => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
  try {
    const waiting = [[entry(1, [hint('101')])], [entry(2, [hint('102')])]]
    const { processor, reading } = open({ claimSuspects: () => Promise.resolve(waiting.shift() ?? []) })
    processor.start()
    await vi.advanceTimersByTimeAsync(700)
    reading[0]?.end()
    await vi.advanceTimersByTimeAsync(6_000)
    expect(reading.map(({ id }) => id)).toEqual(['101'])
    await vi.advanceTimersByTimeAsync(2_000)
    expect(reading.map(({ id }) => id)).toEqual(['101', '102'])
    reading[1]?.end()
    await processor.stop()
  } finally {
    vi.useRealTimers()
  }
})

test('once a process has run for three minutes what is tried alone follows one another at once', async () => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
  try {
    const waiting: StoredEntry[][] = []
    const { processor, reading } = open({ claimSuspects: () => Promise.resolve(waiting.shift() ?? []) })
    processor.start()
    await vi.advanceTimersByTimeAsync(180_000)
    for (let id = 1; id <= 50; id++) waiting.push([entry(id, [hint(String(id))])])
    for (let seconds = 0; reading.length < 50 && seconds < 20; seconds++) {
      await vi.advanceTimersByTimeAsync(1000)
      // Each of them takes no time.
      for (let ended = -1; ended < reading.length;) {
        ended = reading.length
        for (const one of reading) one.end()
        await vi.advanceTimersByTimeAsync(100)
      }
    }
    expect(reading).toHaveLength(50)
    await processor.stop()
  } finally {
    vi.useRealTimers()
  }
})

describe('a vendor that lags behind its own news', () => {
  const earlier = new Date(now.getTime() - 60_000)
  const later = new Date(now.getTime() + 1)
  const observed = (updatedAt: Date | null): ObservedRecord => ({
    record: hint('101').record,
    parents: [],
    status: null,
    isClosed: null,
    createdAt: null,
    updatedAt,
    email: null,
    names: null,
  })
  const cases: [string, Partial<Hint>, ObservedRecord | null, boolean][] = [
    ['shows an older version than it told of', {}, observed(earlier), true],
    ['shows the version it told of', {}, observed(now), false],
    ['shows a newer one', {}, observed(later), false],
    ['dates its news a moment later than the record', {}, observed(new Date(now.getTime() - 50)), false],
    ['gives no versions', {}, observed(null), false],
    ['does not show what it said was created', { kind: 'CREATED' }, null, true],
    ['still shows what it said was deleted', { kind: 'DELETED' }, observed(earlier), true],
    ['shows what was deleted and came back', { kind: 'DELETED' }, observed(later), false],
    ['does not show what it said was deleted', { kind: 'DELETED' }, null, false],
    [
      'shows neither of two that it said were merged',
      { mergedInto: { ...hint('101').record, id: '102' } },
      null,
      false,
    ],
    ['tells of our own write', { isEcho: true }, observed(earlier), false],
  ]
  test.each(cases)('%s', async (_title, more, found, isAgain) => {
    const { processor, applied } = open({ observe: () => Promise.resolve(found) })
    processor.accept([entry(1, [hint('101', more)])])
    await processor.idle()
    expect(applied.map(({ againAt }) => againAt)).toEqual([[isAgain ? new Date(now.getTime() + 1000) : null]])
  })

  test('is asked again 1, 3 and 10 s after it told, and then believed', async () => {
    const { processor, applied } = open({ observe: () => Promise.resolve(observed(earlier)) })
    for (const attempts of [1, 2, 3, 4]) processor.accept([entry(attempts, [hint('101')], { attempts })])
    await processor.idle()
    const waits = applied.flatMap(({ againAt }) => againAt.map(at => at && at.getTime() - now.getTime()))
    expect(waits).toEqual([1000, 2000, 7000, null])
  })

  describe('and says that one record was merged into another', () => {
    const [loser, winner] = [hint('102').record, hint('101').record]
    const merge = hint('102', { kind: 'DELETED', mergedInto: winner, fields: [] })
    const shown = (record: Hint['record'], more: Partial<ObservedRecord> = {}) => ({
      ...observed(now),
      record,
      ...more,
    })
    const run = async (answers: Record<string, ObservedRecord | null>, tries = 1) => {
      const { processor, applied } = open({ observe: ({ id }) => Promise.resolve(answers[id] ?? null) })
      processor.accept([entry(1, [merge], { attempts: tries })])
      await processor.idle()
      return applied[0]
    }
    const mergedInto = (id: string) => ({ record: loser, observed: null, mergedInto: { ...winner, id } })

    test('is believed when the id answers with the other, or the other names it', async () => {
      const byAnswer = await run({ 101: shown(winner), 102: shown(winner, { formerIds: ['102'] }) })
      expect(byAnswer?.observations).toMatchObject([mergedInto('101')])
      const byName = await run({ 101: shown(winner, { formerIds: ['102'] }), 102: shown(loser) })
      expect(byName?.observations).toMatchObject([mergedInto('101')])
      const byNameOfGone = await run({ 101: shown(winner, { formerIds: ['102'] }) })
      expect([byNameOfGone?.observations, byNameOfGone?.againAt]).toMatchObject([[mergedInto('101')], [null]])
    })

    test('takes the record that answers for the winner', async () => {
      const third = { ...winner, id: '103' }
      const found = await run({ 101: shown(winner), 102: shown(third) })
      expect(found?.observations).toMatchObject([mergedInto('103'), { record: third, kind: 'UPDATED' }])
    })

    test('is asked again 1, 3, 10 and 30 s after it told, without effect, and is then dead', async () => {
      const answers = { 101: shown(winner), 102: shown(loser) }
      const tries = await Promise.all([1, 2, 3, 4, 5].map(count => run(answers, count)))
      expect(tries.map(one => one?.againAt[0] && one.againAt[0].getTime() - now.getTime())).toEqual([
        1000,
        2000,
        7000,
        20_000,
        null,
      ])
      expect(tries.slice(0, 4).map(one => [one?.observations, one?.dead])).toEqual(
        Array.from({ length: 4 }, () => [[], [undefined]]),
      )
      expect(tries[4]?.dead[0]).toBe(
        'hubspot: told that contact 102 was merged into contact 101, but contact 102 still answers as itself: nothing was merged; replay this delivery once hubspot shows the merge',
      )
      expect(tries[4]?.observations).toMatchObject([{ record: loser, kind: 'UPDATED', origin: 'sweep' }])
      expect(tries[4]?.observations[0]?.mergedInto).toBeUndefined()
    })

    test('of a record that is gone without a trace in the other, counts as deleted in the end', async () => {
      const last = await run({ 101: shown(winner) }, 5)
      expect(last?.observations).toMatchObject([{ record: loser, observed: null, kind: 'DELETED' }])
      expect(last?.dead[0]).toMatch(/contact 102 is gone and contact 101 does not name it/)
    })
  })

  test('and lists what it does not show yet is asked for half an hour, for nobody tells of that again', async () => {
    const { processor, applied } = open({ observe: () => Promise.resolve(observed(earlier)) })
    for (let attempts = 1; attempts <= 11; attempts++)
      processor.accept([entry(attempts, [hint('101', { foundIn: 'listing' })], { attempts, receivedId: attempts })])
    await processor.idle()
    const waits = applied.flatMap(({ againAt }) => againAt.map(at => at && at.getTime() - now.getTime()))
    expect(waits.slice(0, 3)).toEqual([1000, 2000, 7000])
    expect([waits.length, waits.at(-2), waits.at(-1)]).toEqual([11, 600_000, null])
  })
})

test('whatever comes in whatever order, deliveries about one record are applied in the order they were accepted, each after its own reading', async () => {
  const delivery = fc.record({ record: fc.constantFrom('101', '102', '103'), delayed: fc.nat({ max: 3 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(delivery, { maxLength: 12 }), async deliveries => {
      const { processor, told } = open({
        observe: async () => {
          for (let at = 0; at < (deliveries[0]?.delayed ?? 0); at += 1) await turn()
          return null
        },
      })
      deliveries.forEach(({ record }, at) => processor.accept([entry(at, [hint(record)], { receivedId: at })]))
      await processor.idle()
      for (const record of ['101', '102', '103']) {
        const expected = deliveries.flatMap((one, at) => (one.record === record ? [`apply ${at}`] : []))
        expect(told.filter(line => expected.includes(line))).toEqual(expected)
      }
      expect(told.filter(line => line.startsWith('apply'))).toHaveLength(deliveries.length)
    }),
    { numRuns: 60 },
  )
})

test('stopping finishes what is being read and leaves to the store what waits its turn or is claimed meanwhile', async () => {
  let claimed: (entries: readonly StoredEntry[]) => void = () => undefined
  const claim = vi.fn(() => new Promise<readonly StoredEntry[]>(resolve => (claimed = resolve)))
  const { processor, applied, reading } = open({ claim })
  processor.start()
  processor.accept([entry(1, [hint('101')], { receivedId: 1 })])
  processor.accept([entry(2, [hint('101')], { receivedId: 2 })])
  await turn()
  const stopped = processor.stop()
  claimed([entry(3, [hint('103')])])
  await turn()
  reading[0]?.end()
  await stopped
  expect(applied.map(({ entries }) => entries)).toEqual([[1]])
  expect(reading.map(({ id }) => id)).toEqual(['101'])
})

test('what is under way or waits is held longer, so that nobody else takes it', async () => {
  vi.useFakeTimers()
  try {
    const renewed: number[][] = []
    const { processor, reading } = open({ renew: async entries => void renewed.push(entries.map(({ id }) => id)) })
    processor.start()
    processor.accept([entry(1, [hint('101')]), entry(2, [hint('101')], { receivedId: 2 })])
    await vi.advanceTimersByTimeAsync(5_000)
    expect(renewed).toEqual([[1, 2]])
    reading[0]?.end()
    await vi.advanceTimersByTimeAsync(15_000)
    expect(renewed.at(-1)).toEqual([2])
    reading[1]?.end()
    await processor.stop()
  } finally {
    vi.useRealTimers()
  }
})

describe('what others have overtaken', () => {
  test('is read again at once, past the Change that overtook it, and is no failure', async () => {
    let position = 7
    const readAfter: unknown[] = []
    const { processor, told, failed, reading } = open({
      position: () => position,
      apply(observations) {
        readAfter.push(...observations.map(one => one.readAfter))
        position += 1
        return readAfter.length < 3 ? Promise.reject(new Overtaken('read it again')) : Promise.resolve(true)
      },
    })
    processor.accept([entry(1, [hint('101')])])
    for (let at = 0; at < 3; at++) {
      await vi.waitFor(() => expect(reading).toHaveLength(at + 1), 20_000)
      reading[at]?.end()
    }
    await processor.idle()
    expect(readAfter).toEqual([7, 8, 9])
    expect(told).toEqual(['evict 101', 'read 101', 'evict 101', 'read 101', 'evict 101', 'read 101'])
    expect(failed).toEqual([])
  })
})

test('it asks the store for what is due when it is woken, and until nothing more is due', async () => {
  const answers = [[], Array.from({ length: 200 }, (_, id) => entry(id, [hint(`${id}`)])), [entry(900, [hint('900')])]]
  const limits: number[] = []
  const { processor } = open({
    claim(limit) {
      limits.push(limit)
      return Promise.resolve(answers.shift() ?? [])
    },
  })
  processor.start()
  await turn()
  expect(limits).toHaveLength(1)
  processor.wake()
  processor.wake()
  await vi.waitFor(() => expect(limits).toEqual([200, 200, 200]), 20_000)
  // What is read here would never end.
  void processor.stop()
})
