import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { EntityRef } from '../../../schema/entities.ts'
import type { PageArguments, PageFilter } from '../../../subgraphs/contract.ts'
import { openIndex } from '../../../gateway/links/index.ts'
import type { Store } from '../../../gateway/store/store.ts'
import {
  absence,
  apply,
  at,
  catalogue,
  clear,
  contact,
  invoice,
  merge,
  planOf,
  openTestStore,
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
const of = (...refs: EntityRef[]) => refs.map(({ type, id }) => ({ entity: type, reference: id }))

async function idsOf(within: EntityRef | null, filter: PageFilter = {}, page: PageArguments = {}) {
  const { entries } = await openIndex(store, catalogue).page('Job', within, filter, page)
  return entries.map(entry => entry.id)
}

describe('pages', () => {
  it('walk a list in both directions and orders, each entry once', async () => {
    await apply(
      store,
      sight(contact('1')),
      ...Array.from({ length: 23 }, (_, index) =>
        sight(task(`t${index}`), { createdAt: at(Math.floor(index / 3)), parents: of(customer('1')) }),
      ),
    )
    const index = openIndex(store, catalogue)
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 30 }),
        fc.boolean(),
        fc.constantFrom('NEWEST_FIRST' as const, 'OLDEST_FIRST' as const),
        fc.constantFrom(null, customer('1')),
        async (size, isBackward, order, within) => {
          const all = await index.page('Job', within, {}, { first: 100, order })
          const walked: string[] = []
          for (let cursor: string | null = null, isMore = true; isMore;) {
            const window: PageArguments = isBackward
              ? { last: size, before: cursor, order }
              : { first: size, after: cursor, order }
            const page = await index.page('Job', within, {}, window)
            const ids = page.entries.map(entry => entry.id)
            if (isBackward) walked.unshift(...ids)
            else walked.push(...ids)
            isMore = await (isBackward ? page.hasPreviousPage() : page.hasNextPage())
            expect(await (isBackward ? page.hasNextPage() : page.hasPreviousPage())).toBe(cursor !== null)
            cursor = (isBackward ? page.entries[0] : page.entries.at(-1))?.cursor ?? null
          }
          expect(walked).toEqual(all.entries.map(entry => entry.id))
          expect(walked).toHaveLength(23)
        },
      ),
      { numRuns: 20 },
    )
  })

  it('are newest first, by first sight where the system says nothing, and 20 long unless told', async () => {
    await apply(
      store,
      sight(task('undated'), { createdAt: null }),
      ...Array.from({ length: 25 }, (_, index) => sight(task(`t${index}`), { createdAt: at(index) })),
    )
    const ids = await idsOf(null)
    expect(ids).toHaveLength(20)
    expect(ids.slice(0, 3)).toEqual(['undated', 't24', 't23'])
    expect(await idsOf(null, {}, { first: 1, order: 'OLDEST_FIRST' })).toEqual(['t0'])
  })

  it('are refused for arguments that make none', async () => {
    const index = openIndex(store, catalogue)
    const wrong: PageArguments[] = [
      { first: -1 },
      { first: 101 },
      { last: -1 },
      { first: 1, last: 1 },
      { after: 'bm9uc2Vuc2U' },
      { before: Buffer.from('u1:4').toString('base64url') },
    ]
    for (const page of wrong) {
      await expect(index.page('Job', null, {}, page)).rejects.toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } })
    }
  })

  it('hold children named twice once, aliases as their winner, and no tombstones', async () => {
    await apply(store, sight(contact('1'), { email: 'a@x.example' }), sight(contact('2')))
    await apply(
      store,
      sight(task('t1'), { parents: [...of(customer('1')), { entity: 'Customer', reference: 'a@x.example' }] }),
      sight(task('t2'), { parents: of(customer('2')) }),
      sight(task('t3'), { parents: of(customer('2')) }),
    )
    await apply(store, merge(contact('1'), contact('2')), absence(task('t3')))
    const index = openIndex(store, catalogue)
    for (const id of ['1', '2']) {
      const page = await index.page('Job', customer(id), {}, {})
      expect(page.entries.map(entry => entry.id)).toEqual(['t2', 't1'])
      expect(await page.totalCount()).toBe(2)
      expect(await idsOf(null, { parents: [customer(id)] })).toEqual(['t2', 't1'])
    }
  })

  it('say which record of the same system an entry belongs to, and whether all is known', async () => {
    const parents = [{ entity: 'Customer' as const, record: { system: 'stripe', kind: 'customer', id: 'cus_1' } }]
    await apply(store, sight(invoice('in_1'), { parents }))
    const page = await openIndex(store, catalogue).page('Order', null, {}, {})
    expect(page).toMatchObject({ entries: [{ near: 'cus_1', record: invoice('in_1') }], isComplete: false })
  })
})

