import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { DeliveryEntry, Hint, Log, Sweeper, SweepPage } from '../../../subgraphs/contract.ts'
import { VendorError } from '../../../subgraphs/vendor-error.ts'
import type { StoredEntry } from '../../../gateway/store/deliveries.ts'
import { storeReceived } from '../../../gateway/store/received.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { beginSweep, listPlaces, listSweeps } from '../../../gateway/store/sweeps.ts'
import { runSweep, takePlaces, type SweepOptions } from '../../../gateway/webhooks/sweep.ts'
import { absence, apply, at, contact, openTestStore, quietLog, sight } from '../links/fixture.ts'

let store: Store
beforeAll(async () => {
  store = await openTestStore()
})
beforeEach(() =>
  store.write(async tx => {
    for (const table of ['records', 'received', 'delivery_entries', 'sweep_places', 'sweeps'] as const)
      await tx.deleteFrom(table).execute()
  }),
)
afterAll(() => store.close())

function shown(id: string, seconds: number, kind: Hint['kind'] = 'UPDATED'): Hint {
  return { kind, record: contact(id), at: at(seconds), fields: [] }
}

function event(key: string, id = '101'): DeliveryEntry {
  return { key, hints: [{ kind: 'UPDATED', record: contact(id), at: at(1), fields: ['phone'] }] }
}

type Step = Partial<SweepPage> | Error

/** A feed whose pages are given; the cursor is the number of the next one. */
function feed(steps: readonly Step[], more: Partial<Sweeper> = {}): Sweeper & { readonly asked: (string | null)[] } {
  const asked: (string | null)[] = []
  let given = 0
  return {
    feed: 'contacts',
    lagMs: 30_000,
    asked,
    sweep(cursor) {
      asked.push(cursor)
      const step = steps[given++] ?? {}
      if (step instanceof Error) return Promise.reject(step)
      const isDone = given >= steps.length
      return Promise.resolve({ news: [], shown: [], next: String(given), isDone, isGap: false, ...step })
    },
    ...more,
  }
}

async function sweep(sweepers: readonly Sweeper[], more: Partial<SweepOptions> = {}) {
  const worked: StoredEntry[] = []
  const pauses: number[] = []
  await beginSweep(store, 'hubspot', at(1000))
  const swept = await runSweep({
    store,
    system: 'hubspot',
    sweepers,
    since: at(0),
    call: signal => ({ priority: 'background', signal, spend() {} }),
    worker: 'me',
    leaseMs: 60_000,
    work: entries => Promise.resolve(void worked.push(...entries)),
    listAnew: () => Promise.reject(new Error('not expected to be asked')),
    clock: { now: () => at(1000) },
    log: quietLog,
    signal: new AbortController().signal,
    onStep: () => undefined,
    wait: ms => Promise.resolve(void pauses.push(ms)),
    ...more,
  })
  return { ...swept, worked, pauses, hints: worked.flatMap(({ hints }) => hints) }
}

async function places() {
  return store.read(db => listPlaces(db))
}

describe('what a listing shows', () => {
  test('is passed over where the index has that version or a later one, and worked on where it has an older one', async () => {
    await apply(store, sight(contact('1'), { updatedAt: at(10) }), sight(contact('2'), { updatedAt: at(10) }))
    const { hints, seen, missed } = await sweep([feed([{ shown: [shown('1', 10), shown('2', 11), shown('3', 5)] }])])
    expect(hints).toEqual([
      { ...shown('2', 11), foundIn: 'listing' },
      { ...shown('3', 5), foundIn: 'listing' },
    ])
    expect([seen, missed]).toEqual([3, 2])
    expect(await store.read(db => listSweeps(db))).toMatchObject([{ system: 'hubspot', missed: 2, endedAt: null }])
  })

  test('of a record that is gone concerns only those who know it alive', async () => {
    await apply(store, sight(contact('1'), { updatedAt: at(10) }), sight(contact('2'), { updatedAt: at(10) }))
    await apply(store, absence(contact('2'), { at: at(20) }))
    const gone = ['1', '2', '3'].map(id => shown(id, 20, 'DELETED'))
    expect((await sweep([feed([{ shown: gone }])])).hints).toEqual([
      { ...shown('1', 20, 'DELETED'), foundIn: 'listing' },
    ])
    // A page of before its end does not bring it back; one of after it does.
    const { hints } = await sweep([feed([{ shown: [shown('2', 19), shown('2', 21)] }])])
    expect(hints).toEqual([{ ...shown('2', 21), foundIn: 'listing' }])
  })

  test('again, before it was worked on, is the same happening', async () => {
    const page = { shown: [shown('7', 5)] }
    expect((await sweep([feed([page, page])])).missed).toBe(1)
    expect((await sweep([feed([page])])).missed).toBe(0)
  })
})

describe('news', () => {
  test('that a webhook brought is known by its key, whichever came first', async () => {
    const body = Buffer.from('{}')
    const request = { system: 'hubspot', endpoint: '', url: '', headers: {}, body, receivedAt: at(1) }
    await storeReceived(store, { ...request, entries: [event('k1')] }, 60_000, 'me')
    const { hints, missed } = await sweep([feed([{ news: [event('k1'), event('k2'), event('k2')] }])])
    expect([hints, missed]).toMatchObject([[{ fields: ['phone'], foundIn: 'news' }], 1])
    const late = await storeReceived(store, { ...request, entries: [event('k2')] }, 60_000, 'me')
    expect(late).toMatchObject({ entries: [], duplicates: 1 })
  })

  test('that touches no record of ours leaves nothing behind; what cannot be read is kept dead', async () => {
    const { worked } = await sweep([
      feed([
        {
          news: [
            { key: 'k1', hints: [] },
            { key: 'k2', unreadable: 'no id' },
          ],
        },
      ]),
    ])
    expect(worked).toEqual([])
    const entries = await store.read(db =>
      db.selectFrom('delivery_entries').select(['key', 'state', 'error']).execute(),
    )
    expect(entries).toEqual([{ key: 'k2', state: 'dead', error: 'no id' }])
  })
})

