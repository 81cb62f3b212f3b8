import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openIndex } from '../../../gateway/links/index.ts'
import type { Store } from '../../../gateway/store/store.ts'
import type { EntityRef, EntityType } from '../../../schema/entities.ts'
import { normalizeName } from '../../../schema/values.ts'
import type { IndexedValues, PageArguments, PageFilter } from '../../../subgraphs/contract.ts'
import {
  absence,
  apply,
  at,
  catalogue,
  clear,
  contact,
  invoice,
  openTestStore,
  planOf,
  sight,
  task,
  watched,
} from './fixture.ts'

let store: Store
beforeAll(async () => {
  store = await openTestStore()
})
beforeEach(() => clear(store))
afterAll(() => store.close())

const customer = (id: string): EntityRef => ({ type: 'Customer', id })
const of = (id: string) => ({ entity: 'Customer' as const, reference: id })

async function idsOf(entity: EntityType, filter: PageFilter, within: EntityRef | null = null) {
  const { entries } = await openIndex(store, catalogue).page(entity, within, filter, {})
  return entries.map(entry => entry.id).toSorted()
}

describe('orders', () => {
  const order = (id: string, createdAt: number, status: string, values: IndexedValues) =>
    sight(invoice(id), { createdAt: at(createdAt), status, values, parents: [of('1')] })

  beforeEach(() =>
    apply(
      store,
      sight(contact('1')),
      order('a', 1, 'OPEN', { number: 'AB-1', dueAt: at(10), amounts: { currency: 'EUR', total: 500 } }),
      order('b', 2, 'PAID', { number: 'AB-10', dueAt: at(20), amounts: { currency: 'EUR', total: 1500 } }),
      order('c', 3, 'OPEN', { number: null, dueAt: null, amounts: { currency: 'JPY', total: 500 } }),
      order('d', 4, 'DRAFT', {}),
    ),
  )

  it('are found by their whole number, whatever its case', async () => {
    expect(await idsOf('Order', { number: ' ab-1 ' })).toEqual(['a'])
    expect(await idsOf('Order', { number: 'AB-1', status: ['PAID'] })).toEqual([])
    expect(await idsOf('Order', { number: 'AB-1' }, customer('1'))).toEqual(['a'])
    expect(await idsOf('Order', { number: 'AB' })).toEqual([])
  })

  it('are found by the range in which they were begun, are due, or what they come to', async () => {
    expect(await idsOf('Order', { created: { from: at(2), before: at(4) } })).toEqual(['b', 'c'])
    expect(await idsOf('Order', { created: { before: at(3) }, status: ['OPEN'] })).toEqual(['a'])
    expect(await idsOf('Order', { due: { from: at(10), before: at(20) } })).toEqual(['a'])
    expect(await idsOf('Order', { due: { from: at(11) } }, customer('1'))).toEqual(['b'])
    expect(await idsOf('Order', { due: { before: at(100) } })).toEqual(['a', 'b'])
    expect(await idsOf('Order', { total: { currency: 'EUR', min: 500, max: 500 } })).toEqual(['a'])
    expect(await idsOf('Order', { total: { currency: 'EUR', min: 501 } })).toEqual(['b'])
    expect(await idsOf('Order', { total: { currency: 'JPY' } })).toEqual(['c'])
    expect(await idsOf('Order', { total: { currency: 'jpy', min: 1 } })).toEqual(['c'])
    expect(
      await idsOf('Order', { total: { currency: 'EUR' }, due: { from: at(0) }, parents: [customer('1')] }),
    ).toEqual(['a', 'b'])
  })

  it('leave the lists of a value when it changes, and all when they are gone', async () => {
    await apply(store, order('a', 1, 'OPEN', { dueAt: at(30), amounts: { currency: 'EUR', total: 700 } }))
    expect(await idsOf('Order', { due: { before: at(20) } })).toEqual([])
    expect(await idsOf('Order', { due: { from: at(30) } })).toEqual(['a'])
    await apply(store, absence(invoice('a')))
    expect(await idsOf('Order', { due: { from: at(0) } })).toEqual(['b'])
    expect(await idsOf('Order', { total: { currency: 'EUR' } })).toEqual(['b'])
  })
})

