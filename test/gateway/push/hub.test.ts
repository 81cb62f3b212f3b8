import fc from 'fast-check'
import { GraphQLError } from 'graphql'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { ChangeFrame, SubscriptionRequest, Topic } from '../../../gateway/graph/subscription.ts'
import type { FrameResult } from '../../../gateway/push/frame.ts'
import { PushHub } from '../../../gateway/push/hub.ts'
import type { Change, ChangeKind } from '../../../schema/change.ts'
import type { EntityRef } from '../../../schema/entities.ts'
import type { RecordRef } from '../../../schema/systems.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const ada: EntityRef = { type: 'Customer', id: '101' }

/** A log of Changes and one value an entity, with a hub over them. */
function world(options: { keptFrom?: number } = {}) {
  const log: Change[] = []
  const values = new Map<string, number>()
  const dead = new Set<string>()
  const parents = new Map<string, { entities: EntityRef[]; records: RecordRef[] }>()
  const executions: ChangeFrame[] = []
  /** While it holds anything, every execution fails in passing. */
  const failing = new Set<string>()
  let followed = 0
  const hub = new PushHub({
    newest: () => followed,
    resolve: entity => Promise.resolve(dead.has(entity.id) ? null : entity),
    above: entity => Promise.resolve(parents.get(entity.id) ?? { entities: [], records: [] }),
    isOwner: record => record.kind === 'contact' || record.kind === 'invoice',
    changesAfter: (sequence, limit) =>
      Promise.resolve(log.filter(change => change.sequence > sequence && change.sequence <= followed).slice(0, limit)),
    reaches: sequence => Promise.resolve(sequence >= (options.keptFrom ?? 0)),
    now: () => new Date(0),
    random: () => 0,
    log: silent,
  })
  return {
    hub,
    log,
    executions,
    parents,
    failing,
    change(entity: EntityRef, kind: ChangeKind = 'UPDATED', more: Partial<Change> = {}): Change {
      const change: Change = {
        sequence: log.length + 1,
        kind,
        record: { system: 'any', kind: entity.type === 'Order' ? 'invoice' : 'contact', id: entity.id },
        entity,
        fields: ['phone'],
        parentsBefore: [],
        parentsAfter: [],
        statusBefore: null,
        statusAfter: null,
        at: new Date(0),
        recordedAt: new Date(0),
        ...more,
      }
      log.push(change)
      values.set(entity.id, (values.get(entity.id) ?? 0) + 1)
      if (kind === 'DELETED') dead.add(entity.id)
      return change
    },
    /** Evictions are done by then: followed, then pushed. */
    follow() {
      const fresh = log.filter(change => change.sequence > followed)
      followed = log.length
      hub.publish(fresh)
    },
    subscribe(topic: Topic, asked: { after?: number | null; key?: string; slow?: () => void } = {}) {
      const request: SubscriptionRequest = {
        field: 'customerChanged',
        topic,
        after: asked.after ?? null,
        key: asked.key ?? JSON.stringify(topic),
        shape: {
          root: 'customerChanged',
          changes: ['change'],
          selectsEntity: true,
          fields: [{ name: 'phone', path: ['customer', 'phone'] }],
        },
      }
      const resultOf = (frame: ChangeFrame): FrameResult => {
        executions.push(frame)
        if (failing.size > 0) {
          const error = new GraphQLError('It failed.', {
            extensions: { isRetryable: true, retryAfterMs: executions.length },
          })
          return { data: { customerChanged: { change: frame.change, customer: null } }, errors: [error] }
        }
        const value = frame.entity === null ? null : { id: frame.entity.id, value: values.get(frame.entity.id) ?? 0 }
        return { data: { customerChanged: { change: frame.change, customer: value } } }
      }
      const execute = (frame: ChangeFrame) => Promise.resolve({ result: resultOf(frame), reads: new Map() })
      return hub.subscribe({ request, execute }, asked.slow ?? (() => undefined))
    },
  }
}

interface Seen {
  readonly change: ChangeFrame['change']
  readonly customer: { id: string; value: number } | null
}

function seenOf(result: FrameResult | undefined): Seen {
  const root: unknown = result?.data?.['customerChanged']
  if (!isSeen(root)) throw new Error('expected a frame')
  return root
}

function isSeen(value: unknown): value is Seen {
  return typeof value === 'object' && value !== null && 'change' in value && 'customer' in value
}

async function next(frames: AsyncIterator<FrameResult, undefined>): Promise<Seen> {
  const read = await frames.next()
  return seenOf(read.value)
}

/** Executions under way are over. */
function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

const onAda: Topic = { kind: 'entity', entity: ada }

