import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { EntityRef, EntityType } from '../../../schema/entities.ts'
import type { RecordRef } from '../../../schema/systems.ts'
import type { PageArguments, PageFilter } from '../../../subgraphs/contract.ts'
import { openIndex } from '../../../gateway/links/index.ts'
import { readPage, readWindow, type Window, type WindowArguments } from '../../../gateway/links/page.ts'
import { unlinkedPage } from '../../../gateway/links/unlinked.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { absence, apply, at, catalogue, clear, contact, invoice, openTestStore, payer, sight, task } from './fixture.ts'

let store: Store
beforeAll(async () => {
  store = await openTestStore()
})
beforeEach(() => clear(store))
afterAll(() => store.close())

interface Expected {
  readonly entries: readonly string[]
  readonly hasNextPage: boolean
  readonly hasPreviousPage: boolean
}

/**
 * What a page holds, by the words of the promise.
 * @param places everything a cursor can have been taken from, in the list's order
 * @param isIn whether it is of the list that is asked
 */
function model(places: readonly string[], isIn: (place: string) => boolean, page: WindowArguments): Expected {
  const { first = null, last = null, after = null, before = null } = page
  const from = after === null ? -1 : places.indexOf(after)
  const to = before === null ? places.length : places.indexOf(before)
  const within = places.filter((place, index) => isIn(place) && index > from && index < to)
  const isBackward = last !== null || (first === null && before !== null && after === null)
  const size = (isBackward ? last : first) ?? 20
  const entries = isBackward ? (size === 0 ? [] : within.slice(-size)) : within.slice(0, size)
  const rest = within.length > size
  const isAny = (some: readonly string[]): boolean => some.some(isIn)
  return {
    entries,
    hasNextPage: (!isBackward && rest) || (before !== null && isAny(places.slice(to))),
    hasPreviousPage: (isBackward && rest) || (after !== null && isAny(places.slice(0, from + 1))),
  }
}

/** Arguments with cursors among the places, by their number. */
const windows = fc.record(
  {
    size: fc.option(fc.record({ isFirst: fc.boolean(), count: fc.nat({ max: 9 }) }), { nil: null }),
    after: fc.option(fc.nat({ max: 30 }), { nil: null }),
    before: fc.option(fc.nat({ max: 30 }), { nil: null }),
  },
  { noNullPrototype: true },
)

type Drawn = typeof windows extends fc.Arbitrary<infer T> ? T : never

function argumentsOf({ size, after, before }: Drawn, places: readonly string[]): WindowArguments {
  const placeAt = (index: number | null): string | null =>
    index === null ? null : (places[index % places.length] ?? null)
  return {
    first: size?.isFirst === true ? size.count : null,
    last: size?.isFirst === false ? size.count : null,
    after: placeAt(after),
    before: placeAt(before),
  }
}

/** For pages with entries it can be said without a model: the page that way is asked, and has an entry or has none. */
async function hasNeighbours(
  cursors: readonly string[],
  read: (page: WindowArguments) => Promise<readonly unknown[]>,
): Promise<readonly [boolean, boolean]> {
  const next = await read({ first: 1, after: cursors.at(-1) ?? null })
  const previous = await read({ last: 1, before: cursors[0] ?? null })
  return [next.length > 0, previous.length > 0]
}

test('of any list read either way: a page has what the model says, and says rightly what stands around it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 25 }),
      fc.integer({ min: 1, max: 5 }),
      windows,
      async (length, every, drawn) => {
        const places = Array.from({ length }, (_, index) => `${index}`)
        const isIn = (place: string): boolean => Number(place) % every === 0
        const read = async ({ limit, isBackward, after, before }: Window<number>) => {
          const rows = places.filter(place => {
            const index = Number(place)
            if (after !== null && (after.isIncluded === true ? index < after.place : index <= after.place)) return false
            if (before !== null && (before.isIncluded === true ? index > before.place : index >= before.place))
              return false
            return isIn(place)
          })
          return (isBackward ? rows.toReversed() : rows).slice(0, limit + 1)
        }
        const page = argumentsOf(drawn, places)
        const { rows, hasNextPage, hasPreviousPage } = await readPage(
          readWindow(page, (_, cursor) => Number(cursor)),
          read,
        )
        expect({ entries: rows, hasNextPage: await hasNextPage(), hasPreviousPage: await hasPreviousPage() }).toEqual(
          model(places, isIn, page),
        )
      },
    ),
    { numRuns: 2000 },
  )
})

const customer = (id: string): EntityRef => ({ type: 'Customer', id })
const of = (id: string) => [{ entity: 'Customer' as const, reference: id }]