describe('jobs', () => {
  const job = (id: string, schedule: IndexedValues['schedule'], assigneeId: string | null, more = {}) =>
    sight(task(id), { values: { schedule, assigneeId }, parents: [of('1')], ...more })
  const days = (startsOn: string | null, endsOn: string | null) => ({ startsOn, endsOn })

  beforeEach(() =>
    apply(
      store,
      sight(contact('1')),
      job('long', days('2026-03-02', '2026-03-06'), '7'),
      job('one day', days(null, '2026-03-04'), null),
      job('later', days('2026-03-09', null), '8', { status: 'NEW' }),
      job('unplanned', null, '7'),
      sight(task('not understood'), {}),
    ),
  )

  it('are found by days that they are planned for, not by their start or end alone', async () => {
    const on = (from?: string, to?: string) => idsOf('Job', { schedule: { from, to } })
    expect(await on('2026-03-04', '2026-03-04')).toEqual(['long', 'one day'])
    expect(await on('2026-03-03', '2026-03-03')).toEqual(['long'])
    expect(await on('2026-03-06', '2026-03-09')).toEqual(['later', 'long'])
    expect(await on('2026-03-07', '2026-03-08')).toEqual([])
    expect(await on('2026-03-07')).toEqual(['later'])
    expect(await on(undefined, '2026-03-04')).toEqual(['long', 'one day'])
    expect(await idsOf('Job', { schedule: { from: '2026-03-01' }, status: ['NEW'] }, customer('1'))).toEqual(['later'])
  })

  it('are found by having no plan, which is not the same as a plan that is not understood', async () => {
    expect(await idsOf('Job', { isScheduled: false })).toEqual(['unplanned'])
    expect(await idsOf('Job', { isScheduled: true })).toEqual(['later', 'long', 'one day'])
    expect(await idsOf('Job', { isScheduled: false, schedule: { from: '2026-01-01' } })).toEqual([])
  })

  it('are found by who does the work, or that no one does', async () => {
    expect(await idsOf('Job', { assigneeId: '7' })).toEqual(['long', 'unplanned'])
    expect(await idsOf('Job', { assigneeId: '7', schedule: { to: '2026-03-31' } }, customer('1'))).toEqual(['long'])
    expect(await idsOf('Job', { isAssigned: false })).toEqual(['one day'])
    expect(await idsOf('Job', { isAssigned: true })).toEqual(['later', 'long', 'unplanned'])
    expect(await idsOf('Job', { isAssigned: false, assigneeId: '7' })).toEqual([])
  })
})

describe('customers', () => {
  it('are found by the beginning of their name or of a word of it, as people type it', async () => {
    const names = ['Jane Müller', 'O’Brien, Seán', 'Łukasz  Wiśniewski', 'Mullen-Ray', '李 小龙', 'ΝΙΚΟΣ', null]
    await apply(store, ...names.map((name, id) => sight(contact(String(id)), { values: { name } })))
    const named = (namePrefix: string) => idsOf('Customer', { namePrefix })
    expect(await named('mul')).toEqual(['0', '3'])
    expect(await named('  MÜLLER ')).toEqual(['0'])
    expect(await named('jane mu')).toEqual(['0'])
    expect(await named("o'bri")).toEqual(['1'])
    expect(await named('sean')).toEqual(['1'])
    expect(await named('wisniewski')).toEqual(['2'])
    expect(await named('lukasz')).toEqual(['2'])
    expect(await named('ray')).toEqual(['3'])
    expect(await named('小')).toEqual(['4'])
    expect(await named('νικοσ')).toEqual(['5'])
    expect(await named('uller')).toEqual([])
  })

  it.each([
    ['Ștefan Brâncuși', 'stefan brancusi'],
    ['Nguyễn Thị Đông', 'nguyen thi dong'],
    ['İsmail Yıldız', 'ISMAIL YILDIZ'],
    ['Álvaro', 'A\u0301LVARO'],
    ['Groß', 'GROSS'],
    ['Çağlar-Öztürk', 'ozturk'],
    ['שָׁלוֹם כֹּהֵן', 'כהן'],
    ['مُحَمَّد', 'محمد'],
    ['علی\u200cرضا', 'علیرضا'],
    ['ｼﾞｮﾝ', 'ジョ'],
    ['김민수', '김민'],
    ['संजय', 'संज'],
  ])('named %s are found by typing %s', async (name, typed) => {
    await apply(store, sight(contact('1'), { values: { name } }), sight(contact('2'), { values: { name: 'Zzz' } }))
    expect(await idsOf('Customer', { namePrefix: typed })).toEqual(['1'])
  })
})

