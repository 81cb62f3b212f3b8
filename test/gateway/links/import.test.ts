import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Change } from '../../../schema/change.ts'
import type { CallContext, Importer, ObservedRecord } from '../../../subgraphs/contract.ts'
import { VendorError } from '../../../subgraphs/vendor-error.ts'
import { runImport, type ImportOptions, type ImportStep } from '../../../gateway/links/import.ts'
import { openIndex } from '../../../gateway/links/index.ts'
import { listProgress } from '../../../gateway/store/progress.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { absence, apply, at, catalogue, clear, contact, openTestStore, quietLog, sight, task, told } from './fixture.ts'

let store: Store
beforeAll(async () => {
  store = await openTestStore()
})
beforeEach(() => clear(store))
afterAll(() => store.close())

function seenTask(id: string, values: Partial<ObservedRecord> = {}): ObservedRecord {
  const { observed } = sight(task(id), { updatedAt: at(1), ...values })
  if (observed === null) throw new Error('expected a record')
  return observed
}

/** Lists the given records in pages of two; the cursor is the next one's place. */
function listing(
  kind: string,
  all: readonly ObservedRecord[],
  onList: (cursor: string | null) => unknown = () => {},
): Importer {
  return {
    kind,
    async list(cursor) {
      await onList(cursor)
      const start = Number(cursor ?? 0)
      const end = start + 2
      return { observed: all.slice(start, end), next: end < all.length ? String(end) : null, total: all.length }
    },
  }
}

interface Told {
  readonly steps: ImportStep[]
  readonly changes: Change[]
  readonly pauses: number[]
}

function run(importers: readonly Importer[], more: Partial<ImportOptions> = {}) {
  const heard: Told = { steps: [], changes: [], pauses: [] }
  const call = (signal: AbortSignal): CallContext => ({ priority: 'background', signal, spend() {} })
  const done = runImport({
    store,
    catalogue,
    systems: [{ system: 'asana', role: 'jobs', kinds: [], importers }],
    call,
    log: quietLog,
    clock: { now: () => at(10_000) },
    signal: new AbortController().signal,
    onApplied: changes => heard.changes.push(...changes),
    onProgress: step => heard.steps.push(step),
    wait: ms => Promise.resolve(void heard.pauses.push(ms)),
    ...more,
  })
  return done.then(outcome => ({ ...heard, outcome }))
}

async function ids(): Promise<string[]> {
  const page = await openIndex(store, catalogue).page('Job', null, {}, { first: 100 })
  return page.entries.map(entry => entry.id).sort()
}

const five = ['a', 'b', 'c', 'd', 'e'].map(id => seenTask(id))

