import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { columnsOf, noValues } from '../../../gateway/links/indexed-values.ts'
import { tailsOf } from '../../../gateway/links/name-tails.ts'
import type { Store } from '../../../gateway/store/store.ts'
import type { IndexedValues } from '../../../subgraphs/contract.ts'
import { absence, apply, at, clear, contact, invoice, merge, openTestStore, sight, task, told } from './fixture.ts'

describe('columns', () => {
  it('hold each value in the form in which it is compared', () => {
    expect(
      columnsOf({
        number: ' ab12-0001 ',
        dueAt: at(0),
        amounts: { currency: 'EUR', total: 1999, amountPaid: 0, amountRemaining: 1999 },
      }),
    ).toEqual({
      ...noValues,
      number: 'AB12-0001',
      due_at: at(0).getTime(),
      currency: 'EUR',
      total: 1999,
      amount_paid: 0,
      amount_remaining: 1999,
    })
    expect(
      columnsOf({ schedule: { startsOn: '2026-03-01', endsOn: '2026-03-04' }, assigneeId: '7', name: 'Zoë  Müller' }),
    ).toEqual({
      ...noValues,
      first_day: '2026-03-01',
      last_day: '2026-03-04',
      assignee_id: '7',
      name: 'zoe muller',
    })
    expect(columnsOf({ schedule: { startsOn: null, endsOn: '2026-03-04' } })).toMatchObject({
      first_day: '2026-03-04',
      last_day: '2026-03-04',
    })
    expect(columnsOf({ schedule: null, assigneeId: null })).toEqual({
      ...noValues,
      first_day: '',
      last_day: '',
      assignee_id: '',
    })
  })

  it('leave out a value that is not understood, and that one alone', () => {
    const whole = {
      number: 'A-1',
      dueAt: at(0),
      amounts: { currency: 'EUR', total: 5, amountPaid: 0, amountRemaining: 5 },
      assigneeId: '7',
      name: 'Ann',
    } satisfies IndexedValues
    const damaged: [IndexedValues, Partial<typeof noValues>][] = [
      [{ ...whole, number: 'A\u0000' }, { number: null }],
      [{ ...whole, number: '9'.repeat(101) }, { number: null }],
      [{ ...whole, dueAt: new Date(NaN) }, { due_at: null }],
      [{ ...whole, amounts: { ...whole.amounts, total: 2 ** 53 } }, { total: null }],
      [{ ...whole, amounts: { ...whole.amounts, amountPaid: 0.5 } }, { amount_paid: null }],
      [
        { ...whole, amounts: { ...whole.amounts, currency: '€' } },
        { currency: '', total: null, amount_paid: null, amount_remaining: null },
      ],
      [{ ...whole, schedule: { startsOn: '2026-02-30', endsOn: null } }, {}],
      [{ ...whole, assigneeId: '\ud800' }, { assignee_id: null }],
      [{ ...whole, name: '—' }, { name: null }],
    ]
    for (const [values, columns] of damaged) expect(columnsOf(values)).toEqual({ ...columnsOf(whole), ...columns })
  })

  it('make a name findable from each of its words on', () => {
    expect(tailsOf('ana maria ana')).toEqual(['ana maria ana', 'maria ana', 'ana'])
    expect(tailsOf('𝒜b 李')).toEqual(['𝒜b 李', '李'])
  })
})

describe('the store', () => {
  let store: Store
  beforeAll(async () => {
    store = await openTestStore()
  })
  beforeEach(() => clear(store))
  afterAll(() => store.close())

  const row = (id: string) =>
    store.read(db => db.selectFrom('records').selectAll().where('record_id', '=', id).executeTakeFirstOrThrow())
  const tails = () =>
    store.read(async db =>
      (await db.selectFrom('name_tails').select('tail').orderBy('tail').execute()).map(t => t.tail),
    )
  const open = (total: number): IndexedValues => ({ number: 'A-1', amounts: { currency: 'EUR', total } })

  it('holds the values as they are now, whoever tells of them, and none once the record is gone', async () => {
    await apply(store, sight(invoice('in_1'), { values: open(5) }, { origin: 'import', at: at(0) }))
    expect(await row('in_1')).toMatchObject({ number: 'A-1', total: 5, has_values: 1 })
    expect(told(await apply(store, sight(invoice('in_1'), { values: open(7) })))).toHaveLength(1)
    expect(await row('in_1')).toMatchObject({ total: 7 })
    await apply(store, absence(invoice('in_1')))
    expect(await row('in_1')).toMatchObject({ is_deleted: 1, ...noValues })
  })

  it('writes a value that changed when nothing else did, also in a listing and for our own write', async () => {
    await apply(store, sight(invoice('in_1'), { values: open(5) }))
    const listed = sight(invoice('in_1'), { values: open(6) }, { origin: 'import', at: at(1) })
    expect(told(await apply(store, listed))).toEqual(['UPDATED stripe:invoice:in_1 Order:in_1 []>[]'])
    expect(await apply(store, listed)).toEqual([])
    const own = sight(invoice('in_1'), { values: open(8) }, { mayBeTold: true })
    expect(await apply(store, own)).toHaveLength(1)
    expect(await row('in_1')).toMatchObject({ total: 8 })
    const planned = (day: string) =>
      sight(task('t'), { updatedAt: at(1), values: { schedule: { startsOn: null, endsOn: day } } })
    await apply(store, planned('2026-03-01'))
    expect(await apply(store, planned('2026-03-02'))).toHaveLength(1)
  })

  it('finds a name by each word, follows its changes, and forgets it with the record and with a merge', async () => {
    const named = (id: string, name: string | null) => sight(contact(id), { values: { name } })
    await apply(store, named('1', 'Ann Lee'), named('2', 'Bo'))
    expect(await tails()).toEqual(['ann lee', 'bo', 'lee'])
    await apply(store, named('1', 'Ann Ray'))
    expect(await tails()).toEqual(['ann ray', 'bo', 'ray'])
    await apply(store, merge(contact('2'), contact('1')))
    expect(await tails()).toEqual(['ann ray', 'ray'])
    await apply(store, absence(contact('1')))
    expect(await tails()).toEqual([])
  })

  it('fills rows of an older version from a listing without telling of it, even where it is older than the row', async () => {
    const ann = { updatedAt: at(5), values: { name: 'Ann' } }
    await apply(store, sight(contact('1'), ann), sight(contact('2'), ann), sight(contact('3'), ann))
    await store.write(async tx => {
      await tx
        .updateTable('records')
        .set({ ...noValues, has_values: 0 })
        .execute()
      await tx.deleteFrom('name_tails').execute()
    })
    const origin = { origin: 'import', at: at(6) } as const
    const changes = await apply(
      store,
      sight(contact('1'), ann, origin),
      sight(contact('2'), { ...ann, updatedAt: at(4) }, origin),
      sight(contact('3'), { updatedAt: at(7), values: { name: 'Cy' } }, origin),
    )
    expect(told(changes)).toEqual(['UPDATED hubspot:contact:3 Customer:3 []>[]'])
    expect(await tails()).toEqual(['ann', 'ann', 'cy'])
    expect(await row('2')).toMatchObject({ updated_at: at(5).getTime(), name: 'ann', has_values: 1 })
    expect(await apply(store, sight(contact('1'), ann, origin))).toEqual([])
  })
})