describe('sums', () => {
  const order = (id: string, status: string | null, currency: string | null, total?: number, paid?: number) =>
    sight(invoice(id), {
      status,
      values: { amounts: { currency, total, amountPaid: paid, amountRemaining: total } },
      parents: [of(id.startsWith('x') ? '2' : '1')],
    })
  const sums = (filter: PageFilter = {}, within: EntityRef | null = null) =>
    openIndex(store, catalogue).sums('Order', within, filter)
  const sum = (
    status: string | null,
    currency: string | null,
    count: number,
    total: bigint | null,
    paid = 0n,
  ): unknown => expect.objectContaining({ status, currency, count, total, amountPaid: paid, amountRemaining: total })

  beforeEach(() => apply(store, sight(contact('1')), sight(contact('2'))))

  it('are by status and currency, of the whole list and no other, and follow each Change', async () => {
    await apply(
      store,
      order('a', 'OPEN', 'EUR', 5, 0),
      order('b', 'OPEN', 'EUR', 7, 0),
      order('c', 'OPEN', 'JPY', 100, 0),
      order('d', 'PAID', 'EUR', -3, 0),
      order('x', 'OPEN', 'EUR', 1000, 0),
    )
    expect(await sums({}, customer('1'))).toEqual([
      sum('OPEN', 'EUR', 2, 12n),
      sum('OPEN', 'JPY', 1, 100n),
      sum('PAID', 'EUR', 1, -3n),
    ])
    expect(await sums({ status: ['PAID'] })).toEqual([sum('PAID', 'EUR', 1, -3n)])
    expect(await sums({ total: { currency: 'EUR', min: 6 } })).toEqual([sum('OPEN', 'EUR', 2, 1007n)])
    expect(await sums({ status: [] })).toEqual([])
    await apply(store, order('a', 'PAID', 'EUR', 5, 0), absence(invoice('x')))
    expect(await sums()).toEqual([sum('OPEN', 'EUR', 1, 7n), sum('OPEN', 'JPY', 1, 100n), sum('PAID', 'EUR', 2, 2n)])
  })

  it('are exact beyond what a number and 64 bits hold', async () => {
    const most = Number.MAX_SAFE_INTEGER
    const ids = Array.from({ length: 1_100 }, (_, id) => String(id))
    await apply(store, ...ids.map(id => order(id, 'OPEN', 'EUR', most, -most)))
    const total = BigInt(most) * 1_100n
    expect(total).toBeGreaterThan(2n ** 63n)
    expect(await sums()).toEqual([sum('OPEN', 'EUR', 1_100, total, -total)])
  })

  it('are null where one amount is not known, rather than too small', async () => {
    await apply(
      store,
      order('a', 'OPEN', 'EUR', 5, 0),
      order('b', 'OPEN', 'EUR', undefined, 1),
      order('c', null, '€', 5),
    )
    expect(await sums()).toEqual(
      expect.arrayContaining([sum('OPEN', 'EUR', 2, null, 1n), expect.objectContaining({ currency: null, count: 1 })]),
    )
  })

  it('of many customers are one statement', async () => {
    const seen = watched(store)
    const index = openIndex(seen.store, catalogue)
    await index.sums('Order', null, {})
    seen.statements.length = 0
    await Promise.all(Array.from({ length: 60 }, (_, id) => index.sums('Order', customer(String(id)), {})))
    expect(seen.statements).toHaveLength(1)
  })
})