describe('filters', () => {
  beforeEach(() =>
    apply(
      store,
      sight(contact('1')),
      sight(invoice('in_1')),
      sight(task('a'), {
        status: 'NEW',
        isClosed: false,
        email: 'A@x.example',
        updatedAt: at(1),
        parents: of(customer('1')),
        createdAt: at(1),
      }),
      sight(task('b'), {
        status: 'DONE',
        isClosed: true,
        updatedAt: at(2),
        parents: [...of(customer('1')), ...of({ type: 'Order', id: 'in_1' })],
        createdAt: at(2),
      }),
      sight(task('c'), { status: 'LOST', isClosed: true, updatedAt: at(3), createdAt: at(3) }),
    ),
  )

  it('take what meets all of them', async () => {
    expect(await idsOf(null, { status: ['NEW'] })).toEqual(['a'])
    expect(await idsOf(null, { status: ['LOST', 'DONE'] })).toEqual(['c', 'b'])
    expect(await idsOf(null, { status: [] })).toEqual([])
    expect(await idsOf(null, { isClosed: true, status: null })).toEqual(['c', 'b'])
    expect(await idsOf(null, { email: ' a@X.example' })).toEqual(['a'])
    await expect(idsOf(null, { email: 'no address' })).rejects.toThrow('email: expected an address')
    expect(await idsOf(null, { changedSince: at(2) })).toEqual(['c', 'b'])
    expect(await idsOf(null, { parents: [customer('1'), { type: 'Order', id: 'in_1' }] })).toEqual(['b'])
    expect(await idsOf(customer('1'), { isClosed: false })).toEqual(['a'])
    const page = await openIndex(store, catalogue).page('Job', null, { isClosed: true }, { first: 1 })
    expect([page.entries.length, await page.hasNextPage(), await page.totalCount()]).toEqual([1, true, 2])
  })
})

describe('statements', () => {
  it('are one for the lists of any number of parents, and one for their counts', async () => {
    const seen = watched(store)
    const index = openIndex(seen.store, catalogue)
    const ids = Array.from({ length: 60 }, (_, id) => String(id))
    const pages = await Promise.all(ids.map(id => index.page('Job', customer(id), { isClosed: false }, { first: 5 })))
    expect(seen.statements.filter(({ sql }) => sql.includes('records'))).toHaveLength(1)
    seen.statements.length = 0
    await Promise.all(pages.map(page => page.totalCount()))
    expect(seen.statements).toHaveLength(1)
  })

  it('scan no table, and read a page of the root list in its order', async () => {
    const seen = watched(store)
    const index = openIndex(seen.store, catalogue)
    const cursor = Buffer.from('i1:Job:5:5').toString('base64url')
    const lists: [EntityRef | null, PageFilter, PageArguments, RegExp][] = [
      [null, {}, {}, /r USING COVERING INDEX records_by_sort/],
      [null, {}, { after: cursor }, /r USING COVERING INDEX records_by_sort .*sort_at.*</],
      [null, {}, { last: 5, before: cursor }, /r USING COVERING INDEX records_by_sort .*sort_at.*>/],
      [null, { status: ['NEW'] }, { after: cursor }, /r USING COVERING INDEX records_by_status .*sort_at.*</],
      [
        null,
        { status: ['NEW', 'DONE'] },
        {},
        /r USING COVERING INDEX records_by_status .*status=.*\n.*\n?.*r USING COVERING INDEX records_by_status/s,
      ],
      [null, { email: 'a@x.example' }, {}, /r USING INTEGER PRIMARY KEY .*a USING COVERING INDEX records_by_email/s],
      [null, { changedSince: at(0) }, {}, /r USING INDEX records_by_updated .*updated_at>/],
      [
        null,
        { parents: [customer('1'), { type: 'Order', id: 'in_1' }] },
        {},
        /p USING COVERING INDEX parents_by_entity/,
      ],
      [customer('1'), {}, {}, /p USING COVERING INDEX parents_by_entity/],
      [customer('1'), { isClosed: true }, { after: cursor }, /p USING COVERING INDEX parents_by_entity/],
    ]
    for (const [within, filter, page, way] of lists) {
      seen.statements.length = 0
      const { totalCount } = await index.page('Job', within, filter, page)
      const rows = seen.statements.filter(({ sql }) => sql.includes('records'))
      await totalCount()
      for (const statement of seen.statements) {
        // `w` and `c` are the ids asked for and their children, `s` and `t` are the page.
        expect(planOf(statement).filter(line => /^SCAN (?![wcts]$|wanted$|\(subquery|CONSTANT)/.test(line))).toEqual([])
      }
      for (const statement of rows) expect(planOf(statement).join('\n')).toMatch(way)
    }
  })
})
