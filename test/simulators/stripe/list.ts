import { badRequest, missing } from './errors.ts'
import { integer, text } from './params.ts'
import type { Params } from './params.ts'
import type { ListOf } from './records.ts'

/** Parameters of every list. */
export const paging = ['limit', 'starting_after', 'ending_before'] as const

interface PageOptions<Row, View> {
  readonly params: Params
  readonly url: string
  /** For messages: `customer`. */
  readonly kind: string
  readonly matches?: (row: Row) => boolean
  readonly view: (row: Row) => View
}

/**
 * One page of rows that are in the list's own order (newest first, for most). The cursor may be a row that does not
 * match any more: an invoice that was paid between two pages of open ones.
 * Source: Stripe API reference, pagination: `limit` between 1 and 100, 10 without it.
 */
export function pageOf<Row extends { readonly id: string }, View>(
  rows: readonly Row[],
  { params, url, kind, matches = () => true, view }: PageOptions<Row, View>,
): ListOf<View> {
  const limit = readLimit(params)
  const after = text(params, 'starting_after') ?? null
  const before = text(params, 'ending_before') ?? null
  if (after !== null && before !== null) {
    const message = 'Received both starting_after and ending_before parameters. Please pass in only one.'
    throw badRequest(message, 'parameters_exclusive')
  }
  if (before !== null) {
    // The ones right before the cursor, still in the list's order.
    const found = take(rows.slice(0, placeOf(before, 'ending_before')).reverse())
    return page(found.slice(0, limit).reverse(), found.length > limit)
  }
  const found = take(after === null ? rows : rows.slice(placeOf(after, 'starting_after') + 1))
  return page(found.slice(0, limit), found.length > limit)

  function placeOf(id: string, param: string): number {
    const at = rows.findIndex(row => row.id === id)
    if (at === -1) throw missing(kind, id, param)
    return at
  }

  function take(from: readonly Row[]): readonly Row[] {
    const found: Row[] = []
    for (const row of from) {
      if (!matches(row)) continue
      found.push(row)
      if (found.length > limit) break
    }
    return found
  }

  function page(data: readonly Row[], hasMore: boolean): ListOf<View> {
    return { object: 'list', data: data.map(view), has_more: hasMore, url }
  }
}

/** Rows of a map, which are in the order they were made, newest first. */
export function newestFirst<Row>(rows: ReadonlyMap<string, Row>): readonly Row[] {
  return [...rows.values()].reverse()
}

function readLimit(params: Params): number {
  const limit = integer(params, 'limit') ?? 10
  if (limit >= 1 && limit <= 100) return limit
  const code = limit < 1 ? 'parameter_invalid_integer' : undefined
  throw badRequest(
    limit < 1
      ? 'This value must be greater than or equal to 1 (it currently is ' + `'${limit}').`
      : `This value must be less than or equal to 100 (it currently is '${limit}').`,
    code,
    'limit',
  )
}
