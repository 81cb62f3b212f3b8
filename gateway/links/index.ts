import DataLoader from 'dataloader'
import { GraphQLError } from 'graphql'
import { sql } from 'kysely'
import type { EntityRef, EntityType } from '../../schema/entities.ts'
import type { IndexPage, IndexSum, PageFilter, RecordIndex } from '../../subgraphs/contract.ts'
import type { Store, StoreReader } from '../store/store.ts'
import type { Catalogue, KnownKind } from './catalogue.ts'
import { checkFilter } from './filter.ts'
import { asksForValues } from './list-conditions.ts'
import { countOf, rowsOf, sumsOf, type ListQuery, type ListRow } from './list-query.ts'
import { Living } from './living.ts'
import { placeCursor, readPage, windowOf, type PageWindow } from './page.ts'

/** One list. */
interface Asked {
  readonly list: ListQuery
  /** The id of the parent whose list it is; null for the root list. */
  readonly parent: string | null
}

/** One call of `page`. */
interface AskedPage extends Asked {
  readonly window: PageWindow
}

/**
 * Opens the record index for one operation. Calls of one tick that differ in their parent only are one statement; so are
 * the total counts asked for in one tick.
 * @param living gets what was listed
 */
export function openIndex(store: Store, catalogue: Catalogue, living = new Living()): RecordIndex {
  const options = { cache: false }
  const pages = new DataLoader<AskedPage, readonly ListRow[]>(
    asked =>
      inGroups(
        asked,
        ({ list, window }) => JSON.stringify([list, window]),
        async ({ list, window }, parents) => {
          const rows = await store.read(db => rowsOf(db, catalogue, list, parents, window))
          return parent => rows.filter(row => row.parent === parent)
        },
      ),
    options,
  )
  const counts = new DataLoader<Asked, number>(
    asked =>
      inGroups(
        asked,
        ({ list }) => JSON.stringify(list),
        async ({ list }, parents) => {
          const found = await store.read(db => countOf(db, catalogue, list, parents))
          return parent => found.get(parent) ?? 0
        },
      ),
    options,
  )
  const sums = new DataLoader<Asked, readonly IndexSum[]>(
    asked =>
      inGroups(
        asked,
        ({ list }) => JSON.stringify(list),
        async ({ list }, parents) => {
          const found = await store.read(db => sumsOf(db, catalogue, list, parents))
          return parent => found.filter(sum => sum.parent === parent)
        },
      ),
    options,
  )
  const completeness = new Map<EntityType, Promise<boolean>>()
  const isComplete = (entity: EntityType): Promise<boolean> => {
    const known = completeness.get(entity) ?? readOnceComplete(store, catalogue, entity)
    completeness.set(entity, known)
    return known
  }
  const hasValues = (entity: EntityType): Promise<boolean> => readOnceFilled(store, catalogue, entity)
  return {
    async page(entity, within, filter, page): Promise<IndexPage> {
      const window = windowOf(page, entity)
      checkFilter(filter)
      const asked = askedOf(entity, within, filter)
      const read = (part: PageWindow) => pages.load({ ...asked, window: part })
      const [{ rows, hasNextPage, hasPreviousPage }, isListed, isFilled] = await Promise.all([
        readPage(window, read),
        isComplete(entity),
        asksForValues(filter) ? hasValues(entity) : true,
      ])
      for (const row of rows) living.add({ type: entity, id: row.record_id })
      return {
        entries: rows.map(row => ({
          id: row.record_id,
          cursor: placeCursor(entity, { sortAt: row.sort_at, rowId: row.id }),
          record: { system: row.system, kind: row.kind, id: row.record_id },
          near: row.near,
        })),
        hasNextPage,
        hasPreviousPage,
        isComplete: isListed && isFilled,
        totalCount: () => counts.load(asked),
      }
    },

    async sums(entity, within, filter) {
      checkFilter(filter)
      if (!(await hasValues(entity))) {
        throw new GraphQLError('The amounts of all orders are being read for the first time; ask again later.', {
          extensions: { code: 'NOT_READY', isRetryable: true },
        })
      }
      return sums.load(askedOf(entity, within, filter))
    },
  }
}

/** A root list that is filtered by parents is the first parent's list: that way it is found by an index. */
function askedOf(entity: EntityType, within: EntityRef | null, filter: PageFilter): Asked {
  const parents = [...(within === null ? [] : [within]), ...(filter.parents ?? [])]
  const [first, ...others] = parents
  return {
    list: { entity, parentType: first?.type ?? null, filter: { ...filter, parents: others } },
    parent: first?.id ?? null,
  }
}

/** Answers calls in groups of the same key: `answer` is called once a group with all its parents. */
async function inGroups<Call extends Asked, T>(
  calls: readonly Call[],
  keyOf: (asked: Call) => string,
  answer: (asked: Call, parents: ReadonlySet<string | null>) => Promise<(parent: string | null) => T>,
): Promise<T[]> {
  const groups = new Map<string, { asked: Call; parents: Set<string | null> }>()
  for (const asked of calls) {
    const key = keyOf(asked)
    const group = groups.get(key) ?? { asked, parents: new Set() }
    group.parents.add(asked.parent)
    groups.set(key, group)
  }
  const answers = new Map<string, (parent: string | null) => T>()
  await Promise.all(
    [...groups].map(async ([key, { asked, parents }]) => answers.set(key, await answer(asked, parents))),
  )
  return calls.map(asked => {
    const found = answers.get(keyOf(asked))
    if (found === undefined) throw new Error('a page was asked for that belongs to no group')
    return found(asked.parent)
  })
}

/** What holds of a type stays so: it is asked for until it does. */
function onceTrue(read: (db: StoreReader, owner: KnownKind) => Promise<boolean>) {
  const known = new WeakMap<Store, Set<EntityType>>()
  return async (store: Store, catalogue: Catalogue, entity: EntityType): Promise<boolean> => {
    const types = known.get(store) ?? new Set()
    known.set(store, types)
    if (types.has(entity)) return true
    const owner = catalogue.ownerOf(entity)
    const isTrue = owner !== null && (await store.read(db => read(db, owner)))
    if (isTrue) types.add(entity)
    return isTrue
  }
}

const readOnceComplete = onceTrue(async (db, { system, kind }) => {
  const row = await db
    .selectFrom('import_progress')
    .select('completed_at')
    .where('system', '=', system)
    .where('kind', '=', kind)
    .executeTakeFirst()
  return row !== undefined && row.completed_at !== null
})

/** Whether each record has its values: one that an older version wrote gets them when it is listed anew. */
const readOnceFilled = onceTrue(async (db, { system, kind }) => {
  const row = await db
    .selectFrom('records')
    .select('id')
    .where('system', '=', system)
    .where('kind', '=', kind)
    // Written as literals so that SQLite uses the partial index.
    .where('has_values', '=', sql.lit(0))
    .where('is_deleted', '=', sql.lit(0))
    .limit(1)
    .executeTakeFirst()
  return row === undefined
})
