import { GraphQLError } from 'graphql'
import type { EntityType } from '../../schema/entities.ts'
import type { PageArguments } from '../../subgraphs/contract.ts'

/** A place in a list: behind it stands what is newer, or older. */
export interface Place {
  /** Milliseconds since 1970. */
  readonly sortAt: number
  /** `records.id` */
  readonly rowId: number
}

/** An end of what is read of a list. */
export interface End<P> {
  readonly place: P
  /** Whether what stands at the place itself is read too. */
  readonly isIncluded?: boolean
}

/** What is read of a list. */
export interface Window<P> {
  readonly limit: number
  /** Counted from the list's end: rows are read in the opposite order and turned round. */
  readonly isBackward: boolean
  readonly after: End<P> | null
  readonly before: End<P> | null
}

/** A page as the store reads it. */
export interface PageWindow extends Window<Place> {
  readonly isNewestFirst: boolean
}

/** What a client says of a page, whatever the list. */
export interface WindowArguments {
  readonly first?: number | null
  readonly after?: string | null
  readonly last?: number | null
  readonly before?: string | null
}

/** A page of rows in the list's order. */
export interface Rows<Row> {
  readonly rows: readonly Row[]
  /** Whether the list has an entry behind the page. The store is asked only when called, and only when the page does not tell. */
  hasNextPage(): Promise<boolean>
  /** The same of entries before the page. */
  hasPreviousPage(): Promise<boolean>
}

const defaultSize = 20
const maxSize = 100

/** @throws GraphQLError `BAD_USER_INPUT` naming the argument, what was expected and what came */
export function windowOf(page: PageArguments, entity: EntityType): PageWindow {
  const window = readWindow(page, (name, cursor) => placeOf(name, cursor, entity))
  return { ...window, isNewestFirst: (page.order ?? 'NEWEST_FIRST') === 'NEWEST_FIRST' }
}

/**
 * Reads which page is asked for. `before` alone is the page right before it, `after` alone the one right after it.
 * @param placeOf reads a cursor
 * @throws GraphQLError `BAD_USER_INPUT` naming the argument, what was expected and what came
 */
export function readWindow<P>(
  { first = null, last = null, after = null, before = null }: WindowArguments,
  placeOf: (name: 'after' | 'before', cursor: string) => P,
): Window<P> {
  if (first !== null && last !== null) throw badInput('give first or last, not both')
  const isBackward = last !== null || (first === null && before !== null && after === null)
  return {
    limit: isBackward ? sizeOf('last', last) : sizeOf('first', first),
    isBackward,
    after: after === null ? null : { place: placeOf('after', after) },
    before: before === null ? null : { place: placeOf('before', before) },
  }
}

/**
 * Reads a page. What a cursor was made of may have left the list, or stand in another one: whether there is more on its side is
 * asked and not concluded.
 * @param read the rows of a window in its order, one more than its limit where there are more
 */
export async function readPage<Row, P, W extends Window<P>>(
  window: W,
  read: (window: W) => Promise<readonly Row[]>,
): Promise<Rows<Row>> {
  const { limit, isBackward, after, before } = window
  const found = await read(window)
  const hasMore = found.length > limit
  const rows = found.slice(0, limit)
  const isAny = async (rest: Window<P>): Promise<boolean> => (await read({ ...window, ...rest })).length > 0
  const hasBefore = async (): Promise<boolean> =>
    after !== null && isAny({ limit: 0, isBackward: true, after: null, before: { ...after, isIncluded: true } })
  const hasBehind = async (): Promise<boolean> =>
    before !== null && isAny({ limit: 0, isBackward: false, after: { ...before, isIncluded: true }, before: null })
  return {
    rows: isBackward ? rows.reverse() : rows,
    hasNextPage: async () => (!isBackward && hasMore) || hasBehind(),
    hasPreviousPage: async () => (isBackward && hasMore) || hasBefore(),
  }
}

/**
 * How many entries a page is to have; 20 when not given.
 * @throws GraphQLError `BAD_USER_INPUT`
 */
function sizeOf(name: 'first' | 'last', size: number | null): number {
  if (size === null) return defaultSize
  if (!Number.isInteger(size) || size < 0 || size > maxSize) {
    throw badInput(`${name}: expected 0 to ${maxSize}, got ${size}; read the rest page by page`)
  }
  return size
}

export function placeCursor(entity: EntityType, { sortAt, rowId }: Place): string {
  return Buffer.from(`i1:${entity}:${sortAt}:${rowId}`).toString('base64url')
}

function placeOf(name: 'after' | 'before', cursor: string, entity: EntityType): Place {
  const match = /^i1:([A-Za-z]+):(-?\d{1,16}):(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))
  if (match?.[1] !== entity) throw badInput(`${name}: expected a cursor of this list, as an earlier page gave it`)
  return { sortAt: Number(match[2]), rowId: Number(match[3]) }
}

export function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } })
}