describe('a sweep', () => {
  test('goes from page to page, works on each before the next, and is complete up to what its feed shows by then', async () => {
    const order: string[] = []
    const pages = feed([{ news: [event('k1')] }, { news: [event('k2')] }, {}])
    const asking: Sweeper = {
      ...pages,
      sweep(cursor, since, call) {
        order.push(`ask ${cursor ?? 'first'}`)
        return pages.sweep(cursor, since, call)
      },
    }
    await sweep([asking], { work: entries => Promise.resolve(void order.push(...entries.map(({ key }) => key))) })
    expect(order).toEqual(['ask first', 'k1', 'ask 1', 'k2', 'ask 2'])
    expect(await places()).toMatchObject([{ cursor: '3', begunAt: null, gapAt: null, completeUpTo: at(970) }])
  })

  test('that was ended goes on where it was, and then looks once more at what came to the beginning meanwhile', async () => {
    const ending = new AbortController()
    const interrupted = sweep([feed([{ news: [event('k1')] }, { news: [event('k2')] }])], {
      signal: ending.signal,
      work: () => Promise.resolve(ending.abort()),
    })
    await expect(interrupted).rejects.toThrow()
    expect(await places()).toMatchObject([{ cursor: '1', begunAt: at(1000), completeUpTo: null }])
    // What was found stays due, whoever works on it.
    expect(await store.read(db => db.selectFrom('delivery_entries').select(['key', 'state']).execute())).toEqual([
      { key: 'k1', state: 'due' },
    ])
    const pages = feed([
      { news: [event('k2')], isDone: true },
      { news: [event('k3')], isDone: true },
    ])
    const { missed } = await sweep([pages], { clock: { now: () => at(2000) } })
    expect([pages.asked, missed]).toEqual([['1', '1'], 2])
    expect(await places()).toMatchObject([{ completeUpTo: at(1970), begunAt: null }])
  })

  test('waits out what passes as long as the vendor says, and leaves what does not to the next sweep', async () => {
    const limited = new VendorError('hubspot', 'rate-limited', 'too many', { retryAfterMs: 7000 })
    const down = new VendorError('hubspot', 'unavailable', 'down')
    const { pauses, missed } = await sweep([feed([limited, down, { news: [event('k1')] }])])
    expect([pauses, missed]).toEqual([[7000, 2000], 1])
    const pages = feed([{ news: [event('k2')] }, new VendorError('hubspot', 'unauthorized', 'no scope')])
    await expect(sweep([pages])).rejects.toThrow('no scope')
    await expect(sweep([feed([down, down, down, down, down])])).rejects.toThrow('down')
    expect(await places()).toMatchObject([{ cursor: '1', begunAt: at(1000) }])
  })

  test('whose place is too old has everything listed anew before it goes on, and is not complete before', async () => {
    const listed: Date[] = []
    const pages = feed([
      { next: 'fresh', isGap: true, isDone: true },
      { news: [event('k1')], isDone: true },
    ])
    const listAnew = (begunAt: Date) => {
      listed.push(begunAt)
      return Promise.resolve(listed.length > 1)
    }
    await expect(sweep([pages], { listAnew })).rejects.toThrow('listed anew')
    expect(await places()).toMatchObject([{ cursor: 'fresh', gapAt: at(1000), completeUpTo: null }])
    // The place is kept: what is missing is the listing, and not another place.
    const { missed } = await sweep([pages], { listAnew, clock: { now: () => at(3000) } })
    expect([listed, pages.asked.slice(0, 2), missed]).toEqual([[at(1000), at(1000)], [null, 'fresh'], 1])
    expect(await places()).toMatchObject([{ gapAt: null, completeUpTo: at(2970) }])
  })
})

describe('before every record is listed for the first time', () => {
  const { signal } = new AbortController()
  const call = { priority: 'background', signal, spend: () => undefined } as const
  const take = (sweepers: readonly Sweeper[], log: Log = quietLog) =>
    takePlaces({ store, system: 'hubspot', sweepers, log }, call)

  test('the place of a feed that cannot begin at a time is taken, and the first sweep goes on from there', async () => {
    const timeless = feed([{}], { begin: () => Promise.resolve('now') })
    await take([timeless])
    await sweep([timeless])
    expect(timeless.asked).toEqual(['now'])
  })

  test('a place that is there is kept, and a feed that begins at a time needs none', async () => {
    await take([feed([], { begin: () => Promise.resolve('first') }), feed([], { feed: 'by time' })])
    await take([feed([], { begin: () => Promise.resolve('second') })])
    expect(await places()).toMatchObject([{ feed: 'contacts', cursor: 'first', begunAt: null, completeUpTo: null }])
  })

  test('a fault of the vendor leaves the place to the first sweep', async () => {
    const warned: object[] = []
    const begin = () => Promise.reject(new VendorError('hubspot', 'unavailable', 'down'))
    await take([feed([], { begin })], { ...quietLog, warn: fields => void warned.push(fields) })
    expect([await places(), warned]).toEqual([[], [expect.objectContaining({ reason: 'hubspot: down' })]])
  })
})
