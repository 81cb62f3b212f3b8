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

/** A page as the store reads it. */
export interface PageWindow {
  readonly limit: number
  /** Counted from the list's end: rows are read in the opposite order and turned round. */
  readonly isBackward: boolean
  readonly isNewestFirst: boolean
  readonly after: Place | null
  readonly before: Place | null
}

const defaultSize = 20
const maxSize = 100

/** @throws GraphQLError `BAD_USER_INPUT` naming the argument, what was expected and what came */
export function windowOf(page: PageArguments, entity: EntityType): PageWindow {
  const first = page.first ?? null
  const last = page.last ?? null
  if (first !== null && last !== null) throw badInput('give first or last, not both')
  return {
    limit: last === null ? sizeOf('first', first) : sizeOf('last', last),
    isBackward: last !== null,
    isNewestFirst: (page.order ?? 'NEWEST_FIRST') === 'NEWEST_FIRST',
    after: placeOf('after', page.after ?? null, entity),
    before: placeOf('before', page.before ?? null, entity),
  }
}

/**
 * How many entries a page is to have; 20 when not given.
 * @throws GraphQLError `BAD_USER_INPUT`
 */
export function sizeOf(name: 'first' | 'last', size: number | null): number {
  if (size === null) return defaultSize
  if (!Number.isInteger(size) || size < 1 || size > maxSize) {
    throw badInput(`${name}: expected 1 to ${maxSize}, got ${size}; read the rest page by page`)
  }
  return size
}

export function placeCursor(entity: EntityType, { sortAt, rowId }: Place): string {
  return Buffer.from(`i1:${entity}:${sortAt}:${rowId}`).toString('base64url')
}

function placeOf(name: 'after' | 'before', cursor: string | null, entity: EntityType): Place | null {
  if (cursor === null) return null
  const match = /^i1:([A-Za-z]+):(-?\d{1,16}):(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))
  if (match?.[1] !== entity) throw badInput(`${name}: expected a cursor of this list, as an earlier page gave it`)
  return { sortAt: Number(match[2]), rowId: Number(match[3]) }
}

export function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT' } })
}