/** A type's own list, its record by number, and filters under which only some of the records are of the list. */
const lists: readonly {
  readonly entity: EntityType
  readonly record: (id: string) => RecordRef
  readonly filters: readonly {
    readonly within?: EntityRef
    readonly filter: PageFilter
    isIn(index: number): boolean
  }[]
}[] = [
  {
    entity: 'Job',
    record: task,
    filters: [
      { filter: {}, isIn: () => true },
      { filter: { status: ['odd'] }, isIn: index => index % 2 === 1 },
      { filter: { status: ['odd', 'even'] }, isIn: () => true },
      { filter: { isClosed: true }, isIn: index => index % 5 === 0 },
      { filter: { parents: [customer('1')] }, isIn: index => index % 3 === 1 },
      { within: customer('1'), filter: {}, isIn: index => index % 3 === 1 },
      { within: customer('1'), filter: { status: ['odd'] }, isIn: index => index % 3 === 1 && index % 2 === 1 },
      { within: customer('2'), filter: { status: ['nothing'] }, isIn: () => false },
    ],
  },
  {
    entity: 'Order',
    record: invoice,
    filters: [
      { filter: {}, isIn: () => true },
      { filter: { status: ['even'], changedSince: at(8) }, isIn: index => index % 2 === 0 && index >= 8 },
      { within: customer('2'), filter: {}, isIn: index => index % 3 === 2 },
    ],
  },
]

describe('in the store', () => {
  test.each(lists)('pages of $entity lists have what the model says', async ({ entity, record, filters }) => {
    const count = 24
    await apply(store, sight(contact('1')), sight(contact('2')))
    await apply(
      store,
      ...Array.from({ length: count }, (_, index) =>
        sight(record(`r${index}`), {
          // Some were made at one time.
          createdAt: at(Math.floor(index / 2)),
          updatedAt: at(index),
          status: index % 2 === 1 ? 'odd' : 'even',
          isClosed: index % 5 === 0,
          parents: index % 3 === 0 ? [] : of(`${index % 3}`),
        }),
      ),
    )
    const index = openIndex(store, catalogue)
    const all = await index.page(entity, null, {}, { first: 100 })
    expect(all.entries).toHaveLength(count)
    const cursorOf = new Map(all.entries.map(({ id, cursor }) => [id, cursor]))
    const idAt = new Map(all.entries.map(({ id, cursor }) => [cursor, id]))
    // A cursor outlives its record.
    const gone = 'r7'
    await apply(store, absence(record(gone)))
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...filters), fc.boolean(), windows, async (list, isOldestFirst, drawn) => {
        const newestFirst = all.entries.map(({ cursor }) => cursor)
        const places = isOldestFirst ? newestFirst.toReversed() : newestFirst
        const isIn = (cursor: string): boolean => {
          const id = idAt.get(cursor) ?? ''
          return id !== gone && list.isIn(Number(id.slice(1)))
        }
        const order = isOldestFirst ? ('OLDEST_FIRST' as const) : ('NEWEST_FIRST' as const)
        const read = (page: PageArguments) => index.page(entity, list.within ?? null, list.filter, { ...page, order })
        const page = argumentsOf(drawn, places)
        const { entries, hasNextPage, hasPreviousPage } = await read(page)
        const says = [await hasNextPage(), await hasPreviousPage()] as const
        const cursors = entries.map(({ cursor }) => cursor)
        expect({ entries: cursors, hasNextPage: says[0], hasPreviousPage: says[1] }).toEqual(model(places, isIn, page))
        if (cursors.length > 0) {
          expect(says).toEqual(await hasNeighbours(cursors, async one => (await read(one)).entries))
        }
      }),
      { numRuns: 250 },
    )
    expect(cursorOf.size).toBe(count)
  })

  test('pages of unlinked records have what the model says', async () => {
    await apply(
      store,
      ...Array.from({ length: 9 }, (_, index) => sight(payer(`cus_${index}`), { email: `${index}@x.example` })),
      ...Array.from({ length: 8 }, (_, index) => sight(task(`t${index}`), { parents: of(`none${index}`) })),
      ...Array.from({ length: 3 }, (_, index) => sight(invoice(`i${index}`), { parents: of(`none${index}`) })),
    )
    const all = await unlinkedPage(store, catalogue, {}, { first: 100 })
    const systemAt = new Map(all.entries.map(({ cursor, unlinked }) => [cursor, unlinked.record.system]))
    const places = [...systemAt.keys()]
    expect(places.length).toBe(20)
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(null, 'stripe', 'asana', 'hubspot'), windows, async (system, drawn) => {
        const isIn = (cursor: string): boolean => system === null || systemAt.get(cursor) === system
        const read = (page: WindowArguments) => unlinkedPage(store, catalogue, { system }, page)
        const page = argumentsOf(drawn, places)
        const { entries, hasNextPage, hasPreviousPage } = await read(page)
        expect({
          entries: entries.map(({ cursor }) => cursor),
          hasNextPage: await hasNextPage(),
          hasPreviousPage: await hasPreviousPage(),
        }).toEqual(model(places, isIn, page))
      }),
      { numRuns: 300 },
    )
  })
})