describe('a store of an older version', () => {
  it('says that lists by value may lack entries, and has no sums, until each record was listed anew', async () => {
    const old = await openTestStore()
    try {
      await apply(old, sight(invoice('a')), sight(contact('1')))
      await old.write(async tx => {
        await tx.updateTable('records').set({ has_values: 0 }).where('kind', '=', 'invoice').execute()
        await tx
          .insertInto('import_progress')
          .values({
            system: 'stripe',
            kind: 'invoice',
            run: 1,
            state: 'done',
            imported: 1,
            started_at: 0,
            updated_at: 0,
            completed_at: 0,
          })
          .execute()
      })
      const index = openIndex(old, catalogue)
      expect(await index.page('Order', null, {}, {})).toMatchObject({ isComplete: true })
      expect(await index.page('Order', null, { number: 'A-1' }, {})).toMatchObject({ isComplete: false })
      await expect(index.sums('Order', null, {})).rejects.toMatchObject({ extensions: { code: 'NOT_READY' } })
      await apply(old, sight(invoice('a'), { values: { number: 'A-1' } }, { origin: 'import', at: at(1) }))
      expect(await openIndex(old, catalogue).page('Order', null, { number: 'A-1' }, {})).toMatchObject({
        isComplete: true,
        entries: [{ id: 'a' }],
      })
      expect(await index.sums('Order', null, {})).toEqual([])
    } finally {
      await old.close()
    }
  })
})

describe('filters that no record can meet by their form', () => {
  it.each([
    ['number: expected the number printed on an order', { number: ' ' }],
    ['number: expected the number printed on an order', { number: 'A\u0000' }],
    ['number: expected at most 100 characters, got 101', { number: '1'.repeat(101) }],
    ['namePrefix: expected at least one letter or digit', { namePrefix: '%_' }],
    ['namePrefix: expected at most 100 characters, got 65536', { namePrefix: 'a'.repeat(65_536) }],
    ['assignee: expected the id of a user in the jobs tool', { assigneeId: '' }],
    ['assignee: expected the id of a user in the jobs tool', { assigneeId: '\u0000' }],
    ['created: expected from, before or both, got neither', { created: {} }],
    ['due: expected from earlier than before', { due: { from: at(1), before: at(1) } }],
    ['schedule: expected from, to or both, got neither', { schedule: {} }],
    ['schedule: expected from on or before the day to', { schedule: { from: '2026-03-02', to: '2026-03-01' } }],
    ['total: expected min up to max, got 2 and 1', { total: { currency: 'EUR', min: 2, max: 1 } }],
  ] satisfies [string, PageFilter][])('are refused: %s', async (message, filter) => {
    const index = openIndex(store, catalogue)
    const text: unknown = expect.stringContaining(message)
    const refusal = { message: text, extensions: { code: 'BAD_USER_INPUT' } }
    await expect(index.page('Order', null, filter, {})).rejects.toMatchObject(refusal)
    await expect(index.sums('Order', null, filter)).rejects.toMatchObject(refusal)
  })
})