describe('an import', () => {
  it('reads every page, says how far it is, and appends no Change for what is new', async () => {
    const { steps, changes, outcome } = await run([listing('task', five)])
    expect(await ids()).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(changes).toEqual([])
    expect(steps.map(step => [step.imported, step.total, step.isDone])).toEqual([
      [2, 5, false],
      [4, 5, false],
      [5, 5, true],
    ])
    expect(outcome).toEqual([{ system: 'asana', isDone: true }])
    expect((await openIndex(store, catalogue).page('Job', null, {}, {})).isComplete).toBe(true)
  })

  it('goes on where it was ended, and leaves alone what is done', async () => {
    const stop = new AbortController()
    const first = await run([listing('task', five, cursor => (cursor === '4' ? stop.abort() : undefined))], {
      signal: stop.signal,
    })
    expect(first.outcome).toEqual([{ system: 'asana', isDone: false }])
    const cursors: (string | null)[] = []
    await run([listing('task', five, cursor => cursors.push(cursor))])
    expect(cursors).toEqual(['4'])
    await run([listing('task', five, cursor => cursors.push(cursor))])
    expect(cursors).toEqual(['4'])
    expect(await ids()).toHaveLength(5)
    expect(await store.read(listProgress)).toMatchObject([{ state: 'done', imported: 5, run: 1 }])
  })

  it('lists everything anew when what it hangs on of the settings has changed, also in the middle, and only then', async () => {
    const cursors: (string | null)[] = []
    const of = (settings: string, stop?: AbortController) => [
      {
        ...listing('task', five, cursor => {
          cursors.push(cursor)
          if (cursor === '2') stop?.abort()
        }),
        settings,
      },
    ]
    const stop = new AbortController()
    await run(of('one', stop), { signal: stop.signal })
    await run(of('other'))
    await run(of('other'))
    expect(cursors).toEqual([null, '2', null, '2', '4'])
    await run(of('one'))
    expect(cursors.slice(5)).toEqual([null, '2', '4'])
    expect(await store.read(listProgress)).toMatchObject([{ state: 'done', settings: '3 one', run: 3 }])
  })

  it('waits out passing faults as long as the system says, without losing its place', async () => {
    const faults = [
      new VendorError('asana', 'rate-limited', 'slow down', { retryAfterMs: 7_000 }),
      new VendorError('asana', 'timeout', 'too late'),
      new VendorError('asana', 'unavailable', 'gone'),
    ]
    const failing = listing('task', five, cursor => {
      const fault = cursor === '2' ? faults.shift() : undefined
      if (fault !== undefined) throw fault
    })
    const { pauses, outcome } = await run([failing])
    expect(pauses).toEqual([7_000, 2_000, 4_000])
    expect(outcome).toEqual([{ system: 'asana', isDone: true }])
    expect(await ids()).toHaveLength(5)
  })

  it('gives up a system that refuses, with a line in the log, while others go on', async () => {
    const lines: string[] = []
    const refusing = listing('task', five, () => {
      throw new VendorError('asana', 'unauthorized', 'the token is not accepted')
    })
    const { observed } = sight(contact('1'))
    const { outcome } = await run([], {
      log: { ...quietLog, error: (_, message) => lines.push(message) },
      systems: [
        { system: 'asana', role: 'jobs', kinds: [], importers: [refusing] },
        {
          system: 'hubspot',
          role: 'crm',
          kinds: [],
          importers: [listing('contact', observed === null ? [] : [observed])],
        },
      ],
    })
    expect(outcome).toEqual([
      { system: 'asana', isDone: false },
      { system: 'hubspot', isDone: true },
    ])
    expect(lines).toHaveLength(1)
  })

  it('does not overwrite or revive what webhooks have told meanwhile', async () => {
    const meanwhile = listing('task', five, async cursor => {
      if (cursor !== '2') return
      await apply(store, sight(task('c'), { status: 'NEWER', updatedAt: at(9) }))
      await apply(store, sight(task('d')), absence(task('d'), { at: at(10_001) }))
      await apply(store, sight(task('late')))
    })
    const { changes } = await run([meanwhile])
    expect(changes).toEqual([])
    expect(await ids()).toEqual(['a', 'b', 'c', 'e', 'late'])
    const page = await openIndex(store, catalogue).page('Job', null, { status: ['NEWER'] }, {})
    expect(page.entries.map(entry => entry.id)).toEqual(['c'])
  })

  it('begun anew tells what has changed and deletes what is not there any more', async () => {
    await run([listing('task', five)])
    const left = [seenTask('a'), seenTask('b', { updatedAt: at(2), status: 'DONE' }), seenTask('c')]
    const { changes } = await run([listing('task', left)], { restart: true, clock: { now: () => at(20_000) } })
    expect(told(changes)).toEqual([
      'UPDATED asana:task:b Job:b []>[]',
      'DELETED asana:task:d Job:d []>[]',
      'DELETED asana:task:e Job:e []>[]',
    ])
    expect(await ids()).toEqual(['a', 'b', 'c'])
    // What was deleted by mistake comes back with the next full listing.
    const again = await run([listing('task', five)], { restart: true, clock: { now: () => at(30_000) } })
    expect(told(again.changes)).toEqual(['CREATED asana:task:d Job:d []>[]', 'CREATED asana:task:e Job:e []>[]'])
  })
})
