import DataLoader from 'dataloader'
import type { EntityRef, EntityType } from '../../schema/entities.ts'
import type { IndexPage, PageFilter, RecordIndex } from '../../subgraphs/contract.ts'
import type { Store } from '../store/store.ts'
import type { Catalogue } from './catalogue.ts'
import { countOf, rowsOf, type ListQuery, type ListRow } from './list-query.ts'
import { Living } from './living.ts'
import { badInput, placeCursor, windowOf, type PageWindow } from './page.ts'

/** Values of one status filter: each is a list of its own in the statement. */
const maxStatuses = 100

/** One call of `page`. */
interface Asked {
  readonly list: ListQuery
  readonly window: PageWindow
  /** The id of the parent whose list it is; null for the root list. */
  readonly parent: string | null
}

/**
 * Opens the record index for one operation. Calls of one tick that differ in their parent only are one statement; so are
 * the total counts asked for in one tick.
 * @param living gets what was listed
 */
export function openIndex(store: Store, catalogue: Catalogue, living = new Living()): RecordIndex {
  const options = { cache: false }
  const pages = new DataLoader<Asked, readonly ListRow[]>(
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
  const completeness = new Map<EntityType, Promise<boolean>>()
  const isComplete = (entity: EntityType): Promise<boolean> => {
    const known = completeness.get(entity) ?? readOnceComplete(store, catalogue, entity)
    completeness.set(entity, known)
    return known
  }
  return {
    async page(entity, within, filter, page): Promise<IndexPage> {
      const window = windowOf(page, entity)
      const statuses = filter.status?.length ?? 0
      if (statuses > maxStatuses) throw badInput(`status: expected at most ${maxStatuses} values, got ${statuses}`)
      const asked = { ...askedOf(entity, within, filter), window }
      const [rows, complete] = await Promise.all([pages.load(asked), isComplete(entity)])
      const inWindow = rows.slice(0, window.limit)
      const hasMore = rows.length > window.limit
      for (const row of inWindow) living.add({ type: entity, id: row.record_id })
      return {
        entries: (window.isBackward ? inWindow.reverse() : inWindow).map(row => ({
          id: row.record_id,
          cursor: placeCursor(entity, { sortAt: row.sort_at, rowId: row.id }),
          record: { system: row.system, kind: row.kind, id: row.record_id },
          near: row.near,
        })),
        hasNextPage: window.isBackward ? window.before !== null : hasMore,
        hasPreviousPage: window.isBackward ? hasMore : window.after !== null,
        isComplete: complete,
        totalCount: () => counts.load(asked),
      }
    },
  }
}

/** A root list that is filtered by parents is the first parent's list: that way it is found by an index. */
function askedOf(entity: EntityType, within: EntityRef | null, filter: PageFilter): Omit<Asked, 'window'> {
  const parents = [...(within === null ? [] : [within]), ...(filter.parents ?? [])]
  const [first, ...others] = parents
  return {
    list: { entity, parentType: first?.type ?? null, filter: { ...filter, parents: others } },
    parent: first?.id ?? null,
  }
}

/** Answers calls in groups of the same key: `answer` is called once a group with all its parents. */
async function inGroups<T>(
  calls: readonly Asked[],
  keyOf: (asked: Asked) => string,
  answer: (asked: Asked, parents: ReadonlySet<string | null>) => Promise<(parent: string | null) => T>,
): Promise<T[]> {
  const groups = new Map<string, { asked: Asked; parents: Set<string | null> }>()
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

/** A type that is complete stays so: it is asked for until it is. */
async function readOnceComplete(store: Store, catalogue: Catalogue, entity: EntityType): Promise<boolean> {
  const complete = completeIn.get(store) ?? new Set()
  completeIn.set(store, complete)
  if (complete.has(entity)) return true
  const isComplete = await store.read(db => readCompleteness(db, catalogue, entity))
  if (isComplete) complete.add(entity)
  return isComplete
}

const completeIn = new WeakMap<Store, Set<EntityType>>()

async function readCompleteness(
  db: Parameters<Parameters<Store['read']>[0]>[0],
  catalogue: Catalogue,
  entity: EntityType,
): Promise<boolean> {
  const owner = catalogue.ownerOf(entity)
  if (owner === null) return false
  const row = await db
    .selectFrom('import_progress')
    .select('completed_at')
    .where('system', '=', owner.system)
    .where('kind', '=', owner.kind)
    .executeTakeFirst()
  return row !== undefined && row.completed_at !== null
}