describe('a subscription', () => {
  test('begins with the present value, then hears of each Change', async () => {
    const { change, follow, subscribe } = world()
    const frames = subscribe(onAda)
    expect(await next(frames)).toMatchObject({
      change: { kind: 'CURRENT', fields: [], sequence: 0 },
      customer: { value: 0 },
    })
    change(ada)
    follow()
    expect(await next(frames)).toMatchObject({
      change: { kind: 'UPDATED', fields: ['phone'], sequence: 1 },
      customer: { value: 1 },
    })
  })

  test('of other entities it hears nothing', async () => {
    const { change, follow, subscribe, executions } = world()
    const frames = subscribe(onAda)
    await next(frames)
    change({ type: 'Customer', id: '102' })
    change(ada)
    follow()
    expect((await next(frames)).change.sequence).toBe(2)
    expect(executions).toHaveLength(2)
  })

  test('hears of an order of the customer, and of a link', async () => {
    const { change, follow, subscribe } = world()
    const frames = subscribe(onAda)
    await next(frames)
    change({ type: 'Order', id: 'in_1' }, 'CREATED', { parentsAfter: [ada] })
    change(ada)
    follow()
    expect((await next(frames)).change).toMatchObject({ kind: 'UPDATED', fields: ['orders', 'balances'] })
  })

  test('nothing is pushed when nothing selected changed', async () => {
    const { change, follow, subscribe, hub } = world()
    const frames = subscribe(onAda)
    await next(frames)
    const order: EntityRef = { type: 'Order', id: 'in_1' }
    change(order, 'CREATED', { parentsAfter: [ada] })
    follow()
    await settled()
    change(ada)
    follow()
    expect((await next(frames)).change.sequence).toBe(2)
    await frames.return?.()
    expect([hub.subscribers, hub.groups]).toEqual([0, 0])
  })

  test('with the cursor of the last frame it gets what it missed, once', async () => {
    const { change, follow, subscribe } = world()
    change(ada)
    change({ type: 'Customer', id: '102' })
    change(ada)
    follow()
    const frames = subscribe(onAda, { after: 1 })
    expect((await next(frames)).change).toMatchObject({ kind: 'UPDATED', sequence: 3 })
    change(ada)
    follow()
    expect((await next(frames)).change.sequence).toBe(4)
  })

  test('of what it missed and reads the same now it gets the last', async () => {
    const { change, follow, subscribe } = world()
    for (let at = 0; at < 5; at += 1) change(ada)
    follow()
    const frames = subscribe(onAda, { after: 1 })
    expect(await next(frames)).toMatchObject({ change: { sequence: 5 }, customer: { value: 5 } })
    change(ada)
    follow()
    expect((await next(frames)).change.sequence).toBe(6)
  })

  test('with a cursor older than the log it gets GAP and then CURRENT', async () => {
    const { change, follow, subscribe } = world({ keptFrom: 2 })
    for (let at = 0; at < 3; at += 1) change(ada)
    follow()
    const frames = subscribe(onAda, { after: 1 })
    expect((await next(frames)).change).toMatchObject({ kind: 'GAP', sequence: 1 })
    expect(await next(frames)).toMatchObject({ change: { kind: 'CURRENT', sequence: 3 }, customer: { value: 3 } })
  })

  test('a deleted entity is null beside DELETED', async () => {
    const { change, follow, subscribe } = world()
    const frames = subscribe(onAda)
    await next(frames)
    change(ada, 'DELETED')
    follow()
    expect(await next(frames)).toMatchObject({ change: { kind: 'DELETED' }, customer: null })
  })

  test('equal subscriptions share one execution for each Change', async () => {
    const { change, follow, subscribe, executions } = world()
    const all = Array.from({ length: 50 }, () => subscribe(onAda))
    await Promise.all(all.map(next))
    const before = executions.length
    change(ada)
    follow()
    const seen = await Promise.all(all.map(next))
    expect(new Set(seen.map(one => one.change.sequence))).toEqual(new Set([1]))
    expect(executions.length - before).toBe(1)
  })

  test('to a stage it hears of what enters, leaves or changes within it, and of nothing else', async () => {
    const { change, follow, subscribe } = world()
    const frames = subscribe({ kind: 'children', type: 'Job', parent: null, status: 'Scheduled' })
    await next(frames)
    const job: EntityRef = { type: 'Job', id: '55' }
    const moves = [
      ['Requested', 'Done'],
      ['Requested', 'Scheduled'],
      ['Scheduled', 'Scheduled'],
      ['Scheduled', 'Done'],
    ] as const
    for (const [statusBefore, statusAfter] of moves) {
      change(job, 'UPDATED', { statusBefore, statusAfter })
      follow()
      await settled()
    }
    const sequences = [await next(frames), await next(frames), await next(frames)].map(({ change }) => change.sequence)
    expect(sequences).toEqual([2, 3, 4])
  })
})