describe('statements', () => {
  /** A step that reads every record of a kind, or a whole table. */
  const longWay = /^SCAN (?![wctso]$|wanted$|\(subquery|CONSTANT)|\(system=\? AND kind=\?\)/

  it('go by the index of the value, and read a row of it at most for each entry that it selects', async () => {
    const seen = watched(store)
    const index = openIndex(seen.store, catalogue)
    const range = { from: at(0), before: at(1) }
    const ways: [EntityType, PageFilter, RegExp][] = [
      ['Order', { number: 'A-1' }, /r USING INDEX records_by_number \(number=\? AND system=\? AND kind=\?\)/],
      ['Order', { due: range }, /r USING COVERING INDEX records_by_due .*due_at>\? AND due_at<\?/],
      ['Order', { due: range, status: ['OPEN', 'PAID'] }, /r USING INDEX records_by_due .*due_at>\? AND due_at<\?/],
      ['Order', { due: range, total: { currency: 'EUR' }, changedSince: at(0) }, /r USING INDEX records_by_due/],
      [
        'Order',
        { total: { currency: 'EUR', min: 1, max: 5 } },
        /r USING COVERING INDEX records_by_total .*total>\? AND total<\?/,
      ],
      ['Order', { created: range }, /r USING INDEX records_by_sort .*sort_at>\? AND sort_at<\?/],
      ['Order', { created: range, status: ['OPEN'] }, /r USING INDEX records_by_status .*sort_at>\? AND sort_at<\?/],
      [
        'Job',
        { schedule: { from: '2026-03-01', to: '2026-03-01' } },
        /r USING COVERING INDEX records_by_schedule .*last_day>/,
      ],
      [
        'Job',
        { schedule: { from: '2026-03-01' }, assigneeId: '7', isClosed: false },
        /r USING INDEX records_by_schedule/,
      ],
      ['Job', { isScheduled: false }, /r USING COVERING INDEX records_by_schedule .*last_day=\? AND first_day=\?/],
      ['Job', { assigneeId: '7', status: ['NEW'] }, /r USING INDEX records_by_assignee .*assignee_id=\?/],
      ['Job', { isAssigned: false }, /r USING COVERING INDEX records_by_assignee .*assignee_id=\?/],
      ['Customer', { namePrefix: 'mu' }, /n USING (COVERING INDEX|PRIMARY KEY).*tail>\? AND tail<\?/],
      ['Customer', { namePrefix: 'mu', status: ['LEAD'] }, /r USING INTEGER PRIMARY KEY \(rowid=\?\)/],
    ]
    for (const [entity, filter, way] of ways) {
      const windows: PageArguments[] = [{}, { first: 5, after: Buffer.from(`i1:${entity}:5:5`).toString('base64url') }]
      for (const window of windows) {
        seen.statements.length = 0
        const { totalCount } = await index.page(entity, null, filter, window)
        await totalCount()
        await index.sums(entity, null, filter)
        const plans = seen.statements.filter(({ sql }) => /\brecords r\b/.test(sql)).map(planOf)
        expect(plans.length).toBeGreaterThanOrEqual(3)
        for (const plan of plans) expect(plan.filter(step => longWay.test(step))).toEqual([])
        expect(plans[0]?.join('\n')).toMatch(way)
      }
      // What belongs to a parent is found by it: of two ways SQLite may take the longer one.
      seen.statements.length = 0
      const { totalCount } = await index.page('Job', customer('1'), filter, {})
      await totalCount()
      for (const plan of seen.statements.filter(({ sql }) => /\brecords r\b/.test(sql)).map(planOf))
        expect(plan.filter(step => longWay.test(step) || /r USING (COVERING )?INDEX/.test(step))).toEqual([])
    }
  })

  it('sum all orders, or those of some states, from one index that holds the amounts', async () => {
    const seen = watched(store)
    const index = openIndex(seen.store, catalogue)
    await index.sums('Order', null, {})
    await index.sums('Order', null, { status: ['OPEN', 'PAID'] })
    const plans = seen.statements.filter(({ sql }) => sql.includes('group by')).map(planOf)
    expect(plans).toHaveLength(2)
    for (const plan of plans) expect(plan.join('\n')).toMatch(/r USING COVERING INDEX records_by_sums/)
  })
})

describe('any records and filters', () => {
  const names = ['Ann', 'ann lee', 'Änne', 'Lee Ann-Marie', '', 'Bo']
  const daysOfMarch = ['2026-03-01', '2026-03-02', '2026-03-03', '2026-03-04']
  const few = fc.integer({ min: 0, max: 4 })
  const orNull = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null })
  const day = fc.constantFrom(...daysOfMarch)

  interface Thing {
    readonly id: number
    readonly createdAt: number
    readonly status: string | null
    readonly parent: string | null
    readonly isGone: boolean
    readonly values: {
      readonly number: string | null
      readonly dueAt: Date | null
      readonly amounts: { readonly currency: string; readonly total: number | null }
      readonly schedule: { readonly startsOn: string | null; readonly endsOn: string | null } | null | undefined
      readonly assigneeId: string | null | undefined
      readonly name: string | null
    }
  }

  // One record has values of all kinds, which no system's has: the index does not ask whose they are.
  const things: fc.Arbitrary<Thing[]> = fc
    .array(
      fc.record({
        createdAt: few,
        status: orNull(fc.constantFrom('NEW', 'DONE')),
        parent: orNull(fc.constantFrom('1', '2')),
        isGone: fc.boolean().map(gone => gone),
        values: fc.record({
          number: orNull(fc.constantFrom('A-1', 'a-1', 'A-2')),
          dueAt: orNull(few.map(at)),
          amounts: fc.record({ currency: fc.constantFrom('EUR', 'JPY'), total: orNull(few) }),
          schedule: fc.oneof(
            fc.constantFrom(null, undefined),
            fc.tuple(day, day).map(([a, b]) => ({ startsOn: a < b ? a : b, endsOn: a < b ? b : a })),
            day.map(endsOn => ({ startsOn: null, endsOn })),
          ),
          assigneeId: fc.constantFrom('7', '8', null, undefined),
          name: orNull(fc.constantFrom(...names)),
        }),
      }),
      { maxLength: 25 },
    )
    .map(list => list.map((thing, id) => ({ ...thing, id, isGone: thing.isGone && id % 3 === 0 })))

  const instants = fc
    .record({ from: orNull(few), length: orNull(fc.integer({ min: 1, max: 3 })) })
    .filter(({ from, length }) => from !== null || length !== null)
    .map(({ from, length }) => ({
      from: from === null ? null : at(from),
      before: length === null ? null : at((from ?? 0) + length),
    }))

  const filters: fc.Arbitrary<PageFilter> = fc.record(
    {
      status: fc.subarray(['NEW', 'DONE']),
      number: fc.constantFrom('a-1', 'A-2', 'A-3'),
      created: instants,
      due: instants,
      total: fc
        .record({ currency: fc.constantFrom('EUR', 'JPY'), min: orNull(few), length: orNull(few) })
        .map(({ currency, min, length }) => ({ currency, min, max: length === null ? null : (min ?? 0) + length })),
      schedule: fc.oneof(
        fc.tuple(day, day).map(([a, b]) => ({ from: a < b ? a : b, to: a < b ? b : a })),
        day.map(from => ({ from })),
        day.map(to => ({ to })),
      ),
      isScheduled: fc.boolean(),
      assigneeId: fc.constantFrom('7', '8', '9'),
      isAssigned: fc.boolean(),
      namePrefix: fc.constantFrom('a', 'ANN', 'ann l', 'lee', 'marie', 'x'),
      parents: fc.subarray([customer('1'), customer('2')], { maxLength: 1 }),
    },
    { requiredKeys: [] },
  )

  const meets = (thing: Thing, filter: PageFilter, within: EntityRef | null): boolean => {
    const { number, dueAt, amounts, schedule, assigneeId, name } = thing.values
    const inRange = (value: Date | null, range: PageFilter['due']) =>
      !range || (value !== null && !(range.from && value < range.from) && !(range.before && value >= range.before))
    const first = schedule?.startsOn ?? schedule?.endsOn
    const end = schedule?.endsOn ?? schedule?.startsOn
    const words = (normalizeName(name) ?? '').split(' ')
    const start = normalizeName(filter.namePrefix)
    const { total } = filter
    return (
      !thing.isGone &&
      [...(within ? [within] : []), ...(filter.parents ?? [])].every(({ id }) => id === thing.parent) &&
      (!filter.status || (thing.status !== null && filter.status.includes(thing.status))) &&
      (!filter.number || number?.toUpperCase() === filter.number.toUpperCase()) &&
      inRange(at(thing.createdAt), filter.created) &&
      inRange(dueAt, filter.due) &&
      (!total ||
        (amounts.currency === total.currency &&
          amounts.total !== null &&
          amounts.total >= (total.min ?? 0) &&
          amounts.total <= (total.max ?? Infinity))) &&
      (!filter.schedule ||
        (first != null &&
          end != null &&
          first <= (filter.schedule.to ?? '9') &&
          end >= (filter.schedule.from ?? '0'))) &&
      (filter.isScheduled === undefined || (schedule !== undefined && filter.isScheduled === (schedule !== null))) &&
      (!filter.assigneeId || assigneeId === filter.assigneeId) &&
      (filter.isAssigned === undefined || (assigneeId !== undefined && filter.isAssigned === (assigneeId !== null))) &&
      (start === null || words.some((_, from) => words.slice(from).join(' ').startsWith(start)))
    )
  }

  it('give page by page, counted and summed, what a model in memory gives', async () => {
    await fc.assert(
      fc.asyncProperty(
        things,
        fc.array(fc.tuple(filters, fc.constantFrom(null, customer('1')), fc.integer({ min: 1, max: 4 })), {
          minLength: 1,
          maxLength: 5,
        }),
        fc.boolean(),
        async (all, questions, isBackward) => {
          await clear(store)
          await apply(store, sight(contact('1'), { values: {} }), sight(contact('2'), { values: {} }))
          const seen = all.map(({ id, createdAt, status, parent, values }) =>
            sight(task(String(id)), {
              createdAt: at(createdAt),
              status,
              values,
              parents: parent === null ? [] : [of(parent)],
            }),
          )
          await apply(store, ...seen)
          await apply(store, ...all.flatMap(({ id, isGone }) => (isGone ? [absence(task(String(id)))] : [])))
          const rows = new Map(
            (await store.read(db => db.selectFrom('records').select(['record_id', 'id']).execute())).map(row => [
              row.record_id,
              row.id,
            ]),
          )
          const index = openIndex(store, catalogue)
          for (const [filter, within, size] of questions) {
            const right = all
              .filter(thing => meets(thing, filter, within))
              .toSorted(
                (a, b) => b.createdAt - a.createdAt || (rows.get(String(b.id)) ?? 0) - (rows.get(String(a.id)) ?? 0),
              )
            const walked: string[] = []
            for (let cursor: string | null = null, isMore = true; isMore;) {
              const window: PageArguments = isBackward ? { last: size, before: cursor } : { first: size, after: cursor }
              const page = await index.page('Job', within, filter, window)
              const ids = page.entries.map(entry => entry.id)
              if (isBackward) walked.unshift(...ids)
              else walked.push(...ids)
              isMore = await (isBackward ? page.hasPreviousPage() : page.hasNextPage())
              cursor = (isBackward ? page.entries[0] : page.entries.at(-1))?.cursor ?? null
              if (cursor !== null) expect(await page.totalCount()).toBe(right.length)
            }
            expect(walked).toEqual(right.map(({ id }) => String(id)))
            const sums = await index.sums('Job', within, filter)
            expect(sums.reduce((count, sum) => count + sum.count, 0)).toBe(right.length)
            for (const sum of sums) {
              const those = right.filter(
                ({ status, values }) => status === sum.status && values.amounts.currency === sum.currency,
              )
              const totals = those.map(({ values }) => values.amounts.total)
              expect(sum.count).toBe(those.length)
              expect(sum.total).toBe(
                totals.includes(null) ? null : BigInt(totals.reduce<number>((total, one) => total + (one ?? 0), 0)),
              )
            }
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})