test('whatever the order of Changes, pushes and reconnects, cursors never go back and the last value arrives', async () => {
  const step = fc.oneof(
    fc.constant('change' as const),
    fc.constant('follow' as const),
    fc.constant('read' as const),
    fc.constant('reconnect' as const),
    fc.constant('pause' as const),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async steps => {
      const { change, follow, subscribe, log } = world()
      const cursors: number[] = []
      let value = 0
      let frames = subscribe(onAda)
      const read = async (): Promise<void> => {
        const seen = await next(frames)
        cursors.push(seen.change.sequence)
        value = seen.customer?.value ?? 0
      }
      await read()
      for (const one of steps) {
        if (one === 'change') change(ada)
        if (one === 'follow') follow()
        if (one === 'pause') await settled()
        if (one === 'read' && value < log.length) {
          follow()
          await read()
        }
        if (one === 'reconnect') {
          await frames.return?.()
          frames = subscribe(onAda, { after: cursors.at(-1) ?? null })
        }
      }
      change(ada)
      follow()
      while (value < log.length) await read()
      expect(cursors).toEqual([...new Set(cursors)].sort((a, b) => a - b))
      await frames.return?.()
    }),
    { numRuns: 300 },
  )
})

describe('a frame that could not be read in full', () => {
  afterEach(() => void vi.useRealTimers())

  function failingWorld() {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    return world()
  }

  test('is read again until it can be, and sent as the present value with the cursor of the last frame', async () => {
    const { change, follow, subscribe, failing, executions } = failingWorld()
    const frames = subscribe(onAda)
    await next(frames)
    failing.add('all')
    change(ada)
    follow()
    expect(await next(frames)).toMatchObject({ change: { kind: 'UPDATED', sequence: 1 }, customer: null })
    const later = next(frames)
    await vi.advanceTimersByTimeAsync(5_000)
    // It failed as before: that is no news.
    expect(executions).toHaveLength(4)
    failing.clear()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await later).toMatchObject({ change: { kind: 'CURRENT', fields: [], sequence: 1 }, customer: { value: 1 } })
    await vi.advanceTimersByTimeAsync(600_000)
    expect(executions).toHaveLength(5)
  })

  test('is not sent when a later Change has told it, nor to nobody', async () => {
    const { change, follow, subscribe, failing, executions } = failingWorld()
    const frames = subscribe(onAda)
    await next(frames)
    failing.add('all')
    change(ada)
    follow()
    await next(frames)
    failing.clear()
    change(ada)
    follow()
    expect(await next(frames)).toMatchObject({ change: { kind: 'UPDATED', sequence: 2 }, customer: { value: 2 } })
    failing.add('all')
    change(ada)
    follow()
    await next(frames)
    await frames.return?.()
    await vi.advanceTimersByTimeAsync(600_000)
    expect(executions).toHaveLength(4)
  })

  test('is read again for whoever had it, although another one began in between and had it in full', async () => {
    const { subscribe, failing } = failingWorld()
    failing.add('all')
    const first = subscribe(onAda)
    await next(first)
    failing.clear()
    const second = subscribe(onAda)
    expect(await next(second)).toMatchObject({ customer: { value: 0 } })
    const later = next(first)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(await later).toMatchObject({ change: { kind: 'CURRENT' }, customer: { value: 0 } })
  })

  test('is read again for whoever began with it', async () => {
    const { subscribe, failing } = failingWorld()
    failing.add('all')
    const frames = subscribe(onAda)
    expect(await next(frames)).toMatchObject({ change: { kind: 'CURRENT' }, customer: null })
    failing.clear()
    const later = next(frames)
    await vi.advanceTimersByTimeAsync(2_000)
    expect(await later).toMatchObject({ change: { kind: 'CURRENT' }, customer: { value: 0 } })
  })
})

test('whoever watches an order hears when its customer changes, is another one, or is gone', async () => {
  const { change, follow, subscribe, parents, executions } = world()
  const record = { system: 'stripe', kind: 'customer', id: 'cus_9' }
  parents.set('in_1', { entities: [ada], records: [record] })
  const order: EntityRef = { type: 'Order', id: 'in_1' }
  const frames = subscribe({ kind: 'entity', entity: order })
  await next(frames)
  const tellOf = async (make: () => void): Promise<unknown> => {
    make()
    follow()
    await settled()
    return executions.at(-1)?.change
  }
  const expected = { kind: 'UPDATED', fields: ['customer'] }
  expect(await tellOf(() => change(ada))).toMatchObject(expected)
  expect(await tellOf(() => change(ada, 'DELETED'))).toMatchObject(expected)
  const byLink = { record, parentsAfter: [{ type: 'Customer' as const, id: '102' }] }
  expect(await tellOf(() => change({ type: 'Customer', id: '102' }, 'LINKED', byLink))).toMatchObject(expected)
})
